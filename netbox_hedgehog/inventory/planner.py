"""Desired and present become a plan: two inputs, nothing read, nothing written."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Any

from ..choices import DiscrepancyTypeChoices, InventoryAdoptionChoices, InventoryOriginChoices
from ..values import field_label, model_title
from .plan import ADOPT, CREATE, RESTORE, UPDATE, Action, FieldChange, Finding, Plan, Record
from .present import CABLE, COMPARED_WHEN_ADOPTED, DEVICE, RANGE, Candidate, Held, Present, levels
from .removal import plan_absence, unwanted
from .rules import Rules
from .shapes import (
    ENDS,
    ENDS_OF_CABLE,
    FK,
    MANY,
    BadValue,
    Unresolved,
    kind_of,
    naturals,
    object_name,
    related_label,
    shape,
    wanted,
)
from .wants import Desired, Ref, Want

__all__ = ('make_plan',)

# Roles of an address of which NetBox lets several stand side by side (ipam/constants.py, IPADDRESS_ROLES_NONUNIQUE).
SHARED_ROLES = ('anycast', 'vip', 'vrrp', 'hsrp', 'glbp', 'carp')


@dataclass(slots=True)
class Draft:
    """A want on its way to being an action."""

    want: Want
    verb: str = ''
    pk: int | None = None
    changes: list[FieldChange] = field(default_factory=list)
    current: dict[str, Any] = field(default_factory=dict)
    agreed: dict[str, Any] = field(default_factory=dict)
    link: Held | None = None


def make_plan(desired: Desired, present: Present, rules: Rules) -> Plan:
    """What a run has to do to bring NetBox from `present` to `desired`, under these rules."""
    return _Planner(desired, present, rules).plan()


class _Planner:
    def __init__(self, desired: Desired, present: Present, rules: Rules) -> None:
        self.desired, self.present, self.rules = desired, present, rules
        self.drafts: dict[str, Draft] = {}
        # Under which key's trouble a want that is left out falls, and how many fall under each.
        self.blocked: dict[str, str] = {}
        self.roots: dict[str, Finding] = {}
        self.left_out: Counter[str] = Counter()
        self.findings: list[Finding] = []
        self.taken: dict[tuple[str, Any], str] = {}
        self.claimed: dict[tuple[str, int], str] = {}
        self.adopted: set[int] = set()
        self.ports: dict[Any, str] = {}
        self.records: list[Record] = []
        self.heirs: dict[tuple[str, Any], Held] = {}
        self.inherited: set[str] = set()
        self.alive = {(link.model, link.object_id) for link in present.held.values() if link.values is not None}
        self.models = {want.model for want in desired.wants.values()}

    def plan(self) -> Plan:
        self._place_the_unwanted()
        level_of = levels(self.desired)
        # Within a level, what stands keeps its names and ports before anything new asks for them.
        order = sorted(
            self.desired.wants.values(), key=lambda want: (level_of[want.key], want.key not in self.present.held),
        )
        for want in order:
            self._meet(want)
        for draft in self.drafts.values():
            self._later(draft)
        plan = Plan(records=self.records)
        for draft in self.drafts.values():
            self._conclude(draft, plan)
        plan.findings = [self._with_count(finding) for finding in self.roots.values()]
        plan.findings += self.findings
        plan.findings += [
            Finding(DiscrepancyTypeChoices.UNMATCHED, '', problem.subject, problem.source, problem.sentence)
            for problem in sorted(set(self.desired.problems))
        ]
        plan_absence(plan, self.desired, self.present, self.rules, self.inherited)
        return plan

    def _place_the_unwanted(self) -> None:
        """Objects that are not wanted any more, by what they are recognised by: a want of that very place goes on with
        them under its own key, rather than asking for a place that is taken. What is not wanted just now, and yet
        stays (its resource is in trouble), keeps its place.
        """
        gone = {link.key for link in unwanted(self.desired, self.present, self.rules.subjects)}
        for key, link in self.present.held.items():
            if link.shared or link.values is None or key in self.desired.wants:
                continue
            for place in [*_ends(link.values)] if link.model == CABLE else naturals(link.model, link.values):
                if key in gone:
                    self.heirs.setdefault((link.model, _hashable(place)), link)
                elif link.model == CABLE:
                    self.ports.setdefault(_hashable(place), key)
                else:
                    self.taken.setdefault((link.model, _hashable(place)), key)

    def _heir(self, want: Want, values: dict[str, Any]) -> Held | None:
        places = _ends(values) if want.model == CABLE else naturals(want.model, values)
        for place in places:
            link = self.heirs.get((want.model, _hashable(place)))
            if link is not None and link.key not in self.inherited:
                self.inherited.add(link.key)
                return link
        return None

    # References

    def __call__(self, key: str) -> Any:
        """What stands under a key, for the codec."""
        if key in self.blocked:
            raise Unresolved(key)
        draft = self.drafts.get(key)
        if draft is None:
            raise Unresolved(key)
        return draft.pk if draft.pk is not None else {'key': key}

    def label_of(self, key: str) -> str:
        return self.desired.wants[key].model

    # One want

    def _meet(self, want: Want) -> None:
        link = self.present.held.get(want.key)
        draft = Draft(want, link=link)
        if link is not None and link.values is None:
            self._deleted(want, link)
            return
        if link is not None:
            draft.pk, draft.current = link.object_id, dict(link.values or {})
            if link.model == DEVICE and link.origin == InventoryOriginChoices.ADOPTED:
                self.adopted.add(link.object_id)
        if link is not None and link.shared:
            self.drafts[want.key] = draft
            return
        deferred = shape(want.model).deferred
        values = self._values(want, [name for name in want.fields if name not in deferred], link is not None)
        if values is None:
            if link is not None:
                # It stands, and is left as it is: what hangs on it can still be told apart.
                self.drafts[want.key] = draft
            return
        if link is not None:
            self._keep(draft, values)
        elif want.shared:
            self._find(draft, values)
        else:
            self._place(draft, values)

    def _values(self, want: Want, names: Iterable[str], stands: bool) -> dict[str, Any] | None:
        """What the fields are to hold; None where the want is left out."""
        values: dict[str, Any] = {}
        soft = shape(want.model).soft
        fields = want.fields
        for name in names:
            if stands and name not in want.owned:
                continue
            try:
                values[name] = wanted(want.model, name, self._available(fields[name], name in soft), self)
            except Unresolved as error:
                if name not in soft:
                    self._leave_out(want, error.key)
                    return None
            except BadValue as error:
                self._refuse(want, f'{_title(want)} cannot be carried: {error}')
                return None
        return values

    def _available(self, value: Any, soft: bool) -> Any:
        """Of several soft references, those that are to be had."""
        if not soft or not isinstance(value, tuple):
            return value
        return tuple(item for item in value if not isinstance(item, Ref) or (
            item.key in self.drafts and item.key not in self.blocked
        ))

    def _keep(self, draft: Draft, values: dict[str, Any]) -> None:
        """A want whose object stands: what of it is changed."""
        want, link = draft.want, draft.link
        assert link is not None
        self.drafts[want.key] = draft
        self.claimed[want.model, link.object_id] = want.key
        if link.stale_since is not None:
            draft.verb = RESTORE
            before = link.before_stale.get('status')
            if before and draft.current.get('status') == 'decommissioning':
                draft.changes.append(FieldChange('status', 'decommissioning', before))
        if clash := self._clash(want, {**draft.current, **values}, link.object_id):
            self.findings.append(clash)
            values = {}
        for name, value in values.items():
            self._compare(draft, name, value)
        if link.origin == InventoryOriginChoices.ADOPTED:
            self._compare_adopted(draft)
        for natural in naturals(want.model, {**draft.current, **values}):
            self.taken.setdefault((want.model, natural), want.key)

    def _compare(self, draft: Draft, name: str, value: Any) -> None:
        """A field of an object that stands: written only while it holds what was last written, or nothing."""
        want, link = draft.want, draft.link
        current = draft.current.get(name)
        written = link.written if link else {}
        if current == value:
            if written.get(name, _NEVER) != value:
                draft.agreed[name] = value
            return
        if (want.key, name) in self.rules.forced:
            draft.changes.append(FieldChange(name, current, value))
            return
        kept = link is not None and name in link.kept
        ours = self._without_dead(want.model, name, written[name]) == current if name in written else (
            current in (None, [])
        )
        if not kept and (ours or written.get(name, _NEVER) == current):
            draft.changes.append(FieldChange(name, current, value))
            return
        self.findings.append(Finding(
            DiscrepancyTypeChoices.FIELD, want.key, want.subject, want.source,
            self._difference(draft, name),
            model=want.model, pk=draft.pk, field=name, fabric_value=value, netbox_value=current,
        ))

    @staticmethod
    def _difference(draft: Draft, name: str) -> str:
        want, link = draft.want, draft.link
        field = field_label(want.model, name)
        field = field if field.isupper() else field[:1].lower() + field[1:]
        adopted = draft.verb == ADOPT or (link is not None and link.origin == InventoryOriginChoices.ADOPTED)
        # Nobody has changed in NetBox what the plugin never wrote.
        since = ' since its adoption' if adopted and (link is None or name not in link.written) else ''
        return f'{_title(want)}: {field} differs from the fabric{since}.'

    def _compare_adopted(self, draft: Draft) -> None:
        """What an adopted device was created with by somebody else: a person should know where it differs."""
        want = draft.want
        if want.model != DEVICE:
            return
        for name in COMPARED_WHEN_ADOPTED:
            try:
                value = wanted(DEVICE, name, want.initial[name], self)
            except (KeyError, Unresolved, BadValue):
                continue
            if draft.current.get(name) != value:
                self._compare(draft, name, value)

    def _without_dead(self, model: str, name: str, value: Any) -> Any:
        """What is left of a value that was written, after objects that it referred to have been deleted: NetBox takes
        them out of fields by itself, and that is no decision of anybody's about the field.
        """
        kind = kind_of(model, name)
        if value is None or kind not in (FK, MANY, ENDS):
            return value
        label = related_label(model, name)
        if label not in self.models:
            return value
        if isinstance(value, list):
            return [item for item in value if (label, item) in self.alive]
        return value if (label, value) in self.alive else None

    def _find(self, draft: Draft, values: dict[str, Any]) -> None:
        """A shared want: an object that stands is taken as it is, otherwise one is made."""
        want = draft.want
        self.drafts[want.key] = draft
        for natural in naturals(want.model, values):
            candidate = self.present.candidates.get((want.model, natural))
            if candidate is not None:
                draft.pk = candidate.pk
                self.records.append(Record(want.key, want.model, candidate.pk, new=True))
                return
        self._create(draft, values)

    def _place(self, draft: Draft, values: dict[str, Any]) -> None:
        """A want without an object: adopt what stands there, report it, or make a new one."""
        want = draft.want
        if heir := self._heir(want, values):
            draft.link, draft.pk, draft.current = heir, heir.object_id, dict(heir.values or {})
            self.records.append(Record(want.key, want.model, heir.object_id, was=heir.key))
            self._keep(draft, {name: value for name, value in values.items() if name in want.owned})
            return
        candidate = self._standing(want, values)
        if candidate is not None and self._may_adopt(want, values, candidate):
            self._adopt(draft, values, candidate)
            return
        if clash := self._clash(want, values, None):
            self._block(want, clash)
            return
        self.drafts[want.key] = draft
        self._create(draft, values)

    def _create(self, draft: Draft, values: dict[str, Any]) -> None:
        draft.verb = CREATE
        draft.changes = [FieldChange(name, None, value) for name, value in values.items() if value not in (None, [])]
        for natural in naturals(draft.want.model, values):
            self.taken.setdefault((draft.want.model, natural), draft.want.key)
        if draft.want.model == CABLE:
            for end in _ends(values):
                self.ports.setdefault(_hashable(end), draft.want.key)

    def _adopt(self, draft: Draft, values: dict[str, Any], candidate: Candidate) -> None:
        want = draft.want
        self.drafts[want.key] = draft
        draft.verb, draft.pk, draft.current = ADOPT, candidate.pk, candidate.values
        self.claimed[want.model, candidate.pk] = want.key
        if want.model == DEVICE:
            self.adopted.add(candidate.pk)
        for name, value in values.items():
            if name in want.owned:
                self._compare(draft, name, value)
        self._compare_adopted(draft)
        for natural in naturals(want.model, candidate.values):
            self.taken.setdefault((want.model, natural), want.key)

    # What stands in the way

    def _standing(self, want: Want, values: dict[str, Any]) -> Candidate | None:
        """The object that this want might be."""
        if want.model == CABLE:
            ends = _ends(values)
            found = [self.present.cabled[end] for end in ends if isinstance(end, int) and end in self.present.cabled]
            if len(found) == len(ends) and len({candidate.pk for candidate in found}) == 1:
                pair = sorted((values['a'], values['b']), key=str)
                candidate = found[0]
                if sorted((candidate.values['a'], candidate.values['b']), key=str) == pair:
                    return candidate
            return None
        if want.model == DEVICE and self.rules.adoption == InventoryAdoptionChoices.SERIAL:
            serial = values.get('serial')
            return self.present.candidates.get((want.model, ('serial', serial))) if serial else None
        for natural in naturals(want.model, values):
            if found_one := self.present.candidates.get((want.model, natural)):
                return found_one
        return self.present.namesake(values) if want.model == DEVICE else None

    def _may_adopt(self, want: Want, values: dict[str, Any], candidate: Candidate) -> bool:
        if candidate.owner or (want.model, candidate.pk) in self.claimed:
            return False
        if self.rules.adoption == InventoryAdoptionChoices.NAME:
            return True
        if want.model == DEVICE:
            return self.rules.adoption == InventoryAdoptionChoices.SERIAL
        # What hangs on an adopted device comes with it.
        if want.model == 'dcim.interface':
            return values.get('device') in self.adopted
        if want.model in ('ipam.ipaddress', 'dcim.macaddress'):
            place = values.get('assigned_object')
            return (
                place is not None and candidate.values.get('assigned_object') == place
                and self._is_adopted('dcim.interface', place[1])
            )
        if want.model == CABLE:
            return any(self._is_adopted('dcim.interface', end) for end in _ends(values))
        return False

    def _is_adopted(self, model: str, pk: Any) -> bool:
        draft = self.drafts.get(self.claimed.get((model, pk), ''))
        if draft is None:
            return False
        return draft.verb == ADOPT or (draft.link is not None and draft.link.origin == InventoryOriginChoices.ADOPTED)

    def _clash(self, want: Want, values: dict[str, Any], pk: int | None) -> Finding | None:
        """What stands where this object is to be, if anything does that may not."""
        if want.model == CABLE:
            return self._port_clash(want, values, pk)
        if shape(want.model).loose:
            return None
        for natural in naturals(want.model, values):
            candidate = self.present.candidates.get((want.model, natural))
            if candidate is not None and candidate.pk != pk and not self._side_by_side(want, values):
                return self._conflict(want, candidate)
            other = self.taken.get((want.model, natural))
            if other not in (None, want.key) and not self._side_by_side(want, values):
                return self._conflict_with_key(want, str(other))
        if want.model == DEVICE and pk is None and (namesakes := self.present.namesakes_of(values)):
            return self._conflict(want, namesakes[0])
        if want.model == RANGE:
            for candidate in self.present.ranges.get(_hashable(values.get('vrf')), ()):
                if candidate.pk != pk and _overlap(values, candidate.values):
                    return self._conflict(want, candidate)
        return None

    @staticmethod
    def _side_by_side(want: Want, values: dict[str, Any]) -> bool:
        return want.model == 'ipam.ipaddress' and values.get('role') in SHARED_ROLES

    def _port_clash(self, want: Want, values: dict[str, Any], pk: int | None) -> Finding | None:
        for end in _ends(values):
            candidate = self.present.cabled.get(end) if isinstance(end, int) else None
            if candidate is not None and candidate.pk != pk:
                return self._conflict(want, candidate)
            other = self.ports.get(_hashable(end))
            if other is not None and other != want.key:
                return self._conflict_with_key(want, other)
        if pk is not None:
            for end in _ends(values):
                self.ports.setdefault(_hashable(end), want.key)
        return None

    def _conflict(self, want: Want, candidate: Candidate) -> Finding:
        if candidate.owner:
            what = f'is held by the fabric {candidate.owner}'
        elif want.model == CABLE:
            what = f'stands on one of its ports: cable #{candidate.pk}. Remove it, or move it'
        else:
            what = f'stands there already ({want.model} {candidate.pk}), and is not the plugin’s: rename or remove it, '
            what += 'or let the fabric adopt it'
        return Finding(
            DiscrepancyTypeChoices.CONFLICT, want.key, want.subject, want.source,
            f'{_title(want)} is left out: {"another cable" if want.model == CABLE else "one"} {what}.',
            model=want.model, pk=candidate.pk,
        )

    def _conflict_with_key(self, want: Want, other: str) -> Finding:
        if other not in self.desired.wants:
            link = self.present.held[other]
            return Finding(
                DiscrepancyTypeChoices.CONFLICT, want.key, want.subject, want.source,
                f'{_title(want)} is left out: what came from {link.kind} {link.name} of this fabric stands there, and '
                'stays while that cannot be carried.', model=want.model, pk=link.object_id,
            )
        source = self.desired.wants[other].source
        return Finding(
            DiscrepancyTypeChoices.CONFLICT, want.key, want.subject, want.source,
            f'{_title(want)} is left out: {source.kind} {source.name} of this fabric wants the same '
            f'{"port" if want.model == CABLE else "place"}.',
            model=want.model,
        )

    def _deleted(self, want: Want, link: Held) -> None:
        """Somebody has deleted it. What hung on it went along: that is one finding."""
        for ref in want.refs():
            if ref.key in self.blocked and ref.key not in self._soft_keys(want):
                self._leave_out(want, ref.key)
                return
        self._block(want, Finding(
            DiscrepancyTypeChoices.DELETED, want.key, want.subject, want.source,
            f'{_title(want)} was deleted in NetBox, and the fabric still has it.', model=want.model, pk=link.object_id,
        ))

    @staticmethod
    def _soft_keys(want: Want) -> set[str]:
        found: set[str] = set()
        for name in shape(want.model).soft:
            value = want.fields.get(name)
            items = value if isinstance(value, tuple) else (value,)
            found.update(item.key for item in items if isinstance(item, Ref))
        return found

    def _refuse(self, want: Want, sentence: str) -> None:
        self._block(want, Finding(
            DiscrepancyTypeChoices.UNMATCHED, want.key, want.subject, want.source, sentence, model=want.model,
        ))

    def _block(self, want: Want, finding: Finding) -> None:
        self.blocked[want.key] = want.key
        self.roots[want.key] = finding

    def _leave_out(self, want: Want, key: str) -> None:
        """Leave a want out because of what it refers to."""
        root = self.blocked.get(key)
        if root is None:
            self._refuse(want, f'{_title(want)} is left out: it refers to {key}, which is not there.')
            return
        if self.present.held.get(want.key) is None or self.present.held[want.key].values is None:
            self.blocked[want.key] = root
        self.left_out[root] += 1

    def _with_count(self, finding: Finding) -> Finding:
        count = self.left_out[finding.key]
        if not count:
            return finding
        what = '1 object that depends on it is' if count == 1 else f'{count} objects that depend on it are'
        return replace(finding, sentence=f'{finding.sentence} {what} left out with it.', skipped=count)

    # Fields that refer to what stands on the object itself

    def _later(self, draft: Draft) -> None:
        want = draft.want
        names = [name for name in shape(want.model).deferred if name in want.fields]
        if not names or (draft.link is not None and draft.link.shared) or draft.want.key in self.blocked:
            return
        for name, value in (self._values(want, names, draft.link is not None) or {}).items():
            if draft.verb == CREATE:
                if value not in (None, []):
                    draft.changes.append(FieldChange(name, None, value))
            elif name in want.owned:
                self._compare(draft, name, value)

    def _conclude(self, draft: Draft, plan: Plan) -> None:
        want = draft.want
        if draft.link is not None and draft.changes and not draft.verb:
            draft.verb = UPDATE
        if draft.agreed and draft.link is not None and draft.verb in ('', RESTORE, UPDATE):
            plan.records.append(Record(want.key, want.model, draft.link.object_id, tuple(draft.agreed.items())))
        if draft.agreed and draft.verb == ADOPT:
            plan.agreed[want.key] = draft.agreed
        if not draft.verb:
            plan.unchanged += 1
            return
        plan.actions.append(Action(
            draft.verb, want.model, want.key, want.subject, want.source, object_name(want), draft.pk,
            tuple(draft.changes),
        ))


class _Never:
    """Not equal to anything that a field may hold."""


_NEVER = _Never()


def _title(want: Want) -> str:
    return f'{model_title(want.model, 1)} {object_name(want)}'


def _ends(values: dict[str, Any]) -> list[Any]:
    return [end for name in ENDS_OF_CABLE for end in values.get(name) or ()]


def _hashable(end: Any) -> Any:
    return end['key'] if isinstance(end, dict) else end


def _overlap(one: dict[str, Any], other: dict[str, Any]) -> bool:
    import netaddr

    spans = []
    for values in (one, other):
        start, end = (netaddr.IPNetwork(values[name]).ip for name in ('start_address', 'end_address'))
        spans.append((start, end))
    (a, b), (c, d) = spans
    return a.version == c.version and a <= d and c <= b

