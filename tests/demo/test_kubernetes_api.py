"""The demo's Kubernetes API, asked by the kubernetes package's own client and by plain requests."""

import gzip
import json
import os
import signal
import ssl
import subprocess
import sys
import tempfile
import threading
import time
import unittest
from pathlib import Path
from typing import Any

import urllib3
import yaml
from kubernetes import client, config, watch

from demo.kubernetes_api import Access, APIError, Authority, KubernetesAPI, limited_to, load_objects
from demo.kubernetes_api.patches import PatchError, json_patch

ROOT = Path(__file__).parents[2]
DATA = ROOT / 'demo' / 'data'
WIRING = ('wiring.githedgehog.com', 'v1beta1')
SWITCHES = '/apis/wiring.githedgehog.com/v1beta1/switches'
SERVERS = '/apis/wiring.githedgehog.com/v1beta1/namespaces/default/servers'
AGENTS = '/apis/agent.githedgehog.com/v1beta1/agents'
MERGE = 'application/merge-patch+json'
PARTIAL = 'application/json;as=PartialObjectMetadata{};g=meta.k8s.io;v=v1'


def server(name: str, **metadata: Any) -> dict[str, Any]:
    """A Server, the plainest kind there is."""
    return {
        'apiVersion': 'wiring.githedgehog.com/v1beta1',
        'kind': 'Server',
        'metadata': {'name': name, 'namespace': 'default', **metadata},
        'spec': {'description': name},
    }


class Case(unittest.TestCase):
    """A server of its own for each test, with `objects`; `ask` sends it plain requests."""

    objects: list[dict[str, Any]] = []
    options: dict[str, Any] = {}

    def setUp(self) -> None:
        self.api = KubernetesAPI(self.objects, **self.options)
        self.addCleanup(self.api.stop)
        self.api.start()
        context = ssl.create_default_context(cadata=self.api.ca_pem or None)
        self.pool = urllib3.PoolManager(ssl_context=context, retries=False, timeout=10)
        self.addCleanup(self.pool.clear)

    def ask(
        self,
        path: str,
        method: str = 'GET',
        body: Any = None,
        token: str | None = 'admin-token',
        content_type: str = 'application/json',
        **headers: str,
    ) -> urllib3.BaseHTTPResponse:
        headers = {name.replace('_', '-'): value for name, value in headers.items()}
        if token:
            headers['Authorization'] = f'Bearer {token}'
        if body is not None:
            headers['Content-Type'] = content_type
            body = json.dumps(body)
        return self.pool.request(method, self.api.url + path, headers=headers, body=body, redirect=False)

    def json(self, path: str, *args: Any, expect: int = 200, **kwargs: Any) -> Any:
        response = self.ask(path, *args, **kwargs)
        self.assertEqual(response.status, expect, response.data[:500])
        return response.json()

    def failure(self, code: int, reason: str, path: str, *args: Any, **kwargs: Any) -> str:
        """The message of a Status that has to come."""
        body = self.json(path, *args, expect=code, **kwargs)
        self.assertEqual((body['kind'], body['status'], body['code']), ('Status', 'Failure', code))
        self.assertEqual(body['reason'], reason)
        return str(body['message'])

    def client(self, token: str = 'admin-token') -> client.CustomObjectsApi:
        api_client = config.new_client_from_config_dict(yaml.safe_load(self.api.kubeconfig(token)))
        self.addCleanup(api_client.close)
        return client.CustomObjectsApi(api_client)


