"""The network between a worker and the API server is ill, in every way that networks are.

Each time: what people are told, a mirror that nothing was taken from, and a next good run that is complete.
"""

import random
from collections.abc import Callable
from functools import partial

import pytest

from demo.kubernetes_api import KubernetesAPI
from netbox_hedgehog.cluster.transport import ClientOptions
from netbox_hedgehog.models import Fabric, FabricResource
from netbox_hedgehog.sync import run as run_module

from ..support.samples import samples
from .proxy import Proxy
from .syncing import assert_complete, assert_failed, assert_recovers, mirror, sync

# More than a TLS handshake, and less than the answers of a run in which much has changed.
HALF_A_PAGE = 4000


@pytest.fixture
def changed(api: KubernetesAPI, fabric: Fabric) -> None:
    """Much has changed since the last good run; one object has gone."""
    for item in api.objects('Connection'):
        api.patch('Connection', item['metadata']['name'], {'metadata': {'labels': {'moved': 'yes'}}})
    api.patch('Switch', 'leaf-01', {'spec': {'description': 'moved'}})
    api.delete('Server', 'server-01')


# What does not pass: for each, what is said. Nothing arrives whole, so nothing is known.
HOPELESS: dict[str, tuple[Callable[[Proxy], None], str]] = {
    'refused': (lambda proxy: proxy.refuse(), ': connection refused. Check the address'),
    'a black hole': (lambda proxy: proxy.stall(0), 'did not respond in time (0.3 s to connect, 0.3 s between bytes)'),
    'reset at once': (lambda proxy: proxy.reset(0), 'was interrupted'),
    'closed in the handshake': (lambda proxy: proxy.cut(200), 'was interrupted'),
    'cut in the first page': (lambda proxy: proxy.cut(HALF_A_PAGE), 'was interrupted. Check the network path'),
    'reset in the first page': (lambda proxy: proxy.reset(HALF_A_PAGE), 'was interrupted. Check the network path'),
    'stalled in the first page': (lambda proxy: proxy.stall(HALF_A_PAGE), 'did not respond in time'),
}


@pytest.mark.parametrize('what', HOPELESS)
def test_what_does_not_pass_is_said_and_takes_nothing(
    api: KubernetesAPI, proxy: Proxy, fabric: Fabric, changed: None, setting, what: str,
) -> None:
    inflict, said = HOPELESS[what]
    # The first kind's list, of which one page does not pass.
    for item in api.objects('SwitchProfile'):
        api.patch('SwitchProfile', item['metadata']['name'], {'metadata': {'annotations': {'big': 'x' * 1000}}})
    setting(retries=2)
    if 'in time' in said:
        setting(connect_timeout=0.3, read_timeout=0.3)
    inflict(proxy)
    assert_failed(fabric, said, reached=False)
    setting(connect_timeout=30, read_timeout=30)
    proxy.heal()
    assert_recovers(fabric, api)


@pytest.mark.parametrize('marker', [b'\r\n\r\n', b'"metadata"'], ids=['after the headers', 'after the first words'])
def test_closed_where_an_answer_begins(setting, marker: bytes, db: None) -> None:
    """Seen without TLS: a proxy cannot know where in an encrypted stream the headers end."""
    setting(allowed_schemes=['http'], retries=2)
    with KubernetesAPI(samples(), tls=False) as api, Proxy(api.url) as proxy:
        fabric = Fabric.objects.create(name='plain', kubernetes_server=proxy.url, kubernetes_token='viewer-token')
        sync(fabric)
        api.patch('Switch', 'leaf-01', {'spec': {'description': 'moved'}})
        api.delete('Server', 'server-01')
        proxy.cut_after(marker)
        assert_failed(fabric, 'was interrupted', reached=False)
        proxy.heal()
        assert_recovers(fabric, api)


# What passes: whole, only later.
PASSING: dict[str, Callable[[Proxy], None]] = {
    'slow': lambda proxy: proxy.slow(150_000),
    'lossy': lambda proxy: proxy.lossy(0.02, after=HALF_A_PAGE, times=4),
    'cut now and then': lambda proxy: proxy.cut(HALF_A_PAGE, times=3),
    'reset now and then': lambda proxy: proxy.reset(HALF_A_PAGE, times=3),
    'reset in the handshake': lambda proxy: proxy.reset(100, times=3),
}


@pytest.mark.parametrize('what', PASSING)
def test_what_passes_is_outlasted(
    api: KubernetesAPI, proxy: Proxy, fabric: Fabric, changed: None, setting, what: str,
) -> None:
    setting(retries=8)  # more than connections break, whichever request they are for
    PASSING[what](proxy)
    assert_recovers(fabric, api)


def test_a_connection_that_falls_silent_is_replaced(
    api: KubernetesAPI, proxy: Proxy, fabric: Fabric, changed: None, setting,
) -> None:
    setting(read_timeout=1, retries=8)
    before = proxy.connections
    proxy.stall(HALF_A_PAGE, times=1)
    assert_recovers(fabric, api)
    assert proxy.connections > before + 1


def test_a_trickle_ends(
    api: KubernetesAPI, proxy: Proxy, fabric: Fabric, changed: None, monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Bytes arrive all the time, so that no time-out strikes, and an answer would take for ever."""
    monkeypatch.setattr(run_module, 'ClientOptions', partial(ClientOptions, longest_answer=1))
    text = random.Random(1).randbytes(100_000).hex()
    for item in api.objects('SwitchProfile'):
        api.patch('SwitchProfile', item['metadata']['name'], {'metadata': {'annotations': {'big': text}}})
    proxy.slow(20_000)
    assert_failed(fabric, 'took more than 1 s to send a response', reached=False)
    proxy.heal()
    assert_recovers(fabric, api)


def test_a_connection_test_asks_twice_and_waits_little(
    proxy: Proxy, fabric: Fabric, setting, monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Whatever patience runs have: a person waits, and a process that serves pages."""
    setting(read_timeout=30, retries=8)
    monkeypatch.setitem(run_module.CONNECTION_TEST_LIMITS, 'read_timeout', 0.3)
    before = proxy.connections
    proxy.stall(0)
    found = run_module.test_connection(fabric)
    assert not found.connected
    assert 'did not respond in time (' in found.sentences[0]
    assert '0.3 s between bytes' in found.sentences[0]
    assert proxy.connections == before + 2


def test_the_network_goes_during_a_sync(
    api: KubernetesAPI, proxy: Proxy, fabric: Fabric, changed: None, setting, monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What was read until then is in the mirror; of the rest nothing is known, and nothing is missing."""
    sync_kind = run_module.sync_kind

    def goes(fabric: Fabric, listing: run_module.Listing) -> object:
        # Its metadata may have arrived by now; what has changed of it has not been asked for.
        if listing.kind.name == 'Connection':
            proxy.refuse()
        return sync_kind(fabric, listing)

    setting(retries=1)
    last = fabric.last_sync
    with monkeypatch.context() as patch:
        patch.setattr(run_module, 'sync_kind', goes)
        sync(fabric)
    assert fabric.sync_status == 'failed'
    assert 'connection refused' in fabric.sync_error
    assert ' synced before that.' in fabric.sync_error
    assert fabric.last_sync == last
    rows = mirror(fabric)
    assert rows['Switch', 'leaf-01']['spec']['description'] == 'moved'
    assert [row for row in rows.values() if row['labels'].get('moved')] == []
    proxy.heal()
    assert_complete(fabric, api)
    missing = FabricResource.objects.exclude(missing_since=None).values_list('kind', 'name')
    assert list(missing) == [('Server', 'server-01')]
