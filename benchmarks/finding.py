"""How long it takes to find something where one fabric has 100,000 resources and 20,000 leases."""

import copy
import time
import uuid
from collections.abc import Iterator
from ipaddress import IPv4Address
from typing import Any

from .population import objects
from .world import Manifest, Result

# Seconds in which an answer should be there.
GOAL = 0.3


def results(resources: int, leases: int, rounds: int) -> list[Result]:
    from django.db import connection

    from netbox_hedgehog.models import FabricResource
    from netbox_hedgehog.presentation.find.lookup import find

    subnets = _load(resources, leases)
    with connection.cursor() as cursor:
        cursor.execute('ANALYZE')
    held = FabricResource.objects.count()
    lines = [Result(f'{held} resources and {leases} leases in {subnets} DHCP subnets', 'loaded')]
    middle = subnets // 2
    terms = {
        'a leased address': f'10.{middle >> 8}.{middle & 255}.10',
        'a MAC address with a lease': _mac(middle, 0),
        'a MAC address that nobody has': '0c:20:12:fe:00:01',
        'the name of a host with a lease': f'host-{middle}-0',
        'the name of a server': 'server-000001',
        'the name of a switch': 'leaf-01',
        'a part of many names': 'server',
        'a serial number': 'S000001',
        'a prefix of many subnets': '10.0.1.0/24',
        'a VLAN of many subnets': '1001',
        'an AS number': 'AS65101',
        'a name that nothing has': 'no-such-name',
    }
    plain = _seconds(rounds, lambda: FabricResource.objects.filter(name='leaf-01').first())
    for what, term in terms.items():
        found = find(None, term)
        if not found.answers and 'no' not in what.split() and 'nobody' not in what and 'nothing' not in what:
            raise RuntimeError(f'{what}, {term}: {found.sentence}')
        seconds = _seconds(rounds, lambda term=term: find(None, term))  # type: ignore[misc]
        lines.append(Result(
            what, f'{1000 * seconds:.0f} ms, {seconds / plain:.0f} times a look-up of one row by its name; '
            f'{len(found.answers)} answers and {found.more} more', f'{1000 * GOAL:.0f} ms', seconds < GOAL,
        ))
    return lines


def _seconds(rounds: int, ask: Any) -> float:
    times = []
    for _ in range(rounds):
        start = time.perf_counter()
        ask()
        times.append(time.perf_counter() - start)
    return min(times)


def _load(resources: int, leases: int) -> int:
    """Fill the mirror of one fabric, and return how many DHCP subnets it has."""
    from django.utils import timezone

    from netbox_hedgehog.hedgehog.kinds import KINDS
    from netbox_hedgehog.models import Fabric
    from netbox_hedgehog.sync.apply import apply, stored_rows
    from netbox_hedgehog.sync.compare import compare

    now = timezone.now()
    fabric = Fabric.objects.create(name='finding', kubernetes_server='', last_sync=now)
    listed: dict[str, list[Manifest]] = {}
    for number, item in enumerate(objects(resources), 1):
        metadata = item['metadata'] | {'resourceVersion': str(number)}
        metadata.setdefault('uid', str(uuid.uuid5(uuid.NAMESPACE_URL, f'{item["kind"]}/{metadata["name"]}')))
        listed.setdefault(item['kind'], []).append({**item, 'metadata': metadata})
    listed['DHCPSubnet'] = list(_with_leases(listed['DHCPSubnet'], leases))
    for kind in KINDS:
        apply(fabric, kind, compare(kind, stored_rows(fabric, kind), listed.get(kind.name, [])), now)
    return len(listed['DHCPSubnet'])


def _with_leases(subnets: list[Manifest], leases: int) -> Iterator[Manifest]:
    each = -(-leases // len(subnets))
    for number, item in enumerate(subnets):
        made = copy.deepcopy(item)
        base = IPv4Address('10.0.0.0') + 256 * number
        made['spec'] |= {'cidrBlock': f'{base}/24', 'subnet': f'vpc-{number}/default'}
        made['status'] = {'allocated': {
            _mac(number, host): {
                'ip': str(base + 10 + host), 'hostname': f'host-{number}-{host}', 'expiry': '2099-01-01T00:00:00Z',
            } for host in range(each)
        }}
        yield made


def _mac(subnet: int, host: int) -> str:
    return ':'.join(f'{part:02x}' for part in (2, 0, 1, subnet >> 8, subnet & 255, host))