class SampleTest(Case):
    """The sample fabric, read in every way."""

    @classmethod
    def setUpClass(cls) -> None:
        cls.objects = load_objects(DATA)

    def test_sample_is_whole(self) -> None:
        self.assertEqual(len(self.objects), 64)
        self.assertIn('CANARY', json.dumps(self.objects), 'the secrets that must never be stored belong to it')

    def test_client_reads_every_kind(self) -> None:
        custom, found = self.client('viewer-token'), 0
        for resource in self.api.store.resources:
            listed = custom.list_cluster_custom_object(resource.group, resource.version, resource.plural)
            self.assertEqual(listed['kind'], f'{resource.kind}List')
            self.assertEqual(listed['apiVersion'], resource.api_version)
            found += len(listed['items'])
        self.assertEqual(found, 64)

    def test_objects_keep_who_they_are(self) -> None:
        given = next(item for item in self.objects if item['kind'] == 'Switch')
        served = self.json(
            f'{SWITCHES.replace("/switches", "/namespaces/default/switches")}/{given["metadata"]["name"]}'
        )
        for name in ('uid', 'generation', 'creationTimestamp', 'labels'):
            self.assertEqual(served['metadata'].get(name), given['metadata'].get(name))
        self.assertEqual(served['spec'], given['spec'])

    def test_metadata_only(self) -> None:
        listed = self.json(SWITCHES, Accept=PARTIAL.format('List'))
        self.assertEqual((listed['kind'], listed['apiVersion']), ('PartialObjectMetadataList', 'meta.k8s.io/v1'))
        self.assertEqual(len(listed['items']), 5)
        self.assertEqual({tuple(sorted(item)) for item in listed['items']}, {('apiVersion', 'kind', 'metadata')})
        one = self.json(f'{SERVERS}/server-01', Accept=PARTIAL.format(''))
        self.assertEqual(one['kind'], 'PartialObjectMetadata')
        self.failure(406, 'NotAcceptable', SWITCHES, Accept=PARTIAL.format(''))
        self.failure(406, 'NotAcceptable', SWITCHES, Accept='text/html')
        self.assertEqual(
            self.json(SWITCHES, Accept='application/json;as=Table;v=v1,application/json')['kind'], 'SwitchList'
        )

    def test_gzip_for_large_answers(self) -> None:
        agent = self.api.get('Agent', 'leaf-01')
        for number in range(5):
            self.api.put({**agent, 'metadata': {'name': f'copy-{number}'}})
        url, headers = self.api.url, {'Authorization': 'Bearer viewer-token', 'Accept-Encoding': 'gzip'}
        large = self.pool.request('GET', url + AGENTS, headers=headers, decode_content=False)
        self.assertEqual(large.headers['Content-Encoding'], 'gzip')
        self.assertEqual(len(json.loads(gzip.decompress(large.data))['items']), 10)
        small = self.pool.request('GET', url + SERVERS, headers=headers)
        self.assertNotIn('Content-Encoding', small.headers)

    def test_selectors(self) -> None:
        def names(query: str) -> list[str]:
            return [item['metadata']['name'] for item in self.json(f'{SWITCHES}?{query}')['items']]

        profile = 'fabric.githedgehog.com/profile'
        self.assertEqual(names('fieldSelector=metadata.name=leaf-01'), ['leaf-01'])
        self.assertEqual(len(names('fieldSelector=metadata.name!=leaf-01')), 4)
        self.assertEqual(len(names(f'labelSelector={profile}')), 5)
        self.assertEqual(names(f'labelSelector=!{profile}'), [])
        self.assertEqual(len(names(f'labelSelector={profile}=acme-s3200')), 2)
        self.assertEqual(len(names(f'labelSelector={profile}!=acme-s3200')), 3)
        self.assertEqual(len(names(f'labelSelector={profile} in (acme-s3200, acme-l4808)')), 5)
        self.assertEqual(len(names(f'labelSelector={profile} notin (acme-s3200),{profile}')), 3)
        self.failure(400, 'BadRequest', f'{SWITCHES}?labelSelector=!!')
        self.failure(400, 'BadRequest', f'{SWITCHES}?fieldSelector=spec.role=spine')

    def test_namespaces(self) -> None:
        elsewhere = self.json(SERVERS.replace('default', 'elsewhere'))
        self.assertEqual(elsewhere['items'], [])
        self.assertEqual(len(self.json(SERVERS)['items']), 4)

    def test_discovery(self) -> None:
        api_client = self.client('viewer-token').api_client
        self.assertTrue(client.VersionApi(api_client).get_code().git_version.startswith('v1.'))
        groups = {group.name for group in client.ApisApi(api_client).get_api_versions().groups}
        self.assertLessEqual({'wiring.githedgehog.com', 'vpc.githedgehog.com', 'authorization.k8s.io'}, groups)
        resources = client.CustomObjectsApi(api_client).get_api_resources(*WIRING).resources
        by_name = {resource.name: resource for resource in resources}
        self.assertEqual(by_name['switches'].kind, 'Switch')
        self.assertIn('switches/status', by_name)
        self.assertEqual(self.json('/apis/wiring.githedgehog.com')['preferredVersion']['version'], 'v1beta1')
        self.assertEqual(client.CoreApi(api_client).get_api_versions().versions, ['v1'])
        for path in ('/readyz', '/healthz', '/version'):
            self.assertEqual(self.ask(path, token=None).status, 200)
        accept = 'application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,application/json'
        found = self.json('/apis', Accept=accept)
        self.assertEqual(found['kind'], 'APIGroupDiscoveryList')
        wiring = next(item for item in found['items'] if item['metadata']['name'] == 'wiring.githedgehog.com')
        switches = next(item for item in wiring['versions'][0]['resources'] if item['resource'] == 'switches')
        self.assertEqual((switches['responseKind']['kind'], switches['scope']), ('Switch', 'Namespaced'))
        self.assertIn('cannot get path "/apis"', self.failure(403, 'Forbidden', '/apis', token=None))

    def test_kind_that_is_not_installed(self) -> None:
        self.api.missing_kinds |= {'Switch', 'GatewayAgent'}
        for path in (SWITCHES, '/apis/gwint.githedgehog.com/v1alpha1', '/apis/nobody.example.com/v1/things'):
            response = self.ask(path)
            self.assertEqual((response.status, response.data), (404, b'404 page not found\n'))
            self.assertTrue(response.headers['Content-Type'].startswith('text/plain'))
        names = [entry['name'] for entry in self.json('/apis/wiring.githedgehog.com/v1beta1')['resources']]
        self.assertNotIn('switches', names)
        self.api.missing_kinds.clear()
        self.assertEqual(len(self.json(SWITCHES)['items']), 5)

    def test_loading_lists_and_lines(self) -> None:
        with tempfile.TemporaryDirectory() as folder:
            Path(folder, 'a.json').write_text(json.dumps({'kind': 'List', 'apiVersion': 'v1', 'items': [server('a')]}))
            Path(folder, 'b.jsonl').write_text('\n'.join(json.dumps(server(name)) for name in 'bc'))
            Path(folder, 'd.yaml').write_text('---\n---\n' + yaml.safe_dump(server('d')) + '# 2026-03-02T09:00:00Z\n')
            self.assertEqual([item['metadata']['name'] for item in load_objects(folder)], list('abcd'))
            Path(folder, 'e.yaml').write_text('just: text')
            with self.assertRaisesRegex(ValueError, 'e.yaml'):
                load_objects(folder)


