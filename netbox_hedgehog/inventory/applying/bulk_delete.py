"""Delete many objects at once as delete() of NetBox's models deletes one.

Everything here knows NetBox's internals, as bulk_save.py does: what a deletion takes along, which references it clears,
and what NetBox's receivers of pre_delete and post_delete do. tests/unit/inventory/applying/test_as_netbox_deletes.py
compares it with NetBox's own delete(). An object that more hangs on than is done here is left to NetBox (`set_apart`),
and so is a whole model that has a receiver, or a delete(), that is not known here (`deletes_in_bulk`).

Objects of one model are deleted together: the change log shows counts that NetBox derives, such as a prefix's number of
children, as they were before the first one was deleted.
"""

from collections.abc import Iterable, Sequence
from typing import Any

from dcim.models import Cable, Device
from django.contrib.contenttypes.models import ContentType
from django.core.exceptions import ValidationError
from django.db import DEFAULT_DB_ALIAS, models
from django.db.models import CASCADE, RESTRICT, sql
from django.db.models.fields.reverse_related import ManyToManyRel, ManyToOneRel
from django.db.models.signals import post_delete, pre_delete
from django.utils import timezone
from extras.utils import run_validators
from netbox.config import get_config
from netbox.models.deletion import CustomCollector, DeleteMixin
from netbox.models.features import ChangeLoggingMixin
from utilities.data import get_config_value_ci

from ..planning.fields import model_of
from ..planning.model_specs import ADDRESS, CABLE, INTERFACE, MAC_ADDRESS, MODULE, MODULE_BAY, spec_of
from . import bulk_disconnect
from .side_effects import SideEffects

__all__ = ('NotInBulk', 'delete_objects', 'deletes_in_bulk', 'set_apart')

USING = DEFAULT_DB_ALIAS

# What NetBox does before and after a deletion, as far as the models of an inventory are concerned: done here.
RECEIVERS = frozenset((
    'core.signals.handle_deleted_object',
    'dcim.signals.cleanup_channel_subinterface_paths',
    'dcim.signals.nullify_connected_endpoints',
    'dcim.signals.retrace_cable_paths',
    'extras.signals.notify_object_changed',
    'ipam.signals.clear_oob_ip',
    'ipam.signals.clear_primary_ip',
    'ipam.signals.handle_prefix_deleted',
    # Does nothing outside of branches, where the plugin writes nothing.
    'netbox_branching.signal_receivers.validate_object_deletion_in_branch',
    'netbox.search.signals.removal_handler',
    'utilities.counters.post_delete_receiver',
    'utilities.counters.pre_delete_receiver',
))

# What may be deleted along with an object: rows that only say something of it.
WITH_IT = frozenset(('extras.bookmark', 'extras.subscription', 'extras.taggeditem'))
WITH_CABLES = 'dcim.cabletermination'

# References that are cleared here before their target is deleted, as NetBox does by saving the object that refers.
CLEARED = frozenset(((INTERFACE, 'bridge'), (INTERFACE, 'lag'), (INTERFACE, 'untagged_vlan')))

# The references that NetBox clears before it deletes an address.
PRIMARY = (('primary_ip4', 4), ('primary_ip6', 6), ('oob_ip', None))

# What an object's name, and its entry in the change log, ask for.
NAMED_BY = {
    INTERFACE: ('device',),
    MODULE_BAY: ('device',),
    MODULE: ('module_bay', 'module_type'),
    ADDRESS: ('assigned_object',),
    MAC_ADDRESS: ('assigned_object',),
    'vpn.l2vpntermination': ('assigned_object', 'l2vpn'),
}


class NotInBulk(Exception):
    """At least one of these objects has to be deleted by NetBox itself."""


def deletes_in_bulk(label: str) -> bool:
    """Return whether objects of a model can be deleted here: a fabric has many of them, and no receiver is foreign."""
    if spec_of(label).save_individually:
        return False
    models_of = [model_of(label)] if label != CABLE else [Cable, model_of(WITH_CABLES)]
    return all(_is_known(model) for model in models_of)


