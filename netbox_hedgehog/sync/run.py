"""Sync one fabric: open the cluster; list, compare and apply each kind; report. Start reading here."""

import time
from collections import deque
from collections.abc import Callable, Iterator
from datetime import datetime
from functools import partial

from django.utils import timezone
from netbox.plugins.utils import get_plugin_config

from ..cluster.client import Cluster
from ..cluster.discovery import undetermined, unsupported_kinds
from ..cluster.egress import configured
from ..cluster.errors import ClusterError, Expired, Forbidden, NotInstalled
from ..cluster.kubeconfig import KubeconfigError
from ..cluster.probe import Probe, expiry, probe
from ..cluster.transport import ClientOptions
from ..fields import DecryptionError
from ..hedgehog.kinds import KINDS, Kind
from ..models import Fabric
from .apply import apply, last_seen_in_cluster, mark_seen, stored_rows
from .compare import compare
from .listing import Listing
from .report import FORBIDDEN, NOT_INSTALLED, NOT_SERVED, READ, KindReport, Report, not_served
from .switch_health import health_is_due, mark_recorded, record_health
from .topology import check_topology, filter_of, followed_names

__all__ = ('sync_fabric', 'test_connection')

# How often a list that expired while it was read (410) is started again before the kind counts as failed.
RESTARTS = 3

# How many objects of a kind that cannot be mirrored are named; the rest are counted.
ERRORS_NAMED = 100

# Seconds by which a sync may start earlier than its interval says.
EARLY_START_TOLERANCE = 10

# A connection test repeats a request once at most, with short time-outs and no more bytes per response than one object
# may have: a user and a web worker are waiting.
CONNECTION_TEST_LIMITS = {
    'retries': 1, 'read_timeout': 10, 'longest_answer': 10, 'retry_budget': 10, 'max_answer_size': 4 * 1024 * 1024,
}

# For this many kinds the first page is requested ahead.
PREFETCHED_KINDS = 2


def sync_fabric(
    fabric: Fabric, progress: Callable[[KindReport], None] = lambda kind: None,
    paged: Callable[[Listing], object] | None = None,
) -> Report:
    """Sync all of a fabric's kinds into the mirror.

    Takes the fabric and, optionally, functions that are called after each kind and after each page (Listing.on_page).
    Returns the Report, which includes errors of the cluster. Raises errors of the database, because nothing can be
    recorded then.
    """
    report = Report(fabric=fabric.name, started=timezone.now())
    failure, written, unchanged_kinds = '', {}, []
    try:
        with open_cluster(fabric) as cluster:
            check_topology(cluster, fabric)
            for listing in listings(cluster, fabric, report.started):
                report.kinds.append(listing.report)
                listing.on_page = paged
                written[listing.kind.name], fully_unchanged = sync_kind(fabric, listing)
                if fully_unchanged:
                    unchanged_kinds.append(listing.kind.name)
                progress(listing.report)
            if any(kind.outcome == READ for kind in report.kinds):
                _name_unsupported_kinds(cluster, fabric, report)
    except (ClusterError, KubeconfigError, DecryptionError) as error:
        failure = str(error)
    mark_seen(fabric, unchanged_kinds, report.started)
    if any(kind.outcome == READ for kind in report.kinds) and health_is_due(
        fabric, written, report.started, settled_seconds(),
    ):
        record_health(fabric, settled_seconds())
        mark_recorded(fabric, report.started)
    report.conclude(timezone.now(), failure)
    return report


def _name_unsupported_kinds(cluster: Cluster, fabric: Fabric, report: Report) -> None:
    """Report the kinds that this version of the plugin does not support, or why they are not known.

    Either leaves the outcome of the sync as it is.
    """
    try:
        report.unsupported_kinds = unsupported_kinds(cluster, fabric.kubernetes_namespace)
    except ClusterError as error:
        report.discovery_error = undetermined(error)


def listings(cluster: Cluster, fabric: Fabric, now: datetime) -> Iterator[Listing]:
    """Yield a Listing of each kind, one after the other; the first pages of the next ones are prefetched.

    The stored rows are always older than the list that they are compared with: apply() then recognizes what a watch
    writes in between as newer, and never as missing.
    """
    def listing(kind: Kind) -> Listing:
        return Listing(
            cluster, kind, fabric.kubernetes_namespace, stored_rows(fabric, kind), KindReport(kind.name), now,
            settled_seconds(), filter_of(fabric), partial(followed_names, fabric, kind),
        )

    first, *others = KINDS
    yield listing(first)  # alone: if the server does not respond or denies access, one request shows it
    ahead: deque[Listing] = deque()
    for kind in others:
        following = listing(kind)
        following.begin()
        ahead.append(following)
        if len(ahead) > PREFETCHED_KINDS:
            yield ahead.popleft()
    yield from ahead


