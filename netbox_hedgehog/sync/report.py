"""Report what a sync did, for the fabric's page, its job, the API and the log."""

from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from typing import Any

from ..choices import SyncStatusChoices
from ..models.unsupported import unsupported_sentence

__all__ = ('FORBIDDEN', 'KindReport', 'NOT_INSTALLED', 'NOT_SERVED', 'READ', 'Report', 'UNREAD', 'not_served')

READ = 'read'
NOT_INSTALLED = 'not_installed'
NOT_SERVED = 'not_served'  # and the mirror holds resources of it
FORBIDDEN = 'forbidden'
UNREAD = 'error'


def not_served(kind: str, count: int, seen: datetime) -> str:
    """Return the sentence for a kind that is no longer served, so that its mirrored resources cannot be confirmed."""
    resources = 'resource is' if count == 1 else 'resources are'
    return (
        f'{kind} is no longer served; {count} {resources} shown as of {seen.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC. '
        'Check whether its CustomResourceDefinition was deleted or serves another version. If the kind was removed for '
        'good, confirm the removal on the fabric’s page.'
    )


@dataclass(slots=True)
class KindReport:
    """One kind's part of a sync. Times in seconds, sizes in bytes."""

    kind: str
    outcome: str = UNREAD
    read: int = 0
    created: int = 0
    updated: int = 0
    unchanged: int = 0
    missing: int = 0
    errors: list[str] = field(default_factory=list)
    seconds: float = 0.0
    pages: int = 0
    bytes: int = 0

    @property
    def changes(self) -> int:
        """Return how many resources were created, updated or missing."""
        return self.created + self.updated + self.missing

    def sentence(self) -> str:
        """Return a sentence for the log of the sync's job."""
        if self.outcome == NOT_INSTALLED:
            return f'{self.kind}: not installed in this cluster'
        if self.outcome == NOT_SERVED:
            return ' '.join(self.errors)
        if self.outcome != READ:
            return f'{self.kind}: {" ".join(self.errors)}'
        parts = [f'{self.read} read']
        parts += [f'{count} {name}' for name in ('created', 'updated', 'missing') if (count := getattr(self, name))]
        return f'{self.kind}: {", ".join(parts)}' + ''.join(f' {error}' for error in self.errors)


@dataclass(slots=True)
class Report:
    """One sync of one fabric. `error` is the sentence for the person who must act; empty without errors.

    `unsupported_kinds` are the cluster's kinds that the plugin does not support (cluster/discovery.py). None means that
    they are not known; `discovery_error` says why if the cluster was asked.
    """

    fabric: str
    started: datetime
    finished: datetime | None = None
    outcome: str = SyncStatusChoices.FAILED
    error: str = ''
    kinds: list[KindReport] = field(default_factory=list)
    unsupported_kinds: list[dict[str, Any]] | None = None
    discovery_error: str = ''

    def conclude(self, finished: datetime, failure: str = '') -> None:
        """Set outcome and error from the kinds' reports. `failure` is what ended the sync early, if anything."""
        self.finished = finished
        readable = [kind for kind in self.kinds if kind.outcome == READ]
        errors = self._sentences()
        if failure:
            self.outcome, self.error = SyncStatusChoices.FAILED, failure
            if readable:
                done = '1 kind was' if len(readable) == 1 else f'{len(readable)} kinds were'
                self.error += f' {done} synced before that.'
        elif not readable:
            self.outcome = SyncStatusChoices.FAILED
            self.error = errors[0] if self._serves_something() else (
                'No Hedgehog kind is installed. Check that this is the API server of a Hedgehog control node.'
            )
        elif errors:
            self.outcome, self.error = SyncStatusChoices.PARTIAL, ' '.join(errors[:5])
            if len(errors) > 5:
                self.error += f' And {len(errors) - 5} more.'
        else:
            self.outcome, self.error = SyncStatusChoices.IN_SYNC, ''

    def _serves_something(self) -> bool:
        return any(kind.outcome not in (NOT_INSTALLED, NOT_SERVED) for kind in self.kinds)

    def _sentences(self) -> list[str]:
        """Return the kinds' errors without duplicates.

        Forbidden kinds share a sentence, because one change fixes them all.
        """
        forbidden = [kind for kind in self.kinds if kind.outcome == FORBIDDEN]
        others = list(dict.fromkeys(
            error for kind in self.kinds if kind.outcome != FORBIDDEN for error in kind.errors
        ))
        if len(forbidden) < 2:
            return [error for kind in forbidden for error in kind.errors] + others
        return [
            f'The credentials may not list {len(forbidden)} kinds (403). Grant the ServiceAccount get, list and watch '
            f'on {", ".join(kind.kind for kind in forbidden)}.',
            *others,
        ]

    def total(self, name: str) -> Any:
        """Return the sum of a field over all kinds."""
        return sum(getattr(kind, name) for kind in self.kinds)

    @property
    def seconds(self) -> float:
        """Return the duration, 0 before conclude()."""
        return (self.finished - self.started).total_seconds() if self.finished else 0.0

    def as_dict(self) -> dict[str, Any]:
        """Return the report as it is stored on the job and the fabric; times in ISO 8601."""
        return {
            'fabric': self.fabric,
            'outcome': self.outcome,
            'error': self.error,
            'started': self.started.isoformat(),
            'finished': self.finished.isoformat() if self.finished else None,
            'seconds': round(self.seconds, 3),
            **{name: self.total(name) for name in (
                'read', 'created', 'updated', 'unchanged', 'missing', 'pages', 'bytes',
            )},
            'unsupported_kinds': self.unsupported_kinds,
            'discovery_error': self.discovery_error,
            'kinds': [asdict(kind) for kind in self.kinds],
        }

    def sentence(self) -> str:
        """Return a sentence for the log of the sync's job."""
        read = [kind for kind in self.kinds if kind.outcome == READ]
        sentences = [self.error, unsupported_sentence(self.unsupported_kinds), self.discovery_error]
        return (
            f'{self.fabric}: {dict(SyncStatusChoices)[self.outcome]}. {self.total("read")} resources of {len(read)} '
            f'kinds read, {self.total("created")} created, {self.total("updated")} updated, '
            f'{self.total("missing")} deleted, in {self.seconds:.1f} s.'
        ) + ''.join(f' {sentence}' for sentence in sentences if sentence)