def _is_known(model: Any) -> bool:
    known = model.delete in (DeleteMixin.delete, Cable.delete) or model._meta.label_lower == WITH_CABLES
    receivers = [*pre_delete._live_receivers(model)[0], *post_delete._live_receivers(model)[0]]
    asynchronous = [*pre_delete._live_receivers(model)[1], *post_delete._live_receivers(model)[1]]
    return known and not asynchronous and all(_name(receiver) in RECEIVERS for receiver in receivers)


def _name(receiver: Any) -> str:
    return f'{getattr(receiver, "__module__", "")}.{getattr(receiver, "__qualname__", "")}'


def set_apart(label: str, pks: Sequence[int]) -> set[int]:
    """Return which of these objects NetBox itself has to delete, one by one."""
    apart: set[int] = set()
    for relation in _cleared_relations(model_of(label)):
        related, name = relation.related_model, relation.remote_field.name
        if (related._meta.label_lower, name) not in CLEARED:
            apart.update(related._default_manager.filter(**{f'{name}__in': pks}).values_list(name, flat=True))
    if label == INTERFACE:
        apart |= bulk_disconnect.channelled(pks)
    elif label == CABLE:
        apart |= bulk_disconnect.passed_through(pks)
    elif label == ADDRESS:
        apart |= _addresses_of_others(pks)
    return apart.intersection(pks)


def _cleared_relations(model: Any) -> list[Any]:
    """Return the relations that NetBox clears, with an entry in the change log, before it deletes an object."""
    found = []
    for relation in model._meta.related_objects:
        if not issubclass(relation.related_model, ChangeLoggingMixin):
            continue
        is_cleared = type(relation) is ManyToOneRel and relation.null and relation.on_delete not in (CASCADE, RESTRICT)
        if type(relation) is ManyToManyRel or is_cleared:
            found.append(relation)
    return found


def _addresses_of_others(pks: Sequence[int]) -> set[int]:
    """Return addresses of virtual machines, and of devices whose save() changes more than the address."""
    found: set[int] = set()
    machines = model_of('virtualization.virtualmachine')
    for name, family in PRIMARY:
        if family is not None:
            found.update(_values(machines, name, models.Q(**{f'{name}__in': pks})))
        elsewhere = models.Q(rack__location__isnull=False) & ~models.Q(location=models.F('rack__location'))
        unplaced = models.Q(rack__location__isnull=False, location=None)
        has_children = models.Q(devicebays__installed_device__isnull=False)
        found.update(_values(Device, name, models.Q(**{f'{name}__in': pks}) & (elsewhere | unplaced | has_children)))
    return found


def _values(model: Any, name: str, query: models.Q) -> list[int]:
    return list(model._default_manager.filter(query).values_list(name, flat=True))


def delete_objects(label: str, pks: Sequence[int], side_effects: SideEffects) -> list[Any]:
    """Delete objects of one model, in this order as far as the change log shows any. Return those that were deleted.

    None of them may be one that is `set_apart`. Raises, before anything is written, NotInBulk if more would be deleted
    with them or a protection rule prevents it, ProtectedError or RestrictedError if NetBox does not allow it.
    """
    instances = _load(label, pks)
    if not instances:
        return []
    collector = CustomCollector(using=USING, origin=instances[0])
    collector.collect(instances)
    collector.sort()
    _check(collector, label)
    _check_rules(collector)
    for found in collector.data.values():
        side_effects.notify_of_deletion(list(found))
    _clear_references(label, instances, side_effects)
    connected = bulk_disconnect.begin(collector, side_effects) if label == CABLE else None
    # In the order in which NetBox logs them: what is deleted along with the objects first.
    for model, found in collector.data.items():
        if not model._meta.auto_created:
            in_order = instances if model is type(instances[0]) else sorted(found, key=lambda item: item.pk)
            side_effects.deleted(in_order)
    _delete_rows(collector)
    if connected is not None:
        bulk_disconnect.finish(connected, side_effects)
    side_effects.after_deletion(instances)
    return instances


def _load(label: str, pks: Sequence[int]) -> list[Any]:
    """Load objects with what their entries in the change log show, and lock them until the transaction ends."""
    queryset = model_of(label)._default_manager.filter(pk__in=pks).order_by('pk').select_for_update(of=('self',))
    by_pk = {instance.pk: instance for instance in queryset.prefetch_related(*_shown(label))}
    return [by_pk[pk] for pk in pks if pk in by_pk]


