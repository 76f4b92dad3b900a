"""What a sync costs: nothing new, one change, heartbeats, and the first of all. Goals 1, 2, 3 and 5."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from typing import Any

from .world import Result, cluster, empty, fabric_of, interleaved

COUNT = count()
ONE_BY_ONE = 100


def results(objects: int, rounds: int) -> list[Result]:
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    from netbox_hedgehog.hedgehog.kinds import KINDS
    from netbox_hedgehog.jobs.worker import warm_up
    from netbox_hedgehog.sync.run import open_cluster, sync_fabric

    warm_up()  # as the process is in which every run begins; the plain listing has the same
    with cluster(objects) as api:
        fabric, fresh = fabric_of(api, 'held'), fabric_of(api, 'fresh')
        found: dict[str, Any] = {}

        def listing() -> None:
            """Plainly list and parse, through the same client."""
            with open_cluster(fabric) as opened:
                found['listed'] = sum(
                    len(page.items) for kind in KINDS for page in opened.pages(kind, 'default')
                )

        def read() -> None:
            found['report'] = sync_fabric(fabric)

        def first() -> None:
            found['first'] = sync_fabric(fresh)

        with CaptureQueriesContext(connection) as first_statements:
            read()
        total = found['report'].total('read')
        assert found['report'].outcome == 'in_sync', found['report'].error
        assert found['report'].total('created') == total
        _settle(fabric, 60)
        with CaptureQueriesContext(connection) as statements:
            read()
        assert found['report'].total('unchanged') == total

        def ready(*steps: Callable[[], object]) -> Callable[[], None]:
            """What prepares a subject, and then a plain listing, untimed: each begins on a server that has taken what
            was written to it, as the plain listing does that is the measure.
            """
            def prepare() -> None:
                for step in (*steps, listing):
                    step()
            return prepare

        def lately() -> None:
            _settle(fabric, 60)

        rows = _rows(fabric)
        # First runs write thirty megabytes, which the database still digests in what comes next: they have turns, and a
        # listing to be measured by, of their own.
        seconds = interleaved(rounds, {
            'listing': (ready(), listing),
            'nothing new': (ready(lately), read),
            'one change': (ready(lambda: _change(api), lately), read),
            'heartbeats, read lately': (ready(lambda: _beat(api), lately), read),
            'heartbeats, all read': (ready(lambda: _beat(api), lambda: _settle(fabric, 0)), read),
        })
        firsts = interleaved(rounds, {
            'listing': (ready(), listing),
            'first': (ready(lambda: empty(fresh)), first),
            'raw copy': (_empty_copy, lambda: _copy(rows)),
            'one by one': (lambda: empty(fresh), _one_by_one(fabric, fresh)),
            'as plugins do': _as_plugins_do(fabric),
        })
        assert found['listed'] == total == found['first'].total('created')
        _settle(fabric, 60)
        wal = {'nothing new': _wal(read)}
        _beat(api)
        _settle(fabric, 0)
        wal['the status of every Agent'] = _wal(read)
        empty(fresh)
        wal['all of it, as a first run'] = _wal(first)
    floor = firsts['listing'] + firsts['raw copy']
    agents = sum(1 for kind in found['report'].kinds if kind.kind == 'Agent' for _ in range(kind.read))
    base, still = seconds['listing'], seconds['nothing new']
    one, logged = (ONE_BY_ONE / firsts[name] for name in ('one by one', 'as plugins do'))
    rate = total / firsts['first']
    lines = [
        Result(f'{total} objects ({agents} Agents): plainly listed and parsed', f'{base:.2f} s, the measure'),
        _ratio('run with nothing new, within status_interval of the last: of the plain listing', still / base, 0.6,
               still),
        _ratio('run after heartbeats of all Agents that were read within status_interval',
               seconds['heartbeats, read lately'] / base, 0.6, seconds['heartbeats, read lately']),
        Result('run after heartbeats that reads the status of every Agent (each status_interval)',
               f'{seconds["heartbeats, all read"] / base:.2f} times ({seconds["heartbeats, all read"]:.2f} s)'),
        _ratio('run with one change, of the run with nothing new', seconds['one change'] / still, 1.1,
               seconds['one change']),
        Result('first run', f'{firsts["first"]:.2f} s, {rate:.0f} objects a second with the listing'),
        _ratio('first run, of listing + raw COPY', firsts['first'] / floor, 2, floor),
        Result('first run, against update_or_create one by one as plugins do it (change log, events)',
               f'{rate / logged:.0f} times as fast ({logged:.0f} a second)', 'at least 100 times',
               rate / logged >= 100),
        Result('first run, against update_or_create of the mirror’s own rows, which have no change log',
               f'{rate / one:.0f} times as fast ({one:.0f} a second)'),
        Result('SQL statements of a first run', f'{len(first_statements)} for {len(KINDS)} kinds of {total} objects'),
        Result('SQL statements of a run with nothing new', f'{len(statements)}, whatever the size',
               'constant a kind', len(statements) <= len(KINDS) + 5),
    ]
    return lines + [
        Result(f'WAL that PostgreSQL writes for a run with {what}', f'{size / 1e6:.2f} MB')
        for what, size in wal.items()
    ]


def _wal(run: Callable[[], None]) -> int:
    """The bytes of write-ahead log that a run causes."""
    from django.db import connection

    def position() -> int:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_current_wal_insert_lsn() - '0/0'")
            return int(cursor.fetchone()[0])

    before = position()
    run()
    return position() - before


def _ratio(what: str, ratio: float, goal: float, seconds: float) -> Result:
    return Result(what, f'{ratio:.2f} times ({seconds:.2f} s)', f'at most {goal:g} times', ratio <= goal)


def _change(api: Any) -> None:
    api.patch('Server', 'server-000000', {'spec': {'description': f'change {next(COUNT)}'}})


def _beat(api: Any) -> None:
    """Every agent writes a heartbeat."""
    stamp = f'2027-01-01T00:{next(COUNT) % 60:02}:00Z'
    names = [item['metadata']['name'] for item in api.objects('Agent')]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda name: api.patch('Agent', name, {'status': {'lastHeartbeat': stamp}}), names))


def _settle(fabric: Any, status_interval: int) -> None:
    """As if all had been read just now; and how often a status is read again."""
    from django.conf import settings
    from django.utils import timezone

    from netbox_hedgehog.sync.switch_health import record_health

    settings.PLUGINS_CONFIG['netbox_hedgehog']['status_interval'] = status_interval
    fabric.resources.filter(kind='Agent').update(last_read=timezone.now())
    record_health(fabric, status_interval)


def _rows(fabric: Any) -> bytes:
    """The mirror's rows as COPY writes them."""
    from django.db import connection

    from netbox_hedgehog.models import FabricResource

    table = FabricResource._meta.db_table
    with connection.cursor() as cursor:
        cursor.execute(f'CREATE TABLE bench_copy (LIKE {table} INCLUDING ALL)')
        with cursor.copy(f'COPY (SELECT * FROM {table} WHERE fabric_id = {int(fabric.pk)}) TO STDOUT') as copy:
            return b''.join(bytes(part) for part in copy)


