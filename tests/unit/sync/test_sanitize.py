"""What of a custom resource reaches the mirror, and what never does."""

import dataclasses
import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netbox_hedgehog.hedgehog.kinds import KIND_BY_NAME, KINDS, Kind
from netbox_hedgehog.sync.sanitize import BadObject, _tree, drop, identify, keep, kind_digest, observe

from ...support.samples import LAST_APPLIED, manifest, samples, text

SERVER = KIND_BY_NAME['Server']
AGENT = KIND_BY_NAME['Agent']

KEYS = st.sampled_from(['a', 'b', 'c', '*'])
PATHS = st.lists(st.lists(KEYS, min_size=1, max_size=4).map(tuple), max_size=5)
VALUES = st.recursive(
    st.sampled_from([0, 1, 'leaf', None, True]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(['a', 'b', 'c', 'd']), inner, max_size=4),
    max_leaves=20,
)
STATUS = st.dictionaries(st.sampled_from(['a', 'b', 'c', 'd']), VALUES, max_size=4)


def leaves(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[tuple[Any, ...], Any]]:
    """Every scalar with the path to it; list elements by their index."""
    if isinstance(value, dict):
        return [leaf for key, item in value.items() for leaf in leaves(item, (*path, key))]
    if isinstance(value, list):
        return [leaf for index, item in enumerate(value) for leaf in leaves(item, (*path, index))]
    return [(path, value)]


def named(path: tuple[Any, ...], paths: list[tuple[str, ...]]) -> bool:
    """Whether one of the whitelist's paths is this one, or leads above it.

    A key that is named and a `*` beside it: the name decides.
    """
    if not path:
        return False
    step = path[0]
    ends = {way[0]: way[1:] == () for way in paths}
    chosen = step if step in ends and isinstance(step, str) else '*'
    below = [way[1:] for way in paths if way[0] == chosen]
    return any(way == () for way in below) or named(path[1:], [way for way in below if way])


def without_prefixes(paths: list[tuple[str, ...]]) -> tuple[tuple[str, ...], ...]:
    return tuple(
        path for path in dict.fromkeys(paths)
        if not any(other != path and path[:len(other)] == other for other in paths)
    )


@given(STATUS, PATHS)
def test_nothing_outside_the_whitelist_survives(status, paths):
    paths = without_prefixes(paths)
    kept = keep(status, _tree(paths))
    for path, value in leaves(kept):
        assert named(path, list(paths)), (path, value)


@given(STATUS, PATHS)
def test_all_of_the_whitelist_survives(status, paths):
    paths = without_prefixes(paths)
    kept = keep(status, _tree(paths))
    expected = [(path, value) for path, value in leaves(status) if named(path, list(paths)) and 0 not in path]
    found = leaves(kept)
    for leaf in expected:
        if not any(isinstance(step, int) for step in leaf[0]):
            assert leaf in found


@given(STATUS, PATHS)
def test_dropping_leaves_the_rest(status, paths):
    paths = without_prefixes(paths)
    left = drop(status, _tree(paths))
    assert leaves(left) == [leaf for leaf in leaves(status) if not named(leaf[0], list(paths))]


@given(VALUES, PATHS)
def test_any_shape_is_taken(value, paths):
    tree = _tree(without_prefixes(paths))
    keep(value, tree)
    drop(value, tree)


@pytest.mark.parametrize('item', samples(), ids=lambda item: f'{item["kind"]}-{item["metadata"]["name"]}')
def test_a_sample(item):
    item['metadata']['managedFields'] = [{'manager': 'CANARY'}]
    item['metadata'].setdefault('annotations', {})[LAST_APPLIED] = 'CANARY'
    item['metadata']['ownerReferences'] = [{'name': 'CANARY'}]
    kind = KIND_BY_NAME[item['kind']]
    seen = observe(kind, item)
    assert 'CANARY' not in text(dataclasses.asdict(seen))
    assert seen.spec == (item['spec'] if kind.keeps_spec else {'config': {'fabricMTU': 9100, 'serverFacingMTUOffset': 64}})
    assert seen.labels == item['metadata'].get('labels', {})
    assert LAST_APPLIED not in seen.annotations
    assert (seen.name, seen.uid) == (item['metadata']['name'], item['metadata']['uid'])
    assert seen.created == datetime.fromisoformat(item['metadata']['creationTimestamp'])


def test_samples_hold_what_must_not_be_stored():
    assert 'CANARY' in text(samples('Agent'))