def sync_kind(fabric: Fabric, listing: Listing) -> tuple[int, bool]:
    """Sync one kind, and fill in its report.

    Returns how many rows were written or marked as missing, and whether a complete list showed no change: the caller
    then calls mark_seen() once for all such kinds. Raises the ClusterErrors that end a whole sync.
    """
    clock, written, fully_unchanged = time.monotonic(), 0, False
    kind, report = listing.kind, listing.report
    try:
        for attempt in range(RESTARTS):
            try:
                plan = compare(
                    kind, listing.stored, listing, listing.cluster.options.max_object_size, listing.namespace,
                )
                break
            except Expired:
                if attempt + 1 == RESTARTS:
                    raise
        written = len(plan.writes) + len(plan.missing)
        if written:
            apply(fabric, kind, plan, listing.now)
        fully_unchanged = not written and not plan.nameless
        report.outcome = READ
        report.read, report.created, report.updated = plan.read, len(plan.created), len(plan.updated)
        report.unchanged, report.missing = plan.unchanged + len(plan.refreshed), len(plan.missing)
        report.errors = plan.errors[:ERRORS_NAMED]
        if (others := len(plan.errors) - ERRORS_NAMED) > 0:
            objects = 'object' if others == 1 else 'objects'
            report.errors.append(f'{kind.name}: {others} more {objects} cannot be mirrored.')
    except NotInstalled:
        report.outcome, report.errors = _absent(fabric, listing)
    except Forbidden as error:
        report.outcome = FORBIDDEN
        report.errors = [str(error)]
    except ClusterError as error:
        report.errors = [str(error)]
        if error.ends_sync:
            raise
    finally:
        report.seconds = round(time.monotonic() - clock, 3)
    return written, fully_unchanged


def _absent(fabric: Fabric, listing: Listing) -> tuple[str, list[str]]:
    """Return outcome and errors of a kind that the cluster does not serve."""
    present = [row for row in listing.stored.values() if row.missing_since is None]
    if not present:
        return NOT_INSTALLED, []
    seen = last_seen_in_cluster(fabric, listing.kind, present)
    return NOT_SERVED, [not_served(listing.kind.name, len(present), seen)]


def test_connection(fabric: Fabric) -> Probe:
    """Ask a fabric's cluster for its version and for what may be read, within a minute.

    Return a Probe; raise nothing.
    """
    try:
        with open_cluster(fabric, **CONNECTION_TEST_LIMITS) as cluster:
            found = probe(cluster, KINDS, fabric.kubernetes_namespace)
            if found.ok:
                _check_filter(cluster, fabric, found)
            _add_expiry(fabric, found)
            return found
    except (ClusterError, KubeconfigError, DecryptionError) as error:
        return Probe(errors=[str(error)], sentences=[str(error)])


def _add_expiry(fabric: Fabric, found: Probe) -> None:
    """Add to the result of a connection test when the token expires, if it says so."""
    expires = expiry(fabric.credentials().token)
    if expires is not None:
        found.token_expires = expires.isoformat()
        found.sentences.append(f'The token expires on {expires:%Y-%m-%d %H:%M} UTC.')


def _check_filter(cluster: Cluster, fabric: Fabric, found: Probe) -> None:
    """Add to the result of a connection test what is wrong with the topology filter."""
    try:
        check_topology(cluster, fabric)
    except ClusterError as error:
        found.errors.append(str(error))
        found.sentences.append(str(error))


def open_cluster(fabric: Fabric, **at_most: float) -> Cluster:
    """Return a Cluster for this fabric, with time-outs, limits and destinations from the plugin's settings.

    The ClientOptions in `at_most` are upper limits.
    """
    names = (
        'connect_timeout', 'read_timeout', 'retries', 'max_answer_size', 'max_kind_size', 'max_object_size',
        'max_objects',
    )
    options = {name: get_plugin_config('netbox_hedgehog', name) for name in names}
    options |= {name: min(options.get(name, most), most) for name, most in at_most.items()}
    return Cluster(fabric.credentials(), ClientOptions(destinations=configured(), **options))


def settled_seconds() -> float:
    """Return for how many seconds a stored volatile status is kept. Allows for syncs that start early."""
    return max(0, get_plugin_config('netbox_hedgehog', 'status_interval') - EARLY_START_TOLERANCE)
