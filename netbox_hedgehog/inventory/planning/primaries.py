"""Clear the primary address of devices whose address moves to another device."""

from ...choices import DiscrepancyTypeChoices
from ...issue_codes import Code
from ..mapping.types import DesiredObject, Ref
from .current import Primary
from .model_specs import ADDRESS, DEVICE
from .plan import FieldChange
from .state import PlannedObject, PlanState, finding_on

__all__ = ('free_primaries',)


def free_primaries(state: PlanState) -> None:
    """Plan to clear primary addresses that move to another device."""
    devices = {
        link.object_id: key for key, link in state.current.managed.items()
        if link.model == DEVICE and link.values is not None and not link.shared
    }
    for planned in state.planned.values():
        if planned.desired.model != ADDRESS or planned.pk is None or 'assigned_object' not in planned.changed:
            continue
        new_device = _device_of(state, planned.desired)
        for primary in state.current.primaries.get(planned.pk, ()):
            if primary.device != new_device:
                _free_primary(state, planned, primary, devices.get(primary.device))


def _free_primary(state: PlanState, planned: PlannedObject, primary: Primary, key: str | None) -> None:
    """Plan to clear one device's primary address; `key` is None for a device that the fabric does not manage."""
    change = FieldChange(primary.field, planned.pk, None)
    if key is None:
        planned.changes = [one for one in planned.changes if one.field != 'assigned_object']
        state.findings.append(finding_on(
            planned.desired, DiscrepancyTypeChoices.CONFLICT, Code.PRIMARY_ADDRESS_ELSEWHERE,
            {'primary': primary.field, 'device': primary.name}, model=DEVICE, pk=primary.device,
        ))
    elif key not in state.planned:
        state.leaving.setdefault(key, {})[primary.field] = change
    elif primary.field not in state.planned[key].changed:
        state.planned[key].changes.append(change)


def _device_of(state: PlanState, address: DesiredObject) -> int | None:
    """Return the ID of the device of a desired address; None if it does not exist yet."""
    interface = _referred(state, address, 'assigned_object')
    if interface is None:
        return None
    device = interface.managed_fields.get('device')
    planned = state.planned.get(device.key) if isinstance(device, Ref) else None
    return planned.pk if planned is not None else None


def _referred(state: PlanState, obj: DesiredObject, name: str) -> DesiredObject | None:
    """Return the desired object that a managed field refers to."""
    value = obj.managed_fields.get(name)
    return state.desired.objects.get(value.key) if isinstance(value, Ref) else None
