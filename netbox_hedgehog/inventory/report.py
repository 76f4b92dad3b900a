"""What a run of the inventory did, for the fabric's page, its job, the API and the log."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from .planning.plan import ADOPT, CREATE, DELETE, MARK, RESTORE, UPDATE

__all__ = ('InventoryReport',)

WORDS = {
    CREATE: 'created', ADOPT: 'adopted', UPDATE: 'updated', MARK: 'marked as stale', RESTORE: 'brought back',
    DELETE: 'deleted',
}


@dataclass(slots=True)
class InventoryReport:
    """One run of a fabric's inventory.

    `counts` says how many objects each verb met, `models` the same by model label, `findings` how many discrepancies
    there are of each type. `held` are the plan's sentences about what waits for a person. `digest` is that of the plan
    that was carried out, `request_id` what the change log has it under. `left` says what a removal
    has left, and why. `event_failures` says which event rules failed after the commit. `statements` counts SQL
    statements.
    """

    fabric: str
    started: datetime
    finished: datetime | None = None
    digest: str = ''
    request_id: str = ''
    counts: dict[str, int] = field(default_factory=dict)
    models: dict[str, dict[str, int]] = field(default_factory=dict)
    findings: dict[str, int] = field(default_factory=dict)
    unchanged: int = 0
    held: list[str] = field(default_factory=list)
    left: list[str] = field(default_factory=list)
    event_failures: list[str] = field(default_factory=list)
    statements: int = 0

    @property
    def changes(self) -> int:
        """How many objects were written."""
        return sum(self.counts.values())

    @property
    def seconds(self) -> float:
        return (self.finished - self.started).total_seconds() if self.finished else 0.0

    @property
    def sentence(self) -> str:
        parts = [f'{count} {WORDS[verb]}' for verb, count in self.counts.items() if count]
        parts.append(f'{self.unchanged} unchanged')
        if found := sum(self.findings.values()):
            parts.append(f'{found} discrepancies' if found > 1 else '1 discrepancy')
        return f'{self.fabric}: inventory: {", ".join(parts)}, in {self.seconds:.1f} s.' + ''.join(
            f' {sentence}' for sentence in (*self.held, *self.left, *self.event_failures)
        )

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
            'findings': self.findings,
            'held': self.held,
            'left': self.left,
            'event_failures': self.event_failures,
            'error': '',
            'sentence': self.sentence,
        }
