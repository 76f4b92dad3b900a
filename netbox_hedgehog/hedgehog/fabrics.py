"""Read Hedgehog fabrics, and what connects VPCs to routers outside of one. Raises nothing, whatever a spec holds.

A value of type `Any` is as in the manifest.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from .manifest import entries, items, mapping, objects, text, texts

__all__ = ('Domain', 'Interconnect', 'InterconnectLink', 'read_domains', 'read_interconnect')


@dataclass(frozen=True, slots=True)
class Domain:
    """A domain of a Hedgehog fabric: one set of spines, with the AS numbers of these and of its gateways."""

    name: str
    spine_asn: Any
    gateway_asn: Any


@dataclass(frozen=True, slots=True)
class InterconnectLink:
    """A BGP session to the remote router, over a Connection; `statements` counts those of its inbound ACL."""

    connection: str
    vlan: Any
    remote_asn: Any
    bfd: bool
    statements: int


@dataclass(frozen=True, slots=True)
class Interconnect:
    """A VPCInterconnect: the subnets that each VPC announces, the prefixes that are accepted, and the sessions."""

    vpcs: Mapping[str, list[str]]
    prefixes: list[str]
    links: tuple[InterconnectLink, ...]


def read_domains(spec: Any) -> list[Domain]:
    """Return the domains of a Hedgehog fabric, in natural order."""
    return [
        Domain(name, mapping(value).get('spineASN'), mapping(value).get('gatewayASN'))
        for name, value in entries(mapping(spec).get('domains'))
    ]


def read_interconnect(spec: Any) -> Interconnect:
    """Read the spec of a VPCInterconnect."""
    values = mapping(spec)
    vpcs = {name: texts(mapping(value).get('subnets')) for name, value in entries(values.get('local'))}
    return Interconnect(
        vpcs, texts(mapping(values.get('remote')).get('prefixes')), tuple(map(_link, objects(values.get('links')))),
    )


def _link(values: Mapping[str, Any]) -> InterconnectLink:
    statements = items(mapping(values.get('inboundACL')).get('statements'))
    return InterconnectLink(
        text(values.get('connection')), values.get('vlan'), values.get('remoteASN'),
        bfd=isinstance(values.get('bfd'), Mapping), statements=len(statements),
    )
