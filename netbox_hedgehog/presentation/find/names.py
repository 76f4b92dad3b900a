"""What a resource is, in a few words: for those that are found by their name."""

from collections.abc import Iterator, Mapping
from typing import Any

from ...hedgehog.connections import read_connection
from ...hedgehog.kinds import KIND_BY_NAME
from ...hedgehog.manifest import is_unset, mapping, shown, text
from ...hedgehog.vpcs import read_vpc
from ...models import FabricResource
from ...naming import mid_sentence
from ..values import short

__all__ = ('describe', 'title_of')

# How many subnets or links a line names.
NAMED = 3


def title_of(kind: str) -> str:
    """Return the name of a kind within a sentence: "server", "VPC attachment"."""
    row = KIND_BY_NAME.get(kind)
    return mid_sentence(row.title if row else kind)


def describe(resource: FabricResource) -> str:
    """Return what a resource is, and the most important of its spec. Takes one whose spec is loaded."""
    spec = mapping(resource.spec)
    details = DETAILS[resource.kind](resource.name, spec) if resource.kind in DETAILS else _first(resource)
    return ', '.join([title_of(resource.kind), *filter(None, details)])


def _first(resource: FabricResource) -> Iterator[str]:
    """Yield the first columns of a kind that come from its spec."""
    if resource.kind_row is None:
        return
    for column in [column for column in resource.kind_row.columns if column.path[:1] == ('spec',)][:NAMED]:
        value: Any = resource.spec
        for step in column.path[1:]:
            value = mapping(value).get(step)
        if value not in (None, ''):
            yield f'{column.title} {short(value)}'


def _server(name: str, spec: Mapping[str, Any]) -> Iterator[str]:
    if description := text(spec.get('description')):
        yield shown(description)


def _switch(name: str, spec: Mapping[str, Any]) -> Iterator[str]:
    yield shown(spec['role']) if text(spec.get('role')) else ''
    for title, value in (
        ('', spec.get('ip')), ('AS', spec.get('asn')), ('serial number', mapping(spec.get('boot')).get('serial')),
    ):
        if not is_unset(value) and value != '':
            yield f'{title} {shown(value)}'.strip()


def _vpc(name: str, spec: Mapping[str, Any]) -> Iterator[str]:
    subnets = list(read_vpc(spec).subnets.values())
    for subnet in subnets[:NAMED]:
        vlan = f' VLAN {shown(subnet.vlan)}' if subnet.has_vlan else ''
        yield f'{subnet.name} {shown(subnet.prefix)}{vlan}'
    if len(subnets) > NAMED:
        yield f'{len(subnets) - NAMED} more subnets'


def _connection(name: str, spec: Mapping[str, Any]) -> Iterator[str]:
    read = read_connection(name, spec)
    yield read.member.name if read.member else ''
    for link in read.links[:NAMED]:
        yield ' – '.join(map(str, link.ends))
    if len(read.links) > NAMED:
        yield f'{len(read.links) - NAMED} more links'


DETAILS = {'Server': _server, 'Switch': _switch, 'VPC': _vpc, 'Connection': _connection}
