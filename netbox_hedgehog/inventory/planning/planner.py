"""Desired and present become a plan: two inputs, nothing read, nothing written."""

import logging
from collections import Counter, deque
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field, replace
from typing import Any

from rq.timeouts import JobTimeoutException

from ...choices import DiscrepancyTypeChoices, InventoryAdoptionChoices, InventoryOriginChoices
from ...issue_codes import Code
from ...labels import field_label, model_title
from ..mapping.types import Desired, DesiredObject, Issue, Ref, Source
from .current import (
    ADDRESS,
    CABLE,
    COMPARED_WHEN_ADOPTED,
    DEVICE,
    RANGE,
    Candidate,
    Held,
    Present,
    Primary,
    levels,
)
from .fields import (
    ENDS,
    ENDS_OF_CABLE,
    FK,
    MANY,
    BadValue,
    Unresolved,
    choices_of,
    default_of,
    kind_of,
    natural_fields,
    naturals,
    object_name,
    related_label,
    shape,
    wanted,
)
from .places import Board, coexist, ends_of, overlap, place_fields
from .plan import ADOPT, CREATE, DELETE, RESTORE, UPDATE, Action, FieldChange, Finding, Plan, Record
from .policy import Rules
from .pruning import held_name, plan_absence, replaceable, unwanted

__all__ = ('make_plan',)

logger = logging.getLogger(__name__)

# How many candidates a conflict names.
MOST_NAMED = 5

# Objects that are their place: an address that moves to another interface is the same address. Where the place of a
# stale one is wanted, the two objects change owners.
CHANGE_OWNERS = frozenset(('ipam.ipaddress', 'ipam.prefix', 'ipam.iprange', 'vpn.l2vpntermination'))

# Objects that a stale one makes room for: it leaves its VLAN group, or gets another name. By the fields that are looked
# at first: what a person has changed is not moved out of the way.
MAKE_ROOM = {
    'ipam.vlan': ('group', 'vid', 'name'), 'ipam.vlangroup': ('name', 'slug'), 'vpn.l2vpn': ('name', 'slug'),
    'dcim.interface': ('name',), 'dcim.device': ('name',), 'dcim.cable': ENDS_OF_CABLE,
}
LONGEST = {'dcim.interface': 64, 'dcim.device': 64}


