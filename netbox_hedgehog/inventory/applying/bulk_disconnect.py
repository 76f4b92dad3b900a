"""Disconnect the interfaces at the ends of cables that are deleted in bulk, as NetBox's signals do (dcim/signals.py).

A cable that a path leads through from elsewhere, over patch panels or channels, is left to NetBox, which traces anew.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from dcim.models import Cable, CablePath, CableTermination, Interface
from dcim.utils import object_to_path_node
from django.contrib.contenttypes.models import ContentType
from django.db.models import Q
from django.utils import timezone
from django_prometheus.models import model_deletes

from .side_effects import SideEffects, logged_state

__all__ = ('Connected', 'begin', 'channelled', 'finish', 'passed_through')

CONNECTION = ('cable', 'cable_end', 'cable_connector', 'cable_positions', '_path')


@dataclass(frozen=True, slots=True)
class Connected:
    """The interfaces at the ends of cables that are deleted, and the IDs of the paths over them."""

    interfaces: list[Any]
    paths: list[int]


def channelled(pks: Iterable[int]) -> set[int]:
    """Return which of these interfaces are split into channels, or are a channel: NetBox keeps their cables alike."""
    split = Interface.objects.filter(Q(channels__isnull=False) | Q(channel_id__isnull=False), pk__in=pks)
    return set(split.order_by().values_list('pk', flat=True))


def passed_through(pks: Sequence[int]) -> set[int]:
    """Return which of these cables do more than to connect interfaces with interfaces."""
    apart = set(Cable.objects.exclude(profile='').exclude(profile=None).filter(pk__in=pks).values_list('pk', flat=True))
    ends_of: dict[int, list[int]] = defaultdict(list)
    interface_type = ContentType.objects.get_for_model(Interface).pk
    terminations = CableTermination.objects.filter(cable__in=pks).order_by()
    for cable, type_id, pk in terminations.values_list('cable', 'termination_type', 'termination_id'):
        if type_id == interface_type:
            ends_of[pk].append(cable)
        else:
            apart.add(cable)
    existing = set(Interface.objects.filter(pk__in=ends_of).order_by().values_list('pk', flat=True))
    for pk in (ends_of.keys() - existing) | channelled(ends_of):
        apart.update(ends_of[pk])
    node_of = _nodes(pks)
    for path, nodes in CablePath.objects.filter(_nodes__overlap=list(node_of)).values_list('path', '_nodes'):
        is_plain = len(path) in (2, 3) and len(path[1]) == 1 and path[1][0] in node_of
        if not is_plain:
            apart.update(node_of[node] for node in nodes if node in node_of)
    return apart


def _nodes(pks: Iterable[int]) -> dict[str, int]:
    return {object_to_path_node(Cable(pk=pk)): pk for pk in pks}


def begin(collector: Any, side_effects: SideEffects) -> Connected:
    """Prepare the deletion of cables and their terminations; load the interfaces at their ends as they are before."""
    terminations = list(collector.data.get(CableTermination, ()))
    cables = {cable.pk: cable for cable in collector.data[Cable]}
    interfaces = _load({termination.termination_id for termination in terminations})
    ends: dict[int, dict[str, list[int]]] = {pk: {'A': [], 'B': []} for pk in cables}
    for termination in terminations:
        ends[termination.cable_id][termination.cable_end].append(termination.pk)
        # The caches of relations: names and entries in the change log ask for the objects.
        termination.cable = cables[termination.cable_id]
        termination.termination = interfaces[termination.termination_id]
    for pk, cable in cables.items():
        cable.serialize_object = partial(_state, cable, ends[pk])
    for interface in interfaces.values():
        side_effects.snapshot(interface)
    paths = CablePath.objects.filter(_nodes__overlap=list(_nodes(cables))).values_list('pk', flat=True)
    return Connected(list(interfaces.values()), list(paths))


def _load(pks: set[int]) -> dict[int, Any]:
    many = [field.name for field in Interface._meta.local_many_to_many]
    queryset = Interface.objects.filter(pk__in=pks).order_by('pk').select_for_update(of=('self',), no_key=True)
    return {interface.pk: interface for interface in queryset.prefetch_related('tags', 'device', *many)}


def _state(cable: Any, terminations: dict[str, list[int]], exclude: Any = None) -> dict[str, Any]:
    return logged_state(cable, a_terminations=sorted(terminations['A']), b_terminations=sorted(terminations['B']))


def finish(connected: Connected, side_effects: SideEffects) -> None:
    """Disconnect the interfaces, and delete the paths that began at them: the cables are gone."""
    now = timezone.now()
    for interface in connected.interfaces:
        for name in CONNECTION:
            setattr(interface, name, None)
        interface.last_updated = now
    side_effects.updated(connected.interfaces)
    changes: dict[str, Any] = dict.fromkeys(CONNECTION)
    ends = Interface.objects.filter(pk__in=[interface.pk for interface in connected.interfaces])
    ends.update(**changes, last_updated=now)
    paths = CablePath.objects.filter(pk__in=connected.paths)
    paths._raw_delete(paths.db)
    model_deletes.labels(CablePath._meta.model_name).inc(len(connected.paths))
