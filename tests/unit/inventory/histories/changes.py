"""What happens to a fabric. To add one, write a small function below and mark it with @change.

A change edits `world.resources` (what the cluster holds) or the fabric's settings. It raises Impossible, by asking
world.one() and the like, where there is nothing to be changed so.
"""

import copy
from collections.abc import Callable

from dcim.models import Site

from netbox_hedgehog.inventory.mapping.types import SCOPES

from ....support.hardware import optic, port
from .world import Impossible, World, exchange, subnet

__all__ = ('CHANGES',)

Change = Callable[[World], None]

CHANGES: dict[str, Change] = {}


def change(function: Change) -> Change:
    CHANGES[function.__name__] = function
    return function


# Values that NetBox keeps unique change owners


@change
def two_subnets_swap_vlan_ids(world):
    exchange(world.some(world.subnets(), 2), 'vlan')


@change
def three_subnets_pass_their_vlan_ids_on(world):
    exchange(world.some(world.subnets(), 3), 'vlan')


@change
def two_subnets_swap_prefixes(world):
    exchange(world.some(world.subnets(), 2), 'subnet', 'gateway', 'dhcp')


@change
def three_subnets_pass_prefixes_and_vlan_ids_on(world):
    exchange(world.some(world.subnets(), 3), 'subnet', 'gateway', 'dhcp', 'vlan')


@change
def a_new_subnet_takes_the_values_of_one_that_goes(world):
    spec = world.one_of('VPC')[1]
    old = world.one(sorted(spec['subnets']))
    spec['subnets'][f'new-{world.new_number()}'] = spec['subnets'].pop(old)


@change
def subnets_of_a_vpc_swap_names(world):
    spec = world.one_of('VPC')[1]
    first, second = world.some(sorted(spec['subnets']), 2)
    spec['subnets'][first], spec['subnets'][second] = spec['subnets'][second], spec['subnets'][first]


@change
def two_switches_swap_management_addresses(world):
    exchange([world.spec('Switch', name) for name in world.some(world.names('Switch'), 2)], 'ip')


@change
def two_switches_swap_loopbacks(world):
    exchange([world.spec('Switch', name) for name in world.some(world.names('Switch'), 2)], 'protocolIP', 'vtepIP')


@change
def switches_share_their_vtep_address(world):
    one, other = (world.spec('Switch', name) for name in world.some(world.names('Switch'), 2))
    if 'vtepIP' not in one:
        raise Impossible
    other['vtepIP'] = one['vtepIP']


@change
def a_switch_gets_another_vtep_address(world):
    world.one_of('Switch')[1]['vtepIP'] = f'172.30.12.{world.random.randrange(1, 6)}/32'


@change
def an_address_of_a_switch_moves_from_port_to_loopback(world):
    spec = world.one_of('Switch')[1]
    spec['protocolIP'], spec['ip'] = f'{spec["ip"].partition("/")[0]}/32', f'{spec["protocolIP"].partition("/")[0]}/21'


@change
def two_switches_swap_serial_numbers(world):
    exchange([world.spec('Switch', name) for name in world.some(world.names('Switch'), 2)], 'boot')


@change
def two_bundles_swap_portchannel_numbers(world):
    numbers = portchannels(world)
    first, second = world.some(sorted(numbers), 2)
    numbers[first], numbers[second] = numbers[second], numbers[first]


@change
def a_bundle_gets_another_portchannel_number(world):
    numbers = portchannels(world)
    numbers[world.one(sorted(numbers))] = world.random.randrange(1, 5)


@change
def a_bundle_loses_its_portchannel_number(world):
    numbers = portchannels(world)
    del numbers[world.one(sorted(numbers))]


@change
def two_servers_swap_switch_ports(world):
    exchange(world.some(world.links(), 2), 'switch')


@change
def three_servers_pass_their_switch_ports_on(world):
    exchange(world.some(world.links(), 3), 'switch')


@change
def a_server_is_plugged_into_a_free_port(world):
    world.one(world.links())['switch']['port'] = world.free_port()


@change
def a_server_takes_the_port_of_one_that_goes(world):
    going, staying = world.some(world.links(), 2)
    server = going['server']['port'].partition('/')[0]
    staying['switch'] = dict(going['switch'])
    without_server(world, server)


