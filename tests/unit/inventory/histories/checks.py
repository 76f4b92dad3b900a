"""What holds after each step of a history, whatever happened before. Each check yields sentences: violations."""

from collections import Counter, defaultdict
from collections.abc import Iterator
from typing import Any

from circuits.models import Circuit, CircuitTermination
from dcim.models import (
    Cable,
    CableTermination,
    Device,
    DeviceRole,
    DeviceType,
    FrontPort,
    Interface,
    InventoryItem,
    MACAddress,
    Manufacturer,
    Module,
    ModuleBay,
    ModuleType,
    Platform,
    Rack,
    RearPort,
    Site,
    VirtualChassis,
)
from django.contrib.contenttypes.models import ContentType
from django.core.exceptions import ValidationError
from django.db import models
from ipam.models import ASN, RIR, VLAN, VRF, IPAddress, IPRange, Prefix, Service, VLANGroup
from vpn.models import L2VPN, L2VPNTermination

from netbox_hedgehog.inventory.mapping.types import DesiredObject, ExistingRef, Ref
from netbox_hedgehog.inventory.planning.context import PlanContext
from netbox_hedgehog.inventory.planning.current import ManagedObject
from netbox_hedgehog.inventory.planning.model_specs import spec_of, yields
from netbox_hedgehog.inventory.planning.plan import CREATE, DELETE, MARK_STALE, UNMARK_STALE, Plan
from netbox_hedgehog.models import Discrepancy, Fabric, InventoryLink

__all__ = ('Snapshot', 'derived_wrongly', 'invalid', 'is_in_trouble', 'not_as_wanted', 'same_as_fresh', 'touched', 'unjustified')

# All that a history may hold, the operator's and the fabric's.
MODELS: tuple[Any, ...] = (
    Site, Manufacturer, DeviceType, DeviceRole, Platform, RIR, ASN, VRF, VLANGroup, VLAN, Prefix, IPRange, Device,
    Interface, MACAddress, IPAddress, Cable, CableTermination, FrontPort, RearPort, Circuit, CircuitTermination, L2VPN,
    L2VPNTermination, VirtualChassis, InventoryItem, Service, Rack, ModuleType, ModuleBay, Module,
)

# What NetBox derives from other objects.
DERIVED = frozenset((
    'last_updated', 'created', 'size', 'total_vlan_ids', 'cable', 'cable_end', 'cable_connector', 'cable_positions',
))

# With what full_clean() looks at beside the object.
RELATED = {
    'dcim.device': ('site', 'location', 'rack', 'device_type', 'platform', 'tenant', 'virtual_chassis', 'primary_ip4'),
    'dcim.interface': ('device__site', 'device__virtual_chassis', 'parent', 'lag', 'untagged_vlan', 'vrf'),
    'ipam.vlan': ('group',), 'ipam.prefix': ('vrf', 'vlan'), 'ipam.iprange': ('vrf',), 'ipam.ipaddress': ('vrf',),
    'vpn.l2vpntermination': ('l2vpn',),
}

Place = tuple[str, int]


def label_of(model: Any) -> str:
    return str(model._meta.label_lower)


class Snapshot:
    """All rows of all models, column by column, and who manages them."""

    def __init__(self, fabric: Fabric) -> None:
        self.rows: dict[Place, dict[str, Any]] = {}
        for model in MODELS:
            label, names = label_of(model), columns(model)
            for pk, *values in model.objects.order_by().values_list('pk', *names):
                self.rows[label, pk] = dict(zip(names, values, strict=True))
        for port, vlan in sorted(Interface.tagged_vlans.through.objects.values_list('interface_id', 'vlan_id')):
            self.rows['dcim.interface', port].setdefault('tagged_vlans', []).append(vlan)
        types = {pk: f'{app}.{model}' for pk, app, model in ContentType.objects.values_list('pk', 'app_label', 'model')}
        self.links: dict[Place, InventoryLink] = {
            (types[link.object_type_id], link.object_id): link for link in InventoryLink.objects.filter(fabric=fabric)
        }
        self.managed = {place for place, link in self.links.items() if not link.shared}
        cables: dict[int, int] = {
            pk: values['cable_id'] for (label, pk), values in self.rows.items() if label == 'dcim.cabletermination'
        }
        # An end of a cable belongs to the cable.
        self.ends = {('dcim.cabletermination', pk): ('dcim.cable', cable) for pk, cable in cables.items()}

    def changed_since(self, before: 'Snapshot') -> set[Place]:
        """The objects that are not as they were then: new ones, too."""
        changed = {place for place, row in self.rows.items() if before.rows.get(place) != row}
        return changed | {self.ends[place] for place in changed if place in self.ends}


