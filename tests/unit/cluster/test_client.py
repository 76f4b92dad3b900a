"""The client against an API that fails in every way that matters."""

import base64
import dataclasses
import datetime
import gc
import ipaddress
import itertools
import json
import logging
import os
import re
import socket
import ssl
import tempfile
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from concurrent.futures import CancelledError
from contextlib import contextmanager, suppress
from typing import Any

import pytest
import yaml
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from kubernetes.config import incluster_config

from demo.kubernetes_api import Authority, KubernetesAPI
from demo.kubernetes_api.faults import Fault
from netbox_hedgehog.cluster import client as client_module
from netbox_hedgehog.cluster import guard as guard_module
from netbox_hedgehog.cluster import probe as probe_module
from netbox_hedgehog.cluster import transport as transport_module
from netbox_hedgehog.cluster import watch as watch_module
from netbox_hedgehog.cluster.client import Cluster
from netbox_hedgehog.cluster.errors import (
    BadAnswer,
    ClusterError,
    Expired,
    Forbidden,
    NotInstalled,
    ServerFault,
    TLSFailed,
    Unauthorized,
    Unreachable,
    UnusableCredentials,
)
from netbox_hedgehog.cluster.kubeconfig import Credentials, parse_kubeconfig
from netbox_hedgehog.cluster.probe import probe
from netbox_hedgehog.cluster.transport import ClientOptions
from netbox_hedgehog.hedgehog.kinds import KIND_BY_NAME, KINDS

SERVER = KIND_BY_NAME['Server']
QUICK = ClientOptions(connect_timeout=2, read_timeout=5, retries=2)
TOKEN = 'viewer-token'


def server(name: str) -> dict[str, Any]:
    return {
        'apiVersion': SERVER.api_version,
        'kind': 'Server',
        'metadata': {'name': name, 'namespace': 'default'},
        'spec': {'description': name},
    }


def fill(api: KubernetesAPI, count: int) -> list[str]:
    names = [f'server-{number:03}' for number in range(count)]
    for name in names:
        api.put(server(name))
    return names


def connect(api: KubernetesAPI, token: str = TOKEN, options: ClientOptions = QUICK, **credentials: Any) -> Cluster:
    return Cluster(Credentials(**{'server': api.url, 'token': token, 'ca_pem': api.ca_pem, **credentials}), options)


def names(cluster: Cluster, page_size: int | None = None) -> list[str]:
    return [item['metadata']['name'] for page in cluster.pages(SERVER, 'default', page_size) for item in page.items]


