"""Load unmanaged objects in the place of a fabric's desired objects."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any

from django.db.models import Q
from django.db.models.functions import Lower

from ...choices import InventoryAdoptionChoices
from ...models import Fabric, InventoryLink
from ..mapping.types import DesiredObject
from ..planning.current import CurrentState, Known, UnmanagedObject, machine_key
from ..planning.fields import GENERIC, desired_values, kind_of, model_of
from ..planning.machines import find_machine, is_machine
from ..planning.model_specs import DEVICE, RANGE, identities, identity_fields, spec_of
from .machines import MACHINE_FIELDS, machines_of, managed_machines
from .values import compared_fields, label_of_type, load_values, type_of_label

__all__ = ('load_candidates', 'load_owners')

# A desired object that has no object yet, or whose object gets another identity, with the values that it is found by.
Sought = tuple[DesiredObject, dict[str, Any]]


def load_candidates(
    fabric: Fabric, label: str, objects: list[DesiredObject], current: CurrentState, known: Known,
) -> None:
    """Store the objects of one model in the place of these desired objects, and which of these they match."""
    sought = _sought(label, objects, current, known)
    if not sought:
        return
    found = _matching(fabric, label, objects, sought, current)
    for candidate in found:
        current.add_candidate(candidate)
    if label == DEVICE:
        load_owners(fabric, found)  # which device a desired one is depends on them
        current.add_machines(found, {machine_key(obj.source.kind, values) for obj, values in sought})
    for obj, values in sought:
        pk = None if obj.key in known.pks else _pk_of(fabric, obj, values, current)
        if pk:
            known.pks[obj.key] = pk


def _sought(label: str, objects: list[DesiredObject], current: CurrentState, known: Known) -> list[Sought]:
    """Return the desired objects without an object, and those whose object gets another identity."""
    names = identity_fields(label)
    if not names:
        return []
    sought: list[Sought] = []
    for obj in objects:
        link = current.managed.get(obj.key)
        values = desired_values(obj, known, names)
        if link is None or link.values is None:
            sought.append((obj, values))
            continue
        # What rules say is written only on request: what is in its place then has to be known.
        written = {name: value for name, value in values.items() if name in {*obj.managed_fields, *obj.rule_fields}}
        if any(link.values.get(name) != value for name, value in written.items()):
            sought.append((obj, {**link.values, **written}))
    return sought


def _matching(
    fabric: Fabric, label: str, objects: list[DesiredObject], sought: list[Sought], current: CurrentState,
) -> list[UnmanagedObject]:
    """Return the objects with one of these identities, except the fabric's own."""
    query = _identity_query(label, [values for _, values in sought])
    if label == DEVICE:
        serials = {str(obj.fields['serial']) for obj, _ in sought if obj.fields.get('serial')}
        if serials:
            query |= Q(serial__in=serials)
        machines = managed_machines(fabric, [
            (obj.source.kind, obj.source.name, values.get('site'), values.get('tenant'))
            for obj, values in sought if is_machine(obj)
        ])
        if machines:
            query |= Q(pk__in=machines)
    annotations = {'lower_name': Lower('name')} if label == DEVICE else {}
    queryset = model_of(label)._default_manager.annotate(**annotations).filter(query)
    ours = {link.object_id for link in current.managed.values() if link.model == label and not link.shared}
    rows = load_values(label, queryset, compared_fields(label, objects))
    return [UnmanagedObject(label, pk, values) for pk, values in rows.items() if pk not in ours]


def _pk_of(fabric: Fabric, obj: DesiredObject, values: Mapping[str, Any], current: CurrentState) -> int | None:
    """Return the ID of the existing object that a desired object matches, if any: its parts are searched there."""
    if obj.model == DEVICE and (machine := find_machine(obj, values, current)):
        return machine.pk
    if obj.model == DEVICE and fabric.inventory_adoption != InventoryAdoptionChoices.OFF:
        found = current.devices_for(
            {**values, 'serial': obj.fields.get('serial')}, fabric.inventory_adoption, fabric.inventory_stale_status,
        )
        return found[0].pk if len(found) == 1 else None
    for identity in identities(obj.model, values):
        if (obj.model, identity) in current.candidates:
            return current.candidates[obj.model, identity].pk
    return None


def load_owners(fabric: Fabric, candidates: Iterable[UnmanagedObject]) -> None:
    """Store which of the candidates other fabrics manage, and as which machine: one SQL statement."""
    found: dict[str, dict[int, list[UnmanagedObject]]] = defaultdict(lambda: defaultdict(list))
    for candidate in candidates:
        found[candidate.model][candidate.pk].append(candidate)
    if not found:
        return
    query = Q(pk__in=[])
    for label, by_pk in found.items():
        query |= Q(object_type=type_of_label(label), object_id__in=list(by_pk))
    rows = InventoryLink.objects.filter(query, shared=False).exclude(fabric=fabric).order_by().values_list(
        'object_type', 'object_id', *MACHINE_FIELDS,
    )
    owned = [(label_of_type(type_id), object_id, tuple(about)) for type_id, object_id, *about in rows]
    machines = machines_of(about for label, _object_id, about in owned if label == DEVICE)
    for label, object_id, about in owned:
        for candidate in found[label][object_id]:
            candidate.is_owned = True
            candidate.machine = machines[about] if label == DEVICE else None


# Queries by identity


def _identity_query(label: str, sought: list[dict[str, Any]]) -> Q:
    """Return a condition that all objects with these identities meet, and a few others."""
    query = Q(pk__in=[])
    if label == RANGE:
        return Q(vrf__in={values.get('vrf') for values in sought if isinstance(values.get('vrf'), int)})
    for names in spec_of(label).identity_keys:
        part = Q()
        for name in names:
            if (label, name) != (DEVICE, 'tenant'):  # see CurrentState.namesakes_of()
                part &= _field_query(label, name, sought)
        query |= part
    return query


def _field_query(label: str, name: str, sought: list[dict[str, Any]]) -> Q:
    """Return a condition on one field of an identity."""
    if name == 'name~':
        return Q(lower_name__in={(values.get('name') or '').lower() for values in sought})
    if name == 'host':
        hosts = sorted({(values.get('address') or '').split('/')[0] for values in sought} - {''})
        return Q(address__net_in=hosts) if hosts else Q(pk__in=[])
    values = [row.get(name) for row in sought]
    found: set[Any] = {tuple(value) if isinstance(value, list) else value for value in values if _is_known(value)}
    some = found - {None}
    if kind_of(label, name) == GENERIC:
        return _generic_query(label, name, some, None in found)
    query = Q(**{f'{name}__in': some}) if some else Q(pk__in=[])
    return query | Q(**{f'{name}__isnull': True}) if None in found else query


def _is_known(value: Any) -> bool:
    """Return whether a value refers to existing objects only."""
    return not isinstance(value, dict)


def _generic_query(label: str, name: str, places: set[tuple[str, int]], or_none: bool) -> Q:
    """Return the condition that a generic foreign key refers to one of these objects, or to none."""
    field: Any = model_of(label)._meta.get_field(name)
    by_model: dict[str, set[int]] = defaultdict(set)
    for model, pk in places:
        by_model[model].add(pk)
    query = Q(pk__in=[])
    for model, pks in by_model.items():
        query |= Q(**{field.ct_field: type_of_label(model), f'{field.fk_field}__in': pks})
    return query | Q(**{f'{field.ct_field}__isnull': True}) if or_none else query
