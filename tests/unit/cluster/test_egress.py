"""Where a fabric's API server may be: nobody who edits a fabric makes NetBox's workers call what they can reach."""

import socket
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured, ValidationError

from demo.kubernetes_api import KubernetesAPI
from netbox_hedgehog import HedgehogPluginConfig
from netbox_hedgehog.cluster.client import Cluster
from netbox_hedgehog.cluster.egress import DestinationDenied, EgressPolicy
from netbox_hedgehog.cluster.kubeconfig import Credentials
from netbox_hedgehog.cluster.transport import ClientOptions
from netbox_hedgehog.hedgehog.kinds import KIND_BY_NAME
from netbox_hedgehog.models import Fabric
from netbox_hedgehog.sync.run import sync_fabric

DEFAULTS = HedgehogPluginConfig.default_settings
SERVER = KIND_BY_NAME['Server']


def of(**settings: Any) -> EgressPolicy:
    settings = {**DEFAULTS, **settings}
    return EgressPolicy.of(*(settings[f'{name}'] for name in (
        'allowed_schemes', 'allowed_destinations', 'denied_destinations',
    )))


def call(server: str, destinations: EgressPolicy, **credentials: Any) -> None:
    options = ClientOptions(connect_timeout=2, read_timeout=2, retries=0, destinations=destinations)
    with Cluster(Credentials(server=server, token='t', **credentials), options) as cluster:
        next(cluster.pages(SERVER, 'default'))


@pytest.mark.parametrize('server', [
    'https://127.0.0.1:6443', 'https://127.8.9.1', 'https://[::1]:6443', 'https://0.0.0.0', 'https://169.254.169.254',
    'https://[fe80::1%25eth0]', 'https://[::ffff:127.0.0.1]', 'https://[::ffff:169.254.169.254]', 'https://224.0.0.1',
])
def test_addresses_where_no_fabric_is_are_denied_at_once(server: str) -> None:
    with pytest.raises(DestinationDenied, match='is a denied destination'):
        of().check_server(server)


# NAT64 (RFC 6052, 8215 with each of its prefixes), 6to4, Teredo, IPv4-compatible, IPv4-translated: what each carries is
# 169.254.169.254, 127.0.0.1 or, at the end, what clouds serve their credentials at by IPv6.
@pytest.mark.parametrize('address', [
    '64:ff9b::a9fe:a9fe', '64:ff9b::127.0.0.1', '64:ff9b:1::169.254.169.254', '64:ff9b:1:a9fe:a9:fe00::',
    '64:ff9b:1:a9:fe:a9fe::', '64:ff9b:1:7:a9:fea9:fe00::', '2002:a9fe:a9fe::1', '2001:0:a9fe:a9fe::1',
    '2001:0:4136:e378:8000:63bf:80ff:fffe', '::127.0.0.1', '::ffff:0:169.254.169.254', 'fd00:ec2::254',
    'fd20:ce::254',
])
def test_an_address_is_denied_for_the_one_that_it_carries(address: str) -> None:
    with pytest.raises(DestinationDenied, match='is a denied destination'):
        of().check_server(f'https://[{address}]:6443')


def test_what_an_administrator_denies_is_denied_behind_a_translator() -> None:
    only = of(denied_destinations=['10.0.0.0/8'])
    for address in ('64:ff9b::10.0.0.5', '2002:a00:5::1', '64:ff9b:1:a00:0:500::'):
        with pytest.raises(DestinationDenied):
            only.check_server(f'https://[{address}]')
    only.check_server('https://[64:ff9b::11.0.0.5]')


def test_what_is_allowed_by_an_ipv4_network_is_not_allowed_behind_a_translator() -> None:
    only = of(allowed_destinations=['10.0.0.0/8'])
    with pytest.raises(DestinationDenied, match='is not an allowed destination'):
        only.check_server('https://[64:ff9b::10.0.0.5]')
    of(allowed_destinations=['64:ff9b::/96']).check_server('https://[64:ff9b::10.0.0.5]')


@pytest.mark.parametrize('server', [
    'https://10.1.2.3:6443', 'https://192.168.0.9', 'https://[2001:db8::1]:6443', 'https://[fd00:ec3::1]',
    'https://[64:ff9b::10.1.2.3]', 'https://[64:ff9b:1::10.1.2.3]', 'https://[64:ff9b:1:a01:2:300::]',
])
def test_a_control_node_may_be_in_a_private_network(server: str) -> None:
    of().check_server(server)


def test_without_tls_the_token_would_travel_in_the_clear() -> None:
    with pytest.raises(DestinationDenied, match='unencrypted'):
        of().check_server('http://10.0.0.1')
    of(allowed_schemes=['https', 'http']).check_server('http://10.0.0.1')