def test_status_of_an_unknown_kind_of_field_is_not_kept():
    item = samples('Agent')[0]
    item['status'] |= {'newSecret': 'CANARY', 'config': {'password': 'CANARY'}}
    item['status']['state']['nos']['token'] = 'CANARY'
    item['status']['state']['users'] = [{'password': 'CANARY'}]
    seen = observe(AGENT, item)
    assert 'CANARY' not in text(dataclasses.asdict(seen))
    assert seen.status['state']['nos']['serialNumber']


def of_26_03() -> dict[str, Any]:
    """What agents of releases up to 26.03 report of ports, optics and hardware, with invented values."""
    return {
        'nos': {'hardwareVersion': '0', 'productDescription': 'Acme L4808', 'serialNumber': 'AC1'},
        'interfaces': {'E1/1': {
            'admin': 'up', 'oper': 'up', 'linkFlapCount': 3,
            'lldpNeighbors': [{'sysName': 'spine-1', 'portID': 'E1/3', 'manuf': 'Acme', 'model': 'S3200', 'serial': 'AC2'}],
        }},
        'breakouts': {'E1/49': {'mode': '4x25G', 'status': 'InProgress'}},
        'bfdPeers': {'default': {'172.30.128.30': {'state': 'down'}}},
        'transceivers': {'E1/1': {
            'present': 'PRESENT', 'serial': 'OP1', 'vendorPart': 'AO-400G', 'length': 2.5, 'cmis': 'CMIS_STATE_READY',
            'cmisRev': '5.0', 'firmware': '1.2', 'connType': 'MPO', 'channels': {'1': {'in': -1.5, 'out': -0.5, 'bias': 7.1}},
        }},
        'criticalResources': {'stats': {'ipv4RoutesUsed': 900, 'ipv4RoutesAvailable': 100}},
    }


def test_what_agents_report_of_ports_optics_and_hardware_is_kept():
    state = of_26_03()
    item = manifest(status={'state': {**state, 'newer': 'CANARY'}})
    item['status']['state']['interfaces']['E1/1']['counters'] = {'inBits': 1}
    assert observe(AGENT, item).status == {'state': of_26_03()}


@pytest.mark.parametrize(('change', 'is_a_change'), [
    (lambda state: state['interfaces']['E1/1'].update(linkFlapCount=4), False),
    (lambda state: state['criticalResources']['stats'].update(ipv4RoutesUsed=901), False),
    (lambda state: state['transceivers']['E1/1']['channels']['1'].update(bias=7.2), False),
    (lambda state: state['nos'].update(hardwareVersion='1'), True),
    (lambda state: state['breakouts']['E1/49'].update(status='Completed'), True),
    (lambda state: state['transceivers']['E1/1'].update(cmis='CMIS_STATE_FAILED'), True),
])
def test_counters_of_an_agent_are_no_change_and_states_are(change, is_a_change):
    state = of_26_03()
    change(state)
    before, after = (observe(AGENT, manifest(status={'state': found})) for found in (of_26_03(), state))
    assert after.status['state'] == state
    assert (before.fingerprint != after.fingerprint) is is_a_change


def test_unknown_fields_of_a_spec_are_kept():
    spec = {'description': 'x', 'newer': {'deep': [1, {'a': None}]}}
    assert observe(SERVER, manifest(spec=spec, newMetadata={'a': 1})).spec == spec


@pytest.mark.parametrize('kind', KINDS, ids=lambda kind: kind.name)
def test_an_object_of_nothing_but_a_name(kind):
    seen = observe(kind, manifest())
    assert (seen.spec, seen.status, seen.labels, seen.annotations, seen.created) == ({}, {}, {}, {}, None)


@pytest.mark.parametrize('odd', [None, [], 'text', 7, [{'a': 1}]])
def test_wrong_types_are_nothing(odd):
    seen = observe(AGENT, manifest(spec=odd, status=odd, labels=odd, annotations=odd, generation=odd, creationTimestamp=odd))
    assert (seen.spec, seen.status, seen.labels, seen.annotations) == ({}, {}, {}, {})


@pytest.mark.parametrize('generation', [-1, 2**63, 1.5, '3', None, 10**4000])
def test_impossible_generations(generation):
    assert observe(SERVER, manifest(generation=generation)).generation == 0