@dataclass(slots=True)
class Draft:
    """A want on its way to being an action."""

    want: DesiredObject
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
        self.claimed: dict[tuple[str, int], str] = {}
        self.adopted: set[int] = set()
        self.records: list[Record] = []
        self.inherited: set[str] = set()
        # Who has which place once this plan is applied, as far as it is made.
        self.board = Board()
        # Objects that stand and do not get the place that they are to have; objects that leave theirs to another.
        self.denied: dict[str, Finding] = {}
        self.leaving: dict[str, dict[str, FieldChange]] = {}
        # Under which key the link is stored that goes on under this one.
        self.rows: dict[str, str] = {}
        self.choices: dict[tuple[str, str, str], Any] = {}
        self.alive = {(link.model, link.object_id) for link in present.held.values() if link.values is not None}
        self.models = {want.model for want in desired.objects.values()}
        # Objects that are not wanted now: they leave their place to what is. A device of a resource in trouble stays.
        stale = {link.key for link in unwanted(desired, present, rules.subjects)}
        self.gone = {
            link.key: link for link in replaceable(desired, present, rules.subjects)
            if not link.shared and link.values is not None and (link.key in stale or link.model != DEVICE)
        }
        self.troubled = self.gone.keys() - stale

    def plan(self) -> Plan:
        self._settle_places()
        level_of = levels(self.desired)
        # Within a level, what stands keeps its names and ports before anything new asks for them.
        order = sorted(
            self.desired.objects.values(), key=lambda want: (level_of[want.key], want.key not in self.present.held),
        )
        for want in order:
            self._meet_guarded(want)
        for draft in self.drafts.values():
            self._later(draft)
        self._free_primaries()
        self._rename_links()
        plan = Plan(records=self.records)
        for draft in self.drafts.values():
            self._conclude(draft, plan)
        plan.findings = [self._with_count(finding) for finding in self.roots.values()]
        plan.findings += self.findings
        plan.findings += [_unmatched(issue) for issue in sorted(set(self.desired.issues))]
        plan_absence(plan, self.desired, self.present, self.rules, self.inherited)
        self._make_room(plan)
        return plan

    # Places

    def _settle_places(self) -> None:
        """Decide which of the objects that stand get the place that they are to have, before anything new asks for it.

        Objects that are to have each other's places do. One that does not get its place keeps the one that it has:
        who was to have that is asked again.
        """
        movers: dict[str, dict[str, Any]] = {}
        for key, link in self.present.held.items():
            if link.shared or link.values is None:
                continue
            self.board.put(key, link.model, link.values)
            want = self.desired.objects.get(key)
            after = self._after(want, link) if want is not None and want.model == link.model else link.values
            if after != link.values:
                movers[key] = after
        if not self.rules.forced:
            self._change_owners(movers)
        for key, after in movers.items():
            self.board.put(key, self.desired.objects[key].model, after)
        pending = deque(movers)
        while pending:
            key = pending.popleft()
            link = self.present.held[key]
            if key in self.denied:
                continue
            want = self.desired.objects[key]
            clash = self._clash(want, movers[key], link.object_id, _changed(link, movers[key]))
            if clash is not None:
                assert link.values is not None
                self.denied[key] = clash
                self.board.put(key, link.model, link.values)
                pending += [other for other in self.board.holders(link.model, link.values) if other in movers]
        for key, after in movers.items():
            if key not in self.denied:
                self._clear(self.desired.objects[key], after)

    def _after(self, want: DesiredObject, link: Held) -> dict[str, Any]:
        """Return what an object that stands is to hold in the fields that decide about its place."""
        values: dict[str, Any] = {}
        fields = want.fields
        names = place_fields(want.model, natural_fields(want.model))
        for name in sorted(names & set(want.managed_fields)):
            try:
                values[name] = wanted(want.model, name, fields[name], _Known(self))
            except (BadValue, Unresolved):
                return dict(link.values or {})
            except JobTimeoutException:
                raise
            except Exception:
                # Said once the want itself is planned: see _meet_guarded().
                logger.exception('The place of %s cannot be told', want.key)
                return dict(link.values or {})
        return self._with_changes(want, link, values)

    def _with_changes(self, want: DesiredObject, link: Held, values: dict[str, Any]) -> dict[str, Any]:
        """Return what an object holds once the fields are written that may be."""
        after = dict(link.values or {})
        for name, value in _as_it_lies(want.model, after, values).items():
            chosen = not self.rules.forced or (want.key, name) in self.rules.forced
            if chosen and self._may_write(want, link, name, after.get(name)):
                after[name] = value
        return after

    def _change_owners(self, movers: dict[str, dict[str, Any]]) -> None:
        """Let objects that are to have the place of a stale one go on with its object, and leave it theirs."""
        wishes = Board()
        for key, after in movers.items():
            wishes.put(key, self.desired.objects[key].model, after)
        pending = deque(key for key in movers if self.desired.objects[key].model in CHANGE_OWNERS)
        while pending:
            key = pending.popleft()
            if key not in movers:
                continue
            want = self.desired.objects[key]
            there = self.board.holders(want.model, movers[key])
            stale = [other for other in there if other in self.gone and self._is_as_written(self.gone[other])]
            if not stale or key in there:
                continue
            self._swap_links(key, stale[0])
            after = self._after(want, self.present.held[key])
            if after == self.present.held[key].values:
                del movers[key]
                wishes.remove(key)
            else:
                movers[key] = after
            pending += wishes.holders(want.model, self.board.values_of(stale[0]))

    def _swap_links(self, one: str, other: str) -> None:
        held = dict(self.present.held)
        mine, theirs = held[one], held[other]
        held[one] = replace(theirs, key=one, kind=mine.kind, name=mine.name, subject=mine.subject)
        held[other] = replace(mine, key=other, kind=theirs.kind, name=theirs.name, subject=theirs.subject)
        self.gone[other] = held[other]
        self.rows[one], self.rows[other] = self.rows.get(other, other), self.rows.get(one, one)
        self.present = replace(self.present, held=held)
        for key in (one, other):
            values = held[key].values
            assert values is not None
            self.board.put(key, held[key].model, values)

    def _clear(self, want: DesiredObject, values: dict[str, Any]) -> None:
        """Have stale objects leave the places that a want gets with these values."""
        for key in self.board.holders(want.model, values):
            if key == want.key or key not in self.gone:
                continue
            way_out = self._way_out(key, values) or {}
            link = self.gone[key]
            assert link.values is not None
            for name, value in way_out.items():
                self.leaving.setdefault(key, {})[name] = FieldChange(name, link.values.get(name), value)
            self.board.put(key, link.model, {**self.board.values_of(key), **way_out})

    def _way_out(self, key: str, values: dict[str, Any]) -> dict[str, Any] | None:
        """Return what a stale object is to hold so that one with these values has room; None where it has to stay."""
        link = self.gone[key]
        names = MAKE_ROOM.get(link.model)
        if self.rules.forced or names is None or not self._is_as_written(link, names):
            return None
        now = self.board.values_of(key)
        if link.model == CABLE:
            ports = ends_of(values)
            ends = {name: [end for end in now[name] if end not in ports] for name in names}
            return {name: end for name, end in ends.items() if end != now[name]}
        if link.model == 'ipam.vlan':
            return {'group': None}
        return {name: _stale_name(link, name, now[name]) for name in names}

    def _is_as_written(self, link: Held, names: Collection[str] | None = None) -> bool:
        """Whether an object holds what was last written: in these fields, or in all."""
        values = link.values or {}
        for name in names if names is not None else [name for name in link.written if name in values]:
            if name not in link.written:
                return False
            written = link.written[name]
            if values.get(name) not in (written, self._without_dead(link.model, name, written)):
                return False
        return True

    def _make_room(self, plan: Plan) -> None:
        """Add to a plan how stale objects make room for what is wanted in their place."""
        deleted = {action.key for action in plan.actions if action.verb == DELETE}
        for key, changes in sorted(self.leaving.items()):
            link = self.present.held[key]
            if key not in deleted:
                plan.actions.append(Action(
                    UPDATE, link.model, key, link.subject, Source(link.kind, link.name), held_name(link),
                    link.object_id, tuple(changes.values()),
                ))

    def _free_primaries(self) -> None:
        """Take addresses that move to another device off the device whose primary address they are."""
        devices = {
            link.object_id: key for key, link in self.present.held.items()
            if link.model == DEVICE and link.values is not None and not link.shared
        }
        for draft in self.drafts.values():
            if draft.want.model != ADDRESS or draft.pk is None:
                continue
            if not any(change.field == 'assigned_object' for change in draft.changes):
                continue
            mine = self._device_of(draft.want)
            for primary in self.present.primaries.get(draft.pk, ()):
                if primary.device != mine:
                    self._free_primary(draft, primary, devices.get(primary.device))

    def _free_primary(self, draft: Draft, primary: Primary, key: str | None) -> None:
        change = FieldChange(primary.field, draft.pk, None)
        if key is None:
            draft.changes = [one for one in draft.changes if one.field != 'assigned_object']
            self.findings.append(Finding(
                DiscrepancyTypeChoices.CONFLICT, draft.want.key, draft.want.subject, draft.want.source,
                Code.PRIMARY_ADDRESS_ELSEWHERE,
                {**_about(draft.want), 'primary': primary.field, 'device': primary.name},
                model=DEVICE, pk=primary.device,
            ))
        elif key not in self.drafts:
            self.leaving.setdefault(key, {})[primary.field] = change
        elif not any(one.field == primary.field for one in self.drafts[key].changes):
            self.drafts[key].changes.append(change)

    def _device_of(self, want: DesiredObject) -> int | None:
        """Return the ID of the device that a wanted address is on; None where there is none yet."""
        interface = want.managed_fields.get('assigned_object')
        on = self.desired.objects.get(interface.key) if isinstance(interface, Ref) else None
        device = on.managed_fields.get('device') if on is not None else None
        draft = self.drafts.get(device.key) if isinstance(device, Ref) else None
        return draft.pk if draft is not None else None

    # Links

    def _rename_links(self) -> None:
        """Have each link name the resource that wants its object now, and the key under which it goes on."""
        for key, row in self.rows.items():
            if key != row and key not in self.inherited:
                link = self.present.held[key]
                self.records.append(Record(key, link.model, link.object_id, was=row))
        for key, want in self.desired.objects.items():
            named = self.present.held.get(key)
            if named is None or self.rows.get(key, key) != key:
                continue
            if (named.kind, named.name, named.subject) != (want.source.kind, want.source.name, want.subject):
                self.records.append(Record(key, named.model, named.object_id, renamed=True))

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
        return self.desired.objects[key].model

    # One want

    def _meet_guarded(self, want: DesiredObject) -> None:
        """Plan a want. One that cannot be compared with NetBox costs itself, and is named."""
        try:
            self._meet(want)
        except JobTimeoutException:
            raise
        except Exception as error:
            logger.exception('%s cannot be planned', want.key)
            self.drafts.pop(want.key, None)
            self._refuse(want, Code.OBJECT_NOT_PLANNABLE, error=type(error).__name__)

    def _meet(self, want: DesiredObject) -> None:
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

    def _values(self, want: DesiredObject, names: Iterable[str], stands: bool) -> dict[str, Any] | None:
        """What the fields are to hold; None where the want is left out."""
        values: dict[str, Any] = {}
        soft = shape(want.model).soft
        fields = want.fields
        for name in names:
            if stands and name not in want.managed_fields:
                continue
            try:
                value = wanted(want.model, name, self._available(fields[name], name in soft), self)
                values[name] = self._offered(want, name, value) if name in want.create_only_fields else value
            except Unresolved as error:
                if name not in soft:
                    self._leave_out(want, error.key)
                    return None
            except BadValue as error:
                self._refuse(want, Code.VALUE_INVALID, reason=str(error))
                return None
        return values

    def _offered(self, want: DesiredObject, name: str, value: Any) -> Any:
        """Return a choice that NetBox offers: FIELD_CHOICES may have taken away the one that a new object would get."""
        if want.model == DEVICE or not isinstance(value, str):
            return value
        place = (want.model, name, value)
        if place not in self.choices:
            self.choices[place] = self._choose(want, name, value)
        return self.choices[place]

    def _choose(self, want: DesiredObject, name: str, value: Any) -> Any:
        offered = choices_of(want.model, name)
        if not offered or value in offered:
            return value
        default = default_of(want.model, name)
        chosen = default if default in offered else offered[0]
        self.findings.append(Finding(
            DiscrepancyTypeChoices.UNMATCHED, f'choices/{want.model}/{name}/{value}', want.subject,
            Source('', field_label(want.model, name)),
            Code.CHOICE_NOT_OFFERED, {'model': want.model, 'field': name, 'value': value, 'chosen': chosen},
            model=want.model,
        ))
        return chosen

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
            self._restore_status(draft, link)
        if denied := self.denied.get(want.key):
            self.findings.append(denied)
            place = place_fields(want.model, natural_fields(want.model))
            values = {name: value for name, value in values.items() if name not in place}
        for name, value in _as_it_lies(want.model, draft.current, values).items():
            self._compare(draft, name, value)
        if link.origin == InventoryOriginChoices.ADOPTED:
            self._compare_adopted(draft)
        self._keep_mode_of_their_vlans(draft)
        _drop_vlans_of_other_modes(draft)

    def _restore_status(self, draft: Draft, link: Held) -> None:
        """Take back the status that a mark has set, unless somebody has changed it."""
        marked, before = link.before_stale.get('marked'), link.before_stale.get('status')
        if not marked or draft.current.get('status') != marked:
            return
        status = before if before and self.rules.offers(before) else self.rules.device_status
        if self.rules.offers(status):
            draft.changes.append(FieldChange('status', marked, status))

    def _compare(self, draft: Draft, name: str, value: Any) -> None:
        """A field of an object that stands: written only while it holds what was last written, or nothing."""
        want, link = draft.want, draft.link
        current = draft.current.get(name)
        written = link.written if link else {}
        if current == value:
            if written.get(name, _NEVER) != value:
                draft.agreed[name] = value
            return
        if self._may_write(want, link, name, current):
            draft.changes.append(FieldChange(name, current, value))
            return
        self.findings.append(Finding(
            DiscrepancyTypeChoices.FIELD, want.key, want.subject, want.source,
            *self._difference(draft, name),
            model=want.model, pk=draft.pk, field=name, fabric_value=value, netbox_value=current,
        ))

    def _keep_mode_of_their_vlans(self, draft: Draft) -> None:
        """Leave the mode of an interface with VLANs that are a person's: NetBox would take them away with it."""
        want, changed = draft.want, {change.field: change for change in draft.changes}
        mode = changed.get('mode')
        if want.model != 'dcim.interface' or mode is None or (want.key, 'mode') in self.rules.forced:
            return
        theirs = {name for name in ('untagged_vlan', 'tagged_vlans') if draft.current.get(name) and name not in changed}
        if not (theirs and not mode.new) and not ('tagged_vlans' in theirs and mode.new != 'tagged'):
            return
        draft.changes.remove(mode)
        self.findings.append(Finding(
            DiscrepancyTypeChoices.FIELD, want.key, want.subject, want.source, *self._difference(draft, 'mode'),
            model=want.model, pk=draft.pk, field='mode', fabric_value=mode.new, netbox_value=mode.old,
        ))

    def _may_write(self, want: DesiredObject, link: Held | None, name: str, current: Any) -> bool:
        """Whether a field is the fabric's to write: it holds what was last written, or nothing, or a person says so."""
        if (want.key, name) in self.rules.forced:
            return True
        if link is not None and name in link.kept:
            return False
        written = link.written if link else {}
        if name not in written:
            return current in (None, []) or self._is_default(link, name, current)
        return current in (written[name], self._without_dead(want.model, name, written[name]))

    @staticmethod
    def _is_default(link: Held | None, name: str, current: Any) -> bool:
        """Return whether a field of an object that the plugin made is what NetBox made it: nobody has set it."""
        made = link is not None and link.origin == InventoryOriginChoices.CREATED
        return made and link is not None and current == default_of(link.model, name)

    @staticmethod
    def _difference(draft: Draft, name: str) -> tuple[Code, dict[str, Any]]:
        want, link = draft.want, draft.link
        adopted = draft.verb == ADOPT or (link is not None and link.origin == InventoryOriginChoices.ADOPTED)
        # Nobody has changed in NetBox what the plugin never wrote.
        since_adoption = adopted and (link is None or name not in link.written)
        code = Code.FIELD_DIFFERS_SINCE_ADOPTION if since_adoption else Code.FIELD_DIFFERS
        return code, {**_about(want), 'field': name}

    def _compare_adopted(self, draft: Draft) -> None:
        """What an adopted device was created with by somebody else: a person should know where it differs."""
        want = draft.want
        if want.model != DEVICE:
            return
        for name in COMPARED_WHEN_ADOPTED:
            try:
                value = wanted(DEVICE, name, want.create_only_fields[name], self)
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
            # What is no ID is an end of a cable that is no interface.
            return [item for item in value if not isinstance(item, int) or (label, item) in self.alive]
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
            self._inherit(draft, values, heir)
            return
        choices = self._choices_to_adopt(want, values)
        if len(choices) > 1:
            self._block(want, self._ambiguous(want, choices))
            return
        candidate = choices[0] if choices else self._standing(want, values)
        if candidate is not None and self._may_adopt(want, values, candidate):
            self._adopt(draft, values, candidate)
            return
        if clash := self._clash(want, values, None):
            self._block(want, clash)
            return
        if want.model == DEVICE and not self.rules.offers(self.rules.device_status):
            self._block_new_device(want)
            return
        self.drafts[want.key] = draft
        self._create(draft, values)

    def _heir(self, want: DesiredObject, values: dict[str, Any]) -> Held | None:
        """Return the stale object that has the place of a new want: the want goes on with it."""
        for key in dict.fromkeys((*self.board.at(want.model, values), *self.board.holders(want.model, values))):
            link = self.gone.get(key)
            if link is not None and link.model == want.model:
                return link
        return None

    def _inherit(self, draft: Draft, values: dict[str, Any], heir: Held) -> None:
        want = draft.want
        values = {name: value for name, value in values.items() if name in want.managed_fields}
        after = self._with_changes(want, heir, values)
        self.board.remove(heir.key)
        if clash := self._clash(want, after, heir.object_id):
            self.board.put(heir.key, heir.model, heir.values or {})
            self._block(want, clash)
            return
        self.inherited.add(heir.key)
        self.leaving.pop(heir.key, None)
        del self.gone[heir.key]
        self.board.put(want.key, want.model, after)
        self._clear(want, after)
        draft.link, draft.pk, draft.current = heir, heir.object_id, dict(heir.values or {})
        self.records.append(Record(want.key, want.model, heir.object_id, was=self.rows.get(heir.key, heir.key)))
        self._keep(draft, values)

    def _block_new_device(self, want: DesiredObject) -> None:
        """Leave a new device out under one finding for all of them: NetBox does not offer the status it would get."""
        root = 'settings/inventory_device_status'
        self.roots.setdefault(root, Finding(
            DiscrepancyTypeChoices.UNMATCHED, root, want.subject, Source('', 'inventory_device_status'),
            Code.DEVICE_STATUS_NOT_OFFERED, {'status': self.rules.device_status},
        ))
        self.blocked[want.key] = root
        self.left_out[root] += 1

    def _create(self, draft: Draft, values: dict[str, Any]) -> None:
        draft.verb = CREATE
        draft.changes = [FieldChange(name, None, value) for name, value in values.items() if value not in (None, [])]
        if not draft.want.shared:
            self.board.put(draft.want.key, draft.want.model, values)
            self._clear(draft.want, values)

    def _adopt(self, draft: Draft, values: dict[str, Any], candidate: Candidate) -> None:
        want = draft.want
        self.drafts[want.key] = draft
        draft.verb, draft.pk, draft.current = ADOPT, candidate.pk, candidate.values
        self.claimed[want.model, candidate.pk] = want.key
        if want.model == DEVICE:
            self.adopted.add(candidate.pk)
        for name, value in _as_it_lies(want.model, candidate.values, values).items():
            if name in want.managed_fields:
                self._compare(draft, name, value)
        self._compare_adopted(draft)
        self.board.put(want.key, want.model, candidate.values)
        self._keep_mode_of_their_vlans(draft)
        _drop_vlans_of_other_modes(draft)

    # What stands in the way

    def _standing(self, want: DesiredObject, values: dict[str, Any]) -> Candidate | None:
        """The object that this want might be."""
        if want.model == CABLE:
            ends = ends_of(values)
            found = [self.present.cabled[end] for end in ends if isinstance(end, int) and end in self.present.cabled]
            if len(found) == len(ends) and len({candidate.pk for candidate in found}) == 1:
                pair = sorted((values['a'], values['b']), key=str)
                candidate = found[0]
                if sorted((candidate.values['a'], candidate.values['b']), key=str) == pair:
                    return candidate
            return None
        if want.model == DEVICE:
            return None  # see _choices_to_adopt()
        for natural in naturals(want.model, values):
            if found_one := self.present.candidates.get((want.model, natural)):
                return found_one
        return None

    def _choices_to_adopt(self, want: DesiredObject, values: dict[str, Any]) -> list[Candidate]:
        """The objects that this want might be by what does not tell objects apart; those that are taken are none."""
        if self.rules.adoption == InventoryAdoptionChoices.OFF:
            return []
        if want.model == DEVICE:
            found = self.present.devices_for(values, self.rules.adoption, self.rules.stale_status)
        elif self.rules.adoption == InventoryAdoptionChoices.NAME and shape(want.model).loose:
            rivals = [self.present.rivals.get((want.model, key), {}) for key in naturals(want.model, values)]
            found = [candidate for members in rivals for candidate in members.values() if not candidate.owner]
        else:
            found = []
        return [candidate for candidate in found if (want.model, candidate.pk) not in self.claimed]

    def _may_adopt(self, want: DesiredObject, values: dict[str, Any], candidate: Candidate) -> bool:
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
            return any(self._is_adopted('dcim.interface', end) for end in ends_of(values))
        return False

    def _is_adopted(self, model: str, pk: Any) -> bool:
        draft = self.drafts.get(self.claimed.get((model, pk), ''))
        if draft is None:
            return False
        return draft.verb == ADOPT or (draft.link is not None and draft.link.origin == InventoryOriginChoices.ADOPTED)

    def _clash(
        self, want: DesiredObject, values: dict[str, Any], pk: int | None, fields: Collection[str] = (),
    ) -> Finding | None:
        """Return what prevents an object from having the place that these values give it; None where nothing does.

        `fields` are those that an object keeps which is in NetBox already; a new object is skipped.
        """
        candidate = self._stranger(want, values, pk)
        if candidate is not None:
            return self._conflict(want, candidate, fields)
        for key in self.board.holders(want.model, values):
            if key != want.key and not (key in self.gone and self._way_out(key, values) is not None):
                return self._conflict_with_key(want, key, fields)
        return None

    def _stranger(self, want: DesiredObject, values: dict[str, Any], pk: int | None) -> Candidate | None:
        """An object that is not this fabric's where this one is to be."""
        found = [self.present.cabled.get(end) for end in ends_of(values) if isinstance(end, int)]
        if not shape(want.model).loose:
            found += [self.present.candidates.get((want.model, natural)) for natural in naturals(want.model, values)]
        if want.model == DEVICE and pk is None:
            found += self.present.namesakes_of(values)
        if want.model == RANGE and not isinstance(values.get('vrf'), dict):
            ranges = self.present.ranges.get(values.get('vrf'), ())
            found += [other for other in ranges if overlap(values, other.values)]
        for candidate in found:
            if candidate is not None and candidate.pk != pk and not coexist(want.model, values, candidate.values):
                return candidate
        return None

    def _conflict(self, want: DesiredObject, candidate: Candidate, fields: Collection[str]) -> Finding:
        code, parameters = _in_the_way(candidate) if fields else self._not_created(want, candidate)
        return Finding(
            DiscrepancyTypeChoices.CONFLICT, want.key, want.subject, want.source,
            code, {**_about(want, self._held_name(want)), 'fields': list(fields), **parameters},
            model=want.model, pk=candidate.pk,
        )

    def _held_name(self, want: DesiredObject) -> str:
        """Return the name that an object has in NetBox, where it is there; '' for a new one and for a cable."""
        link = self.present.held.get(want.key)
        return held_name(link) if link is not None and want.model != CABLE else ''

    @staticmethod
    def _not_created(want: DesiredObject, candidate: Candidate) -> tuple[Code, dict[str, Any]]:
        if candidate.owner:
            code = Code.CABLE_OF_OTHER_FABRIC if want.model == CABLE else Code.OBJECT_OF_OTHER_FABRIC
            return code, {'fabric': candidate.owner}
        code = Code.CABLE_UNMANAGED if want.model == CABLE else Code.OBJECT_UNMANAGED
        return code, {'id': candidate.pk}

    def _ambiguous(self, want: DesiredObject, choices: list[Candidate]) -> Finding:
        names = [_described(candidate) for candidate in choices[:MOST_NAMED]]
        if len(choices) > MOST_NAMED:
            names.append('…')
        return Finding(
            DiscrepancyTypeChoices.CONFLICT, want.key, want.subject, want.source,
            Code.ADOPTION_AMBIGUOUS,
            {
                **_about(want), 'total': len(choices), 'names': names,
                'field': 'serial' if self._adopts_by_serial(want) else 'name',
            },
            model=want.model, pk=choices[0].pk,
        )

    def _adopts_by_serial(self, want: DesiredObject) -> bool:
        return want.model == DEVICE and self.rules.adoption == InventoryAdoptionChoices.SERIAL

    def _conflict_with_key(self, want: DesiredObject, other: str, fields: Collection[str]) -> Finding:
        about = {**_about(want, self._held_name(want)), 'fields': list(fields)}
        held = self.present.held.get(other)
        if held is not None and (other in self.gone or other in self.desired.objects):
            return Finding(
                DiscrepancyTypeChoices.CONFLICT, want.key, want.subject, want.source, self._why_it_stays(other, held),
                {
                    **about, 'holder_model': held.model, 'holder': held_name(held), 'kind': held.kind,
                    'resource': held.name,
                },
                model=held.model, pk=held.object_id,
            )
        if other not in self.desired.objects:
            link = self.present.held[other]
            return Finding(
                DiscrepancyTypeChoices.CONFLICT, want.key, want.subject, want.source,
                Code.PLACE_OF_SKIPPED_RESOURCE, {**about, 'kind': link.kind, 'resource': link.name},
                model=want.model, pk=link.object_id,
            )
        source = self.desired.objects[other].source
        return Finding(
            DiscrepancyTypeChoices.CONFLICT, want.key, want.subject, want.source,
            Code.PORT_NEEDED_TWICE if want.model == CABLE else Code.PLACE_NEEDED_TWICE,
            {**about, 'kind': source.kind, 'resource': source.name},
            model=want.model,
        )

    def _why_it_stays(self, key: str, held: Held) -> Code:
        """Return why an object of this fabric does not leave its place to another one."""
        if key not in self.gone:
            return Code.PLACE_OF_MANAGED_OBJECT
        if MAKE_ROOM.get(held.model) is None:
            return Code.PLACE_OF_SKIPPED_OBJECT if key in self.troubled else Code.PLACE_OF_STALE_OBJECT
        return Code.PLACE_OF_CHANGED_OBJECT if key in self.troubled else Code.PLACE_OF_STALE_CHANGED_OBJECT

    def _deleted(self, want: DesiredObject, link: Held) -> None:
        """Somebody has deleted it. What hung on it went along: that is one finding."""
        for ref in want.refs():
            if ref.key in self.blocked and ref.key not in self._soft_keys(want):
                self._leave_out(want, ref.key)
                return
        self._block(want, Finding(
            DiscrepancyTypeChoices.DELETED, want.key, want.subject, want.source,
            Code.OBJECT_DELETED, _about(want), model=want.model, pk=link.object_id,
        ))

    @staticmethod
    def _soft_keys(want: DesiredObject) -> set[str]:
        found: set[str] = set()
        for name in shape(want.model).soft:
            value = want.fields.get(name)
            items = value if isinstance(value, tuple) else (value,)
            found.update(item.key for item in items if isinstance(item, Ref))
        return found

    def _refuse(self, want: DesiredObject, code: Code, **parameters: Any) -> None:
        self._block(want, Finding(
            DiscrepancyTypeChoices.UNMATCHED, want.key, want.subject, want.source,
            code, {**_about(want), **parameters}, model=want.model,
        ))

    def _block(self, want: DesiredObject, finding: Finding) -> None:
        self.blocked[want.key] = want.key
        self.roots[want.key] = finding

    def _leave_out(self, want: DesiredObject, key: str) -> None:
        """Leave a want out because of what it refers to."""
        root = self.blocked.get(key)
        if root is None:
            self._refuse(want, Code.REFERENCE_MISSING, key=key)
            return
        if self.present.held.get(want.key) is None or self.present.held[want.key].values is None:
            self.blocked[want.key] = root
        self.left_out[root] += 1

    def _with_count(self, finding: Finding) -> Finding:
        count = self.left_out[finding.key]
        if not count:
            return finding
        return replace(finding, parameters={**finding.parameters, 'skipped': count}, skipped=count)

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
            elif name in want.managed_fields:
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


