"""One machine in several fabrics: a server or gateway is one device at its site, whichever fabrics it is connected to.

The first fabric that needs the device creates or adopts it, and manages it. The others share it: each manages only its
own interfaces, cables and addresses on it. The loopbacks of a gateway are shared with it. Pure.

A device is the same one if the settings of both fabrics give it the same name, site and tenant, whatever people have
made of it since; or else if it has that name at that site in NetBox. Fabrics of different tenants never share.
"""

from collections.abc import Mapping
from typing import Any

from ...choices import DiscrepancyTypeChoices
from ...issue_codes import Code
from ..mapping.types import DEVICES, MACHINES, WITH_LOOPBACKS, DesiredObject, Source
from .current import CurrentState, ManagedObject, UnmanagedObject, machine_key
from .fields import desired_values
from .model_specs import DEVICE, INTERFACE, identities, identity_fields
from .plan import Finding
from .state import PlanState

__all__ = ('find_machine', 'is_machine', 'is_shareable', 'may_be_shared', 'report_other_settings')


# The type of a loopback.
VIRTUAL = 'virtual'


def is_machine(obj: DesiredObject) -> bool:
    """Return whether a desired object is a device that other fabrics may need too."""
    return obj.model == DEVICE and obj.source.kind in MACHINES


def is_shareable(obj: DesiredObject) -> bool:
    """Return whether other fabrics may need a desired object too: a machine, or a loopback of one."""
    return is_machine(obj) or _is_loopback(obj)


def _is_loopback(obj: DesiredObject) -> bool:
    is_virtual = obj.managed_fields.get('type') == VIRTUAL
    return obj.model == INTERFACE and obj.source.kind in WITH_LOOPBACKS and is_virtual


def may_be_shared(link: ManagedObject) -> bool:
    """Return whether other fabrics may have links to the object of this link."""
    return link.model == DEVICE or (link.model == INTERFACE and link.kind in WITH_LOOPBACKS)


def find_machine(obj: DesiredObject, values: Mapping[str, Any], current: CurrentState) -> UnmanagedObject | None:
    """Return what another fabric manages and a desired machine, or a loopback of one, matches; or None."""
    if is_machine(obj):
        return current.machines.get(machine_key(obj.source.kind, values))
    found = [current.candidates.get((obj.model, key)) for key in identities(obj.model, values)]
    loopbacks = [one for one in found if one is not None and one.is_owned and one.values.get('type') == VIRTUAL]
    return loopbacks[0] if loopbacks and _is_loopback(obj) else None


def report_other_settings(state: PlanState) -> None:
    """Add one finding if the settings of fabrics that share devices would no longer make them the same devices."""
    count = 0
    for key, link in state.current.managed.items():
        obj = state.desired.objects.get(key)
        if obj is None or link.manager is None or link.values is None:
            continue
        values = desired_values(obj, state, sorted(identity_fields(DEVICE)))
        count += machine_key(link.kind, values) != link.manager
    if count:
        state.findings.append(Finding(
            DiscrepancyTypeChoices.UNMATCHED, 'settings/shared', DEVICES, Source('', 'inventory_name_pattern'),
            Code.SHARED_DEVICES_DIFFER, {'count': count},
        ))