class AccessTest(Case):
    objects = [server('a')]

    def test_unknown_token(self) -> None:
        for path in (SWITCHES, '/version'):
            self.assertEqual(self.failure(401, 'Unauthorized', path, token='wrong'), 'Unauthorized')
        self.assertIn('system:anonymous', self.failure(403, 'Forbidden', SWITCHES, token=None))

    def test_viewer_may_only_read(self) -> None:
        self.json(SWITCHES, token='viewer-token')
        message = self.failure(403, 'Forbidden', SERVERS, 'POST', server('b'), token='viewer-token')
        self.assertEqual(
            message,
            'servers.wiring.githedgehog.com is forbidden: User "viewer" cannot create resource "servers" in API group '
            '"wiring.githedgehog.com" in the namespace "default"',
        )
        message = self.failure(403, 'Forbidden', f'{SERVERS}/a', 'DELETE', token='viewer-token')
        self.assertTrue(
            message.startswith('servers.wiring.githedgehog.com "a" is forbidden: User "viewer" cannot delete')
        )

    def test_editor_of_one_kind_in_one_namespace(self) -> None:
        vpcs = '/apis/vpc.githedgehog.com/v1beta1'
        self.json(f'{vpcs}/namespaces/default/vpcs', token='vpc-editor-token')
        message = self.failure(403, 'Forbidden', f'{vpcs}/vpcs', token='vpc-editor-token')
        self.assertTrue(
            message.endswith('cannot list resource "vpcs" in API group "vpc.githedgehog.com" at the cluster scope')
        )
        message = self.failure(403, 'Forbidden', f'{SERVERS}/a/status', 'PUT', {}, token='vpc-editor-token')
        self.assertIn('cannot update resource "servers/status"', message)
        self.api.missing_kinds.add('Switch')
        self.failure(403, 'Forbidden', SWITCHES, token='vpc-editor-token')

    def test_rules_come_and_go(self) -> None:
        self.api.grant('mine', limited_to('servers', verbs=frozenset({'list'})))
        self.json(SERVERS, token='mine')
        self.failure(403, 'Forbidden', f'{SERVERS}/a', token='mine')
        self.api.grant('mine', lambda access: access == Access('get', WIRING[0], 'servers', 'default', 'a'))
        self.json(f'{SERVERS}/a', token='mine')
        self.api.revoke('mine')
        self.failure(401, 'Unauthorized', SERVERS, token='mine')

    def test_access_review(self) -> None:
        def allowed(token: str, verb: str, resource: str, namespace: str = '') -> bool:
            attributes = client.V1ResourceAttributes(
                verb=verb, group='vpc.githedgehog.com', resource=resource, namespace=namespace
            )
            review = client.V1SelfSubjectAccessReview(
                spec=client.V1SelfSubjectAccessReviewSpec(resource_attributes=attributes)
            )
            authorization = client.AuthorizationV1Api(self.client(token).api_client)
            return bool(authorization.create_self_subject_access_review(review).status.allowed)

        self.assertTrue(allowed('viewer-token', 'list', 'vpcs'))
        self.assertFalse(allowed('viewer-token', 'delete', 'vpcs'))
        self.assertFalse(allowed('vpc-editor-token', 'list', 'vpcs'))
        self.assertTrue(allowed('vpc-editor-token', 'list', 'vpcs', 'default'))

    def test_roles_have_names(self) -> None:
        with self.assertRaises(ValueError):
            KubernetesAPI(tokens={'x': 'king'})

    def test_foreign_certificate_is_refused(self) -> None:
        foreign = urllib3.PoolManager(ca_cert_data=Authority.create().certificate_pem, retries=False)
        with self.assertRaises(urllib3.exceptions.SSLError):
            foreign.request('GET', self.api.url)


