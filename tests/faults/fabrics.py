"""Fabrics whose objects change all the time, and who remember every state that each object was ever in."""

import json
import random
import time
from collections import deque
from collections.abc import Iterable, Iterator
from typing import Any

from kubernetes.client.exceptions import ApiException
from urllib3.exceptions import HTTPError

from demo.kubernetes_api import KubernetesAPI, load_objects, multiplied
from demo.kubernetes_api.server import Request
from netbox_hedgehog.hedgehog.kinds import KIND_BY_NAME, KINDS
from netbox_hedgehog.sync.sanitize import Observed, observe
from tests.e2e.stack import DATA, TOKEN
from tests.support.real_cluster import RealCluster

__all__ = ('Fabric', 'Identity', 'generated')

Manifest = dict[str, Any]
Name = tuple[str, str, str]  # kind, namespace, name
Identity = tuple[str, str, str, str, str]  # and uid, resource version

# How a generated fabric's objects are spread over the kinds that change, of 100.
SHARES = {'Server': 40, 'Connection': 30, 'VPCAttachment': 20, 'VPC': 6, 'Switch': 3, 'Agent': 1}

# What is changed, deleted and made anew: kinds whose objects carry a description that nobody checks.
CHANGING = ('Server', 'Switch')

# How many objects change at once now and then: more than a run asks for one by one.
BURST = 30

PLURALS = {kind.plural: number for number, kind in enumerate(KINDS)}


