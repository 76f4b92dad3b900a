"""What keeps a watcher from following a fabric is told where people look, and for as long as it lasts."""

import logging
import os
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from urllib.parse import urlencode

import pytest
from kubernetes.config import incluster_config

from demo.kubernetes_api import KubernetesAPI, User
from netbox_hedgehog.cluster.egress import DestinationDenied
from netbox_hedgehog.cluster.errors import Expired, NotServed, Unreachable
from netbox_hedgehog.hedgehog.kinds import KIND_BY_NAME, KINDS
from netbox_hedgehog.models import Fabric
from netbox_hedgehog.monitoring import service_health as health_module
from netbox_hedgehog.monitoring.service_health import DEGRADED, HEALTHY, check_worker_health
from netbox_hedgehog.sync.apply import stored_rows
from netbox_hedgehog.watch import watcher as module
from netbox_hedgehog.watch.follower import Follower
from netbox_hedgehog.watch.leases import Leases
from netbox_hedgehog.watch.watcher import FIRST_WAIT, FabricWatch, Watcher

from ...support.examples import LONG
from ...support.jobs import make_fabric

SERVER = KIND_BY_NAME['Server']
LISTER = User('lister', lambda access: access.verb in ('get', 'list'))
VIEWER = User('viewer', lambda access: access.verb in ('get', 'list', 'watch'))

# Seconds within which what is waited for must have come.
PATIENCE = 30


class Inline(Watcher):
    """A watcher whose beats are those of the test; its threads find an empty database, and write nothing."""

    def _ask(self, function: Callable[..., Any], *args: Any, **options: Any) -> Any:
        if threading.current_thread() is threading.main_thread():
            return function(*args, **options)
        return {} if function is stored_rows else 0

    def look_until(self, wanted: Callable[[], object]) -> None:
        until = time.monotonic() + PATIENCE
        while True:
            self._heartbeat_tick()
            if wanted():
                return
            assert time.monotonic() < until, check_worker_health()
            time.sleep(0.05)


@pytest.fixture
def watcher() -> Iterator[Inline]:
    made = Inline()
    yield made
    made.stop()
    made.run()


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """What lasts for a moment lasts."""
    for name, seconds in {
        'LASTING': 0, 'SHORT': 0.2, 'FIRST_WAIT': 0.05, 'LONGEST_WAIT': 0.4, 'REFUSED_WAIT': 0.1,
    }.items():
        monkeypatch.setattr(module, name, seconds)


