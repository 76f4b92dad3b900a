"""Thirty fabrics, three workers: all on time, none read twice at once."""

import itertools

from .conftest import Figures
from .deployment import WORKER, Deployment, moment
from .test_3_faults import doubled

FABRICS = 30
INTERVAL = 60

# Seconds that a run may begin later than an interval after the one before: others are due at the same moment.
LATE = 15


def test_thirty_fabrics_and_three_workers(
    deployment: Deployment, connection: dict[str, str], figures: Figures,
) -> None:
    deployment.docker_compose('up', '-d', '--scale', f'{WORKER}=3')
    deployment.wait_until(
        lambda: len(deployment.containers(WORKER)) == 3 and deployment.healthy(WORKER), 180, 'three workers are healthy',
    )
    names = [f'scale-{number}' for number in range(FABRICS)]
    status, made = deployment.call('POST', 'plugins/hedgehog/fabrics/', [
        {'name': name, 'sync_interval': INTERVAL, **connection} for name in names
    ])
    assert status == 201, made
    fabrics = [one['id'] for one in made]

    def read_thrice() -> bool:
        done = dict.fromkeys(fabrics, 0)
        for job in deployment.runs(*fabrics):
            done[job['object_id']] += job['status']['value'] == 'completed'
        return min(done.values()) >= 3

    deployment.wait_until(read_thrice, 5 * INTERVAL, 'every fabric has been read three times')

    gaps = []
    for fabric in fabrics:
        jobs = deployment.runs(fabric)
        assert not doubled(jobs)
        assert all(job['status']['value'] in ('completed', 'running', 'pending') for job in jobs), jobs
        starts = [moment(job['started']) for job in jobs if job['started']]
        gaps += [(later - earlier).total_seconds() for earlier, later in itertools.pairwise(starts)]
    assert max(gaps) <= INTERVAL + LATE, gaps
    figures.add(f'{FABRICS} fabrics every {INTERVAL} s, three workers', f'{min(gaps):.0f} to {max(gaps):.0f} s between runs')
    workers = deployment.status()[1]['workers']
    assert len(workers) == 3, workers
    code, said = deployment.status()
    assert (code, said['overdue']) == (0, 0), said

    for fabric in fabrics:
        assert deployment.call('DELETE', f'plugins/hedgehog/fabrics/{fabric}/')[0] == 204
    deployment.docker_compose('up', '-d', '--scale', f'{WORKER}=1')
    deployment.wait_until(lambda: len(deployment.containers(WORKER)) == 1, 120, 'one worker is left')
