"""Do for many objects at once what NetBox's signals do after each save(), and before and after each delete().

bulk_create() sends no signals, nor does a bulk deletion. Everything that NetBox 4.7 hangs on post_save for a new object
of the models of an inventory is in here or in bulk_save.py: change log and events (core/signals.py), search index
(netbox/search), counters (utilities/counters.py), rendered config contexts (extras/signals.py), metrics; and what it
does to the interfaces at the ends of a new cable. What it hangs on pre_delete and post_delete is in here or in
bulk_delete.py and bulk_disconnect.py. Objects that exist are saved by NetBox itself.
"""

import json
from collections import Counter, defaultdict
from collections.abc import Iterable
from functools import cache, partial
from typing import Any

from core.choices import ObjectChangeActionChoices
from core.events import OBJECT_CREATED, OBJECT_DELETED, OBJECT_UPDATED
from core.models import ObjectChange
from core.signals import _signals_received
from django.conf import settings
from django.contrib.contenttypes.models import ContentType
from django.core.serializers.json import DjangoJSONEncoder
from django.db import models
from django.db.models import F
from django.utils.encoding import is_protected_type
from django_prometheus.models import model_deletes, model_inserts, model_updates
from extras.cache import invalidate_config_context_for_objects
from extras.events import enqueue_event
from extras.models import CachedValue, EventRule, Subscription
from extras.signals import notify_object_changed
from netbox.config import get_config
from netbox.context import events_queue
from netbox.models.features import ChangeLoggingMixin
from netbox.registry import registry
from netbox.search import get_indexer
from netbox.search.backends import CachedValueSearchBackend, search_backend
from utilities.serialization import serialize_object

from ...branching import record_conflicts
from .event_rules import EVENT_RULES

__all__ = (
    'BATCH', 'SideEffects', 'loaded_queryset', 'logged_state', 'nothing_related', 'prefetched',
    'serialize_from_cache',
)

BATCH = 1000

DEVICE = 'dcim.device'


class SideEffects:
    """The side effects of one request's writes: collected for each object as it is written, and done in bulk."""

    def __init__(self, request: Any) -> None:
        self.request = request
        self._types_with_rules: set[int] | None = None
        self._created: dict[type[models.Model], list[models.Model]] = defaultdict(list)

    def created(self, instances: list[Any]) -> None:
        """Do what follows the creation of these; their many-to-many fields are in `_prefetched_objects_cache`."""
        if not instances:
            return
        self._log_changes(instances, ObjectChangeActionChoices.ACTION_CREATE)
        self._enqueue_events(instances, OBJECT_CREATED)
        self._count(instances, 1)
        model = type(instances[0])
        if model._meta.label_lower == DEVICE:
            invalidate_config_context_for_objects(DEVICE, [instance.pk for instance in instances])
        model_inserts.labels(model._meta.model_name).inc(len(instances))
        self._created[model] += instances

    def updated(self, instances: list[Any]) -> None:
        """Do what follows the connection of these interfaces. The search index shows nothing of it.

        Each has the snapshot of what it was before.
        """
        if not instances:
            return
        self._log_changes(instances, ObjectChangeActionChoices.ACTION_UPDATE)
        self._enqueue_events(instances, OBJECT_UPDATED)
        model = type(instances[0])
        for instance in self._subscribed(instances):
            notify_object_changed(model, instance, created=False)
        for instance in instances:
            # It is no longer needed; for thousands of objects it would use more memory than they do.
            instance.__dict__.pop('_prechange_snapshot', None)
        model_updates.labels(model._meta.model_name).inc(len(instances))

    @staticmethod
    def snapshot(instance: Any) -> None:
        """Keep what an object is before a change, without a query for what is loaded."""
        serialize_from_cache(instance)
        instance.snapshot()

    def deleted(self, instances: list[Any]) -> None:
        """Do what precedes the deletion of these, which are all of one model."""
        if not instances:
            return
        model = type(instances[0])
        content_type = ContentType.objects.get_for_model(model)
        if not hasattr(_signals_received, 'pre_delete'):
            _signals_received.pre_delete = set()
        # NetBox deletes some objects itself, and asks which are gone already.
        _signals_received.pre_delete.update((content_type, instance.pk) for instance in instances)
        if issubclass(model, ChangeLoggingMixin):
            self._log_changes(instances, ObjectChangeActionChoices.ACTION_DELETE)
            self._enqueue_events(instances, OBJECT_DELETED)
        for instance in instances:
            instance.__dict__.pop('_prechange_snapshot', None)
        model_deletes.labels(model._meta.model_name).inc(len(instances))

    def notify_of_deletion(self, instances: list[Any]) -> None:
        """Notify the users who have subscribed to one of these, which are all of one model."""
        for instance in self._subscribed(instances):
            notify_object_changed(type(instance), instance)

    def after_deletion(self, instances: list[Any]) -> None:
        """Do what follows the deletion of these: counters, and the search index without a job for it."""
        self._count(instances, -1)
        pks = [instance.pk for instance in instances]
        try:
            indexer = get_indexer(instances[0])
        except KeyError:
            return
        if not isinstance(search_backend, CachedValueSearchBackend):
            for instance in instances:
                search_backend.remove(instance)
            return
        content_type = ContentType.objects.get_for_model(indexer.model)
        rows = CachedValue.objects.filter(object_type_id=content_type.pk, object_id__in=pks)
        rows._raw_delete(rows.db)

    @staticmethod
    def _subscribed(instances: list[Any]) -> list[Any]:
        """Return those of these objects that somebody has subscribed to."""
        if not instances:
            return []
        subscribed = set(Subscription.objects.filter(
            object_type=ContentType.objects.get_for_model(type(instances[0])),
            object_id__in=[instance.pk for instance in instances],
        ).values_list('object_id', flat=True))
        return [instance for instance in instances if instance.pk in subscribed]

    def finish(self) -> None:
        """Add what was created to the search index: once, with the last state of each object."""
        for instances in self._created.values():
            search_backend.cache(instances, remove_existing=False)
        self._created.clear()

    def _log_changes(self, instances: list[Any], action: str) -> None:
        # An entry uses more memory than its object: at most one batch at a time.
        for start in range(0, len(instances), BATCH):
            self._log_batch(instances[start:start + BATCH], action)

    def _log_batch(self, instances: list[Any], action: str) -> None:
        changes = []
        for instance in instances:
            serialize_from_cache(instance)
            if action == ObjectChangeActionChoices.ACTION_DELETE:
                instance.snapshot()
            change = instance.to_objectchange(action)
            if action == ObjectChangeActionChoices.ACTION_UPDATE and not change.has_changes:
                continue
            change.user, change.user_name = self.request.user, self.request.user.username
            change.request_id = self.request.id
            changes.append(change)
        ObjectChange.objects.bulk_create(changes, batch_size=BATCH)
        record_conflicts(changes)

    def _enqueue_events(self, instances: list[Any], event_type: str) -> None:
        if not self._has_receivers(type(instances[0])):
            return
        queue = events_queue.get()
        for instance in instances:
            enqueue_event(queue, instance, self.request, event_type)
        events_queue.set(queue)

    def _has_receivers(self, model: type[models.Model]) -> bool:
        """Return whether anything may receive events of this model: an event for each of many objects is not free.

        Any event rule of the model counts, whatever event it is for: NetBox merges all that a request does to an object
        into one event, and its type is known only in the end.
        """
        if list(settings.EVENTS_PIPELINE) != [EVENT_RULES]:
            return True
        if self._types_with_rules is None:
            rules = EventRule.objects.filter(enabled=True)
            self._types_with_rules = set(rules.values_list('object_types', flat=True))
        return ContentType.objects.get_for_model(model).pk in self._types_with_rules

    @staticmethod
    def _count(instances: list[Any], sign: int) -> None:
        """Change the counters of the objects that these belong to: one SQL statement per different number."""
        model = type(instances[0])
        for field_name, counter_name in registry['counter_fields'][model].items():
            parent: Any = model._meta.get_field(field_name).related_model
            counts = Counter(pk for instance in instances if (pk := getattr(instance, field_name)) is not None)
            by_count = defaultdict(list)
            for pk, count in counts.items():
                by_count[count].append(pk)
            for count, pks in by_count.items():
                parent.objects.filter(pk__in=pks).update(**{counter_name: F(counter_name) + sign * count})


