"""An API server that is broken, or somebody else's: a run always ends with a report, and costs no more than it may."""

import dataclasses
import gzip
import io
import itertools
import json
import re
import tracemalloc
from collections.abc import Iterator
from contextlib import suppress
from typing import Any
from unittest.mock import patch

import pytest
from django.conf import settings as conf
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st
from urllib3 import HTTPResponse

from demo.kubernetes_api import KubernetesAPI
from demo.kubernetes_api.faults import Fault
from netbox_hedgehog.cluster.bodies import DECODED, DEEPEST, inflated, is_deep, memory_of
from netbox_hedgehog.cluster.client import Cluster, Page
from netbox_hedgehog.cluster.errors import BadAnswer, ClusterError, Forbidden, ServerFault, Unreadable
from netbox_hedgehog.cluster.kubeconfig import Credentials
from netbox_hedgehog.cluster.transport import ClientOptions
from netbox_hedgehog.cluster.watch import events
from netbox_hedgehog.diagrams.graph import DrawnResource
from netbox_hedgehog.diagrams.vpc import build_vpc, draw_vpc
from netbox_hedgehog.hedgehog.kinds import KIND_BY_NAME, KINDS, Kind
from netbox_hedgehog.jobs.fabric_sync import execute_fabric_sync
from netbox_hedgehog.models import Fabric, FabricResource
from netbox_hedgehog.sync.compare import compare
from netbox_hedgehog.sync.listing import Listing
from netbox_hedgehog.sync.report import KindReport
from netbox_hedgehog.sync.run import ERRORS_NAMED, sync_fabric
from netbox_hedgehog.sync.run import test_connection as check

from ..support.mirror_contents import fabric_of, kind_report
from ..support.samples import manifest, samples

pytestmark = pytest.mark.django_db

SERVER = KIND_BY_NAME['Server']
SERVERS = len(samples('Server'))
MEBIBYTE = 1024 * 1024


@pytest.fixture
def api() -> Iterator[KubernetesAPI]:
    with KubernetesAPI(samples()) as server:
        yield server


@pytest.fixture
def fabric(api: KubernetesAPI) -> Fabric:
    return fabric_of(api)


@pytest.fixture
def limits(monkeypatch: pytest.MonkeyPatch) -> Any:
    def set_to(**values: int) -> None:
        for name, value in values.items():
            monkeypatch.setitem(conf.PLUGINS_CONFIG['netbox_hedgehog'], name, value)

    return set_to


def connect(api: KubernetesAPI, **options: Any) -> Cluster:
    return Cluster(Credentials(api.url, 'viewer-token', api.ca_pem), ClientOptions(retries=0, **options))


def answer(api: KubernetesAPI, body: bytes, match: str = '', times: int | None = 1, **headers: str) -> None:
    headers = {'Content-Type': 'application/json', **{name.replace('_', '-'): text for name, text in headers.items()}}
    api.faults._add(Fault(re.compile(match), times, 0, status=200, body=body, headers=headers))


def listed(*items: Any, **metadata: Any) -> bytes:
    return json.dumps({'kind': 'ServerList', 'metadata': {'resourceVersion': '9', **metadata}, 'items': items}).encode()


def all_servers(cluster: Cluster) -> list[Any]:
    return [item for page in cluster.pages(SERVER, 'default') for item in page.items]


# Size


def test_a_bomb_costs_no_memory(api: KubernetesAPI) -> None:
    """200 MB of zeroes, compressed to 200 KB: what is inflated of it is no more than the limit."""
    bomb = gzip.compress(b'{"items": "' + bytes(200 * MEBIBYTE) + b'"}', 9)
    assert len(bomb) < MEBIBYTE
    answer(api, bomb, Content_Encoding='gzip', times=None)
    tracemalloc.start()
    try:
        with connect(api, max_answer_size=8 * MEBIBYTE) as cluster, pytest.raises(Unreadable, match='more than 8388608 bytes'):
            all_servers(cluster)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 40 * MEBIBYTE


