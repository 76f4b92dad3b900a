"""How long it takes to reconcile NetBox with a fabric, against saving the same objects one by one.

    python -m benchmarks.reconcile --switches 200 --servers 4000 --vpcs 300

Makes a database of its own, and drops it in the end. Prints seconds, SQL statements and peak memory of the first
reconcile and of one that finds nothing to do, and how long the same objects take one by one: every so many-th of each
model is saved as NetBox's forms save, full_clean() and save() with all of NetBox's signals, and each model's time a
piece counts for all of that model.
"""

import argparse
import re
import resource
import time
import uuid
from collections import defaultdict
from collections.abc import Iterator
from typing import Any

from .world import netbox


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--switches', type=int, default=200)
    parser.add_argument('--servers', type=int, default=4000)
    parser.add_argument('--vpcs', type=int, default=300)
    parser.add_argument('--profile', action='store_true', help='where the seconds of the first reconcile go')
    parser.add_argument('--sample', type=int, default=20, help='save every so many-th object one by one')
    options = parser.parse_args()
    with netbox():
        return compare(options)


def compare(options: argparse.Namespace) -> int:
    from netbox_hedgehog.inventory.reconcile import reconcile
    from netbox_hedgehog.models import Discrepancy

    fabric = make_fabric('large', options.switches, options.servers, options.vpcs)
    if options.profile:
        import cProfile
        import pstats

        profile = cProfile.Profile()
        profile.runcall(reconcile, fabric)
        pstats.Stats(profile).sort_stats('cumulative').print_stats(45)
        return 0
    # Before the first reconcile, and taken back: the very objects that it is about to create.
    sample = one_by_one(fabric, options.sample)
    page(fabric, 'of everything')
    first = measured('first reconcile', lambda: reconcile(fabric))
    page(fabric, 'with nothing to do')
    again = measured('nothing to do', lambda: reconcile(fabric))
    objects = first.counts['create']
    print(f'{objects} objects, {Discrepancy.objects.count()} discrepancies')
    seconds = 0.0
    print('| model | objects | saved one by one, of these | seconds each | seconds for all |\n|---|---|---|---|---|')
    for label, counted in sorted(first.models.items()):
        count, spent = sample[label]
        seconds += counted['create'] * spent / count
        print(f'| {label} | {counted["create"]} | {count} | {spent / count:.4f} | '
              f'{counted["create"] * spent / count:.0f} |')
    ratio = seconds / first.seconds
    print(f'one by one {seconds:.0f} s, in bulk {first.seconds:.0f} s: {ratio:.1f} times as fast')
    return 0 if ratio >= 10 and not again.changes else 1


def measured(what: str, work: Any) -> Any:
    report = work()
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    counted = f'{report.statements} SQL statements, peak memory {memory:.0f} MB'
    print(f'{what}: {report.seconds:.1f} s, {counted}', flush=True)
    return report


def page(fabric: Any, what: str) -> None:
    """How long the dry run's page takes, and the rows of one of its groups."""
    from django.test import Client
    from users.models import User

    client = Client()
    client.force_login(User.objects.get_or_create(username='reader', is_superuser=True)[0])
    client.get('/plugins/hedgehog/fabrics/')  # what is loaded once for all pages counts for none
    clock = time.perf_counter()
    answer = client.get(f'/plugins/hedgehog/fabrics/{fabric.pk}/dry-run/')
    assert answer.status_code == 200
    made = time.perf_counter() - clock
    digest = re.search(r'digest=(\w+)', answer.content.decode())
    clock = time.perf_counter()
    rows = client.get(f'/plugins/hedgehog/fabrics/{fabric.pk}/dry-run/rows/', {
        'digest': digest[1] if digest else '', 'scope': 'devices', 'model': 'dcim.interface', 'verb': 'create',
    })
    assert rows.status_code == 200
    print(
        f'dry run {what}: page {made:.1f} s, {len(answer.content) // 1024} KB; '
        f'fifty of its rows {time.perf_counter() - clock:.1f} s', flush=True,
    )


def make_fabric(name: str, switches: int, servers: int, vpcs: int) -> Any:
    from dcim.models import Site
    from django.utils import timezone

    from netbox_hedgehog.hedgehog.kinds import KINDS
    from netbox_hedgehog.models import Fabric, FabricResource, KindSync

    site, _ = Site.objects.get_or_create(name=name, slug=name)
    fabric = Fabric.objects.create(name=name, inventory_enabled=True, inventory_auto_apply=True, inventory_site=site)
    now = timezone.now()
    FabricResource.objects.bulk_create(
        FabricResource(
            fabric=fabric, kind=kind, namespace='default', name=own, uid=str(uuid.uuid4()), generation=1,
            resource_version='1', spec=spec, fingerprint='x', first_seen=now, last_read=now, changed=now,
        )
        for kind, own, spec in resources(switches, servers, vpcs)
    )
    KindSync.objects.bulk_create(KindSync(fabric=fabric, kind=kind.name, last_read=now) for kind in KINDS)
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
    on_leaf: dict[int, set[int]] = {leaf: set() for leaf in range(leaves)}
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
            if vpcs:
                on_leaf[leaf].add(server % vpcs)
            links.append({
                'server': {'port': f'server-{server}/eth{nic}'},
                'switch': {'port': f'leaf-{leaf}/E1/{used[leaf]}'},
            })
        yield 'Connection', name, {'eslag': {'links': links}}
        if vpcs:
            yield 'VPCAttachment', f'{name}--vpc', {'subnet': f'vpc-{server % vpcs}/web', 'connection': name}
    for leaf, found in channels.items():
        irb_vlans = {f'vpc-{vpc}': 3000 + place for place, vpc in enumerate(sorted(on_leaf[leaf]))}
        yield 'Catalog', f'switch.leaf-{leaf}', {'portChannelIDs': found, 'irbVLANs': irb_vlans}
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