def _empty_copy() -> None:
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute('TRUNCATE bench_copy')


def _copy(rows: bytes) -> None:
    from django.db import connection

    with connection.cursor() as cursor, cursor.copy('COPY bench_copy FROM STDIN') as copy:
        copy.write(rows)


def _one_by_one(fabric: Any, fresh: Any) -> Callable[[], None]:
    """The mirror's own rows by update_or_create, ONE_BY_ONE of any kind, into an empty mirror."""
    from netbox_hedgehog.models import FabricResource

    sample = list(fabric.resources.order_by('?')[:ONE_BY_ONE])
    names = (
        'uid', 'generation', 'resource_version', 'labels', 'annotations', 'spec', 'status', 'fingerprint', 'created',
        'first_seen', 'last_read', 'changed',
    )

    def save() -> None:
        for row in sample:
            FabricResource.objects.update_or_create(
                fabric=fresh, kind=row.kind, namespace=row.namespace, name=row.name,
                defaults={name: getattr(row, name) for name in names},
            )

    return save


def _as_plugins_do(fabric: Any) -> tuple[Callable[[], None], Callable[[], None]]:
    """The same number into a model of NetBox's with all that it does, change log and events: (prepare, save)."""
    import uuid

    from ipam.models import VRF
    from netbox.context_managers import event_tracking
    from users.models import User
    from utilities.request import NetBoxFakeRequest

    sample = list(fabric.resources.order_by('?')[:ONE_BY_ONE])
    request = NetBoxFakeRequest({
        'META': {}, 'POST': {}, 'GET': {}, 'FILES': {}, 'user': User.objects.create_user('bench'), 'path': '',
        'id': uuid.uuid4(),
    })

    def prepare() -> None:
        VRF.objects.all().delete()

    def save() -> None:
        with event_tracking(request):
            for row in sample:
                VRF.objects.update_or_create(
                    name=f'{row.kind} {row.name}'[:100],
                    defaults={'description': row.uid, 'comments': str(row.spec)},
                )

    return prepare, save
