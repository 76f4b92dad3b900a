"""What NetBox refuses to write is shown as refused, with the reason, until either side moves or NetBox takes it."""

import copy
from collections.abc import Iterator
from typing import Any

import pytest
from dcim.models import Device
from django.conf import settings as conf
from django.db.models.signals import pre_delete
from django.test import override_settings
from django.urls import reverse
from users.models import User
from utilities.exceptions import AbortRequest

from netbox_hedgehog.inventory.mapping.types import Resource
from netbox_hedgehog.inventory.planning.plan import DELETE, UPDATE, Plan
from netbox_hedgehog.inventory.reconcile import plan, reconcile
from netbox_hedgehog.management.plan_text import plan_lines
from netbox_hedgehog.models import Discrepancy, Fabric

from ...support.inventory import fabric_of, grace_is_over, mirror, synced
from ...support.resources import make, small

pytestmark = pytest.mark.django_db

NO_SERVER_1 = {'dcim.device': [{'name': {'neq': 'server-1'}}]}
NO_NEW_SERIAL = {'dcim.device': [{'serial': {'regex': '^(S-.*)?$'}}]}
AGAIN = 'NetBox refused this in the last sync. It is tried again with every sync.'


def edited(kind: str, name: str, **values: Any) -> list[Resource]:
    """The small fabric, in which one resource has other values."""
    return [
        make(kind, name, **{**copy.deepcopy(dict(each.spec)), **values}) if (each.kind, each.name) == (kind, name) else each
        for each in small()
    ]


def keys(actions: list[Any]) -> set[str]:
    return {action.key for action in actions}


def only_finding(seen: Plan) -> Any:
    (finding,) = seen.findings
    return finding


@pytest.fixture
def refused() -> Iterator[Fabric]:
    """A rule of the operator's keeps server-1 from being created, and with it all that belongs to it."""
    with override_settings(CUSTOM_VALIDATORS=NO_SERVER_1):
        fabric = fabric_of()
        reconcile(fabric)
        yield fabric


def test_what_was_refused_is_no_change_that_is_pending(refused):
    seen = plan(refused)
    assert (seen.actions, sum(seen.counts.values())) == ([], 0)
    assert {'device/server/server-1', 'interface/server/server-1/eth0'} <= keys(seen.refused_actions)
    finding = only_finding(seen)
    assert finding.planned_sentence == f'{Discrepancy.objects.get().sentence} {AGAIN}'
    assert finding.planned_sentence.startswith('Device server-1: Custom validation failed for name: ')
    assert finding.skipped == len(seen.refused_actions) - 1


def test_the_page_the_api_and_the_command_say_why(refused, client):
    client.force_login(User.objects.create_superuser('boss'))
    url = reverse('plugins:netbox_hedgehog:fabric_dry_run', args=[refused.pk])
    page = ' '.join(client.get(url).content.decode().split())
    assert AGAIN in page
    assert 'No automatic changes. ' in page
    assert 'Apply this plan' not in page
    answer = client.get(reverse('plugins-api:netbox_hedgehog-api:fabric-inventory-plan', args=[refused.pk])).json()
    assert (answer['action_count'], answer['actions'], answer['groups']) == (0, [], [])
    assert [action['name'] for action in answer['refused_actions'] if action['model'] == 'dcim.device'] == ['server-1']
    assert answer['findings'][0]['sentence'].endswith(AGAIN)
    text = '\n'.join(plan_lines(refused.name, plan(refused)))
    assert text.startswith('dc-1: no automatic changes')
    assert AGAIN in text


def test_a_sync_tries_it_again_and_succeeds_once_the_rule_is_gone(refused):
    assert reconcile(refused).changes == 0
    assert not plan(refused).actions
    with override_settings(CUSTOM_VALIDATORS={}):
        reconcile(refused)
    assert Device.objects.filter(name='server-1').exists()
    seen = plan(refused)
    assert (seen.actions, seen.refused_actions, seen.findings) == ([], [], [])


def test_a_plan_that_is_applied_tries_it_again(refused):
    digest = plan(refused).digest
    with override_settings(CUSTOM_VALIDATORS={}):
        reconcile(refused, user=User.objects.create_superuser('boss'), expected_digest=digest)
    assert Device.objects.filter(name='server-1').exists()


def test_who_applies_it_needs_the_permission_for_what_is_tried_again(refused, client):
    from netbox_hedgehog.presentation.plans import may_apply

    user = User.objects.create_user('viewer')
    user.is_active = True
    assert may_apply(user, refused, plan(refused).attempted)


def test_it_is_a_change_again_once_the_fabric_has_moved():
    fabric = synced()
    with override_settings(CUSTOM_VALIDATORS=NO_NEW_SERIAL):
        mirror(fabric, edited('Switch', 'leaf-1', boot={'serial': 'NEW'}))
        assert [action.type for action in plan(fabric).actions] == [UPDATE]
        reconcile(fabric)
        seen = plan(fabric)
        assert (seen.actions, keys(seen.refused_actions)) == ([], {'device/switch/leaf-1'})
        mirror(fabric, edited('Switch', 'leaf-1', boot={'serial': 'S-NEWER'}))
        seen = plan(fabric)
        assert ([action.type for action in seen.actions], seen.refused_actions, seen.findings) == ([UPDATE], [], [])
        reconcile(fabric)
        assert Device.objects.get(name='leaf-1').serial == 'S-NEWER'


def test_nothing_is_refused_any_more_once_a_person_has_changed_the_object():
    fabric = synced()
    with override_settings(CUSTOM_VALIDATORS=NO_NEW_SERIAL):
        mirror(fabric, edited('Switch', 'leaf-1', boot={'serial': 'NEW'}))
        reconcile(fabric)
        Device.objects.filter(name='leaf-1').update(serial='NEW')
        seen = plan(fabric)
        assert (seen.actions, seen.refused_actions, seen.findings) == ([], [], [])


@pytest.fixture
def unforeseen() -> Iterator[None]:
    """Another plugin refuses deletions of leaf-1, which no rule tells beforehand."""
    def refuse(instance: Device, **kwargs: Any) -> None:
        if instance.name == 'leaf-1':
            raise AbortRequest('leaf-1 is on the list.')

    pre_delete.connect(refuse, sender=Device)
    yield
    pre_delete.disconnect(refuse, sender=Device)


def test_a_deletion_that_was_refused_when_it_was_tried(unforeseen, monkeypatch):
    monkeypatch.setitem(conf.PLUGINS_CONFIG['netbox_hedgehog'], 'removal_guard_percent', 100)
    fabric = fabric_of(inventory_removal='delete')
    reconcile(fabric)
    mirror(fabric, [each for each in small() if 'leaf-1' not in each.name])
    reconcile(fabric)
    grace_is_over(fabric)
    reconcile(fabric)
    assert Device.objects.filter(name='leaf-1').exists()
    seen = plan(fabric)
    assert DELETE not in {action.type for action in seen.actions}
    assert 'device/switch/leaf-1' in keys(seen.refused_actions)
    assert any('leaf-1 is on the list' in finding.sentence for finding in seen.findings)