def logged_state(instance: Any, **extra: Any) -> dict[str, Any]:
    """Return an object as the change log shows it, with what its own serialization would query."""
    exclude = ['last_updated'] if get_config().CHANGELOG_SKIP_EMPTY_CHANGES else []
    return {**serialize_object(instance, exclude=exclude), **extra}


def serialize_from_cache(instance: Any) -> None:
    """Serialize an object whose related objects are loaded, without a queryset for each of them.

    The result is what NetBox's own serialize_object() gives; a model that has one of its own keeps it.
    """
    if type(instance).serialize_object is ChangeLoggingMixin.serialize_object:
        instance.serialize_object = partial(_serialize, instance)


def _serialize(instance: Any, exclude: Any = None) -> dict[str, Any]:
    model = type(instance)
    related = prefetched(instance)
    many = [field for field in model._meta.local_many_to_many if field.serialize and field.name != 'tags']
    if any(field.name not in related for field in many) or (hasattr(model, 'tags') and 'tags' not in related):
        return serialize_object(instance, exclude=exclude or [])
    plain: dict[str, Any] = {}
    for field in model._meta.local_fields:
        if field.serialize:
            value = field.value_from_object(instance)
            plain[field.name] = value if is_protected_type(value) else field.value_to_string(instance)
    data: dict[str, Any] = json.loads(json.dumps(plain, cls=DjangoJSONEncoder))
    for field in many:
        data[field.name] = [item.pk for item in related[field.name]]
    if 'custom_field_data' in data:
        data['custom_fields'] = data.pop('custom_field_data')
    if 'tags' in related:
        data['tags'] = sorted(tag.name for tag in related['tags'])
    return {name: value for name, value in data.items() if name not in (exclude or ())}


def nothing_related(instance: Any) -> None:
    """Cache on a new object that it has no tags and empty many-to-many fields, so that it queries nothing."""
    model = type(instance)
    for field in model._meta.many_to_many:
        prefetched(instance)[field.name] = _empty_queryset(field.related_model)
    if hasattr(model, 'tags'):
        prefetched(instance)['tags'] = _empty_queryset(model._meta.get_field('tags').related_model)


@cache
def _empty_queryset(model: Any) -> Any:
    """Return a queryset without objects: one for all that have none, because each would use kilobytes."""
    return loaded_queryset(model, ())


def loaded_queryset(model: Any, pks: Iterable[int]) -> Any:
    """Return a queryset of objects of which only the IDs are known, and that queries nothing."""
    queryset = model._default_manager.all()
    queryset._result_cache = [model(pk=pk) for pk in pks]
    return queryset


def prefetched(instance: Any) -> dict[str, Any]:
    """Return what is prefetched for an instance, by field: changes of it count."""
    cache: dict[str, Any] = instance.__dict__.setdefault('_prefetched_objects_cache', {})
    return cache
