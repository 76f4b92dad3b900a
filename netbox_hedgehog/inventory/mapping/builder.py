"""What the mappers of one fabric share: its resources, its settings, and the desired objects so far."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace

from ...hedgehog.catalogs import Catalog, read_catalog
from ...hedgehog.manifest import natural, shown, usable
from ...hedgehog.rules import RULE_KINDS
from ...hedgehog.switches import AgentConfig, read_agent_config
from ...issue_codes import Code
from .names import in_fabric, key, unique_slug
from .rules import RuleValues, values_for
from .types import (
    DEVICES,
    FABRIC,
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

__all__ = ('Builder', 'Device', 'Interface', 'agent_config', 'catalog')

# Each after all that it may refer to, but for a device's primary address and an interface's LAG, parent and primary MAC
# address.
_ORDER = {model: place for place, model in enumerate((
    'dcim.manufacturer', 'dcim.devicetype', 'dcim.moduletype', 'dcim.devicerole', 'dcim.platform', 'ipam.rir',
    'ipam.asn', 'ipam.vrf', 'ipam.vlangroup', 'ipam.vlan', 'ipam.prefix', 'ipam.iprange', 'dcim.device',
    'dcim.modulebay', 'dcim.module', 'dcim.interface', 'dcim.macaddress', 'ipam.ipaddress', 'dcim.cable', 'vpn.l2vpn',
    'vpn.l2vpntermination',
))}

NO_VALUES = RuleValues()

_OVERLAY = frozenset((
    'VPC', 'VPCAttachment', 'VPCPeering', 'External', 'ExternalAttachment', 'ExternalPeering', 'IPv4Namespace',
    'VLANNamespace',
))


@dataclass(slots=True)
class Interface:
    """An interface that is still being built. Several mappers add to it."""

    device: 'Device'
    name: str
    key: str
    source: Source
    managed_fields: dict[str, Value]
    create_only_fields: dict[str, Value] = field(default_factory=dict)
    scope: str = DEVICES
    # Whether the fabric manages its VLANs.
    switched: bool = False
    # Whether its use is unknown: an unreadable Connection names it, or an attachment that cannot be determined.
    unclear: bool = False
    # The VLANs and VRFs of its untagged traffic, whether they exist or not, each with the resources that say so.
    native_vlans: dict[Ref, list[Resource]] = field(default_factory=dict)
    vrfs: dict[Ref, list[Resource]] = field(default_factory=dict)
    # See DesiredObject.
    yielding_fields: frozenset[str] = frozenset()

    @property
    def ref(self) -> Ref:
        return Ref(self.key)

    @property
    def is_contested(self) -> bool:
        """Return whether its untagged traffic is of several VLANs or VRFs: then it keeps those that it has."""
        return len(self.native_vlans) + len(self.vrfs) > 1

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
        # The source of what several resources need.
        self.source = Source(FABRIC, options.fabric)
        self._unread = frozenset(unread)
        # Kinds that were never read, and that a mapper needed.
        self._missed: set[str] = set()
        self._undetermined: set[Source] = set()
        self._kept: set[str] = set()
        self.devices: dict[tuple[str, str], Device] = {}
        self._objects: dict[str, DesiredObject] = {}
        self._issues: dict[Issue, None] = {}
        self._reserved: dict[tuple[object, ...], Source] = {}
        self._resources: dict[str, dict[str, Resource]] = {}
        # Resources that a rule excludes, by kind and name; what the rules say of each resource.
        self._excluded: dict[str, dict[str, Resource]] = {}
        self._values: dict[Source, RuleValues] = {}
        # The names that rules give to VRFs, and whether each is what the rule asked for.
        self.vrf_names: dict[Source, tuple[str, bool]] = {}
        for resource in sorted(resources, key=_by_name):
            self._take_in(resource)

    def _take_in(self, resource: Resource) -> None:
        if '/' in resource.name or not usable(resource.name, 253):
            nameless = Resource(resource.kind, shown(resource.name), {})
            self.report_issue(nameless, VPCS if resource.kind in _OVERLAY else DEVICES, Code.NAME_INVALID)
            return
        values = self._values_of(resource)
        same = (self._excluded if values.excluded_by else self._resources).setdefault(resource.kind, {})
        # Two namespaces may each have one of this name; the API accepts objects in one namespace only.
        if resource.name not in same or repr(resource.spec) < repr(same[resource.name].spec):
            same[resource.name] = resource

    def _values_of(self, resource: Resource) -> RuleValues:
        # A rule of all kinds is for those alone: without the agent or the profile of a switch, its objects are unknown.
        if resource.kind not in RULE_KINDS:
            return NO_VALUES
        values = values_for(self.options.rules, resource.kind, resource.name, resource.labels)
        if values != NO_VALUES:
            self._values[resource.source] = values
        return values

    # Resources

    def of(self, kind: str) -> Iterator[Resource]:
        """Return the resources of a kind, by name."""
        return iter(self._resources.get(kind, {}).values())

    def get(self, kind: str, name: str) -> Resource | None:
        return self._resources.get(kind, {}).get(name)

    def excluded_of(self, kind: str) -> Iterator[Resource]:
        """Return the resources of a kind that a rule excludes, by name."""
        return iter(self._excluded.get(kind, {}).values())

    def is_excluded(self, kind: str, name: str) -> bool:
        return name in self._excluded.get(kind, {})

    def get_any(self, kind: str, name: str) -> Resource | None:
        """Return a resource, whether a rule excludes it or not."""
        return self.get(kind, name) or self._excluded.get(kind, {}).get(name)

    def depends_on_excluded(self, resource: Resource, kind: str, name: str) -> bool:
        """Return whether a resource refers to one that a rule excludes: what depends on that one is no issue.

        The resource's objects that are not added are not removed either.
        """
        if not self.is_excluded(kind, name):
            return False
        self.mark_undetermined(resource)
        return True

    def values_of(self, source: Source) -> RuleValues:
        """Return what the rules say of a resource."""
        return self._values.get(source, NO_VALUES)

    def was_read(self, kind: str) -> bool:
        """Return whether the kind was synced in full at least once. If not, its resources may exist unseen."""
        if kind in self._unread:
            self._missed.add(kind)
        return kind not in self._unread

    def is_unread(self, kind: str) -> bool:
        """Return whether the kind was never read in full. No issue is reported: nothing depends on it."""
        return kind in self._unread

    def includes(self, *scopes: str) -> bool:
        """Return whether all of these scopes are in scope."""
        return self.options.scopes.issuperset(scopes)

    # Desired objects and issues

    def add(
        self, model: str, key: str, source: Source, scope: str, managed: Mapping[str, Value],
        create_only: Mapping[str, Value] | None = None, *, shared: bool = False,
    ) -> Ref:
        """Add a desired object, unless there is one with its key already. Returns a reference to it."""
        if key not in self._objects:
            self._objects[key] = DesiredObject(
                model, key, source, scope, managed, create_only or {}, shared,
                rule_fields=frozenset() if shared else self._rule_fields(source, create_only or {}),
            )
        return Ref(key)

    def _rule_fields(self, source: Source, create_only: Mapping[str, Value]) -> frozenset[str]:
        """Return the create-only fields of a resource's object whose values a rule gives."""
        values = self._values.get(source)
        if values is None:
            return frozenset()
        by_rule = {
            'site': values.site is not None, 'location': values.site is not None, 'scope': values.site is not None,
            'tenant': values.tenant is not None, 'role': values.role is not None, 'tags': bool(values.tags),
            'name': self.vrf_names.get(source, ('', False))[1],
        }
        return frozenset(name for name, is_given in by_rule.items() if is_given and name in create_only)

    def let_yield(self, key: str, fields: Collection[str]) -> None:
        """Let fields of the desired object under this key yield to those of people. See DesiredObject."""
        if fields:
            self._objects[key] = replace(self._objects[key], yielding_fields=frozenset(fields))

    def find(self, key: str) -> DesiredObject | None:
        return self._objects.get(key)

    def report_issue(self, resource: Resource, scope: str, code: Code, **parameters: Parameter) -> None:
        """Report what of a resource cannot be synced, unless its scope is disabled."""
        if self.includes(scope):
            self._issues[Issue(resource.source, scope, code, tuple(sorted(parameters.items())))] = None

    def report_missing(
        self, absent: str, resource: Resource, scope: str, code: Code, **parameters: Parameter,
    ) -> None:
        """Report an issue with an absent resource of this kind.

        If the kind was never read in full, no issue is reported, and the resource is undetermined.
        """
        if self.was_read(absent):
            self.report_issue(resource, scope, code, **parameters)
        else:
            self.mark_undetermined(resource)

    def mark_undetermined(self, resource: Resource) -> None:
        """Note that a resource may need more objects than are added: those that it has are not removed."""
        self._undetermined.add(resource.source)

    def keep(self, key: str) -> None:
        """Note that an object may be needed although it is not added: it is not removed."""
        self._kept.add(key)

    def is_reserved(self, *what: object) -> bool:
        """Return whether this is reserved."""
        return what in self._reserved

    def reserve(self, source: Source, *what: object) -> Source | None:
        """Reserve what only one object may have. Returns None, or the source that reserved it before."""
        if what in self._reserved:
            return self._reserved[what]
        self._reserved[what] = source
        return None

    def assigned(self, source: Source, **create_only: Value) -> dict[str, Value]:
        """Return create-only fields, with the tenant and tags that rules give to a resource, or the fabric's tenant."""
        values = self.values_of(source)
        tenant = self.options.tenant if values.tenant is None else values.tenant
        if tenant is not None:
            create_only['tenant'] = ExistingRef('tenancy.tenant', tenant)
        if values.tags:
            create_only['tags'] = tuple(ExistingRef('extras.tag', tag) for tag in values.tags)
        return create_only

    def site_of(self, source: Source) -> int:
        """Return the site of a resource's objects."""
        site = self.values_of(source).site
        return self.options.site if site is None else site

    def location_of(self, source: Source) -> int | None:
        """Return the location of a resource's objects: that of the rule that gives the site, or else the fabric's."""
        values = self.values_of(source)
        return self.options.location if values.site is None else values.location

    def vrf(
        self, resource: Resource, scope: str, name: str, managed: Mapping[str, Value], *parts: str,
        source: Source | None = None,
    ) -> Ref | None:
        """Add a VRF with the fabric's name in its own. Returns None, with an issue, where its name is too long.

        A name that a rule gives is an initial one.
        """
        source = source or resource.source
        given = self.vrf_names.get(source)
        whole = given[0] if given else in_fabric(name, self.options.fabric)
        if not usable(whole, 100):
            self.report_issue(resource, scope, Code.VRF_NAME_TOO_LONG)
            return None
        create_only = self.assigned(source, enforce_unique=True)
        if given:
            create_only['name'] = whole
        else:
            managed = {'name': whole, **managed}
        return self.add('ipam.vrf', key('vrf', *parts), source, scope, managed, create_only)

    def slug(self, *parts: str) -> str:
        """Return a slug that no other fabric has."""
        return unique_slug(self.options.fabric, *parts)

    def add_interface(self, interface: Interface) -> Interface | None:
        """Add an interface to its device. Returns None if its name is in use there, or invalid."""
        device, name = interface.device, interface.name
        if name in device.interfaces or not usable(name, 64):
            return None
        interface.managed_fields = {'device': device.ref, **interface.managed_fields}
        device.interfaces[name] = interface
        return interface

    @property
    def interfaces(self) -> Iterator[Interface]:
        """Return the interfaces of all devices so far."""
        return (interface for device in self.devices.values() for interface in device.interfaces.values())

    def finish(self) -> Desired:
        """Return all desired objects, in order, and all issues."""
        for device in self.devices.values():
            source = device.resource.source
            self.add('dcim.device', device.key, source, DEVICES, device.managed_fields, device.create_only_fields)
            for interface in device.interfaces.values():
                self.add(
                    'dcim.interface', interface.key, interface.source, interface.scope, interface.managed_fields,
                    interface.create_only_fields,
                )
                self.let_yield(interface.key, interface.yielding_fields)
        self._report_unread()
        objects = sorted(self._objects.values(), key=lambda item: _ORDER[item.model])
        sources = {item.source for same in self._resources.values() for item in same.values()}
        excluded = {item.source for same in self._excluded.values() for item in same.values()}
        return Desired(
            {item.key: item for item in objects}, sorted(self._issues),
            frozenset((self.source, *sources, *excluded)), frozenset(self._undetermined),
            frozenset(self._kept),
            {source: self.values_of(source).excluded_by for source in sorted(excluded)},
        )

    def _report_unread(self) -> None:
        """Report one issue for each kind that was needed and never read."""
        fabric = Resource(FABRIC, self.options.fabric, {})
        for kind in self._missed:
            scope = VPCS if kind in _OVERLAY else DEVICES
            self.report_issue(fabric, scope, Code.KIND_NOT_SYNCED, resource_kind=kind)


def _by_name(resource: Resource) -> tuple[object, ...]:
    return resource.kind, natural(resource.name)


def catalog(builder: Builder, name: str) -> Catalog:
    """Return the numbers of a Catalog: none if there is no such Catalog."""
    found = builder.get('Catalog', name)
    return read_catalog(found.spec if found else None)


def agent_config(builder: Builder, switch: str) -> AgentConfig:
    """Return the configuration of a switch's agent: nothing if there is no such Agent."""
    found = builder.get('Agent', switch)
    return read_agent_config(found.spec if found else None)