def columns(model: Any) -> list[str]:
    """The columns of a model that say something of their own."""
    found = []
    for field in model._meta.concrete_fields:
        derived = field.name in DERIVED and (model, field.name) != (CableTermination, 'cable')
        if not derived and not field.name.startswith('_') and not field.name.endswith('_count') and not field.primary_key:
            found.append(field.attname)
    return found


def names_of(before: dict[str, Any], after: dict[str, Any]) -> list[str]:
    """The columns that differ."""
    return [name for name in {**before, **after} if before.get(name) != after.get(name)]


# What a run touches


def touched(before: Snapshot, after: Snapshot, plan: Plan) -> Iterator[str]:
    """A run deletes and changes what its plan names, and of that only what is the fabric's to change."""
    actions = defaultdict(list)
    for action in plan.actions:
        if action.pk is not None:
            actions[action.model, action.pk].append(action)
    for place, row in before.rows.items():
        owner = before.ends.get(place, place)
        of_it = actions[owner]
        if place not in after.rows:
            deleted = any(action.type == DELETE for action in of_it)
            moved = place != owner and any(change.field in ('a', 'b') for action in of_it for change in action.changes)
            if not deleted and not moved:
                yield f'{said(place, row)} is deleted, and the plan does not say so'
            elif deleted and before.links[owner].origin != 'created':
                yield f'{said(place, row)} is deleted, and the plugin has not created it'
            continue
        changed = names_of(row, after.rows[place])
        allowed = {change.field for action in of_it for change in action.changes}
        if owner != place and allowed & {'a', 'b'}:
            continue
        for name in changed:
            if field_of(place[0], name) not in allowed:
                yield (
                    f'{said(place, row)}: {name} was {row.get(name)!r}, is {after.rows[place].get(name)!r}, '
                    'and the plan does not say so'
                )
    for action in plan.actions:
        yield from _overwritten(before, action)


def _overwritten(before: Snapshot, action: Any) -> Iterator[str]:
    """A field is written only while it holds what was last written, or nothing."""
    if action.type in (CREATE, DELETE) or action.pk is None:
        return
    link = before.links.get((action.model, action.pk))
    written = link.written if link is not None else {}
    for change in action.changes:
        if change.old in (None, []) and change.field not in written:
            continue
        if change.field == 'status' and action.type in (MARK_STALE, UNMARK_STALE):
            continue
        if change.field in ('primary_ip4', 'primary_ip6', 'oob_ip') and change.new is None:
            continue
        was = written.get(change.field)
        if change.old == was or (isinstance(was, list) and isinstance(change.old, list) and all(
                item in was for item in change.old)) or (change.old is None and isinstance(was, int)):
            continue
        if link is not None and link.origin == 'created' and change.field not in written and change.old in (
                '', True, False, 'none'):
            continue
        yield (
            f'{action.type} {action.model} {action.name}: {change.field} is overwritten: {change.old!r} with '
            f'{change.new!r}, last written was {was!r}'
        )


def field_of(label: str, column: str) -> str:
    """The name that a plan has for a column."""
    if column in ('assigned_object_type_id', 'assigned_object_id'):
        return 'assigned_object'
    return column.removesuffix('_id') if column not in ('object_id',) else column


def said(place: Place, row: dict[str, Any]) -> str:
    name = row.get('name') or row.get('address') or row.get('prefix') or row.get('label') or ''
    return f'{place[0]} {place[1]} {name}'


# Whether NetBox takes it