TINY = {
    'lists': b'[],' * (31 * MEBIBYTE // 3) + b'[]',
    'mappings': b'{},' * (31 * MEBIBYTE // 3) + b'{}',
    'one in another': b'{"a":[]},' * (31 * MEBIBYTE // 9) + b'[]',
    'lists in lists': b'[[[[]]]],' * (31 * MEBIBYTE // 9) + b'[]',
}


@pytest.mark.parametrize('what', TINY)
@pytest.mark.parametrize('how', [check, sync_fabric])
def test_many_tiny_values_cost_no_memory(api: KubernetesAPI, fabric: Fabric, how: Any, what: str) -> None:
    """30 kB on the wire, 31 MB inflated, and twenty times that once decoded: it is not decoded."""
    body = b'{"gitVersion":"v1","items":[' + TINY[what] + b'],"metadata":{}}'
    bomb = gzip.compress(body, 9)
    size = len(body)
    del body
    # Of a run only the first kind: each would be the same.
    answer(api, bomb, '' if how is check else r'/agents\?', Content_Encoding='gzip', times=None)
    tracemalloc.start()
    try:
        found = how(fabric)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    if how is sync_fabric:
        assert 'bytes of memory; it was skipped' in kind_report(found, 'Agent').errors[0]
    assert peak < (16 * MEBIBYTE if how is check else 5 * size)


def test_what_follows_a_compressed_body_costs_no_memory(api: KubernetesAPI) -> None:
    """The inflater would keep all that comes after its end."""
    whole = gzip.compress(listed(manifest('good')))
    answer(api, whole + bytes(1000), Content_Encoding='gzip')
    answer(api, whole + bytes(5 * MEBIBYTE), Content_Encoding='gzip', times=None)
    with connect(api, max_answer_size=4 * MEBIBYTE) as cluster:
        assert [item['metadata']['name'] for item in all_servers(cluster)] == ['good']
        with pytest.raises(Unreadable, match='more than 4194304 bytes'):
            all_servers(cluster)
    body = io.BytesIO(whole + bytes(20 * MEBIBYTE))
    response = HTTPResponse(body, {'Content-Encoding': 'gzip'}, preload_content=False)
    tracemalloc.start()
    try:
        assert b''.join(inflated(response)) == gzip.decompress(whole)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 8 * MEBIBYTE


@pytest.mark.parametrize('texts', [
    '["{}"]', '{{"{}": 1}}', '["ä", "{}"]', '["\U0001f600", "{}"]',
])
def test_what_memory_an_answer_takes_is_known_before(texts: str) -> None:
    """Keys that differ, and texts of which one has a wide character in it: ten times as much as their bytes, and more."""
    inner = ('": 1, "' if texts.startswith('{{') else '", "').join(f'{number:x}' for number in range(50_000))
    body = texts.format(inner).encode()
    tracemalloc.start()
    try:
        decoded = json.loads(body)
        peak = tracemalloc.get_traced_memory()[1] + len(body)
    finally:
        tracemalloc.stop()
    assert decoded
    assert peak < 1.5 * memory_of(body)


DEEP = '[' * 5000 + ']' * 5000


def nested(levels: int) -> Any:
    value: Any = 'x'
    for number in range(levels):
        value = [value, ']'] if number % 2 else {'"[': value}
    return value


@pytest.mark.parametrize(('levels', 'deep'), [(1, False), (DEEPEST, False), (DEEPEST + 1, True), (4 * DEEPEST, True)])
def test_levels_are_counted_whatever_texts_hold(levels: int, deep: bool) -> None:
    for value in (nested(levels), [nested(levels - 1), '[{' * 200, '\\"[' * 200, '\\']):
        assert is_deep(json.dumps(value).encode()) == deep


def test_no_answer_is_decoded_that_the_stack_of_a_thread_does_not_hold(api: KubernetesAPI, fabric: Fabric) -> None:
    """10 kB would end the watcher, or the process that serves pages: the decoder runs over the end of a small stack."""
    answer(api, f'{{"gitVersion": {DEEP}}}'.encode(), '/version', times=None)
    assert 'more than 64 levels' in ' '.join(check(fabric).sentences)
    line = f'{{"type": "ADDED", "object": {DEEP}}}\n'.encode()
    answer(api, line, 'watch=1', times=None)
    with connect(api) as cluster, pytest.raises(Unreadable, match='more than 64 levels'):
        list(events(cluster, SERVER, 'default', '1'))


def test_an_object_that_is_nested_too_deeply_costs_only_itself(api: KubernetesAPI, fabric: Fabric) -> None:
    """Whoever walks through it would run out of recursion: the page of its fabric among them."""
    api.put({**samples('Server')[0], 'metadata': {'name': 'deep', 'namespace': 'default'}, 'spec': {'a': nested(500)}})
    servers = kind_report(sync_fabric(fabric), 'Server')
    assert (servers.outcome, servers.created, len(servers.errors)) == ('read', SERVERS, 1)
    assert servers.errors[0].startswith('Server: deep: ')


@pytest.mark.parametrize('remaining', ['9' * 4300, '-5', 'true', '"many"', '[]'])
def test_what_is_still_to_come_may_be_any_number(api: KubernetesAPI, fabric: Fabric, remaining: str) -> None:
    first = samples(KINDS[0].name)
    body = listed(*first, remainingItemCount=0).replace(b'"remainingItemCount": 0', f'"remainingItemCount": {remaining}'.encode())
    answer(api, body.replace(b'ServerList', f'{KINDS[0].name}List'.encode()), f'/{KINDS[0].plural}', times=None)
    found = execute_fabric_sync(fabric.pk)
    assert (found['outcome'], found['read']) == ('in_sync', len(samples()))


def test_what_a_server_says_is_one_short_line_of_a_sentence(api: KubernetesAPI, fabric: Fabric) -> None:
    escape = 'a\x1b[2J\nERROR root: forged ' * 1000
    answer(api, listed({**manifest('odd'), 'kind': escape}, {**manifest('nested'), 'apiVersion': nested(20)}), '/servers')
    code = json.dumps({'type': 'ERROR', 'object': {'code': escape}}).encode() + b'\n'
    answer(api, code, 'watch=1')
    sentences = kind_report(sync_fabric(fabric), 'Server').errors
    with connect(api) as cluster, pytest.raises(ServerFault) as raised:
        list(events(cluster, SERVER, 'default', '1'))
    assert len(sentences) == 2
    for sentence in (*sentences, str(raised.value)):
        assert sentence.isprintable()
        assert len(sentence) < 300


def test_an_object_of_another_namespace_takes_nobodys_place(api: KubernetesAPI, fabric: Fabric) -> None:
    sync_fabric(fabric)
    name = samples('Server')[0]['metadata']['name']
    strangers = [
        manifest(name, namespace='other', resourceVersion='5'), manifest('stranger', namespace='other'),
    ]
    changed = api.patch('Server', name, {'spec': {'description': 'moved'}})
    metadata = {'kind': 'PartialObjectMetadataList', 'metadata': {'resourceVersion': '9'}, 'items': [
        {'metadata': item['metadata']} for item in (*api.objects('Server'), *strangers)
    ]}
    answer(api, json.dumps(metadata).encode(), r'/servers\?limit')
    servers = kind_report(sync_fabric(fabric), 'Server')
    assert (servers.updated, servers.created, servers.missing, len(servers.errors)) == (1, 0, 0, 2)
    assert 'it is in namespace other instead of default' in servers.errors[0]
    assert FabricResource.objects.get(kind='Server', name=name).spec['description'] == 'moved', changed


@pytest.mark.parametrize('path', ['/version', '/agents'])
def test_a_connection_test_takes_little_of_an_answer(api: KubernetesAPI, fabric: Fabric, path: str) -> None:
    body = listed(*(manifest(f's{number}', spec={'description': 'x' * 10_000}) for number in range(3000)))
    answer(api, gzip.compress(body), path, times=None, Content_Encoding='gzip')
    tracemalloc.start()
    try:
        found = check(fabric)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert any('bytes; it was skipped' in sentence for sentence in found.sentences)
    assert peak < 16 * MEBIBYTE


def test_what_api_servers_send_is_decoded_up_to_the_limit() -> None:
    """The bound on memory leaves alone whatever is as dense as the objects of a fabric."""
    for kind in KINDS:
        body = listed(*samples(kind.name))
        assert memory_of(body) < DECODED * len(body), kind.name


def test_an_answer_of_200_mb_is_left_where_it_is(api: KubernetesAPI, fabric: Fabric) -> None:
    body = listed(manifest('big', spec={'description': 'x'}))[:-2] + b' ' * (200 * MEBIBYTE) + b']}'
    answer(api, body, '/servers', times=None)
    report = sync_fabric(fabric)
    assert report.outcome == 'partial'
    assert 'bytes; it was skipped (setting max_answer_size)' in kind_report(report, 'Server').errors[0]
    assert kind_report(report, 'Switch').read == len(samples('Switch'))


def test_an_object_too_large_for_an_answer_costs_only_itself(api: KubernetesAPI, fabric: Fabric, limits: Any) -> None:
    limits(max_answer_size=400_000)
    api.put({**samples('Server')[0], 'metadata': {'name': 'huge', 'namespace': 'default'},
                'spec': {'description': 'x' * 500_000}})
    report = sync_fabric(fabric)
    servers = kind_report(report, 'Server')
    assert (servers.outcome, servers.created, len(servers.errors)) == ('read', SERVERS, 1)
    assert servers.errors[0].startswith('Server: huge: ')
    assert 'max_answer_size' in servers.errors[0]
    assert not FabricResource.objects.filter(name='huge').exists()
    assert sync_fabric(fabric).outcome == 'partial'
    assert not FabricResource.objects.exclude(missing_since=None).exists()


def test_an_object_larger_than_is_kept_costs_only_itself(api: KubernetesAPI, fabric: Fabric, limits: Any) -> None:
    limits(max_object_size=50_000)
    api.put({**samples('Server')[0], 'metadata': {'name': 'huge', 'namespace': 'default'},
                'spec': {'description': 'x' * 60_000}})
    servers = kind_report(sync_fabric(fabric), 'Server')
    assert (servers.outcome, servers.created) == ('read', SERVERS)
    assert servers.errors[0].startswith('Server: huge: 600')
    assert 'more than the limit of 50000 (setting max_object_size)' in servers.errors[0]


def test_a_list_of_too_many_is_not_read(api: KubernetesAPI, fabric: Fabric, limits: Any) -> None:
    sync_fabric(fabric)
    limits(max_objects=3)
    report = sync_fabric(fabric)
    servers = kind_report(report, 'Server')
    assert (servers.outcome, report.outcome) == ('error', 'partial')
    assert 'lists more than 3 servers; they were not synced' in servers.errors[0]
    assert not FabricResource.objects.exclude(missing_since=None).exists()


def test_a_million_tiny_objects_end(api: KubernetesAPI, fabric: Fabric) -> None:
    """In pages without an end, each of which names the next."""
    for number in range(30):
        items = [{'metadata': {'name': f'n{number}-{index}'}} for index in range(5000)]
        answer(api, listed(*items, **{'continue': f'page-{number}'}), '/servers')
    servers = kind_report(sync_fabric(fabric), 'Server')
    assert servers.outcome == 'error'
    assert 'lists more than 100000 servers' in servers.errors[0]


def test_what_weighs_too_much_in_sum_is_not_read(api: KubernetesAPI, fabric: Fabric, limits: Any) -> None:
    limits(max_kind_size=500)
    servers = kind_report(sync_fabric(fabric), 'Server')
    assert servers.outcome == 'error'
    assert 'sent more than 500 bytes of servers' in servers.errors[0]


@pytest.mark.parametrize('token', ['same', 17, {'a': 1}])
def test_pages_that_lead_nowhere_end(api: KubernetesAPI, token: Any) -> None:
    answer(api, listed(**{'continue': token}), times=None)
    with connect(api) as cluster, pytest.raises(BadAnswer, match='invalid continue token'):
        all_servers(cluster)


def test_empty_pages_without_an_end_end(api: KubernetesAPI) -> None:
    for number in range(20):
        answer(api, listed(**{'continue': f'page-{number}'}))
    with connect(api, max_objects=1000) as cluster, pytest.raises(BadAnswer, match='lists more than 1000'):
        all_servers(cluster)
    assert len(api.requests) < 15


def test_complaints_are_counted(api: KubernetesAPI, fabric: Fabric) -> None:
    answer(api, listed(*(manifest(f's{number}', uid=None) for number in range(500))), '/servers')
    servers = kind_report(sync_fabric(fabric), 'Server')
    assert len(servers.errors) == ERRORS_NAMED + 1
    assert servers.errors[-1] == 'Server: 400 more objects cannot be mirrored.'


def test_a_watch_that_inflates_without_an_end_ends(api: KubernetesAPI) -> None:
    answer(api, gzip.compress(b'{"type": "' + bytes(200 * MEBIBYTE), 9), Content_Encoding='gzip')
    tracemalloc.start()
    try:
        with connect(api) as cluster, pytest.raises(BadAnswer, match='an event that is too large'):
            list(events(cluster, SERVER, 'default', '1'))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 60 * MEBIBYTE


# Content

GOOD = manifest('good', spec={'description': 'x'})

# What one object can do to the answer it stands in: the list in which it stands, as text.
SPOILT = {
    'nested without an end': listed(GOOD)[:-2] + b', {"metadata": {"name": "bad"}, "spec": ' + b'[' * 100_000 + b']' * 100_000 + b'}]}',
    'a number without an end': listed(GOOD)[:-2] + b', {"metadata": {"name": "bad"}, "spec": ' + b'9' * 10_000 + b'}]}',
    'bytes that are no text': listed(GOOD)[:-2] + b', {"metadata": {"name": "bad"}, "spec": "\xff\xfe\xfa"}]}',
}


@pytest.mark.parametrize('what', SPOILT)
def test_one_object_that_spoils_its_page_costs_only_itself(api: KubernetesAPI, fabric: Fabric, what: str) -> None:
    """The page is listed again without what its objects are made of, and they are read one by one."""
    names = [item['metadata']['name'] for item in samples('Server')]
    answer(api, SPOILT[what], r'/servers\?limit=\d+$')
    answer(api, SPOILT[what], rf'/servers\?fieldSelector=metadata.name%3D{names[1]}', times=None)
    servers = kind_report(sync_fabric(fabric), 'Server')
    assert (servers.outcome, servers.created, len(servers.errors)) == ('read', SERVERS - 1, 1)
    assert servers.errors[0].startswith(f'Server: {names[1]}: ')


def test_what_spoils_a_later_piece_of_a_page_costs_only_itself(
    api: KubernetesAPI, fabric: Fabric, monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Of a page of which much differs some was read already, in pieces: the rest is read one by one, nothing twice."""
    monkeypatch.setattr('netbox_hedgehog.sync.listing.FEW', 0)
    sync_fabric(fabric)
    for item in samples('Server'):
        api.patch('Server', item['metadata']['name'], {'metadata': {'labels': {'moved': 'yes'}}})
    whole = Cluster.full_pages

    def in_pieces(self: Cluster, kind: Kind, namespace: str, page: Page) -> Iterator[Page]:
        for piece in whole(self, kind, namespace, page):
            yield dataclasses.replace(piece, items=piece.items[:2])
            raise Unreadable('what follows is no text')

    monkeypatch.setattr(Cluster, 'full_pages', in_pieces)
    servers = kind_report(sync_fabric(fabric), 'Server')
    assert (servers.outcome, servers.read, servers.updated, servers.missing) == ('read', SERVERS, SERVERS, 0)
    assert servers.errors == []


ODD: dict[str, Any] = {
    'of another kind': {**manifest('a'), 'kind': 'Secret', 'apiVersion': 'v1'},
    'without metadata': {'spec': {}},
    'metadata as a list': {'metadata': []},
    'a name as a number': manifest('a') | {'metadata': {'name': 7, 'namespace': 'default'}},
    'a name as a list': manifest('a') | {'metadata': {'name': ['x'], 'namespace': ['y'], 'uid': [], 'resourceVersion': []}},
    'nothing': None,
    'a text': 'x',
    'spec as a text': {**manifest('a'), 'spec': 'x'},
    'labels as a list': manifest('a', labels=['x']),
    'a time of the year 99999': manifest('a', creationTimestamp='99999-01-01T00:00:00Z'),
    'a generation beyond any number': manifest('a', generation=10**30),
}


@pytest.mark.parametrize('what', ODD)
def test_odd_objects_cost_only_themselves(api: KubernetesAPI, fabric: Fabric, what: str) -> None:
    sync_fabric(fabric)
    for _ in range(2):
        answer(api, listed(ODD[what], GOOD, *api.objects('Server')), '/servers')
        report = sync_fabric(fabric)
        assert kind_report(report, 'Server').outcome == 'read'
        assert report.outcome in ('in_sync', 'partial')
        assert FabricResource.objects.filter(kind='Server', name='good', missing_since=None).exists()


def test_one_name_and_one_uid_for_many(api: KubernetesAPI, fabric: Fabric) -> None:
    twins = [manifest('twin', uid=f'u{number}') for number in range(3)]
    same = [manifest(f'same-{number}', uid='u-same') for number in range(3)]
    answer(api, listed(*twins, *same), '/servers')
    servers = kind_report(sync_fabric(fabric), 'Server')
    assert (servers.outcome, servers.created, servers.errors) == ('read', 4, [])


def test_a_clock_that_is_a_day_off(api: KubernetesAPI, fabric: Fabric) -> None:
    """Times of the cluster are shown; what is fresh is told by NetBox's own clock."""
    for day in ('2001-01-01', '2099-01-01'):
        answer(api, listed(manifest('a', creationTimestamp=f'{day}T00:00:00Z')), '/servers')
        sync_fabric(fabric)
        row = FabricResource.objects.get(kind='Server', name='a')
        assert abs((row.last_read - row.last_seen).total_seconds()) < 60
        FabricResource.objects.filter(pk=row.pk).delete()


def test_watch_events_of_odd_versions(api: KubernetesAPI) -> None:
    """Versions that look like numbers and are none, or that no one can count up to."""
    from netbox_hedgehog.watch.follower import _number

    assert _number('²') is None
    assert _number('9' * 5000) is None
    assert _number('17') == 17


def test_a_picture_is_no_product_of_what_peers_with_what() -> None:
    """100 peerings of 200 kB each would be gigabytes of lines and of their titles."""
    subnets = [f'subnet-{number}' for number in range(2000)]
    vpc = DrawnResource('VPC', 'v', {'subnets': {name: {'subnet': '10.0.0.0/24'} for name in subnets}}, '')
    peerings = [
        DrawnResource('VPCPeering', f'p{number}', {'permit': [{'v': {'subnets': subnets}, f'w{number}': {'subnets': subnets}}]}, '')
        for number in range(300)
    ]
    svg = draw_vpc(build_vpc(vpc, peerings[:12], {}, {}, {}))
    assert len(svg) < 2 * MEBIBYTE
    assert 'subnet-19 and 1980 more' in svg
    assert '1800 more subnets not shown.' in svg
    few = DrawnResource('VPC', 'v', {'subnets': {'a': {}}}, '')
    assert '100 more peers not shown.' in draw_vpc(build_vpc(few, peerings, {}, {}, {}))


# Anything at all

LEAVES = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20) | st.sampled_from([
    'default', 'a', '1', '', 'continue', '9' * 300, '\x00', '\ud800',
])
KEYS = st.sampled_from(['metadata', 'items', 'name', 'namespace', 'uid', 'resourceVersion', 'spec', 'status', 'labels',
                        'annotations', 'generation', 'creationTimestamp', 'continue', 'kind', 'x'])
ANYTHING = st.recursive(
    LEAVES, lambda below: st.lists(below, max_size=4) | st.dictionaries(KEYS, below, max_size=6), max_leaves=20,
)
METADATA = st.dictionaries(KEYS, LEAVES, max_size=6) | st.fixed_dictionaries({
    'name': st.sampled_from(['a', 'b']), 'namespace': st.just('default'), 'uid': st.sampled_from(['u', 7]),
    'resourceVersion': st.sampled_from(['1', '2', None]),
})
ITEMS = st.fixed_dictionaries({'metadata': METADATA | ANYTHING}, optional={'spec': ANYTHING, 'status': ANYTHING})
LISTS = ANYTHING | st.fixed_dictionaries(
    {'items': st.lists(ITEMS | ANYTHING, max_size=4)},
    optional={'metadata': METADATA | ANYTHING, 'kind': st.just('PartialObjectMetadataList')},
)


@given(answers=st.lists(LISTS, min_size=1, max_size=6), kind=st.sampled_from(KINDS))
def test_whatever_is_answered_ends_in_a_plan_or_a_sentence(answers: list[Any], kind: Kind) -> None:
    """The client, the listing and the comparison, given answers of any shape, in a row that comes around."""
    turn = itertools.cycle(answers)

    def answered(self: Cluster, path: str, query: Any = None, accept: str = '') -> tuple[bytes, int]:
        body = json.dumps(next(turn)).encode()
        return body, len(body)

    with patch.object(Cluster, 'get', answered), Cluster(
        Credentials('https://control-1.example.com:6443', 't'), ClientOptions(max_objects=300, max_kind_size=100_000),
    ) as cluster:
        report = KindReport(kind.name)
        listing = Listing(cluster, kind, 'default', {}, report, timezone.now())
        with suppress(ClusterError):  # every one of them has its sentence
            plan = compare(kind, {}, listing, 1000)
            assert len({(write.observed.namespace, write.observed.name) for write in plan.created}) == len(plan.created)
            json.dumps([write.observed.spec for write in plan.created], allow_nan=False)
            assert all(error.startswith(f'{kind.name}: ') for error in plan.errors)


def test_a_refusal_with_a_body_without_an_end_is_a_refusal(api: KubernetesAPI) -> None:
    api.faults._add(Fault(re.compile(''), 1, 0, status=403, body=bytes(8 * MEBIBYTE), headers={}))
    with connect(api, max_answer_size=MEBIBYTE) as cluster:
        with pytest.raises(Forbidden):
            all_servers(cluster)
        assert len(all_servers(cluster)) == SERVERS  # on a connection of its own
