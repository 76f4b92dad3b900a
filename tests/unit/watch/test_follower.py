"""A follower loses no change, whoever else writes to the mirror."""

import copy
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from demo.kubernetes_api import KubernetesAPI
from netbox_hedgehog.cluster import watch as watch_module
from netbox_hedgehog.cluster.errors import BadAnswer, Forbidden, NotServed, Unreachable
from netbox_hedgehog.cluster.watch import Event, events
from netbox_hedgehog.hedgehog.kinds import KIND_BY_NAME
from netbox_hedgehog.models import Fabric, FabricResource
from netbox_hedgehog.sync.apply import apply
from netbox_hedgehog.sync.run import open_cluster
from netbox_hedgehog.sync.sanitize import Key
from netbox_hedgehog.watch import follower as module
from netbox_hedgehog.watch.follower import TRIES, Follower, MemoryBudget, WriteConflict

from ...support.samples import samples

pytestmark = pytest.mark.django_db

SERVER = KIND_BY_NAME['Server']
AGENT = KIND_BY_NAME['Agent']
AGENTS = 130


@pytest.fixture
def api() -> Iterator[KubernetesAPI]:
    """The sample fabric."""
    with KubernetesAPI(samples()) as server:
        yield server


class Contended:
    """A database in which somebody else writes server-01, as it was before, just before each of `times` writes."""

    def __init__(self, times: int = 0) -> None:
        self.times = times
        self.writes = 0

    def __call__(self, function: Callable[..., Any], *args: Any, **options: Any) -> Any:
        if function is apply:
            self.writes += 1
            if self.writes <= self.times:
                FabricResource.objects.filter(name='server-01').update(resource_version=f'old{self.writes}')
        return function(*args, **options)


@pytest.fixture
def contended() -> Contended:
    return Contended()


@pytest.fixture
def follower(fabric: Fabric, contended: Contended) -> Iterator[Follower]:
    """Servers, listed once; after which server-01 changes in the cluster."""
    with open_cluster(fabric) as cluster:
        made = Follower(cluster, fabric, SERVER, contended)
        made.list()
        contended.writes = 0
        yield made


def described() -> str:
    return FabricResource.objects.get(kind='Server', name='server-01').spec.get('description')


def change(api: KubernetesAPI) -> None:
    api.patch('Server', 'server-01', {'spec': {'description': 'moved'}})


def told(api: KubernetesAPI) -> dict[Key, Event]:
    item = api.get('Server', 'server-01')
    return {('default', 'server-01'): Event('MODIFIED', item, item['metadata']['resourceVersion'])}


def test_a_list_that_was_overtaken_is_read_again(api, follower, contended):
    change(api)
    contended.times = 2
    before = follower.version
    follower.list()
    assert described() == 'moved'
    assert contended.writes == 3
    assert follower.version not in ('', before)


def test_a_list_that_is_overtaken_each_time_gives_up(api, follower, contended):
    change(api)
    contended.times = 99
    with pytest.raises(WriteConflict, match='servers'):
        follower.list()
    assert contended.writes == TRIES


def test_a_change_that_is_overtaken_each_time_makes_it_list_again(api, follower, contended):
    change(api)
    contended.times = 99
    follower._pending = told(api)
    with pytest.raises(WriteConflict):
        follower.flush()
    assert follower.version == ''
    contended.times = 0
    follower.list()
    assert described() == 'moved'


def test_without_a_version_nothing_is_followed(api, follower):
    follower.version = ''
    asked = len(api.requests)
    follower.follow(lambda: None, lambda response: None)
    assert len(api.requests) == asked


def test_a_version_that_was_emptied_is_not_filled_in_again(api, follower, monkeypatch):
    """flush() fails at the very moment at which follow() has new events."""
    version = follower.version
    services_line, fails = threading.Event(), threading.Event()

    def fail(self: Follower, latest: object) -> None:
        services_line.set()
        fails.wait(5)
        raise RuntimeError('no database')

    def flush() -> None:
        with pytest.raises(RuntimeError):
            follower.flush()

    other = threading.Thread(target=flush)

    class Slow(Follower):
        def __setattr__(self, name: str, value: object) -> None:
            if name == 'version' and value not in ('', version):
                fails.set()
                other.join(0.5)
            super().__setattr__(name, value)

    item = api.get('Server', 'server-01')
    monkeypatch.setattr(module, 'events', lambda *args, **options: iter([[Event('MODIFIED', item, 'later')]]))
    monkeypatch.setattr(Follower, '_flush', fail)
    follower.__class__ = Slow
    other.start()
    assert services_line.wait(5)
    follower.follow(lambda: None, lambda response: None)
    other.join()
    assert follower.version == ''