def _described(candidate: Candidate) -> str:
    """Return what tells a candidate from others of its name or serial number."""
    values = candidate.values
    name = values.get('name') or model_title(candidate.model, 1)
    status = f', {values["status"]}' if values.get('status') else ''
    return f'{name} (#{candidate.pk}{status})'


def _drop_vlans_of_other_modes(draft: Draft) -> None:
    """Write no VLANs to an interface whose mode a person has decided, and which takes none in that mode."""
    if draft.want.model != 'dcim.interface':
        return
    changed = {change.field: change.new for change in draft.changes}
    mode = changed.get('mode', draft.current.get('mode'))
    impossible = {
        'tagged_vlans': mode != 'tagged' and changed.get('tagged_vlans'),
        'untagged_vlan': not mode and changed.get('untagged_vlan'),
    }
    draft.changes = [change for change in draft.changes if not impossible.get(change.field)]


def _unmatched(issue: Issue) -> Finding:
    """Return the finding on an issue of a mapper, with parameters as JSON stores them."""
    parameters = {name: list(value) if isinstance(value, tuple) else value for name, value in issue.parameters}
    return Finding(DiscrepancyTypeChoices.UNMATCHED, '', issue.subject, issue.source, issue.code, parameters)


def _about(want: DesiredObject, name: str = '') -> dict[str, Any]:
    """Return the parameters that say which object a finding is about."""
    return {'model': want.model, 'name': name or object_name(want)}