def one_by_one(fabric: Any, every: int) -> dict[str, tuple[int, float]]:
    """Save every so many-th object of each model that a fabric wants as NetBox's forms do, with all that these refer
    to; then take it back. Returns for each model how many were saved, and the seconds.
    """
    from django.db import transaction

    from netbox_hedgehog.inventory.options import options_of
    from netbox_hedgehog.inventory.reconcile import desired_of

    desired = desired_of(fabric, options_of(fabric))
    by_model = defaultdict(list)
    for obj in desired.objects.values():
        by_model[obj.model].append(obj.key)
    chosen: set[str] = set()
    due: list[str] = []
    for keys in by_model.values():
        due += keys[::every if len(keys) > 20 * every else 1 + len(keys) // 20]
    while due:
        key = due.pop()
        if key not in chosen:
            chosen.add(key)
            due += [ref.key for ref in desired.objects[key].refs()]
    with transaction.atomic():
        found = Saving(desired).save(chosen)
        transaction.set_rollback(True)
    return found


class Saving:
    """Saves wanted objects one after the other: full_clean(), save(), and all of NetBox's signals."""

    def __init__(self, desired: Any) -> None:
        self.desired = desired
        self.made: dict[str, Any] = {}
        self.found: dict[str, tuple[int, float]] = {}

    def __call__(self, key: str) -> Any:
        return self.made[key].pk

    def label_of(self, key: str) -> str:
        return self.desired.objects[key].model

    def save(self, keys: set[str]) -> dict[str, tuple[int, float]]:
        from netbox.context_managers import event_tracking
        from utilities.request import NetBoxFakeRequest

        from netbox_hedgehog.inventory.applying.transaction import inventory_user
        from netbox_hedgehog.inventory.planning.levels import levels

        level_of = levels(self.desired)
        request = NetBoxFakeRequest({'id': uuid.uuid4(), 'user': inventory_user()})
        with event_tracking(request):
            for key in sorted(keys, key=lambda key: level_of[key]):
                self._timed(key, self._create)
            for key in keys:
                if self.desired.objects[key].fields.get('primary_ip4'):
                    self._timed(key, self._set_address, count=0)
        return self.found

    def _timed(self, key: str, work: Any, count: int = 1) -> None:
        clock = time.perf_counter()
        work(self.desired.objects[key])
        model = self.desired.objects[key].model
        before = self.found.get(model, (0, 0.0))
        self.found[model] = before[0] + count, before[1] + time.perf_counter() - clock

    def _create(self, obj: Any) -> None:
        from django.contrib.contenttypes.models import ContentType

        from netbox_hedgehog.inventory.planning.fields import (
            ENDS,
            GENERIC,
            MANY,
            decode,
            desired_value,
            kind_of,
            model_of,
        )
        from netbox_hedgehog.inventory.planning.model_specs import identities, spec_of

        model: Any = model_of(obj.model)
        values = {
            name: desired_value(obj.model, name, value, self)
            for name, value in obj.fields.items() if name not in spec_of(obj.model).deferred
        }
        if obj.shared and identities(obj.model, values):
            names = spec_of(obj.model).identity_keys[0]
            if found := model.objects.filter(**{name: values[name] for name in names}).first():
                self.made[obj.key] = found
                return
        instance = model()
        many = {}
        for name, value in values.items():
            kind = kind_of(obj.model, name)
            if kind == ENDS:
                ends = model_of('dcim.interface').objects.filter(pk__in=value)
                setattr(instance, f'{name}_terminations', list(ends))
            elif kind == MANY:
                many[name] = value
            elif kind == GENERIC and value is not None:
                field = model._meta.get_field(name)
                setattr(instance, field.ct_field, ContentType.objects.get_for_model(model_of(value[0])))
                setattr(instance, field.fk_field, value[1])
            else:
                for attribute, content in decode(obj.model, name, value).items():
                    setattr(instance, attribute, content)
        instance.full_clean()
        instance.save()
        for name, value in many.items():
            if value:
                getattr(instance, name).set(value)
        self.made[obj.key] = instance

    def _set_address(self, obj: Any) -> None:
        address = obj.fields['primary_ip4'].key
        if address not in self.made:
            return
        device = type(self.made[obj.key]).objects.get(pk=self.made[obj.key].pk)
        device.snapshot()
        device.primary_ip4_id = self.made[address].pk
        device.full_clean()
        device.save()


if __name__ == '__main__':
    raise SystemExit(main())
