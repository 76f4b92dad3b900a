"""Report what an inventory sync did, for the fabric's page, its job, the API and the log."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from django.db import connection
from django.utils import timezone

from .planning.plan import ACTION_TYPES, ADOPT, CREATE, DELETE, MARK_STALE, SHARE, UNMARK_STALE, UPDATE, Action

__all__ = ('InventoryReport', 'measure')

WORDS = {
    CREATE: 'created', ADOPT: 'adopted', SHARE: 'shared', UPDATE: 'updated', MARK_STALE: 'marked stale',
    UNMARK_STALE: 'no longer stale', DELETE: 'deleted',
}


@dataclass(slots=True)
class InventoryReport:
    """One inventory sync of a fabric.

    `counts` says how many objects were created, updated and so on, `models` the same by model label, `findings` how
    many discrepancies there are of each type. `requires_confirmation` are the plan's sentences about that. `digest` is
    that of the plan that was applied, `request_id` that of its changes in the change log. `left` says what a removal
    did not delete, and why. `event_failures` says which event rules failed after the commit. `statements` counts SQL
    statements. `unchanged_since` is the time of an earlier full reconcile if nothing has changed since: the rest is
    what that one found.
    """

    fabric: str
    started: datetime
    finished: datetime | None = None
    digest: str = ''
    request_id: str = ''
    counts: dict[str, int] = field(default_factory=lambda: dict.fromkeys(ACTION_TYPES, 0))
    models: dict[str, dict[str, int]] = field(default_factory=dict)
    findings: dict[str, int] = field(default_factory=dict)
    unchanged: int = 0
    requires_confirmation: list[str] = field(default_factory=list)
    left: list[str] = field(default_factory=list)
    event_failures: list[str] = field(default_factory=list)
    statements: int = 0
    unchanged_since: datetime | None = None

    def add_writes(self, request_id: Any, done: Iterable[Action]) -> None:
        """Record which actions were applied, and under which request ID they are in the change log."""
        self.request_id = str(request_id)
        models: dict[str, Counter[str]] = defaultdict(Counter)
        for action in done:
            self.counts[action.type] += 1
            models[action.model][action.type] += 1
        self.models = {label: dict(counts) for label, counts in sorted(models.items())}

    def take_over(self, outcome: dict[str, Any], reconciled: datetime) -> None:
        """Report what the full reconcile at `reconciled` has found, because nothing has changed since."""
        self.unchanged_since = reconciled
        self.digest, self.unchanged = outcome['digest'], outcome['unchanged']
        self.findings, self.requires_confirmation = outcome['findings'], outcome['requires_confirmation']

    @property
    def changes(self) -> int:
        """Return how many objects were written."""
        return sum(self.counts.values())

    @property
    def seconds(self) -> float:
        return (self.finished - self.started).total_seconds() if self.finished else 0.0

    @property
    def sentence(self) -> str:
        parts = [f'{count} {WORDS[action_type]}' for action_type, count in self.counts.items() if count]
        if found := sum(self.findings.values()):
            parts.append(f'{found} discrepancies' if found > 1 else '1 discrepancy')
        summary = f'Done: {", ".join(parts) or "no changes"}.'
        if self.unchanged_since:
            summary += f' Nothing has changed since the full reconcile at {_utc(self.unchanged_since)}.'
        return ' '.join((summary, *self.requires_confirmation, *self.left, *self.event_failures))

    def as_dict(self) -> dict[str, Any]:
        return {
            'digest': self.digest,
            'request_id': self.request_id,
            'started': self.started.isoformat(),
            'finished': self.finished.isoformat() if self.finished else None,
            'seconds': round(self.seconds, 3),
            'statements': self.statements,
            'counts': self.counts,
            'models': self.models,
            'unchanged': self.unchanged,
            'unchanged_since': self.unchanged_since.isoformat() if self.unchanged_since else None,
            'findings': self.findings,
            'requires_confirmation': self.requires_confirmation,
            'left': self.left,
            'event_failures': self.event_failures,
            'error': '',
            'sentence': self.sentence,
        }


def _utc(moment: datetime) -> str:
    return f'{moment.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC'


@contextmanager
def measure(report: InventoryReport) -> Iterator[None]:
    """Count the SQL statements of a sync, and record when it finished."""
    def count(execute: Any, sql: Any, params: Any, many: Any, context: Any) -> Any:
        report.statements += 1
        return execute(sql, params, many, context)

    with connection.execute_wrapper(count):
        yield
    report.finished = timezone.now()
