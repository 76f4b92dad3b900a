"""Raise NetBox events and notifications when a fabric changes state.

Each aspect of a fabric (sync, freshness, agents, drift, removals, unsupported kinds) has a stored condition; '' means
healthy. Any process may detect a change (a sync that ends, the scheduler, a page, a command); a conditional UPDATE on
FabricCondition makes sure that exactly one reports it. Events are stored in the same transaction (outbox) and delivered
by dispatch(), again if Redis was down.

This module imports models and nothing above them, so that sync, inventory and jobs can all use it.
"""

import json
import logging
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from core.models import ObjectType
from django.db import Error as DatabaseError
from django.db import transaction
from django.db.models import F, OuterRef, Q, Subquery, TextField, Value
from django.db.models.functions import Coalesce
from django.utils import timezone
from extras.events import EventContext, process_event_rules, serialize_for_event
from extras.models import EventRule, Notification, Subscription
from netbox.events import EventType
from redis.exceptions import RedisError
from rq.timeouts import JobTimeoutException

from .choices import SyncStatusChoices
from .event_types import (
    AGENTS_BACK,
    AGENTS_UNRESPONSIVE,
    BULK_REMOVAL_PENDING,
    CABLING_RECOVERED,
    DRIFT_FOUND,
    EVENT_TYPES,
    MISCABLED,
    STALE,
    STALE_ENDED,
    SYNC_FAILED,
    SYNC_PARTIAL,
    SYNC_RECOVERED,
    UNSUPPORTED_KINDS,
)
from .labels import model_title
from .models import Fabric, FabricCondition, FabricEvent
from .models.unsupported import shown_kinds
from .naming import first_names

__all__ = (
    'AGENTS', 'AGENTS_BACK', 'AGENTS_UNRESPONSIVE', 'BULK_REMOVAL_PENDING', 'DRIFT_FOUND', 'EVENT_TYPES', 'FRESHNESS',
    'STALE', 'STALE_ENDED', 'SYNC', 'SYNC_FAILED', 'SYNC_PARTIAL', 'SYNC_RECOVERED', 'UNSUPPORTED_KINDS', 'dispatch',
    'last_notified_sync', 'names_of', 'notify_agents', 'notify_cabling', 'notify_drift', 'notify_pending_removals',
    'notify_set_change',
    'notify_transition', 'notify_unsupported_kinds', 'raise_state_events', 'raise_state_events_safely',
)

logger = logging.getLogger(__name__)

# The aspects of a fabric that have a condition.
SYNC, FRESHNESS, AGENTS, DRIFT, REMOVALS = 'sync', 'freshness', 'agents', 'drift', 'removals'
UNSUPPORTED = 'unsupported'
CABLING = 'cabling'

IS_STALE = 'stale'

# How many events of a fabric are kept.
KEPT = 500

# For how many fabrics a page or a sync raises events: after an outage of all, the next one does the others.
AT_ONCE = 10

# How many events are dispatched in one go, and the seconds after which one that a process took is taken over.
BATCH = 100
TAKEOVER_AFTER = 60

# How many names a sentence lists; the payload has all.
SHOWN = 10


def notify_transition(
    fabric_id: int, aspect: str, value: str, event_type: EventType | None, message: str, **details: Any,
) -> bool:
    """Store the condition of an aspect of a fabric and raise an event, if the condition is new.

    Takes the fabric's id; the aspect and its condition, '' for healthy; the event to raise, or None for a transition
    without a notification; a message, and further details for the payload. Returns whether this call made the
    transition: of many processes that detect the same, one does. Raises database errors. Skips a fabric that was
    deleted meanwhile.
    """
    with transaction.atomic():
        fabric = Fabric.objects.select_for_update(no_key=True).filter(pk=fabric_id).first()
        return fabric is not None and _claim(fabric, aspect, value, event_type, message, details)


@dataclass(frozen=True, slots=True)
class NameSetEvents:
    """What to raise for an aspect whose condition is a set of names that should be empty.

    `gained` is for names that are new in it, `lost` for those that left, None if nobody is notified of them. The
    sentences have the placeholders {fabric} and {names}.
    """

    aspect: str
    gained: EventType
    gained_sentence: str
    lost: EventType | None = None
    lost_sentence: str = ''


