"""What is there: the objects that a fabric holds, and those that stand where it wants one.

A number of SQL statements that does not grow with the number of objects.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.contrib.contenttypes.models import ContentType
from django.db.models import Q, QuerySet
from django.db.models.functions import Lower

from ...choices import InventoryAdoptionChoices
from ...models import Fabric, InventoryLink, KindReading
from ..mapping.types import Desired, DesiredObject
from .fields import (
    ENDS,
    ENDS_OF_CABLE,
    FK,
    GENERIC,
    MANY,
    BadValue,
    Unresolved,
    encode,
    kind_of,
    model_of,
    natural_fields,
    naturals,
    shape,
    wanted,
)
from .places import BELONGS, SHARED_ROLES

__all__ = ('CHANGES', 'GOES', 'PROTECTS', 'Attachment', 'Candidate', 'Held', 'Present', 'Primary', 'levels', 'read')

ADDRESS, CABLE, DEVICE, INTERFACE, RANGE = (
    'ipam.ipaddress', 'dcim.cable', 'dcim.device', 'dcim.interface', 'ipam.iprange',
)
PRIMARIES = ('primary_ip4', 'primary_ip6', 'oob_ip')

# Statuses of devices that carry nothing.
OUT_OF_SERVICE = ('decommissioning', 'inventory', 'offline')

# What a device is created with, and what of an adopted one is compared with the fabric and never changed by itself.
COMPARED_WHEN_ADOPTED = ('device_type', 'role')


@dataclass(slots=True)
class Held:
    """A link of the fabric and what its object holds; `values` is None where somebody has deleted it."""

    pk: int
    key: str
    kind: str
    name: str
    subject: str
    model: str
    object_id: int
    origin: str
    shared: bool
    written: dict[str, Any]
    kept: list[str]
    stale_since: datetime | None
    stale_runs: int
    before_stale: dict[str, Any]
    values: dict[str, Any] | None = None


@dataclass(slots=True)
class Candidate:
    """An object that stands where a want would: `owner` names the other fabric that holds it, if one does."""

    model: str
    pk: int
    values: dict[str, Any]
    owner: str = ''


# What the deletion of an object does to one that refers to it: it is deleted as well, it prevents the deletion, or it
# stays and loses the reference.
GOES, PROTECTS, CHANGES = 'goes', 'protects', 'changes'


@dataclass(slots=True)
class Attachment:
    """An object that refers to another one, and what the deletion of that other one does to it: `effect`.

    `field` is the field that refers, '' where it stands for another object; `title` is how a person calls the field.
    `part` says that it belongs to the other object, as a port does to a device.
    """

    model: str
    pk: int
    effect: str
    field: str = ''
    title: str = ''
    part: bool = False
    name: str = ''


@dataclass(frozen=True, slots=True)
class Primary:
    """A device, by ID and name, and the field in which it names an address as its own."""

    device: int
    name: str
    field: str


@dataclass(slots=True)
class Present:
    """What is there of a fabric.

    `candidates` are by model and natural key, `namesakes` are devices by name and site, whatever their tenant,
    `serials` are devices by serial number, at any site, `rivals` are all candidates of a key that several have,
    `ranges` are by VRF. `cabled` gives, by interface, cables that are not the fabric's on interfaces that a want would
    use. `kinds` are those that have been read in full at least once. `attached` is filled for objects that are due for
    deletion, and so is `refusals`: why NetBox's protection rules prevent the deletion of some. `primaries` are the
    devices that have one of the fabric's addresses as a primary one, by the address's ID.
    """

    held: dict[str, Held] = field(default_factory=dict)
    candidates: dict[tuple[str, tuple[Any, ...]], Candidate] = field(default_factory=dict)
    namesakes: dict[tuple[str, Any], dict[int, Candidate]] = field(default_factory=dict)
    serials: dict[str, dict[int, Candidate]] = field(default_factory=dict)
    rivals: dict[tuple[str, tuple[Any, ...]], dict[int, Candidate]] = field(default_factory=dict)
    ranges: dict[Any, list[Candidate]] = field(default_factory=dict)
    cabled: dict[int, Candidate] = field(default_factory=dict)
    kinds: set[str] = field(default_factory=set)
    attached: dict[tuple[str, int], list[Attachment]] = field(default_factory=dict)
    refusals: dict[tuple[str, int], str] = field(default_factory=dict)
    primaries: dict[int, list[Primary]] = field(default_factory=dict)

    def namesakes_of(self, values: Mapping[str, Any]) -> list[Candidate]:
        """Devices of this name at this site that no other fabric holds, of any tenant.

        NetBox lets tenants have one each; to a fabric, which knows of no tenants, they are the same device.
        """
        return [device for device in self.namesakes.get(_place(values), {}).values() if not device.owner]

    def devices_for(self, values: Mapping[str, Any], adoption: str, stale_status: str = '') -> list[Candidate]:
        """Return the devices that a wanted one may be: several where nothing tells which of them is meant.

        By serial number, or by name at the site, as the fabric adopts. A device that is in service comes before one
        that is not, then one of the fabric's own site or tenant.
        """
        if adoption == InventoryAdoptionChoices.SERIAL:
            found = [device for device in self.serials.get(_serial(values), {}).values() if not device.owner]
        else:
            found = self.namesakes_of(values)
        out_of_service = {*OUT_OF_SERVICE, stale_status}
        found = [device for device in found if device.values.get('status') not in out_of_service] or found
        # Of one name there may be one for each tenant at a site; a serial number is one for all.
        name = 'site' if adoption == InventoryAdoptionChoices.SERIAL else 'tenant'
        found = [device for device in found if device.values.get(name) == values.get(name)] or found
        return sorted(found, key=lambda device: device.pk)


def _serial(values: Mapping[str, Any]) -> str:
    return values.get('serial') or ''


def _place(values: Mapping[str, Any]) -> tuple[str, Any]:
    return (values.get('name') or '').lower(), values.get('site')


class Known:
    """The objects that are known to stand under the keys of a fabric."""

    def __init__(self, desired: Desired, held: Mapping[str, Held]) -> None:
        self.desired = desired
        self.pks = {key: link.object_id for key, link in held.items() if link.values is not None}

    def __call__(self, key: str) -> Any:
        return self.pks.get(key, {'key': key})

    def label_of(self, key: str) -> str:
        if key not in self.desired.objects:
            raise Unresolved(key)
        return self.desired.objects[key].model


def levels(desired: Desired) -> dict[str, int]:
    """How many wants stand between each and one that refers to none; deferred fields do not count.

    Wants that refer to each other in a circle, or to a key that is not wanted, are at the level they were met at.
    """
    found: dict[str, int] = {}

    def level(key: str, under: tuple[str, ...]) -> int:
        if key in found:
            return found[key]
        want = desired.objects.get(key)
        if want is None or key in under:
            return 0
        result = max((level(ref, (*under, key)) + 1 for ref in hard_refs(want)), default=0)
        found[key] = result
        return result

    for key in desired.objects:
        level(key, ())
    return found


def hard_refs(want: DesiredObject) -> Iterator[str]:
    """The keys that a want refers to, but for its deferred fields."""
    deferred = shape(want.model).deferred
    if not deferred:
        yield from (ref.key for ref in want.refs())
        return
    managed = {name: value for name, value in want.managed_fields.items() if name not in deferred}
    create_only = {name: value for name, value in want.create_only_fields.items() if name not in deferred}
    early = DesiredObject(want.model, want.key, want.source, want.subject, managed, create_only)
    yield from (ref.key for ref in early.refs())


def read(fabric: Fabric, desired: Desired) -> Present:
    """Read what is there of a fabric. Writes nothing."""
    present = Present(held=_links(fabric), kinds=set(
        KindReading.objects.filter(fabric=fabric).values_list('kind', flat=True),
    ))
    _read_values(fabric, present, desired)
    known = Known(desired, present.held)
    level_of = levels(desired)
    groups: dict[tuple[int, str], list[DesiredObject]] = defaultdict(list)
    for want in desired.objects.values():
        groups[level_of[want.key], want.model].append(want)
    for (_level, label), wants in sorted(groups.items(), key=lambda item: item[0]):
        _read_candidates(fabric, label, wants, present, known)
    _read_cabled(desired, present, known)
    _read_owners(fabric, (*present.candidates.values(), *_all(present.rivals), *present.cabled.values()))
    _read_primaries(fabric, present)
    return present


def _all(by_key: Mapping[Any, Mapping[int, Candidate]]) -> Iterator[Candidate]:
    for found in by_key.values():
        yield from found.values()


def _links(fabric: Fabric) -> dict[str, Held]:
    types = {pk: f'{app}.{model}' for pk, app, model in ContentType.objects.values_list('pk', 'app_label', 'model')}
    rows = InventoryLink.objects.filter(fabric=fabric).order_by('key').values_list(
        'pk', 'key', 'kind', 'name', 'subject', 'object_type', 'object_id', 'origin', 'shared', 'written', 'kept',
        'stale_since', 'stale_runs', 'before_stale',
    )
    return {
        row[1]: Held(*row[:5], types[row[5]], *row[6:])  # type: ignore[call-arg]
        for row in rows.iterator(chunk_size=5000)
    }


def _fields(label: str, wants: Iterable[DesiredObject]) -> list[str]:
    """The fields that a comparison may need, in a stable order."""
    names = set(natural_fields(label))
    for want in wants:
        names.update(want.managed_fields)
    if label == DEVICE:
        names.update(('status', 'serial', 'name', *COMPARED_WHEN_ADOPTED))
    if label == ADDRESS:
        names.add('role')
    if label in BELONGS:
        names.add(BELONGS[label])
    return sorted(name for name in names if _exists(label, name))


def _exists(label: str, name: str) -> bool:
    try:
        kind_of(label, name)
    except BadValue:
        return False
    return True


def _read_values(fabric: Fabric, present: Present, desired: Desired) -> None:
    """Fill in the values of the objects that the fabric holds: a statement a model, and one a many-to-many field."""
    labels = {link.model for link in present.held.values()}
    wants = defaultdict(list)
    for want in desired.objects.values():
        wants[want.model].append(want)
    for label in sorted(labels):
        links = InventoryLink.objects.filter(
            fabric=fabric, object_type=ContentType.objects.get_for_model(model_of(label)),
        )
        queryset = model_of(label)._default_manager.filter(pk__in=links.values('object_id'))
        values = load(label, queryset, _fields(label, wants[label]))
        for link in present.held.values():
            if link.model == label:
                link.values = values.get(link.object_id)


def load(label: str, queryset: QuerySet, names: list[str]) -> dict[int, dict[str, Any]]:
    """The values of these fields of some objects, as JSON, by ID."""
    model = model_of(label)
    columns: list[tuple[str, str]] = []
    for name in names:
        kind = kind_of(label, name)
        field: Any = model._meta.get_field(name) if kind != ENDS else None
        if kind == FK:
            columns.append((name, field.attname))
        elif kind == GENERIC:
            columns += [(name, f'{field.ct_field}_id'), (name, field.fk_field)]
        elif kind not in (MANY, ENDS):
            columns.append((name, name))
    found: dict[int, dict[str, Any]] = {}
    for pk, *row in queryset.order_by().values_list('pk', *(column for _, column in columns)).iterator(chunk_size=5000):
        values: dict[str, Any] = {}
        for (name, _column), value in zip(columns, row, strict=True):
            kind = kind_of(label, name)
            if kind == GENERIC:
                # Its two columns stand next to each other.
                values[name] = [_label(values[name]), value] if name in values and value is not None else (
                    value if name not in values else None
                )
            elif kind == FK:
                values[name] = value
            else:
                values[name] = encode(label, name, value)
        found[pk] = values
    for name in names:
        kind = kind_of(label, name)
        if kind == MANY:
            for values in found.values():
                values[name] = []
            through = getattr(model, name).through
            field = model._meta.get_field(name)
            near, far = field.m2m_field_name(), field.m2m_reverse_field_name()
            rows = through._default_manager.filter(**{f'{near}__in': queryset.order_by().values('pk')})
            for pk, other in rows.values_list(f'{near}_id', f'{far}_id').iterator(chunk_size=5000):
                if pk in found:
                    found[pk][name].append(other)
            for values in found.values():
                values[name].sort()
    if label == CABLE:
        for values in found.values():
            values.update({end: [] for end in ENDS_OF_CABLE})
        for cable, end, object_type, object_id in _terminations(cable__in=queryset.order_by().values('pk')):
            if cable in found:
                # An end that is no interface is in no fabric's wiring: it never equals what is wanted.
                entry = object_id if object_type == _type(INTERFACE) else [object_type, object_id]
                found[cable][end.lower()].append(entry)
        for values in found.values():
            for end in ENDS_OF_CABLE:
                values[end].sort(key=lambda item: (isinstance(item, list), item))
    return found


def _label(type_id: Any) -> Any:
    content_type = ContentType.objects.get_for_id(type_id)
    return f'{content_type.app_label}.{content_type.model}'


def _type(label: str) -> int:
    return ContentType.objects.get_for_model(model_of(label)).pk


def _terminations(**filters: Any) -> Iterable[tuple[int, str, int, int]]:
    from dcim.models import CableTermination

    return CableTermination.objects.filter(**filters).order_by().values_list(
        'cable_id', 'cable_end', 'termination_type_id', 'termination_id',
    ).iterator(chunk_size=5000)


def wanted_values(want: DesiredObject, refer: Any, names: Iterable[str]) -> dict[str, Any]:
    """What a want's fields are to hold, as far as that can be said: what cannot is left out."""
    values = {}
    fields = want.fields
    for name in names:
        if name in fields:
            try:
                values[name] = wanted(want.model, name, fields[name], refer)
            except (BadValue, Unresolved):
                continue
    return values