@pytest.fixture(autouse=True)
def waits(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The waits between tries, noted instead of waited."""
    waited: list[float] = []
    monkeypatch.setattr('urllib3.util.retry.time.sleep', waited.append)
    return waited


# Lists


@pytest.mark.parametrize('page_size', [1, 3, 7, 500, 1_000_000])
def test_pages_give_every_object_once(api, page_size):
    expected = fill(api, 7)
    with connect(api) as cluster:
        assert names(cluster, page_size) == expected
    assert {request.query['limit'] for request in api.requests} == {str(page_size)}
    assert len(api.requests) == -(-7 // page_size)


@pytest.mark.parametrize('count', [1, 3, 5, 6, 7, 30])
def test_pages_of_metadata_are_longer_and_come_whole_in_pieces(api, count):
    """At the same moment in the cluster's life, whatever happens in between, and nothing more than was on the page."""
    small = dataclasses.replace(SERVER, page_size=3)
    expected, found = fill(api, count), []
    with connect(api) as cluster:
        for page in cluster.pages(small, 'default', metadata_only=True):
            assert page.metadata_only
            assert len(page.items) <= 6
            listed = [item['metadata']['name'] for item in page.items]
            pieces = []
            for piece in cluster.full_pages(small, 'default', page):
                assert len(piece.items) <= 3
                pieces += [item['metadata']['name'] for item in piece.items if item['spec']]
                api.put(server(f'server-000-{len(api.requests)}'))  # would stand among them in a list of now
            assert pieces == listed
            found += pieces
    assert found == expected


def test_empty_list(api):
    with connect(api) as cluster:
        assert [page.items for page in cluster.pages(SERVER, 'default')] == [[]]


def test_empty_list_as_go_writes_it(api):
    api.faults.answer(200, body=b'{"kind":"ServerList","metadata":{"resourceVersion":"1"},"items":null}')
    with connect(api) as cluster:
        assert names(cluster) == []


def test_compressed_answer(api):
    api.put({**server('big'), 'spec': {'description': 'x' * 500_000}})
    with connect(api) as cluster:
        (page,) = cluster.pages(SERVER, 'default')
    assert page.items[0]['spec']['description'] == 'x' * 500_000
    assert 0 < page.size < 100_000, 'the size on the wire'


def test_version(api):
    with connect(api) as cluster:
        assert cluster.version().startswith('v1.')


# What passes by itself


@pytest.mark.parametrize('fault', [
    lambda faults: faults.answer(429, retry_after=1, match='continue='),
    lambda faults: faults.answer(429, match='continue='),
    lambda faults: faults.answer(500, times=2, match='continue='),
    lambda faults: faults.answer(502, body=b'<html>', match='continue='),
    lambda faults: faults.answer(503, times=2, match='continue='),
    lambda faults: faults.answer(504, match='limit='),
    lambda faults: faults.drop(times=2, match='limit='),
    lambda faults: faults.drop(match='continue='),
    lambda faults: faults.cut(times=2, match='limit='),
    lambda faults: faults.cut(match='continue='),
], ids=['429-after', '429', '500', '502', '503', '504', 'drop', 'drop-later', 'cut', 'cut-later'])
def test_passing_faults_are_outlasted(api, fault):
    expected = fill(api, 9)
    fault(api.faults)
    with connect(api) as cluster:
        assert names(cluster, 3) == expected
    assert not api.faults.waiting


def test_cut_in_a_compressed_body(api):
    api.put({**server('big'), 'spec': {'description': 'x' * 500_000}})
    api.faults.cut()
    with connect(api) as cluster:
        assert names(cluster) == ['big']


def test_a_restarted_server_is_found_again(api):
    fill(api, 6)
    with connect(api) as cluster:
        pages = cluster.pages(SERVER, 'default', 2)
        next(pages)
        while len(api.requests) < 2:  # the second page is asked for meanwhile, and the third only afterwards
            time.sleep(0.01)
        api.stop()
        api.start()
        found = [item['metadata']['name'] for page in pages for item in page.items]
        assert found == ['server-002', 'server-003', 'server-004', 'server-005']


def test_waits_grow_and_are_spread(api, waits):
    api.faults.answer(503, times=4)
    with connect(api, options=ClientOptions(retries=4)) as cluster:
        assert names(cluster) == []
    assert waits == sorted(waits)
    assert len(waits) == 3, 'the first repetition comes at once'
    assert waits != [0.6, 1.2, 2.4]
    assert sum(waits) < 6


@pytest.mark.parametrize(('header', 'expected'), [('3', [3]), ('86400', [20]), ('0', []), ('soon', []), ('-1', [])])
def test_retry_after(api, waits, header, expected):
    headers = {'Content-Type': 'application/json', 'Retry-After': header}
    api.faults._add(Fault(re.compile(''), 1, 0, status=429, headers=headers))
    with connect(api) as cluster:
        assert names(cluster) == []
    assert waits == expected


def test_all_waits_of_a_sync_together_are_bounded(api, monkeypatch):
    clock = 0.0

    def sleep(seconds: float) -> None:
        nonlocal clock
        clock += seconds

    monkeypatch.setattr('urllib3.util.retry.time.sleep', sleep)
    monkeypatch.setattr(transport_module, 'time', type('Clock', (), {'monotonic': staticmethod(lambda: clock)}))
    api.faults.answer(503, times=None, retry_after=20)
    with connect(api, options=ClientOptions(retries=4)) as cluster:
        for kind in KINDS:
            with pytest.raises(ServerFault):
                list(cluster.pages(kind, 'default'))
    assert clock == transport_module.RETRY_BUDGET


@pytest.mark.parametrize('retries', [0, 1, 3])
@pytest.mark.parametrize(('fault', 'error', 'said'), [
    (lambda faults: faults.answer(503, times=None), ServerFault, r'failed to list servers \(503\)'),
    (lambda faults: faults.answer(429, times=None), ServerFault, '429'),
    (lambda faults: faults.drop(times=None), Unreachable, 'was interrupted'),
    (lambda faults: faults.cut(times=None), Unreachable, 'was interrupted'),
])
def test_gives_up(api, retries, fault, error, said):
    fill(api, 1)
    fault(api.faults)
    with connect(api, options=ClientOptions(retries=retries)) as cluster, pytest.raises(error, match=said):
        names(cluster)
    assert len(api.requests) == retries + 1


# What does not pass


def test_list_expired(api):
    fill(api, 4)
    with connect(api) as cluster:
        pages = cluster.pages(SERVER, 'default', 2)
        next(pages)
        api.expire_continue_tokens()
        with pytest.raises(Expired, match='410'):
            next(pages)


def test_not_installed(api):
    api.missing_kinds.add('Server')
    with connect(api) as cluster, pytest.raises(NotInstalled, match='servers'):
        names(cluster)
    assert len(api.requests) == 1


def test_forbidden_names_the_plural(api):
    with connect(api, 'vpc-editor-token') as cluster:
        with pytest.raises(Forbidden, match=r'may not list servers \(403\)'):
            names(cluster)
        assert list(cluster.pages(KIND_BY_NAME['VPC'], 'default'))
    assert not Forbidden.ends_sync


def test_unauthorized(api):
    with connect(api, 'revoked-token') as cluster, pytest.raises(Unauthorized, match='401') as caught:
        names(cluster)
    assert caught.value.ends_sync
    assert len(api.requests) == 1


@pytest.mark.parametrize('body', [
    b'', b'[]', b'"text"', b'null', b'7', b'{}', b'{"items": {}, "metadata": {}}', b'{"items": []}',
    b'{"items": [], "metadata": []}', b'\xff\xfe', b'{"items": ' + b'[' * 100_000, b'{"a": ' + b'9' * 5000 + b'}',
])
def test_answers_that_are_no_list(api, body):
    api.faults.answer(200, body=body, times=None)
    with connect(api) as cluster, pytest.raises(BadAnswer):
        names(cluster)


def test_a_page_and_truncated_json(api):
    with connect(api) as cluster:
        api.faults.html()
        with pytest.raises(BadAnswer, match='JSON'):
            names(cluster)
        api.faults.invalid_json()
        with pytest.raises(BadAnswer):
            names(cluster)
        api.faults.answer(200, body=b'{"major": "1"}')
        with pytest.raises(BadAnswer, match='does not respond like a Kubernetes API'):
            cluster.version()
        api.faults.answer(418)
        with pytest.raises(BadAnswer, match='418'):
            names(cluster)


@pytest.mark.parametrize('status', [301, 302, 303, 307, 308])
def test_redirect_is_not_followed(api, status):
    with KubernetesAPI() as other:
        api.faults.redirect(f'{other.url}/elsewhere', status=status)
        with connect(api, verify_tls=False) as cluster, pytest.raises(BadAnswer, match='sent a redirect'):
            names(cluster)
        assert not other.requests


# TLS


def certificate(
    names: list[str], *, days: int = 30, started: int = 1, issuer: tuple[Any, Any] | None = None, plain: bool = False
) -> tuple[str, str, tuple[Any, Any]]:
    """A certificate, its key, and both as an issuer. `plain` leaves key identifiers out, as older tools did."""
    key = ec.generate_private_key(ec.SECP256R1())
    now = datetime.datetime.now(datetime.UTC)
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, ' '.join(names) or 'authority')])
    alternatives = [
        x509.IPAddress(ipaddress.ip_address(name)) if name[0].isdigit() else x509.DNSName(name) for name in names
    ]
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer[0].subject if issuer else subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=started))
        .not_valid_after(now - datetime.timedelta(days=started) + datetime.timedelta(days=days))
        .add_extension(x509.BasicConstraints(ca=issuer is None, path_length=None), critical=not plain)
    )
    if alternatives:
        builder = builder.add_extension(x509.SubjectAlternativeName(alternatives), critical=False)
    made = builder.sign(issuer[1] if issuer else key, hashes.SHA256())
    pem = made.public_bytes(serialization.Encoding.PEM).decode()
    key_pem = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()
    return pem, key_pem, (made, key)


