"""A follower loses no change, whoever else writes to the mirror."""

import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from demo.kubernetes_api import KubernetesAPI
from netbox_hedgehog.cluster import Forbidden
from netbox_hedgehog.cluster import watch as watch_module
from netbox_hedgehog.cluster.errors import Unreachable
from netbox_hedgehog.cluster.watch import Event, events
from netbox_hedgehog.kinds import KIND_BY_NAME
from netbox_hedgehog.models import Fabric, FabricResource
from netbox_hedgehog.sync import follow as module
from netbox_hedgehog.sync.apply import apply
from netbox_hedgehog.sync.follow import TRIES, Follower, Overtaken
from netbox_hedgehog.sync.run import open_cluster

from .samples import samples

pytestmark = pytest.mark.django_db

SERVER = KIND_BY_NAME['Server']


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


def told(api: KubernetesAPI) -> dict[str, Event]:
    item = api.get('Server', 'server-01')
    return {'server-01': Event('MODIFIED', item, item['metadata']['resourceVersion'])}


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
    with pytest.raises(Overtaken, match='servers'):
        follower.list()
    assert contended.writes == TRIES


def test_a_change_that_is_overtaken_each_time_makes_it_list_again(api, follower, contended):
    change(api)
    contended.times = 99
    follower._told = told(api)
    with pytest.raises(Overtaken):
        follower.take()
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
    """take() fails at the very moment at which follow() has new events."""
    version = follower.version
    at_work, fails = threading.Event(), threading.Event()

    def fail(self: Follower, latest: object) -> None:
        at_work.set()
        fails.wait(5)
        raise RuntimeError('no database')

    def take() -> None:
        with pytest.raises(RuntimeError):
            follower.take()

    other = threading.Thread(target=take)

    class Slow(Follower):
        def __setattr__(self, name: str, value: object) -> None:
            if name == 'version' and value not in ('', version):
                fails.set()
                other.join(0.5)
            super().__setattr__(name, value)

    item = api.get('Server', 'server-01')
    monkeypatch.setattr(module, 'events', lambda *args, **options: iter([[Event('MODIFIED', item, 'later')]]))
    monkeypatch.setattr(Follower, '_take', fail)
    follower.__class__ = Slow
    other.start()
    assert at_work.wait(5)
    follower.follow(lambda: None, lambda response: None)
    other.join()
    assert follower.version == ''


def test_a_silent_watch_says_how_long_it_was_waited_for(api, follower, monkeypatch):
    monkeypatch.setattr(watch_module, 'SILENCE', 0.2)
    with pytest.raises(Unreachable, match=r'0\.2 s between bytes'):
        list(events(follower.cluster, SERVER, 'default', follower.version))


def test_a_watch_that_is_refused_says_what_was_refused(api, follower):
    api.faults.answer(403)
    with pytest.raises(Forbidden, match='may not watch servers: 403'):
        list(events(follower.cluster, SERVER, 'default', follower.version))