def _read_candidates(fabric: Fabric, label: str, wants: list[DesiredObject], present: Present, known: Known) -> None:
    """Objects that stand where these wants would: those that no link holds, and links whose natural key changes."""
    names = natural_fields(label)
    if not names:
        return
    sought: list[tuple[DesiredObject, dict[str, Any]]] = []
    for want in wants:
        link = present.held.get(want.key)
        values = wanted_values(want, known, names)
        if link is None or link.values is None:
            sought.append((want, values))
        elif any(name in want.managed_fields and link.values.get(name) != value for name, value in values.items()):
            managed = {name: values[name] for name in values if name in want.managed_fields}
            sought.append((want, {**link.values, **managed}))
    if not sought:
        return
    query = _query(label, [values for _, values in sought])
    if label == DEVICE and (serials := {
        str(want.fields['serial']) for want, _ in sought if want.fields.get('serial')
    }):
        query |= Q(serial__in=serials)
    queryset = model_of(label)._default_manager.annotate(**_annotations(label)).filter(query)
    ours = {link.object_id for link in present.held.values() if link.model == label and not link.shared}
    found = [
        Candidate(label, pk, values)
        for pk, values in load(label, queryset, _fields(label, wants)).items() if pk not in ours
    ]
    for candidate in found:
        for natural in naturals(label, candidate.values):
            # Where a key is not unique in NetBox, the oldest stands for all, but for addresses that may be shared.
            known_one = present.candidates.setdefault((label, natural), candidate)
            if candidate is not known_one:
                present.rivals.setdefault((label, natural), {known_one.pk: known_one})[candidate.pk] = candidate
            if _weight(candidate) < _weight(known_one):
                present.candidates[label, natural] = candidate
        if label == DEVICE:
            present.namesakes.setdefault(_place(candidate.values), {}).setdefault(candidate.pk, candidate)
            if serial := _serial(candidate.values):
                present.serials.setdefault(serial, {})[candidate.pk] = candidate
        if label == RANGE:
            present.ranges.setdefault(candidate.values.get('vrf'), []).append(candidate)
    if label == DEVICE:
        _read_owners(fabric, found)  # which device a want is depends on it
    for want, values in sought:
        if want.key not in known.pks and (pk := _pk_of(fabric, want, values, present)):
            known.pks[want.key] = pk


