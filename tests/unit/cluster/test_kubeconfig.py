"""What a kubeconfig may hold, and that a refusal says why without quoting a secret."""

import base64
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from netbox_hedgehog.cluster.kubeconfig import Credentials, KubeconfigError, check_server, parse_kubeconfig

SECRET = 'CANARY-secret'
PEM = '-----BEGIN CERTIFICATE-----\nCANARY\n-----END CERTIFICATE-----\n'
KEY = '-----BEGIN PRIVATE KEY-----\nCANARY\n-----END PRIVATE KEY-----\n'


def b64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def kubeconfig(cluster: dict[str, Any] | None = None, user: dict[str, Any] | None = None, **top: Any) -> dict[str, Any]:
    return {
        'apiVersion': 'v1',
        'kind': 'Config',
        'clusters': [{'name': 'c', 'cluster': {'server': 'https://control-1:6443', **(cluster or {})}}],
        'users': [{'name': 'u', 'user': {'token': SECRET, **(user or {})}}],
        'contexts': [{'name': 'x', 'context': {'cluster': 'c', 'user': 'u'}}],
        'current-context': 'x',
        **top,
    }


def refusal(config: Any, **options: Any) -> str:
    text = config if isinstance(config, str) else yaml.safe_dump(config)
    with pytest.raises(KubeconfigError) as caught:
        parse_kubeconfig(text, **options)
    sentence = str(caught.value)
    assert 'CANARY' not in sentence
    assert sentence.endswith('.')
    assert caught.value.__cause__ is None
    return sentence


def test_token():
    found = parse_kubeconfig(yaml.safe_dump(kubeconfig({'certificate-authority-data': b64(PEM)})))
    assert found == Credentials(server='https://control-1:6443', token=SECRET, ca_pem=PEM, verify_tls=True)


def test_client_certificate_and_server_name():
    user = {'token': '', 'client-certificate-data': b64(PEM), 'client-key-data': b64(KEY)}
    found = parse_kubeconfig(yaml.safe_dump(kubeconfig({'tls-server-name': 'kubernetes'}, user)))
    assert (found.client_cert_pem, found.client_key_pem) == (PEM, KEY)
    assert (found.token, found.tls_server_name) == ('', 'kubernetes')


def test_only_the_current_context_counts():
    config = kubeconfig()
    config['users'].append({'name': 'other', 'user': {'exec': {'command': 'rm'}}})
    assert parse_kubeconfig(yaml.safe_dump(config)).token == SECRET


def test_repr_shows_no_secret():
    user = {'client-certificate-data': b64(PEM), 'client-key-data': b64(KEY)}
    assert 'CANARY' not in repr(parse_kubeconfig(yaml.safe_dump(kubeconfig(user=user))))


@pytest.mark.parametrize(('user', 'said'), [
    ({'exec': {'command': '/bin/sh', 'args': [SECRET]}}, 'exec'),
    ({'auth-provider': {'name': 'gcp', 'config': {'cmd-path': SECRET}}}, 'auth-provider'),
    ({'tokenFile': '/etc/CANARY'}, 'tokenFile'),
    ({'client-certificate': '/etc/CANARY'}, 'client-certificate'),
    ({'client-key': '/etc/CANARY'}, 'client-key'),
    ({'username': 'admin', 'password': SECRET}, 'user name'),
    ({'password': SECRET}, 'password'),
    ({'as': 'CANARY'}, 'impersonates'),
    ({'as-groups': ['CANARY']}, 'impersonates'),
    ({'as-uid': 'CANARY'}, 'impersonates'),
    ({'token': {SECRET: 1}}, 'token must be text'),
    ({'token': 12345}, 'token must be text'),
    ({'token': ''}, 'neither a token nor a client certificate'),
    ({'client-certificate-data': 'CANARY!'}, 'client-certificate-data'),
    ({'client-certificate-data': 'CANARYé'}, 'client-certificate-data'),
    ({'client-key-data': b64(SECRET)}, 'client-key-data'),
])
def test_user_is_refused(user, said):
    assert said in refusal(kubeconfig(user=user))


@pytest.mark.parametrize(('cluster', 'said'), [
    ({'certificate-authority': '/etc/CANARY'}, 'certificate-authority'),
    ({'certificate-authority-data': '%%%'}, 'certificate-authority-data'),
    ({'certificate-authority-data': [SECRET]}, 'certificate-authority-data must be text'),
    ({'proxy-url': 'http://CANARY@proxy'}, 'proxy-url'),
    ({'insecure-skip-tls-verify': True}, 'TLS verification'),
    ({'server': ''}, 'scheme and a host'),
    ({'server': 5}, 'server must be text'),
    ({'server': 'control-1:6443'}, 'scheme and a host'),
    ({'server': 'ftp://control-1'}, 'scheme and a host'),
    ({'server': 'https://admin:CANARY@control-1'}, 'must not contain'),
    ({'server': 'https://control-1:CANARY'}, 'Invalid server address'),
    ({'server': 'https://control-1/?token=CANARY'}, 'must not contain'),
    ({'server': 'https://control-1/any/path?'}, 'must not contain'),
    ({'server': 'https://control-1/any/path#'}, 'must not contain'),
    ({'server': 'https://@control-1'}, 'must not contain'),
    ({'server': 'https://control-1\\CANARY'}, 'Invalid server address'),
    ({'server': 'https://[::1'}, 'Invalid server address'),
    ({'server': 'https://control-1/a\r\nCANARY: x'}, 'line breaks'),
    ({'tls-server-name': 7}, 'tls-server-name must be text'),
])
def test_cluster_is_refused(cluster, said):
    assert said in refusal(kubeconfig(cluster))