def invalid(places: set[Place] | None = None) -> dict[Place, str]:
    """Of these objects, or of all, those that NetBox's full_clean() does not take, and why.

    What the database guarantees by itself, that a foreign key leads to a row, is not asked again.
    """
    found = {}
    for model in MODELS:
        label = label_of(model)
        if label == 'dcim.cabletermination' or (places is not None and label not in {other for other, _ in places}):
            continue
        queryset = model.objects.order_by('pk')
        if label in RELATED:
            queryset = queryset.select_related(*RELATED[label])
        if places is not None:
            queryset = queryset.filter(pk__in=[pk for other, pk in places if other == label])
        for instance in queryset:
            if why := _invalid(instance):
                found[label, instance.pk] = f'{label} {instance}: full_clean() says: {why}'
    return found


def is_in_trouble(fabric: Fabric, snapshot: Snapshot, place: Place) -> bool:
    """Whether an object is left as it is because its resource is not supported or invalid just now, and it is said."""
    link = snapshot.links.get(place)
    if link is None:
        return False
    return Discrepancy.objects.filter(fabric=fabric, type='unmatched', kind=link.kind, name=link.name).exists()


def _invalid(instance: Any) -> str:
    foreign_keys = {field.name for field in instance._meta.concrete_fields if isinstance(field, models.ForeignKey)}
    try:
        instance.clean_fields(exclude=foreign_keys)
        instance.clean()
        instance.validate_unique()
        instance.validate_constraints()
    except ValidationError as error:
        return '; '.join(error.messages)
    return ''


def derived_wrongly() -> Iterator[str]:
    """What NetBox derives when it saves is as NetBox derives it."""
    for group in VLANGroup.objects.all():
        size = sum(span.upper - span.lower for span in group.vid_ranges)
        if group.total_vlan_ids != size:
            yield f'{group}: total_vlan_ids is {group.total_vlan_ids}, not {size}'
    for span in IPRange.objects.all():
        if span.size != int(span.end_address.ip - span.start_address.ip) + 1:
            yield f'{span}: size is {span.size}'
    counts = Counter(Interface.objects.values_list('device_id', flat=True))
    for device in Device.objects.all():
        if device.interface_count != counts[device.pk]:
            yield f'{device}: interface_count is {device.interface_count}, not {counts[device.pk]}'
    port_type = ContentType.objects.get_for_model(Interface)
    ends = {
        end.termination_id: (end.cable_id, end.cable_end)
        for end in CableTermination.objects.filter(termination_type=port_type)
    }
    cable_type = ContentType.objects.get_for_model(Cable).pk
    for port in Interface.objects.select_related('device', '_path'):
        if (port.cable_id, port.cable_end or None) != ends.get(port.pk, (None, None)):
            yield f'{port.device} {port}: its cable is {port.cable_id} {port.cable_end}, not {ends.get(port.pk)}'
        if bool(port.cable_id) != bool(port._path_id):
            yield f'{port.device} {port}: its cable is {port.cable_id}, its path {port._path_id}'
        if port._path_id and port.cable_id not in (
                [int(node.split(':')[1]) for nodes in port._path.path for node in nodes
                 if node.startswith(f'{cable_type}:')]):
            yield f'{port.device} {port}: its path does not lead along its cable {port.cable_id}'
    prefixes = list(Prefix.objects.all())
    for prefix in prefixes:
        others = [
            other.prefix for other in prefixes if other.vrf_id == prefix.vrf_id and other.prefix != prefix.prefix
        ]
        children = sum(other in prefix.prefix for other in others)
        depth = len({other for other in others if prefix.prefix in other})
        if (prefix._depth, prefix._children) != (depth, children):
            yield f'{prefix}: depth and children are {prefix._depth}, {prefix._children}, not {depth}, {children}'


# What no link remembers.
_UNKNOWN = object()

# Whether it is as the fabric wants it