@pytest.mark.parametrize(('stamp', 'expected'), [
    ('2026-03-02T09:00:00Z', datetime(2026, 3, 2, 9, tzinfo=UTC)),
    ('2026-03-02T11:00:00+02:00', datetime(2026, 3, 2, 9, tzinfo=UTC)),
    ('2026-03-02T09:00:00', None), ('soon', None), ('', None), (5, None), ('0001-01-01T00:00:00+23:59', None),
    ('9999-12-31T23:59:59-23:59', None), ('0001-01-01T00:00:00Z', None), ('9999-12-31T23:59:59Z', None),
])
def test_creation_times(stamp, expected):
    assert observe(SERVER, manifest(creationTimestamp=stamp)).created == expected


@pytest.mark.parametrize('item', [
    None, [], 'text', 5, {}, {'metadata': None}, {'metadata': []}, {'metadata': {}},
    {'metadata': {'name': 'a'}}, {'metadata': {'name': '', 'namespace': 'default'}},
    {'metadata': {'name': ['a'], 'namespace': 'default'}}, {'metadata': {'name': 'a', 'namespace': None}},
    manifest('a' * 254), manifest('nul\x00'), manifest('sur\ud800rogate'), manifest('a\nb'),
    manifest(namespace='n' * 64), manifest(namespace='\x00'),
])
def test_without_a_usable_name(item):
    with pytest.raises(BadObject) as caught:
        identify(item)
    assert caught.value.key is None
    str(caught.value).encode()


@pytest.mark.parametrize('metadata', [
    {'uid': None}, {'uid': ''}, {'uid': 'u' * 65}, {'uid': '\x00'}, {'uid': {}}, {'resourceVersion': None},
    {'resourceVersion': 5}, {'resourceVersion': '5' * 65}, {'resourceVersion': '\ud800'},
])
def test_without_a_usable_identity(metadata):
    with pytest.raises(BadObject, match='a: ') as caught:
        identify(manifest('a', **metadata))
    assert caught.value.key == ('default', 'a')


def nested(depth: int) -> dict[str, Any]:
    value: dict[str, Any] = {}
    for _ in range(depth):
        value = {'a': value}
    return value


@pytest.mark.parametrize('content', [
    {'spec': {'a': 'nul\x00'}}, {'spec': {'nul\x00': 1}}, {'spec': {'a': '\\\x00'}}, {'labels': {'a': '\x00'}},
    {'annotations': {'\x00': 'a'}}, {'spec': {'a': '\ud800'}}, {'labels': {'\udfff': 'a'}},
    {'spec': {'a': float('nan')}}, {'spec': {'a': [float('inf')]}}, {'spec': {'a': -float('inf')}},
    {'spec': nested(100_000)},
    {'status': {'version': '\x00'}}, {'status': {'lastHeartbeat': 'volatile \x00'}},
    {'status': {'lastHeartbeat': 'volatile \ud800'}}, {'status': {'lastHeartbeat': float('nan')}},
])
def test_what_the_database_cannot_hold(content):
    kind = AGENT if 'status' in content else SERVER
    with pytest.raises(BadObject, match=r'^bad: its content cannot be stored') as caught:
        observe(kind, manifest('bad', **content))
    assert caught.value.key == ('default', 'bad')
    assert len(str(caught.value)) < 200
    str(caught.value).encode()


@pytest.mark.parametrize('harmless', ['\\u0000', '\\\\u0000', 'a\\', '\u2028 \x7f \x01', '\U0001f994', '"\\"'])
def test_what_only_looks_like_it(harmless):
    assert observe(SERVER, manifest(spec={'a': harmless})).spec == {'a': harmless}


def test_what_is_not_kept_may_be_anything():
    item = manifest(status={'unknown': '\x00', 'version': 'v1'}, spec={'password': '\x00'})
    assert observe(AGENT, item).status == {'version': 'v1'}


def test_fingerprint_ignores_order_and_volatile_fields():
    one = observe(AGENT, manifest(status={'version': 'v1', 'lastHeartbeat': '1', 'runID': 'r'}))
    two = observe(AGENT, manifest(status={'runID': 'r', 'lastHeartbeat': '2', 'version': 'v1'}, resourceVersion='9'))
    three = observe(AGENT, manifest(status={'runID': 'r', 'lastHeartbeat': '2', 'version': 'v2'}))
    assert one.fingerprint == two.fingerprint != three.fingerprint
    assert two.status['lastHeartbeat'] == '2'


@given(st.sampled_from(['uid', 'generation', 'labels', 'annotations', 'spec']), st.integers(2, 9))
def test_fingerprint_shows_every_change(part, number):
    value: Any = {'uid': f'u-{number}', 'generation': number}.get(part, {'k': str(number)})
    assert observe(SERVER, manifest()).fingerprint != observe(SERVER, manifest(**{part: value})).fingerprint