def notify_set_change(
    fabric_id: int, raised: NameSetEvents, names: Collection[str], shown: Mapping[str, str] | None = None,
    **details: Any,
) -> None:
    """Raise the events of a set of names that has changed.

    Takes the fabric's id, the events, and all names that are in the set now; `shown` maps a name to how it is displayed
    where it differs. Raises database errors.
    """
    shown = shown or {}
    value = json.dumps(sorted(names)) if names else ''
    if _last_notified(fabric_id, raised.aspect) == value:
        return  # one statement, and no lock, while nothing has changed
    with transaction.atomic():
        fabric = Fabric.objects.select_for_update(no_key=True).filter(pk=fabric_id).first()
        if fabric is None:
            return
        before = set(names_of(_last_notified(fabric_id, raised.aspect)))
        new, gone = sorted(set(names) - before), sorted(before - set(names))
        details['all'] = sorted(names)
        claimed = False
        if new:
            listed = first_names([shown.get(name, name) for name in new], SHOWN)
            message = raised.gained_sentence.format(fabric=fabric, names=listed)
            claimed = _claim(fabric, raised.aspect, value, raised.gained, message, {'names': new, **details})
        if not gone:
            return
        message = raised.lost_sentence.format(fabric=fabric, names=first_names(gone, SHOWN))
        if not claimed:
            _claim(fabric, raised.aspect, value, raised.lost, message, {'names': gone, **details})
        elif raised.lost is not None:
            # Some came, others went: one claim reports both.
            _raise(fabric, raised.lost, message, {'names': gone, **details})


def names_of(value: str) -> list[str]:
    """Return the names in the stored value of an aspect that is a set."""
    return json.loads(value) if value else []


def raise_state_events(fabric_ids: Iterable[int] | None = None, *, limit: int | None = None) -> int:
    """Raise events for fabrics whose sync or freshness has changed.

    Any process may call this at any time: it costs one SQL statement while nothing has changed. `limit` is
    the number of fabrics to handle at most, for callers that must not take long. Returns how many transitions this
    call made. Raises database errors.
    """
    overdue = Q(overdue_at__isnull=False)
    stale = Q(notified_freshness=IS_STALE)
    changed = (
        (overdue & ~stale) | (~overdue & stale)
        | (Q(sync_status__in=SyncStatusChoices.UNSUCCESSFUL) & ~Q(notified_sync=F('sync_status')))
        | (Q(sync_status=SyncStatusChoices.IN_SYNC) & ~Q(notified_sync=''))
    )
    fabrics = Fabric.objects.annotate(
        notified_sync=_value_of(SYNC), notified_freshness=_value_of(FRESHNESS), overdue_at=Fabric.overdue_since,
    ).filter(changed)
    if fabric_ids is not None:
        fabrics = fabrics.filter(pk__in=list(fabric_ids))
    return sum(_raise_state_events_of(pk) for pk in list(fabrics.order_by('pk').values_list('pk', flat=True)[:limit]))


def _value_of(aspect: str) -> Coalesce:
    values = FabricCondition.objects.filter(fabric=OuterRef('pk'), aspect=aspect).values('value')
    return Coalesce(Subquery(values[:1]), Value(''), output_field=TextField())


def _raise_state_events_of(fabric_id: int) -> int:
    """Raise events for the sync and freshness of a fabric, by its row while it is locked. Return how many."""
    with transaction.atomic():
        # A process that has locked the row raises the same events or changes it: the next call handles the rest.
        fabric = Fabric.objects.select_for_update(no_key=True, skip_locked=True).filter(pk=fabric_id).first()
        if fabric is None:
            return 0
        claimed = 0
        if fabric.sync_status == SyncStatusChoices.FAILED:
            claimed += _claim(fabric, SYNC, fabric.sync_status, SYNC_FAILED, f'{fabric}: {fabric.sync_error}', {})
        elif fabric.sync_status == SyncStatusChoices.PARTIAL:
            claimed += _claim(fabric, SYNC, fabric.sync_status, SYNC_PARTIAL, f'{fabric}: {fabric.sync_error}', {})
        elif fabric.sync_status == SyncStatusChoices.IN_SYNC:
            claimed += _claim(fabric, SYNC, '', SYNC_RECOVERED, f'Sync of {fabric} recovered.', {})
        if since := fabric.overdue_since:
            last = f'{fabric.last_sync:%Y-%m-%d %H:%M:%S} UTC' if fabric.last_sync else 'never'
            message = (
                f'Sync of {fabric} has been overdue since {since:%Y-%m-%d %H:%M:%S} UTC (last success: {last}). '
                f'Data may be out of date.'
            )
            claimed += _claim(fabric, FRESHNESS, IS_STALE, STALE, message, {})
        else:
            message = (
                f'Syncs of {fabric} are on schedule again.' if fabric.is_scheduled
                else f'{fabric} is no longer synced on schedule, so no sync is overdue.'
            )
            claimed += _claim(fabric, FRESHNESS, '', STALE_ENDED, message, {})
        return claimed


