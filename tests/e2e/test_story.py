"""The story that the plugin exists for, with its own settings and real processes. `make test` runs it as well."""

from demo.kubernetes_api import KubernetesAPI

from .stack import OWN_SETTINGS, PLUGIN_QUEUE, Stack, overlaps

SETTINGS = OWN_SETTINGS


def test_a_fabric_is_read_again_and_again_with_no_hand_on_it(stack: Stack, api: KubernetesAPI) -> None:
    stack.worker()
    stack.scheduler()
    fabric = stack.fabric('alone', api)
    stack.runs(fabric, 1, 30)
    first = stack.row(fabric)['last_sync']

    stack.wait_until(lambda: stack.row(fabric)['last_sync'] > first, 60, 'the second run has ended')

    jobs = stack.runs(fabric, 2, 5)
    assert [job['status'] for job in jobs] == ['completed', 'completed']
    assert {job['queue_name'] for job in jobs} == {PLUGIN_QUEUE}
    assert not overlaps(jobs)
    assert len(stack.resources(fabric)) == len(api.objects()) == 64
    # Nothing had changed in between, and nothing was written for it.
    assert [jobs[1]['data'][name] for name in ('read', 'created', 'updated', 'missing')] == [64, 0, 0, 0]
    log = [entry['message'] for entry in jobs[0]['log_entries']]
    assert any(line.startswith('Switch: ') and 'read' in line for line in log)
    assert log[-1].startswith('alone: In sync. 64 resources of 24 kinds read')

    code, said = stack.status()
    assert (code, said['state'], said['problems']) == (0, 'healthy', [])
    assert (len(said['workers']), len(said['schedulers'])) == (1, 1)
    (row,) = said['status']
    assert (row['fabric'], row['scheduled'], row['error']) == ('alone', True, '')
    assert row['state'] in ('in_sync', 'syncing')  # on a busy machine the third has begun
    assert row['next_sync']