@contextmanager
def listening(handle: Callable[[socket.socket], None]) -> Iterator[int]:
    """A server that does with each connection what `handle` does."""
    with socket.create_server(('127.0.0.1', 0)) as listener:
        def serve() -> None:
            while True:
                try:
                    connection, _ = listener.accept()
                except OSError:
                    return
                with connection, suppress(OSError):
                    handle(connection)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield listener.getsockname()[1]
        listener.shutdown(socket.SHUT_RDWR)
    thread.join()


@contextmanager
def tls_server(pem: str, key_pem: str, tmp_path: Any) -> Iterator[int]:
    chain = tmp_path / 'chain.pem'
    chain.write_text(key_pem + pem)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(chain)
    body = json.dumps({'gitVersion': 'v1.30.0'}).encode()

    def handle(connection: socket.socket) -> None:
        with context.wrap_socket(connection, server_side=True) as stream:
            stream.recv(65536)
            stream.sendall(b'HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: %d\r\n\r\n%s' % (len(body), body))

    with listening(handle) as port:
        yield port


def version_of(port: int, host: str = '127.0.0.1', **credentials: Any) -> str:
    with Cluster(Credentials(server=f'https://{host}:{port}', token=TOKEN, **credentials), QUICK) as cluster:
        return cluster.version()


