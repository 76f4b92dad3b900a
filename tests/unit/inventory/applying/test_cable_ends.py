"""A cable of the fabric's may end on anything that NetBox can cable: no run stops at it, whatever is wanted."""

import pytest
from circuits.models import Circuit, CircuitTermination, CircuitType, Provider
from dcim.models import (
    Cable,
    ConsolePort,
    ConsoleServerPort,
    Device,
    FrontPort,
    Interface,
    PortMapping,
    PowerFeed,
    PowerOutlet,
    PowerPanel,
    PowerPort,
    RearPort,
    Site,
    VirtualChassis,
)
from wireless.models import WirelessLink

from netbox_hedgehog.inventory.reconcile import plan, reconcile
from netbox_hedgehog.models import Discrepancy

from ....support.inventory import grace_is_over, mirror, synced
from ....support.resources import make, small
from ..test_ownership import device_of_the_operator

pytestmark = pytest.mark.django_db

LABEL = 'server-1--unbundled--leaf-1'


def rear_port(name='R1'):
    return RearPort.objects.create(device=box(), name=name, type='8p8c')


def front_port():
    front, rear = FrontPort.objects.create(device=box(), name='F1', type='8p8c'), rear_port('R2')
    PortMapping.objects.create(
        device=box(), front_port=front, front_port_position=1, rear_port=rear, rear_port_position=1,
    )
    return front


def circuit():
    provider = Provider.objects.get_or_create(name='P', slug='p')[0]
    kind = CircuitType.objects.get_or_create(name='T', slug='t')[0]
    one = Circuit.objects.create(cid=str(Circuit.objects.count()), provider=provider, type=kind)
    return CircuitTermination.objects.create(circuit=one, termination=Site.objects.get(slug='dc'), term_side='A')


def power_feed():
    panel = PowerPanel.objects.create(site=Site.objects.get(slug='dc'), name='panel')
    return PowerFeed.objects.create(power_panel=panel, name='feed')


def box():
    return Device.objects.filter(name='box').first() or device_of_the_operator('box')


def component(model):
    return lambda: model.objects.create(device=box(), name=model.__name__)


# What a person may put the two ends of the cable on; None is the interface that the plugin has chosen.
ENDS = {
    'a front port': (None, front_port),
    'a rear port': (None, rear_port),
    'a circuit': (None, circuit),
    'two circuits': (circuit, circuit),
    'a front port and a rear port': (front_port, rear_port),
    'console ports': (component(ConsolePort), component(ConsoleServerPort)),
    'power': (component(PowerPort), component(PowerOutlet)),
    'a power feed': (component(PowerPort), power_feed),
}


def connection(**member):
    return [make('Connection', LABEL, **member) if item.name == LABEL else item for item in small()]


def moved(fabric):
    port = {'server': {'port': 'server-1/ens1'}, 'switch': {'port': 'leaf-1/E1/2'}}
    mirror(fabric, connection(unbundled={'link': port}))


def scopes(*names):
    return lambda fabric: setattr(fabric, 'inventory_scope', list(names))


WHAT_HAPPENS = {
    'nothing': lambda fabric: None,
    'the server goes': lambda fabric: mirror(fabric, [item for item in small() if 'server-1' not in item.name]),
    'the connection is in trouble': lambda fabric: mirror(fabric, connection(bundled={'links': []})),
    'the server has another port': moved,
    'cabling is switched off': scopes('devices', 'addressing', 'vpcs'),
    'devices are switched off': scopes('cabling', 'addressing', 'vpcs'),
}


def led_to(ends):
    """A person leads the cable of the fabric's to something else."""
    cable = Cable.objects.get(label=LABEL)
    sides = [end() if end else None for end in ends]
    cable = Cable.objects.get(pk=cable.pk)
    if sides[0] is not None:
        cable.a_terminations = [sides[0]]
    cable.b_terminations = [sides[1]]
    cable.full_clean()
    cable.save()
    return cable


def ends_of(cable):
    return sorted(cable.terminations.values_list('cable_end', 'termination_type', 'termination_id'))


# These are tried in `make test`, the others in `make test-system`.
OFTEN = (
    ('a front port', 'the server goes'), ('a circuit', 'the server goes'), ('power', 'the server goes'),
    ('a front port', 'the server has another port'), ('a front port', 'devices are switched off'),
)


def ends_and_what_happens():
    pairs = [(ends, 'the server goes') for ends in ENDS]
    pairs += [('a front port', what) for what in WHAT_HAPPENS if what != 'the server goes']
    for pair in pairs:
        yield pytest.param(*pair, marks=() if pair in OFTEN else pytest.mark.system)


@pytest.mark.parametrize(('ends', 'what'), [*ends_and_what_happens()])
def test_a_cable_that_a_person_has_led_elsewhere_stays_there(ends, what):
    fabric = synced()
    cable = led_to(ENDS[ends])
    before = ends_of(cable)
    reconcile(fabric)
    WHAT_HAPPENS[what](fabric)
    reconcile(fabric)
    assert ends_of(cable) == before
    seen = plan(fabric)
    assert seen.actions == []
    assert reconcile(fabric).changes == 0


@pytest.mark.parametrize('ends', ['a front port', 'power'])
def test_of_many_cables_one_that_ends_elsewhere_keeps_none_from_being_laid(ends):
    fabric = synced(inventory_removal='delete')
    led_to(ENDS[ends])
    mirror(fabric, [
        *(item for item in small() if 'server-1' not in item.name),
        make('Server', 'server-9'),
        make('Connection', 'server-9--unbundled--leaf-1', unbundled={'link': {
            'server': {'port': 'server-9/eth0'}, 'switch': {'port': 'leaf-1/E1/2'},
        }}),
    ])
    for _ in range(3):
        reconcile(fabric, confirmed=True)
        grace_is_over(fabric)
    far = Interface.objects.get(device__name='server-9', name='eth0').connected_endpoints
    assert [end.name for end in far] == ['E1/2']
    assert plan(fabric).actions == []


def test_a_wireless_link_on_a_port_is_named():
    fabric = synced(small()[:8])
    ours = Interface.objects.get(device__name='leaf-1', name='E1/2')
    theirs = Interface.objects.create(device=box(), name='w', type='ieee802.11ac')
    Interface.objects.filter(pk=ours.pk).update(type='ieee802.11ac')
    WirelessLink.objects.create(interface_a=Interface.objects.get(pk=ours.pk), interface_b=theirs)
    mirror(fabric, small())
    reconcile(fabric)
    row = Discrepancy.objects.get(key='cable/server/server-1/eth0')
    assert 'E1/2' in row.sentence
    assert Cable.objects.filter(label='spine-1--fabric--leaf-1').exists()


def test_devices_in_a_virtual_chassis_are_kept_as_any_others():
    fabric = synced()
    chassis = VirtualChassis.objects.create(name='stack')
    for position, name in enumerate(('leaf-1', 'spine-1'), 1):
        Device.objects.filter(name=name).update(virtual_chassis=chassis, vc_position=position)
    VirtualChassis.objects.filter(pk=chassis.pk).update(master=Device.objects.get(name='leaf-1'))
    moved(fabric)
    reconcile(fabric)
    assert [end.name for end in Interface.objects.get(name='ens1').connected_endpoints] == ['E1/2']
    mirror(fabric, [item for item in small() if 'leaf-1' not in item.name])
    reconcile(fabric, confirmed=True)
    assert Device.objects.get(name='leaf-1').status == 'decommissioning'
    assert plan(fabric).actions == []
