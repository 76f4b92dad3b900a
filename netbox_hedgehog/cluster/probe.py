"""Test a connection: what a cluster allows with these credentials, in sentences."""

import json
import time
from base64 import urlsafe_b64decode
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from typing import Any

from ..hedgehog.kinds import Kind
from ..hedgehog.manifest import text, usable
from .client import Cluster, Page, total
from .deadline import deadline
from .errors import ClusterError, Forbidden, NotInstalled, NotTheAPI
from .rbac import rules_as_yaml

__all__ = ('Probe', 'expiry', 'probe')

# Seconds after which no further kind is checked: a user and a web worker are waiting.
LONGEST = 30

# Seconds for all requests of a test together. Waits between retries are added, ten seconds at most.
LONGEST_IN_ALL = 45

# The longest UID that a sync stores. Those of Kubernetes have 36 characters.
LONGEST_UID = 64


@dataclass(slots=True)
class Probe:
    """The result of a connection test. `sentences` are for people; `ok` is True if every installed kind can be read.

    `version` is empty if it may not be read, which no sync needs. `counts` are the objects of each readable kind, None
    where the server does not say how many. `token_expires` is an ISO 8601 time in UTC, if the token tells it. `grant`
    is the rule, as YAML, that a role lacks. `uids` are those of one object of each kind, by which two fabrics that sync
    the same cluster are recognized.
    """

    version: str = ''
    counts: dict[str, int | None] = field(default_factory=dict)
    token_expires: str = ''
    grant: str = ''
    uids: list[str] = field(default_factory=list)
    readable: list[str] = field(default_factory=list)
    forbidden: list[str] = field(default_factory=list)
    not_installed: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    sentences: list[str] = field(default_factory=list)

    @property
    def connected(self) -> bool:
        """Return whether the server responded as a Kubernetes API."""
        return bool(self.version or self.readable or self.forbidden)

    @property
    def ok(self) -> bool:
        """Return whether every installed kind could be read."""
        return bool(self.readable) and not self.forbidden and not self.errors

    def as_dict(self) -> dict[str, Any]:
        """Return the result as a dictionary, for API and page."""
        values = asdict(self)
        del values['uids']
        return {'ok': self.ok, 'connected': self.connected, **values}


def probe(cluster: Cluster, kinds: Iterable[Kind], namespace: str) -> Probe:
    """Request the version and one object of each kind, for LONGEST seconds.

    Returns a Probe, also if nothing responds.
    """
    with deadline(LONGEST_IN_ALL):
        return _probe(cluster, list(kinds), namespace)


def _probe(cluster: Cluster, kinds: list[Kind], namespace: str) -> Probe:
    found, began = Probe(), time.monotonic()
    try:
        found.version = cluster.version()
    except (Forbidden, NotInstalled, NotTheAPI):
        pass  # not all clusters show it, nor all proxies in front
    except ClusterError as error:
        found.errors.append(str(error))
        found.sentences = list(found.errors)
        return found
    for number, kind in enumerate(kinds):
        if time.monotonic() - began > LONGEST:
            found.errors.append(
                f'Timed out after {LONGEST} s ({number} of {len(kinds)} kinds checked). Check the load of '
                f'{cluster.server} and the network path to it.'
            )
            break
        if not _ask(cluster, kind, namespace, found):
            break
    found.sentences = _sentences(cluster, found, namespace)
    found.grant = rules_as_yaml(kind for kind in kinds if kind.name in found.forbidden)
    return found


def expiry(token: str) -> datetime | None:
    """Return when a token expires, in UTC, if it is a JWT that says so (RFC 7519); else None.

    Its signature is not checked: a cluster decides what a token is worth.
    """
    try:
        payload = token.split('.')[1]
        claims = json.loads(urlsafe_b64decode(payload + '=' * (-len(payload) % 4)))
        return datetime.fromtimestamp(claims['exp'], UTC)
    except (ValueError, TypeError, KeyError, IndexError, OverflowError, OSError, RecursionError):
        return None


def _ask(cluster: Cluster, kind: Kind, namespace: str, found: Probe) -> bool:
    """Record whether one kind can be read. Return whether to continue with the next one."""
    try:
        page, metadata = cluster.check_access(kind, namespace)
    except NotInstalled:
        found.not_installed.append(kind.name)
    except Forbidden:
        found.forbidden.append(kind.name)
    except NotTheAPI as error:
        if not found.connected:
            found.errors.append(str(error))
            return False
        found.errors.append(f'{kind.name}: {error}')
    except ClusterError as error:
        found.errors.append(f'{kind.name}: {error}')
        return not error.ends_sync
    else:
        found.readable.append(kind.name)
        found.counts[kind.name] = total(page, metadata)
        found.uids += _uids(page)
    return True


def _uids(page: Page) -> list[str]:
    """Return the UID of a page's first object; a server may send anything, and more objects than were asked for."""
    metadata = [item.get('metadata') for item in page.items if isinstance(item, dict)]
    uids = [text(found.get('uid')) for found in metadata[:1] if isinstance(found, dict)]
    # Others are not stored by a sync either, and PostgreSQL takes no NUL character.
    return [uid for uid in uids if usable(uid, LONGEST_UID)]


def _sentences(cluster: Cluster, found: Probe, namespace: str) -> list[str]:
    if not found.version and not found.readable:
        return [*_refused(cluster, found), *found.errors]
    return [_connected(cluster, found), *_kinds(found, namespace), *found.errors]


def _connected(cluster: Cluster, found: Probe) -> str:
    if found.version:
        return f'Connected to {cluster.server} (Kubernetes {found.version}).'
    return f'Connected to {cluster.server}. Its version cannot be read; syncs do not need it.'


def _refused(cluster: Cluster, found: Probe) -> list[str]:
    """Return why nothing at all can be read, although the server responds."""
    if found.forbidden:
        return [
            f'{cluster.server} refused to list any kind (403) and does not show its version. If a sign-in page or a '
            "proxy responds at this address, enter the API server's own address; otherwise grant the ServiceAccount "
            'read access.'
        ]
    if found.not_installed:
        return [
            f'{cluster.server} serves no Hedgehog kind (404) and does not show its version, so it is probably not a '
            'Kubernetes API. Check the host, port and path of the address.'
        ]
    return []


def _kinds(found: Probe, namespace: str) -> list[str]:
    total, sentences = len(found.readable) + len(found.forbidden) + len(found.not_installed), []
    if found.readable:
        sentences.append(f'{len(found.readable)} of {total} Hedgehog kinds can be read in namespace {namespace}.')
    else:
        sentences.append(
            'No Hedgehog kind can be read. Check that this is the API server of a Hedgehog control node and that the '
            'ServiceAccount may list its kinds.'
        )
    if found.counts and set(found.counts.values()) == {0}:
        sentences.append(f'There are no Hedgehog resources in namespace {namespace}. Check its name.')
    if found.not_installed:
        sentences.append(f'Not installed in this cluster: {", ".join(found.not_installed)}.')
    if found.forbidden:
        sentences.append(
            f'The credentials may not list {", ".join(found.forbidden)} (403). Grant get, list and watch on them.'
        )
    return sentences