class Explained:
    """What the discrepancies of a fabric say: why an object, or a field of it, is not as the fabric wants it."""

    def __init__(self, fabric: Fabric, desired: dict[str, DesiredObject]) -> None:
        self.desired = desired
        self.objects: set[str] = set()
        self.fields: set[tuple[str, str]] = set()
        for row in Discrepancy.objects.filter(fabric=fabric):
            if row.type == 'field':
                self.fields.add((row.key, row.field))
            elif row.type in ('deleted', 'conflict', 'unmatched') and row.key:
                self.objects.add(row.key)
        self._known: dict[str, bool] = {}

    def is_missing(self, key: str) -> bool:
        """Whether it is said why an object is not there: of itself, or of one that it refers to."""
        if key not in self._known:
            self._known[key] = False
            obj = self.desired.get(key)
            refs = [ref.key for ref in obj.refs()] if obj is not None else []
            self._known[key] = key in self.objects or any(self.is_missing(ref) for ref in refs)
        return self._known[key]

    def is_different(self, key: str, field: str) -> bool:
        if key in self.objects or (key, field) in self.fields:
            return True
        if field in ('untagged_vlan', 'tagged_vlans') and (key, 'mode') in self.fields:
            return True
        if self.desired[key].model == 'dcim.cable' and {(key, 'a'), (key, 'b')} & self.fields:
            return True
        owned = self.desired[key].managed_fields
        # A cable is led only where both of its ends are to be had.
        values = (owned['a'], owned['b']) if self.desired[key].model == 'dcim.cable' else (owned.get(field),)
        refs = [
            item.key for value in values for item in (value if isinstance(value, tuple) else (value,))
            if isinstance(item, Ref)
        ]
        # A reference that is not to be had is left as it is; so is a whole object that depends on one.
        return any(self.is_missing(ref) for ref in refs) or any(
            ref.key in self.objects for ref in self._hard_refs(key))

    def _hard_refs(self, key: str) -> list[Ref]:
        return [value for name, value in self.desired[key].managed_fields.items() if isinstance(value, Ref)]


def _is_a_persons(obj: DesiredObject, name: str, current: Any, link: ManagedObject) -> bool:
    """Where a fabric says no MTU, no VRF or no tag, a person's is theirs; only what was written is taken back.

    A person's label of a cable is theirs whatever the fabric says.
    """
    may_be = yields(obj, name) or name in spec_of(obj.model).courtesy_fields
    return may_be and current != link.written.get(name)


def not_as_wanted(fabric: Fabric, picture: PlanContext) -> Iterator[str]:
    """Each object that is wanted holds what is wanted of it, or a discrepancy says why it does not."""
    desired = picture.desired.objects
    explained = Explained(fabric, desired)
    held = picture.current.managed
    for key, obj in desired.items():
        if obj.shared:
            continue
        link = held.get(key)
        if link is None or link.values is None:
            if not explained.is_missing(key):
                yield f'{key} is not there, and no discrepancy says why'
            continue
        for name, value in obj.managed_fields.items():
            expected, current = resolved(value, held, desired), link.values.get(name)
            if not equal(obj.model, name, expected, current, link.values) and not explained.is_different(key, name):
                if name in link.kept or _is_a_persons(obj, name, current, link):
                    continue
                yield f'{key}: {name} is {current!r}, not {expected!r}, and no discrepancy says so'


def resolved(value: Any, held: Any, desired: Any) -> Any:
    if isinstance(value, tuple):
        return sorted((resolved(item, held, desired) for item in value), key=str)
    if isinstance(value, Ref):
        return held[value.key].object_id if value.key in held else None
    return value.pk if isinstance(value, ExistingRef) else value


def equal(model: str, name: str, expected: Any, current: Any, values: Any) -> bool:
    if isinstance(current, list) and isinstance(expected, int):
        return bool(current[1] == expected)
    if model == 'dcim.cable' and name in ('a', 'b'):
        return expected in (values['a'], values['b'])
    if isinstance(expected, list):
        return expected == sorted(current or [], key=str)
    return (expected or None) == (current or None) or str(expected) == str(current)


