"""Test connection: what a cluster answers to these credentials, in sentences."""

import time
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from typing import Any

from ..kinds import Kind
from .client import Cluster
from .errors import ClusterError, Forbidden, NotInstalled

__all__ = ('Probe', 'probe')

# Seconds after which no further kind is asked for: somebody waits, and so does a process that serves pages.
LONGEST = 30


@dataclass(slots=True)
class Probe:
    """What a connection test showed. `sentences` says it for people; `ok` is True when every kind can be read."""

    version: str = ''
    readable: list[str] = field(default_factory=list)
    forbidden: list[str] = field(default_factory=list)
    not_installed: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    sentences: list[str] = field(default_factory=list)

    @property
    def connected(self) -> bool:
        return bool(self.version)

    @property
    def ok(self) -> bool:
        return bool(self.readable) and not self.forbidden and not self.errors

    def as_dict(self) -> dict[str, Any]:
        return {'ok': self.ok, 'connected': self.connected, **asdict(self)}


def probe(cluster: Cluster, kinds: Iterable[Kind], namespace: str) -> Probe:
    """Ask for the version and for one object of each kind, for LONGEST seconds. Returns a Probe, also when nothing
    answers.
    """
    found, began, kinds = Probe(), time.monotonic(), list(kinds)
    try:
        found.version = cluster.version()
    except ClusterError as error:
        found.errors.append(str(error))
        found.sentences = list(found.errors)
        return found
    for number, kind in enumerate(kinds):
        if time.monotonic() - began > LONGEST:
            found.errors.append(
                f'{cluster.server} answers too slowly: of {number} of {len(kinds)} kinds it said within {LONGEST} s '
                'whether they can be read. Look at its load and at the network path to it.'
            )
            break
        try:
            cluster.check_access(kind, namespace)
        except NotInstalled:
            found.not_installed.append(kind.name)
        except Forbidden:
            found.forbidden.append(kind.name)
        except ClusterError as error:
            found.errors.append(f'{kind.name}: {error}')
            if error.ends_run:
                break
        else:
            found.readable.append(kind.name)
    found.sentences = _sentences(cluster, found, namespace)
    return found


def _sentences(cluster: Cluster, found: Probe, namespace: str) -> list[str]:
    total = len(found.readable) + len(found.forbidden) + len(found.not_installed)
    sentences = [f'{cluster.server} answers: Kubernetes {found.version}.']
    if found.readable:
        sentences.append(f'{len(found.readable)} of {total} Hedgehog kinds can be read in namespace {namespace}.')
    else:
        sentences.append(
            'No Hedgehog kind can be read here. Is this the API server of a Hedgehog control node, '
            'and may the ServiceAccount list its kinds?'
        )
    if found.not_installed:
        sentences.append(f'Not installed in this cluster, and therefore not read: {", ".join(found.not_installed)}.')
    if found.forbidden:
        sentences.append(
            f'The credentials may not list {", ".join(found.forbidden)} (403): grant get, list and watch on them.'
        )
    return sentences + found.errors