@change
def a_server_uses_another_port_of_its_own(world):
    link = world.one(world.links())
    server = link['server']['port'].partition('/')[0]
    link['server']['port'] = f'{server}/eth{world.random.randrange(3)}'


@change
def two_attachments_swap_external_vlans(world):
    found = [world.spec('ExternalAttachment', name)['switch'] for name in world.names('ExternalAttachment')]
    exchange(world.some(found, 2), 'vlan', 'ip')


@change
def two_attachments_swap_external_addresses(world):
    found = [world.spec('ExternalAttachment', name)['switch'] for name in world.names('ExternalAttachment')]
    exchange(world.some(found, 2), 'ip')


@change
def two_vpcs_swap_vnis(world):
    vnis = world.spec('Catalog', 'vpcs')['vpcVNIs']
    first, second = world.some(sorted(vnis), 2)
    vnis[first], vnis[second] = vnis[second], vnis[first]


@change
def a_subnet_has_no_vni_yet(world):
    vnis = world.spec('Catalog', 'vpcs')['vpcSubnetVNIs']
    vpc = world.one(name for name in sorted(vnis) if vnis[name])
    del vnis[vpc][world.one(sorted(vnis[vpc]))]


# Names


@change
def a_server_is_renamed(world):
    name = world.one(world.names('Server'))
    world.replace_everywhere(name, f'host-{world.new_number()}')


@change
def a_switch_is_renamed(world):
    name = world.one(world.names('Switch'))
    world.replace_everywhere(name, f'switch-{world.new_number()}')


@change
def two_servers_swap_names(world):
    world.swap_names(*world.some(world.names('Server'), 2))


@change
def two_switches_swap_names(world):
    world.swap_names(*world.some(world.names('Switch'), 2))


@change
def a_vpc_is_renamed(world):
    name = world.one(world.names('VPC'))
    world.replace_everywhere(name, f'vpc-{10 + world.new_number()}')


@change
def two_vpcs_swap_names(world):
    world.swap_names(*world.some(world.names('VPC'), 2))


@change
def the_fabric_is_renamed(world):
    world.change_settings(name='dc-2' if world.fabric.name == 'dc-1' else 'dc-1')


@change
def devices_are_called_otherwise(world):
    world.change_settings(inventory_name_pattern=world.one(('{name}', '{fabric}-{name}', '{name}-x')))


@change
def a_vlan_namespace_is_renamed(world):
    name = world.one(world.names('VLANNamespace'))
    new = f'namespace-{world.new_number()}'
    world.resources['VLANNamespace', new] = world.resources.pop(('VLANNamespace', name))
    for vpc in world.names('VPC'):
        if world.spec('VPC', vpc)['vlanNamespace'] == name:
            world.spec('VPC', vpc)['vlanNamespace'] = new


# Connections


@change
def a_connection_is_remade_under_another_name(world):
    name = world.one(world.names('Connection'))
    new = f'{name}--{world.new_number()}'
    world.resources['Connection', new] = world.resources.pop(('Connection', name))
    refer_to(world, name, new)


@change
def a_connection_is_remade_as_a_bundle(world):
    name = world.one(name for name in world.names('Connection') if 'unbundled' in world.spec('Connection', name))
    new = f'{name.partition("--")[0]}--bundled--{world.new_number()}'
    link = world.resources.pop(('Connection', name))['unbundled']['link']
    world.add('Connection', new, bundled={'links': [link]})
    world.spec('Catalog', 'switch.leaf-1')['portChannelIDs'][new] = 4
    refer_to(world, name, new)


@change
def a_connection_is_remade_as_unbundled(world):
    name = world.one(name for name in world.names('Connection') if 'bundled' in world.spec('Connection', name))
    new = f'{name.partition("--")[0]}--unbundled--{world.new_number()}'
    link = world.resources.pop(('Connection', name))['bundled']['links'][0]
    world.add('Connection', new, unbundled={'link': link})
    refer_to(world, name, new)


@change
def a_bundle_gets_a_second_link(world):
    name = world.one(name for name in world.names('Connection') if 'bundled' in world.spec('Connection', name))
    links = world.spec('Connection', name)['bundled']['links']
    server = links[0]['server']['port'].partition('/')[0]
    links.append({'server': {'port': f'{server}/eth{len(links)}'}, 'switch': {'port': world.free_port()}})


