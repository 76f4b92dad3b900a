"""Load which servers and gateways of other fabrics are the same machines as those of a fabric."""

from collections.abc import Iterable
from contextlib import suppress
from typing import Any

from django.db.models import Q

from ...models import Fabric, InventoryLink
from ...naming import device_name
from ..mapping.types import MACHINES, WITH_LOOPBACKS, DesiredObject
from ..planning.current import CurrentState, Machine, Place, machine_key
from ..planning.machines import is_machine, may_be_shared
from ..planning.model_specs import DEVICE, INTERFACE
from .values import label_of_type, type_of_label

__all__ = ('MACHINE_FIELDS', 'load_users', 'machine_of', 'managed_machines')

# What machine_of() takes of a link.
MACHINE_FIELDS = (
    'kind', 'name', 'fabric__name', 'fabric__inventory_name_pattern', 'fabric__inventory_site',
    'fabric__inventory_tenant',
)


def machine_of(kind: str, name: str, fabric: str, pattern: str, site: Any, tenant: Any) -> Machine | None:
    """Return which machine a device is by the settings of the fabric that manages it; None for a switch."""
    if kind not in MACHINES:
        return None
    # With an invalid pattern the mapper takes the resource's name too.
    with suppress(ValueError):
        name = device_name(pattern, name, fabric)
    return machine_key(kind, {'name': name, 'site': site, 'tenant': tenant})


def managed_machines(fabric: Fabric, sought: Iterable[DesiredObject]) -> set[int]:
    """Return the devices that other fabrics with the same site and tenant manage for the same resources, by ID.

    People may have renamed or moved these devices: one SQL statement, if any server or gateway is sought.
    """
    names = {obj.source.name for obj in sought if is_machine(obj)}
    if not names:
        return set()
    links = InventoryLink.objects.filter(
        object_type=type_of_label(DEVICE), shared=False, kind__in=MACHINES, name__in=names,
        fabric__inventory_site=fabric.inventory_site_id, fabric__inventory_tenant=fabric.inventory_tenant_id,
    )
    return set(links.exclude(fabric=fabric).order_by().values_list('object_id', flat=True))


def load_users(fabric: Fabric, current: CurrentState) -> None:
    """Note which of the fabric's objects other fabrics share, and as what they manage the devices that it shares.

    One SQL statement.
    """
    shareable = Q(object_type=type_of_label(DEVICE)) | Q(
        object_type=type_of_label(INTERFACE), kind__in=WITH_LOOPBACKS,
    )
    links = InventoryLink.objects.filter(shareable).order_by()
    others = links.filter(object_id__in=links.filter(fabric=fabric).values('object_id')).exclude(fabric=fabric)
    used: set[Place] = set()
    machines: dict[Place, Machine | None] = {}
    for type_id, object_id, shared, *about in others.values_list('object_type', 'object_id', 'shared', *MACHINE_FIELDS):
        place = label_of_type(type_id), object_id
        if shared:
            used.add(place)
        else:
            machines[place] = machine_of(*about)
    for link in current.managed.values():
        if may_be_shared(link):
            link.used_by_others = not link.shared and link.place in used
            link.manager = machines.get(link.place) if link.shared and link.model == DEVICE else None
