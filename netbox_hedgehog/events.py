"""What the plugin tells: events for NetBox's event rules, and notifications, each once a transition.

A subject of a fabric (its sync, its freshness, its agents) has a value, empty while all is well. Whoever sees that it
is another than the one last told (a run that ends, the scheduler's beat, a page, a command) claims the transition with
one conditional UPDATE; who comes second finds nothing to claim. The same transaction writes the notifications and a
FabricEvent with the payload, and dispatch() gives that to NetBox's event rules afterwards: at once where Redis
answers, and else as soon as somebody looks again.

This room knows models and nothing right of them, so that sync, inventory and jobs can all tell something: tell(),
tell_names(), and what is made of them at the end of this file.
"""

import json
import logging
from collections.abc import Collection, Iterable, Mapping
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
    AGENTS_SILENT,
    DRIFT_FOUND,
    EVENT_TYPES,
    MASS_REMOVAL_HELD,
    STALE,
    STALE_ENDED,
    SYNC_FAILED,
    SYNC_PARTIAL,
    SYNC_RECOVERED,
)
from .labels import model_title
from .models import Fabric, FabricCondition, FabricEvent

__all__ = (
    'AGENTS', 'AGENTS_BACK', 'AGENTS_SILENT', 'DRIFT_FOUND', 'EVENT_TYPES', 'FRESHNESS', 'MASS_REMOVAL_HELD', 'STALE',
    'STALE_ENDED', 'SYNC', 'SYNC_FAILED', 'SYNC_PARTIAL', 'SYNC_RECOVERED', 'dispatch', 'names_of', 'notice', 'tell',
    'tell_agents', 'tell_drift', 'tell_held_removals', 'tell_names', 'told_sync', 'watch',
)

logger = logging.getLogger(__name__)

# Subjects.
SYNC, FRESHNESS, AGENTS, DRIFT, REMOVALS = 'sync', 'freshness', 'agents', 'drift', 'removals'

IS_STALE = 'stale'

# How many events of a fabric are kept.
KEPT = 500

# How many fabrics a page or a run tells of before it goes on: after an outage of all, each look tells of some more.
AT_ONCE = 10

# How many events are dispatched in one go, and the seconds after which one that a process took counts as left behind.
BATCH = 100
LEFT_BEHIND = 60

# How many names a sentence lists; the payload has all.
SHOWN = 10


def tell(
    fabric_id: int, subject: str, value: str, event_type: EventType | None, message: str, **details: Any,
) -> bool:
    """Tell that a subject of a fabric has a value now, if that is new.

    Takes the fabric's id; the subject and its value, empty while all is well; the event to raise, or None where this
    transition is none that people are told of; a sentence, and whatever else the payload should say. Returns whether
    this call made the transition: of many that see the same, one does. Raises what the database raises. A fabric that
    was deleted meanwhile is left alone.
    """
    with transaction.atomic():
        fabric = Fabric.objects.select_for_update(no_key=True).filter(pk=fabric_id).first()
        return fabric is not None and _claim(fabric, subject, value, event_type, message, details)


def tell_names(
    fabric_id: int, subject: str, names: Collection[str], sentence: str, gained: EventType,
    lost: EventType | None = None, lost_sentence: str = '', shown: Mapping[str, str] | None = None, **details: Any,
) -> None:
    """Tell of a set that should be empty: `gained` for names that are new in it, `lost` for those that left it.

    Takes the fabric's id, the subject, and all the names that are in the set now. The sentences have the places
    {fabric} and {names}; `shown` says how a name is written there, where that is another than the name itself. Raises
    what the database raises.
    """
    shown = shown or {}
    value = json.dumps(sorted(names)) if names else ''
    with transaction.atomic():
        fabric = Fabric.objects.select_for_update(no_key=True).filter(pk=fabric_id).first()
        if fabric is None:
            return
        before = set(names_of(_told(fabric_id, subject)))
        new, gone = sorted(set(names) - before), sorted(before - set(names))
        details['all'] = sorted(names)
        claimed = False
        if new:
            message = sentence.format(fabric=fabric, names=_listed([shown.get(name, name) for name in new]))
            claimed = _claim(fabric, subject, value, gained, message, {'names': new, **details})
        if gone and not claimed:
            message = lost_sentence.format(fabric=fabric, names=_listed(gone))
            _claim(fabric, subject, value, lost, message, {'names': gone, **details})
        elif gone and lost is not None:
            # Some came, others went: the one claim tells both.
            message = lost_sentence.format(fabric=fabric, names=_listed(gone))
            _raise(fabric, lost, message, {'names': gone, **details})