def _shown(label: str) -> list[str]:
    model: Any = model_of(label)
    many = [field.name for field in model._meta.local_many_to_many]
    tags = ['tags'] if hasattr(model, 'tags') else []
    return [*many, *tags, *NAMED_BY.get(label, ())]


def _check(collector: Any, label: str) -> None:
    """Raise NotInBulk if more would be deleted than these objects and what only says something of them."""
    for model, instances in collector.data.items():
        own = model._meta.label_lower
        is_known = own == label or own in WITH_IT or (label == CABLE and own == WITH_CABLES)
        if instances and not is_known and not model._meta.auto_created:
            raise NotInBulk
    if collector.fast_deletes:
        raise NotInBulk
    # Somebody may have moved an end to a patch panel since the cables were set apart; now they are locked.
    interfaces = ContentType.objects.get_for_model(model_of(INTERFACE)).pk
    if any(end.termination_type_id != interfaces for end in collector.data.get(model_of(WITH_CABLES), ())):
        raise NotInBulk


def _check_rules(collector: Any) -> None:
    """Raise NotInBulk if a protection rule of NetBox prevents a deletion: objects change after a plan was made."""
    rules = get_config().PROTECTION_RULES
    for model, instances in collector.data.items():
        validators = get_config_value_ci(rules, model._meta.label_lower, default=[])
        if validators and any(_is_protected(instance, validators) for instance in instances):
            raise NotInBulk


def _is_protected(instance: Any, validators: Sequence[Any]) -> bool:
    try:
        run_validators(instance, validators)
    except ValidationError:
        return True
    return False


# References


def _clear_references(label: str, instances: Sequence[Any], side_effects: SideEffects) -> None:
    """Clear the references that NetBox clears by saving the object that refers: the change log has an entry of each."""
    for relation in _cleared_relations(type(instances[0])):
        related, name = relation.related_model, relation.remote_field.name
        if (related._meta.label_lower, name) in CLEARED:
            _clear(related, name, instances, side_effects)
    if label == ADDRESS:
        for name, family in PRIMARY:
            own = [item for item in instances if family is None or item.family == family]
            _clear(Device, name, own, side_effects)


def _clear(related: Any, name: str, targets: Sequence[Any], side_effects: SideEffects) -> None:
    """Clear one field wherever it refers to one of these objects.

    An object that is deleted together with its target, and before it, is not written: one by one it would be gone.
    """
    position = {instance.pk: number for number, instance in enumerate(targets)}
    together = {instance.pk: instance for instance in targets if type(instance) is related}
    queryset = related._default_manager.filter(**{f'{name}__in': list(position)}).order_by('pk')
    queryset = queryset.select_for_update(of=('self',), no_key=True)
    now = timezone.now()
    cleared = []
    for referrer in queryset.prefetch_related(*_shown(related._meta.label_lower)):
        target = getattr(referrer, f'{name}_id')
        if referrer.pk in together and position[referrer.pk] <= position[target]:
            continue
        instance = together.get(referrer.pk, referrer)
        side_effects.snapshot(instance)
        setattr(instance, name, None)
        instance.last_updated = now
        cleared.append(instance)
    side_effects.updated(cleared)
    pks = [instance.pk for instance in cleared]
    related._default_manager.filter(pk__in=pks).update(**{name: None}, last_updated=now)


# Rows


def _delete_rows(collector: Any) -> None:
    """Do to the database what the collector has found, as its own delete() does between the signals."""
    for (field, value), found in collector.field_updates.items():
        for rows in found:
            pks = _pks(rows)
            if pks:
                field.model._base_manager.filter(pk__in=pks).update(**{field.name: value})
    for model, instances in collector.data.items():
        if instances:
            sql.DeleteQuery(model).delete_batch([instance.pk for instance in instances], USING)


def _pks(rows: Iterable[Any]) -> list[int]:
    if isinstance(rows, models.QuerySet) and rows._result_cache is None:
        return list(rows.values_list('pk', flat=True))
    return [row.pk for row in rows]