class PlainHTTPTest(Case):
    objects = [server('a')]
    options = {'tls': False}

    def test_without_tls(self) -> None:
        self.assertTrue(self.api.url.startswith('http://'))
        self.assertEqual(self.api.ca_pem, '')
        self.assertEqual(len(self.json(SERVERS)['items']), 1)


class PagingTest(Case):
    objects = [server(f's-{number:02d}') for number in range(10)]

    def names(self, page: Any) -> list[str]:
        return [item['metadata']['name'] for item in page['items']]

    def test_pages_are_of_one_moment(self) -> None:
        first = self.json(f'{SERVERS}?limit=4')
        self.assertEqual(first['metadata']['remainingItemCount'], 6)
        self.api.delete('Server', 's-05')
        self.api.delete('Server', 's-00')
        self.api.put(server('s-04a'))
        self.api.patch('Server', 's-09', {'spec': {'description': 'other'}})
        second = self.json(f'{SERVERS}?limit=4&continue={first["metadata"]["continue"]}')
        third = self.json(f'{SERVERS}?limit=4&continue={second["metadata"]["continue"]}')
        self.assertEqual(
            self.names(first) + self.names(second) + self.names(third), [f's-{number:02d}' for number in range(10)]
        )
        self.assertEqual(third['items'][-1]['spec']['description'], 's-09')
        self.assertEqual(
            {page['metadata']['resourceVersion'] for page in (second, third)}, {first['metadata']['resourceVersion']}
        )
        self.assertEqual((third['metadata']['continue'], third['metadata'].get('remainingItemCount')), ('', None))
        self.assertEqual(len(self.names(self.json(SERVERS))), 9)

    def test_expired_token(self) -> None:
        first = self.json(f'{SERVERS}?limit=4')
        self.api.expire_continue_tokens()
        response = self.ask(f'{SERVERS}?limit=4&continue={first["metadata"]["continue"]}')
        body = response.json()
        self.assertEqual((response.status, body['reason']), (410, 'Expired'))
        rest = self.json(f'{SERVERS}?continue={body["metadata"]["continue"]}')
        self.assertEqual(len(rest['items']), 6)
        again = self.json(f'{SERVERS}?limit=4')
        self.json(f'{SERVERS}?limit=4&continue={again["metadata"]["continue"]}')

    def test_bad_parameters(self) -> None:
        self.failure(400, 'BadRequest', f'{SERVERS}?limit=4&continue=garbage')
        self.failure(400, 'BadRequest', f'{SERVERS}?limit=many')
        self.failure(400, 'BadRequest', f'{SERVERS}?resourceVersion=x')
        self.failure(504, 'Timeout', f'{SERVERS}?resourceVersion=999999')

    def test_any_version_does_not_page(self) -> None:
        self.assertEqual(len(self.json(f'{SERVERS}?limit=4&resourceVersion=0')['items']), 10)

    def test_no_count_with_a_selector(self) -> None:
        page = self.json(f'{SERVERS}?limit=4&fieldSelector=metadata.name!=s-00')
        self.assertNotIn('remainingItemCount', page['metadata'])
        self.assertTrue(page['metadata']['continue'])

    def test_exact_revision(self) -> None:
        before = self.json(SERVERS)['metadata']['resourceVersion']
        self.api.delete('Server', 's-00')
        query = f'{SERVERS}?resourceVersionMatch=Exact&resourceVersion={before}'
        self.assertEqual(len(self.json(query)['items']), 10)
        self.api.compact()
        self.failure(410, 'Expired', query)


