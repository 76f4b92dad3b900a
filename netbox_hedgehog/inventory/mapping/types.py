"""Define the types of desired objects: what the mappers return and the planner reads.

Nothing in here knows Django. A desired object names a NetBox model by its label and other desired objects by their
keys, so that it can be created, compared and tested without a database.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from ...issue_codes import Code
from .rules import Rule

__all__ = (
    'ADDRESSING', 'CABLE_TYPES', 'CABLING', 'DEVICES', 'FABRIC', 'MACHINES', 'MAC_ADDRESSES', 'SCOPES', 'TRANSCEIVERS',
    'VPCS', 'WITH_LOOPBACKS', 'Desired', 'DesiredObject', 'ExistingRef', 'Issue', 'Options', 'Parameter', 'Ref',
    'Resource', 'Source', 'Value',
)

# The scopes of an inventory: what a fabric's settings enable and disable, and what a dry run is grouped by.
DEVICES, CABLING, ADDRESSING, VPCS = 'devices', 'cabling', 'addressing', 'vpcs'
# What agents report, beside what the fabric declares.
TRANSCEIVERS, MAC_ADDRESSES, CABLE_TYPES = 'transceivers', 'mac_addresses', 'cable_types'
SCOPES = (DEVICES, CABLING, ADDRESSING, VPCS, TRANSCEIVERS, MAC_ADDRESSES, CABLE_TYPES)

# The kinds whose devices may be connected to several fabrics of one site. A switch belongs to one fabric.
MACHINES = ('Gateway', 'Server')

# The kinds whose loopbacks are on those devices: what all fabrics of a device have on it in the same place.
WITH_LOOPBACKS = ('Gateway',)

# The kind of the source of what several resources need, and that no one of them defines.
FABRIC = 'Fabric'


@dataclass(frozen=True, slots=True, order=True)
class Ref:
    """Another desired object of the same fabric, by its key."""

    key: str


@dataclass(frozen=True, slots=True, order=True)
class ExistingRef:
    """An object of the operator's, named in the fabric's settings: a site, a tenant, a role."""

    model: str
    pk: int


# The parameters of an issue's sentence.
Parameter = str | int | tuple[str, ...]

# What a field is to hold. References of a many-to-many field, and the interfaces at one end of a cable, are a tuple.
Value = str | int | bool | None | Ref | ExistingRef | tuple[Ref | ExistingRef, ...]


@dataclass(frozen=True, slots=True, order=True)
class Source:
    """The custom resource that a desired object comes from."""

    kind: str
    name: str


@dataclass(frozen=True, slots=True)
class Resource:
    """A resource as a mapper reads it: the mirror's row without its bookkeeping."""

    kind: str
    name: str
    spec: Mapping[str, Any]
    status: Mapping[str, Any] = field(default_factory=dict)
    generation: int = 0
    # Loaded only where a rule has a label selector.
    labels: Mapping[str, Any] = field(default_factory=dict)
    annotations: Mapping[str, str] = field(default_factory=dict)

    @property
    def source(self) -> Source:
        return Source(self.kind, self.name)


@dataclass(frozen=True, slots=True)
class Options:
    """What a fabric's settings say of its inventory.

    `roles` gives the operator's device roles for Hedgehog's switch roles and for `server` and `gateway`, by primary
    key; any other role is found or created by name. `name_pattern` names devices: `{name}` and `{fabric}` stand for
    the resource's and the fabric's names. New devices get the `device_status`. With `only_connected_servers` a server
    that no Connection names is not needed: the fabric is one of several of its controller, which share the servers.
    What one of the `rules` says of a resource comes before these settings.
    """

    fabric: str
    site: int
    location: int | None = None
    tenant: int | None = None
    roles: Mapping[str, int] = field(default_factory=dict)
    name_pattern: str = '{name}'
    device_status: str = 'active'
    scopes: frozenset[str] = frozenset(SCOPES)
    only_connected_servers: bool = False
    rules: tuple[Rule, ...] = ()

    @property
    def needs_labels(self) -> bool:
        """Return whether the labels of resources matter."""
        return any(rule.conditions.labels for rule in self.rules)


@dataclass(frozen=True, slots=True)
class DesiredObject:
    """One NetBox object that a fabric needs.

    `model` is a label such as dcim.device. `key` identifies the object within its fabric for good: it is built from the
    names of resources, never from anything that may change about them. `managed_fields` are written while they hold
    what was last written; `create_only_fields` are set when the object is created, and then belong to the operator. A
    `shared` object (a device type, an ASN) is found or created, and never changed, marked or deleted. Where one of the
    `yielding_fields` is empty the fabric says nothing of it: a person's value is theirs, and only what was written is
    cleared; the planner knows of more such fields, by model. `rule_fields` are the create-only fields whose values come
    from a rule: existing objects get them on request.
    """

    model: str
    key: str
    source: Source
    scope: str
    managed_fields: Mapping[str, Value]
    create_only_fields: Mapping[str, Value] = MappingProxyType({})
    shared: bool = False
    yielding_fields: frozenset[str] = frozenset()
    rule_fields: frozenset[str] = frozenset()

    @property
    def fields(self) -> dict[str, Value]:
        """Return all fields that a new object is created with."""
        return {**self.create_only_fields, **self.managed_fields}

    def refs(self) -> Iterator[Ref]:
        for value in self.fields.values():
            for item in value if isinstance(value, tuple) else (value,):
                if isinstance(item, Ref):
                    yield item


@dataclass(frozen=True, slots=True, order=True)
class Issue:
    """Something of a resource that cannot be synced: a code, and parameters that are safe to show."""

    source: Source
    scope: str
    code: Code
    parameters: tuple[tuple[str, Parameter], ...] = ()


@dataclass(slots=True)
class Desired:
    """All desired objects of a fabric, by key, each after those that it refers to. `sources` are its resources.

    `undetermined` are resources whose objects are not all known, because something that they refer to cannot be mapped
    or was never read. `kept` are keys of single objects of which the same is true, or that something excluded needs.
    `excluded` are resources that a rule excludes, with the name of the rule.
    """

    objects: dict[str, DesiredObject] = field(default_factory=dict)
    issues: list[Issue] = field(default_factory=list)
    sources: frozenset[Source] = frozenset()
    undetermined: frozenset[Source] = frozenset()
    kept: frozenset[str] = frozenset()
    excluded: Mapping[Source, str] = field(default_factory=dict)

    def of(self, model: str) -> Iterable[DesiredObject]:
        return (item for item in self.objects.values() if item.model == model)
