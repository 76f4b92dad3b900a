"""Event rules on what an inventory writes: NetBox's own worker, a real receiver, a real script, real people."""

import urllib.request
import uuid
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest

from demo.kubernetes_api import KubernetesAPI, load_objects

from .receiver import Receiver
from .stack import DATA, QUICK, TOKEN, Row, Stack

# What is gone from the fabric is deleted by the second sync that misses it, without asking.
SETTINGS = {**QUICK, 'removal_guard_percent': 100, 'removal_grace_syncs': 0, 'removal_grace_hours': 0}

SCRIPT = """
from extras.scripts import Script

class Note(Script):
    def run(self, data, commit):
        self.log_success(f"{data['name']} for {self.request.user}")
"""

NODES = ('spine-01', 'leaf-01', 'server-04')

# Not interfaces: there are a hundred of them, and NetBox's worker starts a process for each webhook.
WITH_WEBHOOK = ('dcim.device', 'dcim.cable', 'ipam.prefix', 'ipam.vlan')


@pytest.fixture(scope='module')
def module_api() -> Iterator[KubernetesAPI]:
    # Two switches and a server: each object costs NetBox's worker two jobs.
    with KubernetesAPI([item for item in load_objects(DATA) if is_needed(item)]) as api:
        api.grant(TOKEN, 'viewer')
        yield api


def is_needed(item: dict[str, Any]) -> bool:
    name = item['metadata']['name']
    if item['kind'] in ('Switch', 'Agent', 'Server'):
        return name in NODES
    if item['kind'] == 'Connection':
        return sum(node in name for node in NODES) == 2 and 'leaf-02' not in name
    return item['kind'] not in ('External', 'ExternalAttachment', 'VPCAttachment', 'Gateway')


@pytest.fixture(scope='module')
def receiver() -> Iterator[Receiver]:
    made = Receiver()
    yield made
    made.stop()


@pytest.fixture(scope='module')
def module_stack(module_stack: Stack, receiver: Receiver) -> Stack:
    hook = made(module_stack, 'extras/webhooks/', name='to us', payload_url=receiver.url)
    rule(module_stack, 'webhook', WITH_WEBHOOK, hook)
    upload(module_stack)
    (script,) = module_stack.call('GET', 'extras/scripts/')[1]['results']
    rule(module_stack, 'script', ['dcim.device'], script)
    _, users = module_stack.call('GET', 'users/users/')
    group = made(module_stack, 'extras/notification-groups/', name='people', users=[users['results'][0]['id']])
    rule(module_stack, 'notificationgroup', ['dcim.device'], group, action='notification')
    before = set(module_stack.redis.smembers('rq:workers'))
    module_stack.process('default', 'rqworker', 'default')
    module_stack.wait_until(
        lambda: set(module_stack.redis.smembers('rq:workers')) - before, 60, "NetBox's worker is there",
    )
    return module_stack


def made(stack: Stack, path: str, **values: Any) -> Row:
    status, answer = stack.call('POST', path, values)
    assert status == 201, answer
    return dict(answer)


def rule(stack: Stack, model: str, types: Any, target: Row, action: str = '') -> None:
    made(
        stack, 'extras/event-rules/', name=f'{model}s', object_types=list(types),
        event_types=['object_created', 'object_updated', 'object_deleted'], action_type=action or model,
        action_object_type=f'extras.{model}', action_object_id=target['id'],
    )


def upload(stack: Stack) -> None:
    """Add SCRIPT to NetBox, as its page for scripts does."""
    boundary = uuid.uuid4().hex
    body = (
        f'--{boundary}\r\nContent-Disposition: form-data; name="file"; filename="note.py"\r\n'
        f'Content-Type: text/x-python\r\n\r\n{SCRIPT}\r\n--{boundary}--\r\n'
    )
    request = urllib.request.Request(f'{stack.url}/api/extras/scripts/upload/', data=body.encode(), headers={
        'Authorization': stack.header, 'Content-Type': f'multipart/form-data; boundary={boundary}',
    })
    with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=30) as answer:
        assert answer.status == 201


def interfaces(stack: Stack, device: int) -> list[Row]:
    return list(stack.call('GET', f'dcim/interfaces/?device_id={device}')[1]['results'])