def _pk_of(fabric: Fabric, want: DesiredObject, values: Mapping[str, Any], present: Present) -> int | None:
    """Return the object that a want is going to be, as far as it is there: what hangs on it is looked for there."""
    if want.model == DEVICE and fabric.inventory_adoption != InventoryAdoptionChoices.OFF:
        found = present.devices_for(
            {**values, 'serial': want.fields.get('serial')}, fabric.inventory_adoption, fabric.inventory_stale_status,
        )
        return found[0].pk if len(found) == 1 else None
    for natural in naturals(want.model, values):
        if (want.model, natural) in present.candidates:
            return present.candidates[want.model, natural].pk
    return None


def _weight(candidate: Candidate) -> tuple[bool, int]:
    return candidate.values.get('role') in SHARED_ROLES, candidate.pk


def _annotations(label: str) -> dict[str, Any]:
    if label == DEVICE:
        return {'lower_name': Lower('name')}
    return {}


def _query(label: str, sought: list[dict[str, Any]]) -> Q:
    """A condition that all objects of these natural keys meet, and a few others."""
    query = Q(pk__in=[])
    if label == RANGE:
        return Q(vrf__in={values.get('vrf') for values in sought if isinstance(values.get('vrf'), int)})
    for names in shape(label).naturals:
        part = Q()
        for name in names:
            if (label, name) != (DEVICE, 'tenant'):  # see namesakes_of()
                part &= _among(label, name, sought)
        query |= part
    return query


