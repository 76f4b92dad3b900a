"""Define the errors on the way to a cluster. The text of each is a sentence for the person who must act."""

__all__ = (
    'BadAnswer', 'ClusterError', 'Expired', 'Forbidden', 'NotInstalled', 'NotServed', 'NotTheAPI', 'ServerFault',
    'TLSFailed', 'Unauthorized', 'Unreachable', 'Unreadable', 'UnusableCredentials', 'quoted',
)

# The most characters that a sentence quotes of what a server has sent.
LONGEST_QUOTE = 80


def quoted(value: object) -> str:
    """Return what a server has sent as part of a sentence: short, on one line, and without control characters."""
    if isinstance(value, dict | list):
        return 'a mapping' if isinstance(value, dict) else 'a list'
    return ''.join(character if character.isprintable() else '?' for character in str(value)[:LONGEST_QUOTE])


class ClusterError(Exception):
    """The base class. `ends_sync` says that the next kind would fail the same way, so the sync ends."""

    ends_sync = False


class UnusableCredentials(ClusterError):
    """The credentials stored on the fabric cannot be used."""

    ends_sync = True


class Unreachable(ClusterError):
    """No connection, no response in time, or a connection that was interrupted on every try."""

    ends_sync = True


class TLSFailed(ClusterError):
    """The server's certificate was not accepted, or ours was not."""

    ends_sync = True


class Unauthorized(ClusterError):
    """401: the server does not know the credentials."""

    ends_sync = True


class Forbidden(ClusterError):
    """403: the credentials may not do this."""


class NotInstalled(ClusterError):
    """404 on a list, or 403 on that of a kind that the cluster does not serve: its definition does not exist."""


class NotServed(NotInstalled):
    """404 on a list of a kind that was served before: the mirror has resources of it."""


class Expired(ClusterError):
    """410: the list's continue token is too old; the list must start again."""


class ServerFault(ClusterError):
    """429, 500, 502, 503 or 504, still after retries."""


class BadAnswer(ClusterError):
    """A response that is not what a Kubernetes API sends."""


class NotTheAPI(BadAnswer):
    """A refusal that does not come from a Kubernetes API: a sign-in page, or a proxy in front."""


class Unreadable(BadAnswer):
    """A response that is too large, or that cannot be decoded. In a list a single object may be the cause."""
