"""What must hold whatever dies: looked at all the time, and in full once a round has healed.

Each check returns sentences, none where the promise is kept. What is read beside the database is what the API servers
have seen and had (fabrics.py), and Redis.
"""

import itertools
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime

from netbox_hedgehog.hedgehog.kinds import KINDS
from netbox_hedgehog.sync.run import PREFETCHED_KINDS
from tests.e2e.stack import SCHEDULED, Row, overlaps, schedule_id

from .fabrics import Fabric, Identity
from .rig import AWAY, Rig

__all__ = ('Promises',)

DERIVED = [kind.name for kind in KINDS if kind.derived]

# Seconds between two looks while a round is on.
LOOK_EVERY = 0.5

# Seconds by which rq-scheduler's looks, and our own, are later than what they look at.
SLACK = 10

# Seconds beyond two intervals after which a fabric that was not read is stale.
GRACE = 30

_FABRICS = """
    SELECT id, name, sync_status, sync_error, last_sync, last_attempt, last_report, clock_timestamp() AS now
    FROM netbox_hedgehog_fabric
"""
_MIRROR = """
    SELECT kind, namespace, name, uid, resource_version, missing_since
    FROM netbox_hedgehog_fabricresource WHERE fabric_id = %s
"""
_WHOLE = """
    SELECT kind, namespace, name, uid, resource_version, generation, labels, annotations, spec, status, fingerprint,
        missing_since
    FROM netbox_hedgehog_fabricresource WHERE fabric_id = %s
"""
_FOUND = """
    SELECT coalesce(resource.id, 0) AS id, count(*) AS times FROM extras_cachedvalue AS held
    JOIN django_content_type AS type ON type.id = held.object_type_id
    LEFT JOIN netbox_hedgehog_fabricresource AS resource ON resource.id = held.object_id
    WHERE type.app_label = 'netbox_hedgehog' AND type.model = 'fabricresource'
    GROUP BY 1 HAVING count(*) > 1 OR coalesce(resource.id, 0) = 0
"""
_NOT_FOUND = """
    SELECT kind, name FROM netbox_hedgehog_fabricresource AS resource WHERE kind <> ALL(%s) AND NOT EXISTS (
        SELECT FROM extras_cachedvalue AS held JOIN django_content_type AS type ON type.id = held.object_type_id
        WHERE type.app_label = 'netbox_hedgehog' AND type.model = 'fabricresource' AND held.object_id = resource.id
    )
"""
_LEFT = """
    SELECT id, object_id, status, created FROM core_job
    WHERE name = 'Fabric sync' AND status IN ('pending', 'running') AND created < %s
"""
_JOBS = """
    SELECT id, started, completed, data FROM core_job
    WHERE name = 'Fabric sync' AND object_id = %s AND status IN ('completed', 'failed') AND started >= %s
"""


