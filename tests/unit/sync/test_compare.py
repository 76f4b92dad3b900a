"""A plan follows from a list and from what is stored, and from nothing else."""

import dataclasses
from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from demo.kubernetes_api import KubernetesAPI
from netbox_hedgehog.hedgehog.kinds import KIND_BY_NAME
from netbox_hedgehog.sync.compare import MirrorPlan, StoredRow, compare
from netbox_hedgehog.sync.sanitize import Key

from ...support.samples import Manifest, manifest, samples

SERVER = KIND_BY_NAME['Server']
AGENT = KIND_BY_NAME['Agent']
NOW = datetime(2026, 2, 1, tzinfo=UTC)

Mirror = dict[Key, StoredRow]


def applied(stored: Mirror, plan: MirrorPlan) -> Mirror:
    """What is stored once a plan is applied."""
    after = dict(stored)
    for write in plan.writes:
        seen = write.observed
        after[seen.namespace, seen.name] = StoredRow(
            write.stored.pk if write.stored else len(after) + 1, seen.uid, seen.generation, seen.resource_version,
            seen.fingerprint, NOW, None,
        )
    missing = set(plan.missing)
    return {key: row._replace(missing_since=NOW) if row in missing else row for key, row in after.items()}


def mirror(*items: Manifest, kind: str = 'Server') -> Mirror:
    return applied({}, compare(KIND_BY_NAME[kind], {}, items))


def names(writes: list) -> list[str]:
    return [write.observed.name for write in writes]


# An object as a list may have it: its name, uid, version and content each out of a few.
ITEMS = st.builds(
    lambda name, uid, version, content: manifest(name, uid=uid, resourceVersion=version, spec={'x': content}),
    st.sampled_from('abcdef'), st.sampled_from(['u1', 'u2']), st.sampled_from('12'), st.integers(0, 2),
)
LISTS = st.lists(ITEMS, max_size=8, unique_by=lambda item: item['metadata']['name'])
JUNK = st.sampled_from([None, {}, {'metadata': {}}, manifest('b', uid=''), manifest('c', spec={'x': '\x00'}), manifest('\x00')])


@given(LISTS, LISTS, LISTS)
def test_every_object_is_in_one_part_of_the_plan(first, second, third):
    stored = mirror(*first)
    stored = applied(stored, compare(SERVER, stored, second))
    plan = compare(SERVER, stored, third)
    listed = {item['metadata']['name'] for item in third}
    parts = [names(plan.created), names(plan.updated), names(plan.refreshed)]
    written = [name for part in parts for name in part]
    assert len(written) == len(set(written))
    assert set(written) <= listed
    assert plan.read == len(third) == len(written) + plan.unchanged
    assert set(names(plan.created)) == listed - {name for _, name in stored}
    gone = {name for (_, name), row in stored.items() if row in set(plan.missing)}
    assert gone == {name for (_, name), row in stored.items() if row.missing_since is None} - listed
    assert not plan.errors


@given(LISTS, LISTS)
def test_a_second_sync_finds_nothing_to_do(first, second):
    stored = mirror(*first)
    stored = applied(stored, compare(SERVER, stored, second))
    again = compare(SERVER, stored, second)
    assert (again.writes, again.missing, again.unchanged) == ([], [], len(second))


@given(LISTS, st.lists(ITEMS | JUNK, max_size=8))
def test_no_list_raises_or_loses_count(first, second):
    plan = compare(SERVER, mirror(*first), second)
    written = names(plan.writes)
    assert len(written) == len(set(written))
    assert plan.read == len(second)
    assert len(written) + plan.unchanged + len(plan.errors) <= plan.read
    if plan.nameless:
        assert not plan.missing