def generated(count: int) -> Iterator[Manifest]:
    """About so many objects: those of the sample fabric again and again, under other names."""
    return multiplied(load_objects(DATA), {kind: max(1, count * share // 100) for kind, share in SHARES.items()})


def identity(manifest: Manifest) -> Identity:
    metadata = manifest['metadata']
    return (
        manifest['kind'], metadata['namespace'], metadata['name'], metadata['uid'], metadata['resourceVersion'],
    )


class _Seen(deque[Request]):
    """The requests of the demo's API server, with the moment at which each list of a whole kind began."""

    def __init__(self) -> None:
        super().__init__(maxlen=1000)
        self.lists: list[tuple[float, int]] = []
        self.latest: dict[int, float] = {}

    def append(self, request: Request) -> None:
        super().append(request)
        kind = PLURALS.get(request.path.rsplit('/', 1)[-1])
        partly = {'continue', 'fieldSelector', 'watch', 'resourceVersion'} & request.query.keys()
        if request.method == 'GET' and kind is not None and not partly:
            self.latest[kind] = time.time()
            self.lists.append((time.time(), kind))


class Fabric:
    """One fabric: its API server, what was ever in it, and its row in NetBox (`id`), once there is one.

    The API server is the demo's, or a real one; `watched` says that NetBox is to take changes as they happen, `enabled`
    whether it is to read the fabric at all. Changes are made by change(), one after the other, from one thread.
    """

    def __init__(
        self, name: str, objects: Iterable[Manifest], *, real: bool = False, watched: bool = False,
        enabled: bool = True, interval: int = 30,
    ) -> None:
        self.name = name
        self.watched, self.enabled, self.interval = watched, enabled, interval
        self.id = 0
        self.real = real
        self.away = False
        self.changes = 0
        self._deleted: list[Manifest] = []
        self._states: dict[Identity, Manifest | bytes] = {}
        self._observed: dict[Identity, Observed] = {}
        self._objects = list(objects)
        self.seen = _Seen()
        self.api: KubernetesAPI | RealCluster
        if real:
            self.api = RealCluster()
        else:
            self.api = KubernetesAPI(tokens={TOKEN: 'viewer'})
            self.api.requests = self.seen
            self._told = self.api.store.revision
            self.api.store.subscribe(self._tell)

    @property
    def token(self) -> str:
        return 'viewer-token' if self.real else TOKEN

    # Running

    def start(self) -> None:
        self.api.start()
        if isinstance(self.api, RealCluster):
            self.api.load(self._objects)
            for manifest in self.api.objects():
                self._states[identity(manifest)] = manifest
        else:
            for manifest in self._objects:
                self.api.put(manifest)

    def stop(self) -> None:
        self.api.stop()

    def go_away(self) -> None:
        """The API server is killed; its objects stay."""
        self.away = True
        if isinstance(self.api, RealCluster):
            self.api.stop_server()
        else:
            self.api.stop()

    def come_back(self) -> None:
        if not self.away:
            return
        if isinstance(self.api, RealCluster):
            self.api.start_server()
        else:
            self.api.start()
        self.away = False

    # What is in it

    def objects(self) -> dict[Name, Manifest]:
        """All that is there now."""
        return {identity(item)[:3]: item for item in self.api.objects()}

    def observed(self, what: Identity) -> Observed | None:
        """What the mirror may hold of an object in a state that it was really in, or None where it never was."""
        if what not in self._observed:
            if what not in self._states and self.real:
                # Written, and not read back: the server had too much to do.
                self._states |= {identity(item): item for item in self.api.objects()}
            state = self._states.get(what)
            if state is None:
                return None
            manifest = json.loads(state) if isinstance(state, bytes) else state
            self._observed[what] = observe(KIND_BY_NAME[what[0]], manifest)
        return self._observed[what]

    def forget_history(self, kept: Iterable[Identity]) -> None:
        """Forgets states that nothing holds any more: all but these, and those that stand."""
        kept = {*kept, *(identity(item) for item in self.api.objects())}
        self._states = {key: value for key, value in self._states.items() if key in kept}
        self._observed = {key: value for key, value in self._observed.items() if key in kept}
        self.seen.lists.clear()

    # Changing

    def change(self, chance: random.Random) -> None:
        """Something happens in the fabric: an object is edited, deleted, made anew, or many are; agents report."""
        if self.real and self.away:
            return
        self.changes += 1
        try:
            what = chance.random()
            if what < 0.55:
                self._edit(chance, 1)
            elif what < 0.65:
                self._edit(chance, BURST)
            elif what < 0.8:
                self._delete(chance)
            elif what < 0.95:
                self._make_anew(chance)
            elif isinstance(self.api, KubernetesAPI):
                self.api.beat(15)
            else:
                self._beat()
        except (ApiException, HTTPError, OSError):
            if not self.real:
                raise  # a real server may still be on its way up

    def grow(self) -> None:
        """A server that was never there before."""
        self.changes += 1
        self.api.put({
            'apiVersion': KIND_BY_NAME['Server'].api_version, 'kind': 'Server',
            'metadata': {'name': f'new-{self.changes:05}', 'namespace': 'default'}, 'spec': {'description': 'new'},
        })
        self._remember('Server', f'new-{self.changes:05}')

    def _some(self, chance: random.Random, count: int) -> list[Manifest]:
        found = self.api.objects(chance.choice(CHANGING))
        return chance.sample(found, min(count, len(found)))

    def _edit(self, chance: random.Random, count: int) -> None:
        for item in self._some(chance, count):
            self.api.patch(item['kind'], item['metadata']['name'], {
                'spec': {'description': f'number {chance.randrange(10**6)}'},
                'metadata': {'labels': {'changed': str(chance.randrange(100))}},
            })
            self._remember(item['kind'], item['metadata']['name'])

    def _delete(self, chance: random.Random) -> None:
        if len(self._deleted) > 5:
            self._make_anew(chance)
        for item in self._some(chance, 1):
            self.api.delete(item['kind'], item['metadata']['name'])
            self._deleted.append(item)

    def _make_anew(self, chance: random.Random) -> None:
        """The same name, another uid."""
        if self._deleted:
            item = self._deleted.pop(chance.randrange(len(self._deleted)))
            metadata = {key: item['metadata'][key] for key in ('name', 'namespace')}
            self.api.put({
                'apiVersion': item['apiVersion'], 'kind': item['kind'], 'metadata': metadata, 'spec': item['spec'],
            })
            self._remember(item['kind'], metadata['name'])

    def _beat(self) -> None:
        for item in self.api.objects('Agent'):
            name = item['metadata']['name']
            moment = time.strftime('%Y-%m-%dT%H:%M:%SZ', time.gmtime())
            self.api.patch('Agent', name, {'status': {'lastHeartbeat': moment}})
            self._remember('Agent', name)

    # Remembering

    def _remember(self, kind: str, name: str) -> None:
        """Of a real server each state is read back; the demo's tells by itself."""
        if isinstance(self.api, RealCluster):
            manifest = {'apiVersion': KIND_BY_NAME[kind].api_version, 'kind': kind, **self.api.get(kind, name)}
            self._states[identity(manifest)] = manifest

    def _tell(self) -> None:
        """The demo's server has changed: called in the thread that did it, before anybody can read what it wrote."""
        assert isinstance(self.api, KubernetesAPI)
        store = self.api.store
        for resource in store.resources:
            for change in store.changes(resource, self._told)[0]:
                if (new := change.new) is not None:
                    key = (resource.kind, new.namespace, new.name, new.uid, str(new.revision))
                    self._states[key] = new.encoded
        self._told = store.revision
