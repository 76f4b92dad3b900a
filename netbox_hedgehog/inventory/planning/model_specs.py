"""Define what the planner knows of each NetBox model: one ModelSpec per model. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ..mapping.types import DesiredObject

__all__ = (
    'ADDRESS', 'CABLE', 'DEVICE', 'ENDS_OF_CABLE', 'INTERFACE', 'MAC_ADDRESS', 'MODEL_SPECS', 'MODULE', 'MODULE_BAY',
    'PREFIX', 'RANGE', 'RANK', 'VRF', 'ModelSpec', 'identities', 'identity_fields', 'is_yielding', 'object_name',
    'spec_of', 'yields',
)

ADDRESS, CABLE, DEVICE, INTERFACE, PREFIX, RANGE, VRF = (
    'ipam.ipaddress', 'dcim.cable', 'dcim.device', 'dcim.interface', 'ipam.prefix', 'ipam.iprange', 'ipam.vrf',
)
MAC_ADDRESS, MODULE, MODULE_BAY = 'dcim.macaddress', 'dcim.module', 'dcim.modulebay'

# The fields of a desired cable that name the interfaces at its two ends.
ENDS_OF_CABLE = ('a', 'b')

# The fields by which people recognize an object, the best first.
NAMES = ('name', 'model', 'prefix', 'address', 'start_address', 'mac_address', 'asn', 'label')


@dataclass(frozen=True, slots=True)
class ModelSpec:
    """What the planner knows of a NetBox model.

    identity_keys: field sets that identify an object; `name~` is compared without regard to case, and `host` is the
    address without its mask. identity_not_unique: NetBox allows duplicates of them. deferred: fields that refer to
    parts of the object itself, and are written last. optional_fields: skipped, rather than the whole object, where what
    they refer to is not available. part_of: the field that refers to the object that this one is a part of.
    yielding_fields: those of all its objects, see DesiredObject.
    initial_fields: those that a rule may give to a new object: what the fabric never wrote stays when the rule is gone.
    courtesy_fields: written while they hold what was last written, as any; a person's value is no discrepancy.
    save_individually: a fabric has a handful of these; each is saved as NetBox saves it.
    """

    identity_keys: tuple[tuple[str, ...], ...] = ()
    identity_not_unique: bool = False
    deferred: tuple[str, ...] = ()
    optional_fields: tuple[str, ...] = ()
    part_of: str = ''
    yielding_fields: tuple[str, ...] = ()
    initial_fields: tuple[str, ...] = ()
    courtesy_fields: tuple[str, ...] = ()
    save_individually: bool = True


# In the order in which objects are created; deleted in the opposite one.
MODEL_SPECS: dict[str, ModelSpec] = {
    'extras.tag': ModelSpec((('slug',), ('name',))),
    'tenancy.tenant': ModelSpec((('slug',), ('name',))),
    'dcim.manufacturer': ModelSpec((('slug',), ('name',))),
    'dcim.platform': ModelSpec((('slug',), ('name',))),
    'dcim.devicerole': ModelSpec((('slug',), ('name',))),
    'dcim.devicetype': ModelSpec(
        (('manufacturer', 'slug'), ('manufacturer', 'model')), optional_fields=('default_platform',),
    ),
    'dcim.moduletype': ModelSpec((('manufacturer', 'model'),)),
    'ipam.rir': ModelSpec((('slug',), ('name',))),
    'ipam.role': ModelSpec((('slug',), ('name',))),
    'ipam.routetarget': ModelSpec((('name',),), save_individually=False),
    'ipam.asn': ModelSpec((('asn',),), save_individually=False),
    'ipam.aggregate': ModelSpec((('prefix',),)),
    VRF: ModelSpec(
        (('name',),), identity_not_unique=True, initial_fields=('name',), save_individually=False,
    ),
    'ipam.vlangroup': ModelSpec((('scope', 'slug'), ('scope', 'name'))),
    'ipam.vlan': ModelSpec((('group', 'vid'), ('group', 'name')), save_individually=False),
    DEVICE: ModelSpec(
        (('name~', 'site', 'tenant'),),
        deferred=('primary_ip4', 'primary_ip6', 'oob_ip'),
        optional_fields=('primary_ip4', 'primary_ip6', 'oob_ip', 'platform'),
        save_individually=False,
    ),
    # A bay of the device itself: one inside of a module may have the same name.
    MODULE_BAY: ModelSpec((('device', 'module', 'name'),), part_of='device', save_individually=False),
    MODULE: ModelSpec(
        (('module_bay',),), part_of='module_bay',
        # A transceiver may have no serial number of its own, and somebody may know one.
        yielding_fields=('serial',),
        save_individually=False,
    ),
    INTERFACE: ModelSpec(
        (('device', 'name'),),
        deferred=('primary_mac_address', 'bridge'),
        optional_fields=('lag', 'untagged_vlan', 'tagged_vlans', 'primary_mac_address', 'bridge', 'vrf'),
        part_of='device',
        # Where the fabric says no MTU, the switch has one nevertheless, and somebody may know it; so with the VRF of a
        # port that leads out of the fabric.
        yielding_fields=('mtu', 'vrf'),
        save_individually=False,
    ),
    MAC_ADDRESS: ModelSpec(
        (('mac_address', 'assigned_object'),), part_of='assigned_object', save_individually=False,
    ),
    PREFIX: ModelSpec((('vrf', 'prefix'),), optional_fields=('vlan', 'role'), save_individually=False),
    RANGE: ModelSpec((('vrf', 'start_address', 'end_address'),), optional_fields=('role',), save_individually=False),
    ADDRESS: ModelSpec(
        (('vrf', 'host'),), part_of='assigned_object',
        # Whose address a DHCP reservation is the fabric does not say, and somebody may know it.
        yielding_fields=('assigned_object',),
        save_individually=False,
    ),
    # The fabric says nothing of most cables' type. A label names the Connection; on the cable itself may be another.
    CABLE: ModelSpec(yielding_fields=('type',), courtesy_fields=('label',), save_individually=False),
    'vpn.l2vpn': ModelSpec((('slug',), ('name',)), save_individually=False),
    'vpn.l2vpntermination': ModelSpec((('assigned_object',),), part_of='assigned_object', save_individually=False),
}
RANK = {label: number for number, label in enumerate(MODEL_SPECS)}


def spec_of(label: str) -> ModelSpec:
    """Return the specification of a model; an empty one for a model without managed objects."""
    return MODEL_SPECS.get(label, ModelSpec())


def is_yielding(obj: DesiredObject, name: str) -> bool:
    """Return whether a field is one of an object's yielding fields."""
    return name in obj.yielding_fields or name in spec_of(obj.model).yielding_fields


