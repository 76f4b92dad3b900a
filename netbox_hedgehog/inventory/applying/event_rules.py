"""Pass the changes of an inventory sync to NetBox's event rules, as NetBox does with those of a request.

NetBox gives the changes of a request to the functions of EVENTS_PIPELINE; the only one by default passes them to the
event rules. A rule that raises ends that, and the request, with an error: all later events are lost. Here thousands of
objects may be written by one request, so each rule is called for each event, whether the others failed or not.
"""

import logging
import uuid
from collections import Counter, defaultdict
from collections.abc import Iterable
from itertools import batched
from typing import Any

from core.events import OBJECT_DELETED
from core.models import ObjectType
from django.conf import settings
from django.db import models
from django.http import HttpRequest
from django.utils.module_loading import import_string
from extras.events import EventContext, process_event_rules
from extras.models import EventRule
from netbox.api.exceptions import SerializerNotFound
from netbox.context import events_queue
from redis.exceptions import RedisError
from rq.timeouts import JobTimeoutException
from utilities.api import get_prefetches_for_serializer, get_serializer_for_model
from utilities.request import copy_safe_request

from ...accounts import AnyUser

__all__ = ('EVENT_RULES', 'make_request', 'process_queued_events')

logger = logging.getLogger(__name__)

# NetBox's own member of EVENTS_PIPELINE, which passes events to the event rules.
EVENT_RULES = 'extras.events.process_event_queue'

BATCH = 1000


def make_request(user: AnyUser) -> Any:
    """Return a request for changes that no HTTP request asks for, made by this user under an ID of its own.

    NetBox pickles it for webhooks and scripts. copy_safe_request() knows what it must have for that.
    """
    request = HttpRequest()
    request.user, request.id, request.method = user, uuid.uuid4(), 'POST'
    return copy_safe_request(request)


def process_queued_events() -> list[str]:
    """Pass the queued events of the current request to NetBox's event rules, and empty the queue.

    To be called after the commit. Returns a sentence for each rule that failed. Raises nothing but the time-out of the
    job: the changes are made, whatever their receivers do.
    """
    events = list((events_queue.get() or {}).values())
    events_queue.set({})
    if not events:
        return []
    failures = Failures()
    try:
        events = _with_current_objects(events)
    except JobTimeoutException:
        raise
    except Exception as error:
        failures.add('Events', error, len(events))
        return failures.sentences
    for name in settings.EVENTS_PIPELINE:
        if name == EVENT_RULES:
            _process_event_rules(events, failures)
        else:
            _call_consumer(name, events, failures)
    return failures.sentences


class Failures:
    """Failures of event rules: the first one is logged with its traceback, the others are counted."""

    def __init__(self) -> None:
        self._counts: Counter[str] = Counter()

    def add(self, what: str, error: Exception, count: int = 1) -> None:
        sentence = f'{what} failed: {type(error).__name__}: {(str(error).splitlines() or [""])[0][:300]}'
        if sentence not in self._counts:
            logger.error(sentence, exc_info=error)
        self._counts[sentence] += count

    @property
    def sentences(self) -> list[str]:
        return [
            f'{sentence} ({count} {"event" if count == 1 else "events"})' for sentence, count in self._counts.items()
        ]


def _with_current_objects(events: list[Any]) -> list[Any]:
    """Return the events that match the database, with their objects as they are now.

    An object is written in several steps, and some of its related objects were loaded by their IDs alone: neither is
    what a receiver should get. An object whose creation or deletion was rolled back is no event.
    """
    pks: dict[type[models.Model], list[int]] = defaultdict(list)
    for event in events:
        pks[type(event['object'])].append(event['object_id'])
    found = {model: _load(model, wanted) for model, wanted in pks.items()}
    current = []
    for event in events:
        instance = found[type(event['object'])].get(event['object_id'])
        if event['event_type'] == OBJECT_DELETED:
            if instance is None:
                current.append(event)
        elif instance is not None:
            current.append(EventContext({**event.data, 'object': instance}))
    return current


def _load(model: Any, pks: list[int]) -> dict[int, Any]:
    queryset = model._default_manager.prefetch_related(*_prefetches(model))
    return {instance.pk: instance for part in batched(pks, BATCH) for instance in queryset.filter(pk__in=part)}


def _prefetches(model: Any) -> list[str]:
    """Return what an object's serializer reads: a statement for all objects, and not for each."""
    try:
        return get_prefetches_for_serializer(get_serializer_for_model(model))
    except SerializerNotFound:
        return []


def _process_event_rules(events: Iterable[Any], failures: Failures) -> None:
    rules: dict[tuple[str, int], list[EventRule]] = {}
    # Types of action that need a Redis that is away: each further try would take seconds.
    unreachable: dict[str, Exception] = {}
    for event in events:
        object_type, event_type = event['object_type'], event['event_type']
        if (event_type, object_type.pk) not in rules:
            rules[event_type, object_type.pk] = _rules_for(event_type, object_type)
        for rule in rules[event_type, object_type.pk]:
            if rule.action_type in unreachable:
                failures.add(f'Event rule {rule}', unreachable[rule.action_type])
                continue
            try:
                process_event_rules([rule], object_type, event)
            except JobTimeoutException:
                raise
            except (RedisError, OSError) as error:
                unreachable[rule.action_type] = error
                failures.add(f'Event rule {rule}', error)
            except Exception as error:
                failures.add(f'Event rule {rule}', error)


def _rules_for(event_type: str, object_type: ObjectType) -> list[EventRule]:
    return list(EventRule.objects.filter(
        event_types__contains=[event_type], object_types=object_type, enabled=True,
    ))


def _call_consumer(name: str, events: list[Any], failures: Failures) -> None:
    try:
        import_string(name)(events)
    except JobTimeoutException:
        raise
    except Exception as error:
        failures.add(f'Events pipeline {name}', error)