def test_insecure_is_taken_where_the_fabric_says_so():
    config = yaml.safe_dump(kubeconfig({'insecure-skip-tls-verify': True}))
    assert parse_kubeconfig(config, verify_tls=False).verify_tls is False


@pytest.mark.parametrize(('config', 'said'), [
    ('', 'not a kubeconfig'),
    ('CANARY', 'not a kubeconfig'),
    ('- CANARY', 'not a kubeconfig'),
    ('{a: CANARY', 'not valid YAML'),
    ('a: !!python/object:os.system CANARY', 'not valid YAML'),
    ('a: 2001-99-99', 'not a kubeconfig'),
    ('a: \x00CANARY', 'not valid YAML'),
    ('[' * 5000, 'nested too deeply'),
    ('- ' * 5000, 'nested too deeply'),
    ('{a: ' * 5000, 'nested too deeply'),
    ('? ' * 5000, 'nested too deeply'),
    ('[' + '1,' * 50_000 + ']', 'too many values'),
    ('CANARY: {}\n' * 20_000, 'too many values'),
    ('a: &a CANARY\nb: *a', 'aliases'),
    ('a: {<<: {b: CANARY}}', 'merge keys'),
    ('x0: &x0 {a: b}\n' + '\n'.join(f'x{i}: &x{i} {{<<: [*x{i - 1}, *x{i - 1}]}}' for i in range(1, 40)), 'aliases'),
    ('x0: &x0 {a: b}\n' + '\n'.join(f'x{i}: &x{i} [*x{i - 1}, *x{i - 1}]' for i in range(1, 40)), 'aliases'),
    ('a: ' + 'CANARY' * 50_000, 'larger than'),
    ({'clusters': 'CANARY'}, 'no list of clusters'),
    (kubeconfig(**{'current-context': ''}), 'no current-context'),
    (kubeconfig(**{'current-context': {SECRET: [SECRET]}}), 'no current-context'),
    (kubeconfig(**{'current-context': 'CANARY'}), 'under contexts'),
    (kubeconfig(contexts=7), 'under contexts'),
    (kubeconfig(contexts=[7, None, {'name': 'x', 'context': SECRET}]), 'under contexts'),
    (kubeconfig(users=[]), 'under users'),
    (kubeconfig(clusters=[{'name': 'c', 'cluster': [SECRET]}]), 'under clusters'),
])
def test_config_is_refused(config, said):
    assert said in refusal(config)


def test_numbers_and_dates_are_not_worked_out():
    """Python refuses the first two, and multiplies the third out; none of them is used for anything."""
    numbers = f'[{"9" * 5000}, 2001-99-99, {":".join("1" * 1000)}, 1.5, .inf]'
    assert parse_kubeconfig(f'{yaml.safe_dump(kubeconfig())}extra: {numbers}\n').token == SECRET
    assert 'as-uid' in refusal(kubeconfig(user={'as-uid': 1000}))


def test_a_large_kubeconfig_is_read():
    """300 clusters, each with its user and context: more than anybody has in one file."""
    config = kubeconfig()
    for number in range(300):
        config['clusters'].append({'name': f'c{number}', 'cluster': {'server': f'https://control-{number}:6443'}})
        config['users'].append({'name': f'u{number}', 'user': {'token': f'token-{number}'}})
        config['contexts'].append({'name': f'x{number}', 'context': {'cluster': f'c{number}', 'user': f'u{number}'}})
    found = parse_kubeconfig(yaml.safe_dump({**config, 'current-context': 'x299'}))
    assert (found.server, found.token) == ('https://control-299:6443', 'token-299')


JUNK = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | st.just(SECRET),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
CLUSTER_KEYS = st.sampled_from([
    'server', 'certificate-authority-data', 'certificate-authority', 'proxy-url', 'tls-server-name',
    'insecure-skip-tls-verify',
])
USER_KEYS = st.sampled_from([
    'token', 'client-certificate-data', 'client-key-data', 'exec', 'as', 'username', 'tokenFile', 'auth-provider',
])
TOP_KEYS = st.sampled_from(['clusters', 'users', 'contexts', 'current-context', 'kind'])


def only_refused(text: str) -> None:
    said = ''
    try:
        parse_kubeconfig(text)
    except KubeconfigError as error:
        said = str(error)
    assert SECRET not in said


@given(st.dictionaries(CLUSTER_KEYS, JUNK), st.dictionaries(USER_KEYS, JUNK), st.dictionaries(TOP_KEYS, JUNK))
def test_junk_in_its_place_raises_nothing_else(cluster, user, top):
    only_refused(yaml.safe_dump(kubeconfig(cluster, user, **top)))


@given(st.text(st.characters(), max_size=200))
def test_any_text_raises_nothing_else(text):
    only_refused(text)


@given(st.text(max_size=60) | st.text(max_size=60).map('https://'.__add__))
def test_any_address_raises_nothing_else(address):
    try:
        found = check_server(address)
    except KubeconfigError:
        return
    assert found.startswith(('http://', 'https://', 'HTTP', 'Http'))
    assert found.isprintable()
    assert check_server(found) == found


@pytest.mark.parametrize('address', ['https://control-1:6443', 'https://10.0.0.1', 'https://[::1]:6443', 'https://rancher/k8s/clusters/c-1'])
def test_good_addresses(address):
    assert check_server(f' {address}/ ') == address
