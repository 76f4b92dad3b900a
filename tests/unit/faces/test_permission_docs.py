"""docs/permissions.md is true: each row's permissions let one do it, and none of them can be left out."""

import json
import re
from pathlib import Path

import pytest
from core.models import Job, ObjectType
from django.apps import apps
from django.test import Client
from django.urls import reverse
from extras.models import Tag
from users.models import Group, ObjectPermission, User
from utilities.testing import TestCase

from netbox_hedgehog.inventory.mapping.desired import desired
from netbox_hedgehog.inventory.mapping.types import Options
from netbox_hedgehog.jobs.fabric_sync import FabricSyncJob
from netbox_hedgehog.models import Discrepancy, Fabric, FabricResource, InventoryLink, SwitchHealth
from netbox_hedgehog.sync.switch_health import record_health

from ...support.pages import all_alive, make_fabric, make_resource
from ...support.resources import load
from .health.test_pages import make_agent
from .inventory.base import inventory_fabric, make_discrepancy
from .rule.base import make_rule

PAGE = (Path(__file__).parents[3] / 'docs' / 'permissions.md').read_text()
ROWS = dict(re.findall(r'^\| (\w[^|]+) \| (`[a-z_.]+`.*) \|$', PAGE, re.M))
BLOCKS = [json.loads(block) for block in re.findall(r'^```json\n(.*?)^```$', PAGE, re.M | re.S)]
DIGEST = {'digest': '0' * 32}