def _among(label: str, name: str, sought: list[dict[str, Any]]) -> Q:
    if name == 'name~':
        return Q(lower_name__in={(values.get('name') or '').lower() for values in sought})
    if name == 'host':
        hosts = sorted({(values.get('address') or '').split('/')[0] for values in sought} - {''})
        return Q(address__net_in=hosts) if hosts else Q(pk__in=[])
    found = {tuple(value) if isinstance(value, list) else value for values in sought
             if not isinstance(value := values.get(name), dict)}
    some: set[Any] = found - {None}
    if kind_of(label, name) == GENERIC:
        field: Any = model_of(label)._meta.get_field(name)
        by_model: dict[str, set[int]] = defaultdict(set)
        for value in some:
            by_model[value[0]].add(value[1])
        query = Q(pk__in=[])
        for other, pks in by_model.items():
            query |= Q(**{field.ct_field: _type(other), f'{field.fk_field}__in': pks})
        return query | Q(**{f'{field.ct_field}__isnull': True}) if None in found else query
    query = Q(**{f'{name}__in': some}) if some else Q(pk__in=[])
    return query | Q(**{f'{name}__isnull': True}) if None in found else query


def _read_cabled(desired: Desired, present: Present, known: Known) -> None:
    """The cables on interfaces that wanted cables end on, but for the fabric's own."""
    ends: set[int] = set()
    for want in desired.of(CABLE):
        values = wanted_values(want, known, ENDS_OF_CABLE)
        link = present.held.get(want.key)
        if link and link.values and all(link.values.get(name) == value for name, value in values.items()):
            continue
        ends.update(pk for value in values.values() for pk in value if isinstance(pk, int))
    if not ends:
        return
    from dcim.models import CableTermination

    ours = {link.object_id for link in present.held.values() if link.model == CABLE}
    cables = set(CableTermination.objects.filter(
        termination_type=_type(INTERFACE), termination_id__in=ends,
    ).order_by().values_list('cable_id', flat=True)) - ours
    if not cables:
        return
    queryset = model_of(CABLE)._default_manager.filter(pk__in=cables)
    for pk, values in load(CABLE, queryset, _fields(CABLE, desired.of(CABLE))).items():
        candidate = Candidate(CABLE, pk, values)
        for name in ENDS_OF_CABLE:
            for interface in values[name]:
                if isinstance(interface, int):
                    present.cabled[interface] = candidate