def test_fingerprint_fits_its_column():
    from netbox_hedgehog.models import FabricResource

    seen = observe(AGENT, samples('Agent')[0])
    assert len(seen.fingerprint) <= FabricResource._meta.get_field('fingerprint').max_length
    assert seen.fingerprint.startswith(kind_digest(AGENT))


def test_kind_digest_follows_what_is_kept():
    kinds = [
        Kind('X', 'xs', 'g', 'v', title='X', title_plural='Xs'),
        Kind('X', 'xs', 'g', 'v', title='X', title_plural='Xs', keeps_spec=False),
        Kind('X', 'xs', 'g', 'v', title='X', title_plural='Xs', keeps_spec=False, spec_prefixes=(('a',),)),
        Kind('X', 'xs', 'g', 'v', title='X', title_plural='Xs', status=(('a',),)),
        Kind('X', 'xs', 'g', 'v', title='X', title_plural='Xs', status=(('a',),), volatile=(('a',),)),
    ]
    assert len({kind_digest(kind) for kind in kinds}) == 5
    assert kind_digest(kinds[0]) == kind_digest(dataclasses.replace(kinds[0], title='Another title'))
    assert json.dumps(kind_digest(kinds[0]))


# What is kept of an Agent's spec


def agent(**spec: Any) -> dict[str, Any]:
    return manifest(spec=spec)


def test_of_an_agents_spec_only_that_is_kept_from_which_addresses_and_mtus_follow():
    seen = observe(AGENT, agent(
        users=[{'name': 'op', 'password': 'CANARY', 'sshKeys': ['ssh-ed25519 CANARY']}],
        version={'ca': 'CANARY', 'username': 'CANARY', 'password': 'CANARY'},
        config={
            'proxyExternalSubnet': '172.30.16.0/22', 'mclagSessionSubnet': '172.30.95.0/31', 'controlVIP': '172.30.0.1/32',
            'fabricMTU': 9100, 'serverFacingMTUOffset': 64, 'fabricSubnet': '172.30.128.0/17', 'gatewayASN': 65534,
            'alloy': {'targets': {'loki': [{'basicAuth': {'password': 'CANARY'}}]}}, 'newSecret': 'CANARY',
        },
        connections={'a': {'unbundled': {}}}, newSecret='CANARY',
    ))
    assert seen.spec == {'config': {
        'proxyExternalSubnet': '172.30.16.0/22', 'mclagSessionSubnet': '172.30.95.0/31', 'fabricMTU': 9100,
        'serverFacingMTUOffset': 64,
    }}
    assert 'CANARY' not in text(dataclasses.asdict(seen))


@pytest.mark.parametrize('value', [
    'CANARY', 'CANARY/24', '10.0.0.0/8 CANARY', {'CANARY': '10.0.0.0/8'}, ['10.0.0.0/8'], 5, True, None, '', '10.0.0.0/8\nCANARY',
    'fe80::1%CANARY/64',
])
def test_what_is_no_network_is_not_kept_in_the_place_of_one(value):
    spec = {'config': {'proxyExternalSubnet': value, 'mclagSessionSubnet': '172.30.95.0/31'}}
    assert observe(AGENT, manifest(spec=spec)).spec == {'config': {'mclagSessionSubnet': '172.30.95.0/31'}}


@pytest.mark.parametrize('value', ['CANARY', '9100', {'CANARY': 1}, [9100], True, None, 1.5, -1, 2**40])
def test_what_is_no_number_is_not_kept_in_the_place_of_one(value):
    spec = {'config': {'fabricMTU': value, 'serverFacingMTUOffset': 64}}
    assert observe(AGENT, manifest(spec=spec)).spec == {'config': {'serverFacingMTUOffset': 64}}


@pytest.mark.parametrize('config', [None, 'CANARY', [{'proxyExternalSubnet': '10.0.0.0/8'}], 7])
def test_a_configuration_that_is_none_is_not_kept(config):
    assert observe(AGENT, manifest(spec={'config': config})).spec == {}


def test_every_other_kind_with_secrets_would_keep_nothing_of_its_spec():
    secret = Kind('X', 'xs', 'g', 'v', title='X', title_plural='Xs', keeps_spec=False)
    item = {**manifest(spec={'config': {'proxyExternalSubnet': '10.0.0.0/8'}}), 'kind': 'X', 'apiVersion': 'g/v'}
    assert observe(secret, item).spec == {}
