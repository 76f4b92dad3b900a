"""Look for what was entered among the NetBox objects that the plugin manages."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from dcim.models import Device, Interface, MACAddress
from django.contrib.contenttypes.models import ContentType
from django.contrib.contenttypes.prefetch import GenericPrefetch
from django.db.models import Model, Prefetch, Q
from ipam.models import ASN, VLAN, VRF, IPAddress, Prefix

from ...hedgehog import terms
from ...hedgehog.terms import Term
from ...labels import object_label
from ...models import InventoryLink
from .answers import Part, ago
from .viewer import Viewer

__all__ = ('Managed', 'managed_objects')

# How many objects of a model are looked at.
MOST = 25

# The interface of an address.
ASSIGNED = 'assigned_object'


@dataclass(frozen=True, slots=True)
class Managed:
    """A managed object that has a term, and the link that says which resource it comes from."""

    link: InventoryLink
    object: Any
    distance: int

    @property
    def parts(self) -> list[Part]:
        """Return what it is, with a link to its page in NetBox."""
        title = str(self.object._meta.verbose_name)
        found = [Part(f'{title} '), Part(object_label(self.object), self.object.get_absolute_url()), Part(' in NetBox')]
        if where := _where(self.object):
            found.append(Part(f' ({where})'))
        if self.link.stale_since is not None:
            found.append(Part(f', stale since {ago(self.link.stale_since).removesuffix(" ago")}'))
        return found


def _where(found: Any) -> str:
    """Return what tells an object from others of the same name, of what _related() has loaded."""
    vrf = getattr(found, 'vrf', None)
    # _related() loads interfaces of devices only as far as the user may view them; it does not restrict others.
    place = getattr(found, ASSIGNED, None)
    place = place if isinstance(place, Interface) else None
    group = getattr(found, 'group', None)
    parts = (f'VRF {vrf}' if vrf else '', object_label(place) if place else '', str(group) if group else '')
    return ', '.join(filter(None, parts))


def _number(kind: str, name: str) -> Callable[[Term], Q | None]:
    return lambda term: Q(**{name: term.number}) if kind in term.numbers else None


def _names(*fields: str) -> Callable[[Term], Q | None]:
    def condition(term: Term) -> Q | None:
        found = Q()
        for name in fields:
            found |= Q(**{f'{name}__iexact': term.name})
        return found if term.name else None
    return condition


def _prefix(term: Term) -> Q | None:
    found = term.address or term.prefix
    return Q(prefix__net_contains_or_equals=str(found)) if found else None


# How each model is asked, and what a line shows of related objects.
_QUESTIONS: tuple[tuple[type[Model], Callable[[Term], Q | None], tuple[str, ...]], ...] = (
    (Device, _names('name', 'serial', 'asset_tag'), ()),
    (IPAddress, lambda term: Q(address__net_host=str(term.address)) if term.address else None, ('vrf', ASSIGNED)),
    (MACAddress, lambda term: Q(mac_address=term.mac) if term.mac else None, (ASSIGNED,)),
    (Prefix, _prefix, ('vrf',)),
    (VLAN, _number(terms.VLAN, 'vid'), ('group',)),
    (ASN, _number(terms.ASN, 'asn'), ()),
    (VRF, _names('name', 'rd'), ()),
)


def managed_objects(viewer: Viewer, term: Term) -> Iterator[Managed]:
    """Yield the managed objects that have a term, of which the user may view both the object and where it comes from.

    Two SQL statements for each model that can have it, and two for what their lines say of related objects.
    """
    for model, question, related in _QUESTIONS:
        condition = question(term)
        if condition is None:
            continue
        object_type = ContentType.objects.get_for_model(model)
        links = viewer.may_view(InventoryLink.objects).filter(object_type=object_type)
        rows = viewer.may_view(model._default_manager).filter(condition, pk__in=links.values('object_id'))
        found = {row.pk: row for row in _related(viewer, rows, related)[:MOST]}
        for link in links.filter(object_id__in=found).order_by('fabric', 'key') if found else ():
            yield Managed(link, found[link.object_id], _distance(found[link.object_id], term))


def _related(viewer: Viewer, rows: Any, names: tuple[str, ...]) -> Any:
    """Load what a line says of related objects, as far as the user may view these."""
    for name in names:
        if name == ASSIGNED:
            interfaces = viewer.may_view(Interface.objects).select_related('device')
            rows = rows.prefetch_related(GenericPrefetch(ASSIGNED, [interfaces]))
        else:
            related = rows.model._meta.get_field(name).related_model
            rows = rows.prefetch_related(Prefetch(name, viewer.may_view(related._default_manager)))
    return rows.order_by('pk')


def _distance(found: Any, term: Term) -> int:
    """Return how far an object is from a term: a prefix by how much longer an exact one were."""
    if not isinstance(found, Prefix):
        return 0
    parents = term.parents
    name = str(found.prefix)
    return parents.index(name) + bool(term.address) if name in parents else len(parents)
