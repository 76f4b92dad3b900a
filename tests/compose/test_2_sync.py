"""A fabric is read by itself, minute after minute."""

import itertools
import re

from .deployment import Deployment, moment


def test_a_fabric_is_read_every_minute(deployment: Deployment, connection: dict[str, str]) -> None:
    fabric = deployment.fabric('minute', sync_interval=60, **connection)

    def read_after(last: str | None) -> str:
        def moved() -> str | None:
            row = deployment.row(fabric)
            assert row['sync_status']['value'] != 'failed', row['sync_error']
            return str(row['last_sync']) if row['last_sync'] and row['last_sync'] != last else None

        return str(deployment.wait_until(moved, 75, 'the fabric has been read by itself'))

    reads = [read_after(None)]
    while len(reads) < 4:
        reads.append(read_after(reads[-1]))
    gaps = [(moment(later) - moment(earlier)).total_seconds() for earlier, later in itertools.pairwise(reads)]
    assert min(gaps) >= 25, 'half an interval, until the fabric has come to its place in it'
    assert max(gaps) <= 75
    assert gaps[-1] >= 50, 'and a whole one from then on'
    assert deployment.row(fabric)['sync_status']['value'] == 'in_sync'
    assert deployment.get('plugins/hedgehog/resources/?limit=1')['count'] > 50

    said = deployment.manage('hedgehog_sync bootstrap').text
    assert '1 fabric scheduled: 0 created, 0 updated, 0 removed, 1 unchanged.' in said
    said = deployment.manage('hedgehog_sync status').text
    print(said)
    # At a terminal a table; what is piped is a line a fabric.
    assert re.search(r'^minute +In sync +\d+ seconds? ago +1 minute +in \d+ seconds', said, re.M)
    lines = ' '.join(said.split())
    assert re.search(
        r'healthy: .* 1 active schedule; syncs: 0 queued, \d running, [1-9]\d* completed and 0 failed', lines,
    )
    said = deployment.in_container('netbox', 'python', 'manage.py', 'hedgehog_sync', 'status').text
    assert said.startswith('minute: In sync, last success ')
    assert 'NOT SCHEDULED' not in said
    deployment.edit(fabric, sync_interval=30)
