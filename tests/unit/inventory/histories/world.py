"""A fabric and the people around it: the state that a history changes, on both sides."""

import copy
import random
from collections.abc import Iterable, Sequence
from typing import Any

from dcim.models import Device, DeviceRole, DeviceType, Interface, Manufacturer, Site
from django.utils import timezone

from netbox_hedgehog.hedgehog.kinds import KINDS
from netbox_hedgehog.inventory.mapping.types import Resource
from netbox_hedgehog.models import Fabric, FabricResource, InventoryLink, KindSync

from ....support.inventory import grace_is_over
from ....support.resources import make

__all__ = ('Impossible', 'World', 'beginning')

Name = tuple[str, str]


class Impossible(Exception):
    """There is nothing that could be changed so."""


class World:
    """One fabric, as its cluster has it now, and NetBox around it.

    `random` decides what a change or an edit does; it is seeded anew for each. `unread` are the kinds that the next
    sync does not get. `protection_rules` is NetBox's setting. `confirms` says that a person confirms, in this step,
    what is held back.
    """

    def __init__(self, fabric: Fabric) -> None:
        self.fabric = fabric
        self.random = random.Random()
        self.resources: dict[Name, dict[str, Any]] = {}
        self.status: dict[Name, dict[str, Any]] = {}
        self.removed: dict[Name, dict[str, Any]] = {}
        self.unread: set[str] = set()
        self.protection_rules: dict[str, Any] = {}
        self.confirms = False
        self.number = 0
        for resource in beginning():
            self.resources[resource.kind, resource.name] = copy.deepcopy(dict(resource.spec))

    # Choosing

    def one[T](self, items: Iterable[T]) -> T:
        """Choose one. Raises Impossible where there is none."""
        return self.some(items, 1)[0]

    def some[T](self, items: Iterable[T], count: int) -> list[T]:
        """Choose as many, each once. Raises Impossible where there are fewer."""
        found = list(items)
        if len(found) < count:
            raise Impossible
        return self.random.sample(found, count)

    def new_number(self) -> int:
        self.number += 1
        return self.number

    # The fabric

    def names(self, kind: str) -> list[str]:
        return sorted(name for found, name in self.resources if found == kind)

    def spec(self, kind: str, name: str) -> dict[str, Any]:
        """What a resource says, to be changed in place. Raises Impossible where it has gone."""
        if (kind, name) not in self.resources:
            raise Impossible
        return self.resources[kind, name]

    def one_of(self, kind: str) -> tuple[str, dict[str, Any]]:
        """Choose a resource: its name and its spec."""
        name = self.one(self.names(kind))
        return name, self.resources[kind, name]

    def add(self, kind: str, name: str, **spec: Any) -> None:
        self.resources[kind, name] = spec

    def report(self, switch: str, **state: Any) -> None:
        """Let the agent of a switch report this, beside what it has reported."""
        self.resources.setdefault(('Agent', switch), {})
        before = self.status.get(('Agent', switch), {}).get('state', {})
        self.status['Agent', switch] = {'state': {**before, **state}}

    def remove(self, kind: str, name: str) -> None:
        self.removed[kind, name] = self.resources.pop((kind, name))

    def change_settings(self, **settings: Any) -> None:
        """Change settings of the fabric, as its form does."""
        for name, value in settings.items():
            setattr(self.fabric, name, value)
        Fabric.objects.filter(pk=self.fabric.pk).update(**settings)

    def subnets(self) -> list[dict[str, Any]]:
        """All subnets of all VPCs, to be changed in place."""
        found = []
        for name in self.names('VPC'):
            subnets = self.spec('VPC', name)['subnets']
            found += [subnets[key] for key in sorted(subnets)]
        return found

    def links(self) -> list[dict[str, Any]]:
        """All links of all Connections with a server, to be changed in place."""
        found = []
        for name in self.names('Connection'):
            for member, said in sorted(self.spec('Connection', name).items()):
                if member in ('unbundled', 'bundled', 'eslag'):
                    found += said['links'] if 'links' in said else [said['link']]
        return found

    def used_ports(self) -> set[str]:
        found: set[str] = set()
        collect_ports(list(self.resources.values()), found)
        return found

    def free_port(self) -> str:
        """Choose a port of a leaf that no Connection names."""
        used = self.used_ports()
        ports = [
            f'{switch}/E1/{number}' for switch in self.names('Switch') for number in range(1, 5)
        ]
        return self.one(port for port in ports if port not in used)

    def replace_everywhere(self, old: str, new: str) -> None:
        """Rename something in all specs and names, as whoever renames a resource has to."""
        renamed = {}
        for (kind, name), spec in self.resources.items():
            renamed[kind, renamed_in(name, old, new)] = replaced(spec, old, new)
        self.resources = renamed

    def swap_names(self, first: str, second: str) -> None:
        """Let two things have each other's name."""
        for old, new in ((first, 'nobody'), (second, first), ('nobody', second)):
            self.replace_everywhere(old, new)

    # Syncs

    def sync(self) -> None:
        """Let the mirror hold what the cluster has, but for the kinds that this sync does not get."""
        now = timezone.now()
        for row in FabricResource.objects.filter(fabric=self.fabric, missing_since=None):
            if (row.kind, row.name) not in self.resources and row.kind not in self.unread:
                FabricResource.objects.filter(pk=row.pk).update(missing_since=now)
        FabricResource.objects.bulk_create(
            [self._row(kind, name, now) for kind, name in sorted(self.resources) if kind not in self.unread],
            update_conflicts=True, unique_fields=('fabric', 'kind', 'namespace', 'name'),
            update_fields=('spec', 'status', 'missing_since'),
        )
        KindSync.objects.bulk_create(
            [
                KindSync(fabric=self.fabric, kind=kind.name, last_read=now)
                for kind in KINDS if kind.name not in self.unread
            ],
            update_conflicts=True, unique_fields=('fabric', 'kind'), update_fields=('last_read',),
        )

    def _row(self, kind: str, name: str, now: Any) -> FabricResource:
        return FabricResource(
            fabric=self.fabric, kind=kind, namespace='default', name=name, uid=f'{kind}-{name}'[:64], generation=1,
            resource_version='1', spec=copy.deepcopy(self.resources[kind, name]),
            status=self.status.get((kind, name), {}), fingerprint='x', first_seen=now, last_read=now, changed=now,
        )

    def time_passes(self) -> None:
        grace_is_over(self.fabric)

    # NetBox

    def managed[M](self, model: type[M], *, created: bool | None = None) -> list[M]:
        """The objects of a model that the plugin manages, in a stable order."""
        label = model._meta.label_lower  # type: ignore[attr-defined]
        app, name = label.split('.')
        links = InventoryLink.objects.filter(
            fabric=self.fabric, object_type__app_label=app, object_type__model=name,
        )
        return list(model.objects.filter(pk__in=links.values('object_id')).order_by('pk'))  # type: ignore[attr-defined]

    def one_managed[M](self, model: type[M]) -> M:
        return self.one(self.managed(model))

    def their_device(self, name: str = '', **fields: Any) -> Device:
        """A device that a person makes, with two ports."""
        site = fields.pop('site', None) or Site.objects.get(slug='dc')
        maker = Manufacturer.objects.get_or_create(name='Own', slug='own')[0]
        kind = DeviceType.objects.get_or_create(manufacturer=maker, model='Box', slug='box')[0]
        role = DeviceRole.objects.get_or_create(name='Mine', slug='mine')[0]
        device = Device(
            name=name or f'theirs-{self.new_number()}', site=site, device_type=kind, role=role, **fields,
        )
        device.full_clean()
        device.save()
        return device

    def their_port(self, **fields: Any) -> Interface:
        """A port of a device of a person's."""
        port = Interface(device=self.their_device(), name='p1', type='25gbase-x-sfp28', **fields)
        port.full_clean()
        port.save()
        return port


