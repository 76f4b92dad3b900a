"""All agents change at the same moment, and the network is cut every few seconds: a watch loses nothing."""

import copy
import queue
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import suppress
from functools import partial
from typing import Any

import pytest

from demo.kubernetes_api import KubernetesAPI
from netbox_hedgehog.hedgehog.kinds import KIND_BY_NAME
from netbox_hedgehog.models import Fabric, FabricResource
from netbox_hedgehog.watch.watcher import FabricWatch

from ..support.mirror_contents import expected, mirrored
from ..support.samples import samples
from .proxy import Proxy

AGENT = KIND_BY_NAME['Agent']
AGENTS = 1000
BURSTS = 4

# Seconds: between two cuts, how long one lasts, and within which the mirror must be right when they are over.
WHOLE, CUT, PATIENCE = 3, 0.4, 45


class Database:
    """Does in the test's thread, whose transaction it is, what the threads of a watch ask of the database."""

    def __init__(self) -> None:
        self._asked: queue.Queue[tuple[Future[Any], Callable[[], Any]]] = queue.Queue()

    def __call__(self, function: Callable[..., Any], *args: Any, **options: Any) -> Any:
        answer: Future[Any] = Future()
        self._asked.put((answer, partial(function, *args, **options)))
        return answer.result()

    def serve(self, seconds: float) -> None:
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0:
            with suppress(queue.Empty):
                answer, call = self._asked.get(timeout=left)
                try:
                    answer.set_result(call())
                except BaseException as error:
                    answer.set_exception(error)


@pytest.fixture
def api() -> Iterator[KubernetesAPI]:
    """A thousand agents, each small."""
    item = samples('Agent')[0]
    with KubernetesAPI(tokens={'viewer-token': 'viewer'}) as server:
        for number in range(AGENTS):
            name = f'agent-{number:04}'
            server.put({**copy.deepcopy(item), 'metadata': {'name': name, 'namespace': 'default'}, 'spec': {}, 'status': {}})
        yield server


def missing() -> set[str]:
    return set(FabricResource.objects.exclude(missing_since=None).values_list('name', flat=True))


def differs(api: KubernetesAPI) -> list[str]:
    """The names of agents of which the mirror does not hold what the cluster does."""
    held = {row['name']: row for row in mirrored(kind='Agent', missing_since=None)}
    wanted = {item['metadata']['name']: expected(item) for item in api.objects('Agent')}
    return sorted(name for name in held.keys() | wanted.keys() if held.get(name) != wanted.get(name))


def change(api: KubernetesAPI, names: list[str], burst: int, deleted: set[str]) -> None:
    """Let agents change, and those go that are to be deleted."""
    for name in names:
        if name in deleted:
            api.delete('Agent', name)
        else:
            api.patch('Agent', name, {'metadata': {'labels': {'burst': str(burst)}}})


def test_a_thousand_agents_that_change_at_once_while_the_network_is_cut(
    api: KubernetesAPI, proxy: Proxy, db: None, setting: Any, capsys: pytest.CaptureFixture[str],
) -> None:
    fabric = Fabric.objects.create(
        name='f', kubernetes_server=proxy.url, kubernetes_token='viewer-token', kubernetes_ca_cert=api.ca_pem,
    )
    database, deleted, began = Database(), set(), time.monotonic()
    watch = FabricWatch(fabric, database, (AGENT,))
    watch.start()
    while len(differs(api)):
        assert time.monotonic() - began < PATIENCE
        database.serve(0.2)
    for burst in range(BURSTS):
        deleted.add(f'agent-{7 * burst:04}')
        names = [item['metadata']['name'] for item in api.objects('Agent')]
        # The network goes while half of them still have to change, and what comes then is seen only when it is back.
        change(api, names[::2], burst, deleted)
        proxy.refuse()
        change(api, names[1::2], burst, deleted)
        database.serve(CUT)
        proxy.heal()
        database.serve(WHOLE)
        assert missing() <= deleted
    healed = time.monotonic()
    while left := differs(api):
        assert missing() <= deleted
        assert time.monotonic() - healed < PATIENCE, left
        database.serve(0.2)
    waited = time.monotonic() - healed
    watch.stop()
    database.serve(0.2)  # what its threads still wait for
    assert missing() == deleted
    with capsys.disabled():
        print(
            f'\n{AGENTS} agents changed {BURSTS} times, {BURSTS} cuts: the mirror equals the cluster {waited:.1f} s after the '
            f'last one; {proxy.connections} connections, {len(api.requests)} requests, {time.monotonic() - began:.0f} s',
        )
