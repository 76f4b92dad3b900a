"""A plan: everything an inventory would write, field by field, before anything is written.

It is what a dry run shows, what a run applies and what a test asserts.
"""

import hashlib
import json
from collections import Counter
from dataclasses import asdict, dataclass, field
from typing import Any

from .wants import Source

__all__ = (
    'ADOPT', 'CREATE', 'DELETE', 'MARK', 'RESTORE', 'UPDATE', 'VERBS', 'Action', 'FieldChange', 'Finding', 'Plan',
)

CREATE, ADOPT, UPDATE, MARK, RESTORE, DELETE = 'create', 'adopt', 'update', 'mark', 'restore', 'delete'
VERBS = (CREATE, ADOPT, UPDATE, MARK, RESTORE, DELETE)


@dataclass(frozen=True, slots=True)
class FieldChange:
    """One field of one object. `old` and `new` are JSON values; `old_text` and `new_text` what a person reads."""

    field: str
    old: Any
    new: Any
    old_text: str = ''
    new_text: str = ''


@dataclass(frozen=True, slots=True)
class Action:
    """One object to make, adopt, change, mark as gone, bring back or delete. `pk` is None where it is to be made."""

    verb: str
    model: str
    key: str
    subject: str
    source: Source
    name: str
    pk: int | None = None
    changes: tuple[FieldChange, ...] = ()


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that does not agree and that no run may settle by itself: it becomes a Discrepancy.

    `type` is one of DiscrepancyTypeChoices. `field` is empty where the whole object is meant.
    """

    type: str
    key: str
    subject: str
    source: Source
    sentence: str
    model: str = ''
    pk: int | None = None
    field: str = ''
    fabric_value: Any = None
    netbox_value: Any = None


@dataclass(slots=True)
class Plan:
    """What a run would do. `held` says, one sentence a kind of object, what needs a person's word before it is done:
    actions that are held are in `held_actions`, not in `actions`.
    """

    actions: list[Action] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    held: list[str] = field(default_factory=list)
    held_actions: list[Action] = field(default_factory=list)
    unchanged: int = 0

    @property
    def digest(self) -> str:
        """32 hex digits that differ as soon as either side has moved: "apply exactly this plan" compares them."""
        content = [[asdict(action) for action in self.actions], [asdict(action) for action in self.held_actions]]
        text = json.dumps(content, sort_keys=True, default=str)
        return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()

    @property
    def counts(self) -> dict[str, int]:
        """How many actions there are of each verb."""
        found = Counter(action.verb for action in self.actions)
        return {verb: found[verb] for verb in VERBS}

    def as_dict(self) -> dict[str, Any]:
        return {
            'digest': self.digest,
            'counts': self.counts,
            'unchanged': self.unchanged,
            'held': self.held,
            'actions': [asdict(action) for action in self.actions],
            'held_actions': [asdict(action) for action in self.held_actions],
            'findings': [asdict(finding) for finding in self.findings],
        }