def test_what_an_inventory_writes_fires_event_rules_as_a_change_in_netbox_does(
    stack: Stack, api: KubernetesAPI, receiver: Receiver,
) -> None:
    site = made(stack, 'dcim/sites/', name='Tour', slug='tour')
    worker = stack.worker()
    fabric = stack.fabric(
        'tour', api, sync_interval=3600, inventory_enabled=True, inventory_auto_apply=True, inventory_site=site['id'],
        inventory_removal='delete',
    )
    taken = 0

    def sync() -> None:
        ended = len(stack.jobs(fabric, 'completed'))
        assert stack.call('POST', f'plugins/hedgehog/fabrics/{fabric}/sync/')[0] == 202
        stack.runs(fabric, ended + 1, 120)
        assert stack.row(fabric)['inventory_error'] == ''

    def heard(count: int) -> list[dict[str, Any]]:
        """The webhooks that are new: exactly so many."""
        nonlocal taken
        stack.wait_until(
            lambda: len(receiver.calls) >= taken + count and not stack.redis.llen('rq:queue:default'), 240,
            f'{count} webhooks have come, and not {len(receiver.calls) - taken}',
        )
        stack.wait_until(lambda: not stack.redis.zcard('rq:wip:default'), 60, 'NetBox has nothing at work')
        new, taken = receiver.calls[taken:], len(receiver.calls)
        assert len(new) == count
        return new

    def scripts() -> list[Row]:
        return stack.sql("SELECT * FROM core_job WHERE name = 'Note' ORDER BY id")

    def total(path: str) -> int:
        return int(stack.call('GET', f'{path}?limit=1')[1]['count'])

    # A periodic run that creates.
    sync()
    paths = ('dcim/devices/', 'dcim/cables/', 'ipam/prefixes/', 'ipam/vlans/')
    there = {label: total(path) for label, path in zip(WITH_WEBHOOK, paths, strict=True)}
    calls = heard(sum(there.values()))
    assert Counter(call['object_type'] for call in calls) == there
    assert len({(call['object_type'], call['data']['id']) for call in calls}) == len(calls)
    assert {call['event'] for call in calls} == {'created'}
    assert {call['request']['user'] for call in calls} == {'hedgehog'}
    requests = stack.sql(
        "SELECT DISTINCT request_id::text AS id FROM core_objectchange WHERE user_name = 'hedgehog'",
    )
    assert {call['request']['id'] for call in calls} == {row['id'] for row in requests}
    leaf = next(call for call in calls if call['data'].get('name') == 'leaf-01')
    _, shown = stack.call('GET', f'dcim/devices/{leaf["data"]["id"]}/')
    assert leaf['data']['serial'] == shown['serial'] == leaf['snapshots']['postchange']['serial']
    assert leaf['data']['primary_ip4']['id'] == shown['primary_ip4']['id']
    assert {(job['status'], job['data']['log'][0]['message']) for job in scripts()} == {
        ('completed', f'{call["data"]["name"]} for hedgehog') for call in calls if call['object_type'] == 'dcim.device'
    }
    assert len(scripts()) == there['dcim.device']
    notified = stack.sql("SELECT object_repr FROM extras_notification WHERE event_type = 'object_created'")
    assert len(notified) == there['dcim.device']

    # A change by a person on NetBox's side, the decision about it, and what both of them look like.
    device = f'dcim/devices/{leaf["data"]["id"]}/'
    assert stack.call('PATCH', device, {'serial': 'MINE'})[0] == 200
    (theirs,) = heard(1)
    sync()
    _, found = stack.call('GET', f'plugins/hedgehog/discrepancies/?fabric_id={fabric}&field=serial')
    (discrepancy,) = found['results']
    path = f'plugins/hedgehog/discrepancies/{discrepancy["id"]}/resolve/'
    status, answer = stack.call('POST', path, {'decision': 'fabric'})
    assert status == 200, answer
    (ours,) = heard(1)
    assert ours.keys() == theirs.keys()
    assert ours['data'].keys() == theirs['data'].keys()
    assert (ours['event'], ours['request']['user']) == (theirs['event'], theirs['request']['user'])
    assert ours['snapshots']['prechange']['serial'] == 'MINE'
    assert ours['data']['serial'] == ours['snapshots']['postchange']['serial'] == leaf['data']['serial']

    # A plan that a person has seen and applies.
    api.patch('Agent', 'leaf-01', {'status': {'state': {'nos': {'serialNumber': 'REPLACED'}}}})
    stack.edit(fabric, inventory_enabled=False)
    sync()
    stack.edit(fabric, inventory_enabled=True)
    _, plan = stack.call('GET', f'plugins/hedgehog/fabrics/{fabric}/inventory/plan/')
    status, answer = stack.call('POST', f'plugins/hedgehog/fabrics/{fabric}/inventory/apply/', {
        'digest': plan['digest'],
    })
    assert status == 202, answer
    (call,) = heard(1)
    stack.wait_until(
        lambda: stack.sql("SELECT 1 FROM core_job WHERE id = %s AND status = 'completed'", answer['id']), 60,
        'the plan is applied',
    )
    assert (call['data']['name'], call['data']['serial']) == ('leaf-01', 'REPLACED')
    assert call['request']['user'] == ours['request']['user']

    # A run that marks what is gone from the fabric, and one that deletes it.
    _, found = stack.call('GET', 'dcim/devices/?name=server-04')
    pk = found['results'][0]['id']
    gone = {
        ('dcim.device', pk),
        *(('dcim.cable', row['cable']['id']) for row in interfaces(stack, pk) if row['cable']),
    }
    assert len(gone) == 2
    api.delete('Server', 'server-04')
    for connection in api.objects('Connection'):
        if 'server-04' in connection['metadata']['name']:
            api.delete('Connection', connection['metadata']['name'])
    sync()
    (call,) = heard(1)
    assert (call['event'], call['data']['id']) == ('updated', pk)
    sync()
    calls = heard(2)
    assert {call['event'] for call in calls} == {'deleted'}
    assert sorted((call['object_type'], call['data']['id']) for call in calls) == sorted(gone)
    assert {call['request']['user'] for call in calls} == {'hedgehog'}
    stack.end(worker)
