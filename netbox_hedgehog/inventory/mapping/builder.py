"""What the mappers of one fabric share: its resources, its settings, and the desired objects so far."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from ...hedgehog.manifest import natural, shown, usable
from ...issue_codes import Code
from .names import in_fabric, key, unique_slug
from .types import (
    DEVICES,
    VPCS,
    Desired,
    DesiredObject,
    ExistingRef,
    Issue,
    Options,
    Parameter,
    Ref,
    Resource,
    Source,
    Value,
)

__all__ = ('Builder', 'Device', 'Interface')

# Each after all that it may refer to, but for a device's primary address and an interface's LAG and parent.
_ORDER = {model: place for place, model in enumerate((
    'dcim.manufacturer', 'dcim.devicetype', 'dcim.devicerole', 'dcim.platform', 'ipam.rir', 'ipam.asn', 'ipam.vrf',
    'ipam.vlangroup', 'ipam.vlan', 'ipam.prefix', 'ipam.iprange', 'dcim.device', 'dcim.interface', 'ipam.ipaddress',
    'dcim.cable', 'vpn.l2vpn', 'vpn.l2vpntermination',
))}

_OVERLAY = frozenset(('VPC', 'VPCAttachment', 'External', 'ExternalAttachment', 'IPv4Namespace', 'VLANNamespace'))


@dataclass(slots=True)
class Interface:
    """An interface that is still being built: several mappers contribute to one."""

    device: 'Device'
    name: str
    key: str
    source: Source
    subject: str
    managed_fields: dict[str, Value]
    create_only_fields: dict[str, Value]
    # Whether the fabric decides which VLANs there are on it.
    switched: bool = False
    # Whether a Connection that cannot be read names it: then nobody can say what the port is used for.
    unclear: bool = False

    @property
    def ref(self) -> Ref:
        return Ref(self.key)

    def __str__(self) -> str:
        return f'{self.device} {self.name}'


@dataclass(slots=True)
class Device:
    """A device that is still being built, with its interfaces by name."""

    resource: Resource
    key: str
    managed_fields: dict[str, Value]
    create_only_fields: dict[str, Value]
    interfaces: dict[str, Interface] = field(default_factory=dict)

    @property
    def ref(self) -> Ref:
        return Ref(self.key)

    @property
    def is_switch(self) -> bool:
        return self.resource.kind == 'Switch'

    def __str__(self) -> str:
        return self.resource.name


class Builder:
    """Collects the desired objects and issues of one fabric.

    Everything is read in an order that follows from names alone, so that the result does not depend on the order in
    which the resources came.
    """

    def __init__(
        self, resources: Iterable[Resource], options: Options, unread: Collection[str] = (),
    ) -> None:
        self.options = options
        self._unread = frozenset(unread)
        # Kinds that were never read, and that a mapper needed.
        self._missed: set[str] = set()
        self.devices: dict[tuple[str, str], Device] = {}
        self._objects: dict[str, DesiredObject] = {}
        self._issues: dict[Issue, None] = {}
        self._reserved: dict[tuple[object, ...], Source] = {}
        self._resources: dict[str, dict[str, Resource]] = {}
        for resource in sorted(resources, key=_by_name):
            self._take_in(resource)

    def _take_in(self, resource: Resource) -> None:
        if '/' in resource.name or not usable(resource.name, 253):
            nameless = Resource(resource.kind, shown(resource.name), {})
            self.report_issue(nameless, VPCS if resource.kind in _OVERLAY else DEVICES, Code.NAME_INVALID)
            return
        same = self._resources.setdefault(resource.kind, {})
        # Two namespaces may each have one of this name; the API accepts objects in one namespace only.
        if resource.name not in same or repr(resource.spec) < repr(same[resource.name].spec):
            same[resource.name] = resource

    # What is there

    def of(self, kind: str) -> Iterator[Resource]:
        """The resources of a kind, by name."""
        return iter(self._resources.get(kind, {}).values())

    def get(self, kind: str, name: str) -> Resource | None:
        return self._resources.get(kind, {}).get(name)

    def was_read(self, kind: str) -> bool:
        """Return whether the kind was read in full at least once. If not, an absent resource of it says nothing."""
        if kind in self._unread:
            self._missed.add(kind)
        return kind not in self._unread

    def includes(self, *subjects: str) -> bool:
        """Return whether all of these subjects are in scope."""
        return self.options.subjects.issuperset(subjects)

    # What is desired

    def add(
        self, model: str, key: str, source: Source, subject: str, managed: Mapping[str, Value],
        create_only: Mapping[str, Value] | None = None, *, shared: bool = False,
    ) -> Ref:
        """Add a desired object, unless there is one with its key already. Returns a reference to it."""
        if key not in self._objects:
            self._objects[key] = DesiredObject(model, key, source, subject, managed, create_only or {}, shared)
        return Ref(key)

    def find(self, key: str) -> DesiredObject | None:
        return self._objects.get(key)

    def report_issue(self, resource: Resource, subject: str, code: Code, **parameters: Parameter) -> None:
        """Report what of a resource cannot be synced, unless its subject is not in scope anyway."""
        if self.includes(subject):
            self._issues[Issue(resource.source, subject, code, tuple(sorted(parameters.items())))] = None

    def report_missing(
        self, absent: str, resource: Resource, subject: str, code: Code, **parameters: Parameter,
    ) -> None:
        """Report an issue with an absent resource of this kind; nothing if the kind was never read in full."""
        if self.was_read(absent):
            self.report_issue(resource, subject, code, **parameters)

    def is_reserved(self, *what: object) -> bool:
        """Return whether this is reserved."""
        return what in self._reserved

    def reserve(self, source: Source, *what: object) -> Source | None:
        """Reserve what only one may have. Returns None, or the source that reserved it before."""
        if what in self._reserved:
            return self._reserved[what]
        self._reserved[what] = source
        return None

    def tenant(self, **create_only: Value) -> dict[str, Value]:
        """Return create-only fields, with the fabric's tenant where it has one."""
        if self.options.tenant is not None:
            create_only['tenant'] = ExistingRef('tenancy.tenant', self.options.tenant)
        return create_only

    def vrf(
        self, resource: Resource, subject: str, name: str, managed: Mapping[str, Value], *parts: str,
        source: Source | None = None,
    ) -> Ref | None:
        """Add a VRF with the fabric's name in its own. Returns None, with an issue, where its name is too long."""
        whole = in_fabric(name, self.options.fabric)
        if not usable(whole, 100):
            self.report_issue(resource, subject, Code.VRF_NAME_TOO_LONG)
            return None
        return self.add(
            'ipam.vrf', key('vrf', *parts), source or resource.source, subject,
            {'name': whole, **managed}, self.tenant(enforce_unique=True),
        )

    def slug(self, *parts: str) -> str:
        """A slug that no other fabric has."""
        return unique_slug(self.options.fabric, *parts)

    def interface(
        self, device: Device, name: str, key: str, source: Source, managed: dict[str, Value],
        create_only: dict[str, Value] | None = None, subject: str = DEVICES, *, switched: bool = False,
    ) -> Interface | None:
        """Add an interface. Returns None where the name is in use on the device, or cannot be an interface's."""
        if name in device.interfaces or not usable(name, 64):
            return None
        interface = Interface(
            device, name, key, source, subject, {'device': device.ref, **managed}, create_only or {}, switched,
        )
        device.interfaces[name] = interface
        return interface

    def finish(self) -> Desired:
        """Return all desired objects, in order, and all issues."""
        for device in self.devices.values():
            source = device.resource.source
            self.add('dcim.device', device.key, source, DEVICES, device.managed_fields, device.create_only_fields)
            for interface in device.interfaces.values():
                self.add(
                    'dcim.interface', interface.key, interface.source, interface.subject, interface.managed_fields,
                    interface.create_only_fields,
                )
        self._report_unread()
        objects = sorted(self._objects.values(), key=lambda item: _ORDER[item.model])
        sources = frozenset(item.source for same in self._resources.values() for item in same.values())
        return Desired({item.key: item for item in objects}, sorted(self._issues), sources)

    def _report_unread(self) -> None:
        """Report one issue for each kind that was needed and never read."""
        fabric = Resource('Fabric', self.options.fabric, {})
        for kind in self._missed:
            subject = VPCS if kind in _OVERLAY else DEVICES
            self.report_issue(fabric, subject, Code.KIND_NOT_SYNCED, resource_kind=kind)


def _by_name(resource: Resource) -> tuple[object, ...]:
    return resource.kind, natural(resource.name)
