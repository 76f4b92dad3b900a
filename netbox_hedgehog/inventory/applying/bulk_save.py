"""Create many objects at once as save() of NetBox's models creates one.

Everything here knows NetBox's internals: what a model's save() fills in, how many-to-many fields and cables are stored,
what counts prefixes. tests/unit/inventory/applying/test_as_netbox_saves.py compares it with NetBox's own save(). It is
for what a fabric has in thousands: one save() takes about ten times as long, and that of a cable, which NetBox traces
from each end, forty times. What NetBox's signals do after a save is in side_effects.py, what clean() checks in
validation.py.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from itertools import chain
from typing import Any

from dcim.models import Cable, CablePath, CableTermination, Interface
from dcim.utils import object_to_path_node
from django.contrib.contenttypes.models import ContentType
from django.core.exceptions import ValidationError
from django.db import connection, models
from django.utils import timezone
from extras.models import Tag, TaggedItem

from ..planning.fields import MANY, kind_of, model_of
from ..planning.model_specs import CABLE, ENDS_OF_CABLE
from .context import ObjectWrite
from .side_effects import BATCH, SideEffects, loaded_queryset, logged_state, prefetched, serialize_from_cache

__all__ = (
    'check_populated_ranges', 'count_prefixes', 'insert', 'insert_cables', 'insert_related', 'populated_ranges',
    'prepare_insert', 'set_tags', 'undo_insert', 'undo_insert_of_cables', 'update_related',
)

A, B = 'A', 'B'

TAGS = 'tags'

# An address range's IP addresses, first and last, by the ID of its VRF.
Ranges = Mapping[int | None, Iterable[tuple[Any, Any]]]


# New objects


def prepare_insert(instance: Any) -> None:
    """Do what the model's save() does before it inserts."""
    label = type(instance)._meta.label_lower
    if label == 'dcim.device':
        kind = instance.device_type
        instance.airflow = instance.airflow or kind.airflow
        instance.cooling_method = instance.cooling_method or kind.cooling_method
        if not instance.platform_id:
            instance.platform = kind.default_platform
    elif label in ('dcim.interface', 'dcim.modulebay'):
        device = instance.device
        instance._site, instance._location, instance._rack = device.site, device.location, device.rack
        if label == 'dcim.interface' and not instance.mode:
            instance.untagged_vlan = None
    elif label == 'ipam.prefix':
        instance.prefix = instance.prefix.cidr
        instance.cache_related_objects()
    elif label == 'ipam.iprange':
        instance.size = _size(instance)
    elif label == 'ipam.ipaddress':
        instance.dns_name = instance.dns_name.lower()


def _size(ip_range: Any) -> int:
    return int(ip_range.end_address.ip - ip_range.start_address.ip) + 1


def insert(model: type[models.Model], writes: Iterable[ObjectWrite]) -> None:
    """Insert the instances of one model."""
    model._default_manager.bulk_create([write.instance for write in writes], batch_size=BATCH)


def undo_insert(writes: Iterable[ObjectWrite]) -> None:
    """Reset instances to their state before the insert."""
    for write in writes:
        write.instance.pk, write.instance._state.adding = None, True


def insert_related(label: str, writes: Sequence[ObjectWrite]) -> None:
    """Write the many-to-many fields of objects that were just inserted."""
    for name in _many_to_many_names(label, writes):
        relation = _relation(label, name)
        rows = []
        for write in writes:
            pks = write.values.get(name) or []
            rows += relation.rows(write.instance, pks)
            relation.store(write.instance, pks)
        relation.through._default_manager.bulk_create(rows, batch_size=BATCH)


def update_related(label: str, writes: Sequence[ObjectWrite]) -> None:
    """Write the many-to-many fields of existing objects: what is gone is deleted, what is new inserted.

    To be called before save(), whose change-log entry has them then. NetBox's own set() logs, saves and loads the
    object again for each removal and each addition: 19 statements and 8 times the CPU time for a changed VLAN.
    """
    for name in _many_to_many_names(label, writes):
        relation = _relation(label, name)
        rows, gone = [], models.Q(pk__in=[])
        for write in writes:
            if name not in write.values:
                continue
            before = {item.pk for item in prefetched(write.instance)[name]}
            after = set(write.values[name])
            rows += relation.rows(write.instance, sorted(after - before))
            if before - after:
                gone |= relation.query(write.instance, sorted(before - after))
            relation.store(write.instance, write.values[name])
        relation.through._default_manager.filter(gone).delete()
        relation.through._default_manager.bulk_create(rows, batch_size=BATCH)