class WritingTest(Case):
    objects = [server('a')]

    def test_life_of_an_object(self) -> None:
        custom = self.client()
        where = (*WIRING, 'default', 'servers')
        made = custom.create_namespaced_custom_object(*where, {**server('b'), 'status': {'x': 1}})
        self.assertNotIn('status', made)
        self.assertEqual(made['metadata']['generation'], 1)
        self.assertTrue(made['metadata']['creationTimestamp'].endswith('Z'))
        with self.assertRaises(client.ApiException) as caught:
            custom.create_namespaced_custom_object(*where, server('b'))
        self.assertEqual((caught.exception.status, json.loads(caught.exception.body)['reason']), (409, 'AlreadyExists'))

        changed = custom.replace_namespaced_custom_object(*where, 'b', {**made, 'spec': {'description': 'new'}})
        self.assertEqual(changed['metadata']['generation'], 2)
        with self.assertRaises(client.ApiException) as caught:
            custom.replace_namespaced_custom_object(*where, 'b', made)
        self.assertEqual((caught.exception.status, json.loads(caught.exception.body)['reason']), (409, 'Conflict'))

        body = {**changed, 'spec': {'description': 'ignored'}, 'status': {'x': 2}}
        told = custom.replace_namespaced_custom_object_status(*where, 'b', body)
        self.assertEqual((told['spec'], told['status']), ({'description': 'new'}, {'x': 2}))
        self.assertEqual(told['metadata']['generation'], 2)
        self.assertGreater(int(told['metadata']['resourceVersion']), int(changed['metadata']['resourceVersion']))

        patched = custom.patch_namespaced_custom_object(*where, 'b', {'spec': {'mtu': 1}, 'status': {'x': 3}})
        self.assertEqual((patched['spec'], patched['status']), ({'description': 'new', 'mtu': 1}, {'x': 2}))
        again = custom.patch_namespaced_custom_object(*where, 'b', {'spec': {'mtu': 1}})
        self.assertEqual(again, patched, 'a write that changes nothing is none')
        operations = [{'op': 'remove', 'path': '/spec/mtu'}]
        kind = 'application/json-patch+json'
        self.assertEqual(
            self.json(f'{SERVERS}/b', 'PATCH', operations, content_type=kind)['spec'], {'description': 'new'}
        )

        self.assertEqual(custom.delete_namespaced_custom_object(*where, 'b')['status'], 'Success')
        with self.assertRaises(client.ApiException) as caught:
            custom.get_namespaced_custom_object(*where, 'b')
        self.assertEqual((caught.exception.status, json.loads(caught.exception.body)['reason']), (404, 'NotFound'))
        self.assertNotEqual(
            custom.create_namespaced_custom_object(*where, made)['metadata']['uid'], made['metadata']['uid']
        )

    def test_labels_make_no_generation(self) -> None:
        patched = self.json(f'{SERVERS}/a', 'PATCH', {'metadata': {'labels': {'x': 'y'}}}, content_type=MERGE)
        self.assertEqual((patched['metadata']['labels'], patched['metadata']['generation']), ({'x': 'y'}, 1))

    def test_refused_writes(self) -> None:
        self.failure(422, 'Invalid', SERVERS, 'POST', server(''))
        self.failure(422, 'Invalid', SERVERS, 'POST', server('Not_A_Name'))
        self.failure(400, 'BadRequest', SERVERS, 'POST', server('c', namespace='other'))
        self.failure(422, 'Invalid', SERVERS, 'POST', {**server('c'), 'kind': 'Switch'})
        self.failure(400, 'BadRequest', SERVERS, 'POST', [1])
        self.failure(400, 'BadRequest', f'{SERVERS}?dryRun=All', 'POST', server('c'))
        self.failure(415, 'UnsupportedMediaType', f'{SERVERS}/a', 'PATCH', {})
        self.failure(422, 'Invalid', f'{SERVERS}/a', 'PUT', server('a'))
        self.failure(404, 'NotFound', f'{SERVERS}/c', 'PUT', server('c'))
        self.failure(
            409, 'Conflict', f'{SERVERS}/a', 'PATCH', {'metadata': {'resourceVersion': '0'}}, content_type=MERGE
        )
        self.failure(409, 'Conflict', f'{SERVERS}/a', 'DELETE', {'preconditions': {'uid': 'x'}})
        self.assertEqual([item['metadata']['name'] for item in self.api.objects()], ['a'])

    def test_from_the_outside(self) -> None:
        before = self.api.get('Server', 'a')
        after = self.api.patch('Server', 'a', {'spec': {'description': 'x'}, 'status': {'y': 1}})
        self.assertEqual((after['spec'], after['status']), ({'description': 'x'}, {'y': 1}))
        self.assertEqual(after['metadata']['generation'], 2)
        self.api.delete('Server', 'a')
        with self.assertRaises(APIError) as caught:
            self.api.get('Server', 'a')
        self.assertEqual(caught.exception.code, 404)
        recreated = self.api.put(before)
        self.assertNotEqual(recreated['metadata']['uid'], before['metadata']['uid'])
        self.assertEqual(recreated['metadata']['generation'], 1)

    def test_json_patch(self) -> None:
        document = {'a': [1, 2], 'b/c': {'d': 1}}
        patched = json_patch(
            document,
            [
                {'op': 'test', 'path': '/a/0', 'value': 1},
                {'op': 'add', 'path': '/a/-', 'value': 3},
                {'op': 'replace', 'path': '/a/0', 'value': 0},
                {'op': 'move', 'from': '/b~1c/d', 'path': '/e'},
                {'op': 'copy', 'from': '/e', 'path': '/a/1'},
            ],
        )
        self.assertEqual(patched, {'a': [0, 1, 2, 3], 'b/c': {}, 'e': 1})
        self.assertEqual(document, {'a': [1, 2], 'b/c': {'d': 1}})
        for wrong in (
            {'op': 'remove', 'path': '/x'},
            {'op': 'add', 'path': '/a/9', 'value': 1},
            {'op': 'x', 'path': ''},
        ):
            with self.assertRaises(PatchError):
                json_patch(document, [wrong])