@change
def a_connection_names_a_port_that_is_not_there(world):
    world.one(world.links())['switch']['port'] = 'leaf-1/E1/99'


@change
def a_connection_cannot_be_read(world):
    spec = world.one_of('Connection')[1]
    member = world.one(sorted(spec))
    spec['futuristic'] = spec.pop(member)


@change
def a_connection_gets_an_mtu(world):
    name = world.one(name for name in world.names('Connection') if {'unbundled', 'bundled'} & {
        *world.spec('Connection', name)})
    for said in world.spec('Connection', name).values():
        said['mtu'] = world.one((None, 1500, 9000))


# Coming and going


@change
def a_server_is_removed(world):
    without_server(world, world.one(world.names('Server')))


@change
def a_switch_is_removed(world):
    name = world.one(world.names('Switch'))
    world.remove('Switch', name)
    for kind in ('Connection', 'Catalog'):
        for other in world.names(kind):
            if name in (*other.split('--'), *other.split('.')):
                world.remove(kind, other)


@change
def a_vpc_is_removed(world):
    name = world.one(world.names('VPC'))
    world.remove('VPC', name)
    for attachment in world.names('VPCAttachment'):
        if world.spec('VPCAttachment', attachment)['subnet'].startswith(f'{name}/'):
            world.remove('VPCAttachment', attachment)


@change
def any_resource_is_removed(world):
    world.remove(*world.one(sorted(world.resources)))


@change
def a_subnet_is_removed(world):
    subnets = world.one_of('VPC')[1]['subnets']
    del subnets[world.one(sorted(subnets))]


@change
def what_was_removed_comes_back(world):
    for kind, name in sorted(world.removed):
        world.resources.setdefault((kind, name), world.removed[kind, name])
    if not world.removed:
        raise Impossible
    world.removed.clear()


@change
def one_resource_that_was_removed_comes_back(world):
    found = world.one(sorted(world.removed))
    world.resources.setdefault(found, world.removed.pop(found))


@change
def all_of_a_kind_is_removed(world):
    kind = world.one(('Connection', 'VPC', 'Server', 'VPCAttachment', 'ExternalAttachment', 'Catalog'))
    for name in world.names(kind):
        world.remove(kind, name)


@change
def a_server_is_added(world):
    name = world.one(name for name in ('server-4', 'server-5') if ('Server', name) not in world.resources)
    port = world.free_port()
    world.add('Server', name)
    world.add('Connection', f'{name}--unbundled', unbundled={'link': {
        'server': {'port': f'{name}/eth0'}, 'switch': {'port': port},
    }})


@change
def a_switch_is_added(world):
    name = world.one(name for name in ('leaf-3', 'leaf-4') if ('Switch', name) not in world.resources)
    number = world.random.randrange(1, 6)
    world.add(
        'Switch', name, role='spine', profile='x5', ip=f'172.30.0.{number}/21', protocolIP=f'172.30.8.{number}/32',
        boot={'serial': f'LEAF{number}'},
    )


@change
def a_gateway_is_added(world):
    world.add(
        'Gateway', 'gateway-1', asn=65534, protocolIP='172.30.8.9/32',
        interfaces={'enp1': {'ips': [f'172.30.128.{world.random.randrange(1, 5)}/31'], 'mtu': 9100}},
    )


@change
def a_vpc_is_added(world):
    number = world.random.randrange(1, 7)
    name = f'vpc-{world.random.randrange(1, 5)}'
    if ('VPC', name) in world.resources:
        raise Impossible
    world.add('VPC', name, ipv4Namespace='default', vlanNamespace=world.one(world.names('VLANNamespace')), subnets={
        'web': subnet(number, dhcp=True),
    })
    world.spec('Catalog', 'vpcs')['vpcSubnetVNIs'][name] = {'web': 400 + number}


@change
def a_static_external_is_added(world):
    port = world.free_port()
    world.add('Connection', f'static-{world.new_number()}', staticExternal={
        'withinVPC': world.one(('', *world.names('VPC'))),
        'link': {'switch': {'port': port, 'ip': f'10.0.9.{world.random.randrange(1, 4)}/24', 'vlan': world.one((0, 77))}},
    })


