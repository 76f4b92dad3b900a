"""Look for candidates in the mirror: few statements, whatever it holds, each with a bounded number of rows.

No table of terms is kept beside the mirror: PostgreSQL looks into the specs of the few kinds that can have a value, and
into the status of Agents and DHCPSubnets, of which it returns the entries that match. That costs some 100 ms where the
mirror has 100,000 resources, writes nothing, and is never older than the mirror.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field

from django.db.models import Case, F, IntegerField, Q, QuerySet, Value, When

from ...hedgehog.kinds import KINDS
from ...hedgehog.places import SHORTEST, contains, predicates
from ...hedgehog.sightings import (
    AGENT_OPTICS,
    AGENT_PORTS,
    AGENT_SERIAL,
    lease_conditions,
    port_condition,
    serial_condition,
)
from ...hedgehog.terms import Term
from ...models import FabricResource
from .viewer import Entries, Holds, Viewer, any_of

__all__ = ('CANDIDATES', 'Candidates', 'agents_with', 'look_up')

# How many rows a statement returns at most. Exact matches come first.
CANDIDATES = 100

# What a line does not need of a resource.
_UNUSED = ('labels', 'annotations', 'previous')
_DERIVED = [kind.name for kind in KINDS if kind.derived]

_EXISTING_FIRST = F('missing_since').asc(nulls_first=True)


@dataclass(slots=True)
class Candidates:
    """Resources that may have a term, by where: in the name, in the spec, a lease, a port or serial number.

    `named_in_all` is how many have it in their name. `is_cut`: there may be more than these.
    """

    named: list[FabricResource] = field(default_factory=list)
    named_in_all: int = 0
    holding: list[FabricResource] = field(default_factory=list)
    leasing: list[FabricResource] = field(default_factory=list)
    agents: list[FabricResource] = field(default_factory=list)
    is_cut: bool = False


def look_up(viewer: Viewer, term: Term) -> Candidates:
    """Return the candidates for a term. Five SQL statements at most."""
    found = Candidates()
    if len(term.name) >= SHORTEST:
        named = _named(viewer, term)
        found.named_in_all = named.count()
        found.named = list(_ordered(named, term)) if found.named_in_all else []
    found.holding = _rows(found, _holding(viewer, term))
    found.leasing = _rows(found, _leasing(viewer, term))
    # Each leaf sees each spine: of a switch or gateway its own name says more.
    if not any(row.name == term.name and row.kind in ('Switch', 'Gateway') for row in found.named):
        found.agents = _rows(found, agents_with(viewer, term))
    return found


def _rows(found: Candidates, rows: QuerySet | None) -> list[FabricResource]:
    """Return the first of these rows, and remember whether there are more."""
    listed = [] if rows is None else list(rows[:CANDIDATES + 1])
    found.is_cut |= len(listed) > CANDIDATES
    return listed[:CANDIDATES]


def _named(viewer: Viewer, term: Term) -> QuerySet[FabricResource]:
    return viewer.resources().filter(name__contains=term.name).order_by()


def _ordered(rows: QuerySet[FabricResource], term: Term) -> QuerySet[FabricResource]:
    """Return the first of these rows, with the `distance` of their names: 0 for the very name, 1 if it begins so."""
    distance = Case(
        When(name=term.name, then=Value(0)), When(name__startswith=term.name, then=Value(1)), default=Value(2),
        output_field=IntegerField(),
    )
    follows = Case(When(kind__in=_DERIVED, then=Value(1)), default=Value(0), output_field=IntegerField())
    ordered = rows.annotate(distance=distance).order_by('distance', follows, _EXISTING_FIRST, 'name', 'kind', 'fabric')
    return ordered.defer('status', *_UNUSED)[:CANDIDATES]


def _holding(viewer: Viewer, term: Term) -> QuerySet[FabricResource] | None:
    """Return the resources whose spec may have a term."""
    # The kind first: it is cheaper to compare.
    conditions = [Q(kind=kind) & Q(Holds('spec', predicate)) for kind, predicate in predicates(term).items()]
    if not conditions:
        return None
    rows = viewer.resources().filter(any_of(conditions))
    return rows.order_by(_EXISTING_FIRST, 'fabric', 'kind', 'name').defer('status', *_UNUSED)


def _leasing(viewer: Viewer, term: Term) -> QuerySet[FabricResource] | None:
    """Return the DHCP subnets with a lease that may be meant, with these as `entries`."""
    path, has, exact = lease_conditions(term)
    if not path:
        return None
    rows = viewer.resources().filter(Q(kind='DHCPSubnet') & Q(Holds('status', has)))
    is_exact = Case(When(Holds('status', exact), then=Value(0)), default=Value(1))
    return rows.annotate(entries=Entries('status', path)).order_by(
        is_exact, _EXISTING_FIRST, 'fabric', 'name',
    ).defer('status', *_UNUSED)


def agents_with(viewer: Viewer, term: Term, macs: Iterable[str] = ()) -> QuerySet[FabricResource] | None:
    """Return the Agents that report a term, or one of these MAC addresses, and the entries that do.

    These are `entries` for ports, `optics` for transceivers, and `serials`. None if no Agent can.
    """
    ports, optics = port_condition(term, macs), '' if macs else serial_condition(term)
    conditions = [f'exists({AGENT_PORTS}.* ? ({ports}))'] if ports else []
    if optics:
        conditions.append(f'exists({AGENT_SERIAL} ? ({contains("@", term.name)}))')
        conditions.append(f'exists({AGENT_OPTICS}.* ? ({optics}))')
    if not conditions:
        return None
    rows = viewer.resources().filter(Q(kind='Agent') & Q(Holds('status', ' || '.join(conditions))))
    ports, optics = port_condition(term, macs, '@.value'), '' if macs else serial_condition(term, '@.value')
    return rows.annotate(
        entries=Entries('status', _entries(AGENT_PORTS, ports)), serials=Entries('status', AGENT_SERIAL),
        optics=Entries('status', _entries(AGENT_OPTICS, optics)),
    ).order_by(_EXISTING_FIRST, 'fabric', 'name').defer('spec', 'status', *_UNUSED)


def _entries(path: str, condition: str) -> str:
    """Return the jsonpath to the entries of an object for which a condition holds; to nothing without one."""
    return f'{path}.keyvalue() ? ({condition})' if condition else '$.none'