def populated_ranges(label: str, rows: Iterable[dict[str, Any]]) -> Ranges:
    """Return the populated ranges in the VRFs of these new addresses: they take no address. {} for other models."""
    if label != 'ipam.ipaddress':
        return {}
    vrfs = {values.get('vrf') for values in rows}
    query = models.Q(vrf__in=vrfs - {None})
    if None in vrfs:
        query |= models.Q(vrf=None)
    ranges = model_of('ipam.iprange')._default_manager.filter(query, mark_populated=True).order_by()
    found: dict[int | None, list[tuple[Any, Any]]] = defaultdict(list)
    for vrf, start, end in ranges.values_list('vrf', 'start_address', 'end_address'):
        found[vrf].append((start.ip, end.ip))
    return found


def check_populated_ranges(instance: Any, ranges: Ranges) -> None:
    """Raise ValidationError for an address that lies in one of these ranges."""
    if ranges and any(start <= instance.address.ip <= end for start, end in ranges.get(instance.vrf_id, ())):
        raise ValidationError(f'{instance.address.ip} is in a populated IP range.')


def _many_to_many_names(label: str, writes: Iterable[ObjectWrite]) -> set[str]:
    return {name for write in writes for name in write.values if kind_of(label, name) == MANY}


def _relation(label: str, name: str) -> '_ManyToMany':
    return _Tags(label, name) if name == TAGS else _ManyToMany(label, name)


class _ManyToMany:
    """The table behind a many-to-many field of a model."""

    def __init__(self, label: str, name: str) -> None:
        model = model_of(label)
        field: Any = model._meta.get_field(name)
        self.through: Any = getattr(model, name).through
        self._name, self._related_model = name, field.related_model
        self._near, self._far = f'{field.m2m_field_name()}_id', f'{field.m2m_reverse_field_name()}_id'

    def rows(self, instance: Any, pks: Iterable[int]) -> list[Any]:
        return [self.through(**{self._near: instance.pk, self._far: pk}) for pk in pks]

    def query(self, instance: Any, pks: Iterable[int]) -> models.Q:
        return models.Q(**{self._near: instance.pk, f'{self._far}__in': pks})

    def store(self, instance: Any, pks: Iterable[int]) -> None:
        """Store the new content of the field on an instance."""
        prefetched(instance)[self._name] = loaded_queryset(self._related_model, pks)


class _Tags(_ManyToMany):
    """The table behind the tags of a model, which refers to objects of any model."""

    def __init__(self, label: str, name: str) -> None:
        model = model_of(label)
        self.through, self._name, self._related_model = TaggedItem, name, Tag
        self._type = ContentType.objects.get_for_model(model)
        # The tags so far, by ID; None for one that was deleted meanwhile.
        self._known: dict[int, Tag | None] = {}

    def rows(self, instance: Any, pks: Iterable[int]) -> list[Any]:
        return [TaggedItem(content_type=self._type, object_id=instance.pk, tag=tag) for tag in self._load(pks)]

    def query(self, instance: Any, pks: Iterable[int]) -> models.Q:
        return models.Q(content_type=self._type, object_id=instance.pk, tag__in=pks)

    def store(self, instance: Any, pks: Iterable[int]) -> None:
        """Store the tags on an instance, with their names, which the change log shows."""
        queryset = Tag.objects.all()
        queryset._result_cache = self._load(pks)
        prefetched(instance)[self._name] = queryset

    def _load(self, pks: Iterable[int]) -> list[Tag]:
        pks = set(pks)
        if unknown := pks - self._known.keys():
            found = Tag.objects.in_bulk(unknown)
            self._known.update((pk, found.get(pk)) for pk in unknown)
        tags = [tag for pk in pks if (tag := self._known[pk]) is not None]
        return sorted(tags, key=lambda tag: tag.name)


def set_tags(instance: Any, values: Mapping[str, Any]) -> None:
    """Set the tags of a new object that was saved as NetBox saves it."""
    if pks := values.get(TAGS):
        instance.tags.set(Tag.objects.filter(pk__in=pks))


# Cables


def insert_cables(writes: Sequence[ObjectWrite], interfaces: Mapping[int, Any], side_effects: SideEffects) -> None:
    """Insert cables between interfaces that have none, with terminations and traced paths.

    `interfaces` has the interfaces of all their ends, by ID.
    """
    Cable.objects.bulk_create([write.instance for write in writes], batch_size=BATCH)
    insert_related(CABLE, writes)
    terminations = _insert_terminations(writes, interfaces)
    path_of = _insert_paths(writes, interfaces)
    side_effects.created([write.instance for write in writes])
    side_effects.created(terminations)
    connected = []
    for termination in terminations:
        interface = termination.termination
        serialize_from_cache(interface)
        interface.snapshot()
        interface.cable, interface.cable_end = termination.cable, termination.cable_end
        interface.last_updated = timezone.now()
        connected.append(interface)
    side_effects.updated(connected)
    for interface in connected:
        interface._path = path_of[interface.pk]
    Interface.objects.bulk_update(
        connected, ['cable', 'cable_end', '_path', 'last_updated'], batch_size=BATCH,
    )


