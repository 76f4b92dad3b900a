"""Watch the fabrics that have watch enabled: the process behind `hedgehog_sync watch`.

One thread per watch, and one per fabric that writes their changes. Threads share the transport with everything else
that calls clusters: time-outs, certificates, allowed destinations, messages. The cost of an idle watch is measured in
benchmarks/watching.py.

Only a few threads use the database, because each takes a connection.
"""

import logging
import os
import random
import socket
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from typing import Any

from django.db import Error as DatabaseError
from django.db import close_old_connections, connections
from redis.exceptions import RedisError
from urllib3 import BaseHTTPResponse

from ..cluster.client import Cluster
from ..cluster.errors import ClusterError, Expired, Forbidden, NotInstalled, NotServed, Unreachable
from ..cluster.kubeconfig import KubeconfigError
from ..fields import DecryptionError
from ..hedgehog.kinds import KINDS, Kind
from ..jobs.life_sign import remove_life_sign, touch_life_sign
from ..jobs.migration_check import database_is_newer
from ..models import Fabric
from ..sync.run import open_cluster
from .follower import Follower, MemoryBudget, WriteConflict
from .leases import HEARTBEAT, Leases

__all__ = ('Watcher',)

logger = logging.getLogger(__name__)

# Seconds between two tries of a watch that fails, at first and at most; and for a kind that may not be read or does not
# exist, which only an administrator can change.
FIRST_WAIT = 0.5
LONGEST_WAIT = 30
REFUSED_WAIT = 60

# Seconds. A watch that ends earlier is restarted after a wait that grows; one that lasts longer counts as working
# again.
SHORT = 5

# Seconds after which health reports a kind that is not followed: others recover by themselves.
LASTING = 15

# How many kinds of a fabric are listed at the same time, because pages of a list take memory.
LISTS = 4

# How many threads use the database: each has a connection of its own.
DATABASE_THREADS = 3

# Threads of a few hundred watches should not reserve 8 MB of address space each.
STACK = 512 * 1024

# The fields of the connection, and what of it is watched: if one changes, the fabric's watches restart.
CONNECTION = (
    'kubernetes_server', 'kubernetes_token', 'kubernetes_ca_cert', 'kubernetes_namespace', 'verify_tls', 'kubeconfig',
    'in_cluster', 'topology_filter',
)


class Watcher:
    """Follow this process's share of the fabrics with watch enabled, until stop() is called."""

    def __init__(self, heartbeat: float = HEARTBEAT) -> None:
        self.leases = Leases(f'{socket.gethostname()}.{os.getpid()}')
        self._heartbeat = heartbeat
        self._stop = threading.Event()
        self._watches: dict[int, FabricWatch] = {}
        self._database = ThreadPoolExecutor(DATABASE_THREADS, thread_name_prefix='database')
        self._last_error = ''

    def stop(self, *args: object) -> None:
        """End run() soon; also as the handler of a signal."""
        self._stop.set()

    def run(self) -> None:
        """Take leases, follow those fabrics, and continue through outages. Return after stop().

        Raises SystemExit if the database was migrated for a newer release: the supervisor of this process restarts it
        with what is installed now.
        """
        remove_life_sign()
        threading.stack_size(STACK)
        logger.info('Watcher %s is ready.', self.leases.name)
        try:
            while not self._stop.is_set():
                self._heartbeat_tick()
                self._stop.wait(self._heartbeat)
        finally:
            for watch in self._watches.values():
                watch.stop()
            # From here on no thread of a watch can start to write.
            self._database.shutdown(wait=False, cancel_futures=True)
            with suppress(RedisError, OSError):
                self.leases.give_back()
            self._database.shutdown()

    def _heartbeat_tick(self) -> None:
        """Run one heartbeat: find which fabrics are ours, and start or stop their watches."""
        if sentence := self._ask(database_is_newer):
            logger.error('The watcher stops: %s', sentence)
            raise SystemExit(1)
        try:
            wanted = {fabric.pk: fabric for fabric in self._ask(lambda: list(Fabric.objects.watched()))}
            mine = self.leases.renew(wanted, self._errors())
            touch_life_sign()
        except (RedisError, DatabaseError, OSError) as error:
            summary = f'{type(error).__name__}: {(str(error).splitlines() or [""])[0]}'
            if summary != self._last_error:
                logger.error('The watcher cannot reach the database or Redis; retrying: %s', summary)
                self._last_error = summary
            if self.leases.lost():
                self._keep(set(), {})
            return
        if self._last_error:
            logger.info('The watcher has recovered.')
            self._last_error = ''
        self._keep(mine, wanted)

    def _errors(self) -> dict[int, str]:
        """Return a sentence for each of our fabrics that is not followed, by id."""
        return {pk: error for pk, watch in self._watches.items() if (error := watch.error())}

    def _keep(self, mine: set[int], wanted: dict[int, Fabric]) -> None:
        for pk, watch in list(self._watches.items()):
            if pk not in mine or watch.connection != connection_of(wanted[pk]):
                watch.stop()
                del self._watches[pk]
        for pk in mine - self._watches.keys():
            self._watches[pk] = FabricWatch(wanted[pk], self._ask)
            self._watches[pk].start()

    def _ask(self, function: Callable[..., Any], *args: Any, **options: Any) -> Any:
        """Return the result of a function that uses the database."""
        def asked() -> Any:
            close_old_connections()
            try:
                return function(*args, **options)
            except DatabaseError:
                connections.close_all()  # also one that was just closed by the server
                raise

        return self._database.submit(asked).result()


