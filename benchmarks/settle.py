"""How long it takes to carry a fabric into NetBox, against saving the same objects one by one.

    python -m benchmarks.settle --switches 200 --servers 4000 --vpcs 300

Makes a database of its own, and drops it in the end. Prints seconds, SQL statements and peak memory of the first
carry and of one that finds nothing to do; then objects a second of a sample that is saved as NetBox's forms save:
full_clean() and save(), with all of NetBox's signals.
"""

import argparse
import resource
import time
import uuid
from collections.abc import Iterator
from typing import Any

from .world import netbox


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--switches', type=int, default=200)
    parser.add_argument('--servers', type=int, default=4000)
    parser.add_argument('--vpcs', type=int, default=300)
    parser.add_argument('--profile', action='store_true', help='where the seconds of the first carry go')
    options = parser.parse_args()
    with netbox():
        return compare(options)


def compare(options: argparse.Namespace) -> int:
    from netbox_hedgehog.inventory.settle import settle
    from netbox_hedgehog.models import Discrepancy

    fabric = make_fabric('large', options.switches, options.servers, options.vpcs)
    if options.profile:
        import cProfile
        import pstats

        profile = cProfile.Profile()
        profile.runcall(settle, fabric)
        pstats.Stats(profile).sort_stats('cumulative').print_stats(45)
        return 0
    first_cpu = -time.process_time()
    first = measured('first carry', lambda: settle(fabric))
    first_cpu += time.process_time()
    again = measured('nothing to do', lambda: settle(fabric))
    objects = first.counts['create']
    print(f'{objects} objects, {Discrepancy.objects.count()} discrepancies')
    sample = make_fabric('sample', 10, 60, 10)
    count, seconds, cpu_seconds = one_by_one(sample)
    rate, bulk = count / seconds, objects / first.seconds
    # Seconds of this process alone: what the machine does beside it does not count, nor does PostgreSQL's part.
    cpu = (objects / first_cpu) / (count / cpu_seconds)
    print(
        f'one by one: {count} objects in {seconds:.1f} s, {rate:.0f}/s, which is {objects / rate:.0f} s for all; '
        f'in bulk {bulk:.0f}/s: {bulk / rate:.1f} times as fast, by CPU seconds of Python alone {cpu:.1f} times'
    )
    return 0 if bulk >= 10 * rate and not again.changes else 1


def measured(what: str, work: Any) -> Any:
    report = work()
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    counted = f'{report.statements} SQL statements, peak memory {memory:.0f} MB'
    print(f'{what}: {report.seconds:.1f} s, {counted}', flush=True)
    return report


def make_fabric(name: str, switches: int, servers: int, vpcs: int) -> Any:
    from dcim.models import Site
    from django.utils import timezone

    from netbox_hedgehog.kinds import KINDS
    from netbox_hedgehog.models import Fabric, FabricResource, KindReading

    site, _ = Site.objects.get_or_create(name=name, slug=name)
    fabric = Fabric.objects.create(name=name, inventory_enabled=True, inventory_site=site)
    now = timezone.now()
    FabricResource.objects.bulk_create(
        FabricResource(
            fabric=fabric, kind=kind, namespace='default', name=own, uid=str(uuid.uuid4()), generation=1,
            resource_version='1', spec=spec, fingerprint='x', first_seen=now, last_read=now, changed=now,
        )
        for kind, own, spec in resources(switches, servers, vpcs)
    )
    KindReading.objects.bulk_create(KindReading(fabric=fabric, kind=kind.name, last_read=now) for kind in KINDS)
    return fabric