def test_a_silent_watch_says_how_long_it_was_waited_for(api, follower, monkeypatch):
    monkeypatch.setattr(watch_module, 'SILENCE', 0.2)
    with pytest.raises(Unreachable, match=r'0\.2 s between bytes'):
        list(events(follower.cluster, SERVER, 'default', follower.version))


def test_a_watch_that_is_refused_says_what_was_refused(api, follower):
    api.faults.answer(403)
    with pytest.raises(Forbidden, match=r'may not watch servers \(403\)'):
        list(events(follower.cluster, SERVER, 'default', follower.version))


# Odd objects

ODD = {
    'none': {'name': None}, 'long': {'name': 'x' * 300}, 'NUL': {'name': 'a\0b'}, 'list': {'name': ['server-02']},
    'namespace': {'namespace': {'of': 'them'}}, 'no namespace': {'namespace': None},
    'namesake': {'name': 'server-01', 'namespace': ''},
}


@pytest.mark.parametrize('odd', ODD.values(), ids=ODD)
@pytest.mark.parametrize('first', [True, False], ids=['before', 'after'])
def test_an_object_without_a_usable_name_hides_no_deletion(
    api: KubernetesAPI, follower: Follower, monkeypatch: pytest.MonkeyPatch, odd: dict[str, Any], first: bool,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Both come at the same moment, from a server that says anything."""
    gone, changed = api.get('Server', 'server-01'), api.get('Server', 'server-03')
    changed['spec']['description'], changed['metadata']['resourceVersion'] = 'moved', '9000003'
    spoilt = {**gone, 'metadata': {**gone['metadata'], 'name': 'server-02', **odd}}
    batch = [Event('DELETED', gone, '9000001'), Event('MODIFIED', changed, '9000003')]
    batch.insert(0 if first else 2, Event('MODIFIED', spoilt, '9000002'))
    monkeypatch.setattr(module, 'events', lambda *args, **options: iter([batch]))
    follower.follow(lambda: None, lambda response: None)
    follower.flush()
    servers = FabricResource.objects.filter(kind='Server')
    assert list(servers.exclude(missing_since=None).values_list('name', flat=True)) == ['server-01']
    assert servers.get(name='server-03').spec['description'] == 'moved'
    assert follower.version == batch[-1].version
    assert 'Server: an object has no usable name or namespace.' in caplog.text


# Bursts


def agents() -> list[Any]:
    """More agents than a page holds, each small."""
    item = samples('Agent')[0]
    return [
        {**copy.deepcopy(item), 'metadata': {'name': f'agent-{number:03}', 'namespace': 'default', 'uid': f'u-{number}'},
         'spec': {}, 'status': {'version': 'v1'}}
        for number in range(AGENTS)
    ]


@pytest.fixture
def agent_follower(fabric: Fabric, api: KubernetesAPI, settings: Any) -> Iterator[Follower]:
    """Agents, listed once; their statuses are read each time."""
    settings.PLUGINS_CONFIG = {
        **settings.PLUGINS_CONFIG,
        'netbox_hedgehog': {**settings.PLUGINS_CONFIG['netbox_hedgehog'], 'status_interval': 0},
    }
    for item in agents():
        api.put(item)
    with open_cluster(fabric) as cluster:
        made = Follower(cluster, fabric, AGENT, Contended())
        made.list()
        yield made


def metadata_of(api: KubernetesAPI, name: str) -> Event:
    """What a watch of metadata tells of an agent that is there."""
    metadata = api.get('Agent', name)['metadata']
    return Event('MODIFIED', {'kind': 'PartialObjectMetadata', 'metadata': metadata}, metadata['resourceVersion'])


def burst(api: KubernetesAPI, names: list[str]) -> dict[Key, Event]:
    """All of these agents change."""
    for name in names:
        api.patch('Agent', name, {'metadata': {'labels': {'moved': 'yes'}}})
    return {('default', name): metadata_of(api, name) for name in names}


def present(**filters: Any) -> set[str]:
    return set(FabricResource.objects.filter(kind='Agent', missing_since=None, **filters).values_list('name', flat=True))


@pytest.mark.parametrize('size', [1, 20, 21, 50, 101, AGENTS])
def test_a_burst_of_any_size_is_taken_in_full(
    api: KubernetesAPI, agent_follower: Follower, size: int,
) -> None:
    """Those of the end of the list, which a list from its start does not show first."""
    everybody = present()
    moved = sorted(name for name in everybody if name.startswith('agent-'))[-size:]
    agent_follower._pending = burst(api, moved)
    agent_follower.flush()
    assert present() == everybody
    assert present(labels__moved='yes') == set(moved)
    assert agent_follower.version


def test_what_goes_while_a_burst_is_taken_is_missing_and_nothing_else(
    api: KubernetesAPI, agent_follower: Follower,
) -> None:
    everybody = present()
    moved = sorted(everybody)[-60:]
    agent_follower._pending = burst(api, moved)
    for name in moved[:2]:
        api.delete('Agent', name)  # after its event, which says that it is there
    deleted = metadata_of(api, moved[2])
    agent_follower._pending['default', moved[2]] = Event('DELETED', deleted.object, deleted.version)
    agent_follower.flush()
    assert everybody - present() == set(moved[:3])


def test_events_that_nobody_takes_need_no_more_memory_than_there_is_room_for(
    follower: Follower, monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The database is away: the watch lets go of what it had collected, and lists again."""
    told = []

    def flood(*args: Any, **options: Any) -> Iterator[list[Event]]:
        for number in range(100):
            told.append(number)
            text = 'x' * 100_000
            item = {'metadata': {'name': f's-{number}', 'namespace': 'default'}, 'spec': {'description': text + str(number)}}
            yield [Event('ADDED', item, str(number))]

    monkeypatch.setattr(module, 'events', flood)
    follower.room = MemoryBudget(1_000_000)
    follower.follow(lambda: None, lambda response: None)
    assert (len(told), follower._pending, follower.version) == (10, {}, '')
    assert follower.gap == 'Changes of servers arrived faster than they could be saved; they are listed again.'
    assert follower.room.reserve(1_000_000), 'all of it is free again'


ODD_PLACES = [
    {'name': 's\0', 'namespace': 'default'}, {'name': 's\ud800', 'namespace': 'default'}, {'name': 's', 'namespace': ['default']},
    {'name': 's', 'namespace': {}}, {'name': 's'}, {'name': ['s'], 'namespace': 'default'}, {'namespace': 'default'},
    {'name': 'server-01', 'namespace': 'other'}, {'name': 'x' * 300, 'namespace': 'default'},
]


def test_events_of_objects_that_have_no_usable_place_cost_no_others(
    api: KubernetesAPI, follower: Follower, monkeypatch: pytest.MonkeyPatch,
) -> None:
    change(api)
    odd = [Event(kind, {'metadata': place}, '7') for place in ODD_PLACES for kind in ('ADDED', 'DELETED')]
    monkeypatch.setattr(module, 'events', lambda *args, **options: iter([[*odd, *told(api).values(), *odd]]))
    follower.follow(lambda: None, lambda response: None)
    follower.flush()
    assert (described(), follower.version) == ('moved', '7')
    assert not FabricResource.objects.exclude(missing_since=None).exists()


def test_what_was_taken_makes_room(follower: Follower, api: KubernetesAPI, monkeypatch: pytest.MonkeyPatch) -> None:
    item = api.get('Server', 'server-01')
    item['spec']['description'] = 'x' * 100_000
    event = Event('MODIFIED', item, item['metadata']['resourceVersion'])
    monkeypatch.setattr(module, 'events', lambda *args, **options: iter([[event]] * 20))
    follower.room = MemoryBudget(150_000)
    for _ in range(3):
        follower.follow(lambda: None, lambda response: None)  # the same name each time needs its room once
        follower.flush()
        assert follower.version
    assert follower.room.reserve(150_000)


def test_new_objects_beyond_max_objects_are_skipped_and_the_list_says_so(
    api: KubernetesAPI, fabric: Fabric, settings: Any,
) -> None:
    servers = FabricResource.objects.filter(kind='Server')
    known = len(samples('Server'))
    plugin = {**settings.PLUGINS_CONFIG['netbox_hedgehog'], 'max_objects': known + 2}
    settings.PLUGINS_CONFIG = {**settings.PLUGINS_CONFIG, 'netbox_hedgehog': plugin}
    with open_cluster(fabric) as cluster:
        follower = Follower(cluster, fabric, SERVER, Contended())
        follower.list()
        new = [{**samples('Server')[0], 'metadata': {'name': f'new-{number}', 'namespace': 'default'}} for number in range(9)]
        follower._pending = told(api)
        for item in map(api.put, new):
            follower._pending['default', item['metadata']['name']] = Event('ADDED', item, item['metadata']['resourceVersion'])
        follower.flush()
        assert servers.count() == known + 2
        assert follower.version == ''
        assert f'has more than {known + 2} servers; new ones are skipped' in follower.gap
        with pytest.raises(BadAnswer, match=f'lists more than {known + 2} servers'):
            follower.list()
    assert servers.count() == known + 2


def test_a_kind_that_is_not_served_any_more_is_told(api: KubernetesAPI, follower: Follower) -> None:
    api.missing_kinds.add('Server')
    with pytest.raises(NotServed, match=r'Server is no longer served; \d+ resources are shown as of 20'):
        follower.list()
    assert not FabricResource.objects.exclude(missing_since=None).exists()