class WatchTest(Case):
    objects = [server('a', labels={'rack': '1'}), server('b')]

    def events(self, query: str, accept: str = 'application/json') -> list[dict[str, Any]]:
        response = self.ask(f'{SERVERS}?watch=1&timeoutSeconds=1&{query}', Accept=accept)
        self.assertEqual(response.status, 200)
        return [json.loads(line) for line in response.data.splitlines()]

    def told(self, query: str) -> list[tuple[str, str]]:
        return [(event['type'], event['object']['metadata']['name']) for event in self.events(query)]

    def test_client_sees_what_happens(self) -> None:
        stream = watch.Watch()
        custom = self.client('viewer-token')
        listed = custom.list_namespaced_custom_object(*WIRING, 'default', 'servers')
        timer = threading.Timer(0.3, lambda: (self.api.put(server('c')), self.api.delete('Server', 'c')))
        timer.start()
        self.addCleanup(timer.join)
        seen = []
        for event in stream.stream(
            custom.list_namespaced_custom_object,
            *WIRING,
            'default',
            'servers',
            resource_version=listed['metadata']['resourceVersion'],
            timeout_seconds=5,
        ):
            seen.append((event['type'], event['object']['metadata']['name']))
            if len(seen) == 2:
                stream.stop()
        self.assertEqual(seen, [('ADDED', 'c'), ('DELETED', 'c')])

    def test_any_true_starts_a_watch(self) -> None:
        for value, lines in (('True', 2), ('false', 1)):
            response = self.ask(f'{SERVERS}?watch={value}&timeoutSeconds=1')
            self.assertEqual(len(response.data.splitlines()), lines)

    def test_past_and_present(self) -> None:
        self.assertEqual(self.told(''), [('ADDED', 'a'), ('ADDED', 'b')])
        since = self.api.store.revision
        self.api.patch('Server', 'a', {'status': {'x': 1}})
        self.api.delete('Server', 'b')
        events = self.events(f'resourceVersion={since}')
        self.assertEqual([event['type'] for event in events], ['MODIFIED', 'DELETED'])
        self.assertEqual(
            [int(event['object']['metadata']['resourceVersion']) for event in events], [since + 1, since + 2]
        )

    def test_labels_that_come_and_go(self) -> None:
        since = self.api.store.revision
        self.api.patch('Server', 'b', {'metadata': {'labels': {'rack': '1'}}})
        self.api.patch('Server', 'a', {'metadata': {'labels': {'rack': '2'}}})
        query = f'resourceVersion={since}&labelSelector=rack%3D1'
        self.assertEqual(self.told(query), [('ADDED', 'b'), ('DELETED', 'a')])

    def test_too_old(self) -> None:
        since = self.api.store.revision
        self.api.compact()
        event = self.events(f'resourceVersion={since}')[0]
        self.assertEqual((event['type'], event['object']['code'], event['object']['reason']), ('ERROR', 410, 'Expired'))

    def test_bookmarks(self) -> None:
        self.api.bookmark_seconds = 0.4
        since = self.api.store.revision
        self.api.put(next(item for item in load_objects(DATA) if item['kind'] == 'Switch'))
        events = self.events(f'resourceVersion={since}&allowWatchBookmarks=true')
        self.assertGreaterEqual(len(events), 2)
        self.assertEqual({event['type'] for event in events}, {'BOOKMARK'})
        self.assertEqual(events[-1]['object']['metadata'], {'resourceVersion': str(since + 1)})

    def test_initial_events(self) -> None:
        query = 'sendInitialEvents=true&allowWatchBookmarks=true'
        self.failure(422, 'Invalid', f'{SERVERS}?watch=1&{query}')
        events = self.events(f'{query}&resourceVersionMatch=NotOlderThan', PARTIAL.format(''))
        self.assertEqual([event['type'] for event in events[:3]], ['ADDED', 'ADDED', 'BOOKMARK'])
        self.assertEqual(events[0]['object']['kind'], 'PartialObjectMetadata')
        self.assertEqual(events[2]['object']['metadata']['annotations'], {'k8s.io/initial-events-end': 'true'})

    def test_broken_watch(self) -> None:
        timer = threading.Timer(0.3, self.api.close_watches)
        timer.start()
        self.addCleanup(timer.join)
        with self.assertRaises(urllib3.exceptions.HTTPError):
            self.ask(f'{SERVERS}?watch=1&timeoutSeconds=20')