class FabricWatch:
    """The watches of one fabric, a thread per kind."""

    def __init__(self, fabric: Fabric, database: Callable[..., Any], kinds: tuple[Kind, ...] = KINDS) -> None:
        self.fabric = fabric
        self.connection = connection_of(fabric)
        self._database = database
        self._kinds = kinds
        self._stop = threading.Event()
        self._changed = threading.Event()
        self._lists = threading.BoundedSemaphore(LISTS)
        # The open watches, and since when.
        self._open: dict[str, tuple[BaseHTTPResponse, float]] = {}
        self._cluster: Cluster | None = None
        # Why a kind is not followed, and since when; '' stands for all kinds.
        self._failures: dict[str, tuple[str, float]] = {}

    def start(self) -> None:
        """Start to follow every kind, in threads that end with stop() or with the process.

        If the cluster cannot even be opened, a thread tries again until it can.
        """
        if not self._begin():
            threading.Thread(target=self._begin_later, name=f'open {self.fabric.pk}', daemon=True).start()

    def _begin_later(self) -> None:
        wait = _longer_wait(0)
        while not self._stop.wait(wait) and not self._begin():
            wait = _longer_wait(wait)

    def _begin(self) -> bool:
        """Open the cluster and start the threads. Return False, and record why, if it cannot be opened."""
        try:
            cluster = self._cluster = open_cluster(self.fabric)
        except Exception as error:
            self._failed(None, error)
            return False
        if self._stop.is_set():  # in the meantime
            cluster.close()
            return True
        self._failures.pop('', None)
        logger.info('%s is watched.', self.fabric.name)
        room = MemoryBudget()
        followers = [Follower(cluster, self.fabric, kind, self._database, room=room) for kind in self._kinds]
        threads = [threading.Thread(target=self._write, args=(followers,), name=f'write {self.fabric.pk}', daemon=True)]
        threads += [
            threading.Thread(
                target=self._follow, args=(cluster, follower), daemon=True,
                name=f'watch {self.fabric.pk} {follower.kind.plural}',
            )
            for follower in followers
        ]
        for thread in threads:
            thread.start()
        return True

    def error(self) -> str:
        """Return why the fabric, or a kind of it, is not followed; '' without failures that last LASTING seconds."""
        for kind in list(self._failures):
            if self._lived(kind) >= SHORT:
                self._failures.pop(kind, None)
        now = time.monotonic()
        lasting = {sentence for sentence, since in list(self._failures.values()) if now - since >= LASTING}
        if not lasting:
            return ''
        more = f' ({len(lasting) - 1} more in the watcher’s log)' if len(lasting) > 1 else ''
        return min(lasting) + more

    def stop(self) -> None:
        """End all watches of the fabric. Does not wait for their threads."""
        self._stop.set()
        self._changed.set()
        for kind in self._kinds:
            self._end(kind)
        if self._cluster is not None:
            self._cluster.close()

    def _follow(self, cluster: Cluster, follower: Follower) -> None:
        """Run the thread of one kind: list, watch, repeat."""
        # Spread the kinds of all fabrics, at start or after an outage.
        wait = FIRST_WAIT * random.random()
        while not self._stop.wait(wait):
            wait = self._try(cluster, follower, wait)

    def _try(self, cluster: Cluster, follower: Follower, wait: float) -> float:
        """List one kind, if that is due, and watch it.

        Takes the wait before this try, in seconds. Returns the wait before the next one.
        """
        kind = follower.kind
        try:
            if not follower.version:
                self._list(cluster, follower)
            follower.follow(self._changed.set, partial(self._opened, follower))
            return self._ended(cluster, follower, wait)
        except Expired as error:
            follower.version = ''
            return self._again(kind, wait, str(error))
        except NotInstalled as error:
            follower.version = ''
            if isinstance(error, NotServed):
                self._record_failure(kind.name, str(error))
            else:
                logger.debug('%s: %s', self.fabric.name, error)
                self._failures.pop(kind.name, None)  # the expected state
            return REFUSED_WAIT
        except Forbidden as error:
            self._record_failure(kind.name, str(error))
            follower.version = ''
            return REFUSED_WAIT
        except (Unreachable, KubeconfigError) as error:
            self._record_failure(kind.name, str(error))
            return self._longer(kind, wait)
        except Exception as error:
            self._failed(kind, error)
            follower.version = ''
            return self._longer(kind, wait)
        finally:
            self._open.pop(kind.name, None)

    def _list(self, cluster: Cluster, follower: Follower) -> None:
        with self._lists:
            if not self._stop.is_set():
                cluster.renew_retry_budget()
                follower.list()

    def _ended(self, cluster: Cluster, follower: Follower, wait: float) -> float:
        """Handle the end of a watch without an error. Return the seconds to wait before the next one."""
        kind = follower.kind
        if not follower.version:  # flush() has failed, or there were too many events
            if follower.gap:
                self._record_failure(kind.name, follower.gap)
            return self._longer(kind, wait)
        if self._lived(kind.name) > SHORT:
            self._failures.pop(kind.name, None)
            return 0.0
        return self._again(
            kind, wait, f'{cluster.server} closes each watch of {kind.plural} within {SHORT:g} s. Check the load '
            'balancers and proxies in front of it.',
        )

    def _again(self, kind: Kind, wait: float, sentence: str) -> float:
        """Report a failure only if it repeats, because it may happen now and then. Return the seconds to wait."""
        if wait > FIRST_WAIT:
            self._record_failure(kind.name, sentence)
        return self._longer(kind, wait)

    def _write(self, followers: list[Follower]) -> None:
        """Run the thread that writes the events which the others have collected."""
        while not self._stop.is_set():
            self._changed.wait()
            self._changed.clear()
            for follower in followers:
                if self._stop.is_set():
                    return
                try:
                    follower.flush()
                except Exception as error:
                    self._failed(follower.kind, error)
                if not follower.version:
                    self._end(follower.kind)  # its thread lists again

    def _opened(self, follower: Follower, response: BaseHTTPResponse) -> None:
        self._open[follower.kind.name] = response, time.monotonic()
        if self._stop.is_set() or not follower.version:  # in the meantime
            self._end(follower.kind)

    def _end(self, kind: Kind) -> None:
        if opened := self._open.get(kind.name):
            with suppress(OSError, ValueError, RuntimeError):
                opened[0].shutdown()

    def _lived(self, kind: str) -> float:
        """Return for how many seconds the kind's watch has been open."""
        opened = self._open.get(kind)
        return time.monotonic() - opened[1] if opened else 0.0

    def _longer(self, kind: Kind, wait: float) -> float:
        """Return the seconds to wait after a failure: longer each time, unless the watch had been open for long."""
        last = wait if self._lived(kind.name) < SHORT else 0
        return _longer_wait(last)

    def _failed(self, kind: Kind | None, error: Exception) -> None:
        """Record and log why a kind is not followed; None stands for all kinds."""
        key, what = (kind.name, kind.plural) if kind is not None else ('', 'all kinds')
        name, text = type(error).__name__, (str(error).splitlines() or [''])[0]
        if isinstance(error, ClusterError | KubeconfigError | DecryptionError | WriteConflict):
            self._record_failure(key, text)
            return
        if not isinstance(error, DatabaseError) and not self._stop.is_set():
            logger.error('%s: the watch of %s failed', self.fabric.name, what, exc_info=error)
        # The text of such an error was not written for users.
        self._record_failure(key, 'Changes cannot be saved. See the watcher’s log.', f'{name}: {text}')

    def _record_failure(self, kind: str, sentence: str, detail: str = '') -> None:
        """Record a failure, and log it once."""
        now = time.monotonic()
        before = self._failures.get(kind) if self._lived(kind) < SHORT else None
        logged = [known for known, _ in list(self._failures.values())]
        if (before is None or before[0] != sentence) and sentence not in logged and not self._stop.is_set():
            more = f' ({detail})' if detail else ''
            logger.warning('Watching %s fails: %s%s', self.fabric.name, sentence, more)
        self._failures[kind] = sentence, before[1] if before else now


def _longer_wait(last: float) -> float:
    """Return how many seconds to wait after a failure, if `last` was the wait before it."""
    return min(LONGEST_WAIT, max(FIRST_WAIT, 2 * last)) * random.uniform(0.75, 1)


def connection_of(fabric: Fabric) -> tuple[Any, ...]:
    """Return how a fabric's cluster is reached, for comparison."""
    return tuple(getattr(fabric, name) for name in CONNECTION)