def collect_ports(node: Any, found: set[str]) -> None:
    if isinstance(node, dict):
        if isinstance(node.get('port'), str):
            found.add(node['port'])
        for value in node.values():
            collect_ports(value, found)
    elif isinstance(node, list):
        for value in node:
            collect_ports(value, found)


def renamed_in(text: str, old: str, new: str) -> str:
    """A text with a name in it replaced: as a whole, before a slash, or between hyphens."""
    parts = [part if part != old else new for part in text.split('--')]
    head, slash, tail = '--'.join(parts).partition('/')
    return f'{new if head == old else head}{slash}{tail}'


def replaced(node: Any, old: str, new: str) -> Any:
    if isinstance(node, dict):
        return {renamed_in(key, old, new): replaced(value, old, new) for key, value in node.items()}
    if isinstance(node, list):
        return [replaced(value, old, new) for value in node]
    return renamed_in(node, old, new) if isinstance(node, str) else node


def exchange(items: Sequence[dict[str, Any]], *fields: str) -> None:
    """Let each have what the next one had, and the last what the first one had."""
    for field in fields:
        values = [item.get(field) for item in items]
        for item, value in zip(items, [*values[1:], values[0]], strict=True):
            if value is None:
                item.pop(field, None)
            else:
                item[field] = value