# However the name is written, the address is what counts.
@pytest.mark.parametrize('host', ['localhost', '127.1', '2130706433', '0x7f000001', 'LOCALHOST'])
def test_a_name_that_leads_to_a_denied_address_is_not_called(api: KubernetesAPI, host: str) -> None:
    port = api.url.rsplit(':', 1)[1]
    with pytest.raises(DestinationDenied, match='is a denied destination'):
        call(f'https://{host}:{port}', of(), verify_tls=False)
    assert not api.requests


def test_a_name_that_changes_its_address_gains_nothing(api: KubernetesAPI, monkeypatch: pytest.MonkeyPatch) -> None:
    # DNS rebinding: the first answer is harmless, the second is not. Each connection goes where its own answer said.
    answers = iter(['203.0.113.7', '127.0.0.1'])
    opened: list[Any] = []

    def resolve(host: str, port: int, *rest: Any, **options: Any) -> list[Any]:
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, '', (next(answers), port))]

    def refuse(address: Any, *rest: Any, **options: Any) -> socket.socket:
        opened.append(address)
        raise ConnectionRefusedError(111, 'refused')

    monkeypatch.setattr('netbox_hedgehog.cluster.guard.socket.getaddrinfo', resolve)
    monkeypatch.setattr('netbox_hedgehog.cluster.guard.create_connection', refuse)
    monkeypatch.setattr('urllib3.util.retry.time.sleep', lambda seconds: None)
    options = ClientOptions(retries=1, destinations=of())
    with (
        Cluster(Credentials(server='https://rebinding.example.com', token='t'), options) as cluster,
        pytest.raises(DestinationDenied),
    ):
        next(cluster.pages(SERVER, 'default'))
    assert opened == [('203.0.113.7', 443)]


def test_one_denied_address_among_many_is_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    def resolve(host: str, port: int, *rest: Any, **options: Any) -> list[Any]:
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, '', (ip, port)) for ip in ('203.0.113.7', '169.254.169.254')]

    monkeypatch.setattr('netbox_hedgehog.cluster.guard.socket.getaddrinfo', resolve)
    with pytest.raises(DestinationDenied, match=r'two\.example\.com \(169\.254\.169\.254\)'):
        call('https://two.example.com', of())


def test_where_some_are_allowed_nothing_else_is(api: KubernetesAPI) -> None:
    only = of(allowed_destinations=['10.0.0.0/8', '*.fabric.example.com'], denied_destinations=[])
    with pytest.raises(DestinationDenied, match='is not an allowed destination'):
        call(api.url, only, ca_pem=api.ca_pem)
    assert not api.requests
    only.check_server('https://10.9.9.9:6443')
    only.check_server('https://one.fabric.example.com')
    with pytest.raises(DestinationDenied):
        only.check_server('https://192.168.1.1')


def test_what_is_denied_stays_denied_though_it_is_allowed_by_name(api: KubernetesAPI) -> None:
    port = api.url.rsplit(':', 1)[1]
    with pytest.raises(DestinationDenied):
        call(f'https://localhost:{port}', of(allowed_destinations=['localhost']), verify_tls=False)
    with pytest.raises(DestinationDenied):
        of(denied_destinations=['*.internal.example.com']).check_server('https://db.Internal.example.com')


def test_what_is_allowed_is_called(api: KubernetesAPI) -> None:
    api.grant('t', 'viewer')
    call(api.url, of(allowed_destinations=['127.0.0.1'], denied_destinations=[]), ca_pem=api.ca_pem)
    assert api.requests


@pytest.mark.django_db
def test_a_fabric_with_such_a_server_is_refused_and_never_read(api: KubernetesAPI, settings: Any) -> None:
    settings.PLUGINS_CONFIG = {'netbox_hedgehog': {**settings.PLUGINS_CONFIG['netbox_hedgehog'], **{
        name: DEFAULTS[name] for name in ('allowed_destinations', 'denied_destinations')
    }}}
    fabric = Fabric(name='f', kubernetes_server=api.url, kubernetes_token='t', kubernetes_ca_cert=api.ca_pem)
    with pytest.raises(ValidationError) as refused:
        fabric.full_clean()
    assert 'is a denied destination' in refused.value.message_dict['kubernetes_server'][0]
    # One that was stored before the setting was made.
    fabric.save()
    report = sync_fabric(fabric)
    assert report.outcome == 'failed'
    assert 'is a denied destination' in report.error
    assert not api.requests


@pytest.mark.parametrize(('setting', 'said'), [
    ({'denied_destinations': ['10.0.0.0/99']}, 'neither a network'),
    ({'allowed_destinations': 'example.com'}, 'must be a list'),
    ({'allowed_schemes': ['ftp']}, 'may contain https and http'),
])
def test_settings_that_cannot_be_meant(setting: dict[str, Any], said: str) -> None:
    with pytest.raises(ImproperlyConfigured, match=said):
        HedgehogPluginConfig.validate({**setting}, '4.7.3')
