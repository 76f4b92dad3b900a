"""Find: the answers word by word, what is hidden from whom, and what it costs."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from io import StringIO
from typing import Any
from unittest.mock import patch

import pytest
from core.models import ObjectType
from dcim.models import Interface
from django.core.management import CommandError, call_command
from django.db import connection
from django.test import TestCase
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone
from ipam.models import IPAddress
from users.models import ObjectPermission, User
from virtualization.models import Cluster, ClusterType, VirtualMachine, VMInterface

from netbox_hedgehog.inventory.reconcile import reconcile
from netbox_hedgehog.models import Fabric, FabricResource, InventoryLink, KindSync
from netbox_hedgehog.presentation.find import answers as answers_module
from netbox_hedgehog.presentation.find.lookup import find

from ....support.inventory import fabric_of
from .scenario import MAC_OF_PORT, scenario

PAGE = 'plugins:netbox_hedgehog:find'
API = 'plugins-api:netbox_hedgehog-api:find'

# What the lines of each term are, without the time.
GOLDEN = {
    # Its host name is no server's, and no switch sees it: what is attached to the subnet says it.
    '10.0.1.57': [
        '10.0.1.57: lease of 0c:20:12:fe:00:01 (host db-3) in vpc-01/backend, only attached: server-02 bond0 → '
        'leaf-01 PortChannel2 (E1/55/1, E1/56/1)',
        '10.0.1.57: subnet vpc-01/backend, VLAN 1001, gateway 10.0.1.1',
        '10.0.1.57: prefix 10.0.1.0/24 in NetBox (VRF vpc-01 (dc-1))',
        '10.0.1.57: prefix of IPv4 namespace default',
        '10.0.1.57: prefix 10.0.0.0/16 in NetBox (VRF IPv4 namespace default (dc-1))',
    ],
    '0c20.12fe.0001': [
        '0c20.12fe.0001: lease of 10.0.1.57 (host db-3) in vpc-01/backend, only attached: server-02 bond0 → leaf-01 '
        'PortChannel2 (E1/55/1, E1/56/1)',
    ],
    # By its host name.
    '0C-20-12-FE-00-02': [
        '0C-20-12-FE-00-02: lease of 10.0.2.20 (host server-04) in vpc-01/web, server-04 eth0 → leaf-01 E1/2',
    ],
    # By the port on which its switch sees it.
    '0c:20:12:fe:00:03': [
        '0c:20:12:fe:00:03: lease of 10.0.2.21 (host db-9) in vpc-01/web, server-03 eth0 → leaf-01 E1/1',
        '0c:20:12:fe:00:03: LLDP neighbor db-9.example.com eth0 on leaf-01 E1/1, declared: server-03 eth0 → leaf-01 '
        'E1/1',
    ],
    '0c:20:12:fe:00:04': [
        '0c:20:12:fe:00:04: lease of 10.0.2.22 (host nobody) in vpc-01/web, server not identified (2 Connections '
        'attached)',
    ],
    'db-3': [
        'db-3: lease of 10.0.1.57 to 0c:20:12:fe:00:01 in vpc-01/backend, only attached: server-02 bond0 → leaf-01 '
        'PortChannel2 (E1/55/1, E1/56/1)',
    ],
    MAC_OF_PORT: [f'{MAC_OF_PORT}: MAC address of leaf-01 E1/1, E1/2'],
    '0c:20:12:ff:00:01': ['0c:20:12:ff:00:01: boot MAC address of switch leaf-01'],
    '1001': [
        '1001: VLAN of subnet vpc-01/backend, 10.0.1.0/24',
        '1001: VLAN vpc-01--backend (1001) in NetBox (default (dc-1))',
        '1001: VLAN in the range 1000–1999 of VLAN namespace default',
    ],
    'VLAN 2500': ['VLAN 2500: VLAN in the range 2500–2500 of VLAN namespace default'],
    'AS65101': ['AS65101: AS number of switch leaf-01', 'AS65101: ASN AS65101 in NetBox'],
    '100': ['100: VNI of VPC vpc-01'],
    '101': ['101: VNI of subnet vpc-01/backend'],
    's-leaf-1': ['s-leaf-1: serial number of switch leaf-01'],
    'xcvr-00': ['XCVR-0055: serial number of the transceiver in leaf-01 E1/55'],
    '172.30.8.2': [
        '172.30.8.2: protocol address of switch leaf-01',
        '172.30.8.2: IP address 172.30.8.2/32 in NetBox (VRF Underlay (dc-1), leaf-01 Loopback1)',
    ],
    '10.0.2.0/24': [
        '10.0.2.0/24: subnet vpc-01/web, VLAN 1002, gateway 10.0.2.1',
        '10.0.2.0/24: prefix 10.0.2.0/24 in NetBox (VRF vpc-01 (dc-1))',
        '10.0.2.0/24: prefix of IPv4 namespace default',
        '10.0.2.0/24: prefix 10.0.0.0/16 in NetBox (VRF IPv4 namespace default (dc-1))',
    ],
    'server-02': [
        'server-02: server, database, server-02 bond0 → leaf-01 PortChannel2 (E1/55/1, E1/56/1), in vpc-01/backend',
        'server-02--bundled--leaf-01: connection, bundled, server-02 enp2s1 – leaf-01 E1/55, server-02 enp2s2 – '
        'leaf-01 E1/56',
        'vpc-01--backend--server-02: VPC attachment, VPC subnet vpc-01/backend, Connection server-02--bundled--leaf-01',
    ],
    'nonsense': [],
}


class FindTestCase(TestCase):

    now: datetime
    fabric: Fabric

    @classmethod
    def setUpTestData(cls) -> None:
        cls.fabric = fabric_of(scenario())
        reconcile(cls.fabric)
        # A person has given the bond the name that it has on the server.
        link = InventoryLink.objects.get(key='lag/server/server-02/server-02--bundled--leaf-01')
        Interface.objects.filter(pk=link.object_id).update(name='bond0')
        cls.now = timezone.now()
        FabricResource.objects.update(last_read=cls.now)
        KindSync.objects.update(last_read=cls.now)

    @contextmanager
    def later(self, seconds: int) -> Iterator[None]:
        with patch.object(answers_module.timezone, 'now', return_value=self.now + timedelta(seconds=seconds)):
            yield

    def lines(self, entered: str, user: Any = None) -> list[str]:
        return [f'{answer.subject}: {answer.text}' for answer in find(user, entered).answers]

    def someone(self, *models: Any, **constraints: Any) -> User:
        """A user who may view these models, resources under constraints."""
        user = User.objects.create_user(f'user-{User.objects.count()}')
        for model in models:
            limited = constraints if model is FabricResource else None
            permission = ObjectPermission.objects.create(name=str(model), actions=['view'], constraints=limited or None)
            permission.object_types.add(ObjectType.objects.get_for_model(model))
            permission.users.add(user)
        return user


class AnswersTest(FindTestCase):

    def test_an_address_that_is_only_offered_is_no_lease(self):
        entry = {'ip': '10.0.2.99', 'hostname': 'new', 'expiry': '2099-01-01T00:00:00Z', 'discover': True}
        web = FabricResource.objects.get(kind='DHCPSubnet', name='vpc-01--web')
        web.status['allocated']['0c:20:12:fe:00:99'] = entry
        FabricResource.objects.filter(pk=web.pk).update(status=web.status)
        self.assertTrue(self.lines('10.0.2.99')[0].startswith(
            '10.0.2.99: offer, not yet acknowledged, to 0c:20:12:fe:00:99 (host new) in vpc-01/web'))
        self.assertIn('offer, not yet acknowledged, of 10.0.2.99 (host new)', self.lines('0c20.12fe.0099')[0])

    def test_what_has_the_name_comes_before_what_else_says_it(self):
        names = [line.partition(': ')[2].split()[0].strip(',') for line in self.lines('server-04')]
        self.assertEqual(names[:2], ['server', 'lease'])

    def test_the_answers_word_by_word(self) -> None:
        for entered, expected in GOLDEN.items():
            with self.subTest(entered):
                assert self.lines(entered) == expected

    def test_a_line_says_when_it_was_seen(self) -> None:
        with self.later(20):
            (line, *_) = [answer.line for answer in find(None, '10.0.1.57').answers]
        assert line == f'{GOLDEN["10.0.1.57"][0]}, seen 20 seconds ago'

    def test_what_is_deleted_is_shown_as_such_after_what_exists(self) -> None:
        FabricResource.objects.filter(kind='Switch').update(missing_since=self.now, seen_until=self.now)
        with self.later(120):
            lines = [answer.line for answer in find(None, 'leaf-01').answers if answer.is_exact]
        assert lines == [
            'leaf-01: agent, seen 2 minutes ago',
            'leaf-01: switch, server-leaf, 172.30.0.9/21, AS 65101, serial number S-LEAF-1, deleted from the cluster '
            '2 minutes ago',
        ]

    def test_an_expired_lease_says_so(self) -> None:
        row = FabricResource.objects.get(name='vpc-01--backend', kind='DHCPSubnet')
        for lease in row.status['allocated'].values():
            lease['expiry'] = (self.now - timedelta(hours=3)).isoformat()
        row.save()
        with self.later(0):
            assert 'in vpc-01/backend, expired 3 hours ago, only attached' in self.lines('10.0.1.57')[0]

    def test_two_fabrics_are_told_apart(self) -> None:
        other = fabric_of([item for item in scenario() if item.kind == 'Switch'], 'dc-2', inventory_enabled=False)
        answers = find(None, 'AS65101').answers
        assert [answer.fabric for answer in answers if answer.what == 'asn'] == [self.fabric, other]

    def test_many_matches_are_counted(self) -> None:
        found = find(None, 'server', shown_lines=2)
        assert len(found.answers) == 2
        assert found.more_sentence == 'And 8 more. Enter more of it to see fewer.'

    def test_statements_do_not_grow_with_the_matches(self) -> None:
        def statements(entered: str) -> int:
            with CaptureQueriesContext(connection) as captured:
                find(None, entered)
            return len(captured)

        for entered in ('10.0.1.57', 'server-02', '1001', '0c:20:12:fe:00:03'):
            assert statements(entered) <= 25
        counts = []
        row = FabricResource.objects.get(name='vpc-01--web', kind='DHCPSubnet')
        for leases in (1, 50):
            row.status['allocated'] |= {
                f'0c:20:12:fe:01:{number:02x}': {'ip': f'10.0.2.{number}', 'hostname': f'server-{number}'}
                for number in range(40, 40 + leases)
            }
            row.save()
            counts.append(statements('server'))
        assert counts[1] <= counts[0]

    def test_thousands_of_ports_with_one_neighbor_are_no_error(self) -> None:
        neighbor = {'lldpNeighbors': [{'sysName': 'everywhere'}]}
        ports = {f'E1/{number}': neighbor for number in range(20_000)}
        FabricResource.objects.filter(kind='Agent').update(status={'state': {'interfaces': ports}})
        assert find(None, 'everywhere').more > 1000

    def test_a_pattern_is_no_pattern(self) -> None:
        for entered in ('.*', '%%', 'db-3"', "db'3", '\\d+', '(*)', '😀😀', '$.x', '{}', '[[', 'ß–µ', 'd.-3'):
            with self.subTest(entered):
                assert self.lines(entered) == []


class PermissionsTest(FindTestCase):

    def test_without_permission_nothing_is_found(self) -> None:
        user = self.someone(Fabric)
        for entered in GOLDEN:
            found = find(user, entered)
            assert (found.answers, found.more) == ([], 0)

    def test_nothing_of_another_fabric_is_found_or_counted(self) -> None:
        fabric_of(scenario(), 'dc-2', inventory_enabled=False)
        user = self.someone(FabricResource, Fabric, fabric__name='dc-1')
        for entered in (*GOLDEN, 'server', 'leaf'):
            found = find(user, entered)
            assert {answer.fabric for answer in found.answers} <= {self.fabric}
            assert found.more == 0
        assert find(None, 'server').more or len(find(None, 'server').answers) > len(find(user, 'server').answers)

    def test_a_line_leaves_out_what_its_user_may_not_view(self) -> None:
        user = self.someone(FabricResource, kind='DHCPSubnet')
        assert self.lines('10.0.1.57', user) == ['10.0.1.57: lease of 0c:20:12:fe:00:01 (host db-3) in vpc-01/backend']
        (answer,) = find(user, '10.0.1.57').answers
        assert (answer.fabric, answer.objects) == (None, [])

    def test_what_may_be_hidden_is_not_counted(self) -> None:
        """One attachment of two may be viewed: it is not the only one, and nobody learns whether there is another."""
        user = self.someone(FabricResource, name__in=('vpc-01--web', 'vpc-01--web--server-03', 'server-03--unbundled--leaf-01'))
        assert self.lines('0c:20:12:fe:00:04', user) == [
            '0c:20:12:fe:00:04: lease of 10.0.2.22 (host nobody) in vpc-01/web',
        ]

    def test_netbox_objects_take_a_permission_of_their_own(self) -> None:
        user = self.someone(FabricResource, InventoryLink)
        assert [line for line in self.lines('1001', user) if 'in NetBox' in line] == []
        (answer, *_) = find(user, '10.0.1.57').answers
        assert answer.objects == []
        # The name of the bond is NetBox's: the fabric's ports stand in its place.
        assert 'server-02 enp2s1, enp2s2 → leaf-01' in answer.text

    def test_an_address_on_a_virtual_machine_does_not_name_its_interface(self) -> None:
        cluster_type = ClusterType.objects.create(name='type', slug='type')
        cluster = Cluster.objects.create(name='cluster', type=cluster_type)
        machine = VirtualMachine.objects.create(name='machine', cluster=cluster)
        address = IPAddress.objects.filter(pk__in=InventoryLink.objects.filter(
            object_type=ObjectType.objects.get_for_model(IPAddress)).values('object_id')).first()
        address.assigned_object = VMInterface.objects.create(name='hidden-port', virtual_machine=machine)
        address.save()
        user = self.someone(FabricResource, InventoryLink, IPAddress)
        lines = [line for line in self.lines(str(address.address.ip), user) if 'in NetBox' in line]
        assert lines
        assert 'hidden-port' not in ''.join(lines)

    def test_page_and_api_take_the_permission_to_view_resources(self) -> None:
        self.client.force_login(self.someone(Fabric))
        assert self.client.get(reverse(PAGE), {'q': 'leaf-01'}).status_code == 403
        assert self.client.get(reverse(API), {'q': 'leaf-01'}).status_code == 403


class FacesTest(FindTestCase):

    def setUp(self) -> None:
        self.client.force_login(User.objects.create_superuser('admin'))

    def page(self, **query: str) -> str:
        response = self.client.get(reverse(PAGE), query)
        assert response.status_code == 200
        return ' '.join(response.content.decode().split())

    def test_the_page_links_what_it_names(self) -> None:
        page = self.page(q='10.0.1.57')
        for kind, name in (('DHCPSubnet', 'vpc-01--backend'), ('Server', 'server-02'), ('Switch', 'leaf-01')):
            url = FabricResource.objects.get(kind=kind, name=name).get_absolute_url()
            assert f'href="{url}"' in page
        assert f'>{self.fabric.name}</a>' in page
        assert f'href="{Interface.objects.get(name="bond0").get_absolute_url()}"' in page

    def test_the_page_without_answers_says_why(self) -> None:
        assert 'Nothing entered yet.' in self.page()
        assert 'Nothing found for “nonsense”.' in self.page(q='nonsense')
        bad = self.page(q='10.0.1.300')
        assert '10.0.1.300 is not an IPv4 address or prefix.' in bad
        assert 'value="10.0.1.300"' in bad
        assert '&lt;b&gt;' in self.page(q='<b>')

    def test_a_stale_fabric_is_announced(self) -> None:
        Fabric.objects.update(last_sync=self.now - timedelta(days=1), created=self.now - timedelta(days=2))
        assert 'Stale: sync of dc-1 is overdue' in self.page(q='leaf-01')

    def test_the_api(self) -> None:
        data = self.client.get(reverse(API), {'q': '10.0.1.57', 'limit': '1'}).json()
        (answer,) = data['answers']
        assert answer['line'].startswith(GOLDEN['10.0.1.57'][0])
        assert (answer['type'], answer['exact'], data['more']) == ('lease', True, len(GOLDEN['10.0.1.57']) - 1)
        assert answer['fabric'] == {'id': self.fabric.pk, 'name': 'dc-1'}
        assert answer['resource']['kind'] == 'DHCPSubnet'
        assert [item['display'] for item in answer['objects']] == ['server-02', 'bond0', 'leaf-01']
        for entered, field in (({'q': '10.0.1.300'}, 'q'), ({}, 'q'), ({'q': 'x', 'limit': 'all'}, 'limit')):
            response = self.client.get(reverse(API), entered)
            assert (response.status_code, list(response.json())) == (400, [field])

    def command(self, *arguments: str) -> tuple[str, Any]:
        out = StringIO()
        with pytest.raises(SystemExit) as ended:
            call_command('hedgehog_sync', 'find', *arguments, stdout=out)
        return out.getvalue(), ended.value.code

    def test_a_terminal_obeys_nothing_of_a_manifest(self) -> None:
        subnets = {'\x1b[2J\n': {'subnet': '192.0.2.0/24', 'gateway': '\x1b]0;x\x07'}}
        FabricResource.objects.filter(kind='VPC').update(spec={'subnets': subnets})
        out, _ = self.command('192.0.2.1')
        assert '\x1b' not in out
        assert r'/\x1b[2J\n, gateway \x1b]0;x\x07' in out

    def test_the_command(self) -> None:
        out, code = self.command('10.0.1.57')
        assert out.startswith(f'dc-1  {GOLDEN["10.0.1.57"][0]}, seen ')
        assert code == 0
        assert self.command('nonsense')[1] == 1
        out, code = self.command('db-3', '--json')
        assert json.loads(out)['answers'][0]['resource'] == {
            'id': FabricResource.objects.get(kind='DHCPSubnet', name='vpc-01--backend').pk, 'kind': 'DHCPSubnet',
            'name': 'vpc-01--backend',
        }
        with pytest.raises(CommandError, match=r'VLAN 5000 is out of range') as refused:
            call_command('hedgehog_sync', 'find', 'VLAN 5000')
        assert refused.value.returncode == 2
