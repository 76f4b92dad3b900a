"""What is carried is what NetBox itself would have accepted from a person."""

import pytest
from django.apps import apps
from django.core.exceptions import ValidationError

from netbox_hedgehog.models import InventoryLink

from ...support.inventory import synced

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize('name', [
    pytest.param('sample', marks=pytest.mark.system), 'every-member',
])
def test_netboxs_own_validation_takes_every_object(name):
    fabric = synced(name)
    refused = []
    links = InventoryLink.objects.filter(fabric=fabric).select_related('object_type')
    assert len(links) > 200
    for link in links:
        label = f'{link.object_type.app_label}.{link.object_type.model}'
        instance = apps.get_model(label).objects.get(pk=link.object_id)
        try:
            instance.full_clean()
        except ValidationError as error:
            refused.append((link.key, error.message_dict))
    assert refused == []