def yields(obj: DesiredObject, name: str) -> bool:
    """Return whether the fabric says nothing of a managed field, so that a person's value of it is no difference."""
    return obj.managed_fields.get(name) in (None, ()) and is_yielding(obj, name)


def identities(label: str, values: Mapping[str, Any]) -> list[tuple[Any, ...]]:
    """Return what identifies an object with these values: one entry a set of fields, if it is known."""
    found = []
    for number, names in enumerate(spec_of(label).identity_keys):
        parts = [_part(name, values) for name in names]
        is_known = not any(isinstance(part, dict) for part in parts)
        if is_known and any(part is not None for part in parts):
            found.append((number, *(_hashable(part) for part in parts)))
    return found


def _part(name: str, values: Mapping[str, Any]) -> Any:
    if name == 'name~':
        return (values.get('name') or '').lower() or None
    if name == 'host':
        return (values.get('address') or '').split('/')[0] or None
    return values.get(name)


def _hashable(part: Any) -> Any:
    return tuple(part) if isinstance(part, list) else part


def identity_fields(label: str) -> set[str]:
    """Return the fields that identities() reads."""
    real = {'name~': 'name', 'host': 'address'}
    return {real.get(name, name) for names in spec_of(label).identity_keys for name in names}


def object_name(obj: DesiredObject) -> str:
    """Return a desired object's name for people."""
    fields = obj.fields
    for name in NAMES:
        if value := fields.get(name):
            text = str(value)
            return f'{text}-{fields["end_address"]}' if name == 'start_address' and 'end_address' in fields else text
    # The key's first part is for the plugin; the rest is what it is of, such as vpc-01/default.
    return obj.key.partition('/')[2] or obj.key
