"""Load the current state of a fabric: its managed objects, and objects in the place of desired ones.

The number of SQL statements does not grow with the number of objects.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import Any

from dcim.models import CableTermination
from django.contrib.contenttypes.models import ContentType
from django.db.models import Q

from ...models import Fabric, InventoryLink, KindSync
from ..mapping.types import Desired, DesiredObject
from ..planning.current import CurrentState, Known, ManagedObject, Primary, UnmanagedObject
from ..planning.fields import desired_values, model_of
from ..planning.levels import levels
from ..planning.model_specs import ADDRESS, CABLE, DEVICE, ENDS_OF_CABLE, INTERFACE
from .candidates import load_candidates, load_owners
from .machines import load_users
from .values import compared_fields, load_values, type_of_label

__all__ = ('load_current_state',)

# The fields in which a device names an address as its own.
PRIMARIES = ('primary_ip4', 'primary_ip6', 'oob_ip')


def load_current_state(fabric: Fabric, desired: Desired) -> CurrentState:
    """Return the current state of a fabric's objects in NetBox. Writes nothing."""
    current = CurrentState(managed=_load_links(fabric), kinds=set(
        KindSync.objects.filter(fabric=fabric).values_list('kind', flat=True),
    ))
    load_users(fabric, current)
    _load_managed_values(fabric, current, desired)
    known = Known(desired, current.managed)
    level_of = levels(desired)
    groups: dict[tuple[int, str], list[DesiredObject]] = defaultdict(list)
    for obj in desired.objects.values():
        groups[level_of[obj.key], obj.model].append(obj)
    for (_level, label), objects in sorted(groups.items(), key=lambda item: item[0]):
        load_candidates(fabric, label, objects, current, known)
    _load_cabled(desired, current, known)
    load_owners(fabric, (*current.candidates.values(), *_all(current.rivals), *current.cabled.values()))
    _load_primaries(fabric, current)
    return current


def _all(by_identity: Mapping[Any, Mapping[int, UnmanagedObject]]) -> Iterator[UnmanagedObject]:
    for found in by_identity.values():
        yield from found.values()


def _load_links(fabric: Fabric) -> dict[str, ManagedObject]:
    """Return the links of a fabric, by key, without the values of their objects."""
    types = {pk: f'{app}.{model}' for pk, app, model in ContentType.objects.values_list('pk', 'app_label', 'model')}
    rows = InventoryLink.objects.filter(fabric=fabric).order_by('key').values_list(
        'pk', 'key', 'kind', 'name', 'scope', 'object_type', 'object_id', 'origin', 'shared', 'written', 'kept',
        'stale_since', 'stale_syncs', 'before_stale',
    )
    return {
        row[1]: ManagedObject(*row[:5], types[row[5]], *row[6:])  # type: ignore[call-arg]
        for row in rows.iterator(chunk_size=5000)
    }


def _load_managed_values(fabric: Fabric, current: CurrentState, desired: Desired) -> None:
    """Fill in the values of managed objects: one SQL statement per model, and one per many-to-many field."""
    objects = defaultdict(list)
    for obj in desired.objects.values():
        objects[obj.model].append(obj)
    for label in sorted({link.model for link in current.managed.values()}):
        links = InventoryLink.objects.filter(
            fabric=fabric, object_type=ContentType.objects.get_for_model(model_of(label)),
        )
        queryset = model_of(label)._default_manager.filter(pk__in=links.values('object_id'))
        values = load_values(label, queryset, compared_fields(label, objects[label]))
        for link in current.managed.values():
            if link.model == label:
                link.values = values.get(link.object_id)


def _load_cabled(desired: Desired, current: CurrentState, known: Known) -> None:
    """Store the cables on interfaces of desired cables, except the fabric's own."""
    ends = _new_ends(desired, current, known)
    if not ends:
        return
    ours = {link.object_id for link in current.managed.values() if link.model == CABLE}
    cables = set(CableTermination.objects.filter(
        termination_type=type_of_label(INTERFACE), termination_id__in=ends,
    ).order_by().values_list('cable_id', flat=True)) - ours
    if not cables:
        return
    queryset = model_of(CABLE)._default_manager.filter(pk__in=cables)
    for pk, values in load_values(CABLE, queryset, compared_fields(CABLE, desired.of(CABLE))).items():
        candidate = UnmanagedObject(CABLE, pk, values)
        for name in ENDS_OF_CABLE:
            current.cabled.update(dict.fromkeys((end for end in values[name] if isinstance(end, int)), candidate))


def _new_ends(desired: Desired, current: CurrentState, known: Known) -> set[int]:
    """Return the interfaces of desired cables that are not connected as desired yet."""
    found: set[int] = set()
    for obj in desired.of(CABLE):
        values = desired_values(obj, known, ENDS_OF_CABLE)
        link = current.managed.get(obj.key)
        if link and link.values and all(link.values.get(name) == value for name, value in values.items()):
            continue
        for ends in values.values():
            found.update(end for end in ends if isinstance(end, int))
    return found


def _load_primaries(fabric: Fabric, current: CurrentState) -> None:
    """Note the devices, whoever manages them, that have one of the fabric's addresses as a primary one: one statement.
    """
    if not any(link.model == ADDRESS for link in current.managed.values()):
        return
    addresses = InventoryLink.objects.filter(fabric=fabric, object_type=type_of_label(ADDRESS)).values('object_id')
    query = Q(pk__in=[])
    for name in PRIMARIES:
        query |= Q(**{f'{name}__in': addresses})
    rows = model_of(DEVICE)._default_manager.filter(query).order_by('pk').values_list('pk', 'name', *PRIMARIES)
    for device, device_name, *addresses_of in rows:
        for name, address in zip(PRIMARIES, addresses_of, strict=True):
            if address is not None:
                current.primaries.setdefault(address, []).append(Primary(device, device_name or f'#{device}', name))
