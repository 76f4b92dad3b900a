"""What a fabric wants NetBox to hold: the vocabulary of the mappers, and what the planner reads.

Nothing in here knows Django. A want names a NetBox model by its label and other wanted objects by their keys, so that
it can be made, compared and tested without a database.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

__all__ = (
    'ADDRESSING', 'CABLING', 'DEVICES', 'SUBJECTS', 'VPCS', 'Desired', 'Existing', 'Options', 'Problem', 'Ref',
    'Resource', 'Source', 'Value', 'Want',
)

# The subjects of an inventory: what a fabric's settings switch on and off, and what a dry run is grouped by.
DEVICES, CABLING, ADDRESSING, VPCS = 'devices', 'cabling', 'addressing', 'vpcs'
SUBJECTS = (DEVICES, CABLING, ADDRESSING, VPCS)


@dataclass(frozen=True, slots=True, order=True)
class Ref:
    """Another wanted object of the same fabric, by its key."""

    key: str


@dataclass(frozen=True, slots=True, order=True)
class Existing:
    """An object of the operator's, named in the fabric's settings: a site, a tenant, a role."""

    model: str
    pk: int


# What a field is to hold. References of a many-to-many field, and the interfaces at one end of a cable, are a tuple.
Value = str | int | bool | None | Ref | Existing | tuple[Ref | Existing, ...]


@dataclass(frozen=True, slots=True, order=True)
class Source:
    """The custom resource that a want comes from."""

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

    @property
    def source(self) -> Source:
        return Source(self.kind, self.name)


@dataclass(frozen=True, slots=True)
class Options:
    """What a fabric's settings say of its inventory.

    `roles` gives the operator's device roles for Hedgehog's switch roles and for `server` and `gateway`, by primary
    key; a role that is not in there is wanted by name. `name_pattern` names devices: `{name}` and `{fabric}` stand for
    the resource's and the fabric's names. New devices get the `device_status`.
    """

    fabric: str
    site: int
    location: int | None = None
    tenant: int | None = None
    roles: Mapping[str, int] = field(default_factory=dict)
    name_pattern: str = '{name}'
    device_status: str = 'active'
    subjects: frozenset[str] = frozenset(SUBJECTS)


@dataclass(frozen=True, slots=True)
class Want:
    """One NetBox object that a fabric wants.

    `model` is a label such as dcim.device. `key` names the object within its fabric for ever: it is made of what the
    resource is called, never of what may change about it. `owned` fields are written while they hold what was last
    written; `initial` ones are set when the object is made, and then belong to the operator. A `shared` object (a
    device type, an ASN) is found or made, and never changed, marked or deleted.
    """

    model: str
    key: str
    source: Source
    subject: str
    owned: Mapping[str, Value]
    initial: Mapping[str, Value] = MappingProxyType({})
    shared: bool = False

    @property
    def fields(self) -> dict[str, Value]:
        """All that a new object is made with."""
        return {**self.initial, **self.owned}

    def refs(self) -> Iterator[Ref]:
        for value in self.fields.values():
            for item in value if isinstance(value, tuple) else (value,):
                if isinstance(item, Ref):
                    yield item


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """Something of a resource that cannot be carried, in a sentence that says what and why."""

    source: Source
    subject: str
    sentence: str


@dataclass(slots=True)
class Desired:
    """All that a fabric wants. Wants stand by key, each after those that it refers to. `sources` are its resources."""

    wants: dict[str, Want] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    sources: frozenset[Source] = frozenset()

    def add(self, want: Want) -> Ref:
        """Add a want, or keep the one that stands under its key already. Returns a reference to it."""
        self.wants.setdefault(want.key, want)
        return Ref(want.key)

    def complain(self, resource: Resource, subject: str, sentence: str) -> None:
        self.problems.append(Problem(resource.source, subject, sentence))

    def of(self, model: str) -> Iterable[Want]:
        return (want for want in self.wants.values() if want.model == model)
