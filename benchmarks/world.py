"""What the benchmarks share: a NetBox of their own, a cluster with a generated fabric, and fair measuring."""

import json
import os
import random
import statistics
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from demo import postgres, schema, valkey
from demo.kubernetes_api import KubernetesAPI, load_objects, multiplied
from demo.processes import Process

ROOT = Path(__file__).resolve().parent.parent
CACHE = ROOT / '.cache'

# How a large fabric's objects are spread over the kinds, of 1,000.
SHARES = {
    'Connection': 298, 'Server': 238, 'VPCAttachment': 238, 'VPC': 46, 'VPCInfo': 46, 'DHCPSubnet': 46, 'Catalog': 23,
    'VPCPeering': 23, 'Switch': 15, 'Agent': 15, 'SwitchGroup': 7, 'ExternalPeering': 5,
}

# What an Agent weighs on average in a large fabric: 15 KB of spec and 29 KB of status.
AGENT_BYTES = 44_000

Manifest = dict[str, Any]


@dataclass(slots=True)
class Result:
    """One line of the results. `met` is None where a figure has no goal."""

    what: str
    figure: str
    goal: str = ''
    met: bool | None = None


def process(name: str, *command: str) -> Process:
    """A process of `netbox <command>`, started, with its log beside the benchmarks' servers."""
    program = str(Path(sys.executable).with_name('netbox'))
    return Process(name, [program, *command], {}, CACHE / 'benchmarks' / 'logs' / f'{name}.log').start()


@contextmanager
def netbox() -> Iterator[None]:
    """NetBox on servers of this process's own; PostgreSQL flushes what it has promised to keep, as one in use does."""
    server = postgres.server(CACHE / 'benchmarks' / 'postgres', cache=CACHE, durable=True)
    redis = valkey.server()
    server.start()
    redis.start()
    name = f'hedgehog_bench_{os.getpid()}'
    try:
        schema.clone(server, schema.template(server, cache=CACHE), name)
        os.environ |= {
            'NETBOX_CONFIGURATION': 'demo.configuration', 'HEDGEHOG_DATABASE_URL': server.url(name),
            'HEDGEHOG_REDIS_URL': redis.url, 'DJANGO_SETTINGS_MODULE': 'netbox.settings', 'PYTHONPATH': str(ROOT),
        }
        import django

        django.setup()
        yield
    finally:
        if 'django.db' in sys.modules:
            from django.db import connections

            connections.close_all()
        server.drop_database(name)
        redis.stop()
        server.stop()


def generated(count: int) -> Iterator[Manifest]:
    """About so many objects: those of the demo's fabric again and again, under other names."""
    counts = {kind: max(1, count * share // 1000) for kind, share in SHARES.items()}
    for item in multiplied(load_objects(ROOT / 'demo' / 'data'), counts):
        if item['kind'] == 'Agent':
            item['metadata']['name'] = item['metadata']['name'].replace('agent', 'switch')  # whose agent it is
            _grow(item)
        yield item


def _grow(agent: Manifest) -> None:
    """Give a switch of the small sample the ports of a large one's: an Agent weighs 44 KB on average."""
    interfaces = agent.get('status', {}).get('state', {}).get('interfaces')
    if not interfaces:
        return
    ports = list(interfaces.values())
    missing = AGENT_BYTES - len(json.dumps(agent))
    for number in range(max(0, missing) * len(ports) // len(json.dumps(interfaces))):
        interfaces[f'E1/{100 + number}'] = ports[number % len(ports)]


@contextmanager
def cluster(count: int) -> Iterator[Any]:
    """A cluster with a generated fabric: a real API server where there is one, else the demo's, in this process."""
    from tests.support.real_cluster import RealCluster, why_not

    if why_not():
        with KubernetesAPI(generated(count)) as api:
            yield api
    else:
        with RealCluster() as real:
            real.load(generated(count))
            yield real


def kind_of_cluster() -> str:
    from tests.support.real_cluster import why_not

    return "the demo's API server, in the measuring process" if why_not() else 'a real Kubernetes API server with etcd'


def fabric_of(api: Any, name: str, **values: Any) -> Any:
    from netbox_hedgehog.models import Fabric

    return Fabric.objects.create(**{
        'name': name, 'kubernetes_server': api.url, 'kubernetes_token': 'viewer-token',
        'kubernetes_ca_cert': api.ca_pem, 'scheduler_enabled': False, **values,
    })


def empty(fabric: Any) -> None:
    """Forget what was read of a fabric."""
    from netbox_hedgehog.models import FabricResource, KindSync, SwitchHealth

    for model in (SwitchHealth, FabricResource, KindSync):
        model._base_manager.filter(fabric=fabric)._raw_delete('default')


def interleaved(
    rounds: int, subjects: Mapping[str, tuple[Callable[[], object], Callable[[], object]]],
) -> dict[str, float]:
    """The median seconds of each subject, a (prepare, run) pair of which only `run` is timed.

    All take their turn in every round, so that what else the machine does meets all of them; each round in another
    order (the same in every run), so that what one leaves behind meets each of the others.
    """
    seconds: dict[str, list[float]] = {name: [] for name in subjects}
    order, shuffled = list(subjects), random.Random(1)
    for _ in range(rounds):
        shuffled.shuffle(order)
        for name in order:
            prepare, run = subjects[name]
            prepare()
            start = time.perf_counter()
            run()
            seconds[name].append(time.perf_counter() - start)
    return {name: statistics.median(times) for name, times in seconds.items()}


def percentile(values: list[float], share: float) -> float:
    ordered = sorted(values) or [0.0]
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def memory(pid: int | str = 'self', field: str = 'VmRSS') -> float:
    """Of a process, in MB: VmRSS is what it has now, VmHWM the most it had."""
    for line in Path(f'/proc/{pid}/status').read_text().splitlines():
        if line.startswith(field):
            return int(line.split()[1]) / 1024
    return 0.0


def write_jsonl(path: Path, objects: Iterator[Manifest]) -> int:
    count = 0
    with path.open('w') as file:
        for count, item in enumerate(objects, 1):  # noqa: B007
            file.write(json.dumps(item) + '\n')
    return count
