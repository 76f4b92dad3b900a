"""Load which servers and gateways of other fabrics are the same machines as those of a fabric."""

from collections import defaultdict
from collections.abc import Collection, Iterable
from contextlib import suppress
from typing import Any

from django.db.models import Q

from ...models import Fabric, FabricResource, InventoryLink
from ...naming import device_name
from ..mapping.rules import Rule, values_for
from ..mapping.types import MACHINES, WITH_LOOPBACKS
from ..options import rules_of
from ..planning.current import CurrentState, Machine, Place, machine_key
from ..planning.machines import may_be_shared
from ..planning.model_specs import DEVICE, INTERFACE
from .values import label_of_type, type_of_label

__all__ = ('MACHINE_FIELDS', 'load_users', 'machines_of', 'managed_machines')

# What machines_of() takes of a link.
MACHINE_FIELDS = (
    'kind', 'name', 'fabric', 'fabric__name', 'fabric__inventory_name_pattern', 'fabric__inventory_site',
    'fabric__inventory_tenant',
)

# A link's MACHINE_FIELDS.
About = tuple[Any, ...]


def machines_of(links: Iterable[About]) -> dict[About, Machine | None]:
    """Return which machine each device is by the settings and rules of the fabric that manages it; None for a switch.

    Takes the MACHINE_FIELDS of links. At most three SQL statements.
    """
    found: dict[About, Machine | None] = dict.fromkeys(links)
    machines = [about for about in found if about[0] in MACHINES]
    rules = rules_of({about[2] for about in machines}) if machines else {}
    labels = _labels_of([about for about in machines if about[2] in rules], rules)
    for about in machines:
        found[about] = _machine_of(about, rules.get(about[2], ()), labels.get(about[:3], {}))
    return found


def _labels_of(machines: Collection[About], rules: dict[int, tuple[Rule, ...]]) -> dict[About, Any]:
    """Return the labels of the resources of these links, if a rule asks for labels."""
    if not any(rule.conditions.labels for of_fabric in rules.values() for rule in of_fabric):
        return {}
    rows = FabricResource.objects.filter(
        fabric__in=rules, kind__in=MACHINES, name__in={about[1] for about in machines}, missing_since=None,
    ).order_by()
    return {(kind, name, fabric): labels for kind, name, fabric, labels in rows.values_list(
        'kind', 'name', 'fabric', 'labels',
    )}


def _machine_of(about: About, rules: tuple[Rule, ...], labels: Any) -> Machine:
    kind, name, _fabric_id, fabric, pattern, site, tenant = about
    values = values_for(rules, kind, name, labels)
    site = site if values.site is None else values.site
    tenant = tenant if values.tenant is None else values.tenant
    # With an invalid pattern the mapper takes the resource's name too.
    with suppress(ValueError):
        name = device_name(pattern, name, fabric)
    return machine_key(kind, {'name': name, 'site': site, 'tenant': tenant})


def managed_machines(fabric: Fabric, sought: Iterable[tuple[str, str, Any, Any]]) -> set[int]:
    """Return the devices that other fabrics with the same site and tenant manage for the same resources, by ID.

    Takes the kind, name, site and tenant of each server and gateway that is sought. People may have renamed or moved
    the devices: one SQL statement, and those of machines_of(), if any is sought.
    """
    places: dict[str, set[tuple[Any, Any]]] = defaultdict(set)
    for _kind, name, site, tenant in sought:
        places[name].add((site, tenant))
    if not places:
        return set()
    links = InventoryLink.objects.filter(
        object_type=type_of_label(DEVICE), shared=False, kind__in=MACHINES, name__in=places,
    ).exclude(fabric=fabric).order_by()
    rows = {tuple(about): pk for pk, *about in links.values_list('object_id', *MACHINE_FIELDS)}
    return {
        rows[about] for about, machine in machines_of(rows).items()
        if machine is not None and machine[2:] in places[about[1]]
    }


def load_users(fabric: Fabric, current: CurrentState) -> None:
    """Note which of the fabric's objects other fabrics share, and as what they manage the devices that it shares.

    One SQL statement, and those of machines_of() if it shares any.
    """
    shareable = Q(object_type=type_of_label(DEVICE)) | Q(
        object_type=type_of_label(INTERFACE), kind__in=WITH_LOOPBACKS,
    )
    links = InventoryLink.objects.filter(shareable).order_by()
    others = links.filter(object_id__in=links.filter(fabric=fabric).values('object_id')).exclude(fabric=fabric)
    used: set[Place] = set()
    managers: dict[Place, About] = {}
    for type_id, object_id, shared, *about in others.values_list('object_type', 'object_id', 'shared', *MACHINE_FIELDS):
        place = label_of_type(type_id), object_id
        if shared:
            used.add(place)
        else:
            managers[place] = tuple(about)
    devices = {place: about for place, about in managers.items() if place[0] == DEVICE}
    machines = machines_of(devices.values())
    for link in current.managed.values():
        if may_be_shared(link):
            link.used_by_others = not link.shared and link.place in used
            link.manager = machines[devices[link.place]] if link.shared and link.place in devices else None
