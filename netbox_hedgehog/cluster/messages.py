"""Say what went wrong with a request: the errors for what a server or the transport answered, as sentences."""

import json
import ssl

from urllib3.exceptions import HTTPError, NewConnectionError, SSLError
from urllib3.exceptions import TimeoutError as TransportTimeout

from .errors import (
    BadAnswer,
    ClusterError,
    Expired,
    Forbidden,
    NotInstalled,
    NotTheAPI,
    ServerFault,
    TLSFailed,
    Unauthorized,
    Unreachable,
)

__all__ = ('TRANSIENT', 'hung_up', 'not_installed', 'refusal', 'tls_failed', 'unreachable')

# Statuses after which a request is repeated.
TRANSIENT = frozenset({429, 500, 502, 503, 504})

# Bytes of a refusal's body that are read to find out who sent it.
LONGEST_STATUS = 64 * 1024

# Messages of the system's resolver, and words that name the cause.
REASONS = {
    'Name or service not known': 'host name not found',
    'No address associated with hostname': 'host name not found',
    'Temporary failure in name resolution': 'the name server does not respond',
}


def unreachable(server: str, error: HTTPError, connect_timeout: float, silence: float) -> Unreachable:
    """Return the Unreachable for an error of the transport, with a sentence for the person who must act.

    `connect_timeout` and `silence`, the time-out between bytes, are those that were used, in seconds.
    """
    # Before time-outs: in urllib3 a refused connection is a subclass of those.
    if isinstance(error, NewConnectionError):
        return Unreachable(
            f'Cannot reach {server}: {_reason(error)}. Check the address and that the API server runs.'
        )
    if isinstance(error, TransportTimeout):
        return Unreachable(
            f'{server} did not respond in time ({connect_timeout:g} s to connect, {silence:g} s between bytes). '
            'Check the address, the firewall and the control node.'
        )
    return Unreachable(f'The connection to {server} was interrupted. Check the network path to it.')


def tls_failed(server: str, error: SSLError) -> TLSFailed:
    """Return the TLSFailed for an error of the TLS handshake, with a sentence for the person who must act."""
    reason = str(error)
    if 'CERTIFICATE_VERIFY_FAILED' in reason:
        why = reason.split('certificate verify failed:')[-1].split('(_ssl')[0].strip()
        return TLSFailed(
            f'The certificate of {server} was not accepted: {why}. Provide the signing CA certificate, or correct the '
            'address.'
        )
    return TLSFailed(f'TLS handshake with {server} failed. Check scheme, port and certificates.')


def hung_up(error: SSLError) -> bool:
    """Return whether a TLS error is only a connection that ended during the handshake, as when a server restarts."""
    return bool(error.args) and isinstance(error.args[0], ssl.SSLEOFError)


def not_installed(what: str) -> NotInstalled:
    """Return the error for a kind, by its plural, that a cluster does not serve."""
    return NotInstalled(f'{what} is not installed in this cluster (404).')


def refusal(server: str, status: int, path: str, verb: str = 'list', body: bytes = b'') -> ClusterError:
    """Return the error for a response with a status other than 200, with a sentence for the person who must act.

    `verb` is what was requested, and `body` is the response's body, if known.
    """
    what = path.rsplit('/', 1)[-1]
    if status == 401:
        return Unauthorized(
            'The API server rejected the credentials (401). The token is wrong, expired or revoked. '
            "Enter a new token in the fabric’s settings."
        )
    if status == 403 and body and not _is_status(body):
        return NotTheAPI(
            f'{server} refused access (403) and does not respond like a Kubernetes API. If a sign-in page or '
            "a proxy responds at this address, enter the API server's own address."
        )
    if status == 403:
        return Forbidden(
            f'The credentials may not {verb} {what} (403). Grant the ServiceAccount get, list and watch on '
            f'{what}.'
        )
    if status == 404:
        return not_installed(what)
    if status == 410 and verb == 'watch':
        return Expired(f'The watch of {what} expired (410).')
    if status == 410:
        return Expired(f'The list of {what} expired during the sync (410).')
    if 300 <= status < 400:
        return BadAnswer(
            f'{server} sent a redirect ({status}). Redirects are not followed, to protect the token. '
            "Enter the API server's own address."
        )
    if status in TRANSIENT:
        return ServerFault(
            f'The API server failed to list {what} ({status}), also after retries. Check its health.'
        )
    return BadAnswer(f'{server} responded with status {status} to a list of {what}.')


def _reason(error: NewConnectionError) -> str:
    """Return in a few words why no connection could be opened."""
    cause = error.__cause__ or error
    reason = getattr(cause, 'strerror', None) or str(cause).rsplit(': ', 1)[-1]
    return REASONS.get(reason, reason[:1].lower() + reason[1:])


def _is_status(body: bytes) -> bool:
    """Return whether a refusal comes from Kubernetes, even through a proxy."""
    try:
        answer = json.loads(body[:LONGEST_STATUS])
    except (ValueError, RecursionError):
        return False
    return isinstance(answer, dict) and answer.get('kind') == 'Status'
