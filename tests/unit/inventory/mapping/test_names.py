"""Which names resources have, and in which order they come, decides nothing about ports, VRFs and prefixes."""

import random
import re
from collections.abc import Mapping
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from netbox_hedgehog.inventory.mapping.desired import desired
from netbox_hedgehog.inventory.mapping.types import Desired, Options, Ref, Resource

from ....support.mapping_rules import check
from ....support.resources import make

# A name is a letter, which decides the order, and what it is the name of: VPC 1, subnet 2.
NAME = re.compile(r'\b[a-z](vpc|subnet|attach|out|ext|conn)(\d)')

extras = st.none() | st.just([]) | st.dictionaries(st.sampled_from(['10.0.0.0/24', '10.0.1.0/24', '10.9.0.0/24']), st.just({}))
subnets = st.fixed_dictionaries({
    'hostBGP': st.booleans(), 'tag': st.sampled_from(['none', 'valid', 'invalid', 'false']), 'hostBGPExtraPrefixes': extras,
})
vpcs = st.lists(st.lists(subnets, min_size=1, max_size=2), min_size=1, max_size=3)
# The Connection, the VPC, its subnet, and whether it is native. One attachment for each subnet and Connection.
attachments = st.lists(
    st.tuples(st.integers(0, 1), st.integers(0, 2), st.integers(0, 1), st.booleans()),
    max_size=6, unique_by=lambda item: item[:3],
)
exits = st.lists(st.tuples(st.integers(0, 2), st.sampled_from(['none', 'valid', 'invalid'])), max_size=4, unique=True)


def tag(kind: str, number: int) -> dict[str, Any]:
    found: dict[str, Any] = {'valid': number, 'invalid': 5000, 'false': False}
    return {'vlan': found[kind]} if kind in found else {}


def resources(content: tuple[Any, ...], seed: int) -> list[Resource]:
    """The same fabric with other names, and in another order, for each seed."""
    chance = random.Random(seed)

    def name(kind: str, number: int) -> str:
        return f'{letters.setdefault((kind, number), chance.choice("abcdefghij"))}{kind}{number}'

    letters: dict[tuple[str, int], str] = {}
    of_vpcs, attached, outside = content
    ports = {f'E1/{number}': {'nos': f'Ethernet{number}', 'profile': 'p'} for number in range(1, 5)}
    links = [{'server': {'port': f'node/nic{number}'}, 'switch': {'port': f'leaf/E1/{number}'}} for number in (1, 2, 3)]
    found = [
        make('SwitchProfile', 'x9', displayName='Acme X9', ports=ports, portProfiles={'p': {'speed': {'default': '100G'}}}),
        make('Switch', 'leaf', profile='x9'), make('Server', 'node'),
        make('VLANNamespace', 'default', ranges=[{'from': 1000, 'to': 2999}]),
        make('IPv4Namespace', 'default', subnets=['10.0.0.0/8']),
        make('Connection', name('conn', 0), unbundled={'link': links[0]}),
        make('Connection', name('conn', 1), bundled={'links': links[1:]}),
        make('Connection', 'up', external={'link': {'switch': {'port': 'leaf/E1/4'}}}),
        make('Catalog', 'switch.leaf', portChannelIDs={name('conn', 1): 1}),
        make('External', name('ext', 0)), make('External', name('ext', 1)),
    ]
    for place, of_vpc in enumerate(of_vpcs):
        entries = []
        for number, subnet in enumerate(of_vpc):
            said = {key: value for key, value in subnet.items() if key != 'tag'}
            prefix = {'subnet': f'10.{place}.{number}.0/24', 'gateway': f'10.{place}.{number}.1'}
            entries.append((name('subnet', number), prefix | said | tag(subnet['tag'], 1100 + 10 * place + number)))
        chance.shuffle(entries)
        found.append(make(
            'VPC', name('vpc', place), ipv4Namespace='default', vlanNamespace='default', mode='l3vni', subnets=dict(entries),
        ))
    for number, (connection, vpc, subnet, is_native) in enumerate(attached):
        found.append(make(
            'VPCAttachment', name('attach', number), connection=name('conn', connection),
            subnet=f'{name("vpc", vpc)}/{name("subnet", subnet)}', nativeVLAN=is_native,
        ))
    for number, (external, kind) in enumerate(outside):
        switch = {'ip': f'203.0.113.{4 * number + 1}/30', **tag(kind, 300 + external)}
        found.append(make('ExternalAttachment', name('out', number), connection='up', external=name('ext', external), switch=switch))
    chance.shuffle(found)
    return found


def without_names(value: Any) -> Any:
    if isinstance(value, str):
        return NAME.sub(r'\1\2', value)
    if isinstance(value, Ref):
        return 'ref', without_names(value.key)
    if isinstance(value, Mapping):
        return {name: without_names(item) for name, item in value.items()}
    return sorted(map(without_names, value)) if isinstance(value, tuple) else value


def result(found: Desired) -> tuple[dict[Any, Any], set[Any]]:
    check(found)
    objects = {
        without_names(key): (obj.model, without_names(obj.managed_fields), obj.yielding_fields)
        for key, obj in found.objects.items()
    }
    return objects, {(issue.source.kind, without_names(issue.source.name), issue.code) for issue in found.issues}


@given(st.tuples(vpcs, attachments, exits), st.integers(0, 2**32))
def test_names_and_order_decide_nothing(content: tuple[Any, ...], seed: int) -> None:
    options = Options('dc-1', site=1)
    first = result(desired(resources(content, seed), options))
    assert result(desired(resources(content, seed + 1), options)) == first
