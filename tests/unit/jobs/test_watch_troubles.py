"""What keeps a watcher from following a fabric is told where people look, and for as long as it lasts."""

import logging
import threading
import time
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import pytest

from demo.kubernetes_api import KubernetesAPI, User
from netbox_hedgehog.cluster.errors import Unreachable
from netbox_hedgehog.destinations import DestinationDenied
from netbox_hedgehog.jobs import health as health_module
from netbox_hedgehog.jobs import watcher as module
from netbox_hedgehog.jobs.health import DEGRADED, HEALTHY, check_worker_health
from netbox_hedgehog.jobs.leases import Leases
from netbox_hedgehog.jobs.watcher import FIRST_WAIT, FabricWatch, Watcher
from netbox_hedgehog.kinds import KIND_BY_NAME, KINDS
from netbox_hedgehog.models import Fabric
from netbox_hedgehog.sync.apply import held_rows

from .base import make_fabric

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
        return {} if function is held_rows else 0

    def look_until(self, wanted: Callable[[], object]) -> None:
        until = time.monotonic() + PATIENCE
        while True:
            self._look()
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
    for name, seconds in {'LASTING': 0, 'SHORT': 0.2, 'FIRST_WAIT': 0.05, 'REFUSED_WAIT': 0.1}.items():
        monkeypatch.setattr(module, name, seconds)


@pytest.fixture(autouse=True)
def _everybody_works(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(health_module, 'live_workers', lambda: ['worker'])
    monkeypatch.setattr(health_module, 'live_schedulers', lambda redis: ['scheduler'])


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
        watcher.look_until(lambda: any(f'({len(KINDS) - 1} more like this' in problem for problem in problems()))
        found = check_worker_health()
        assert (found['state'], found['unwatched']) == (DEGRADED, 0)
        (problem,) = found['problems']
        assert problem.startswith('a is not watched as it should be: The credentials may not watch agents: 403. Grant')
        assert 'secret-token' not in problem
        api.tokens['secret-token'] = VIEWER
        watcher.look_until(lambda: check_worker_health()['state'] == HEALTHY)


@pytest.mark.django_db
def test_a_fabric_that_cannot_be_called_is_told(watcher: Inline, impatient: None) -> None:
    fabric = make_fabric('b', scheduler_enabled=False, watch_enabled=True, kubeconfig='no: kubeconfig')
    watcher.look_until(problems)
    assert watcher._watches[fabric.pk]._cluster is None
    assert problems()[0].startswith('b is not watched as it should be: ')
    Fabric.objects.update(watch_enabled=False)
    watcher.look_until(lambda: not problems())


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
    leases.beat(ids)
    leases.beat(ids, dict.fromkeys(ids, 'It cannot be reached.'))
    assert problems()[0] == 'f0 is not watched as it should be: It cannot be reached.'
    assert problems()[5:] == ['2 more fabrics are not watched as they should be.']


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
    cluster: Any = SimpleNamespace(renew_patience=lambda: None)
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


def test_a_moment_of_trouble_is_not_told(monkeypatch: pytest.MonkeyPatch) -> None:
    watch, _ = follow(Unreachable('It broke off.'), lives=None)
    assert watch.trouble() == ''
    later = time.monotonic() + module.LASTING
    monkeypatch.setattr(module.time, 'monotonic', lambda: later)
    assert watch.trouble() == 'It broke off.'


def test_a_watch_that_is_cut_again_and_again_is_no_lasting_trouble(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, 'SHORT', 0.02)
    monkeypatch.setattr(module, 'LASTING', 0.15)
    watch, _ = follow(Unreachable('It broke off.'), lives=0.03, rounds=8)
    assert watch.trouble() == ''


def test_a_denied_destination_is_logged_once_and_without_a_traceback(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING, module.__name__):
        denied = DestinationDenied('It may not be called from here.')
        watch, waits = follow(denied, lives=None, lists=lambda: pytest.fail('what was known is not listed anew'))
        watch._failed(SERVER, denied)  # by the thread that writes
    assert waits[-1] > 5 * FIRST_WAIT
    (record,) = caplog.records
    assert record.exc_info is None
    assert record.getMessage() == 'a is not watched as it should be: It may not be called from here.'


def test_what_nobody_expected_is_told_without_its_words(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, 'LASTING', 0)
    watch, _ = follow(ValueError('a value of theirs'), lives=None)
    assert watch.trouble() == 'Its changes cannot be taken: ValueError. The watcher’s log says more.'
    assert 'a value of theirs' in caplog.text
