import pytest
from netbox_hedgehog.models import Fabric


@pytest.mark.django_db
def test_fabric():
    Fabric.objects.create(name='a')
    assert Fabric.objects.get().sync_state == 'never_synced'
