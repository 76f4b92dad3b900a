"""A discrepancy stays the same, and a decision about it, whatever words and languages say about it."""

import pytest
from django.conf import settings
from django.utils.functional import lazy
from django.utils.translation import get_language, override

from netbox_hedgehog import issues
from netbox_hedgehog.inventory.operations import ignore
from netbox_hedgehog.inventory.reconcile import reconcile
from netbox_hedgehog.issue_codes import Code
from netbox_hedgehog.models import Discrepancy

from ...support.inventory import fabric_of, mirror, synced
from ...support.resources import make, small

pytestmark = pytest.mark.django_db

NAMESPACES = [make('VLANNamespace', 'none', ranges=[]), make('VLANNamespace', 'wrong', ranges=[{'from': 5000}])]


def with_ignored_issue():
    fabric = fabric_of()
    mirror(fabric, [*small(), *NAMESPACES])
    reconcile(fabric)
    row = Discrepancy.objects.get(name='none')
    assert (row.type, row.key, row.code, row.parameters) == ('unmatched', '', Code.VLAN_GROUP_EMPTY, {})
    ignore([row])
    return fabric, row


def test_an_ignored_one_stays_ignored_when_the_wording_changes(monkeypatch):
    fabric, row = with_ignored_issue()
    text = issues.Text('Something else about VLAN groups.', 'Nothing.')
    monkeypatch.setitem(issues.ISSUES, Code.VLAN_GROUP_EMPTY, text)
    reconcile(fabric)
    again = Discrepancy.objects.get(name='none')
    assert (again.pk, again.state, again.since) == (row.pk, 'ignored', row.since)
    assert again.sentence == again.message == 'Something else about VLAN groups.'


def test_an_ignored_one_stays_ignored_when_the_language_changes(monkeypatch):
    fabric, row = with_ignored_issue()
    text = issues.Text(lazy(lambda: f'In {get_language()}.', str)(), 'Nothing.')
    monkeypatch.setitem(issues.ISSUES, Code.VLAN_GROUP_EMPTY, text)
    with override('de'):
        reconcile(fabric)
    again = Discrepancy.objects.get(name='none')
    assert (again.pk, again.state) == (row.pk, 'ignored')
    # What is stored is in NetBox's own language; what is shown in that of the reader.
    assert again.sentence == f'In {settings.LANGUAGE_CODE}.'
    with override('de'):
        assert again.message == 'In de.'


def test_the_issues_of_one_resource_are_told_apart_by_code_and_parameters():
    fabric, _row = with_ignored_issue()
    rows = Discrepancy.objects.filter(name='wrong')
    assert {row.code for row in rows} == {Code.VLAN_RANGE_INVALID, Code.VLAN_GROUP_EMPTY}
    before = dict(rows.values_list('code', 'pk'))
    mirror(fabric, [*small(), NAMESPACES[0], make('VLANNamespace', 'wrong', ranges=[{'from': 6000}])])
    reconcile(fabric)
    after = dict(rows.all().values_list('code', 'pk'))
    assert after[Code.VLAN_GROUP_EMPTY] == before[Code.VLAN_GROUP_EMPTY]
    assert after[Code.VLAN_RANGE_INVALID] != before[Code.VLAN_RANGE_INVALID]


def test_one_of_a_disabled_scope_stays_the_same_while_its_count_changes():
    fabric = synced()
    fabric.inventory_scope = ['devices', 'cabling', 'addressing']
    fabric.save()
    reconcile(fabric)
    row = Discrepancy.objects.get(code=Code.SCOPE_DISABLED)
    Discrepancy.objects.filter(pk=row.pk).update(parameters={**row.parameters, 'count': 1}, state='ignored')
    reconcile(fabric)
    again = Discrepancy.objects.get(code=Code.SCOPE_DISABLED)
    assert (again.pk, again.state, again.parameters) == (row.pk, 'ignored', row.parameters)