def names_of(value: str) -> list[str]:
    """The names in the stored value of a subject that is a set."""
    return json.loads(value) if value else []


def watch(fabric_ids: Iterable[int] | None = None, *, limit: int | None = None) -> int:
    """Tell what has become of fabrics' sync and freshness since it was last told.

    Anybody who lives may call this, as often as they like: it costs one SQL statement while there is nothing to tell.
    `limit` is for those who have somebody waiting: of how many fabrics this call tells at most. Returns how
    many transitions this call made. Raises what the database raises.
    """
    overdue = Q(pk__in=Fabric.objects.overdue().values('pk'))
    stale = Q(told_freshness=IS_STALE)
    news = (
        (overdue & ~stale) | (~overdue & stale)
        | (Q(sync_status__in=SyncStatusChoices.TROUBLED) & ~Q(told_sync=F('sync_status')))
        | (Q(sync_status=SyncStatusChoices.IN_SYNC) & ~Q(told_sync=''))
    )
    fabrics = Fabric.objects.annotate(told_sync=_value_of(SYNC), told_freshness=_value_of(FRESHNESS)).filter(news)
    if fabric_ids is not None:
        fabrics = fabrics.filter(pk__in=list(fabric_ids))
    return sum(_tell_state(pk) for pk in list(fabrics.order_by('pk').values_list('pk', flat=True)[:limit]))


def _value_of(subject: str) -> Coalesce:
    values = FabricCondition.objects.filter(fabric=OuterRef('pk'), subject=subject).values('value')
    return Coalesce(Subquery(values[:1]), Value(''), output_field=TextField())


def _tell_state(fabric_id: int) -> int:
    """Tell how a fabric's sync and freshness are, as its row says once nobody else can change it."""
    with transaction.atomic():
        # Who holds the row is about to tell the same, or to change it: the next look sees what is left to tell.
        fabric = Fabric.objects.select_for_update(no_key=True, skip_locked=True).filter(pk=fabric_id).first()
        if fabric is None:
            return 0
        claimed = 0
        if fabric.sync_status == SyncStatusChoices.FAILED:
            claimed += _claim(fabric, SYNC, fabric.sync_status, SYNC_FAILED, f'{fabric}: {fabric.sync_error}', {})
        elif fabric.sync_status == SyncStatusChoices.PARTIAL:
            claimed += _claim(fabric, SYNC, fabric.sync_status, SYNC_PARTIAL, f'{fabric}: {fabric.sync_error}', {})
        elif fabric.sync_status == SyncStatusChoices.IN_SYNC:
            claimed += _claim(fabric, SYNC, '', SYNC_RECOVERED, f'{fabric} is read in full again.', {})
        if since := fabric.overdue_since:
            last = f'{fabric.last_sync:%Y-%m-%d %H:%M:%S} UTC' if fabric.last_sync else 'never'
            message = (
                f'A run of {fabric} has been overdue since {since:%Y-%m-%d %H:%M:%S} UTC; its last success: {last}. '
                f'What NetBox shows of it may no longer be true.'
            )
            claimed += _claim(fabric, FRESHNESS, IS_STALE, STALE, message, {})
        else:
            message = (
                f'Runs of {fabric} come again.' if fabric.is_scheduled
                else f'{fabric} is not read on schedule any more, so that no run of it can be overdue.'
            )
            claimed += _claim(fabric, FRESHNESS, '', STALE_ENDED, message, {})
        return claimed


def told_sync(fabric_id: int) -> str:
    """What was last told of a fabric's sync: failed, partial, or '' where all was well, or nothing was known."""
    return _told(fabric_id, SYNC)


def _told(fabric_id: int, subject: str) -> str:
    conditions = FabricCondition.objects.filter(fabric=fabric_id, subject=subject)
    return conditions.values_list('value', flat=True).first() or ''


