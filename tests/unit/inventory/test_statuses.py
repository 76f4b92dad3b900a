"""Which statuses NetBox offers is its administrator's business: a fabric's settings name those of its devices."""

from typing import Any

import pytest
from dcim.choices import DeviceStatusChoices
from dcim.models import Device
from django.apps import apps
from django.core.exceptions import ValidationError
from django.utils.choices import normalize_choices
from ipam.choices import IPAddressStatusChoices, PrefixStatusChoices
from ipam.models import Prefix

from netbox_hedgehog.inventory.reconcile import plan, reconcile
from netbox_hedgehog.models import Discrepancy, Fabric, InventoryLink

from ...support.inventory import fabric_of, grace_is_over, mirror, synced
from ...support.resources import small

pytestmark = pytest.mark.django_db


@pytest.fixture
def offer(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Lets NetBox offer these choices only, as its setting FIELD_CHOICES does when NetBox starts."""
    def replace(choices: Any, *values: str) -> None:
        pairs = [(value, value.title()) for value in values]
        for model in apps.get_models():
            for field in model._meta.concrete_fields:
                if field.choices == normalize_choices(choices):
                    monkeypatch.setattr(field, '_choices', pairs)
        monkeypatch.setattr(choices, '_choices', pairs)

    return replace


def without_server_2() -> list[Any]:
    return [resource for resource in small() if 'server-2' not in resource.name]


def sentences(type_: str = 'unmatched') -> list[str]:
    return list(Discrepancy.objects.filter(type=type_).values_list('sentence', flat=True))


def test_new_devices_get_the_status_that_the_fabric_names(offer):
    offer(DeviceStatusChoices, 'in-service', 'retired')
    reconcile(fabric_of(inventory_device_status='in-service', inventory_stale_status='retired'))
    assert set(Device.objects.values_list('status', flat=True)) == {'in-service'}
    for device in Device.objects.all():
        device.full_clean()
    assert sentences() == []


def test_a_status_that_is_not_offered_is_one_discrepancy_and_not_one_for_each_device(offer):
    offer(DeviceStatusChoices, 'in-service', 'retired')
    fabric = fabric_of()
    found = plan(fabric)
    assert not [action for action in found.actions if action.model in ('dcim.device', 'dcim.interface')]
    reconcile(fabric)
    (sentence,) = sentences()
    assert sentence.startswith(
        'NetBox does not offer active, the status of new devices. No device is created. '
        'Choose another status in the fabric’s settings.',
    )
    assert sentences('conflict') == []
    assert not Device.objects.exists()
    Fabric.objects.update(inventory_device_status='in-service', inventory_stale_status='retired')
    fabric.refresh_from_db()
    reconcile(fabric)
    assert Device.objects.count() == 4
    assert sentences() == []


def test_devices_that_stand_are_kept_true_meanwhile(offer):
    fabric = synced()
    offer(DeviceStatusChoices, 'in-service', 'retired')
    resources = [resource for resource in small() if resource.kind != 'SwitchProfile']
    profile = next(resource for resource in small() if resource.kind == 'SwitchProfile')
    profile.spec['ports']['E1/4']['nos'] = 'Ethernet99'
    mirror(fabric, [*resources, profile])
    reconcile(fabric)
    assert Device.objects.get(name='leaf-1').interfaces.get(name='E1/4').label == 'Ethernet99'
    assert sentences() == []


def test_a_device_that_goes_gets_the_status_that_the_fabric_names_and_gets_its_own_back(offer):
    offer(DeviceStatusChoices, 'in-service', 'spare', 'retired')
    fabric = fabric_of(inventory_device_status='in-service', inventory_stale_status='retired')
    reconcile(fabric)
    Device.objects.filter(name='server-2').update(status='spare')
    mirror(fabric, without_server_2())
    reconcile(fabric, confirmed=True)
    assert Device.objects.get(name='server-2').status == 'retired'
    Fabric.objects.update(inventory_stale_status='spare')  # what was marked before is brought back all the same
    fabric.refresh_from_db()
    mirror(fabric, small())
    reconcile(fabric)
    assert Device.objects.get(name='server-2').status == 'spare'
    assert plan(fabric).actions == []


@pytest.mark.parametrize('removal', ['mark', 'delete'])
def test_without_the_status_for_stale_devices_they_are_marked_all_the_same(offer, removal):
    fabric = synced(inventory_removal=removal)
    offer(DeviceStatusChoices, 'active', 'retired')
    mirror(fabric, without_server_2())
    report = reconcile(fabric, confirmed=True)
    assert report.findings.get('conflict') is None
    assert sentences() == [
        'NetBox does not offer decommissioning, the status of stale devices. Stale devices keep their status. '
        'Choose another status in the fabric’s settings.',
    ]
    link = InventoryLink.objects.get(key='device/server/server-2')
    assert (link.stale_since is not None, Device.objects.get(name='server-2').status) == (True, 'active')
    grace_is_over(fabric)
    reconcile(fabric, confirmed=True)
    assert Device.objects.filter(name='server-2').exists() is (removal == 'mark')


def test_a_device_whose_own_rule_keeps_its_status_is_marked_all_the_same(settings):
    """Whatever refuses the status: that the resource has gone is the fabric's word, and the sentence says so truly."""
    fabric = synced()
    settings.CUSTOM_VALIDATORS = {'dcim.device': [{'status': {'neq': 'decommissioning'}}]}
    mirror(fabric, without_server_2())
    reconcile(fabric, confirmed=True)
    assert Device.objects.get(name='server-2').status == 'active'
    assert InventoryLink.objects.get(key='device/server/server-2').stale_since is not None
    assert len(sentences('conflict')) == 1


def test_other_objects_get_a_status_that_is_offered(offer):
    offer(PrefixStatusChoices, 'container', 'in-use')
    offer(IPAddressStatusChoices, 'used')
    fabric = fabric_of()
    reconcile(fabric)
    assert set(Prefix.objects.values_list('status', flat=True)) == {'container'}
    for prefix in Prefix.objects.all():
        prefix.full_clean()
    assert sorted(sentences()) == [
        'NetBox does not offer the status active for IP addresses; new ones get used.',
        'NetBox does not offer the status active for prefixes; new ones get container.',
    ]
    assert plan(fabric).actions == []


def test_the_settings_are_checked_where_there_is_an_inventory(offer):
    offer(DeviceStatusChoices, 'in-service', 'retired')
    fabric = fabric_of()
    with pytest.raises(ValidationError) as raised:
        fabric.full_clean()
    assert set(raised.value.message_dict) == {'inventory_device_status', 'inventory_stale_status'}
    fabric.inventory_enabled = False
    fabric.full_clean()
