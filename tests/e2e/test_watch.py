"""`hedgehog_sync watch`: changes of fabrics that ask for it, as they happen."""

import time
from collections.abc import Iterator

import pytest

from demo.kubernetes_api import KubernetesAPI
from demo.processes import Process

from .stack import OWN_SETTINGS, Row, Stack

SETTINGS = OWN_SETTINGS

# Seconds within which a change is in NetBox, on a machine that has much else to do.
SOON = 30


@pytest.fixture
def watcher(stack: Stack) -> Iterator[Process]:
    process = stack.process('watcher', 'hedgehog_sync', 'watch')
    yield process
    if process in stack.processes:
        stack.end(process)


def watched(stack: Stack, api: KubernetesAPI, name: str) -> int:
    """A fabric that no run reads, only a watch."""
    fabric = stack.fabric(name, api, scheduler_enabled=False, watch_enabled=True)
    stack.wait_until(lambda: len(stack.resources(fabric)) == len(api.objects()), SOON, f'all of {name} is listed')
    return fabric


def server(stack: Stack, fabric: int, name: str) -> Row | None:
    found = [row for row in stack.resources(fabric) if (row['kind'], row['name']) == ('Server', name)]
    return found[0] if found else None


def change(stack: Stack, api: KubernetesAPI, fabric: int, text: str) -> None:
    """Changes a server in the cluster, and waits until NetBox has it."""
    api.patch('Server', 'server-01', {'spec': {'description': text}})

    def seen() -> bool:
        row = server(stack, fabric, 'server-01')
        return row is not None and row['spec'].get('description') == text

    stack.wait_until(seen, SOON, f'the change {text!r} is in NetBox')


def owner(stack: Stack, fabric: int) -> str:
    return (stack.redis.get(f'netbox_hedgehog:watch:{fabric}') or b'').decode()


def test_changes_without_a_sync(stack, api, watcher):
    fabric = watched(stack, api, 'w1')
    change(stack, api, fabric, 'watched')
    item = api.get('Server', 'server-02')
    api.delete('Server', 'server-02')
    stack.wait_until(lambda: server(stack, fabric, 'server-02')['missing_since'], SOON, 'the deletion is seen')
    api.put(item)
    stack.wait_until(lambda: not server(stack, fabric, 'server-02')['missing_since'], SOON, 'it is back')
    assert stack.jobs(fabric) == []
    health = stack.call('GET', 'plugins/hedgehog/health/')[1]
    assert (health['watched'], health['unwatched'], len(health['watchers'])) == (1, 0, 1)


def test_it_goes_on_after_the_cluster_was_away(stack, api, watcher):
    fabric = watched(stack, api, 'w2')
    api.close_watches()
    change(stack, api, fabric, 'after a break')
    api.stop()
    api.patch('Server', 'server-01', {'spec': {'description': 'during an outage'}})
    api.compact()
    api.start()
    change(stack, api, fabric, 'after an outage')
    assert len([row for row in stack.resources(fabric) if row['missing_since'] is None]) == len(api.objects())


def test_a_fabric_that_stops_asking_or_goes(stack, api, watcher):
    first, second = watched(stack, api, 'w3'), watched(stack, api, 'w4')
    stack.edit(first, watch_enabled=False)
    stack.delete(second)
    stack.wait_until(lambda: not owner(stack, first) and not owner(stack, second), SOON, 'both are given back')
    stack.edit(first, watch_enabled=True)
    stack.wait_until(lambda: owner(stack, first), SOON, 'it is taken again')
    change(stack, api, first, 'again')
    assert watcher.pid is not None
    assert 'Traceback' not in watcher.log.read_text()


def test_a_token_that_is_replaced(stack, api, watcher):
    api.grant('other-token', 'viewer')
    fabric = watched(stack, api, 'w5')
    stack.edit(fabric, kubernetes_token='nonsense')
    stack.wait_until(lambda: 'fails: ' in watcher.log.read_text(), SOON, 'that it fails is said')
    stack.edit(fabric, kubernetes_token='other-token')
    change(stack, api, fabric, 'with another token')
    assert 'nonsense' not in watcher.log.read_text()


def test_a_killed_watcher_is_replaced(stack, api, watcher):
    fabrics = [watched(stack, api, f'w6{letter}') for letter in 'abc']
    other = stack.process('watcher', 'hedgehog_sync', 'watch')
    stack.wait_until(lambda: len({owner(stack, fabric) for fabric in fabrics}) == 2, SOON, 'the two share the fabrics')
    stack.kill(watcher)
    for fabric in fabrics:
        change(stack, api, fabric, f'told by the other {time.time()}')
    assert {f'.{other.pid}.' in owner(stack, fabric) for fabric in fabrics} == {True}
    stack.end(other)
    assert [owner(stack, fabric) for fabric in fabrics] == ['', '', ''], 'given back at once'


def test_watch_and_syncs_together(stack, api, watcher):
    """A run in the middle of many changes: neither stops the other, and nothing is lost."""
    stack.worker()
    fabric = watched(stack, api, 'w7')
    for number in range(20):
        api.patch('Server', 'server-01', {'spec': {'description': f'number {number}'}})
        if number % 10 == 5:
            code, answer = stack.call('POST', f'plugins/hedgehog/fabrics/{fabric}/sync/')
            assert code in (202, 409), answer
    change(stack, api, fabric, 'the end')
    stack.runs(fabric, 1, SOON)
    change(stack, api, fabric, 'after the end')
    assert all(row['missing_since'] is None for row in stack.resources(fabric))
