"""Three topologies, port by port: what NetBox gets is what the switches have.

The files in expected/ are written by hand from upstream's rules, see their headers. None of them is recorded.
"""

from pathlib import Path
from typing import Any

import pytest
import yaml

from netbox_hedgehog.inventory.mapping.desired import desired
from netbox_hedgehog.inventory.mapping.types import (
    ADDRESSING,
    CABLING,
    DEVICES,
    VPCS,
    Desired,
    DesiredObject,
    Options,
    Ref,
    Resource,
)

from ....support.mapping_rules import check
from ....support.resources import load

EXPECTED = Path(__file__).parent / 'expected'
TOPOLOGIES = ('spine-leaf', 'l3vni', 'mesh')

# What the fabric declares: these agents report no hardware.
OPTIONS = Options('dc-1', site=1, scopes=frozenset((DEVICES, CABLING, ADDRESSING, VPCS)))


def resources(topology: str) -> list[Resource]:
    return load(topology)


@pytest.fixture(scope='module', params=TOPOLOGIES)
def mapped(request: pytest.FixtureRequest) -> tuple[str, Desired]:
    return request.param, desired(resources(request.param), OPTIONS)


def ports(found: Desired) -> dict[str, dict[str, dict[str, Any]]]:
    """The interfaces of each switch, as the expected files have them."""
    addresses: dict[str, list[DesiredObject]] = {}
    for address in found.of('ipam.ipaddress'):
        if isinstance(at := address.managed_fields.get('assigned_object'), Ref):
            addresses.setdefault(at.key, []).append(address)
    switches: dict[str, dict[str, dict[str, Any]]] = {}
    for interface in found.of('dcim.interface'):
        fields = interface.fields
        device = fields['device'].key
        if device.startswith('device/switch/'):
            own = addresses.get(interface.key, [])
            switches.setdefault(device.rpartition('/')[2], {})[fields['name']] = port(found, interface, own)
    return switches


def port(found: Desired, interface: DesiredObject, addresses: list[DesiredObject]) -> dict[str, Any]:
    fields = interface.fields

    def of(ref: Ref, name: str) -> Any:
        return found.objects[ref.key].fields[name]

    entry: dict[str, Any] = {'nos': fields.get('label'), 'up': fields['enabled'], 'mtu': fields.get('mtu')}
    if lag := fields.get('lag'):
        entry['lag'] = of(lag, 'name')
    if vlan := fields.get('untagged_vlan'):
        entry['untagged'] = of(vlan, 'vid')
    if vlans := fields.get('tagged_vlans'):
        entry['tagged'] = sorted(of(vlan, 'vid') for vlan in vlans)
    if fields.get('mode') == 'tagged-all':
        entry['tagged'] = 'all'
    # A mode that does not fit would be seen by nobody else.
    modes = {(False, False): None, (True, False): 'access'}
    assert fields.get('mode') in ('tagged-all', modes.get(('untagged' in entry, 'tagged' in entry), 'tagged'))
    vrf = fields.get('vrf')
    if vrf:
        entry['vrf'] = of(vrf, 'name').removesuffix(' (dc-1)')
    if addresses:
        entry['ip'] = sorted(address.fields['address'] for address in addresses)
        # Without a VRF an interface is in the underlay, which has a VRF for addresses alone.
        assert {address.fields['vrf'] for address in addresses} == {vrf or Ref('vrf/underlay')}
    parent = fields.get('parent')
    assert (parent is not None) == ('.' in fields['name'])
    assert parent is None or of(parent, 'name') == fields['name'].rpartition('.')[0]
    return {name: value for name, value in entry.items() if value}


def test_every_port_is_as_its_switch_has_it(mapped):
    topology, found = mapped
    expected = yaml.safe_load((EXPECTED / f'{topology}.yaml').read_text())
    actual = ports(found)
    assert actual.keys() == expected.keys()
    for switch, interfaces in expected.items():
        assert actual[switch] == interfaces, switch


def test_nothing_of_a_topology_is_skipped(mapped):
    _, found = mapped
    check(found)
    assert found.issues == []
    assert found.undetermined == frozenset()


def test_a_flat_vpc_is_in_the_underlay():
    found = desired(resources('l3vni'), OPTIONS)
    assert 'vrf/vpc/plain' not in found.objects
    assert found.objects['prefix/plain/default'].managed_fields['vrf'] == Ref('vrf/underlay')
    assert found.objects['gateway/plain/default'].managed_fields['vrf'] == Ref('vrf/underlay')
    assert not [obj for obj in found.of('vpn.l2vpn') if obj.key.startswith('l2vpn/plain')]


@pytest.mark.parametrize('topology', TOPOLOGIES)
def test_without_numbers_for_ports_in_the_catalog_addresses_are_on_the_ports(topology):
    def without(resource: Resource) -> Resource:
        spec = {name: value for name, value in resource.spec.items() if name != 'th5WorkaroundVLANs'}
        return Resource(resource.kind, resource.name, spec, annotations=resource.annotations)

    found = ports(desired([without(resource) for resource in resources(topology)], OPTIONS))
    before = ports(desired(resources(topology), OPTIONS))
    for switch, interfaces in before.items():
        moved = {name: entry['ip'] for name, entry in interfaces.items() if name.startswith('Vlan39')}
        on_ports = {
            name: {key: value for key, value in entry.items() if not (key == 'untagged' and value >= 3900)}
            for name, entry in interfaces.items() if name not in moved
        }
        for name, entry in found[switch].items():
            assert {**entry, 'ip': entry.get('ip')} == {**on_ports[name], 'ip': entry.get('ip')}
        addresses = sorted(ip for entry in found[switch].values() for ip in entry.get('ip', ()))
        assert addresses == sorted(ip for entry in interfaces.values() for ip in entry.get('ip', ()))
