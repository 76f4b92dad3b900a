"""Plan changes of an existing object. Fields are written only if nobody else has changed them."""

from typing import Any

from ...choices import DiscrepancyTypeChoices, InventoryOriginChoices
from ...issue_codes import Code
from .current import COMPARED_WHEN_ADOPTED, ManagedObject
from .fields import BadValue, Unresolved, desired_value
from .model_specs import DEVICE, INTERFACE, identity_fields, is_yielding, spec_of, yields
from .ownership import align_ends, may_write, nobody_has_set
from .places import place_fields
from .plan import ADOPT, UNMARK_STALE, FieldChange, Finding
from .rule_values import plan_rule_values
from .state import PlannedObject, PlanState, finding_on

__all__ = ('compare', 'compare_adopted', 'keep_vlans', 'plan_update')

VLAN_FIELDS = ('untagged_vlan', 'tagged_vlans')

# A value that no field can have.
_NOTHING = object()


def plan_update(state: PlanState, planned: PlannedObject, values: dict[str, Any]) -> None:
    """Plan changes of a managed object."""
    obj, link = planned.desired, planned.link
    assert link is not None
    state.planned[obj.key] = planned
    state.claimed[obj.model, link.object_id] = obj.key
    if link.stale_since is not None:
        planned.type = UNMARK_STALE
        _restore_status(state, planned, link)
    if denied := state.denied.get(obj.key):
        state.findings.append(denied)
        place = place_fields(obj.model, identity_fields(obj.model))
        values = {name: value for name, value in values.items() if name not in place}
    for name, value in align_ends(obj.model, planned.current_values, values).items():
        compare(state, planned, name, value)
    if link.origin == InventoryOriginChoices.ADOPTED:
        compare_adopted(state, planned)
    if state.policy.apply_rules:
        plan_rule_values(state, planned, link)
    keep_vlans(state, planned)


def _restore_status(state: PlanState, planned: PlannedObject, link: ManagedObject) -> None:
    """Restore the status that a device had before it was stale, unless somebody has changed it."""
    marked, before = link.before_stale.get('marked'), link.before_stale.get('status')
    if not marked or planned.current_values.get('status') != marked:
        return
    status = before if before and state.policy.offers(before) else state.policy.device_status
    if state.policy.offers(status):
        planned.changes.append(FieldChange('status', marked, status))


# Fields


def compare(state: PlanState, planned: PlannedObject, name: str, value: Any) -> None:
    """Plan to write a field that differs, or add a finding where somebody else has set it."""
    obj, link = planned.desired, planned.link
    current = planned.current_values.get(name)
    written = link.written if link else {}
    if current == value:
        if written.get(name, _NOTHING) != value and not _is_of_person(planned, name, value):
            planned.agreed[name] = value
        return
    if link is not None and name in spec_of(obj.model).initial_fields and name not in written:
        # A rule has given it, and is gone.
        return
    if yields(obj, name) and not nobody_has_set(state, obj, link, name, current):
        # The fabric has no value to compare with, and a person has set one.
        return
    if may_write(state, obj, link, name, current):
        planned.changes.append(FieldChange(name, current, value))
        return
    if name in spec_of(obj.model).courtesy_fields:
        return
    state.findings.append(_difference(planned, name, value, current))


def _is_of_person(planned: PlannedObject, name: str, value: Any) -> bool:
    """Return whether a value that the fabric has too stays a person's, for when the fabric has another one or none."""
    obj, link = planned.desired, planned.link
    if value in (None, []):
        return False
    is_created = link is not None and link.origin == InventoryOriginChoices.CREATED
    return is_yielding(obj, name) or (name in spec_of(obj.model).courtesy_fields and not is_created)


def _difference(planned: PlannedObject, name: str, value: Any, current: Any) -> Finding:
    """Return the finding on a field that is not written."""
    obj, link = planned.desired, planned.link
    adopted = planned.type == ADOPT or (link is not None and link.origin == InventoryOriginChoices.ADOPTED)
    # Nobody has changed in NetBox what the plugin never wrote.
    since_adoption = adopted and (link is None or name not in link.written)
    return finding_on(
        obj, DiscrepancyTypeChoices.FIELD,
        Code.FIELD_DIFFERS_SINCE_ADOPTION if since_adoption else Code.FIELD_DIFFERS, {'field': name},
        model=obj.model, pk=planned.pk, field=name, fabric_value=value, netbox_value=current,
    )


def compare_adopted(state: PlanState, planned: PlannedObject) -> None:
    """Compare the create-only fields of an adopted device, and add a finding for each difference."""
    obj = planned.desired
    if obj.model != DEVICE:
        return
    for name in COMPARED_WHEN_ADOPTED:
        try:
            value = desired_value(DEVICE, name, obj.create_only_fields[name], state)
        except (KeyError, Unresolved, BadValue):
            continue
        if planned.current_values.get(name) != value:
            compare(state, planned, name, value)


# VLANs of interfaces


def keep_vlans(state: PlanState, planned: PlannedObject) -> None:
    """Drop a change of mode that would remove a person's VLANs, and VLANs that the interface's mode cannot have."""
    if planned.desired.model == INTERFACE:
        _keep_mode_of_vlans(state, planned)
        _drop_vlans_of_other_modes(planned)


def _keep_mode_of_vlans(state: PlanState, planned: PlannedObject) -> None:
    """Keep the mode of an interface with a person's VLANs, which NetBox would remove with the mode."""
    changed = planned.changed
    mode = changed.get('mode')
    if mode is None or (planned.desired.key, 'mode') in state.policy.forced:
        return
    theirs = {name for name in VLAN_FIELDS if planned.current_values.get(name) and name not in changed}
    loses_all = theirs and not mode.new
    loses_tagged = 'tagged_vlans' in theirs and mode.new != 'tagged'
    if not loses_all and not loses_tagged:
        return
    planned.changes.remove(mode)
    if not yields(planned.desired, 'mode'):
        state.findings.append(_difference(planned, 'mode', mode.new, mode.old))


def _drop_vlans_of_other_modes(planned: PlannedObject) -> None:
    """Drop VLANs of an interface whose mode a person has set, if that mode does not allow them."""
    changed = {change.field: change.new for change in planned.changes}
    mode = changed.get('mode', planned.current_values.get('mode'))
    impossible = {
        'tagged_vlans': mode != 'tagged' and changed.get('tagged_vlans'),
        'untagged_vlan': not mode and changed.get('untagged_vlan'),
    }
    planned.changes = [change for change in planned.changes if not impossible.get(change.field)]