class FaultTest(Case):
    objects = [server(f's-{number}') for number in range(6)]

    def test_answers(self) -> None:
        faults = self.api.faults
        faults.answer(429, retry_after=1)
        response = self.ask(SERVERS)
        self.assertEqual((response.status, response.headers['Retry-After']), (429, '1'))
        self.assertEqual(response.json()['reason'], 'TooManyRequests')
        faults.answer(503, times=2)
        self.assertEqual([self.ask(SERVERS).status for _ in range(3)], [503, 503, 200])
        faults.answer(500, match='/switches', times=None)
        self.assertEqual([self.ask(path).status for path in (SERVERS, SWITCHES, SWITCHES)], [200, 500, 500])
        faults.clear()
        self.assertEqual((self.ask(SWITCHES).status, faults.waiting), (200, 0))

    def test_third_page(self) -> None:
        self.api.faults.answer(500, match=r'continue=\w', after=1)
        custom, token, statuses = self.client(), '', []
        for _ in range(3):
            page: dict[str, Any] = {'metadata': {'continue': token}}
            try:
                page = custom.list_namespaced_custom_object(*WIRING, 'default', 'servers', limit=2, _continue=token)
                statuses.append(200)
            except client.ApiException as error:
                statuses.append(error.status)
            token = page['metadata']['continue']
        self.assertEqual(statuses, [200, 200, 500])

    def test_broken_connections(self) -> None:
        self.api.faults.drop()
        with self.assertRaises(urllib3.exceptions.ProtocolError):
            self.ask(SERVERS)
        self.api.faults.cut()
        with self.assertRaises((urllib3.exceptions.IncompleteRead, urllib3.exceptions.ProtocolError)):
            self.ask(SERVERS)
        self.json(SERVERS)

    def test_strange_bodies(self) -> None:
        self.api.faults.invalid_json()
        with self.assertRaises(ValueError):
            self.ask(SERVERS).json()
        self.api.faults.html(status=502)
        page = self.ask(SERVERS)
        self.assertEqual(page.status, 502)
        self.assertTrue(page.data.startswith(b'<!DOCTYPE html>'))
        self.api.faults.redirect('https://login.example.com/')
        moved = self.ask(SERVERS)
        self.assertEqual((moved.status, moved.headers['Location']), (302, 'https://login.example.com/'))

    def test_delay(self) -> None:
        self.api.faults.delay(0.4)
        self.api.faults.answer(503)
        start = time.monotonic()
        self.assertEqual(self.ask(SERVERS).status, 503)
        self.assertGreaterEqual(time.monotonic() - start, 0.4)

    def test_hold(self) -> None:
        gate = self.api.faults.hold(match='/servers', after=1)
        self.api.faults.hold(match='/switches')
        self.assertEqual(self.ask(SERVERS).status, 200, 'the first one passes')
        self.api.requests.clear()
        answers: list[int] = []
        held = [threading.Thread(target=lambda path=path: answers.append(self.ask(path).status))
                for path in (SERVERS, SWITCHES)]
        for thread in held:
            thread.start()
        while len(self.api.requests) < len(held):  # the server has them, and keeps them waiting
            time.sleep(0.01)
        self.assertEqual(answers, [])
        gate.set()
        held[0].join()
        self.assertEqual((answers, held[1].is_alive()), ([200], True))
        self.api.faults.clear()
        held[1].join()
        self.assertEqual(answers, [200, 200])

    def test_request_log(self) -> None:
        self.json(f'{SERVERS}?limit=2', Accept='application/json')
        request = self.api.requests[-1]
        self.assertEqual((request.method, request.path, request.query), ('GET', SERVERS, {'limit': '2'}))
        self.assertEqual(request.headers['accept'], 'application/json')

    def test_outage(self) -> None:
        url = self.api.url
        self.api.faults.delay(60)
        waiting = threading.Thread(target=lambda: self.assertRaises(urllib3.exceptions.HTTPError, self.ask, SERVERS))
        self.api.requests.clear()
        waiting.start()
        while not self.api.requests:  # the server has it, and keeps it waiting
            time.sleep(0.01)
        start = time.monotonic()
        self.api.stop()
        waiting.join()
        self.assertLess(time.monotonic() - start, 3)
        with self.assertRaises(urllib3.exceptions.HTTPError):
            self.ask(SERVERS)
        self.api.delete('Server', 's-0')
        self.api.start()
        self.assertEqual(self.api.url, url)
        self.assertEqual(len(self.json(SERVERS)['items']), 5)