def _read_owners(fabric: Fabric, candidates: Iterable[Candidate]) -> None:
    """Which of the candidates are held by other fabrics: one statement."""
    found: dict[str, dict[int, list[Candidate]]] = defaultdict(lambda: defaultdict(list))
    for candidate in candidates:
        found[candidate.model][candidate.pk].append(candidate)
    if not found:
        return
    query = Q(pk__in=[])
    for label, by_pk in found.items():
        query |= Q(object_type=_type(label), object_id__in=list(by_pk))
    rows = InventoryLink.objects.filter(query, shared=False).exclude(fabric=fabric).order_by().values_list(
        'object_type', 'object_id', 'fabric__name',
    )
    for type_id, object_id, name in rows:
        for candidate in found[_label(type_id)][object_id]:
            candidate.owner = name


def _read_primaries(fabric: Fabric, present: Present) -> None:
    """The devices, whoever's they are, that have one of the fabric's addresses as a primary one: one statement."""
    if not any(link.model == ADDRESS for link in present.held.values()):
        return
    addresses = InventoryLink.objects.filter(fabric=fabric, object_type=_type(ADDRESS)).values('object_id')
    query = Q(pk__in=[])
    for name in PRIMARIES:
        query |= Q(**{f'{name}__in': addresses})
    rows = model_of(DEVICE)._default_manager.filter(query).order_by('pk').values_list('pk', 'name', *PRIMARIES)
    for device, device_name, *addresses_of in rows:
        for name, address in zip(PRIMARIES, addresses_of, strict=True):
            if address is not None:
                present.primaries.setdefault(address, []).append(Primary(device, device_name or f'#{device}', name))