def test_certificate_of_another_authority(api):
    cluster = connect(api, ca_pem=Authority.create().certificate_pem)
    with cluster, pytest.raises(TLSFailed, match=r'was not accepted: .*(certificate|signature)') as caught:
        names(cluster)
    assert caught.value.ends_sync
    assert not api.requests


def test_unknown_authority(api):
    with connect(api, ca_pem='') as cluster, pytest.raises(TLSFailed, match=r'self-signed certificate in|unable to get local issuer'):
        names(cluster)


def test_own_authority_stands_alone(api, monkeypatch, tmp_path):
    """What this machine trusts is not trusted beside the authority that is given."""
    bundle = tmp_path / 'bundle.pem'
    bundle.write_text(api.ca_pem)
    monkeypatch.setenv('SSL_CERT_FILE', str(bundle))
    with connect(api, ca_pem='') as cluster:
        assert names(cluster) == []
    with connect(api, ca_pem=Authority.create().certificate_pem) as cluster, pytest.raises(TLSFailed):
        names(cluster)


def test_expired_certificate(tmp_path):
    ca_pem, _, ca = certificate([])
    pem, key_pem, _ = certificate(['127.0.0.1'], days=2, started=10, issuer=ca)
    with tls_server(pem, key_pem, tmp_path) as port, pytest.raises(TLSFailed, match='certificate has expired'):
        version_of(port, ca_pem=ca_pem)


def test_self_signed_certificate(tmp_path):
    pem, key_pem, _ = certificate(['127.0.0.1'])
    with tls_server(pem, key_pem, tmp_path) as port:
        with pytest.raises(TLSFailed, match='self-signed certificate'):
            version_of(port)
        assert version_of(port, ca_pem=pem) == 'v1.30.0'
        assert version_of(port, verify_tls=False) == 'v1.30.0'


def test_wrong_host_name(tmp_path):
    ca_pem, _, ca = certificate([])
    pem, key_pem, _ = certificate(['control-1'], issuer=ca)
    with tls_server(pem, key_pem, tmp_path) as port:
        with pytest.raises(TLSFailed, match=r"not valid for '127\.0\.0\.1'"):
            version_of(port, ca_pem=ca_pem)
        assert version_of(port, ca_pem=ca_pem, tls_server_name='control-1') == 'v1.30.0'
        with pytest.raises(TLSFailed, match='control-2'):
            version_of(port, ca_pem=ca_pem, tls_server_name='control-2')
        assert version_of(port, verify_tls=False, tls_server_name='control-2') == 'v1.30.0'


def test_certificates_as_older_kubernetes_wrote_them(tmp_path):
    """Without key identifiers, which Python 3.13 insists on when it is strict; kubectl takes them."""
    ca_pem, _, ca = certificate([], plain=True)
    pem, key_pem, _ = certificate(['127.0.0.1'], issuer=ca, plain=True)
    with tls_server(pem, key_pem, tmp_path) as port:
        assert version_of(port, ca_pem=ca_pem) == 'v1.30.0'


def test_server_name_without_tls():
    with KubernetesAPI(tls=False) as api, connect(api, tls_server_name='control-1') as cluster:
        assert names(cluster) == []


def test_plain_http_server(tmp_path):
    def handle(connection: socket.socket) -> None:
        connection.recv(100)
        connection.sendall(b'HTTP/1.1 400 Bad Request\r\n\r\n')

    with listening(handle) as port, pytest.raises(TLSFailed, match='Check scheme, port'):
        version_of(port)


def test_hanging_up_in_the_handshake_counts_as_a_broken_connection():
    tries = []

    def handle(connection: socket.socket) -> None:
        tries.append(connection.recv(100_000))

    with listening(handle) as port, pytest.raises(Unreachable, match='was interrupted'):
        version_of(port)
    assert len(tries) == QUICK.retries + 1


@pytest.mark.parametrize('ca_pem', ['BEGIN CERTIFICATE', '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----', 'é'])
def test_unusable_authority(ca_pem):
    with pytest.raises(UnusableCredentials, match='CA certificate'):
        Cluster(Credentials(server='https://127.0.0.1', token='t', ca_pem=ca_pem))


