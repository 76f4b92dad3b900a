"""What can go wrong on the way to a cluster. The text of each error is a sentence for the person who must act."""

__all__ = (
    'BadAnswer', 'ClusterError', 'Expired', 'Forbidden', 'NotInstalled', 'NotServed', 'NotTheAPI', 'ServerFault',
    'TLSFailed', 'Unauthorized', 'Unreachable', 'Unreadable', 'UnusableCredentials', 'quoted',
)

# Characters of what a server has sent that a sentence repeats.
LONGEST_QUOTE = 80


def quoted(value: object) -> str:
    """Return what a server has sent as a part of a sentence: short, on one line, and nothing that moves a cursor."""
    if isinstance(value, dict | list):
        return 'a mapping' if isinstance(value, dict) else 'a list'
    return ''.join(character if character.isprintable() else '?' for character in str(value)[:LONGEST_QUOTE])


class ClusterError(Exception):
    """Base of all. `ends_run` tells that asking for the next kind would only fail the same way."""

    ends_run = False


class UnusableCredentials(ClusterError):
    """What is stored on the fabric cannot be used to call anything."""

    ends_run = True


class Unreachable(ClusterError):
    """No connection, no answer in time, or a connection that broke on every try."""

    ends_run = True


class TLSFailed(ClusterError):
    """The server's certificate was not accepted, or ours was not."""

    ends_run = True


class Unauthorized(ClusterError):
    """401: the server does not know the credentials."""

    ends_run = True


class Forbidden(ClusterError):
    """403: the credentials may not do this."""


class NotInstalled(ClusterError):
    """404 on a list: the kind's CustomResourceDefinition is not there."""


class NotServed(NotInstalled):
    """404 on a list of a kind of which the mirror holds resources: it was served before."""


class Expired(ClusterError):
    """410: the list's continue token is too old; the list must start again."""


class ServerFault(ClusterError):
    """429 or 5xx, still after retries."""


class BadAnswer(ClusterError):
    """An answer that is not what a Kubernetes API says."""


class NotTheAPI(BadAnswer):
    """A refusal that is not a Kubernetes API's: a sign-in page, or a proxy in front."""


class Unreadable(BadAnswer):
    """An answer that is too large, or that cannot be decoded. Of a list this may be the fault of one object."""
