"""The state of a plan that is being built: both sides, and the decisions so far."""

from collections import Counter
from dataclasses import dataclass, field, replace
from typing import Any

from ...choices import DiscrepancyTypeChoices
from ...issue_codes import Code
from ..mapping.types import Desired, DesiredObject
from .current import CurrentState, ManagedObject
from .fields import Unresolved
from .model_specs import DEVICE, object_name
from .places import Board
from .plan import FieldChange, Finding, Record
from .policy import Policy
from .pruning import replaceable, undesired

__all__ = ('PlannedObject', 'PlanState', 'finding_on')


@dataclass(slots=True)
class PlannedObject:
    """A desired object that may become an action: `type` is '' while nothing has to change.

    `current_values` are those of its existing object, `agreed` the fields that match already and were never noted.
    """

    desired: DesiredObject
    type: str = ''
    pk: int | None = None
    changes: list[FieldChange] = field(default_factory=list)
    current_values: dict[str, Any] = field(default_factory=dict)
    agreed: dict[str, Any] = field(default_factory=dict)
    link: ManagedObject | None = None

    @property
    def changed(self) -> dict[str, FieldChange]:
        """Return the changes by field."""
        return {change.field: change for change in self.changes}


class PlanState:
    """Both sides, the policy, and the decisions so far. Resolves the keys of planned objects."""

    def __init__(self, desired: Desired, current: CurrentState, policy: Policy) -> None:
        self.desired, self.current, self.policy = desired, current, policy
        # Objects that have an object in NetBox or get one, by key.
        self.planned: dict[str, PlannedObject] = {}
        # Under which key's finding a skipped object falls, these findings, and how many objects fall under each.
        self.blocked: dict[str, str] = {}
        self.roots: dict[str, Finding] = {}
        self.skipped: Counter[str] = Counter()
        # Findings that skip nothing.
        self.findings: list[Finding] = []
        # The keys of objects that are planned for existing ones, by model and ID; the IDs of adopted devices.
        self.claimed: dict[tuple[str, int], str] = {}
        self.adopted: set[int] = set()
        self.records: list[Record] = []
        # The keys of stale objects that a new desired object takes over.
        self.taken_over: set[str] = set()
        # Which object has which place after this plan, as far as it is built.
        self.board = Board()
        # Existing objects that do not get their new place; stale objects that leave theirs to another one.
        self.denied: dict[str, Finding] = {}
        self.leaving: dict[str, dict[str, FieldChange]] = {}
        # Under which key the link is stored that goes on under this one.
        self.stored_keys: dict[str, str] = {}
        # Choices that NetBox offers, by model, field and the desired choice.
        self.choices: dict[tuple[str, str, str], Any] = {}
        self.existing = {(link.model, link.object_id) for link in current.managed.values() if link.values is not None}
        # The last desired object of a model may be gone: what was written names those that were.
        self.models = {obj.model for obj in desired.objects.values()}
        self.models |= {link.model for link in current.managed.values()}
        # Objects that are not desired now give their place to desired ones. A device of a resource with an issue stays.
        stale = {link.key for link in undesired(desired, current, policy.scopes)}
        self.replaceable = {
            link.key: link for link in replaceable(desired, current, policy.scopes)
            if not link.shared and not link.used_by_others and link.values is not None
            and (link.key in stale or link.model != DEVICE)
        }
        self.with_issues = self.replaceable.keys() - stale

    # References, for the codec of fields

    def __call__(self, key: str) -> Any:
        """Return the ID of the object under a key, or {'key': KEY} before it is created."""
        planned = self.planned.get(key)
        if planned is None and (kept := self._excluded(key)):
            return kept.object_id
        if planned is None or key in self.blocked:
            raise Unresolved(key)
        return planned.pk if planned.pk is not None else {'key': key}

    def label_of(self, key: str) -> str:
        return self.desired.objects[key].model

    def is_available(self, key: str) -> bool:
        """Return whether the object under a key is in NetBox after the plan is applied."""
        if self._excluded(key):
            return True
        return key in self.planned and key not in self.blocked

    def _excluded(self, key: str) -> ManagedObject | None:
        """Return the existing object under a key if a rule excludes its resource: it stays where it is."""
        link = self.current.managed.get(key)
        is_kept = link is not None and link.values is not None and link.source in self.desired.excluded
        return link if is_kept else None

    def stored_key(self, key: str) -> str:
        """Return the key under which the link of this key is stored."""
        return self.stored_keys.get(key, key)

    # Objects that are skipped

    def block(self, obj: DesiredObject, finding: Finding) -> None:
        """Skip an object, and all that depend on it, under this finding."""
        self.blocked[obj.key] = obj.key
        self.roots[obj.key] = finding

    def skip(self, obj: DesiredObject, code: Code, **parameters: Any) -> None:
        """Skip an object that NetBox cannot hold."""
        self.block(obj, finding_on(obj, DiscrepancyTypeChoices.UNMATCHED, code, parameters, model=obj.model))

    def block_under(self, root: str, finding: Finding, obj: DesiredObject) -> None:
        """Skip an object under a finding that others share."""
        self.roots.setdefault(root, finding)
        self.blocked[obj.key] = root
        self.skipped[root] += 1

    def skip_dependent(self, obj: DesiredObject, key: str) -> None:
        """Skip an object because of the one under this key, which it refers to."""
        root = self.blocked.get(key)
        if root is None:
            self.skip(obj, Code.REFERENCE_MISSING, key=key)
            return
        link = self.current.managed.get(obj.key)
        if link is None or link.values is None:
            self.blocked[obj.key] = root
        self.skipped[root] += 1

    def root_findings(self) -> list[Finding]:
        """Return the findings under which objects are skipped, each with how many depend on it."""
        return [self._with_count(finding) for finding in self.roots.values()]

    def _with_count(self, finding: Finding) -> Finding:
        count = self.skipped[finding.key]
        if not count:
            return finding
        return replace(finding, parameters={**finding.parameters, 'skipped': count}, skipped=count)


def finding_on(
    obj: DesiredObject, type_: str, code: Code, parameters: dict[str, Any] | None = None, **more: Any,
) -> Finding:
    """Return a finding on a desired object; its parameters say which one it is about."""
    about = {'model': obj.model, 'name': object_name(obj)}
    return Finding(type_, obj.key, obj.scope, obj.source, code, {**about, **(parameters or {})}, **more)
