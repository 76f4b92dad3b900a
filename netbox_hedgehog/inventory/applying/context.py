"""Hold what the steps of applying a plan share: resolved keys, loaded objects, what is written and what is skipped."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from django.core.exceptions import ValidationError

from ...choices import DiscrepancyTypeChoices
from ...issue_codes import Code
from ..planning.context import PlanContext
from ..planning.current import ManagedObject
from ..planning.fields import ENDS, GENERIC, MANY, decode, kind_of, model_of
from ..planning.model_specs import spec_of
from ..planning.plan import DELETE, Action, FieldChange, Finding
from .parking import Parking
from .side_effects import SideEffects
from .validation import OBJECT_DELETED, REFERENCE_DELETED
from .values import references, with_related

__all__ = ('ApplyContext', 'ObjectWrite', 'Skip')


@dataclass(slots=True, eq=False)
class ObjectWrite:
    """An action, its values with every reference an ID, and the instance that they are written to."""

    action: Action
    values: dict[str, Any]
    instance: Any


@dataclass(frozen=True, slots=True)
class Skip:
    """Why an action is skipped, and the findings that say so."""

    reason: str
    findings: list[Finding]


class Unresolvable(Exception):
    """A value refers to an object that is not in NetBox; the text says why."""


class ApplyContext:
    """One attempt to apply a plan.

    `done` are the actions that were applied, `findings` what prevented the others, `pks` the IDs of objects
    by key. Takes the plan with what it was made from, the request that changes are logged under, and what earlier
    attempts have skipped, by key.
    """

    def __init__(self, source: PlanContext, request: Any, earlier_skips: Mapping[str, Skip]) -> None:
        self.fabric, self.now, self.plan = source.fabric, source.now, source.plan
        self.desired, self.current = source.desired, source.current
        self.request = request
        self.side_effects = SideEffects(request)
        self.parking = Parking()
        self.done: list[Action] = []
        self._done_keys: set[tuple[str, str]] = set()
        # Why actions are skipped, by key.
        self.skipped: dict[str, str] = {key: skip.reason for key, skip in earlier_skips.items()}
        self.findings: list[Finding] = [finding for skip in earlier_skips.values() for finding in skip.findings]
        # By sentence, which is rendered once however many actions are skipped for one reason.
        self._finding_of = {finding.sentence: finding for finding in reversed(self.findings)}
        # The findings on skipped objects that had left their place for another object, by key.
        self._findings_on_parked: dict[str, list[Finding]] = {}
        # Why objects that were to be deleted stay, by key.
        self.undeleted: dict[str, Finding] = {}
        self._renamed_keys = self.plan.renamed_keys
        self.pks = self._known_pks()
        # The keys of devices that another fabric manages, and that this attempt begins to share.
        self.shared: set[str] = set()
        # Objects at hand, by model and ID.
        self.objects: dict[tuple[str, int], Any] = {}
        # What this attempt has deleted, by model and ID.
        self.deleted: set[tuple[str, int]] = set()
        # The findings on objects that somebody else has deleted, by model and ID.
        self._deleted_by_others: dict[tuple[str, int], str] = {}
        # The VRFs in which prefixes were written.
        self.changed_vrfs: set[int | None] = set()

    def _known_pks(self) -> dict[str, int]:
        managed = self.current.managed
        pks = {key: link.object_id for key, link in managed.items() if link.values is not None}
        for key, previous_key in self._renamed_keys.items():
            if managed[previous_key].values is not None:
                pks[key] = managed[previous_key].object_id
        return pks

    def is_desired(self, action: Action) -> bool:
        return action.key in self.desired.objects

    def link_of(self, key: str) -> ManagedObject | None:
        """Return the stored link of an object, which may have had another key until now."""
        return self.current.managed.get(self._renamed_keys.get(key, key))

    # Results of actions

    def mark_done(self, action: Action) -> None:
        """Count an object once, however many steps it was written in."""
        if (action.key, action.type) not in self._done_keys:
            self._done_keys.add((action.key, action.type))
            self.done.append(action)

    def skip(self, action: Action, reason: str) -> None:
        """Skip an action. What refers to its object is skipped with it, under the same finding."""
        if reason not in self._finding_of:
            finding = Finding(
                DiscrepancyTypeChoices.CONFLICT, action.key, action.scope, action.source, Code.OBJECT_REFUSED,
                {'model': action.model, 'name': action.name, 'reason': reason}, model=action.model, pk=action.pk,
            )
            self.findings.append(finding)
            reason = finding.sentence
            self._finding_of.setdefault(reason, finding)
        self.skipped[action.key] = reason
        if self.parking.is_parked(action.model, action.pk):
            self._findings_on_parked[action.key] = [
                finding for finding in self.findings if finding.key == action.key
            ]

    def skip_deleted(self, action: Action) -> None:
        """Skip an action on an object that somebody else has deleted."""
        self.skip(action, OBJECT_DELETED)
        if action.pk is not None:
            self._deleted_by_others[action.model, action.pk] = self.skipped[action.key]

    def skips_of_parked(self) -> dict[str, Skip]:
        """Return the skips of objects that had left their place for another object, by key."""
        return {key: Skip(self.skipped[key], findings) for key, findings in self._findings_on_parked.items()}

    def refused_actions(self) -> Iterator[tuple[Action, Finding]]:
        """Yield the actions that NetBox has refused, as the next plan has them, each with the finding that says why."""
        finding_of = {finding.sentence: finding for finding in self.findings}
        for action in self.plan.actions:
            if action.type == DELETE:
                finding = self.undeleted.get(action.key)
            else:
                finding = finding_of.get(self.skipped.get(action.key, ''))
            if finding is not None:
                changes = tuple(self._with_ids(action.model, change) for change in action.changes)
                yield replace(action, changes=changes), finding

    def _with_ids(self, model: str, change: FieldChange) -> FieldChange:
        """Return a change that refers by its ID to what this attempt has created."""
        try:
            return replace(change, new=self._resolve_value(model, change))
        except Unresolvable:
            return change

    # References

    def resolve(self, action: Action, deferred: bool = False) -> dict[str, Any] | None:
        """Return the values of an action with every reference an ID; skip it and return None where one has none.

        Fields that are written after their object's own parts (ModelSpec.deferred) are among them only with `deferred`.
        """
        values: dict[str, Any] = {}
        for change in action.changes:
            if not deferred and change.field in spec_of(action.model).deferred:
                continue
            try:
                values[change.field] = self._resolve_value(action.model, change)
            except Unresolvable as error:
                if change.field not in spec_of(action.model).optional_fields:
                    self.skip(action, str(error))
                    return None
                if isinstance(change.new, list):
                    values[change.field] = self._resolvable_pks(change.new)
        return values

    def _resolve_value(self, model: str, change: FieldChange) -> Any:
        value = change.new
        if isinstance(value, dict):
            pk = self._pk(value['key'])
            if kind_of(model, change.field) == GENERIC:
                return [self.desired.objects[value['key']].model, pk]
            return pk
        if isinstance(value, list) and kind_of(model, change.field) in (MANY, ENDS):
            return sorted(self._pk(item['key']) if isinstance(item, dict) else item for item in value)
        return value

    def _pk(self, key: str) -> int:
        if key not in self.pks or key in self.skipped:
            raise Unresolvable(self.skipped.get(key) or f'{key} is not there.')
        return self.pks[key]

    def _resolvable_pks(self, items: list[Any]) -> list[int]:
        """Return the IDs of those of these objects that have one."""
        pks = []
        for item in items:
            if not isinstance(item, dict):
                pks.append(item)
            elif item['key'] in self.pks and item['key'] not in self.skipped:
                pks.append(self.pks[item['key']])
        return sorted(pks)

    # Objects

    def load_related(self, label: str, rows: Iterable[dict[str, Any]]) -> None:
        """Load all objects that these values refer to and that are not at hand: a statement a model."""
        wanted: dict[str, set[int]] = defaultdict(set)
        for values in rows:
            for name, value in values.items():
                for related, pk in references(label, name, value):
                    wanted[related].add(pk)
        for related, pks in wanted.items():
            missing = [pk for pk in pks if (related, pk) not in self.objects]
            if missing:
                queryset = model_of(related)._default_manager.filter(pk__in=missing)
                for instance in with_related(queryset, related):
                    self.objects[related, instance.pk] = instance

    def assign(self, instance: Any, label: str, name: str, value: Any) -> None:
        """Set a field. Raises ValidationError where somebody has deleted what it is to refer to."""
        related = references(label, name, value)
        for one in related:
            if one not in self.objects:
                raise ValidationError(self._deleted_by_others.get(one, REFERENCE_DELETED))
        if related and kind_of(label, name) != MANY:
            setattr(instance, name, self.objects[related[0]])
        else:
            for attribute, content in decode(label, name, value).items():
                setattr(instance, attribute, content)