def unjustified(fabric: Fabric, picture: PlanContext, edited: bool) -> Iterator[str]:
    """Each discrepancy between the two sides is about something that a person has done; without edits there is none."""
    held = picture.current.managed
    explained = Explained(fabric, picture.desired.objects)
    managed = {(link.model, link.object_id): link for link in held.values() if not link.shared}
    for row in Discrepancy.objects.filter(fabric=fabric, type__in=('field', 'deleted', 'conflict')).select_related(
            'object_type'):
        if not edited:
            yield f'nobody has edited anything, and there is a discrepancy: {row.sentence}'
            continue
        link = held.get(row.key)
        if row.type == 'field' and link is not None and link.values is not None and row.field not in link.kept:
            # A mode that would take a person's VLANs away is not written, nor one that was found at an adoption.
            fields = ['mode', 'untagged_vlan', 'tagged_vlans'] if row.field == 'mode' else [row.field]
            if all(link.written.get(name, _UNKNOWN) == link.values.get(name) for name in fields):
                yield f'nobody has changed {row.field} of {row.key}, and there is a discrepancy: {row.sentence}'
        elif row.type == 'deleted' and link is not None and link.values is not None:
            yield f'{row.key} is there, and there is a discrepancy: {row.sentence}'
        elif row.type == 'conflict' and row.object_type is not None:
            label = f'{row.object_type.app_label}.{row.object_type.model}'
            other = managed.get((label, row.object_id))
            # One that cannot leave, as what it is to be moved to was deleted, is in the way of others.
            may_stay = other is not None and (other.key == row.key or explained.is_missing(other.key))
            if other is not None and not may_stay and _as_written(other):
                yield f'nobody has changed {other.key}, and there is a discrepancy: {row.sentence}'


def _as_written(link: Any) -> bool:
    """Whether an object that the plugin has created holds what it has last written."""
    same = all(link.values.get(name) == value for name, value in link.written.items()) if link.values else False
    return link.origin == 'created' and not link.kept and same


# Whether it is what a fresh sync makes


def same_as_fresh(fabric: Fabric, picture: PlanContext, fresh: Fabric, fresh_picture: PlanContext) -> Iterator[str]:
    """What is wanted is there as a fresh sync of the same fabric makes it, field by field, or a discrepancy says why."""
    desired = picture.desired.objects
    explained = Explained(fabric, desired)
    mine, theirs = picture.current.managed, fresh_picture.current.managed
    for key in {*desired, *fresh_picture.desired.objects}:
        if (key in desired) != (key in fresh_picture.desired.objects):
            yield f'{key} is wanted by one and not by the other'
    fresh_says = {row.key for row in Discrepancy.objects.filter(fabric=fresh) if row.key}
    my_names = {(link.model, link.object_id): key for key, link in mine.items()}
    their_names = {(link.model, link.object_id): key for key, link in theirs.items()}
    for key, obj in desired.items():
        if obj.shared or explained.is_missing(key):
            continue
        one, other = mine.get(key), theirs.get(key)
        if other is None or other.values is None:
            if key not in fresh_says and one is not None and not Explained(
                    fresh, fresh_picture.desired.objects).is_missing(key):
                yield f'{key} is there, and a fresh sync does not make it'
            continue
        if one is None or one.values is None:
            yield f'{key} is not there, and a fresh sync makes it'
            continue
        for name in obj.managed_fields:
            if name in one.kept or explained.is_different(key, name) or _is_a_persons(
                    obj, name, one.values.get(name), one):
                continue
            found = by_key(obj.model, name, one.values, my_names)
            made = by_key(obj.model, name, other.values, their_names)
            if isinstance(made, str):
                made = made.replace(fresh.name, fabric.name)
            if found != made:
                yield f'{key}: {name} is {found!r}, and a fresh sync makes {made!r}'


def by_key(model: str, name: str, values: Any, names: dict[Place, str]) -> Any:
    """A value in which related objects are called by their keys."""
    value = values.get(name)
    if model == 'dcim.cable' and name in ('a', 'b'):
        ends = [
            [names.get(('dcim.interface', item), item) if isinstance(item, int) else item for item in values[side]]
            for side in ('a', 'b')
        ]
        return sorted(ends, key=str)
    related = {'device': 'dcim.device', 'lag': 'dcim.interface', 'parent': 'dcim.interface', 'vrf': 'ipam.vrf',
               'group': 'ipam.vlangroup', 'vlan': 'ipam.vlan', 'untagged_vlan': 'ipam.vlan', 'l2vpn': 'vpn.l2vpn',
               'tagged_vlans': 'ipam.vlan', 'primary_ip4': 'ipam.ipaddress', 'platform': 'dcim.platform',
               'primary_mac_address': 'dcim.macaddress', 'module_bay': 'dcim.modulebay',
               'module_type': 'dcim.moduletype'}.get(name)
    if name == 'assigned_object':
        return names.get(tuple(value), value) if value else None
    if related is None or value is None:
        return value
    if isinstance(value, list):
        return sorted(str(names.get((related, item), item)) for item in value)
    return names.get((related, value), value)