class PermissionsPageTestCase(TestCase):
    def setUp(self):
        super().setUp()
        all_alive()
        self.fabric = inventory_fabric()
        make_agent(self.fabric)
        record_health(self.fabric)
        self.discrepancy = make_discrepancy(self.fabric)
        self.rule = make_rule(self.fabric, kinds=['Switch'], names='', exclude=True)
        job = FabricSyncJob.record(self.fabric)
        Job.objects.filter(pk=job.pk).update(status='completed')
        self.job_url = job.get_absolute_url()

    def url(self, view, *args):
        return reverse(f'plugins:netbox_hedgehog:{view}', args=args)

    def can(self, client, method, url, data=None, shows=''):
        """Whether it is done: not refused, no login asked for, and the page shows what it is looked at for."""
        response = getattr(client, method)(url, data)
        return response.status_code in (200, 302) and '/login' not in response.get('Location', '') \
            and shows in (response.content.decode() if shows else '')

    def actions(self):
        """What each row of the table means, as requests."""
        fabric = self.fabric.pk
        resource = FabricResource.objects.get(kind='Switch').pk
        return {
            'see fabrics, the overview and the widget': [
                ('get', self.url('fabric', fabric)), ('get', self.url('overview')), ('get', self.url('fabric_list')),
            ],
            'get the health of workers and schedulers by API': [('get', '/api/plugins/hedgehog/health/')],
            'see resources': [('get', self.url('fabricresource_list')), ('get', self.url('fabricresource', resource))],
            'see a fabric\'s topology': [('get', self.url('fabric_topology', fabric), None, 'leaf-1')],
            'ask what reaches what in a fabric': [('get', self.url('fabric_reachability', fabric))],
            'see switch health': [('get', self.url('switchhealth_list'))],
            'find addresses, MAC addresses and names': [
                ('get', self.url('find'), {'q': 'leaf-1'}, '<strong>leaf-1</strong>'),
            ],
            'see the cabling check': [('get', self.url('cablingcheck_list'))],
            'see events of fabrics': [('get', self.url('fabricevent_list'))],
            'see a fabric\'s syncs and their log': [('get', self.url('fabric', fabric), None, self.job_url)],
            'sync, cancel a sync, test the connection, confirm that a kind was removed': [
                ('post', self.url('fabric_sync', fabric)), ('post', self.url('fabric_cancel', fabric)),
                ('post', self.url('fabric_test_connection', fabric)),
                ('post', self.url('fabric_confirm_removed_kind', fabric), {'kind': 'VPC'}),
            ],
            'connect a fabric, import fabrics, see the onboarding YAML': [
                ('get', self.url('fabric_add')), ('get', self.url('fabric_bulk_import')),
                ('get', self.url('fabric_onboard')),
            ],
            'edit a fabric, its connection, schedule and inventory': [('get', self.url('fabric_edit', fabric))],
            'delete a fabric': [('get', self.url('fabric_delete', fabric))],
            'see inventory rules and what they match': [
                ('get', self.url('inventoryrule', self.rule.pk), None, '1 switch matches.'),
            ],
            'add an inventory rule': [('get', self.url('inventoryrule_add'))],
            'edit an inventory rule': [('get', self.url('inventoryrule_edit', self.rule.pk))],
            'delete an inventory rule': [('get', self.url('inventoryrule_delete', self.rule.pk))],
            'see managed objects and their resources': [('get', self.url('inventorylink_list'))],
            'see discrepancies': [('get', self.url('discrepancy_list'))],
            'ignore or reopen a discrepancy': [
                ('post', self.url('discrepancy_resolve', self.discrepancy.pk), {'decision': 'ignore'}),
            ],
            'use the fabric value or keep the NetBox value': None,  # tests/unit/faces/inventory/test_decisions.py
            'review a dry run': [('get', self.url('fabric_dry_run', fabric))],
            'apply a dry run, with or without rules, confirm removals': [
                ('post', self.url('fabric_inventory_apply', fabric), DIGEST),
                ('post', self.url('fabric_inventory_apply_rules', fabric), DIGEST),
                ('post', self.url('fabric_inventory_confirm', fabric), DIGEST),
            ],
            'disable an inventory': None,  # below
            'subscribe to a fabric': [('get', self.fabric.get_absolute_url(), None, 'subscriptions/add')],
            'write event rules': None,  # NetBox's own
        }

    def give(self, user, names):
        ObjectPermission.objects.all().delete()
        for name in names:
            app_label, _, codename = name.rpartition('.')
            action, _, model = codename.partition('_')
            permission = ObjectPermission.objects.create(name=name, actions=[action])
            permission.users.add(user)
            permission.object_types.add(ObjectType.objects.get_for_model(
                apps.get_model(app_label or 'netbox_hedgehog', model),
            ))

    @pytest.mark.system
    def test_every_row(self):
        actions = self.actions()
        self.assertEqual(actions.keys(), ROWS.keys())
        for name, requests in actions.items():
            needed = [word for word in re.findall(r'`([a-z_.]+)`', ROWS[name]) if '_' in word]
            for request in requests or ():
                with self.subTest(name=name, url=request[1]):
                    self.give(self.user, needed)
                    self.assertTrue(self.can(self.client, *request), f'{needed} are not enough')
                for left_out in needed:
                    with self.subTest(name=name, url=request[1], left_out=left_out):
                        self.give(self.user, set(needed) - {left_out})
                        self.assertFalse(self.can(self.client, *request), f'{left_out} is not needed')

    def test_switching_an_inventory_off(self):
        url = self.url('fabric_inventory_disable', self.fabric.pk)
        for names, off in (
            (['change_fabric'], False), (['sync_fabric'], False), (['change_fabric', 'sync_fabric'], True),
        ):
            self.give(self.user, names)
            self.client.post(url, {'objects': 'leave'})
            self.assertEqual(not Fabric.objects.get().inventory_enabled, off, names)

    @pytest.mark.system
    def test_the_roles(self):
        """What can be pasted is taken, and gives each role what it is said to."""
        boss = Client()
        boss.force_login(User.objects.create_superuser('boss'))
        clients = {}
        names = ('network-viewers', 'network-operators', 'network-admins')
        groups = [Group.objects.create(name=name) for name in names]
        for count, name in enumerate(names, 1):
            user = User.objects.create_user(name)
            user.groups.set(groups[:count])
            clients[name] = Client()
            clients[name].force_login(user)
        for block in BLOCKS:
            for each in block:
                each['groups'] = [groups[number - 1].pk for number in each['groups']]
            answer = boss.post('/api/users/permissions/', json.dumps(block), content_type='application/json')
            self.assertEqual(answer.status_code, 201, answer.content)
        actions, rights = self.actions(), {}
        for name, requests in actions.items():
            if requests:
                rights[name] = [
                    all(self.can(client, *request) for request in requests) for client in clients.values()
                ]
        for name, found in rights.items():
            words = ROWS[name]
            with self.subTest(name=name):
                if re.search(r'`(add|change|delete)_(fabric|inventoryrule)', words):
                    self.assertEqual(found, [False, False, True])
                elif 'sync_' in words or 'resolve_' in words:
                    self.assertEqual(found, [False, True, True])
                else:
                    self.assertEqual(found, [True, True, True])

    def test_the_operators_block_is_what_an_inventory_writes(self):
        (block,) = (each for blocks in BLOCKS for each in blocks if 'writes' in each['name'])
        # The agents of the second one report hardware.
        fabrics = [desired(load(name), Options('dc-1', site=1)) for name in ('every-member', 'sample')]
        written = {wanted.model for found in fabrics for wanted in found.objects.values()}
        self.assertEqual(set(block['object_types']), written)

    def test_the_conditions(self):
        """Each example filters what it says it does."""
        other = make_fabric('dc-1', inventory_site=self.fabric.inventory_site)
        other.tags.add(Tag.objects.create(name='production', slug='production'))
        make_resource(other)
        models = {
            'fabrics': Fabric, 'one fabric': Fabric, 'all fabrics': Fabric, 'resources': FabricResource,
            'switches': FabricResource,
        }
        found = dict(re.findall(r'^\| ([a-z][^|]+) \| `([\[{].*[\]}])` \|$', PAGE, re.M))
        self.assertEqual(len(found), 6)
        for name, words in found.items():
            constraints = json.loads(words)
            model = next(model for start, model in models.items() if name.startswith(start))
            ObjectPermission.objects.all().delete()
            permission = ObjectPermission.objects.create(name=name, actions=['view'], constraints=constraints)
            permission.full_clean()
            permission.users.add(self.user)
            for each in (model, InventoryLink, Discrepancy, SwitchHealth) if model is FabricResource else (model,):
                if each is not SwitchHealth or 'fabric__name' in constraints:
                    permission.object_types.add(ObjectType.objects.get_for_model(each))
            user = User.objects.get(pk=self.user.pk)
            with self.subTest(name=name):
                seen = set(model.objects.restrict(user, 'view').values_list('pk', flat=True))
                everything = set(model.objects.values_list('pk', flat=True))
                self.assertNotEqual(seen, everything)
                if name in ('one fabric', 'fabrics with a tag'):
                    self.assertEqual(seen, {other.pk})
