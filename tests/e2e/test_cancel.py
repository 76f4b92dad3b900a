"""A run at work in a real worker is cancelled: by the command, by the REST API, whoever started it."""


from demo.kubernetes_api import KubernetesAPI

from .stack import QUICK, Stack

SETTINGS = QUICK

# So many requests are answered, and the others are held: a run is at work until it is cancelled.
ANSWERED = 8


def test_a_run_at_work_is_cancelled_and_the_next_one_runs(stack: Stack, api: KubernetesAPI) -> None:
    fabric = stack.fabric('berlin', api)
    stack.worker()
    stack.scheduler()
    stack.runs(fabric, 1, 60)
    assert stack.state(fabric) == 'in_sync'

    api.faults.hold(after=ANSWERED)
    status, job = stack.call('POST', f'plugins/hedgehog/fabrics/{fabric}/sync/')
    assert status == 202, job
    stack.wait_until(lambda: stack.jobs(fabric, 'running'), 30, 'the run is at work')
    result = stack.run('hedgehog_sync', 'cancel', 'berlin')
    assert result.returncode == 0, result.stderr
    assert result.stdout.startswith('The run of berlin (job '), result.stdout
    (cancelled,) = [row for row in stack.jobs(fabric) if row['data'].get('outcome') == 'cancelled']
    assert cancelled['status'] == 'failed'
    assert cancelled['error'].startswith('Cancelled by ')
    assert stack.state(fabric) == 'in_sync', 'what was read before still holds'

    stack.make_due(fabric)
    stack.wait_until(lambda: stack.jobs(fabric, 'running'), 30, 'a periodic run is at work')
    status, answer = stack.call('POST', f'plugins/hedgehog/fabrics/{fabric}/cancel/')
    assert status == 200, answer
    assert 'is cancelled' in answer['detail']
    assert len([row for row in stack.jobs(fabric) if (row['data'] or {}).get('outcome') == 'cancelled']) == 2
    status, answer = stack.call('POST', f'plugins/hedgehog/fabrics/{fabric}/cancel/')
    assert status == 409, answer

    api.faults.clear()
    before = len(stack.jobs(fabric, 'completed'))
    stack.make_due(fabric)
    stack.runs(fabric, before + 1, 60)
    assert stack.state(fabric) == 'in_sync'
    told = stack.sql('SELECT event_type, message FROM netbox_hedgehog_fabricevent WHERE fabric_id = %s', fabric)
    assert [row for row in told if 'agents' not in row['event_type']] == [], 'a run called off is no news of the fabric'
