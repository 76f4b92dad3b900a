"""Values as NetBox's users read them."""

import pytest

from netbox_hedgehog.inventory.mapping.types import DesiredObject, Source
from netbox_hedgehog.inventory.planning.model_specs import object_name
from netbox_hedgehog.labels import choice_label


@pytest.mark.parametrize(('kbits', 'words'), [
    (25_000_000, '25 Gbit/s'), (2_500_000, '2.5 Gbit/s'), (100_000, '100 Mbit/s'), (64, '64 kbit/s'), (None, ''), ('?', ''),
])
def test_a_speed_has_a_unit(kbits: object, words: str) -> None:
    assert choice_label('dcim.interface', 'speed', kbits) == words


def test_an_object_without_a_name_is_called_by_what_it_is_of() -> None:
    model = 'vpn.l2vpntermination'
    termination = DesiredObject(model, 'l2vpntermination/vpc-01/default', Source('VPC', 'vpc-01'), 'vpcs', {}, {})
    assert object_name(termination) == 'vpc-01/default'
