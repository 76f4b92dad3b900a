"""The current state of NetBox as the planner's input: managed objects, and objects in the place of desired ones."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from ...choices import InventoryAdoptionChoices
from ..mapping.types import Desired, Source
from .fields import Unresolved
from .model_specs import DEVICE, RANGE, identities
from .places import SHARED_ROLES

__all__ = (
    'CHANGES', 'COMPARED_WHEN_ADOPTED', 'GOES', 'PROTECTS', 'CurrentState', 'Dependent', 'Known', 'Machine',
    'ManagedObject', 'Place', 'Primary', 'UnmanagedObject', 'machine_key',
)

# The model and the ID of an object.
Place = tuple[str, int]

# Which machine a server or gateway is: its kind, its name in lower case, its site and its tenant.
Machine = tuple[str, str, Any, Any]

# The fields by which people recognize a managed object, the best first.
TITLES = ('name', 'model', 'prefix', 'address', 'start_address', 'mac_address', 'asn')

# Statuses of devices that are not in service.
OUT_OF_SERVICE = ('decommissioning', 'inventory', 'offline')

# Fields that a new device is created with. Those of an adopted device are compared, and never changed automatically.
COMPARED_WHEN_ADOPTED = ('device_type', 'role')


@dataclass(slots=True)
class ManagedObject:
    """A link of the fabric with its object's values; `values` is None if the object was deleted."""

    pk: int
    key: str
    kind: str
    name: str
    scope: str
    model: str
    object_id: int
    origin: str
    shared: bool
    written: dict[str, Any]
    kept: list[str]
    stale_since: datetime | None
    stale_syncs: int
    before_stale: dict[str, Any]
    values: dict[str, Any] | None = None
    # Whether other fabrics share the object: then it stays where this fabric does not need it any more.
    used_by_others: bool = False
    # Of a device of another fabric that this one shares: which machine it is by the settings of that fabric.
    manager: Machine | None = None

    @property
    def place(self) -> Place:
        return self.model, self.object_id

    @property
    def source(self) -> Source:
        """Return the resource that the object comes from."""
        return Source(self.kind, self.name)

    @property
    def title(self) -> str:
        """Return the object's name for people."""
        values = self.values or {}
        for name in TITLES:
            if value := values.get(name) or self.written.get(name):
                return str(value)
        return self.key


@dataclass(slots=True)
class UnmanagedObject:
    """An object in the place of a desired one.

    `is_owned` says whether another fabric manages it. `machine` is which machine it is by the settings of that fabric,
    if it is a server or gateway.
    """

    model: str
    pk: int
    values: dict[str, Any]
    is_owned: bool = False
    machine: Machine | None = None


# What the deletion of an object does to one that refers to it: it is deleted as well, it prevents the deletion, or it
# stays and loses the reference.
GOES, PROTECTS, CHANGES = 'goes', 'protects', 'changes'


@dataclass(slots=True)
class Dependent:
    """An object that refers to another one, and what the deletion of that other one does to it: `effect`.

    `field` is the field that refers, '' where it represents another object; `title` is the field's name for people.
    `part` says that it belongs to the other object, as a port does to a device.
    """

    model: str
    pk: int
    effect: str
    field: str = ''
    title: str = ''
    part: bool = False
    name: str = ''

    @property
    def place(self) -> Place:
        return self.model, self.pk


@dataclass(frozen=True, slots=True)
class Primary:
    """A device, by ID and name, and the field in which it names an address as its own."""

    device: int
    name: str
    field: str


