"""Events as a receiver of webhooks gets them: NetBox's event rules, its own worker, real HTTP."""

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from demo.kubernetes_api import KubernetesAPI
from demo.kubernetes_api.access import limited_to

from .receiver import Receiver
from .stack import CANARY, QUICK, TOKEN, Stack

SETTINGS = QUICK

TYPES = (
    'hedgehog_sync_failed', 'hedgehog_sync_partial', 'hedgehog_sync_recovered', 'hedgehog_stale',
    'hedgehog_stale_ended', 'hedgehog_agents_unresponsive', 'hedgehog_agents_back', 'hedgehog_drift_found',
    'hedgehog_bulk_removal_pending', 'hedgehog_unsupported_kinds',
)


class FabricReceiver(Receiver):
    """Knows the events of fabrics."""

    def events(self, fabric: int, agents: bool = False) -> list[str]:
        """What was told of a fabric, in the order in which it happened; of its agents only where that is asked."""
        calls = [
            call for call in self.calls if call['data']['id'] == fabric and (agents or 'agents' not in call['event'])
        ]
        return [call['event'].removeprefix('hedgehog_') for call in sorted(calls, key=lambda call: call['data']['event']['time'])]


@pytest.fixture(scope='module')
def receiver() -> Iterator[FabricReceiver]:
    made = FabricReceiver()
    yield made
    made.stop()


@pytest.fixture(scope='module')
def module_stack(module_stack: Stack, receiver: FabricReceiver) -> Iterator[Stack]:
    """NetBox with a webhook for every event of fabrics, and NetBox's worker that carries it out."""
    status, hook = module_stack.call('POST', 'extras/webhooks/', {'name': 'to us', 'payload_url': receiver.url})
    assert status == 201, hook
    status, rule = module_stack.call('POST', 'extras/event-rules/', {
        'name': 'fabrics', 'object_types': ['netbox_hedgehog.fabric'], 'event_types': list(TYPES),
        'action_type': 'webhook', 'action_object_type': 'extras.webhook', 'action_object_id': hook['id'],
    })
    assert status == 201, rule
    before = set(module_stack.redis.smembers('rq:workers'))
    module_stack.process('default', 'rqworker', 'default')
    module_stack.wait_until(
        lambda: set(module_stack.redis.smembers('rq:workers')) - before, 60, "NetBox's worker is there",
    )
    yield module_stack
    for path in (f'extras/event-rules/{rule["id"]}/', f'extras/webhooks/{hook["id"]}/'):
        assert module_stack.call('DELETE', path)[0] == 204


def test_each_transition_of_a_fabric_calls_the_webhook_once(
    stack: Stack, api: KubernetesAPI, receiver: FabricReceiver,
) -> None:
    fabric = stack.fabric('berlin', api)
    stack.worker()
    stack.scheduler()
    stack.runs(fabric, 1, 60)
    assert receiver.events(fabric) == [], 'a fabric that is read is no news'

    api.stop()
    stack.make_due(fabric)
    stack.runs(fabric, 1, 120, status='failed')
    stack.make_due(fabric)
    stack.runs(fabric, 2, 120, status='failed')
    stack.wait_until(lambda: receiver.events(fabric) == ['sync_failed'], 30, 'the failure has been told')
    api.start()
    stack.make_due(fabric)
    stack.wait_until(lambda: stack.state(fabric) == 'in_sync', 60, 'the fabric is read again')
    stack.wait_until(
        lambda: receiver.events(fabric) == ['sync_failed', 'sync_recovered'], 30, 'the recovery has been told',
    )
    call = next(call for call in receiver.calls if call['event'] == 'hedgehog_sync_failed')
    assert call['object_type'] == 'netbox_hedgehog.fabric'
    assert call['data']['event']['message'].startswith('berlin: ')
    assert call['data']['name'] == 'berlin'
    assert CANARY not in json.dumps(receiver.calls)
    for process in [process for process in stack.processes if process.name.startswith(('worker', 'scheduler'))]:
        stack.end(process)


