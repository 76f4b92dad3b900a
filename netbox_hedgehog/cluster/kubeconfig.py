"""Read the credentials for a cluster from a kubeconfig.

Part of the vocabulary: no Django, no Kubernetes client.
"""

import base64
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import yaml

__all__ = ('Credentials', 'KubeconfigError', 'parse_kubeconfig', 'check_server')

# Kubernetes itself limits a Secret to 1 MiB; a kubeconfig for one cluster is a few KB.
LONGEST = 256 * 1024

# A kubeconfig is five levels deep, and has 30 values for each cluster with its user and context.
DEEPEST = 32
MOST_VALUES = 20_000

_FILES = {
    'cluster': ('certificate-authority',),
    'user': ('client-certificate', 'client-key', 'tokenFile', 'token-file'),
}
_REFUSED_USER = {
    'exec': 'runs a command',
    'auth-provider': 'uses an auth-provider, which may run a command',
    'username': 'uses a user name and password, which Kubernetes no longer supports',
    'password': 'uses a user name and password, which Kubernetes no longer supports',
    'as': 'impersonates another user',
    'as-uid': 'impersonates another user',
    'as-groups': 'impersonates another user',
    'as-user-extra': 'impersonates another user',
}


class KubeconfigError(ValueError):
    """A kubeconfig or server address cannot be used. The text says what is wrong and what to do."""


@dataclass(frozen=True, slots=True)
class Credentials:
    """The address of one API server, and how to authenticate. Its repr has no secrets."""

    server: str = ''
    token: str = field(default='', repr=False)
    ca_pem: str = field(default='', repr=False)
    client_cert_pem: str = field(default='', repr=False)
    client_key_pem: str = field(default='', repr=False)
    verify_tls: bool = True
    tls_server_name: str = ''
    in_cluster: bool = False


def check_server(server: str) -> str:
    """Return the server's address without a trailing slash.

    Raises KubeconfigError with a sentence if it is not the plain address of an HTTP(S) server.
    """
    address = server.strip().rstrip('/')
    if any(character in address for character in '?#@'):
        # Also an empty query or fragment: a path is appended to the address.
        raise KubeconfigError(
            'The server address must not contain a user, password, query or fragment. Enter the token in its own field.'
        )
    if '\\' in address:
        raise KubeconfigError('Invalid server address. Enter it as https://host:6443.')
    try:
        parts = urlsplit(address)
        parts.port  # noqa: B018  raises ValueError for an invalid port
    except ValueError:
        raise KubeconfigError('Invalid server address. Enter it as https://host:6443.') from None
    if not address.isprintable() or ' ' in address:
        raise KubeconfigError('The server address contains spaces or line breaks. Enter it as https://host:6443.')
    if parts.scheme not in ('https', 'http') or not parts.hostname:
        raise KubeconfigError('The server address needs a scheme and a host. Enter it as https://host:6443.')
    return address


def parse_kubeconfig(text: str, *, verify_tls: bool = True) -> Credentials:
    """Return the credentials of the current context of a kubeconfig.

    Takes the YAML text; `verify_tls` False disables TLS verification, whatever the kubeconfig says. Raises
    KubeconfigError with a sentence if it cannot be used, and always if it would run a command or read a file as
    NetBox's user (exec, auth-provider, references to files).
    """
    config = _load(text)
    name = config.get('current-context')
    if not name or not isinstance(name, str):
        raise KubeconfigError('The kubeconfig has no current-context. Set one: kubectl config use-context NAME.')
    context = _named(config, 'contexts', 'context', name)
    cluster = _named(config, 'clusters', 'cluster', context.get('cluster'))
    user = _named(config, 'users', 'user', context.get('user')) if context.get('user') else {}
    _check_sections(cluster, user, verify_tls)
    credentials = Credentials(
        server=check_server(_text(cluster, 'server')),
        token=_text(user, 'token'),
        ca_pem=_decoded(cluster, 'certificate-authority-data'),
        client_cert_pem=_decoded(user, 'client-certificate-data'),
        client_key_pem=_decoded(user, 'client-key-data'),
        verify_tls=verify_tls,
        tls_server_name=_text(cluster, 'tls-server-name'),
    )
    if not credentials.token and not credentials.client_cert_pem:
        raise KubeconfigError('The kubeconfig has neither a token nor a client certificate for its current context.')
    return credentials