@pytest.mark.parametrize(('before', 'encoding'), [
    ('\ufeff', 'utf-8'), ('# Aussteller: Zürich\n', 'utf-8'), ('\ufeff# Zürich\r\n', 'utf-8'), ('# Zürich\n', 'latin-1'),
], ids=['byte order mark', 'comment', 'both', 'latin-1'])
def test_an_authority_with_a_comment_in_any_language(api, before, encoding):
    """As curl takes it; in the field, and in a kubeconfig."""
    other = Authority.create().certificate_pem
    text = f'{before}{other}\n# Genève\n{api.ca_pem}# fin: é'
    kubeconfig = yaml.safe_load(api.kubeconfig(TOKEN))
    kubeconfig['clusters'][0]['cluster']['certificate-authority-data'] = base64.b64encode(text.encode(encoding)).decode()
    with connect(api, ca_pem=text) as cluster:
        assert names(cluster) == []
    with Cluster(parse_kubeconfig(yaml.safe_dump(kubeconfig)), QUICK) as cluster:
        assert names(cluster) == []
    with connect(api, ca_pem=f'{before}{other}') as cluster, pytest.raises(TLSFailed):
        names(cluster)


def test_a_client_certificate_after_a_byte_order_mark():
    pem, key_pem, _ = certificate(['a'])
    with Cluster(Credentials('https://127.0.0.1', client_cert_pem=f'\ufeff{pem}', client_key_pem=f'\ufeff{key_pem}')):
        pass


def test_unusable_client_certificate():
    pem, key_pem, (_, key) = certificate(['a'])
    _, other, _ = certificate(['b'])
    locked = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.BestAvailableEncryption(b'x' * 8)
    ).decode()
    for cert, wrong in ((pem, other), (pem, ''), (pem, locked), ('', key_pem), ('BEGIN', 'BEGIN')):
        credentials = Credentials(server='https://127.0.0.1', client_cert_pem=cert, client_key_pem=wrong)
        if cert:
            with pytest.raises(UnusableCredentials, match='client certificate'):
                Cluster(credentials)
    with Cluster(Credentials(server='https://127.0.0.1', client_cert_pem=pem, client_key_pem=key_pem)):
        pass


# Reaching it


def test_nobody_listens():
    with socket.create_server(('127.0.0.1', 0)) as taken:
        port = taken.getsockname()[1]
    with pytest.raises(Unreachable, match='connection refused') as caught:
        version_of(port)
    assert caught.value.ends_sync


def test_unknown_host():
    with pytest.raises(Unreachable, match=r': host name not found\.|: the name server does not respond\.'):
        version_of(443, host='no-such-host.invalid')


def test_read_timeout(api):
    api.faults.delay(60, times=None)
    cluster = connect(api, options=ClientOptions(read_timeout=0.1, retries=1))
    with cluster, pytest.raises(Unreachable, match='did not respond in time'):
        names(cluster)
    api.faults.clear()
    assert len(api.requests) == 2


def test_connect_timeout():
    with socket.socket() as listener:
        listener.bind(('127.0.0.1', 0))
        listener.listen(0)
        # The kernel's queue is full with these, and answers nobody else.
        held = []
        for _ in range(8):
            waiting = socket.socket()
            waiting.setblocking(False)
            waiting.connect_ex(listener.getsockname())
            held.append(waiting)
        options = ClientOptions(connect_timeout=0.1, read_timeout=0.1, retries=1)
        credentials = Credentials(server=f'https://127.0.0.1:{listener.getsockname()[1]}', token=TOKEN)
        with Cluster(credentials, options) as cluster, pytest.raises(Unreachable, match='in time'):
            cluster.version()
        for waiting in held:
            waiting.close()


@pytest.mark.parametrize('address', [
    'https://' + 'a' * 64 + '.example.com', 'https://exa..mple', 'https://ex%ample', 'https://münchen.invalid', 'https://*',
    'https://.', 'https://127.0.0.1:0', 'https://[::1%25x]:1',
])
def test_odd_addresses_end_in_a_sentence(address):
    with Cluster(Credentials(server=address, token=TOKEN), QUICK) as cluster, pytest.raises(ClusterError):
        cluster.version()


def trickle(connection: socket.socket) -> None:
    """An answer whose headers do not end, and that always brings something."""
    connection.recv(65536)
    connection.sendall(b'HTTP/1.1 200 OK\r\nX-Slow: ')
    drip(connection, b'a')


def drip(connection: socket.socket, byte: bytes) -> None:
    """Send it again and again, for twenty seconds. (Nothing sleeps here, see waits.)"""
    for _ in range(1000):
        connection.sendall(byte)
        threading.Event().wait(0.02)


@contextmanager
def trickling(tmp_path: Any, tls: bool) -> Iterator[Credentials]:
    if not tls:
        with listening(trickle) as port:
            yield Credentials(f'http://127.0.0.1:{port}', TOKEN)
        return
    pem, key_pem, _ = certificate(['127.0.0.1'])
    (tmp_path / 'chain.pem').write_text(key_pem + pem)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(tmp_path / 'chain.pem')
    with listening(lambda connection: trickle(context.wrap_socket(connection, server_side=True))) as port:
        yield Credentials(f'https://127.0.0.1:{port}', TOKEN, pem)


