"""A real Kubernetes API server for tests: one of our own, or the one that HEDGEHOG_TEST_KUBECONFIG names.

Our own is ../shared/kube beside this repository, on free ports, with its data in a temporary folder. It ends with the
tests, also when they are killed.
"""

import base64
import contextlib
import copy
import json
import os
import socket
import subprocess
import tempfile
import time
import urllib.request
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Self

import yaml
from kubernetes import client, config
from kubernetes.client.exceptions import ApiException

from netbox_hedgehog.hedgehog.kinds import KIND_BY_NAME, KINDS

SHARED = Path(__file__).resolve().parents[3] / 'shared'
KUBE = SHARED / 'kube'
# Kinds of newer releases than those of ../shared/crds.
NEWER_CRDS = Path(__file__).parent / 'data' / 'newer-crds.yaml'
EXTERNAL = os.environ.get('HEDGEHOG_TEST_KUBECONFIG', '')
READY_SECONDS = 60

Manifest = dict[str, Any]


def why_not() -> str:
    """Why there is no real API server to test against, or '' when there is one."""
    if EXTERNAL or (KUBE / 'start.sh').exists():
        return ''
    return 'no real API server: neither ../shared/kube nor HEDGEHOG_TEST_KUBECONFIG'


class RealCluster:
    """A real API server. `options` are further variables for start.sh, such as KAPI_EXTRA.

    Of our own one every part may be used. Of somebody else's (`external`) only a namespace made for the tests is
    touched, the tokens of ../shared/kube are unknown, and it cannot be stopped.
    """

    def __init__(self, **options: str) -> None:
        self.external = bool(EXTERNAL)
        self.namespace = f'hedgehog-test-{os.getpid()}' if self.external else 'default'
        self._options = options
        self._folder: Path | None = None
        self._guard: subprocess.Popen[bytes] | None = None
        self._client: client.ApiClient | None = None

    # Running

    def start(self) -> Self:
        if self.external:
            self._client = config.new_client_from_config(EXTERNAL)
            core = client.CoreV1Api(self._client)
            core.create_namespace({'metadata': {'name': self.namespace}})
        else:
            self._folder = Path(tempfile.mkdtemp(prefix='hedgehog-kube-test-'))
            self._watch_over(self._folder)
            ports = _free_ports(3)
            names = ('KAPI_PORT', 'KAPI_ETCD_PORT', 'KAPI_ETCD_PEER_PORT')
            self._options |= dict(zip(names, map(str, ports), strict=True)) | {'KAPI_DATA': str(self._folder)}
            self._script('start.sh')
            self._client = config.new_client_from_config_dict(yaml.safe_load(self.kubeconfig('admin-token')))
        self._client.configuration.connection_pool_maxsize = 16
        if not self.external:
            self._install(yaml.safe_load_all(NEWER_CRDS.read_text()))
        self._await_kinds()
        return self

    def stop(self) -> None:
        if self.external:
            client.CoreV1Api(self._client).delete_namespace(self.namespace)
        if self._client is not None:
            self._client.close()
        if self._guard is not None and self._guard.stdin is not None:
            self._guard.stdin.close()
            self._guard.wait()
            self._guard = None

    def __enter__(self) -> Self:
        try:
            return self.start()
        except BaseException:
            self.stop()
            raise

    def __exit__(self, *error: object) -> None:
        self.stop()

    def stop_server(self) -> None:
        """An outage: nobody listens any more. The objects are kept."""
        self._own()
        self._script('stop.sh')

    def start_server(self) -> None:
        """The end of an outage: the same server, address and objects."""
        self._own()
        self._script('start.sh', KAPI_CRDS='')
        self._await_kinds()

    def compact(self) -> None:
        """Forgets history up to now, as etcd does every few minutes."""
        self._own()
        etcd = f'http://127.0.0.1:{self._options["KAPI_ETCD_PORT"]}/v3/kv'

        def post(path: str, body: Manifest) -> Any:
            with urllib.request.urlopen(f'{etcd}/{path}', json.dumps(body).encode(), timeout=10) as answer:
                return json.load(answer)

        revision = post('range', {'key': base64.b64encode(b'x').decode()})['header']['revision']
        post('compaction', {'revision': revision, 'physical': True})

    # How it is reached

    @property
    def url(self) -> str:
        if self.external:
            assert self._client is not None
            return str(self._client.configuration.host)
        return f'https://127.0.0.1:{self._options["KAPI_PORT"]}'

    @property
    def pki(self) -> Path:
        """Where our own server's certificates are: ca.crt, admin.crt, admin.key."""
        self._own()
        assert self._folder is not None
        return self._folder / 'pki'

    @property
    def ca_pem(self) -> str:
        if not self.external:
            return (self.pki / 'ca.crt').read_text()
        assert self._client is not None
        path = self._client.configuration.ssl_ca_cert
        return Path(path).read_text() if path else ''

    def kubeconfig(self, token: str = '') -> str:
        """A kubeconfig with everything inline: for a token, or for somebody who may read everything."""
        cluster = {'server': self.url}
        if self.ca_pem:
            cluster['certificate-authority-data'] = _b64(self.ca_pem)
        user = self._own_user() if self.external and not token else {'token': token or 'viewer-token'}
        return str(yaml.safe_dump({
            'apiVersion': 'v1',
            'kind': 'Config',
            'clusters': [{'name': 'test', 'cluster': cluster}],
            'users': [{'name': 'test', 'user': user}],
            'contexts': [{'name': 'test', 'context': {'cluster': 'test', 'user': 'test'}}],
            'current-context': 'test',
        }))

    def _own_user(self) -> dict[str, str]:
        """Whoever HEDGEHOG_TEST_KUBECONFIG is for."""
        assert self._client is not None
        configuration = self._client.configuration
        user: dict[str, str] = {}
        if auth := configuration.auth_settings().get('BearerToken'):
            user['token'] = str(auth['value']).split(' ', 1)[-1]
        if configuration.cert_file:
            user['client-certificate-data'] = _b64(Path(configuration.cert_file).read_text())
            user['client-key-data'] = _b64(Path(configuration.key_file).read_text())
        return user

    # What is in it

    def put(self, manifest: Manifest) -> None:
        """Makes an object be as given, its status too. uid, generation and creation time are the server's."""
        where = self._where(manifest['kind'])
        given = manifest['metadata']
        metadata = {key: given[key] for key in ('name', 'labels', 'annotations') if given.get(key)}
        body = {**manifest, 'metadata': {**metadata, 'namespace': self.namespace}}
        try:
            stored = self._api.create_namespaced_custom_object(*where, body)
        except ApiException as error:
            if error.status != 409:
                raise
            old = self.get(manifest['kind'], given['name'])
            body['metadata']['resourceVersion'] = old['metadata']['resourceVersion']
            stored = self._api.replace_namespaced_custom_object(*where, given['name'], body)
        if manifest.get('status'):
            body = {**stored, 'status': manifest['status']}
            self._api.replace_namespaced_custom_object_status(*where, given['name'], body)

    def load(self, manifests: Iterable[Manifest]) -> None:
        """Puts many objects."""
        with ThreadPoolExecutor(8) as pool:
            for _ in pool.map(self.put, manifests):
                pass

    def get(self, kind: str, name: str) -> Manifest:
        return dict(self._api.get_namespaced_custom_object(*self._where(kind), name))

    def objects(self, kind: str | None = None) -> list[Manifest]:
        """All objects as the server has them, or those of a kind."""
        found: list[Manifest] = []
        for row in (KINDS if kind is None else (KIND_BY_NAME[kind],)):
            listed = self._api.list_namespaced_custom_object(*self._where(row.name))
            found += [{'apiVersion': row.api_version, 'kind': row.name} | item for item in listed['items']]
        return found

    def patch(self, kind: str, name: str, change: Manifest) -> None:
        """Applies a merge patch to spec, metadata and status alike."""
        change = copy.deepcopy(change)
        status = change.pop('status', None)
        if change:
            self._api.patch_namespaced_custom_object(*self._where(kind), name, change)
        if status is not None:
            self._api.patch_namespaced_custom_object_status(*self._where(kind), name, {'status': status})

    def delete(self, kind: str, name: str) -> None:
        self._api.delete_namespaced_custom_object(*self._where(kind), name)

    def wipe(self) -> None:
        """Deletes all objects of every kind."""
        for kind in KINDS:
            self._api.delete_collection_namespaced_custom_object(*self._where(kind.name))

    # Inside

    @property
    def _api(self) -> client.CustomObjectsApi:
        return client.CustomObjectsApi(self._client)

    def _where(self, kind: str) -> tuple[str, str, str, str]:
        row = KIND_BY_NAME[kind]
        return row.group, row.version, self.namespace, row.plural

    def _own(self) -> None:
        if self.external:
            raise RuntimeError('that is not for a cluster of somebody else')

    def _install(self, definitions: Iterable[Manifest]) -> None:
        api = client.CustomObjectsApi(self._client)
        for definition in definitions:
            api.create_cluster_custom_object('apiextensions.k8s.io', 'v1', 'customresourcedefinitions', definition)

    def _await_kinds(self) -> None:
        """A server that has just started answers 429 for kinds it is not ready for."""
        end = time.monotonic() + READY_SECONDS
        for kind in KINDS:
            while True:
                try:
                    self._api.list_namespaced_custom_object(*self._where(kind.name), limit=1)
                    break
                except ApiException as error:
                    if error.status not in (404, 429, 500, 503) or time.monotonic() > end:
                        raise
                time.sleep(0.1)

    def _script(self, name: str, **options: str) -> None:
        environment = {**os.environ, **self._options, **options}
        done = subprocess.run(
            ['bash', str(KUBE / name)], env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True,
        )
        if done.returncode:
            raise RuntimeError(f'{name} failed: {done.stderr.strip()}')

    def _watch_over(self, folder: Path) -> None:
        """A process that ends the servers as soon as this one has gone, however that happened.

        It waits for the end of its standard input, which the kernel closes with us.
        """
        self._guard = subprocess.Popen(
            ['bash', '-c', 'read -r _; bash "$0" >/dev/null; rm -rf "$KAPI_DATA"', str(KUBE / 'stop.sh')],
            env={**os.environ, 'KAPI_DATA': str(folder)}, stdin=subprocess.PIPE, start_new_session=True,
        )


def _b64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def _free_ports(count: int) -> list[int]:
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.create_server(('127.0.0.1', 0))) for _ in range(count)]
        return [one.getsockname()[1] for one in sockets]
