"""A plan: everything an inventory sync would write, field by field, before anything is written.

It is what a dry run shows, what a sync applies and what a test asserts.
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
    'ACTION_TYPES', 'ADOPT', 'CREATE', 'DELETE', 'MARK_STALE', 'SHARE', 'UNMARK_STALE', 'UPDATE', 'Action',
    'FieldChange', 'Finding', 'Plan', 'Record',
)

CREATE, ADOPT, SHARE, UPDATE = 'create', 'adopt', 'share', 'update'
MARK_STALE, UNMARK_STALE, DELETE = 'mark', 'restore', 'delete'
ACTION_TYPES = (CREATE, ADOPT, SHARE, UPDATE, MARK_STALE, UNMARK_STALE, DELETE)


@dataclass(frozen=True, slots=True)
class FieldChange:
    """One field of one object. `old` and `new` are JSON values; `old_text` and `new_text` what a person reads.

    A related object is its ID; one that is created in the same sync is {'key': KEY}.
    """

    field: str
    old: Any
    new: Any
    old_text: str = ''
    new_text: str = ''


@dataclass(frozen=True, slots=True)
class Action:
    """One object to create, adopt, share, update, mark stale, unmark or delete. `pk` is None where it is created.

    A shared object is one that another fabric manages: this fabric uses it, and changes nothing about it.
    """

    type: str
    model: str
    key: str
    scope: str
    source: Source
    name: str
    pk: int | None = None
    changes: tuple[FieldChange, ...] = ()

    @property
    def digest(self) -> str:
        """Return 16 hex digits that change whenever the action changes."""
        return _digest([_content(self)], 8)

    def as_dict(self) -> dict[str, Any]:
        """Return the action as in the REST API and stored plans."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Finding:
    """A difference that needs a decision: it becomes a Discrepancy.

    `type` is one of DiscrepancyTypeChoices. `code` and `parameters` say what it is: issues/ has the sentence.
    `field` is empty where the whole object is meant. `skipped` is how many objects are skipped because of it, beside
    its own. `planned` are parameters that differ until the plan is applied.
    """

    type: str
    key: str
    scope: str
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
        """Return the sentence to show until the plan is applied; '' if it is the same."""
        return render(self.code, {**self.parameters, **self.planned}) if self.planned else ''

    def as_dict(self) -> dict[str, Any]:
        found = asdict(self)
        del found['planned']
        return {**found, 'sentence': self.sentence, 'planned_sentence': self.planned_sentence}


@dataclass(frozen=True, slots=True)
class Record:
    """What a sync notes about a link without touching its object.

    With `new`, `pk` is the existing object that a shared desired object was found in: a link is created. `written` are
    values on which both sides agree already. `previous_key` is the key that the link had before: its object goes on
    under another one. With `drop` the link is removed; with `renamed` it names the resource that its object belongs to
    now.
    """

    key: str
    model: str
    pk: int
    written: tuple[tuple[str, Any], ...] = ()
    previous_key: str = ''
    drop: bool = False
    new: bool = False
    renamed: bool = False


@dataclass(slots=True)
class Plan:
    """What a sync would do.

    `requires_confirmation` says, one sentence a kind of change, what a person has to confirm first: these actions are
    `unconfirmed_actions`, and not in `actions`. `unconfirmed_totals` is how many objects of each model there were then.
    `refused_actions`, not in `actions` either, are what the last sync could not write; applying the plan tries them
    again. `records` are notes about links, which no person needs to see; `agreed` are the fields of adopted objects
    that match the fabric already. `stale` are the keys of links whose objects are not desired in this sync either;
    `remembered` those of links whose objects people have deleted, and which another fabric may take over.
    """

    actions: list[Action] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    requires_confirmation: list[str] = field(default_factory=list)
    unconfirmed_actions: list[Action] = field(default_factory=list)
    refused_actions: list[Action] = field(default_factory=list)
    unconfirmed_totals: dict[str, int] = field(default_factory=dict)
    unchanged: int = 0
    records: list[Record] = field(default_factory=list)
    agreed: dict[str, dict[str, Any]] = field(default_factory=dict)
    stale: list[str] = field(default_factory=list)
    remembered: list[str] = field(default_factory=list)

    @property
    def attempted(self) -> list[Action]:
        """Return everything that applying this plan tries."""
        return [*self.actions, *self.refused_actions]

    @property
    def renamed_keys(self) -> dict[str, str]:
        """Return the previous keys of links, by their new ones."""
        return {record.key: record.previous_key for record in self.records if record.previous_key}

    @property
    def digest(self) -> str:
        """Return 32 hex digits that change whenever either side changes. "Apply this plan" compares them."""
        return _digest([_contents(self.attempted), _contents(self.unconfirmed_actions)])

    @property
    def confirmation_digest(self) -> str:
        """Return 32 hex digits that change whenever what requires confirmation changes; '' if nothing does."""
        return _digest([_contents(self.unconfirmed_actions)]) if self.unconfirmed_actions else ''

    @property
    def counts(self) -> dict[str, int]:
        """Return how many actions there are of each type."""
        found = Counter(action.type for action in self.actions)
        return {type_: found[type_] for type_ in ACTION_TYPES}

    def as_dict(self) -> dict[str, Any]:
        return {
            'digest': self.digest,
            'counts': self.counts,
            'unchanged': self.unchanged,
            'requires_confirmation': self.requires_confirmation,
            'confirmation_digest': self.confirmation_digest,
            'actions': [action.as_dict() for action in self.actions],
            'unconfirmed_actions': [action.as_dict() for action in self.unconfirmed_actions],
            'refused_actions': [action.as_dict() for action in self.refused_actions],
            'findings': [finding.as_dict() for finding in self.findings],
        }


def _content(action: Action) -> list[Any]:
    changes = [[change.field, change.old, change.new] for change in action.changes]
    return [action.type, action.model, action.key, action.pk, changes]


def _contents(actions: Iterable[Action]) -> list[list[Any]]:
    """Return what these actions do, independent of their order."""
    return [_content(action) for action in sorted(actions, key=lambda action: (action.key, action.type))]


def _digest(content: list[Any], size: int = 16) -> str:
    return hashlib.blake2b(json.dumps(content, default=str).encode(), digest_size=size).hexdigest()