def last_notified_sync(fabric_id: int) -> str:
    """Return the last notified condition of a fabric's sync: failed, partial, or '' for healthy or unknown."""
    return _last_notified(fabric_id, SYNC)


def _last_notified(fabric_id: int, aspect: str) -> str:
    conditions = FabricCondition.objects.filter(fabric=fabric_id, aspect=aspect)
    return conditions.values_list('value', flat=True).first() or ''


def _claim(
    fabric: Fabric, aspect: str, value: str, event_type: EventType | None, message: str, details: dict[str, Any],
) -> bool:
    """Make a transition unless another process has made it. Called in a transaction that has locked the fabric."""
    now = timezone.now()
    before = _last_notified(fabric.pk, aspect)
    if before == value:
        return False
    FabricCondition.objects.bulk_create(
        [FabricCondition(fabric=fabric, aspect=aspect, value='', since=now)], ignore_conflicts=True,
    )
    unchanged = FabricCondition.objects.filter(fabric=fabric, aspect=aspect, value=before)
    claimed = unchanged.update(value=value, since=now)
    if claimed and event_type is not None:
        _raise(fabric, event_type, message, details)
    return bool(claimed)


def _raise(fabric: Fabric, event_type: EventType, message: str, details: dict[str, Any]) -> None:
    """Store an event for dispatch(), and notify people."""
    now = timezone.now()
    data = dict(serialize_for_event(fabric))
    # A receiver needs to know what happened, not every count of the sync in which it happened.
    data.pop('last_report', None)
    data.pop('kubernetes_ca_cert', None)
    data['event'] = {
        'type': event_type.name, 'kind': event_type.kind, 'message': message, 'time': now.isoformat(), **details,
    }
    FabricEvent.objects.create(
        fabric=fabric, event_type=event_type.name, created=now, message=message, data=data,
    )
    kept = FabricEvent.objects.filter(fabric=fabric).order_by('-pk').values('pk')[:KEPT]
    FabricEvent.objects.filter(fabric=fabric).exclude(pk__in=kept).delete()
    _notify(fabric, event_type)
    logger.info('%s: %s', event_type.name, message)


def _notify(fabric: Fabric, event_type: EventType) -> None:
    """Notify those who subscribed to a fabric, and its notification group. NetBox keeps one a person and object."""
    fabric_type = ObjectType.objects.get_for_model(Fabric)
    users = set(
        Subscription.objects.filter(object_type=fabric_type, object_id=fabric.pk).values_list('user', flat=True)
    )
    if fabric.notification_group is not None:
        users.update(user.pk for user in fabric.notification_group.members)
    Notification.objects.bulk_create(
        [
            Notification(
                user_id=user, object_type=fabric_type, object_id=fabric.pk, event_type=event_type.name,
                object_repr=Notification.get_object_repr(fabric),
            )
            for user in sorted(users)
        ],
        update_conflicts=True,
        unique_fields=('object_type', 'object_id', 'user'),
        update_fields=('created', 'read', 'object_repr', 'event_type'),
    )


def dispatch(limit: int = BATCH) -> int:
    """Pass stored events to NetBox's event rules, at most `limit`. Returns how many.

    Events that another process is dispatching are skipped. Raises RedisError or OSError if Redis cannot be reached;
    the next call continues. Costs one SQL statement when there is nothing to do.
    """
    now = timezone.now()
    free = Q(taken=None) | Q(taken__lt=now - timedelta(seconds=TAKEOVER_AFTER))
    pending = FabricEvent.objects.filter(free, dispatched=None).order_by('pk')
    count = 0
    for pk in list(pending.values_list('pk', flat=True)[:limit]):
        if not FabricEvent.objects.filter(free, pk=pk, dispatched=None).update(taken=now):
            continue
        event = FabricEvent.objects.select_related('fabric').filter(pk=pk).first()
        # Deleted meanwhile: with its fabric, or because newer ones are kept.
        if event is not None:
            _dispatch(event)
            count += 1
    return count


