"""The API server answers, and answers wrongly, to everything: a proxy's page, an overload, another version's objects.

What tests of the client and of single kinds hold is not repeated here: these are whole runs, as people see them.
"""

import json
from collections.abc import Callable
from typing import Any

import pytest

from demo.kubernetes_api import KubernetesAPI
from netbox_hedgehog.models import Fabric, FabricResource

from .syncing import assert_complete, assert_failed, assert_recovers, mirror, sync

INVALID_UTF8 = b'{"kind": "List", "metadata": {}, "items": [{"metadata": {"name": "\xff\xfe"}}]}'

# For each what is said, and whether the address still counts as one where an API server answers.
ANSWERS: dict[str, tuple[Callable[[KubernetesAPI], None], str, bool]] = {
    'a page': (lambda api: api.faults.html(times=None), 'did not respond with JSON. Check that the address', False),
    'half of JSON': (lambda api: api.faults.invalid_json(times=None), 'did not respond with JSON', False),
    'invalid UTF-8': (lambda api: api.faults.answer(200, body=INVALID_UTF8, times=None), 'cannot be decoded as JSON', False),
    '429 without an end': (lambda api: api.faults.answer(429, retry_after=1, times=None), '(429), also after retries', False),
    '500 without an end': (lambda api: api.faults.answer(500, times=None), '(500), also after retries', False),
    '503 without an end': (lambda api: api.faults.answer(503, times=None), '(503), also after retries', False),
    'a page of a gateway': (lambda api: api.faults.html(502, times=None), '(502), also after retries', False),
    'a redirect': (lambda api: api.faults.redirect('https://127.0.0.1:1/', times=None), 'sent a redirect (302)', False),
    'to log in': (lambda api: api.faults.answer(401, times=None), 'The API server rejected the credentials (401).', False),
    'nothing is allowed': (lambda api: api.faults.answer(403, times=None), 'may not list 24 kinds (403).', True),
    'nothing is installed': (lambda api: api.faults.answer(404, times=None), 'No Hedgehog kind is installed', True),
    'everything has expired': (lambda api: api.faults.answer(410, times=None), 'expired during the sync (410)', False),
}


@pytest.mark.parametrize('what', ANSWERS)
def test_a_wrong_answer_is_said_and_takes_nothing(api: KubernetesAPI, fabric: Fabric, setting: Any, what: str) -> None:
    setting(retries=2)
    inflict, said, reached = ANSWERS[what]
    api.delete('Server', 'server-01')
    inflict(api)
    assert_failed(fabric, said, reached=reached)
    api.faults.clear()
    assert_recovers(fabric, api)


def test_a_storm_of_429_passes(api: KubernetesAPI, fabric: Fabric, setting: Any) -> None:
    """Every request is turned away twice, and told when to come again."""
    setting(retries=4)
    api.delete('Server', 'server-01')
    # Lists only: discovery is not tried again, and not waited for.
    for kind in {request.path for request in api.requests if '/namespaces/' in request.path}:
        api.faults.answer(429, retry_after=1, times=2, match=rf'{kind}\?')
    assert_recovers(fabric, api)
    assert not api.faults.waiting


def test_objects_of_another_version_are_not_taken_for_what_they_are_not(api: KubernetesAPI, fabric: Fabric) -> None:
    """Their fields may mean something else: the kind counts as not read, and what was known stays."""
    before = mirror(fabric)
    items = [{**item, 'apiVersion': 'wiring.githedgehog.com/v2', 'spec': {'text': 'x'}} for item in api.objects('Server')]
    for number, item in enumerate(items):
        item['metadata']['resourceVersion'] = f'9{number}'
    listed = {'apiVersion': 'wiring.githedgehog.com/v2', 'kind': 'ServerList', 'metadata': {'resourceVersion': '99'}}
    api.faults.answer(200, match='/servers', body=json.dumps({**listed, 'items': items[1:]}).encode(), times=None)
    sync(fabric)
    assert fabric.sync_status == 'partial'
    assert 'returned servers as wiring.githedgehog.com/v2' in fabric.sync_error
    assert mirror(fabric) == before
    api.faults.clear()
    assert_complete(fabric, api)


def test_one_object_of_another_version_costs_only_itself(api: KubernetesAPI, fabric: Fabric) -> None:
    servers = api.objects('Server')
    odd = {**servers[0], 'apiVersion': 'wiring.githedgehog.com/v2', 'spec': {'text': 'x'}}
    odd['metadata'] = {**odd['metadata'], 'resourceVersion': '99'}
    body = {'kind': 'ServerList', 'metadata': {'resourceVersion': '99'}, 'items': [odd, *servers[1:]]}
    before = mirror(fabric)
    api.faults.answer(200, match='/servers', body=json.dumps(body).encode(), times=None)
    sync(fabric)
    assert fabric.sync_status == 'partial'
    name = servers[0]['metadata']['name']
    assert f'Server: {name}: it is a Server of wiring.githedgehog.com/v2' in fabric.sync_error
    assert mirror(fabric) == before
    assert not FabricResource.objects.exclude(missing_since=None).exists()
    api.faults.clear()
    assert_complete(fabric, api)


def test_references_that_dangle_or_go_in_circles(api: KubernetesAPI, fabric: Fabric) -> None:
    """The mirror holds them as they are: what they lead to is asked where it is shown."""
    for kind, name, spec in (
        ('VPC', 'vpc-a', {'subnets': {'s': {'subnet': '10.9.0.0/24', 'dhcp': {'relayVPC': 'vpc-b/s'}}}, 'vlanNamespace': 'none'}),
        ('VPC', 'vpc-b', {'subnets': {'s': {'subnet': '10.9.1.0/24', 'dhcp': {'relayVPC': 'vpc-a/s'}}}, 'ipv4Namespace': 'none'}),
        ('VPCPeering', 'itself', {'permit': [{'vpc-a': {}, 'vpc-a ': {}}, {'vpc-nowhere': {}}]}),
        ('VPCAttachment', 'nowhere', {'subnet': 'vpc-none/none', 'connection': 'none'}),
        ('Connection', 'circle', {'mesh': {'links': [{'leaf1': {'port': 'leaf-01/E1/1'}, 'leaf2': {'port': 'leaf-01/E1/1'}}]}}),
        ('Switch', 'lonely', {'role': 'server-leaf', 'profile': 'none', 'redundancy': {'group': 'none', 'type': 'mclag'}}),
    ):
        version = kind_of(kind)
        api.put({'apiVersion': version, 'kind': kind, 'metadata': {'name': name, 'namespace': 'default'}, 'spec': spec})
    assert_complete(fabric, api)


def kind_of(kind: str) -> str:
    from netbox_hedgehog.hedgehog.kinds import KIND_BY_NAME

    return KIND_BY_NAME[kind].api_version