@dataclass
class Promises:
    """Watches a rig. `broken` are the sentences that its looks have found; a round takes them with taken()."""

    rig: Rig
    broken: dict[str, str] = field(default_factory=dict)
    _known: dict[int, Row] = field(default_factory=dict)
    _next_look: float = 0.0

    # While things are broken

    def look(self) -> None:
        """What can be seen at any moment; nothing while the database or Redis is away."""
        if time.monotonic() < self._next_look:
            return
        self._next_look = time.monotonic() + LOOK_EVERY
        rows = self.rig.rows(_FABRICS)
        if rows is None:
            return
        by_id = {row['id']: row for row in rows}
        for fabric in self.rig.mirrored:
            row = by_id.get(fabric.id)
            if row is None:
                self._say(fabric, 'its row has gone')
            else:
                self._times(fabric, row)
                self._known[fabric.id] = row
        try:
            self._queue()
        except AWAY:
            return

    def taken(self) -> list[str]:
        """What the looks have found since the last call."""
        found, self.broken = list(self.broken.values()), {}
        return found

    def _say(self, fabric: Fabric | None, sentence: str) -> None:
        key = f'{fabric.name if fabric else "all"}: {sentence.split("(")[0]}'
        moment = datetime.now(UTC).strftime('%H:%M:%S')
        self.broken.setdefault(key, f'{moment} {fabric.name + ": " if fabric else ""}{sentence}')

    def _times(self, fabric: Fabric, row: Row) -> None:
        """No success that was none, and none that is forgotten."""
        before = self._known.get(fabric.id)
        self._newest(fabric, row)
        last, attempt = row['last_sync'], row['last_attempt']
        if not fabric.enabled and (last or attempt):
            self._say(fabric, f'it is switched off, and was read ({attempt})')
        if before is None or last == before['last_sync']:
            return
        if last is None or (before['last_sync'] and last < before['last_sync']):
            self._say(fabric, f'its last success has gone back (from {before["last_sync"]} to {last})')
            return
        # Each success is a sync of every kind that began at that moment or later.
        if not fabric.real:
            unread = [kind.name for number, kind in enumerate(KINDS)
                      if fabric.seen.latest.get(number, 0) < last.timestamp()]
            if unread:
                self._say(fabric, f'it says it was read, but nobody has asked for all of it ({last}: {unread})')

    def _newest(self, fabric: Fabric, row: Row) -> None:
        """A status is that of the newest run, and not of one that has ended later."""
        if row['sync_status'] == 'failed' and row['last_sync'] is not None and row['last_sync'] >= row['last_attempt']:
            self._say(fabric, f'it is said to have failed, and its newest run was a success ({row["sync_error"]})')

    def _queue(self) -> None:
        """A fabric waits once at most, and its next run is never further away than an interval."""
        connection = self.rig.redis
        waiting = [entry.decode() for entry in connection.lrange(f'rq:queue:{self.rig.queue}', 0, -1)]
        due = {name.decode(): score for name, score in connection.zrange(SCHEDULED, 0, -1, withscores=True)}
        for fabric in self.rig.mirrored:
            name = schedule_id(fabric.id)
            if waiting.count(name) > 1:
                self._say(fabric, f'it waits in the queue more than once ({waiting.count(name)} times)')
            ahead = due.get(name, 0) - time.time()
            if ahead > fabric.interval + SLACK:
                self._say(fabric, f'its next run is further away than its interval (in {ahead:.0f} s)')
            if name in due and not fabric.enabled:
                self._say(fabric, 'it is switched off, and scheduled')

    # After healing

    def recovering(self, healed: datetime) -> list[str]:
        """What is not yet as it should be some time after `healed`; empty when all has recovered.

        That runs which people had asked for have ended belongs to it.
        """
        try:
            rows = {row['id']: row for row in self.rig.sql(_FABRICS)}
            left = self.rig.sql(_LEFT, healed)
            not_yet = [f'job {job["id"]} of fabric {job["object_id"]} is still {job["status"]}' for job in left]
            for fabric in self.rig.enabled:
                row = rows[fabric.id]
                well = row['sync_status'] in ('in_sync', 'queued', 'syncing')
                if not well or row['last_sync'] is None or row['last_sync'] <= healed:
                    not_yet.append(
                        f'{fabric.name} is {row["sync_status"]}, last read {row["last_sync"]} ({row["sync_error"]})'
                    )
                    continue
                not_yet += self.differences(fabric)
            scheduled = {name.decode() for name in self.rig.redis.zrange(SCHEDULED, 0, -1)}
            not_yet += [
                f'{fabric.name} has no schedule' for fabric in self.rig.enabled if schedule_id(fabric.id) not in scheduled
            ]
            not_yet += self._watched()
        except AWAY as error:
            return [f'{type(error).__name__}: {error}']
        return not_yet

    def _watched(self) -> list[str]:
        """Each fabric that asks for it is followed by a watcher that lives."""
        alive = {str(watcher.pid) for watcher in self.rig.of('watcher')}
        found = []
        for fabric in self.rig.enabled:
            owner = self.rig.redis.get(f'netbox_hedgehog:watch:{fabric.id}') if fabric.watched else None
            if fabric.watched and (owner is None or not alive & set(owner.decode().split('.'))):
                found.append(f'{fabric.name} is not watched by a live process')
        return found

    def differences(self, fabric: Fabric) -> list[str]:
        """In what a mirror and its cluster do not agree, object by object."""
        there = {(*name, item['metadata']['uid'], item['metadata']['resourceVersion'])
                 for name, item in fabric.objects().items()}
        held: set[Identity] = set()
        names = {identity[:3] for identity in there}
        found = []
        for row in self.rig.sql(_MIRROR, fabric.id):
            identity = (row['kind'], row['namespace'], row['name'], row['uid'], row['resource_version'])
            if row['missing_since'] is None:
                held.add(identity)
            elif identity[:3] in names:
                found.append(f'{fabric.name}: {identity[0]} {identity[2]} is said to be missing')
        found += [f'{fabric.name}: {one[0]} {one[2]} is not as it is in the cluster' for one in there - held]
        found += [f'{fabric.name}: {one[0]} {one[2]} is held as it is not' for one in held - there]
        return found

    def broken_after(self, since: datetime, *, judge_requests: bool) -> list[str]:
        """All that must hold once everything has recovered, of a round that began at `since`. Empty when it does."""
        found = []
        for fabric in self.rig.mirrored:
            rows = self.rig.sql(_WHOLE, fabric.id)
            found += [f'{fabric.name}: {sentence}' for sentence in (
                *self._whole(fabric, rows), *self._no_overlap(fabric, since),
                *(self._in_turn(fabric) if judge_requests else ()), *self._counted(fabric),
            )]
            fabric.forget_history(
                (row['kind'], row['namespace'], row['name'], row['uid'], row['resource_version']) for row in rows
            )
        return found + self._searched()

    @staticmethod
    def _whole(fabric: Fabric, rows: Iterable[Row]) -> list[str]:
        """Every row is an object as the cluster really had it, and not half of it."""
        found = []
        for row in rows:
            key = (row['kind'], row['namespace'], row['name'], row['uid'], row['resource_version'])
            was = fabric.observed(key)
            if was is None:
                found.append(f'{row["kind"]} {row["name"]} is held in a state that it never was in ({key[3:]})')
                continue
            wrong = [
                name for name in ('generation', 'labels', 'annotations', 'spec', 'status', 'fingerprint')
                if getattr(was, name) != row[name]
            ]
            if wrong:
                found.append(f'{row["kind"]} {row["name"]} is not what it was at {row["resource_version"]}: {wrong}')
        return found

    def _no_overlap(self, fabric: Fabric, since: datetime) -> list[str]:
        """No two runs that ended by themselves were at work at the same time."""
        return [f'jobs {one["id"]} and {other["id"]} overlap' for one, other in
                overlaps(self.rig.sql(_JOBS, fabric.id, since))]

    @staticmethod
    def _in_turn(fabric: Fabric) -> list[str]:
        """What an API server has seen is one run after the other: kinds in their order, again and again.

        A run asks for the next kinds while it works on one, and asks again where an answer did not come whole; a watch
        asks in any order, so fabrics that are watched tell nothing here.
        """
        if fabric.watched or fabric.real:
            return []
        last = 0
        # What comes before anybody begins is the rest of a run that was at work when the last round was over.
        for moment, kind in itertools.dropwhile(lambda seen: seen[1] != 0, list(fabric.seen.lists)):
            if kind > last + PREFETCHED_KINDS + 1:
                when = datetime.fromtimestamp(moment, UTC).strftime('%H:%M:%S')
                return [f'two runs asked at the same time: {KINDS[kind].name} after {KINDS[last].name} at {when}']
            last = kind if kind == 0 else max(last, kind)
        return []

    def _counted(self, fabric: Fabric) -> list[str]:
        """A fabric that is in sync has read every kind, as many objects as there are, when it says so."""
        if not fabric.enabled:
            return ['it is switched off, and has a mirror'] if self.rig.sql(_MIRROR, fabric.id) else []
        row = self.rig.row(fabric.id)
        kind_syncs = {
            row['kind']: row['last_read'] for row in
            self.rig.sql('SELECT kind, last_read FROM netbox_hedgehog_kindsync WHERE fabric_id = %s', fabric.id)
        }
        found = [
            f'{kind.name} was read at {kind_syncs.get(kind.name)}, before the last success at {row["last_sync"]}'
            for kind in KINDS if kind.name not in kind_syncs or kind_syncs[kind.name] < row['last_sync']
        ]
        there = [name[0] for name in fabric.objects()]
        for kind in (row['last_report'] or {}).get('kinds', []):
            if kind['read'] != there.count(kind['kind']):
                found.append(f'{kind["read"]} of {kind["kind"]} were read, and there are {there.count(kind["kind"])}')
        return found

    def _searched(self) -> list[str]:
        """NetBox's search knows every declared resource once, and nothing that is not there."""
        found = [
            f'the search knows resource {row["id"]} {row["times"]} times' if row['id']
            else f'the search knows {row["times"]} resources that are not there' for row in self.rig.sql(_FOUND)
        ]
        unknown = self.rig.sql(_NOT_FOUND, DERIVED)
        return found + [f'the search does not know {row["kind"]} {row["name"]}' for row in unknown[:5]]

    def told_too_well(self) -> list[str]:
        """A fabric that NetBox's API calls in sync was read no longer ago than it may be."""
        try:
            code, answer = self.rig.call('GET', 'plugins/hedgehog/fabrics/')
        except (OSError, ValueError):
            return []
        if code != 200:
            return []
        found = []
        for told in answer['results']:
            if told['sync_state']['value'] == 'in_sync':
                age = time.time() - datetime.fromisoformat(told['last_sync']).timestamp()
                if age > 2 * told['sync_interval'] + GRACE + SLACK:
                    found.append(f'{told["name"]} is said to be in sync, and was read {age:.0f} s ago')
        return found