def _claim(
    fabric: Fabric, subject: str, value: str, event_type: EventType | None, message: str, details: dict[str, Any],
) -> bool:
    """Make a transition, if it is one and nobody else has made it. Called in a transaction that holds the fabric."""
    now = timezone.now()
    before = _told(fabric.pk, subject)
    if before == value:
        return False
    FabricCondition.objects.bulk_create(
        [FabricCondition(fabric=fabric, subject=subject, value='', since=now)], ignore_conflicts=True,
    )
    unchanged = FabricCondition.objects.filter(fabric=fabric, subject=subject, value=before)
    claimed = unchanged.update(value=value, since=now)
    if claimed and event_type is not None:
        _raise(fabric, event_type, message, details)
    return bool(claimed)


def _raise(fabric: Fabric, event_type: EventType, message: str, details: dict[str, Any]) -> None:
    """Write an event to where dispatch() finds it, and notify people."""
    now = timezone.now()
    data = dict(serialize_for_event(fabric))
    # A receiver wants to know what happened, and not every count of the run it happened in.
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
    """Give what was told to NetBox's event rules, `limit` events at most. Returns how many there were.

    One that another process is at is left to that. Raises RedisError or OSError when Redis cannot be reached: what
    could not be given then is given by whoever calls this next. Costs one SQL statement when there is nothing to do.
    """
    now = timezone.now()
    free = Q(taken=None) | Q(taken__lt=now - timedelta(seconds=LEFT_BEHIND))
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
            # One rule that cannot be carried out must neither keep the others from it nor be tried for ever.
            logger.exception('The event rule %s failed for %s.', rule, event.event_type)
            event.error = f'{event.error} {rule}: {type(error).__name__}: {error}'.strip()
        event.rules_done.append(rule.pk)
        # Now, and not at the end: who goes on with an event that a killed process had taken fires no rule twice.
        FabricEvent.objects.filter(pk=event.pk).update(rules_done=event.rules_done, error=event.error)
    FabricEvent.objects.filter(pk=event.pk).update(dispatched=timezone.now())


def notice(fabric_ids: Iterable[int] | None = None, *, redis: bool = True) -> None:
    """watch() and dispatch(), for those who have something else to do: what goes wrong is logged, and done again by
    whoever looks next. Two SQL statements while there is nothing to tell. Without `redis` nothing is asked of Redis.
    """
    try:
        watch(fabric_ids, limit=AT_ONCE)
        if redis:
            dispatch(AT_ONCE)
    except (RedisError, DatabaseError, OSError) as error:
        logger.warning('Events of fabrics wait for the next look: %s', (str(error).splitlines() or [''])[0])


def _listed(names: list[str]) -> str:
    more = f' and {len(names) - SHOWN} more' if len(names) > SHOWN else ''
    return ', '.join(names[:SHOWN]) + more


# What others tell. Each is called with all that is so now, as often as they like.

def tell_agents(fabric_id: int, names: Collection[str]) -> None:
    """Tell which agents of a fabric are silent: those that fell silent raise one event, those that are back another."""
    tell_names(
        fabric_id, AGENTS, names, '{fabric}: silent for more than a minute when read: {names}.', AGENTS_SILENT,
        AGENTS_BACK, '{fabric}: reporting again: {names}.',
    )


def tell_drift(fabric_id: int, names: Collection[str], **details: Any) -> None:
    """Tell how NetBox and a fabric differ: `names` are all the discrepancies that stand, as people know them.

    New ones raise one event. Those that were settled raise none.
    """
    tell_names(fabric_id, DRIFT, names, '{fabric}: NetBox differs from the fabric: {names}.', DRIFT_FOUND, **details)


def tell_held_removals(fabric_id: int, counts: Mapping[str, int], **details: Any) -> None:
    """Tell how many objects of each model of a fabric wait for a person to confirm their removal.

    Models that are new among them raise one event. Those confirmed, or back in the fabric, raise none.
    """
    shown = {label: f'{count} {model_title(label, count)}' for label, count in counts.items()}
    tell_names(
        fabric_id, REMOVALS, list(counts), '{fabric}: bulk removal awaiting confirmation: {names}.', MASS_REMOVAL_HELD,
        shown=shown, **details,
    )