def test_staleness_is_told_once_although_nobody_runs_and_many_look(
    stack: Stack, api: KubernetesAPI, receiver: FabricReceiver,
) -> None:
    fabric = stack.fabric('lonely', api)
    stack.sql(
        "UPDATE netbox_hedgehog_fabric SET sync_status = 'in_sync', last_sync = now() - interval '1 hour', "
        "last_attempt = now() - interval '1 hour' WHERE id = %s", fabric,
    )
    # Commands in cron, pages and monitoring, all at the same moment.
    with ThreadPoolExecutor(12) as looks:
        found = [
            *(looks.submit(stack.run, 'hedgehog_sync', 'status', timeout=180) for _ in range(3)),
            *(looks.submit(stack.state) for _ in range(8)),
        ]
    assert [look.exception() for look in found] == [None] * len(found)
    stack.wait_until(lambda: receiver.events(fabric), 30, 'staleness has been told')
    stack.state()
    stack.wait_until(lambda: not stack.redis.llen('rq:queue:default'), 30, 'NetBox has nothing more to send')
    assert receiver.events(fabric) == ['stale']
    assert len(stack.sql("SELECT 1 FROM netbox_hedgehog_fabricevent WHERE fabric_id = %s", fabric)) == 1


def test_every_type_is_told_once_a_transition(stack: Stack, api: KubernetesAPI, receiver: FabricReceiver) -> None:
    """Each in turn on one fabric, and after each a second run, or a second look, that finds it as it was."""
    status, site = stack.call('POST', 'dcim/sites/', {'name': 'Tour', 'slug': 'tour'})
    assert status == 201, site
    fabric = stack.fabric('tour', api, sync_interval=3600, inventory_enabled=True, inventory_auto_apply=True, inventory_site=site['id'])
    worker = stack.worker()
    told: list[str] = []
    silent = set()

    def run(*news: str, outcome: str = 'completed') -> None:
        """Read the fabric twice: what is new is told, and told once."""
        for expected in (news, ()):
            api.beat(0)
            for name in silent:
                api.patch('Agent', name, {'status': {'lastHeartbeat': '2026-01-01T00:00:00Z'}})
            ended = len(stack.jobs(fabric, outcome))
            assert stack.call('POST', f'plugins/hedgehog/fabrics/{fabric}/sync/')[0] == 202
            stack.runs(fabric, ended + 1, 60, status=outcome)
            told.extend(expected)
            heard()

    def heard() -> None:
        stack.wait_until(
            lambda: not stack.redis.llen('rq:queue:default') and len(receiver.events(fabric, True)) >= len(told), 30,
            f'{told} has been told, and not {receiver.events(fabric, True)}',
        )
        assert receiver.events(fabric, agents=True) == told

    run()
    silent.add('leaf-01')
    run('agents_unresponsive')
    silent.clear()
    run('agents_back')
    # As after an upgrade of the cluster.
    newer = {'resource': 'racks', 'responseKind': {'kind': 'Rack'}, 'scope': 'Namespaced', 'verbs': ['list']}
    group = {
        'metadata': {'name': 'wiring.githedgehog.com'}, 'versions': [{'version': 'v1beta1', 'resources': [newer]}],
    }
    body = {'kind': 'APIGroupDiscoveryList', 'apiVersion': 'apidiscovery.k8s.io/v2', 'items': [group]}
    api.faults.answer(200, times=None, match='/apis$', body=json.dumps(body).encode())
    run('unsupported_kinds')
    api.grant(TOKEN, limited_to('switches', 'agents'))
    run('sync_partial')
    api.revoke(TOKEN)
    run('sync_failed', outcome='failed')
    api.grant(TOKEN, 'viewer')
    run('sync_recovered')

    _, found = stack.call('GET', 'dcim/devices/?name=leaf-01')
    assert stack.call('PATCH', f'dcim/devices/{found["results"][0]["id"]}/', {'serial': 'MINE'})[0] == 200
    run('drift_found')
    for connection in api.objects('Connection'):
        api.delete('Connection', connection['metadata']['name'])
    # What hung on them differs too.
    run('drift_found', 'bulk_removal_pending')

    stack.sql("UPDATE netbox_hedgehog_fabric SET last_sync = now() - interval '9 hours' WHERE id = %s", fabric)
    told.append('stale')
    for _ in range(2):
        assert stack.state(fabric) == 'stale'
        stack.state()
        heard()
    run('stale_ended')
    assert {f'hedgehog_{name}' for name in told} == set(TYPES)
    stack.end(worker)
