"""What time does between two runs: certificates and tokens expire and are renewed, and clocks go wrong."""

import datetime
from types import SimpleNamespace

import pytest

from demo.kubernetes_api import Authority, KubernetesAPI, tls
from netbox_hedgehog.models import Fabric

from .syncing import assert_complete, assert_failed, assert_recovers


def restarted(api: KubernetesAPI, monkeypatch: pytest.MonkeyPatch, *, days: float = 0) -> None:
    """The server is started anew, with a certificate that it made `days` from now, for a year."""
    clock = datetime.datetime.now(datetime.UTC) + datetime.timedelta(days=days)
    with monkeypatch.context() as patch:
        patch.setattr(tls, 'datetime', SimpleNamespace(
            datetime=SimpleNamespace(now=lambda zone: clock), timedelta=datetime.timedelta, UTC=datetime.UTC,
        ))
        api.stop()
        api.start()


@pytest.fixture(autouse=True)
def _gone_meanwhile(api: KubernetesAPI, fabric: Fabric) -> None:
    """Something has gone from the cluster that nobody can see before all is well again."""
    api.delete('Server', 'server-01')


def test_a_certificate_that_expires_between_syncs(
    api: KubernetesAPI, fabric: Fabric, monkeypatch: pytest.MonkeyPatch,
) -> None:
    restarted(api, monkeypatch, days=-366)
    assert_failed(fabric, 'was not accepted: certificate has expired.', reached=False)
    restarted(api, monkeypatch)
    assert_recovers(fabric, api)


def test_a_certificate_that_is_renewed_by_another_authority(
    api: KubernetesAPI, fabric: Fabric, monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It is not trusted before somebody says so: it might be anybody's."""
    api._authority = Authority.create()
    restarted(api, monkeypatch)
    assert_failed(fabric, 'Provide the signing CA certificate', reached=False)
    Fabric.objects.filter(pk=fabric.pk).update(kubernetes_ca_cert=api.ca_pem)
    assert_recovers(fabric, api)


def test_two_authorities_while_one_follows_the_other(
    api: KubernetesAPI, fabric: Fabric, monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Both may be given at once, so that a change of authority costs no run."""
    old, api._authority = api.ca_pem, Authority.create()
    Fabric.objects.filter(pk=fabric.pk).update(kubernetes_ca_cert=old + api.ca_pem)
    assert_complete(fabric, api)  # the old one still serves
    restarted(api, monkeypatch)
    assert_complete(fabric, api)


def test_a_cluster_whose_clock_is_a_day_ahead(
    api: KubernetesAPI, fabric: Fabric, monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The same as a NetBox whose clock is a day behind: a certificate of tomorrow."""
    restarted(api, monkeypatch, days=1)
    assert_failed(fabric, 'was not accepted: certificate is not yet valid.', reached=False)
    restarted(api, monkeypatch)
    assert_recovers(fabric, api)


@pytest.mark.parametrize('days', [-1, 1])
def test_agents_whose_clock_is_a_day_off(api: KubernetesAPI, fabric: Fabric, days: int) -> None:
    """What they write is held as they write it, and a fabric is as fresh as NetBox's own clock says."""
    moment = datetime.datetime.now(datetime.UTC) + datetime.timedelta(days=days)
    for item in api.objects('Agent'):
        api.patch('Agent', item['metadata']['name'], {'status': {'lastHeartbeat': f'{moment:%Y-%m-%dT%H:%M:%SZ}'}})
    assert_recovers(fabric, api)
    age = datetime.datetime.now(datetime.UTC) - fabric.last_sync
    assert abs(age) < datetime.timedelta(hours=1)


def test_a_token_that_expires_between_syncs(api: KubernetesAPI, fabric: Fabric) -> None:
    api.revoke('viewer-token')
    assert_failed(
        fabric, 'The API server rejected the credentials (401). The token is wrong, expired or revoked. Enter a new token',
        reached=False,
    )
    api.grant('renewed-token', 'viewer')
    fabric.kubernetes_token = 'renewed-token'
    fabric.save()
    assert_recovers(fabric, api)