def resources(switches: int, servers: int, vpcs: int) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """A fabric of leaves and spines, each server on two leaves, each attached to a VPC."""
    spines = max(2, switches // 25)
    leaves = switches - spines
    per_leaf = -(-servers * 2 // leaves)
    for profile, count in (('spine', leaves), ('leaf', per_leaf + spines)):
        ports = {'M1': {'nos': 'Management0', 'management': True}}
        ports |= {f'E1/{number}': {'nos': f'Ethernet{number}', 'profile': 'p'} for number in range(1, count + 1)}
        yield 'SwitchProfile', profile, {
            'displayName': f'Acme {profile}', 'nosType': 'sonic', 'ports': ports,
            'portProfiles': {'p': {'speed': {'default': '25G'}}},
        }
    yield 'VLANNamespace', 'default', {'ranges': [{'from': 1000, 'to': 2999}]}
    yield 'IPv4Namespace', 'default', {'subnets': ['10.0.0.0/8']}
    for number in range(switches):
        role = 'spine' if number < spines else 'server-leaf'
        name = f'spine-{number}' if number < spines else f'leaf-{number - spines}'
        high, low = divmod(number, 250)
        yield 'Switch', name, {
            'role': role, 'profile': 'spine' if number < spines else 'leaf',
            'asn': 65100 if number < spines else 65101 + number,
            'ip': f'172.30.{high}.{low + 1}/21', 'protocolIP': f'172.30.{8 + high}.{low}/32',
            'boot': {'serial': f'SERIAL-{number}'},
            **({} if number < spines else {'vtepIP': f'172.30.{12 + high}.{low}/32'}),
        }
    used = [0] * leaves
    channels: dict[int, dict[str, int]] = {leaf: {} for leaf in range(leaves)}
    for leaf in range(leaves):
        for spine in range(spines):
            link = (leaf * spines + spine) * 2
            at = f'172.31.{link // 256}.{link % 256}'
            other = f'172.31.{link // 256}.{link % 256 + 1}'
            yield 'Connection', f'spine-{spine}--fabric--leaf-{leaf}', {'fabric': {'links': [{
                'spine': {'port': f'spine-{spine}/E1/{leaf + 1}', 'ip': f'{at}/31'},
                'leaf': {'port': f'leaf-{leaf}/E1/{per_leaf + spine + 1}', 'ip': f'{other}/31'},
            }]}}
    for server in range(servers):
        yield 'Server', f'server-{server}', {'description': f'Server {server}'}
        links = []
        name = f'server-{server}--eslag'
        for nic in (0, 1):
            leaf = (server * 2 + nic) % leaves
            used[leaf] += 1
            channels[leaf][name] = used[leaf]
            links.append({
                'server': {'port': f'server-{server}/eth{nic}'},
                'switch': {'port': f'leaf-{leaf}/E1/{used[leaf]}'},
            })
        yield 'Connection', name, {'eslag': {'links': links}}
        if vpcs:
            yield 'VPCAttachment', f'{name}--vpc', {'subnet': f'vpc-{server % vpcs}/web', 'connection': name}
    for leaf, found in channels.items():
        yield 'Catalog', f'switch.leaf-{leaf}', {'portChannelIDs': found}
    yield 'Catalog', 'vpcs', {
        'vpcVNIs': {f'vpc-{number}': 100 * (number + 1) for number in range(vpcs)},
        'vpcSubnetVNIs': {f'vpc-{number}': {'web': 100 * (number + 1) + 1} for number in range(vpcs)},
    }
    for number in range(vpcs):
        net = f'10.{number // 250}.{number % 250}'
        yield 'VPC', f'vpc-{number}', {'ipv4Namespace': 'default', 'vlanNamespace': 'default', 'subnets': {'web': {
            'subnet': f'{net}.0/24', 'gateway': f'{net}.1', 'vlan': 1000 + number,
            'dhcp': {'enable': True, 'range': {'start': f'{net}.10', 'end': f'{net}.99'}},
        }}}


def one_by_one(fabric: Any) -> tuple[int, float, float]:
    """Save every object that a fabric wants as NetBox's forms do. Returns how many, the seconds, and those of CPU."""
    from django.contrib.contenttypes.models import ContentType
    from netbox.context_managers import event_tracking
    from utilities.request import NetBoxFakeRequest

    from netbox_hedgehog.inventory.desired import desired
    from netbox_hedgehog.inventory.present import levels
    from netbox_hedgehog.inventory.resources import resources_of
    from netbox_hedgehog.inventory.settle import inventory_user, options_of
    from netbox_hedgehog.inventory.shapes import ENDS, GENERIC, MANY, decode, kind_of, model_of, naturals, shape, wanted

    wants = desired(resources_of(fabric), options_of(fabric))
    made: dict[str, Any] = {}

    class Refer:
        def __call__(self, key: str) -> Any:
            return made[key].pk

        def label_of(self, key: str) -> str:
            return wants.wants[key].model

    level_of = levels(wants)
    clock, cpu, count = time.monotonic(), time.process_time(), 0
    request = NetBoxFakeRequest({'id': uuid.uuid4(), 'user': inventory_user()})
    with event_tracking(request):
        for want in sorted(wants.wants.values(), key=lambda want: level_of[want.key]):
            model: Any = model_of(want.model)
            deferred = shape(want.model).deferred
            values = {
                name: wanted(want.model, name, value, Refer())
                for name, value in want.fields.items() if name not in deferred
            }
            if want.shared and naturals(want.model, values):
                names = shape(want.model).naturals[0]
                if found := model.objects.filter(**{name: values[name] for name in names}).first():
                    made[want.key] = found
                    continue
            instance = model()
            many = {}
            for name, value in values.items():
                kind = kind_of(want.model, name)
                if kind == ENDS:
                    ends = model_of('dcim.interface').objects.filter(pk__in=value)
                    setattr(instance, f'{name}_terminations', list(ends))
                elif kind == MANY:
                    many[name] = value
                elif kind == GENERIC and value is not None:
                    field = model._meta.get_field(name)
                    target = model_of(value[0])
                    setattr(instance, field.ct_field, ContentType.objects.get_for_model(target))
                    setattr(instance, field.fk_field, value[1])
                else:
                    for attribute, content in decode(want.model, name, value).items():
                        setattr(instance, attribute, content)
            instance.full_clean()
            instance.save()
            for name, value in many.items():
                if value:
                    getattr(instance, name).set(value)
            made[want.key] = instance
            count += 1
        for want in wants.of('dcim.device'):
            if address := want.fields.get('primary_ip4'):
                device = type(made[want.key]).objects.get(pk=made[want.key].pk)
                device.snapshot()
                device.primary_ip4_id = made[address.key].pk
                device.full_clean()
                device.save()
    return count, time.monotonic() - clock, time.process_time() - cpu


if __name__ == '__main__':
    raise SystemExit(main())