@pytest.fixture(autouse=True)
def _everybody_works(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(health_module, 'live_workers', lambda: ['worker'])
    monkeypatch.setattr(health_module, 'live_schedulers', lambda redis: ['scheduler'])


@pytest.fixture
def pod(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[KubernetesAPI, str], None]:
    """Gives this process the service account of a pod, when it is called."""
    monkeypatch.setattr(incluster_config, 'SERVICE_TOKEN_FILENAME', str(tmp_path / 'token'))
    monkeypatch.setattr(incluster_config, 'SERVICE_CERT_FILENAME', str(tmp_path / 'ca.crt'))
    # The package has read the environment when it was imported.
    monkeypatch.setattr(incluster_config.InClusterConfigLoader.__init__, '__defaults__', (True, os.environ))

    def give(api: KubernetesAPI, token: str) -> None:
        (tmp_path / 'token').write_text(token)
        (tmp_path / 'ca.crt').write_text(api.ca_pem)
        host, port = api.url.removeprefix('https://').split(':')
        monkeypatch.setenv('KUBERNETES_SERVICE_HOST', host)
        monkeypatch.setenv('KUBERNETES_SERVICE_PORT', port)

    return give


def fabric_of(api: KubernetesAPI, token: str) -> Fabric:
    return Fabric.objects.create(
        name='a', kubernetes_server=api.url, kubernetes_token=token, kubernetes_ca_cert=api.ca_pem,
        scheduler_enabled=False, watch_enabled=True,
    )


def problems() -> list[str]:
    return check_worker_health()['problems']


@pytest.mark.django_db
def test_a_token_that_may_list_and_not_watch_is_told_until_it_may(watcher: Inline, impatient: None) -> None:
    with KubernetesAPI(tokens={'secret-token': LISTER}) as api:
        fabric_of(api, 'secret-token')
        watcher.look_until(lambda: any(f'({len(KINDS) - 1} more in the watcher’s log' in problem for problem in problems()))
        found = check_worker_health()
        assert (found['state'], found['unwatched']) == (DEGRADED, 0)
        (problem,) = found['problems']
        assert problem.startswith('Watching a fails: The credentials may not watch agents (403). Grant')
        assert 'secret-token' not in problem
        api.tokens['secret-token'] = VIEWER
        watcher.look_until(lambda: check_worker_health()['state'] == HEALTHY)


@pytest.mark.django_db
def test_a_fabric_that_cannot_be_called_is_told(watcher: Inline, impatient: None) -> None:
    fabric = make_fabric('b', scheduler_enabled=False, watch_enabled=True, kubeconfig='no: kubeconfig')
    watcher.look_until(problems)
    assert watcher._watches[fabric.pk]._cluster is None
    assert problems()[0].startswith('Watching b fails: ')
    Fabric.objects.update(watch_enabled=False)
    watcher.look_until(lambda: not problems())


@pytest.mark.django_db
def test_one_that_could_not_be_called_at_first_is_followed_once_it_can_be(
    watcher: Inline, impatient: None, pod: Callable[[KubernetesAPI, str], None],
) -> None:
    """The pod's service account comes later. Nobody edits the fabric."""
    with KubernetesAPI(tokens={'t': VIEWER}) as api:
        fabric = Fabric.objects.create(name='a', in_cluster=True, scheduler_enabled=False, watch_enabled=True)
        watcher.look_until(lambda: any('does not run in a pod' in problem for problem in problems()))
        watch = watcher._watches[fabric.pk]
        pod(api, 't')
        watcher.look_until(lambda: len(watch._open) == len(KINDS))
        watcher.look_until(lambda: check_worker_health()['state'] == HEALTHY)
        assert watcher._watches[fabric.pk] is watch


def test_a_fabric_that_cannot_be_called_is_tried_later_each_time(monkeypatch: pytest.MonkeyPatch) -> None:
    watch = FabricWatch(Fabric(name='a', kubeconfig='no: kubeconfig'), nothing_stored)
    stop: Any = Stop(rounds=8)
    watch._stop = stop
    watch._begin_later()
    assert stop.waits[:5] == sorted(stop.waits[:5])
    assert stop.waits[0] <= FIRST_WAIT
    assert stop.waits[-1] >= 0.75 * module.LONGEST_WAIT


@pytest.mark.django_db
def test_one_that_is_not_watched_any_more_is_not_tried_again(watcher: Inline, impatient: None) -> None:
    before = threads()
    fabric = make_fabric('b', scheduler_enabled=False, watch_enabled=True, kubeconfig='no: kubeconfig')
    watcher.look_until(problems)
    watch = watcher._watches[fabric.pk]
    Fabric.objects.update(watch_enabled=False)
    watcher.look_until(lambda: fabric.pk not in watcher._watches and threads() == before)
    assert watch._cluster is None


@pytest.mark.django_db
def test_what_nobody_expected_of_one_fabric_keeps_no_other_from_being_followed(
    watcher: Inline, impatient: None, monkeypatch: pytest.MonkeyPatch,
) -> None:
    def open_cluster(fabric: Fabric) -> Any:
        if fabric.name == 'odd':
            raise RuntimeError('a value of theirs')
        return module_open_cluster(fabric)

    module_open_cluster = module.open_cluster
    monkeypatch.setattr(module, 'open_cluster', open_cluster)
    with KubernetesAPI(tokens={'t': VIEWER}) as api:
        make_fabric('odd', scheduler_enabled=False, watch_enabled=True)
        other = fabric_of(api, 't')
        watcher.look_until(lambda: other.pk in watcher._watches and len(watcher._watches[other.pk]._open) == len(KINDS))
        watcher.look_until(lambda: problems() == [
            'Watching odd fails: Changes cannot be saved. See the watcher’s log.',
        ])


@pytest.mark.django_db
def test_a_kind_that_is_not_installed_is_no_trouble(watcher: Inline, impatient: None) -> None:
    with KubernetesAPI(tokens={'t': VIEWER}, missing_kinds=['Server', 'VPC']) as api:
        fabric = fabric_of(api, 't')
        watcher.look_until(lambda: len(watcher._watches[fabric.pk]._open) == len(KINDS) - 2)
        asked = len(api.requests)
        watcher.look_until(lambda: len(api.requests) > asked + 4)  # those two again
        assert check_worker_health()['state'] == HEALTHY


@pytest.mark.django_db
def test_only_some_fabrics_are_told_one_by_one() -> None:
    ids = [make_fabric(f'f{number}', scheduler_enabled=False, watch_enabled=True).pk for number in range(7)]
    leases = Leases('one')
    leases.renew(ids)
    leases.renew(ids, dict.fromkeys(ids, 'It cannot be reached.'))
    assert problems()[0] == 'Watching f0 fails: It cannot be reached.'
    assert problems()[5:] == ['Watching fails for 2 more fabrics.']


class Stop:
    """Notes how long was waited, and ends a thread after some rounds."""

    def __init__(self, rounds: int) -> None:
        self.waits: list[float] = []
        self._rounds = rounds

    def is_set(self) -> bool:
        return False

    def wait(self, seconds: float) -> bool:
        self.waits.append(seconds)
        return len(self.waits) > self._rounds


def follow(
    error: Exception, *, lives: float | None, rounds: int = 6, lists: Callable[[], object] = lambda: None,
) -> tuple[FabricWatch, list[float]]:
    """A watch of servers that fails so each time, after it was open for `lives` seconds; and how long it waited."""
    def fail(told: object, opened: Callable[[object], None]) -> None:
        if lives is not None:
            opened(SimpleNamespace(shutdown=lambda: None))
            time.sleep(lives)
        raise error

    watch = FabricWatch(Fabric(name='a'), lambda *args: None, (SERVER,))
    stop: Any = Stop(rounds)
    watch._stop = stop
    cluster: Any = SimpleNamespace(renew_retry_budget=lambda: None)
    follower: Any = SimpleNamespace(kind=SERVER, version='1', list=lists, follow=fail)
    watch._follow(cluster, follower)
    return watch, stop.waits[1:]


def test_a_watch_that_lived_is_begun_anew_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """A proxy that cuts what is silent does not make a kind blind for half a minute."""
    monkeypatch.setattr(module, 'SHORT', 0.02)
    _, waits = follow(Unreachable('It broke off.'), lives=0.03)
    assert max(waits) <= FIRST_WAIT
    _, waits = follow(ValueError('odd'), lives=0.03)
    assert max(waits) <= FIRST_WAIT


@pytest.mark.parametrize('lives', [None, 0])
def test_one_that_did_not_waits_longer_each_time(lives: float | None) -> None:
    _, waits = follow(Unreachable('It broke off.'), lives=lives)
    assert waits == sorted(waits)
    assert waits[-1] > 5 * FIRST_WAIT


def test_a_server_that_forgets_its_history_each_time_is_asked_less_each_time() -> None:
    """Each round is a whole list, of a cluster that may answer 410 because it is in trouble."""
    watch, waits = follow(Expired('The watch of servers expired (410).'), lives=None, rounds=12)
    assert waits[0] <= 2 * FIRST_WAIT, 'the first time is nothing out of the ordinary'
    assert waits[:5] == sorted(waits[:5])
    assert waits[-1] >= 0.75 * module.LONGEST_WAIT
    assert watch._failures['Server'][0] == 'The watch of servers expired (410).'


def test_history_that_was_forgotten_once_is_not_told() -> None:
    watch, _ = follow(Expired('The watch of servers expired (410).'), lives=None, rounds=1)
    assert watch._failures == {}


@pytest.mark.django_db
def test_a_storm_of_410_is_told(watcher: Inline, impatient: None) -> None:
    with KubernetesAPI(tokens={'t': VIEWER}) as api:
        api.faults.answer(410, times=None, match='watch=1')
        fabric_of(api, 't')
        watcher.look_until(lambda: any('expired (410)' in problem for problem in problems()))
        api.faults.clear()
        watcher.look_until(lambda: not problems())


@pytest.mark.django_db
def test_a_server_that_ends_each_watch_at_once_is_told(watcher: Inline, impatient: None) -> None:
    with KubernetesAPI(tokens={'t': VIEWER}) as api:
        api.faults.answer(200, times=None, match='watch=1', body=b'')
        fabric_of(api, 't')
        watcher.look_until(lambda: any('closes each watch of' in problem for problem in problems()))
        api.faults.clear()
        watcher.look_until(lambda: not problems())


@pytest.mark.django_db
def test_a_kind_that_is_not_served_any_more_is_told(impatient: None, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(self: Follower) -> None:
        raise NotServed('Server is no longer served; 2 resources are shown as of 2026-01-01 00:00:00 UTC.')

    monkeypatch.setattr(Follower, 'list', refuse)
    with KubernetesAPI(tokens={'t': VIEWER}) as api:
        watch = FabricWatch(fabric_of(api, 't'), lambda *args, **options: None, (SERVER,))
        watch.start()
        while not watch.error():
            time.sleep(0.01)
        watch.stop()
    assert watch.error().startswith('Server is no longer served; 2 resources are shown as of')


def test_what_was_left_out_is_told(impatient: None) -> None:
    """A watch that took more than there is room for lists again, later each time."""
    watch = FabricWatch(Fabric(name='a'), lambda *args: None, (SERVER,))
    cluster: Any = SimpleNamespace(renew_retry_budget=lambda: None)
    follower: Any = SimpleNamespace(kind=SERVER, version='', gap='', list=lambda: None)

    def follow(told: object, opened: object) -> None:
        follower.version, follower.gap = '', 'Changes of servers arrived faster than they could be saved.'

    follower.follow = follow
    wait = watch._try(cluster, follower, 1)
    assert watch.error() == 'Changes of servers arrived faster than they could be saved.'
    assert wait > 0.1


# Threads

REUSED = ('watch ', 'write ', 'open ', 'cluster', 'look up')


def threads() -> int:
    return sum(thread.name.startswith(REUSED) for thread in threading.enumerate())


def nothing_stored(function: Callable[..., Any], *args: Any, **options: Any) -> Any:
    return {} if function is stored_rows else 0


@pytest.mark.property
@pytest.mark.django_db
@pytest.mark.parametrize('held', ['', 'watch=1'], ids=['lists', 'watches'])
def test_a_hundred_connections_that_are_edited_leave_no_thread(held: str) -> None:
    """The API server takes each request, and answers none: what waits for it is let go with the watch."""
    before, kinds = threads(), KINDS[:5]
    with KubernetesAPI(tokens={'t': VIEWER}) as api:
        fabric = fabric_of(api, 't')
        for _ in range(100 if LONG else 10):
            api.faults.hold(match=held)
            api.requests.clear()
            watch = FabricWatch(fabric, nothing_stored, kinds)
            watch.start()
            until = time.monotonic() + PATIENCE
            while not any(held in urlencode(request.query) for request in api.requests):
                assert time.monotonic() < until
                time.sleep(0.005)
            watch.stop()
            api.faults.clear()
        until = time.monotonic() + PATIENCE
        while threads() > before:
            assert time.monotonic() < until, [thread.name for thread in threading.enumerate()]
            time.sleep(0.05)


@pytest.mark.django_db
def test_a_hundred_watches_that_are_cut_need_no_more_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, 'FIRST_WAIT', 0.001)
    monkeypatch.setattr(module, 'LONGEST_WAIT', 0.001)
    with KubernetesAPI(tokens={'t': VIEWER}) as api:
        api.faults.cut(times=100, match='watch=1')
        watch = FabricWatch(fabric_of(api, 't'), nothing_stored, (SERVER,))
        watch.start()
        most, until = 0, time.monotonic() + PATIENCE
        while api.faults.waiting:
            most = max(most, threads())
            assert time.monotonic() < until
            time.sleep(0.01)
        assert most < 20  # who follows, who writes, the requests of lists, and on a slow machine some that are ending
        watch.stop()


def test_a_moment_of_trouble_is_not_told(monkeypatch: pytest.MonkeyPatch) -> None:
    watch, _ = follow(Unreachable('It broke off.'), lives=None)
    assert watch.error() == ''
    later = time.monotonic() + module.LASTING
    monkeypatch.setattr(module.time, 'monotonic', lambda: later)
    assert watch.error() == 'It broke off.'


def test_a_watch_that_is_cut_again_and_again_is_no_lasting_trouble(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, 'SHORT', 0.02)
    monkeypatch.setattr(module, 'LASTING', 0.15)
    watch, _ = follow(Unreachable('It broke off.'), lives=0.03, rounds=8)
    assert watch.error() == ''


def test_a_denied_destination_is_logged_once_and_without_a_traceback(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING, module.__name__):
        denied = DestinationDenied('It may not be called from here.')
        watch, waits = follow(denied, lives=None, lists=lambda: pytest.fail('what was known is not listed anew'))
        watch._failed(SERVER, denied)  # by the thread that writes
    assert waits[-1] > 5 * FIRST_WAIT
    (record,) = caplog.records
    assert record.exc_info is None
    assert record.getMessage() == 'Watching a fails: It may not be called from here.'


def test_what_nobody_expected_is_told_without_its_words(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, 'LASTING', 0)
    watch, _ = follow(ValueError('a value of theirs'), lives=None)
    assert watch.error() == 'Changes cannot be saved. See the watcher’s log.'
    assert 'a value of theirs' in caplog.text
