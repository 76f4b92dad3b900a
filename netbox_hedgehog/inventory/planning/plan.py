"""A plan: everything an inventory would write, field by field, before anything is written.

It is what a dry run shows, what a run applies and what a test asserts.
"""

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from ...issues import render
from ..mapping.types import Source

__all__ = (
    'ADOPT', 'CREATE', 'DELETE', 'MARK', 'RESTORE', 'UPDATE', 'VERBS', 'Action', 'FieldChange', 'Finding', 'Plan',
    'Record',
)

CREATE, ADOPT, UPDATE, MARK, RESTORE, DELETE = 'create', 'adopt', 'update', 'mark', 'restore', 'delete'
VERBS = (CREATE, ADOPT, UPDATE, MARK, RESTORE, DELETE)


@dataclass(frozen=True, slots=True)
class FieldChange:
    """One field of one object. `old` and `new` are JSON values; `old_text` and `new_text` what a person reads.

    A related object is its ID; one that is to be made in the same run is {'key': KEY}.
    """

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

    @property
    def digest(self) -> str:
        """16 hex digits that differ as soon as what it is to do differs."""
        return _digest([_content(self)], 8)


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that does not agree and that no run may settle by itself: it becomes a Discrepancy.

    `type` is one of DiscrepancyTypeChoices. `code` and `parameters` say what it is: issues.py has the sentence.
    `field` is empty where the whole object is meant. `skipped` is how many objects are skipped because of it, beside
    its own. `planned` are parameters that differ until the plan is applied.
    """

    type: str
    key: str
    subject: str
    source: Source
    code: str
    parameters: Mapping[str, Any] = field(default_factory=dict)
    model: str = ''
    pk: int | None = None
    field: str = ''
    fabric_value: Any = None
    netbox_value: Any = None
    skipped: int = 0
    planned: Mapping[str, Any] | None = None

    @property
    def sentence(self) -> str:
        return render(self.code, self.parameters)

    @property
    def planned_sentence(self) -> str:
        """The sentence until the plan is applied; '' where it is the same."""
        return render(self.code, {**self.parameters, **self.planned}) if self.planned else ''

    def as_dict(self) -> dict[str, Any]:
        found = asdict(self)
        del found['planned']
        return {**found, 'sentence': self.sentence, 'planned_sentence': self.planned_sentence}


@dataclass(frozen=True, slots=True)
class Record:
    """What a run notes about a link without touching its object.

    With `new`, `pk` is the object that a shared want was found in: a link is to be made. `written` are values on which
    both sides agree already. `was` is the key that the link had before: its object goes on under another one. With
    `drop` the link goes; with `renamed` it names the resource that wants its object now.
    """

    key: str
    model: str
    pk: int
    written: tuple[tuple[str, Any], ...] = ()
    was: str = ''
    drop: bool = False
    new: bool = False
    renamed: bool = False


@dataclass(slots=True)
class Plan:
    """What a run would do. `held` says, one sentence a kind of object, what needs a person's word before it is done:
    actions that are held are in `held_actions`, not in `actions`; `held_totals` says of how many objects of each model
    they were too many. In `refused_actions`, and not in `actions`, is what the last sync could not write; applying the
    plan tries it again. `records` are notes about links, which no person needs to see; `agreed` are the fields of
    adopted objects that are as the fabric says already. `stale` are the keys of links that are not wanted in this run
    either.
    """

    actions: list[Action] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    held: list[str] = field(default_factory=list)
    held_actions: list[Action] = field(default_factory=list)
    refused_actions: list[Action] = field(default_factory=list)
    held_totals: dict[str, int] = field(default_factory=dict)
    unchanged: int = 0
    records: list[Record] = field(default_factory=list)
    agreed: dict[str, dict[str, Any]] = field(default_factory=dict)
    stale: list[str] = field(default_factory=list)

    @property
    def attempted(self) -> list[Action]:
        """Everything that applying this plan tries."""
        return [*self.actions, *self.refused_actions]

    @property
    def heirs(self) -> dict[str, str]:
        """The keys that links had before, by those that they get."""
        return {record.key: record.was for record in self.records if record.was}

    @property
    def digest(self) -> str:
        """32 hex digits that differ as soon as either side has moved: "apply exactly this plan" compares them."""
        return _digest([_contents(self.attempted), _contents(self.held_actions)])

    @property
    def held_digest(self) -> str:
        """The same of what is held back alone: what confirms a removal, whatever else has moved. '' for nothing."""
        return _digest([_contents(self.held_actions)]) if self.held_actions else ''

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
            'held_digest': self.held_digest,
            'actions': [asdict(action) for action in self.actions],
            'held_actions': [asdict(action) for action in self.held_actions],
            'refused_actions': [asdict(action) for action in self.refused_actions],
            'findings': [finding.as_dict() for finding in self.findings],
        }


def _content(action: Action) -> list[Any]:
    changes = [[change.field, change.old, change.new] for change in action.changes]
    return [action.verb, action.model, action.key, action.pk, changes]


def _contents(actions: Iterable[Action]) -> list[list[Any]]:
    """Return what these actions do, whatever their order."""
    return [_content(action) for action in sorted(actions, key=lambda action: (action.key, action.verb))]


def _digest(content: list[Any], size: int = 16) -> str:
    return hashlib.blake2b(json.dumps(content, default=str).encode(), digest_size=size).hexdigest()