@pytest.mark.parametrize('tls', [False, True])
def test_headers_that_trickle_end(tmp_path, tls):
    options = dataclasses.replace(QUICK, longest_answer=0.3)
    said = pytest.raises(Unreachable, match=r'took more than 0\.3 s to send a response')
    with trickling(tmp_path, tls) as credentials, Cluster(credentials, options) as cluster, said:
        cluster.version()


def test_a_watch_whose_headers_trickle_ends(tmp_path, monkeypatch):
    monkeypatch.setattr(watch_module, 'SILENCE', 0.3)
    said = pytest.raises(Unreachable, match='did not respond in time')
    with trickling(tmp_path, tls=False) as credentials, Cluster(credentials, QUICK) as cluster, said:
        list(watch_module.events(cluster, SERVER, 'default', '1'))


def test_a_watch_that_trickles_without_an_end_ends(monkeypatch):
    monkeypatch.setattr(watch_module, 'SILENCE', 0.3)
    monkeypatch.setattr(watch_module, 'LONGEST', (0, 0))

    def pieces(connection: socket.socket) -> None:
        connection.recv(65536)
        connection.sendall(b'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n')
        drip(connection, b'0')  # of the size of a piece

    said = pytest.raises(Unreachable, match='did not respond in time')
    with listening(pieces) as port, Cluster(Credentials(f'http://127.0.0.1:{port}', TOKEN), QUICK) as cluster, said:
        list(watch_module.events(cluster, SERVER, 'default', '1'))


def test_who_waits_is_let_go_where_the_connections_are_closed(api):
    """Requests that are under way, those that wait for one of the few threads, and those that come too late."""
    api.faults.hold()
    cluster, ended = connect(api), []

    def read(kind: Any) -> None:
        with pytest.raises((ClusterError, CancelledError)):
            list(cluster.pages(kind, 'default'))
        ended.append(kind)

    readers = [threading.Thread(target=read, args=(kind,), daemon=True) for kind in KINDS]
    for reader in readers:
        reader.start()
    while len(api.requests) < client_module.SIDE_BY_SIDE or cluster._threads._work_queue.empty():
        time.sleep(0.01)
    cluster.close()
    for reader in readers:
        reader.join(20)
    assert len(ended) == len(KINDS)
    with pytest.raises(CancelledError):
        cluster.pages(KINDS[0], 'default')


def test_all_addresses_of_a_name_share_the_time_to_connect(monkeypatch):
    found = [(socket.AF_INET, socket.SOCK_STREAM, 6, '', (f'198.51.100.{number}', 443)) for number in range(1, 201)]
    waited = []

    def black_hole(address: Any, timeout: float, **options: Any) -> None:
        waited.append(timeout)
        raise TimeoutError('timed out')

    monkeypatch.setattr(guard_module.socket, 'getaddrinfo', lambda *args, **options: found)
    monkeypatch.setattr(guard_module, 'create_connection', black_hole)
    cluster = Cluster(Credentials('https://many.example.com', TOKEN), dataclasses.replace(QUICK, retries=0))
    with cluster, pytest.raises(Unreachable, match='in time'):
        cluster.version()
    assert len(waited) == guard_module.MOST_ADDRESSES
    assert waited[0] <= QUICK.connect_timeout / len(waited)
    assert waited[-1] <= QUICK.connect_timeout


def test_a_name_server_that_does_not_answer(monkeypatch):
    answers = threading.Event()
    monkeypatch.setattr(guard_module, 'LONGEST_LOOKUP', 0.1)
    monkeypatch.setattr(guard_module.socket, 'getaddrinfo', lambda *args, **options: answers.wait(20) and [])
    cluster = Cluster(Credentials('https://slow.example.com', TOKEN), dataclasses.replace(QUICK, retries=0))
    with cluster, pytest.raises(Unreachable, match='the name server does not respond'):
        cluster.version()
    answers.set()


def test_no_wait_is_longer_than_patience(api, waits):
    api.faults.answer(503, times=None, retry_after=3600)
    with connect(api, options=dataclasses.replace(QUICK, retry_budget=7)) as cluster, pytest.raises(ServerFault):
        names(cluster)
    assert max(waits) == 7


# What must not happen