def _load(text: str) -> dict[str, Any]:
    """Return the YAML of a kubeconfig as a dictionary. Raises KubeconfigError if it is not one."""
    if len(text) > LONGEST:
        raise KubeconfigError(f'The kubeconfig is larger than {LONGEST // 1024} KiB. Keep only the context in use.')
    try:
        config = yaml.load(text, _Loader)  # noqa: S506  a SafeLoader that accepts less
    except KubeconfigError:
        raise
    except (yaml.YAMLError, ArithmeticError, AttributeError, LookupError, TypeError, ValueError, RecursionError):
        # PyYAML raises all of these for values that do not match their tag (!!bool x). Its message quotes the text,
        # secrets included.
        raise KubeconfigError('The kubeconfig is not valid YAML. Paste the whole file, unchanged.') from None
    if not isinstance(config, dict) or not isinstance(config.get('clusters'), list):
        raise KubeconfigError('This is not a kubeconfig: it has no list of clusters. Paste the whole file.')
    return config


def _check_sections(cluster: dict[str, Any], user: dict[str, Any], verify_tls: bool) -> None:
    """Raise KubeconfigError if a cluster or user has what NetBox does not use: files, commands, proxies and such."""
    for section, holder in (('cluster', cluster), ('user', user)):
        for key in _FILES[section]:
            if holder.get(key):
                raise KubeconfigError(
                    f'The kubeconfig refers to a file ({key}), which NetBox does not read. '
                    'Embed it: kubectl config view --flatten --minify --raw.'
                )
    for key, what in _REFUSED_USER.items():
        if user.get(key):
            raise KubeconfigError(
                f'The kubeconfig {what} ({key}). Use the token of a read-only ServiceAccount instead.'
            )
    if cluster.get('proxy-url'):
        raise KubeconfigError('The kubeconfig sets a proxy (proxy-url), which NetBox does not use. Remove it.')
    if cluster.get('insecure-skip-tls-verify') and verify_tls:
        raise KubeconfigError(
            'The kubeconfig disables TLS verification. Provide the CA certificate instead, or clear "Verify TLS" on '
            'the fabric.'
        )


class _Loader(yaml.SafeLoader):
    """Load YAML at a cost that is bounded by its length.

    Aliases and merge keys multiply what they refer to, level by level: no kubeconfig has any. Strings and booleans are
    converted; numbers and dates are not, because no used value of a kubeconfig is one.
    """

    def __init__(self, stream: str) -> None:
        super().__init__(stream)
        self._depth = 0
        self._values = 0

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        if self.check_event(yaml.AliasEvent):
            raise _refers_to_itself()
        self._depth += 1
        self._values += 1
        if self._depth > DEEPEST or self._values > MOST_VALUES:
            raise KubeconfigError(
                'The kubeconfig is nested too deeply, or has too many values. Keep only the context in use.'
            )
        node = super().compose_node(parent, index)
        self._depth -= 1
        return node

    def flatten_mapping(self, node: yaml.MappingNode) -> None:
        if any(key.tag == 'tag:yaml.org,2002:merge' for key, _value in node.value):
            raise _refers_to_itself()

    def construct_something_else(self, node: yaml.Node) -> int:
        """Return a placeholder for a value that is not a string: not empty, and not a string either."""
        return 1


for _tag in ('int', 'float', 'timestamp', 'binary', 'omap', 'pairs', 'set'):
    _Loader.add_constructor(f'tag:yaml.org,2002:{_tag}', _Loader.construct_something_else)


def _refers_to_itself() -> KubeconfigError:
    return KubeconfigError(
        'The kubeconfig has YAML aliases or merge keys (*name, <<), which are not supported. Create it '
        'again: kubectl config view --flatten --minify --raw.'
    )


def _named(config: dict[str, Any], section: str, key: str, name: Any) -> dict[str, Any]:
    entries = config.get(section)
    for entry in entries if isinstance(entries, list) else ():
        if isinstance(entry, dict) and entry.get('name') == name and isinstance(entry.get(key), dict):
            return entry[key]
    raise KubeconfigError(f'The kubeconfig has no entry under {section} for its current context.')


def _text(holder: dict[str, Any], key: str) -> str:
    value = holder.get(key)
    if value is not None and not isinstance(value, str):
        raise KubeconfigError(f'In the kubeconfig, {key} must be text.')
    return value or ''


def _decoded(holder: dict[str, Any], key: str) -> str:
    value = _text(holder, key)
    try:
        # Comments around the certificates may be in any encoding, as for curl.
        pem = base64.b64decode(value).decode(errors='replace')
    except ValueError:
        pem = ''
    if value and 'BEGIN' not in pem:
        raise KubeconfigError(f'In the kubeconfig, {key} is not base64-encoded PEM.')
    return pem