# Attachments


@change
def an_attachment_is_removed(world):
    world.remove('VPCAttachment', world.one(world.names('VPCAttachment')))


@change
def an_attachment_becomes_native_or_not(world):
    spec = world.one_of('VPCAttachment')[1]
    spec['nativeVLAN'] = not spec.get('nativeVLAN')


@change
def an_attachment_leads_to_another_subnet(world):
    spec = world.one_of('VPCAttachment')[1]
    vpc, found = world.one_of('VPC')
    spec['subnet'] = f'{vpc}/{world.one(sorted(found["subnets"]))}'


@change
def a_subnet_is_attached_to_another_server(world):
    vpc, found = world.one_of('VPC')
    world.add(
        'VPCAttachment', f'new-{world.new_number()}', subnet=f'{vpc}/{world.one(sorted(found["subnets"]))}',
        connection=world.one(world.names('Connection')),
    )


# What a resource says


@change
def a_port_is_broken_out(world):
    world.one_of('Switch')[1]['portBreakouts'] = {'E1/5': '4x25G'}


@change
def a_breakout_is_taken_back(world):
    del world.one(
        world.spec('Switch', name) for name in world.names('Switch') if 'portBreakouts' in world.spec('Switch', name)
    )['portBreakouts']


@change
def a_switch_has_its_ports_set_to_another_speed(world):
    world.one_of('Switch')[1]['portSpeeds'] = {f'E1/{number}': world.one(('10G', '25G')) for number in (1, 2, 3)}


@change
def a_profile_changes(world):
    spec = world.one_of('SwitchProfile')[1]
    spec['portProfiles']['p'] = {'speed': {'default': world.one(('10G', '25G', '100G'))}}
    spec['displayName'] = world.one(('Acme X5', 'Acme X6', 'Other X5'))


@change
def a_profile_loses_a_port(world):
    ports = world.one_of('SwitchProfile')[1]['ports']
    del ports[world.one(sorted(ports))]


@change
def a_switch_gets_another_profile(world):
    profile = copy.deepcopy(world.one_of('SwitchProfile')[1])
    profile['displayName'] = f'Acme Y{world.new_number()}'
    profile['ports']['E1/6'] = {'nos': 'Ethernet6', 'profile': 'p'}
    world.add('SwitchProfile', 'y', **profile)
    world.one_of('Switch')[1]['profile'] = 'y'


@change
def a_switch_gets_another_role_or_enables_all_ports(world):
    spec = world.one_of('Switch')[1]
    spec['role'] = world.one(('spine', 'border-leaf'))
    spec['enableAllPorts'] = world.one((True, False))


@change
def an_agent_reads_another_serial_number(world):
    name = world.one(world.names('Switch'))
    world.report(name, nos={'serialNumber': world.one(('LEAF1', 'LEAF2', 'READ'))})


@change
def transceivers_are_plugged_in_swapped_and_pulled(world):
    name = world.one(world.names('Switch'))
    cages = {}
    for cage in world.some([f'E1/{number}' for number in range(1, 12)], 6):
        serial, part, medium = world.one(('A', 'B', 7)), world.one(('AO-25G', 'AO-X', '')), world.one(('SR', 'LR', ''))
        cages[cage] = world.one((optic(serial, vendorPart=part, descr=f'25G {medium}'), {}))
    world.report(name, transceivers=cages)


@change
def an_agent_reports_the_addresses_of_ports(world):
    name = world.one(world.names('Switch'))
    ports = {}
    for place in world.some(['M1', *(f'E1/{number}' for number in range(1, 12))], 6):
        ports[place] = port(world.one(('02:00:00:00:00:01', '02:00:00:00:00:02', 'nonsense', None)))
    world.report(name, interfaces=ports)


@change
def an_agent_falls_silent(world):
    world.status['Agent', world.one(world.names('Agent'))] = {}


@change
def a_namespace_gets_other_ranges(world):
    low = world.one((1000, 1002, 900))
    world.one_of('VLANNamespace')[1]['ranges'] = [{'from': low, 'to': 1099}, {'from': 2000, 'to': 2010}]