def beginning() -> list[Resource]:
    """What each history begins with: small, and every value that NetBox keeps unique is in it."""
    profile = {
        'displayName': 'Acme X5', 'nosType': 'sonic',
        'portProfiles': {
            'p': {'speed': {'default': '25G', 'supported': ['10G', '25G']}},
            'b': {'breakout': {'default': '1x100G', 'supported': {
                '1x100G': {'offsets': ['0']}, '4x25G': {'offsets': ['0', '1', '2', '3']},
            }}},
        },
        'ports': {
            'M1': {'nos': 'Management0', 'management': True},
            **{f'E1/{number}': {'nos': f'Ethernet{number}', 'profile': 'p'} for number in range(1, 5)},
            'E1/5': {'nos': '1/5', 'baseNOSName': 'Ethernet5', 'profile': 'b'},
        },
    }
    return [
        make('SwitchProfile', 'x5', **profile),
        make('VLANNamespace', 'default', ranges=[{'from': 1000, 'to': 1099}]),
        make('VLANNamespace', 'other', ranges=[{'from': 1000, 'to': 1099}]),
        make('IPv4Namespace', 'default', subnets=['10.0.0.0/16']),
        *(make(
            'Switch', f'leaf-{number}', role='server-leaf', profile='x5', asn=65100 + number,
            ip=f'172.30.0.{number}/21', protocolIP=f'172.30.8.{number}/32', vtepIP=f'172.30.12.{number}/32',
            boot={'serial': f'LEAF{number}'},
        ) for number in (1, 2)),
        *(make('Server', f'server-{number}') for number in (1, 2, 3)),
        make('Connection', 'leaf-1--mesh--leaf-2', mesh={'links': [{
            'leaf1': {'port': 'leaf-1/E1/4', 'ip': '172.30.128.0/31'},
            'leaf2': {'port': 'leaf-2/E1/4', 'ip': '172.30.128.1/31'},
        }]}),
        make('Connection', 'server-1--unbundled--leaf-1', unbundled={'link': {
            'server': {'port': 'server-1/eth0'}, 'switch': {'port': 'leaf-1/E1/1'},
        }}),
        *(make('Connection', f'server-{number}--bundled--leaf-1', bundled={'links': [
            {'server': {'port': f'server-{number}/eth0'}, 'switch': {'port': f'leaf-1/E1/{number}'}},
        ]}) for number in (2, 3)),
        make('Connection', 'leaf-2--external--isp', external={'link': {'switch': {'port': 'leaf-2/E1/1'}}}),
        make('Catalog', 'switch.leaf-1', portChannelIDs={
            'server-2--bundled--leaf-1': 1, 'server-3--bundled--leaf-1': 2,
        }),
        make('Catalog', 'vpcs', vpcVNIs={'vpc-1': 100, 'vpc-2': 200, 'ext@isp': 300}, vpcSubnetVNIs={
            'vpc-1': {'web': 101, 'db': 102}, 'vpc-2': {'web': 201},
        }),
        make('VPC', 'vpc-1', ipv4Namespace='default', vlanNamespace='default', subnets={
            'web': subnet(1, dhcp=True), 'db': subnet(2, dhcp=True),
        }),
        make('VPC', 'vpc-2', ipv4Namespace='default', vlanNamespace='default', subnets={'web': subnet(3)}),
        make('VPCAttachment', 'vpc-1--web--server-1', subnet='vpc-1/web', connection='server-1--unbundled--leaf-1'),
        make('VPCAttachment', 'vpc-1--db--server-1', subnet='vpc-1/db', connection='server-1--unbundled--leaf-1'),
        make('VPCAttachment', 'vpc-2--web--server-2', subnet='vpc-2/web', connection='server-2--bundled--leaf-1',
             nativeVLAN=True),
        make('External', 'isp', ipv4Namespace='default'),
        *(make(
            'ExternalAttachment', f'isp-{number}', external='isp', connection='leaf-2--external--isp',
            switch={'ip': f'192.0.2.{4 * number + 1}/30', 'vlan': 300 + number}, neighbor={'asn': 64500},
        ) for number in (1, 2)),
    ]


def subnet(number: int, *, dhcp: bool = False) -> dict[str, Any]:
    found: dict[str, Any] = {
        'subnet': f'10.0.{number}.0/24', 'gateway': f'10.0.{number}.1', 'vlan': 1000 + number,
    }
    if dhcp:
        found['dhcp'] = {'enable': True, 'range': {'start': f'10.0.{number}.10', 'end': f'10.0.{number}.99'}}
    return found
