"""What the mappers of one fabric share while they work: its resources, its settings, and what is wanted so far."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from ...hedgehog.manifest import natural, shown, usable
from .names import in_fabric, key, unique_slug
from .types import DEVICES, VPCS, Desired, Existing, Options, Problem, Ref, Resource, Source, Value, Want

__all__ = ('Device', 'Draft', 'Interface')

# Each after all that it may refer to, but for a device's primary address and an interface's LAG and parent.
_ORDER = {model: place for place, model in enumerate((
    'dcim.manufacturer', 'dcim.devicetype', 'dcim.devicerole', 'dcim.platform', 'ipam.rir', 'ipam.asn', 'ipam.vrf',
    'ipam.vlangroup', 'ipam.vlan', 'ipam.prefix', 'ipam.iprange', 'dcim.device', 'dcim.interface', 'ipam.ipaddress',
    'dcim.cable', 'vpn.l2vpn', 'vpn.l2vpntermination',
))}

_OVERLAY = frozenset(('VPC', 'VPCAttachment', 'External', 'ExternalAttachment', 'IPv4Namespace', 'VLANNamespace'))


@dataclass(slots=True)
class Interface:
    """An interface that is still being drawn: several mappers have a say in one."""

    device: 'Device'
    name: str
    key: str
    source: Source
    subject: str
    owned: dict[str, Value]
    initial: dict[str, Value]
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
    """A device that is still being drawn, with its interfaces by name."""

    resource: Resource
    key: str
    owned: dict[str, Value]
    initial: dict[str, Value]
    interfaces: dict[str, Interface] = field(default_factory=dict)

    @property
    def ref(self) -> Ref:
        return Ref(self.key)

    @property
    def is_switch(self) -> bool:
        return self.resource.kind == 'Switch'

    def __str__(self) -> str:
        return self.resource.name


class Draft:
    """A fabric on its way from resources to wants.

    Everything is read in an order that follows from names alone, so that what is wanted does not depend on the order
    in which the resources came.
    """

    def __init__(
        self, resources: Iterable[Resource], options: Options, unread: Collection[str] = (),
    ) -> None:
        self.options = options
        self._unread = frozenset(unread)
        # Kinds that were never read, and that a mapper needed.
        self._missed: set[str] = set()
        self.devices: dict[tuple[str, str], Device] = {}
        self._wants: dict[str, Want] = {}
        self._problems: dict[Problem, None] = {}
        self._taken: dict[tuple[object, ...], Source] = {}
        self._resources: dict[str, dict[str, Resource]] = {}
        for resource in sorted(resources, key=_by_name):
            self._take_in(resource)

    def _take_in(self, resource: Resource) -> None:
        if '/' in resource.name or not usable(resource.name, 253):
            self.complain(
                Resource(resource.kind, shown(resource.name), {}), VPCS if resource.kind in _OVERLAY else DEVICES,
                'Its name is not one that Kubernetes gives: it is not carried.',
            )
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

    def carries(self, *subjects: str) -> bool:
        """Whether all of these subjects are switched on."""
        return self.options.subjects.issuperset(subjects)

    # What is wanted

    def want(
        self, model: str, key: str, source: Source, subject: str, owned: Mapping[str, Value],
        initial: Mapping[str, Value] | None = None, *, shared: bool = False,
    ) -> Ref:
        """Want an object, unless one is wanted under its key already. Returns a reference to it."""
        if key not in self._wants:
            self._wants[key] = Want(model, key, source, subject, owned, initial or {}, shared)
        return Ref(key)

    def wanted(self, key: str) -> Want | None:
        return self._wants.get(key)

    def complain(self, resource: Resource, subject: str, sentence: str) -> None:
        """Record what of a resource cannot be carried, unless its subject is switched off anyway."""
        if self.carries(subject):
            self._problems[Problem(resource.source, subject, sentence)] = None

    def complain_absence(self, kind: str, resource: Resource, subject: str, sentence: str) -> None:
        """Record what cannot be carried as a resource of this kind is absent; nothing if the kind was never read."""
        if self.was_read(kind):
            self.complain(resource, subject, sentence)

    def claimed(self, *what: object) -> bool:
        """Return whether somebody has taken this."""
        return what in self._taken

    def claim(self, source: Source, *what: object) -> Source | None:
        """Take what only one may have, once. Returns None, or the source that has taken it before."""
        if what in self._taken:
            return self._taken[what]
        self._taken[what] = source
        return None

    def tenant(self, **initial: Value) -> dict[str, Value]:
        """Initial fields, with the fabric's tenant where it has one."""
        if self.options.tenant is not None:
            initial['tenant'] = Existing('tenancy.tenant', self.options.tenant)
        return initial

    def vrf(
        self, resource: Resource, subject: str, name: str, owned: Mapping[str, Value], *parts: str,
        source: Source | None = None,
    ) -> Ref | None:
        """A VRF with the fabric's name in its own. Returns None, with a problem, where its name is too long."""
        whole = in_fabric(name, self.options.fabric)
        if not usable(whole, 100):
            self.complain(
                resource, subject, 'Its name is too long for a VRF, which takes 100 characters: it is not carried.',
            )
            return None
        return self.want(
            'ipam.vrf', key('vrf', *parts), source or resource.source, subject,
            {'name': whole, **owned}, self.tenant(enforce_unique=True),
        )

    def slug(self, *parts: str) -> str:
        """A slug that no other fabric has."""
        return unique_slug(self.options.fabric, *parts)

    def interface(
        self, device: Device, name: str, key: str, source: Source, owned: dict[str, Value],
        initial: dict[str, Value] | None = None, subject: str = DEVICES, *, switched: bool = False,
    ) -> Interface | None:
        """Draw an interface. Returns None where the name is in use on the device, or cannot be an interface's."""
        if name in device.interfaces or not usable(name, 64):
            return None
        drawn = Interface(
            device, name, key, source, subject, {'device': device.ref, **owned}, initial or {}, switched,
        )
        device.interfaces[name] = drawn
        return drawn

    def finish(self) -> Desired:
        """All that is wanted, in order."""
        for device in self.devices.values():
            source = device.resource.source
            self.want('dcim.device', device.key, source, DEVICES, device.owned, device.initial)
            for drawn in device.interfaces.values():
                self.want('dcim.interface', drawn.key, drawn.source, drawn.subject, drawn.owned, drawn.initial)
        self._complain_unread()
        wants = sorted(self._wants.values(), key=lambda want: _ORDER[want.model])
        sources = frozenset(item.source for same in self._resources.values() for item in same.values())
        return Desired({want.key: want for want in wants}, sorted(self._problems), sources)

    def _complain_unread(self) -> None:
        """Record one problem for each kind that was needed and never read."""
        fabric = Resource('Fabric', self.options.fabric, {})
        for kind in self._missed:
            self.complain(fabric, VPCS if kind in _OVERLAY else DEVICES, (
                f'No sync has read all {kind} resources yet. What depends on them is left as it is in NetBox.'
            ))


def _by_name(resource: Resource) -> tuple[object, ...]:
    return resource.kind, natural(resource.name)
