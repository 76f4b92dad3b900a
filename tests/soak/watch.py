"""Looks at a fleet now and then, and writes down what is to stay as it is."""

import math
import time
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any

from benchmarks.world import memory
from tests.e2e.stack import SCHEDULED, Row, schedule_id, skipped
from tests.faults.rig import AWAY

from .figures import CONNECTIONS, KEYS, LATE, LATEST, MEMORY, Figures, Run, lateness
from .fleet import Fleet

__all__ = ('Watch',)

# Seconds between two looks.
LOOK_EVERY = 2

# A row is seen some time after the moment that it says it was completed: when its transaction ends. A run that is
# overlooked would be taken for one that never was, and the next for one that is an interval late.
SEEN_LATE = timedelta(seconds=60)

# Seconds that a run takes at most, in most cases: a fault takes also those that had begun before it.
AT_WORK = 5

_RUNS = """
    SELECT id, object_id, status, started, completed, data FROM core_job
    WHERE name = 'Fabric sync' AND completed > %s ORDER BY completed
"""
_CONNECTIONS = "SELECT count(*) AS count FROM pg_stat_activity WHERE datname = current_database()"


class Watch:
    """An observer of the fleet. While something is broken only runs are followed: connections are then what they are."""

    def __init__(self, fleet: Fleet) -> None:
        self.fleet = fleet
        self.figures = Figures()
        # From when to when something was broken, in seconds since 1970.
        self.faults: list[tuple[float, float]] = []
        # All runs that have ended, by the id of their job: NetBox keeps the last few of a fabric.
        self.runs: dict[int, Row] = {}
        self.due: dict[int, set[float]] = {member.id: set() for member in fleet.mirrored}
        self._next = 0.0
        self._completed = datetime(2000, 1, 1, tzinfo=UTC)

    @property
    def broken(self) -> bool:
        return bool(self.faults) and self.faults[-1][1] == math.inf

    def breaks(self) -> None:
        self.faults.append((time.time(), math.inf))

    def healed(self) -> None:
        self.faults[-1] = (self.faults[-1][0], time.time())

    def look(self) -> None:
        if time.monotonic() < self._next:
            return
        self._next = time.monotonic() + LOOK_EVERY
        with suppress(*AWAY, ValueError):
            self._follow_schedules()
        rows = self.fleet.rows(_RUNS, self._completed - SEEN_LATE)
        for row in rows or []:
            self.runs[row['id']] = row
            self._completed = max(self._completed, row['completed'])
        if not self.broken:
            with suppress(*AWAY, ValueError):
                self._measure()

    def _follow_schedules(self) -> None:
        members = self.fleet.mirrored
        scores = self.fleet.redis.zmscore(SCHEDULED, [schedule_id(member.id) for member in members])
        for member, score in zip(members, scores, strict=True):
            if score is not None:
                self.due[member.id].add(float(score))

    def _measure(self) -> None:
        now, see = time.time(), self.figures.see
        for process in self.fleet.spared:
            if process.pid is not None and (size := memory(process.pid)):
                see(f'memory of a {process.name.partition("-")[0].replace("web", "web server")}, MB', MEMORY, now, size)
        rows = self.fleet.rows(_CONNECTIONS)
        if rows:
            see('connections to PostgreSQL', CONNECTIONS, now, rows[0]['count'])
        connection = self.fleet.redis
        info: dict[str, Any] = connection.info()
        see('clients of Redis', CONNECTIONS, now, info['connected_clients'])
        see('memory of Redis, MB', MEMORY, now, info['used_memory'] / 1e6)
        see('keys in Redis', KEYS, now, connection.dbsize())
        self.fleet.call('GET', 'plugins/hedgehog/fabrics/?limit=50')  # a user looks

    def judge_lateness(self) -> None:
        """Adds how late runs began to the figures, once all is over.

        In the median of all. At the 95th percentile of those that fell due while all was well: what a fault takes is
        made up for at the next interval, and one quarter's faults take more of them than another's.
        """
        for run in self.late_runs():
            self.figures.see('lateness of runs, median, s', LATE, run.started, run.late)
            if not self.hit(run):
                self.figures.see(
                    'lateness of runs due while all was well, 95th percentile, s', LATEST, run.started, run.late, share=0.95,
                )

    def late_runs(self) -> list[Run]:
        """All runs that answered a schedule, and how late each was."""
        return [
            run for member in self.fleet.mirrored for run in lateness(
                [row['started'].timestamp() for row in self.runs_of(member.id) if row['started'] and not skipped(row)],
                self.due[member.id], member.name,
            )
        ]

    def hit(self, run: Run) -> bool:
        """Whether something was broken when this run was due, or just after."""
        return any(begin - AT_WORK <= run.due <= end for begin, end in self.faults)

    def runs_of(self, fabric: int) -> list[Row]:
        return [row for row in self.runs.values() if row['object_id'] == fabric]