@change
def a_vpc_moves_to_another_vlan_namespace(world):
    world.one_of('VPC')[1]['vlanNamespace'] = world.one(world.names('VLANNamespace'))


@change
def an_ipv4_namespace_gets_other_prefixes(world):
    world.one_of('IPv4Namespace')[1]['subnets'] = world.one((['10.0.0.0/15'], ['10.0.0.0/16', '10.2.0.0/16'], []))


@change
def a_subnet_gets_other_addresses(world):
    number = world.random.randrange(1, 9)
    world.one(world.subnets()).update(subnet=f'10.0.{number}.0/24', gateway=f'10.0.{number}.254')


@change
def a_subnet_gets_another_dhcp_range(world):
    found = world.one(found for found in world.subnets() if 'dhcp' in found)
    network = found['subnet'].rpartition('.')[0]
    low = world.random.randrange(2, 90)
    found['dhcp'] = {
        'enable': world.one((True, True, False)),
        'range': {'start': f'{network}.{low}', 'end': f'{network}.{low + 50}'},
    }


@change
def a_subnet_becomes_one_of_host_bgp(world):
    found = world.one(world.subnets())
    found['hostBGP'] = True
    found.pop('vlan', None)


@change
def a_vpc_gets_another_mode(world):
    world.one_of('VPC')[1]['mode'] = world.one(('l2vni', 'l3vni'))


@change
def something_is_nonsense(world):
    kind, name = world.one(sorted(world.resources))
    spec = world.resources[kind, name]
    field = world.one(sorted(spec))
    # Other changes rely on what these say.
    if kind in ('Connection', 'Catalog', 'SwitchProfile', 'VPCAttachment', 'ExternalAttachment'):
        raise Impossible
    if (kind, field) in (('VPC', 'subnets'), ('VPC', 'vlanNamespace'), ('Switch', 'ip'), ('Switch', 'protocolIP')):
        raise Impossible
    spec[field] = world.one((None, 'nonsense', 99999, {}))


# Settings, time, and syncs that do not get everything


@change
def the_site_is_another_one(world):
    world.change_settings(inventory_site=world.one(Site.objects.filter(slug__in=('dc', 'dc2')).order_by('slug')))


@change
def scopes_are_switched(world):
    world.change_settings(inventory_scope=[name for name in SCOPES if world.random.random() < 0.7] or ['vpcs'])


@change
def all_scopes_are_on(world):
    world.change_settings(inventory_scope=list(SCOPES))


@change
def the_removal_policy_is_another_one(world):
    world.change_settings(inventory_removal=world.one(('ignore', 'mark', 'delete')))


@change
def the_adoption_policy_is_another_one(world):
    world.change_settings(inventory_adoption=world.one(('off', 'name', 'serial')))


@change
def a_sync_does_not_get_all_kinds(world):
    world.unread = set(world.some(sorted({kind for kind, _ in world.resources}), 3))


@change
def everything_is_gone_for_one_sync(world):
    for kind, name in sorted(world.resources):
        world.remove(kind, name)


# Parts of changes


def portchannels(world):
    """The PortChannel numbers of one switch, by Connection, to be changed in place."""
    return world.one(
        found['portChannelIDs'] for name in world.names('Catalog')
        if (found := world.spec('Catalog', name)).get('portChannelIDs')
    )


def without_server(world, name):
    """A server goes, with its Connections and what is attached to them."""
    world.remove('Server', name)
    for connection in world.names('Connection'):
        if connection.split('--')[0] == name:
            world.remove('Connection', connection)
            for attachment in world.names('VPCAttachment'):
                if world.spec('VPCAttachment', attachment)['connection'] == connection:
                    world.remove('VPCAttachment', attachment)


def refer_to(world, old, new):
    """Let attachments and the Catalog name a Connection that was remade."""
    for name in world.names('VPCAttachment'):
        if world.spec('VPCAttachment', name)['connection'] == old:
            world.spec('VPCAttachment', name)['connection'] = new
    for name in world.names('ExternalAttachment'):
        if world.spec('ExternalAttachment', name)['connection'] == old:
            world.spec('ExternalAttachment', name)['connection'] = new
    for name in world.names('Catalog'):
        numbers = world.spec('Catalog', name).get('portChannelIDs', {})
        if old in numbers:
            numbers[new] = numbers.pop(old)