@pytest.mark.parametrize('variable', ['HTTPS_PROXY', 'https_proxy', 'ALL_PROXY', 'HTTP_PROXY'])
@pytest.mark.parametrize('proxy', ['http://127.0.0.1:1', 'socks5://127.0.0.1:1'])
def test_no_proxy_of_the_environment(api, monkeypatch, variable, proxy):
    monkeypatch.setenv(variable, proxy)
    monkeypatch.delenv('NO_PROXY', raising=False)
    monkeypatch.delenv('no_proxy', raising=False)
    with connect(api) as cluster:
        assert names(cluster) == []


def test_no_temporary_files(api, tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, 'tempdir', str(tmp_path))
    pem, key_pem, _ = certificate(['a'])
    with connect(api, client_cert_pem=pem, client_key_pem=key_pem) as cluster:
        names(cluster)
        assert not os.listdir(tmp_path)


def test_sockets_are_closed(api):
    gc.collect()
    before = len(os.listdir('/proc/self/fd'))
    with warnings.catch_warnings():
        warnings.simplefilter('error', ResourceWarning)
        with connect(api) as cluster:
            names(cluster)
        api.stop()
        del cluster
        gc.collect()
        assert len(os.listdir('/proc/self/fd')) <= before


@pytest.mark.parametrize('token', [
    'CANARY\nX-Evil: 1', 'CANARY\r', 'CAN\x00ARY', 'CANARY é', 'CANARY ünïcödé', 'CANARY token', 'CANARY\u2028',
])
def test_tokens_that_are_none(api, token):
    if token.strip() == 'CANARY':
        token = 'CANARY\rCANARY'
    with pytest.raises(UnusableCredentials, match='token') as caught:
        connect(api, token)
    assert 'CANARY' not in str(caught.value)


def test_space_around_a_token_does_no_harm(api):
    with connect(api, f' {TOKEN}\n') as cluster:
        assert names(cluster) == []


@pytest.mark.parametrize('fault', [
    None,
    lambda faults: faults.answer(401, times=None),
    lambda faults: faults.answer(403, times=None),
    lambda faults: faults.answer(500, times=None),
    lambda faults: faults.drop(times=None),
    lambda faults: faults.cut(times=None),
    lambda faults: faults.html(),
    lambda faults: faults.redirect('https://127.0.0.1:1/'),
])
def test_the_token_is_shown_nowhere(fault, caplog):
    caplog.set_level(logging.DEBUG)
    logging.getLogger('urllib3').setLevel(logging.DEBUG)
    token = 'CANARY-token'
    with KubernetesAPI(tokens={token: 'viewer'}) as api:
        fill(api, 1)
        if fault:
            fault(api.faults)
        with connect(api, token) as cluster:
            shown = [repr(cluster), str(vars(cluster)), repr(Credentials(token=token))]
            try:
                names(cluster)
            except ClusterError as error:
                shown += [str(error), repr(error), repr(error.__cause__), repr(error.args)]
    assert 'CANARY' not in ' '.join(shown)
    assert 'CANARY' not in caplog.text


# In a pod


@pytest.fixture
def pod(api, monkeypatch, tmp_path):
    (tmp_path / 'token').write_text(TOKEN)
    (tmp_path / 'ca.crt').write_text(api.ca_pem)
    monkeypatch.setattr(incluster_config, 'SERVICE_TOKEN_FILENAME', str(tmp_path / 'token'))
    monkeypatch.setattr(incluster_config, 'SERVICE_CERT_FILENAME', str(tmp_path / 'ca.crt'))
    host, port = api.url.removeprefix('https://').split(':')
    environment = {'KUBERNETES_SERVICE_HOST': host, 'KUBERNETES_SERVICE_PORT': port}
    monkeypatch.setattr(os, 'environ', os.environ | environment)
    monkeypatch.setattr(incluster_config.InClusterConfigLoader.__init__, '__defaults__', (True, os.environ))
    return tmp_path


def test_in_cluster(api, pod):
    fill(api, 2)
    with Cluster(Credentials(in_cluster=True), QUICK) as cluster:
        assert cluster.server == api.url
        assert len(names(cluster)) == 2


def test_in_cluster_outside_of_one():
    with pytest.raises(UnusableCredentials, match='does not run in a pod'):
        Cluster(Credentials(in_cluster=True))


# Test connection


def probed(cluster: Cluster) -> Any:
    with cluster:
        return probe(cluster, KINDS, 'default')


def test_probe_of_a_whole_fabric(api):
    found = probed(connect(api))
    assert found.ok
    assert len(found.readable) == len(KINDS)
    assert found.sentences == [
        f'Connected to {api.url} (Kubernetes {found.version}).',
        '24 of 24 Hedgehog kinds can be read in namespace default.',
        'There are no Hedgehog resources in namespace default. Check its name.',
    ]
    assert {request.query.get('limit') for request in api.requests} == {None, '1'}


