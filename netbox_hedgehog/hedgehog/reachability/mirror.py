"""The resources of a fabric that decide what reaches what, read once."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from ..connections import Connection, read_connection
from ..kinds import TOPOLOGY, pick
from ..manifest import items, mapping, objects, text, texts
from ..topology import DEFAULT
from ..vpcs import VPC, ExternalPermit, read_external_permit, read_permits, read_vpc
from .spans import Span, read_span

__all__ = ('DECIDING', 'Mirror', 'Permits', 'Resource')

# What a VPCPeering permits: by VPC the subnets, none for all of them.
Permits = list[dict[str, list[str]]]

# The kinds that decide. Of Connections, Servers, Switches and VPCAttachments only some are needed.
DECIDING = (
    'VPC', 'VPCPeering', 'External', 'ExternalAttachment', 'ExternalPeering', 'GatewayPeering', 'Gateway',
    'VPCInterconnect', 'Connection', 'Server', 'VPCAttachment',
)


@dataclass(frozen=True, slots=True)
class Resource:
    """A mirrored resource. `missing`: it was deleted from the cluster."""

    kind: str
    name: str
    spec: Any
    missing: bool = False


class Mirror:
    """Resources by kind and name; those that were deleted do not count, unless `with_missing`.

    `unread` are kinds that the last sync could not read. `is_partial`: there may be resources that the asker may not
    view.
    """

    def __init__(
        self, resources: Iterable[Resource], unread: Iterable[str] = (), *, is_partial: bool = False,
        with_missing: bool = False, name: str = 'this fabric',
    ) -> None:
        self.name = name
        self.everything = list(resources)
        self.unread = tuple(sorted(set(unread)))
        self.is_partial = is_partial
        self.with_missing = with_missing
        self.by_kind: dict[str, dict[str, Resource]] = {}
        for row in sorted(self.everything, key=lambda row: (row.kind, row.name)):
            if with_missing or not row.missing:
                self.by_kind.setdefault(row.kind, {})[row.name] = row
        self.vpcs: dict[str, VPC] = {name: read_vpc(row.spec) for name, row in self.by_kind.get('VPC', {}).items()}
        self._connections: dict[str, Connection] = {}

    def including_missing(self) -> 'Mirror':
        """Return the same fabric as if nothing had been deleted."""
        return Mirror(
            self.everything, self.unread, is_partial=self.is_partial, with_missing=True, name=self.name,
        )

    def all(self, kind: str) -> Iterator[tuple[str, Any]]:
        """Yield name and spec of the resources of a kind, by name."""
        for name, row in self.by_kind.get(kind, {}).items():
            yield name, row.spec

    @cached_property
    def permits(self) -> dict[str, list[tuple[str, Permits]]]:
        """Return by VPC the names of its VPCPeerings, each with the permits. A question asks for many pairs of VPCs."""
        found: dict[str, list[tuple[str, Permits]]] = {}
        for name, spec in self.all('VPCPeering'):
            permits = read_permits(spec)
            for vpc in {vpc for permit in permits for vpc in permit}:
                found.setdefault(vpc, []).append((name, permits))
        return found

    @cached_property
    def external_permits(self) -> dict[str, list[tuple[str, ExternalPermit]]]:
        """Return by VPC the names of its ExternalPeerings, each with what it permits."""
        found: dict[str, list[tuple[str, ExternalPermit]]] = {}
        for name, spec in self.all('ExternalPeering'):
            permit = read_external_permit(spec)
            found.setdefault(permit.vpc, []).append((name, permit))
        return found

    def has(self, kind: str, name: str) -> bool:
        """Return whether a resource is there."""
        return name in self.by_kind.get(kind, {})

    def was_deleted(self, kind: str, name: str) -> bool:
        """Return whether a resource was there once."""
        return any(row.missing for row in self.everything if (row.kind, row.name) == (kind, name))

    def connection(self, name: str) -> Connection | None:
        """Return a Connection, if it is there."""
        row = self.by_kind.get('Connection', {}).get(name)
        if row is None:
            return None
        if name not in self._connections:
            self._connections[name] = read_connection(name, row.spec)
        return self._connections[name]

    def subnets(self) -> Iterator[tuple[str, str, Span]]:
        """Yield VPC, subnet and addresses of all subnets, those of host BGP with the other prefixes that it allows."""
        for vpc, read in sorted(self.vpcs.items()):
            for name, subnet in read.subnets.items():
                prefixes = [subnet.prefix, *(items(subnet.extra_prefixes) if subnet.host_bgp else ())]
                yield from ((vpc, name, span) for prefix in prefixes if (span := read_span(prefix)) is not None)

    def subnet_span(self, vpc: str, subnet: str) -> Span | None:
        """Return the addresses of a subnet; None if there is no such subnet."""
        read = self.vpcs.get(vpc)
        return read_span(read.subnets[subnet].prefix) if read and subnet in read.subnets else None

    def hedgehog_fabric(self, kind: str, name: str) -> str:
        """Return the Hedgehog fabric that a resource belongs to."""
        row = self.by_kind.get(kind, {}).get(name)
        return text(pick({'spec': row.spec}, TOPOLOGY)) or DEFAULT if row is not None else DEFAULT

    def gateways_of(self, group: str) -> list[str]:
        """Return the gateways of a group."""
        return [
            name for name, spec in self.all('Gateway')
            if any(text(item.get('name')) == group for item in objects(mapping(spec).get('groups')))
        ]

    def switches_of(self, group: str) -> list[str]:
        """Return the switches of a group."""
        return [name for name, spec in self.all('Switch') if group in texts(mapping(spec).get('groups'))]

    def statements(self, attachment: Mapping[str, Any]) -> int:
        """Return how many statements the inbound ACL of an attachment has."""
        return len(items(mapping(attachment.get('inboundACL')).get('statements')))