def _insert_terminations(writes: Sequence[ObjectWrite], interfaces: Mapping[int, Any]) -> list[Any]:
    interface_type = ContentType.objects.get_for_model(Interface)
    terminations = []
    for write in writes:
        cable = write.instance
        cable._pk = cable.pk
        for end, name in ((A, 'a'), (B, 'b')):
            for pk in write.values[name]:
                device = interfaces[pk].device
                termination = CableTermination(
                    cable=cable, cable_end=end, termination_type=interface_type, termination_id=pk,
                    _device=device, _rack=device.rack, _location=device.location, _site=device.site,
                )
                # The generic relation's cache: to_objectchange() asks for the object.
                termination.termination = interfaces[pk]
                terminations.append(termination)
    CableTermination.objects.bulk_create(terminations, batch_size=BATCH)
    by_cable: dict[int, dict[str, list[int]]] = {write.instance.pk: {A: [], B: []} for write in writes}
    for termination in terminations:
        by_cable[termination.cable_id][termination.cable_end].append(termination.pk)
    for write in writes:
        write.instance.serialize_object = partial(_cable_state, write.instance, by_cable[write.instance.pk])
    return terminations


def _cable_state(cable: Any, terminations: dict[str, list[int]], exclude: Any = None) -> dict[str, Any]:
    return logged_state(cable, a_terminations=sorted(terminations[A]), b_terminations=sorted(terminations[B]))


def _insert_paths(writes: Sequence[ObjectWrite], interfaces: Mapping[int, Any]) -> dict[int, CablePath]:
    """Insert two paths for each cable, one from each end. Return them by the ID of the interface they begin at."""
    paths, path_of = [], {}
    for write in writes:
        cable = write.instance
        sides = [[object_to_path_node(interfaces[pk]) for pk in write.values[name]] for name in ENDS_OF_CABLE]
        for near, far, name in ((sides[0], sides[1], 'a'), (sides[1], sides[0], 'b')):
            nodes = [near, [object_to_path_node(cable)], far]
            path = CablePath(
                path=nodes, is_complete=True, is_active=cable.status == 'connected', is_split=False,
                _nodes=list(chain.from_iterable(nodes)),
            )
            paths.append(path)
            path_of.update(dict.fromkeys(write.values[name], path))
    CablePath.objects.bulk_create(paths, batch_size=BATCH)
    return path_of


def undo_insert_of_cables(writes: Sequence[ObjectWrite], interfaces: Mapping[int, Any]) -> None:
    """Reset cables to their state before the insert, and free the interfaces at their ends."""
    undo_insert(writes)
    for write in writes:
        for name in ENDS_OF_CABLE:
            for pk in write.values.get(name) or ():
                interface = interfaces[pk]
                interface.cable = interface.cable_end = interface._path = None


# Prefixes

COUNT_PREFIXES = """
UPDATE ipam_prefix SET _depth = counted.depth, _children = counted.children
FROM (
    SELECT p.id,
           (SELECT COUNT(DISTINCT u.prefix) FROM ipam_prefix u
             WHERE u.prefix >> p.prefix AND COALESCE(u.vrf_id, 0) = COALESCE(p.vrf_id, 0)) AS depth,
           (SELECT COUNT(u.prefix) FROM ipam_prefix u
             WHERE u.prefix << p.prefix AND COALESCE(u.vrf_id, 0) = COALESCE(p.vrf_id, 0)) AS children
    FROM ipam_prefix p WHERE COALESCE(p.vrf_id, 0) = ANY(%s)
) counted
WHERE counted.id = ipam_prefix.id AND (_depth, _children) IS DISTINCT FROM (counted.depth, counted.children)
"""


def count_prefixes(vrfs: Iterable[int | None]) -> None:
    """Update depth and number of children of all prefixes in these VRFs: two numbers, one statement.

    What ipam/signals.py does for one prefix after the other; unlike there, only rows that differ are written.
    """
    ids = [vrf or 0 for vrf in vrfs]
    if ids:
        with connection.cursor() as cursor:
            cursor.execute(COUNT_PREFIXES, [ids])
