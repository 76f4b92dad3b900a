"""A fabric whose API server is reached over a network that can be ill; each test finds an empty Redis."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.conf import settings as conf

from demo.kubernetes_api import KubernetesAPI
from netbox_hedgehog.models import Fabric

from ..support.samples import samples
from .proxy import Proxy


@pytest.fixture(autouse=True)
def _empty_redis() -> None:
    from netbox_hedgehog.jobs.queue import connection

    connection().flushdb()


@pytest.fixture(autouse=True)
def _no_waits_between_tries(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr('urllib3.util.retry.time.sleep', lambda seconds: None)


@pytest.fixture
def setting(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Sets settings of the plugin for the rest of a test."""
    def set_to(**values: Any) -> None:
        for name, value in values.items():
            monkeypatch.setitem(conf.PLUGINS_CONFIG['netbox_hedgehog'], name, value)

    # Statuses that move by themselves are read in every run.
    set_to(status_interval=0)
    return set_to


@pytest.fixture
def api() -> Iterator[KubernetesAPI]:
    """The sample fabric."""
    with KubernetesAPI(samples()) as server:
        yield server


@pytest.fixture
def proxy(api: KubernetesAPI) -> Iterator[Proxy]:
    with Proxy(api.url) as line:
        yield line


@pytest.fixture
def fabric(api: KubernetesAPI, proxy: Proxy, db: None, setting: Any) -> Fabric:
    """The sample fabric behind the proxy; it has been read once."""
    from .syncing import sync

    made = Fabric.objects.create(
        name='f', kubernetes_server=proxy.url, kubernetes_token='viewer-token', kubernetes_ca_cert=api.ca_pem,
    )
    sync(made)
    assert made.sync_status == 'in_sync', made.sync_error
    return made
