"""Managed objects: what people see of one is not its key."""

import pytest
from dcim.models import Device, Interface
from django.contrib.contenttypes.models import ContentType
from ipam.models import VLAN, IPAddress

from netbox_hedgehog.models import InventoryLink


@pytest.mark.django_db
@pytest.mark.parametrize(('model', 'key', 'shown'), [
    (Device, 'device/switch/leaf-1', 'Device leaf-1'),
    (Device, 'device/switch/switch', 'Device switch'),
    (Interface, 'interface/switch/leaf-1/E1/2', 'Interface leaf-1/E1/2'),
    (IPAddress, 'address/interface/switch/leaf-1/E1/2', 'IP address leaf-1/E1/2'),
    (VLAN, 'vlan/vpc-1/web', 'VLAN vpc-1/web'),
])
def test_it_is_shown_by_its_type_and_the_names_of_the_fabric(model, key, shown):
    assert str(InventoryLink(key=key, object_type=ContentType.objects.get_for_model(model))) == shown
