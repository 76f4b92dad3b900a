"""hedgehog_sync rules, and inventory --rules."""

import io
import json

import pytest
from dcim.models import Device
from django.core.management import CommandError, call_command
from tenancy.models import Tenant

from netbox_hedgehog.inventory.reconcile import reconcile

from ....support.inventory import fabric_of
from .base import make_rule

pytestmark = pytest.mark.django_db


def call(*arguments: str) -> tuple[int, str]:
    """The exit code and the output; an error's sentence counts as output."""
    out = io.StringIO()
    try:
        call_command('hedgehog_sync', *arguments, stdout=out)
    except CommandError as error:
        return error.returncode, out.getvalue() + str(error)
    except SystemExit as end:
        return int(end.code or 0), out.getvalue()
    return 0, out.getvalue()


@pytest.fixture
def fabric():
    fabric = fabric_of()
    tenant = Tenant.objects.create(name='Acme', slug='acme')
    make_rule(fabric, 'second', weight=20, kinds=['Switch', 'VPC'], names='', tenant=tenant)
    make_rule(fabric, 'first', weight=10, kinds=['Server'], names='', label_selector='lab', exclude=True, enabled=False)
    return fabric


def test_rules_are_listed_in_their_order(fabric):
    assert call('rules', 'dc-1') == (0, (
        'dc-1: 2 rules. The first match that sets a value decides; what no rule sets comes from the fabric’s settings.\n'
        '   10 first (disabled): Servers; labels lab\n'
        '      exclude\n'
        '      Nothing matches.\n'
        '   20 second: Switches, VPCs\n'
        '      tenant Acme\n'
        '      2 switches, 1 VPC match.\n'
    ))
    code, out = call('rules', 'dc-1', '--json')
    assert code == 0
    assert [(rule['name'], rule['matches']) for rule in json.loads(out)] == [
        ('first', {}), ('second', {'Switch': 2, 'VPC': 1}),
    ]


def test_conditions_are_tested_without_a_rule(fabric):
    assert call('rules', 'dc-1', '--kind', 'Switch', '--kind', 'Server', '--names', '*-1') == (
        0, 'dc-1: 2 switches, 1 server match.\n  Server server-1\n  Switch leaf-1\n  Switch spine-1\n',
    )
    assert call('rules', 'dc-1', '--selector', 'lab') == (0, 'dc-1: Nothing matches.\n')


@pytest.mark.parametrize(('arguments', 'sentence'), [
    (['--kind', 'Pod'], 'Unknown kind “Pod”. Rules are for: Switch, '),
    (['--names', 'Leaf'], 'enter leaf instead of Leaf'),
    (['--selector', 'a b'], 'is not a valid requirement of a label selector'),
])
def test_what_is_wrong_is_said(fabric, arguments, sentence):
    code, out = call('rules', 'dc-1', *arguments)
    assert code == 1
    assert sentence in out


def test_an_unknown_fabric():
    assert 'No fabric is named “none”' in call('rules', 'none')[1]


def test_rules_are_applied_to_what_exists(fabric):
    reconcile(fabric)
    Device.objects.update(tenant=None)
    assert call('inventory', 'dc-1')[0] == 0
    code, out = call('inventory', 'dc-1', '--rules')
    assert code == 1
    assert '— → Acme' in out
    digest = out.splitlines()[0].split('Digest ')[1]
    assert call('inventory', 'dc-1', '--apply', digest)[0] == 3
    assert call('inventory', 'dc-1', '--rules', '--apply', digest) == (0, 'Done: 2 updated.\n')
    assert Device.objects.filter(tenant__name='Acme').count() == 2