def test_unchanged_updated_refreshed():
    stored = mirror(*(manifest(name, spec={'x': 1}) for name in 'abc'))
    plan = compare(SERVER, stored, [
        manifest('a', spec={'x': 1}),
        manifest('b', spec={'x': 2}, resourceVersion='2'),
        manifest('c', spec={'x': 1}, resourceVersion='2'),
    ])
    assert (plan.unchanged, names(plan.updated), names(plan.refreshed)) == (1, ['b'], ['c'])


def test_a_resource_made_anew_is_updated():
    plan = compare(SERVER, mirror(manifest('a')), [manifest('a', uid='another', resourceVersion='2')])
    assert names(plan.updated) == ['a']
    plan = compare(SERVER, mirror(manifest('a')), [manifest('a', uid='another')])
    assert names(plan.updated) == ['a'], 'even with the same resourceVersion'


def test_missing_once_and_returned():
    stored = mirror(manifest('a'), manifest('b'))
    plan = compare(SERVER, stored, [manifest('a')])
    assert [row.uid for row in plan.missing] == ['u-b']
    stored = applied(stored, plan)
    assert compare(SERVER, stored, [manifest('a')]).missing == [], 'it keeps the time since when'
    assert names(compare(SERVER, stored, [manifest('a'), manifest('b')]).updated) == ['b']


def test_heartbeats_change_nothing():
    for kind in ('Agent', 'GatewayAgent', 'DHCPSubnet'):
        api = KubernetesAPI(samples())
        api.beat(15)  # agents apply what was still to do
        before = mirror(*api.objects(kind), kind=kind)
        api.beat(3600)
        plan = compare(KIND_BY_NAME[kind], before, api.objects(kind))
        assert (plan.updated, plan.created, plan.missing) == ([], [], []), kind
        assert plan.refreshed or kind == 'DHCPSubnet'
        assert len(plan.refreshed) + plan.unchanged == len(before)  # a switch that never came up has no heartbeat


def test_a_new_whitelist_reads_every_object_anew():
    stored = mirror(*samples('Agent'), kind='Agent')
    newer = dataclasses.replace(AGENT, status=(*AGENT.status, ('newField',)))
    assert compare(AGENT, stored, samples('Agent')).unchanged == len(stored)
    plan = compare(newer, stored, samples('Agent'))
    assert (len(plan.writes), plan.unchanged) == (len(stored), 0)
    assert compare(newer, applied(stored, plan), samples('Agent')).writes == []


def test_an_object_listed_twice_counts_once():
    twice = [manifest('a'), manifest('a'), manifest('a', resourceVersion='2', spec={'x': 1})]
    plan = compare(SERVER, {}, twice)
    assert (names(plan.created), plan.updated, plan.read) == (['a'], [], 3)
    plan = compare(SERVER, mirror(manifest('a')), twice)
    assert (plan.writes, plan.unchanged) == ([], 1)


def test_same_name_in_two_namespaces():
    plan = compare(SERVER, {}, [manifest('a'), manifest('a', namespace='other')])
    assert len(plan.created) == 2


def test_a_bad_object_costs_only_itself():
    stored = mirror(manifest('a'), manifest('b'), manifest('c'))
    plan = compare(SERVER, stored, [manifest('a', resourceVersion='2', spec={'x': '\x00'}), manifest('b')])
    assert (plan.unchanged, plan.writes) == (1, [])
    assert [row.uid for row in plan.missing] == ['u-c'], 'the bad one is there'
    (sentence,) = plan.errors
    assert sentence.startswith('Server: a: ')


def test_a_nameless_object_may_be_any_of_the_absent():
    stored = mirror(manifest('a'), manifest('b'))
    plan = compare(SERVER, stored, [manifest('a'), {'metadata': {}}])
    assert plan.nameless
    assert (plan.missing, plan.unchanged, len(plan.errors)) == ([], 1, 1)


def test_half_a_list_is_no_plan():
    def broken():
        yield manifest('a')
        raise ConnectionError

    try:
        compare(SERVER, {}, broken())
    except ConnectionError:
        return
    raise AssertionError('half a list made a plan')
