"""Which switches have stopped reporting: a fabric's Agents, as its last reading showed them."""

from datetime import UTC, datetime, timedelta

from .insight.health import SILENT_AFTER, confirmed_at
from .models import FabricResource

__all__ = ('AGENT', 'SILENT_AFTER', 'silent_agents')

AGENT = 'Agent'


def silent_agents(fabric_id: int, settled: float = 0) -> list[str]:
    """The names of a fabric's agents that were silent when they were read, in order: one SQL statement.

    A heartbeat is compared with the time of the reading that brought it, and not with now: a NetBox that reads a
    fabric once an hour knows nothing of the minutes between. `settled` are the seconds for which a status is left as
    it was read although it moves. One that has never sent any heartbeat has not fallen silent.
    """
    rows = FabricResource.objects.filter(fabric=fabric_id, kind=AGENT, missing_since=None)
    return sorted(
        name for name, heartbeat, read, seen in rows.values_list(
            'name', 'status__lastHeartbeat', 'last_read', 'last_seen',
        )
        if _silent(heartbeat, confirmed_at(read, seen, settled))
    )


def _silent(heartbeat: object, seen: datetime) -> bool:
    try:
        moment = datetime.fromisoformat(heartbeat) if isinstance(heartbeat, str) else None
    except ValueError:
        moment = None
    if moment is None:
        return False
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return moment < seen - timedelta(seconds=SILENT_AFTER)