@dataclass(slots=True)
class CurrentState:
    """A fabric's objects in NetBox, and the objects in the place of its desired ones.

    `candidates` are by model and identity, `namesakes` are devices by name and site, whatever their tenant, `serials`
    are devices by serial number, at any site, `rivals` are all candidates of an identity that several have, `ranges`
    are by VRF. `machines` are the servers and gateways that other fabrics manage. `cabled` gives, by interface, cables
    that are not the fabric's on interfaces that desired cables end on.
    `kinds` are those that have been read in full at least once. `dependents` is filled for objects that are due for
    deletion, and so is `refusals`: why NetBox's protection rules prevent the deletion of some. `primaries` are the
    devices that have one of the fabric's addresses as a primary one, by the address's ID.
    """

    managed: dict[str, ManagedObject] = field(default_factory=dict)
    candidates: dict[tuple[str, tuple[Any, ...]], UnmanagedObject] = field(default_factory=dict)
    namesakes: dict[tuple[str, Any], dict[int, UnmanagedObject]] = field(default_factory=dict)
    serials: dict[str, dict[int, UnmanagedObject]] = field(default_factory=dict)
    rivals: dict[tuple[str, tuple[Any, ...]], dict[int, UnmanagedObject]] = field(default_factory=dict)
    ranges: dict[Any, list[UnmanagedObject]] = field(default_factory=dict)
    machines: dict[Machine, UnmanagedObject] = field(default_factory=dict)
    cabled: dict[int, UnmanagedObject] = field(default_factory=dict)
    kinds: set[str] = field(default_factory=set)
    dependents: dict[tuple[str, int], list[Dependent]] = field(default_factory=dict)
    refusals: dict[tuple[str, int], str] = field(default_factory=dict)
    primaries: dict[int, list[Primary]] = field(default_factory=dict)

    def add_candidate(self, candidate: UnmanagedObject) -> None:
        """Store an object under everything by which it may be found."""
        model, values = candidate.model, candidate.values
        for identity in identities(model, values):
            # If NetBox allows duplicates, the oldest represents all, except for addresses that may be shared.
            first = self.candidates.setdefault((model, identity), candidate)
            if candidate is not first:
                self.rivals.setdefault((model, identity), {first.pk: first})[candidate.pk] = candidate
            if _precedence(candidate) < _precedence(first):
                self.candidates[model, identity] = candidate
        if model == DEVICE:
            self.namesakes.setdefault(_name_and_site(values), {}).setdefault(candidate.pk, candidate)
            if serial := _serial(values):
                self.serials.setdefault(serial, {})[candidate.pk] = candidate
        if model == RANGE:
            self.ranges.setdefault(values.get('vrf'), []).append(candidate)

    def namesakes_of(self, values: Mapping[str, Any]) -> list[UnmanagedObject]:
        """Return the devices of this name at this site that no other fabric manages, of any tenant.

        NetBox allows one per tenant. A fabric does not know tenants: to it they are the same device.
        """
        return [device for device in self.namesakes.get(_name_and_site(values), {}).values() if not device.is_owned]

    def add_machines(self, devices: Iterable[UnmanagedObject], sought: Collection[Machine]) -> None:
        """Store which devices of other fabrics these machines are: by the settings of these, else by name and site."""
        others = []
        for device in sorted(devices, key=lambda device: device.pk):
            machine = device.machine
            if machine is not None and machine in sought:
                self.machines.setdefault(machine, device)
            elif machine is not None:
                others.append((machine, device))
        for (kind, _name, _site, tenant), device in others:
            self.machines.setdefault(machine_key(kind, {**device.values, 'tenant': tenant}), device)

    def devices_for(self, values: Mapping[str, Any], adoption: str, stale_status: str = '') -> list[UnmanagedObject]:
        """Return the devices that match a desired one: several if the match is ambiguous.

        By serial number, or by name at the site, as the fabric adopts. A device that is in service comes before one
        that is not, then one of the fabric's own site or tenant.
        """
        if adoption == InventoryAdoptionChoices.SERIAL:
            found = [device for device in self.serials.get(_serial(values), {}).values() if not device.is_owned]
        else:
            found = self.namesakes_of(values)
        out_of_service = {*OUT_OF_SERVICE, stale_status}
        found = [device for device in found if device.values.get('status') not in out_of_service] or found
        # A name may occur once per tenant at a site; a serial number is unique.
        name = 'site' if adoption == InventoryAdoptionChoices.SERIAL else 'tenant'
        found = [device for device in found if device.values.get(name) == values.get(name)] or found
        return sorted(found, key=lambda device: device.pk)


def _precedence(candidate: UnmanagedObject) -> tuple[bool, int]:
    return candidate.values.get('role') in SHARED_ROLES, candidate.pk


def _serial(values: Mapping[str, Any]) -> str:
    return values.get('serial') or ''


def _name_and_site(values: Mapping[str, Any]) -> tuple[str, Any]:
    return (values.get('name') or '').lower(), values.get('site')


def machine_key(kind: str, values: Mapping[str, Any]) -> Machine:
    """Return which machine a resource of this kind with these values of its device is."""
    return kind, *_name_and_site(values), values.get('tenant')


class Known:
    """The known objects of a fabric, by key."""

    def __init__(self, desired: Desired, managed: Mapping[str, ManagedObject]) -> None:
        self.desired = desired
        self.pks = {key: link.object_id for key, link in managed.items() if link.values is not None}

    def __call__(self, key: str) -> Any:
        return self.pks.get(key, {'key': key})

    def label_of(self, key: str) -> str:
        if key not in self.desired.objects:
            raise Unresolved(key)
        return self.desired.objects[key].model
