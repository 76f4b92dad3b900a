"""Read Catalogs: the numbers that the controller has assigned. Raises nothing, whatever the shape of a spec."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from .manifest import mapping
from .switches import redundancy_group

__all__ = ('EXTERNAL_REQUEST', 'Catalog', 'catalog_of_group', 'catalog_of_switch', 'read_catalog')

# What comes before the name of an External among the names of VPCs.
EXTERNAL_REQUEST = 'ext@'


@dataclass(frozen=True, slots=True)
class Catalog:
    """The numbers of a Catalog. Values are as in the manifest: their user checks them.

    `port_channels` are by Connection, `irb_vlans` by VPC or External, `port_vlans` by the port whose address is on the
    interface of the VLAN (a workaround for switches with Tomahawk 5), `proxy_offsets` by ExternalAttachment: the
    addresses of these are at twice this number in the network for them.
    """

    port_channels: Mapping[str, Any]
    irb_vlans: Mapping[str, Any]
    port_vlans: Mapping[str, Any]
    proxy_offsets: Mapping[str, Any]


def catalog_of_switch(switch: str) -> str:
    """Return the name of the Catalog with the numbers of one switch."""
    return f'switch.{switch}'


def catalog_of_group(switch: str, spec: Any) -> str:
    """Return the name of the Catalog with the numbers that a switch shares with its redundancy group, if it has one."""
    group = redundancy_group(spec)
    return f'redundancy.{group}' if group else catalog_of_switch(switch)


def read_catalog(spec: Any) -> Catalog:
    """Read the spec of a Catalog."""
    values = mapping(spec)
    return Catalog(
        mapping(values.get('portChannelIDs')), mapping(values.get('irbVLANs')),
        mapping(values.get('th5WorkaroundVLANs')), mapping(values.get('staticExternalSubnetOffsets')),
    )
