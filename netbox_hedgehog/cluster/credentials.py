"""Build a `kubernetes` client from credentials, without writing secrets to disk."""

import os
import ssl
from typing import Any

import urllib3
from kubernetes import config as kubernetes_config
from kubernetes.client import ApiClient, Configuration

from .deadline import OpenSockets, TLSSocket
from .egress import ANYWHERE, EgressPolicy
from .errors import UnusableCredentials
from .guard import guarded_pool
from .kubeconfig import Credentials

__all__ = ('api_client',)

BYTE_ORDER_MARK = '\ufeff'

# The PEM labels that OpenSSL accepts.
CERTIFICATES = ('CERTIFICATE', 'X509 CERTIFICATE', 'TRUSTED CERTIFICATE')


def api_client(
    credentials: Credentials, destinations: EgressPolicy = ANYWHERE, sockets: OpenSockets | None = None,
) -> ApiClient:
    """Return an ApiClient of the `kubernetes` package for these credentials, which calls only `destinations`.

    The sockets that it opens are added to `sockets`. Raises UnusableCredentials if certificates or the pod's service
    account cannot be read, and DestinationDenied if the server's address alone shows that it may not be called.
    """
    configuration = Configuration()
    configuration.proxy = None  # not that of the environment
    if credentials.in_cluster:
        try:
            kubernetes_config.load_incluster_config(configuration)  # type: ignore[no-untyped-call]
        except kubernetes_config.ConfigException:
            raise UnusableCredentials(
                'The fabric is set to in-cluster, but this worker does not run in a pod with a service account. '
                'Enter a server and token instead.'
            ) from None
        context = _tls_context(credentials, configuration.ssl_ca_cert)
        destinations = ANYWHERE  # the pod's environment names the server, not somebody who edits fabrics
    else:
        destinations.check_server(credentials.server)
        configuration.host = credentials.server
        if credentials.token:
            configuration.api_key['authorization'] = _Secret(f'Bearer {_header_text(credentials.token)}')
        context = _tls_context(credentials, None)
    client = ApiClient(configuration)
    pool: dict[str, Any] = {'ssl_context': context, 'maxsize': 32}
    if credentials.tls_server_name:
        pool['server_hostname'] = credentials.tls_server_name
    # The package would write certificates to temporary files, which a killed worker leaves behind. Proxy settings of
    # NetBox and of the environment are ignored: the token goes only to the server it was entered for.
    client.rest_client.pool_manager = guarded_pool(destinations, sockets or OpenSockets(), **pool)
    return client


class _Secret(str):
    """A string that tracebacks do not show among the variables of their frames."""

    __slots__ = ()

    def __repr__(self) -> str:
        return '<secret>'


def _tls_context(credentials: Credentials, ca_file: str | None) -> ssl.SSLContext:
    try:
        # A given authority is the only one that is trusted: the public ones are not added.
        context = ssl.create_default_context(cafile=ca_file, cadata=_certificates(credentials.ca_pem))
    except (ssl.SSLError, OSError, TypeError, ValueError):
        raise UnusableCredentials(
            "The CA certificate is not valid PEM. Paste the cluster's certificate-authority-data, decoded."
        ) from None
    context.sslsocket_class = TLSSocket
    # Python 3.13 rejects authorities without an extension that older Kubernetes versions did not write; kubectl accepts
    # them.
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    if not credentials.verify_tls:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        urllib3.disable_warnings(urllib3.exceptions.InsecureRequestWarning)
    if credentials.client_cert_pem:
        _load_client_certificate(context, credentials.client_cert_pem, credentials.client_key_pem)
    return context


def _certificates(text: str) -> str | None:
    """Return the certificates of a PEM text, without what is around them.

    People comment bundles in any language and editors add a byte order mark; Python accepts neither.
    """
    found = []
    for piece in text.split('-----BEGIN ')[1:]:
        label, _, rest = piece.partition('-----')
        content, end, _ = rest.partition(f'-----END {label}-----')
        if end and label in CERTIFICATES:
            found.append(f'-----BEGIN {label}-----{content}{end}\n')
    return ''.join(found) or text or None


def _header_text(token: str) -> str:
    token = token.strip()
    if not token.isascii() or not token.isprintable() or ' ' in token:
        # http.client rejects it too, but quotes it in its message.
        raise UnusableCredentials(
            'Invalid token: it contains spaces or line breaks. Enter it again in one line.'
        )
    return token


def _load_client_certificate(context: ssl.SSLContext, cert_pem: str, key_pem: str) -> None:
    # OpenSSL reads certificates from a path only; a memory file leaves nothing behind.
    descriptor = os.memfd_create('client-certificate')
    try:
        os.write(descriptor, f'{cert_pem}\n{key_pem}'.replace(BYTE_ORDER_MARK, '').encode())
        # Without a password OpenSSL would prompt on the worker's terminal for that of an encrypted key.
        context.load_cert_chain(f'/proc/self/fd/{descriptor}', password='-')  # noqa: S106
    except (ssl.SSLError, ValueError):
        raise UnusableCredentials(
            'The client certificate and key of the kubeconfig do not match. Create a new kubeconfig.'
        ) from None
    finally:
        os.close(descriptor)