def _dispatch(event: FabricEvent) -> None:
    fabric_type = ObjectType.objects.get_for_model(Fabric)
    rules = EventRule.objects.filter(event_types__contains=[event.event_type], object_types=fabric_type, enabled=True)
    for rule in rules.exclude(pk__in=event.rules_done).order_by('pk'):
        context = EventContext(
            event_type=event.event_type, object_type=fabric_type, object_id=event.fabric_id, object=event.fabric,
            data=event.data, user=None,
        )
        try:
            process_event_rules([rule], fabric_type, context)
        except (RedisError, OSError):
            FabricEvent.objects.filter(pk=event.pk).update(taken=None)
            raise
        except JobTimeoutException:
            raise
        except Exception as error:
            # One rule that fails must neither keep the others from being processed nor be tried for ever.
            logger.exception('The event rule %s failed for %s.', rule, event.event_type)
            event.error = f'{event.error} {rule}: {type(error).__name__}: {error}'.strip()
        event.rules_done.append(rule.pk)
        # Now, not at the end: a process that continues for a killed one fires no rule twice.
        FabricEvent.objects.filter(pk=event.pk).update(rules_done=event.rules_done, error=event.error)
    FabricEvent.objects.filter(pk=event.pk).update(dispatched=timezone.now())


def raise_state_events_safely(fabric_ids: Iterable[int] | None = None, *, redis: bool = True) -> None:
    """Call raise_state_events() and dispatch(); log errors instead of raising them, as the next call tries again.

    Costs two SQL statements while nothing has changed. Redis is not used unless `redis` is set.
    """
    try:
        raise_state_events(fabric_ids, limit=AT_ONCE)
        if redis:
            dispatch(AT_ONCE)
    except (RedisError, DatabaseError, OSError) as error:
        logger.warning('Events of fabrics are delayed: %s', (str(error).splitlines() or [''])[0])


# For other modules, which pass the whole current state each time.

AGENT_EVENTS = NameSetEvents(
    AGENTS, AGENTS_UNRESPONSIVE, 'Agents of {fabric} are unresponsive: {names}.',
    AGENTS_BACK, 'Agents of {fabric} recovered: {names}.',
)
CABLING_EVENTS = NameSetEvents(
    CABLING, MISCABLED, 'Links of {fabric} have the wrong neighbor: {names}.',
    CABLING_RECOVERED, 'Links of {fabric} no longer have the wrong neighbor: {names}.',
)
DRIFT_EVENTS = NameSetEvents(DRIFT, DRIFT_FOUND, 'Discrepancies in {fabric}: {names}.')
REMOVAL_EVENTS = NameSetEvents(
    REMOVALS, BULK_REMOVAL_PENDING, 'Bulk removal in {fabric} awaiting confirmation: {names}.',
)
UNSUPPORTED_EVENTS = NameSetEvents(
    UNSUPPORTED, UNSUPPORTED_KINDS, 'This version of the plugin does not support kinds of {fabric}: {names}.',
)


def notify_agents(fabric_id: int, names: Collection[str]) -> None:
    """Raise one event for agents of a fabric that became unresponsive, and another for those that recovered."""
    notify_set_change(fabric_id, AGENT_EVENTS, names)


def notify_cabling(
    fabric_id: int, miscabled: Collection[str], unknown: Callable[[], Collection[str]],
) -> None:
    """Raise one event for links of a fabric that became miscabled, and another for those that no longer are.

    Takes all links that are miscabled now, and a function that returns all whose state is not known: those keep the
    state last notified. It is called only if any was miscabled: without LLDP no state is known.
    """
    before = set(names_of(_last_notified(fabric_id, CABLING)))
    waiting = before.intersection(unknown()) if before else set()
    notify_set_change(fabric_id, CABLING_EVENTS, {*miscabled, *waiting})


def notify_drift(fabric_id: int, names: Collection[str], **details: Any) -> None:
    """Raise an event for new discrepancies; `names` are all open ones as displayed. Resolved ones raise no event."""
    notify_set_change(fabric_id, DRIFT_EVENTS, names, **details)


def notify_pending_removals(fabric_id: int, counts: Mapping[str, int], **details: Any) -> None:
    """Raise an event for models of a fabric whose removals newly await confirmation; `counts` has all, by model.

    Models whose removals were confirmed, or are back in the fabric, raise no event.
    """
    shown = {label: f'{count} {model_title(label, count)}' for label, count in counts.items()}
    notify_set_change(fabric_id, REMOVAL_EVENTS, list(counts), shown=shown, **details)


def notify_unsupported_kinds(fabric_id: int, kinds: Sequence[dict[str, Any]]) -> None:
    """Raise an event for kinds of a fabric that are newly found to be unsupported; `kinds` has all, as stored."""
    shown = shown_kinds(kinds)
    notify_set_change(fabric_id, UNSUPPORTED_EVENTS, list(shown), shown=shown)
