"""Run make demo-check: the demo without a user. Two scheduled syncs, a change in the cluster, the change in NetBox."""

import json
import sys
import time
from typing import Any

import yaml
from kubernetes.client import ApiClient, ApiException, CustomObjectsApi
from kubernetes.config import load_kube_config_from_dict

from demo.__main__ import ERRORS, Job, ended_runs, sentence
from demo.stack import CACHE, Stack, StackError
from netbox_hedgehog.hedgehog.kinds import KIND_BY_NAME

# Seconds: the shortest interval there is, and how long to wait for a sync.
INTERVAL = 30
PATIENCE = 180

MARK = 'demo.netbox-hedgehog/checked'


def main() -> int:
    """Run the check. Return 0 if everything was seen, else 1 with the reason; the last line has the figures."""
    started = time.monotonic()
    try:
        with Stack(CACHE / 'demo-check', interval=INTERVAL, fresh=True) as stack:
            print(f'NetBox is ready at {stack.url}. From here on only the scheduler starts syncs.')
            jobs: list[Job] = []
            while len(jobs) < 2:
                jobs += stack.wait(lambda: ended_runs(stack), PATIENCE, 'the scheduler causes a run')
            for job in jobs:
                print(sentence(job))
                _expect(job['status']['value'] == 'completed' and job['user'] is None, f'job {job["id"]} went wrong')
            report = jobs[-1]['data']
            _same_as_netbox(stack, report)
            devices, cables = _inventory(stack, report)
            changed = _change_and_see(stack)
    except (*ERRORS, OSError, ApiException) as error:
        print(f'demo-check failed: {error}', file=sys.stderr)
        return 1
    kinds = sum(1 for kind in report['kinds'] if kind['outcome'] == 'read')
    print(
        f'demo-check: {len(jobs) + changed} syncs, {report["read"]} resources, {kinds} kinds, '
        f'{devices} devices, {cables} cables, '
        f'{time.monotonic() - started:.0f} seconds'
    )
    return 0


def _expect(condition: object, what: str) -> None:
    if not condition:
        raise StackError(f'Not as expected: {what}.')


def _same_as_netbox(stack: Stack, report: Any) -> None:
    count = stack.get(f'plugins/hedgehog/resources/?fabric_id={stack.fabric_id}&limit=1')['count']
    _expect(count == report['read'], f'{report["read"]} resources in the mirror (there are {count})')
    status = stack.get(f'plugins/hedgehog/fabrics/{stack.fabric_id}/status/')
    health = stack.get('plugins/hedgehog/health/')
    print(
        f'NetBox reports: {status["state"]}, last success {status["age"]:.0f} s ago, {count} resources; '
        f'{len(health["workers"])} worker and {len(health["schedulers"])} scheduler running, {health["state"]}.'
    )
    _expect(status['state'] in ('in_sync', 'syncing'), 'a fabric in sync')
    _expect(health['workers'] and health['schedulers'], 'a running worker and a running scheduler')


def _inventory(stack: Stack, report: Any) -> tuple[int, int]:
    """Check the fabric in NetBox's own models. Return how many devices and cables it has there."""
    settled = report.get('inventory') or {}
    _expect(not settled.get('error'), f'an inventory in line with the fabric ({settled.get("error")})')
    of_fabric = f'plugins/hedgehog/inventory/?fabric_id={stack.fabric_id}&limit=1&object_type='
    devices, cables = (stack.get(of_fabric + label)['count'] for label in ('dcim.device', 'dcim.cable'))
    wanted = sum(
        stack.get(f'plugins/hedgehog/resources/?fabric_id={stack.fabric_id}&kind={kind}&limit=1')['count']
        for kind in ('Switch', 'Server', 'Gateway')
    )
    print(f'NetBox has {devices} devices and {cables} cables of this fabric. {settled.get("sentence", "")}')
    if not stack.kubeconfig:
        # A user's own cluster may have what cannot be mapped.
        _expect(devices == wanted, f'a device for each of {wanted} switches, servers and gateways, not {devices}')
        _expect(cables, 'cables between them')
    there = stack.get('dcim/devices/?limit=1')['count']
    _expect(there >= devices, f'{devices} devices among NetBox’s own (there are {there})')
    return devices, cables


def _change_and_see(stack: Stack) -> int:
    """Annotate a resource in the cluster and wait until NetBox shows it. Return how many syncs that took: 1 or 0."""
    resources = stack.get(f'plugins/hedgehog/resources/?fabric_id={stack.fabric_id}&kind=Server&limit=1')['results']
    if not resources:
        print('There is no Server in this cluster: change step skipped.')
        return 0
    server = resources[0]
    value = f'{time.time():.0f}'
    try:
        _annotate(stack, server, value)
    except ApiException as error:
        if error.status != 403:
            raise
        print('The credentials may not write to this cluster (403): change step skipped.')
        return 0
    try:
        print(f'Changed in the cluster: Server {server["name"]}, annotation {MARK}={value}.', flush=True)

        def seen() -> Any:
            found = stack.get(f'plugins/hedgehog/resources/{server["id"]}/')
            return found if found['annotations'].get(MARK) == value else None

        found = stack.wait(seen, PATIENCE, 'NetBox shows the change')
        print(f'Seen in NetBox: {json.dumps({MARK: found["annotations"][MARK]})}, changed {found["changed"]}.')
    finally:
        _annotate(stack, server, None)
    return 1


def _annotate(stack: Stack, resource: Any, value: str | None) -> None:
    kind = KIND_BY_NAME[resource['kind']]
    config = yaml.safe_load(stack.admin_kubeconfig)
    client = ApiClient(_configuration(config))
    CustomObjectsApi(client).patch_namespaced_custom_object(
        kind.group, kind.version, resource['namespace'], kind.plural, resource['name'],
        {'metadata': {'annotations': {MARK: value}}},
    )


def _configuration(config: Any) -> Any:
    from kubernetes.client import Configuration

    configuration = Configuration()
    load_kube_config_from_dict(config, client_configuration=configuration)
    return configuration


if __name__ == '__main__':
    sys.exit(main())