class HeartbeatTest(Case):
    options = {'heartbeat': 0.3}

    @classmethod
    def setUpClass(cls) -> None:
        cls.objects = load_objects(DATA)

    def test_agents_write_their_status(self) -> None:
        watched = [('Agent', 'leaf-01'), ('GatewayAgent', 'gateway-1')]
        self.api.silent.add('leaf-02')
        before = [self.api.get(*which) for which in watched]
        silent = self.api.get('Agent', 'leaf-02')
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline and any(  # a heartbeat says no less than seconds
            self.api.get(*which)['status']['lastHeartbeat'] <= old['status']['lastHeartbeat']
            for old, which in zip(before, watched, strict=True)
        ):
            time.sleep(0.05)
        for old, which in zip(before, watched, strict=True):
            new = self.api.get(*which)
            self.assertGreater(int(new['metadata']['resourceVersion']), int(old['metadata']['resourceVersion']))
            self.assertGreater(new['status']['lastHeartbeat'], old['status']['lastHeartbeat'])
            self.assertEqual(new['metadata']['generation'], old['metadata']['generation'])
            self.assertEqual(new['spec'], old['spec'])
        self.assertEqual(self.api.get('Agent', 'leaf-02'), silent)

    def test_beats_on_demand(self) -> None:
        old = self.api.get('Agent', 'leaf-01')
        self.api.patch('Agent', 'leaf-01', {'spec': {'description': 'changed'}})
        self.api.beat(600)
        new = self.api.get('Agent', 'leaf-01')
        self.assertEqual(new['status']['lastAppliedGen'], old['metadata']['generation'] + 1)
        uptime = new['status']['state']['nos']['uptime']
        self.assertNotEqual(uptime.split('up')[1], old['status']['state']['nos']['uptime'].split('up')[1])
        counters = [agent['status']['state']['interfaces']['E1/49/1']['counters']['inb'] for agent in (old, new)]
        self.assertGreater(counters[1], counters[0])
        expiry = self.api.get('DHCPSubnet', 'vpc-01--default')['status']['allocated']
        self.assertGreater(min(lease['expiry'] for lease in expiry.values()), new['status']['lastHeartbeat'])

    def test_readings_stay_near_where_they_began(self) -> None:
        def temperature() -> float:
            return float(self.api.get('Agent', 'leaf-01')['status']['state']['platform']['temps']['CPU']['temp'])

        first = temperature()
        for _ in range(20):
            self.api.beat(15)
        self.assertLess(abs(temperature() - first), 10)


class CommandTest(unittest.TestCase):
    def serve(self, state: str) -> tuple['subprocess.Popen[str]', str]:
        command = [sys.executable, '-m', 'demo.kubernetes_api', '--port', '0', '--state', state]
        process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        assert process.stdout is not None
        self.addCleanup(process.stdout.close)
        return process, process.stdout.readline()

    def test_serves_until_told_to_end(self) -> None:
        with tempfile.TemporaryDirectory() as state:
            kept = {}
            for end in (signal.SIGTERM, signal.SIGINT):
                process, line = self.serve(state)
                self.assertIn('64 objects at https://127.0.0.1:', line)
                files = {path.name: path.read_text() for path in Path(state).iterdir()}
                names = {'ca.crt', 'ca.key', 'token', 'admin-token', 'viewer.kubeconfig', 'admin.kubeconfig'}
                self.assertEqual(set(files), names)
                for path in Path(state).iterdir():
                    self.assertEqual(path.stat().st_mode & 0o777, 0o600)
                kept = kept or files
                self.assertEqual(
                    {files[name] for name in names - {'viewer.kubeconfig', 'admin.kubeconfig'}},
                    {kept[name] for name in names - {'viewer.kubeconfig', 'admin.kubeconfig'}},
                )
                api_client = config.new_client_from_config(os.path.join(state, 'viewer.kubeconfig'))
                listed = client.CustomObjectsApi(api_client).list_cluster_custom_object(*WIRING, 'switches')
                self.assertEqual(len(listed['items']), 5)
                api_client.close()
                start = time.monotonic()
                process.send_signal(end)
                self.assertEqual(process.wait(5), 0)
                self.assertLess(time.monotonic() - start, 2)

    def test_port_that_is_taken(self) -> None:
        with KubernetesAPI() as api, tempfile.TemporaryDirectory() as state:
            port = api.url.rpartition(':')[2]
            command = [sys.executable, '-m', 'demo.kubernetes_api', '--port', port, '--state', state]
            ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=20)
        self.assertEqual(ended.returncode, 1)
        self.assertIn('kubernetes-api: ', ended.stderr)


if __name__ == '__main__':
    unittest.main()