def test_probe_says_what_is_forbidden_and_not_installed(api):
    api.missing_kinds.update({'VPC', 'Agent'})
    found = probed(connect(api, 'vpc-editor-token'))
    assert not found.ok
    assert found.connected
    # A real server asks who may before it asks what there is.
    assert 'VPC' in found.not_installed + found.forbidden
    assert 'Switch' in found.forbidden
    assert any('Grant get, list and watch' in sentence for sentence in found.sentences)


def test_probe_of_a_slow_cluster(api, monkeypatch):
    """What it says until time is up, and that it is slow."""
    ticks = itertools.count(0, 8)
    monkeypatch.setattr(probe_module, 'time', type('Clock', (), {'monotonic': staticmethod(lambda: next(ticks))}))
    found = probed(connect(api))
    assert found.connected
    assert not found.ok
    assert len(found.readable) == 3
    assert found.sentences[-1] == (
        f'Timed out after 30 s (3 of 24 kinds checked). Check the load of {api.url} and the network path to it.'
    )


def test_probe_with_a_wrong_token(api):
    found = probed(connect(api, 'wrong'))
    assert not found.ok
    assert any('401' in sentence for sentence in found.sentences)
    assert len(api.requests) == 1, 'one refusal is enough'


def test_probe_of_nothing():
    found = probed(Cluster(Credentials(server='https://127.0.0.1:1', token='t'), QUICK))
    assert not found.connected
    assert len(found.sentences) == 1
    assert 'Cannot reach ' in found.sentences[0]


@pytest.mark.parametrize('inflict', [
    lambda faults: faults.answer(403, times=None, match='/version'),
    lambda faults: faults.html(403, times=None, match='/version'),
    lambda faults: faults.answer(404, times=None, match='/version'),
    lambda faults: faults.html(404, times=None, match='/version'),
], ids=['403', '403 of a proxy', '404', '404 of a proxy'])
def test_probe_of_a_cluster_that_does_not_show_its_version(api, inflict):
    """No run needs it, and no role of the onboarding page grants it."""
    inflict(api.faults)
    found = probed(connect(api))
    assert (found.ok, found.connected, found.version) == (True, True, '')
    assert found.sentences == [
        f'Connected to {api.url}. Its version cannot be read; syncs do not need it.',
        '24 of 24 Hedgehog kinds can be read in namespace default.',
        'There are no Hedgehog resources in namespace default. Check its name.',
    ]


def test_probe_of_a_wrong_path(api):
    """Another web server, or a proxy's path that leads nowhere."""
    api.faults.answer(404, times=None)
    found = probed(connect(api))
    assert (found.ok, found.connected) == (False, False)
    assert found.sentences == [
        f'{api.url} serves no Hedgehog kind (404) and does not show its version, so it is probably not a Kubernetes API. '
        'Check the host, port and path of the address.',
    ]


def test_probe_of_a_sign_in_page(api):
    api.faults.html(403, times=None)
    found = probed(connect(api))
    assert (found.ok, found.connected) == (False, False)
    assert found.sentences == [
        f'{api.url} refused access (403) and does not respond like a Kubernetes API. If a sign-in page or a proxy '
        "responds at this address, enter the API server's own address.",
    ]
    assert len(api.requests) == 2, 'the version, and one kind'


def test_probe_of_a_cluster_that_refuses_everything(api):
    """It cannot be told whether that is a front or a role that is missing."""
    api.faults.answer(403, times=None)
    found = probed(connect(api))
    assert not found.ok
    assert len(found.forbidden) == len(KINDS)
    assert found.sentences == [
        f'{api.url} refused to list any kind (403) and does not show its version. If a sign-in page or a proxy '
        "responds at this address, enter the API server's own address; otherwise grant the ServiceAccount read access.",
    ]


@pytest.mark.parametrize('version', ['v' * 101, 'v' * 10_000_000, 'v1\n2'], ids=['long', '10 MB', 'lines'])
def test_a_version_that_is_none(api, version):
    api.faults.answer(200, body=json.dumps({'gitVersion': version}).encode(), match='/version')
    (sentence,) = probed(connect(api)).sentences
    assert len(sentence) < 200


def test_probe_ends_where_its_time_is_up(tmp_path, monkeypatch):
    monkeypatch.setattr(probe_module, 'LONGEST_IN_ALL', 0.3)
    with trickling(tmp_path, tls=False) as credentials, Cluster(credentials, QUICK) as cluster:
        found = probe(cluster, KINDS, 'default')
    assert not found.connected
    assert len(found.sentences) == 1