def _changed(link: Held, after: dict[str, Any]) -> list[str]:
    """Return the fields that an object keeps as they are where it cannot get these values."""
    before = link.values or {}
    return sorted(name for name, value in after.items() if value != before.get(name))


def _in_the_way(candidate: Candidate) -> tuple[Code, dict[str, Any]]:
    """Return why an object keeps its place: an object of somebody else has the new one."""
    if candidate.owner:
        return Code.PLACE_OF_OTHER_FABRIC, {'other': _described(candidate), 'fabric': candidate.owner}
    return Code.PLACE_OF_UNMANAGED_OBJECT, {'other': _described(candidate)}


def _as_it_lies(label: str, current: dict[str, Any], values: dict[str, Any]) -> dict[str, Any]:
    """Return a cable's wanted ends the way round in which it lies: which of them is A means nothing to a fabric."""
    if label != CABLE or not current or not values:
        return values
    a, b = (current.get(name) for name in ENDS_OF_CABLE)
    x, y = (values.get(name) for name in ENDS_OF_CABLE)
    if (a == y or b == x) and not (a == x or b == y):
        return {**values, 'a': y, 'b': x}
    return values


def _stale_name(link: Held, name: str, value: Any) -> str:
    """Return a name that makes room for another object of that name, and that nothing else has."""
    mark = f'-stale-{link.object_id}' if name == 'slug' else f' (stale #{link.object_id})'
    return f'{str(value)[:LONGEST.get(link.model, 100) - len(mark)]}{mark}'


class _Known:
    """What is known to stand under a key before anything is planned, for the codec."""

    def __init__(self, planner: _Planner) -> None:
        self.planner = planner

    def __call__(self, key: str) -> Any:
        link = self.planner.present.held.get(key)
        if link is None and key in self.planner.desired.objects:
            return {'key': key}
        if link is None or link.values is None:
            raise Unresolved(key)
        return link.object_id

    def label_of(self, key: str) -> str:
        return self.planner.desired.objects[key].model
