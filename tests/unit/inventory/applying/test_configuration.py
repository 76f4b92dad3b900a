"""What an administrator configures in NetBox's pages holds for the next run, in workers that were started before."""

import pytest
from core.models import ConfigRevision
from dcim.models import Device
from django.core.cache import cache
from netbox.config import clear_config, get_config

from netbox_hedgehog.inventory.disable import plan_removal
from netbox_hedgehog.inventory.reconcile import reconcile
from netbox_hedgehog.models import Discrepancy

from ....support.inventory import fabric_of, synced

pytestmark = pytest.mark.django_db

ASSET_TAG = {'asset_tag': {'required': True}}
NEVER = {'name': {'eq': 'nobody'}}


@pytest.fixture
def configure():
    """Save a configuration as NetBox's page does, beside a process that has looked it up before."""
    def save(**data):
        assert get_config().CUSTOM_VALIDATORS == {}
        known = get_config()
        revision = ConfigRevision(data=data)
        revision.save()
        revision.activate()
        assert get_config() is known
    forget()
    yield save
    forget()


def forget():
    cache.delete_many(['config', 'config_version'])
    clear_config()


def test_validators_refuse_from_the_next_sync_on(configure):
    configure(CUSTOM_VALIDATORS={'dcim.device': [ASSET_TAG]})
    reconcile(fabric_of())
    assert not Device.objects.exists()
    assert 'asset_tag' in Discrepancy.objects.get(type='conflict', key='device/switch/leaf-1').sentence


def test_protection_rules_hold_for_what_is_planned_next(configure):
    fabric = synced()
    assert plan_removal(fabric).findings == []
    configure(PROTECTION_RULES={'dcim.device': [NEVER]})
    protected = {finding.key for finding in plan_removal(fabric).findings}
    assert 'device/switch/leaf-1' in protected
