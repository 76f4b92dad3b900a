"""The diagrams, without a database: what is shown, that it can be read, and that nothing in it can run."""

from datetime import UTC, datetime
from itertools import pairwise
from xml.etree import ElementTree

import pytest

from netbox_hedgehog.diagrams.fabric import describe, draw_fabric
from netbox_hedgehog.diagrams.graph import DrawnResource, NodeHealth, build, bundled
from netbox_hedgehog.diagrams.style import DARK, LIGHT
from netbox_hedgehog.diagrams.svg import clean, fit, spread
from netbox_hedgehog.diagrams.vpc import build_vpc, draw_vpc
from netbox_hedgehog.hedgehog.connections import read_connection, wired_ports
from netbox_hedgehog.hedgehog.manifest import natural
from netbox_hedgehog.hedgehog.switch_health import MirroredAgent, assess

from ...support.samples import large_fabric, samples

SVG = '{http://www.w3.org/2000/svg}'
READ_AT = datetime(2026, 8, 20, 12, 0, 5, tzinfo=UTC)
HOSTILE = '"><script>alert(1)</script><img src=x onerror=alert(2)>\x00\ud800'


def resources(items):
    return [
        DrawnResource(item['kind'], item['metadata']['name'], item.get('spec') or {}, f'/{item["kind"]}/{item["metadata"]["name"]}')
        for item in items
    ]


def health(items, trusted=True):
    wired = wired_ports(
        read_connection(item['metadata']['name'], item['spec']) for item in items if item['kind'] == 'Connection'
    )
    found = {}
    for item in items:
        if item['kind'] in ('Agent', 'GatewayAgent'):
            name = item['metadata']['name']
            told = assess(MirroredAgent(item['kind'], item['metadata']['generation'], item['status'], READ_AT), wired.get(name, {}))
            found['Switch' if item['kind'] == 'Agent' else 'Gateway', name] = NodeHealth(
                told.level, trusted and not told.heartbeat_stale, [finding.sentence for finding in told.findings], told.ports,
                ['heartbeat_stale'] if told.heartbeat_stale else [],
            )
    return found


def sample_graph(**values):
    return build(resources(samples()), health(samples(), **values))


def draw(graph, group=''):
    svg = draw_fabric(graph, 'demo', lambda name: f'?group={name}', group)
    return ElementTree.fromstring(svg), svg


def texts(root):
    return [found.text for found in root.iter(f'{SVG}text')]


def titles(root):
    return [found.text for found in root.iter(f'{SVG}title')]


def test_everything_of_a_small_fabric_is_there() -> None:
    root, _ = draw(sample_graph())
    shown = texts(root)
    for kind in ('Switch', 'Server', 'Gateway', 'External'):
        for item in samples(kind):
            assert item['metadata']['name'] in shown
            assert f'/{kind}/{item["metadata"]["name"]}' in {link.get('href') for link in root.iter(f'{SVG}a')}
    cables = [title for title in titles(root) if 'connection' in title]
    assert len(cables) == 22


def test_tiers_stand_above_each_other() -> None:
    root, _ = draw(sample_graph())
    y = {found.text: float(found.get('y')) for found in root.iter(f'{SVG}text')}
    assert y['gateway-1'] < y['spine-01'] < y['leaf-01'] < y['server-01'] == y['internet']


def test_states_have_colour_and_shape() -> None:
    root, svg = draw(sample_graph())
    down = next(found for found in root.iter(f'{SVG}a') if 'spine-02 E1/6/1 – leaf-03 E1/52/1: down' in found.get('aria-label'))
    kinds = [child.get('class') for child in down]
    assert 'wire fabric down' in kinds
    assert 'cross' in kinds
    assert svg.count('class="f-critical"') == 2  # the silent leaf and the legend
    assert 'f-warning' in svg


def test_a_silent_switch_says_nothing_good_of_its_links() -> None:
    states = {(wire.upper, wire.lower): wire.state for wire in sample_graph().wires}
    assert states['Switch/leaf-02', 'Server/server-03'] == 'unknown'
    assert states['Switch/spine-01', 'Switch/leaf-02'] == 'up'  # the spine sees it
    assert states['Switch/leaf-01', 'Server/server-02'] == 'up'


def test_old_syncs_never_look_fresh() -> None:
    graph = sample_graph(trusted=False)
    assert {wire.state for wire in graph.wires} == {'unknown', 'down'}


def test_without_health_nothing_is_known() -> None:
    graph = build(resources(samples()), {})
    assert {wire.state for wire in graph.wires} == {'unknown'}
    assert {node.state for node in graph.nodes.values() if node.kind == 'Switch'} == {'unknown'}


def test_what_a_connection_names_and_nobody_has() -> None:
    items = [item for item in samples() if item['metadata']['name'] != 'server-01' or item['kind'] != 'Server']
    graph = build(resources(items), {})
    assert graph.nodes['Server/server-01'].gone
    assert 'Deleted: server-01.' in describe(graph)
    assert 'not in this fabric' in texts(draw(graph)[0])


def test_a_large_fabric_is_grouped() -> None:
    items = large_fabric('--slim-agents')
    root, svg = draw(build(resources(items), health(items)))
    shown = texts(root)
    for item in items:
        if item['kind'] in ('Switch', 'SwitchGroup', 'External'):
            assert item['metadata']['name'] in shown
    assert not any(item['metadata']['name'] in shown for item in items if item['kind'] == 'Server')
    assert '32 servers' in shown
    assert float(root.get('width')) <= 1200
    assert len(svg) < 500_000


def test_one_group_of_a_large_fabric() -> None:
    items = large_fabric('--slim-agents')
    graph = build(resources(items), health(items))
    root, _ = draw(graph, 'eslag-3')
    shown = texts(root)
    assert {'spine-01', 'spine-04', 'leaf-005', 'leaf-006'} <= set(shown)
    assert 'leaf-007' not in shown
    assert sum(text.startswith('server-0') for text in shown) == 32
    assert draw(graph, 'no-such-group')[1] == draw(graph)[1]


def test_servers_are_bundled_where_they_are_too_many_to_name() -> None:
    items = [item for item in samples() if item['kind'] in ('Switch', 'Agent')]
    for number in range(40):
        name = f'server-{number:02}'
        items.append({'kind': 'Server', 'metadata': {'name': name}, 'spec': {}})
        items.append({'kind': 'Connection', 'metadata': {'name': f'{name}--unbundled'}, 'spec': {'unbundled': {'link': {
            'server': {'port': f'{name}/e1'}, 'switch': {'port': f'leaf-01/E1/{number + 1}'},
        }}}})
    graph = build(resources(items), {})
    small = bundled(graph, lambda name: f'?group={name}')
    bundle = next(node for node in small.nodes.values() if node.kind == 'Servers')
    assert (bundle.name, bundle.url) == ('40 servers', '?group=eslag-1')
    assert sum(wire.count for wire in small.wires if wire.lower == bundle.key) == 40
    assert '40 servers' in texts(draw(graph)[0])


@pytest.mark.parametrize('group', ['', HOSTILE])
def test_hostile_names_are_text(group: str) -> None:
    items = [
        {'kind': 'Switch', 'metadata': {'name': HOSTILE}, 'spec': {
            'role': HOSTILE, 'description': HOSTILE, 'redundancy': {'group': HOSTILE}}},
        {'kind': 'Server', 'metadata': {'name': HOSTILE}, 'spec': {'description': HOSTILE}},
        {'kind': 'External', 'metadata': {'name': HOSTILE}, 'spec': {}},
        {'kind': 'Connection', 'metadata': {'name': HOSTILE}, 'spec': {HOSTILE: {'link': {
            'server': {'port': f'{HOSTILE}/{HOSTILE}'}, 'switch': {'port': f'{HOSTILE}/{HOSTILE}'}}}}},
    ]
    graph = build([DrawnResource(item['kind'], item['metadata']['name'], item['spec'], 'javascript:') for item in items], {})
    for svg in (draw_fabric(graph, HOSTILE, lambda name: '', group), draw_vpc(build_vpc(
        DrawnResource('VPC', HOSTILE, {'mode': HOSTILE, 'subnets': {HOSTILE: {'subnet': HOSTILE, 'gateway': HOSTILE}}}, ''),
        [DrawnResource('VPCAttachment', HOSTILE, {'subnet': f'x/{HOSTILE}', 'connection': HOSTILE}, '')], {}, {}, {},
    ))):
        root = ElementTree.fromstring(svg)
        assert {found.tag.removeprefix(SVG) for found in root.iter()} <= {
            'svg', 'style', 'desc', 'title', 'g', 'a', 'text', 'rect', 'circle', 'line', 'path', 'polygon',
        }
        assert '<script' not in svg
        assert '<img' not in svg
        assert not any(name.startswith('on') for found in root.iter() for name in found.attrib)


@pytest.mark.parametrize('junk', [None, 1, 'x', [], [1], {'a': 1}, {'a': {'b': [{}]}}])
def test_manifests_of_unknown_shape(junk) -> None:
    shapes = [junk] if isinstance(junk, dict) else []
    shapes += [{key: junk} for key in ('redundancy', 'groups', 'role', 'subnets', 'permit', 'peering', 'connection', 'subnet')]
    kinds = ('Switch', 'Server', 'Gateway', 'External', 'Connection', 'ExternalAttachment', 'VPCAttachment',
             'VPCPeering', 'ExternalPeering', 'GatewayPeering', 'VPCInfo')
    items = [DrawnResource(kind, 'x', spec, '') for kind in kinds for spec in shapes]
    draw(build(items, {}))
    for spec in shapes:
        draw_vpc(build_vpc(DrawnResource('VPC', 'x', spec, ''), items, {}, {}, {}))


def test_one_link_is_one() -> None:
    spec = {'unbundled': {'link': {'server': {'port': 'server-1/enp1'}, 'switch': {'port': 'leaf-1/E1/1'}}}}
    items = [
        DrawnResource('Switch', 'leaf-1', {'role': 'server-leaf'}, ''), DrawnResource('Server', 'server-1', {}, ''),
        DrawnResource('Connection', 'c', spec, ''),
    ]
    assert describe(build(items, {})).startswith('0 spines, 1 leaf, 1 server, 1 link (')


def test_an_empty_fabric() -> None:
    assert describe(build([], {})) == '0 spines, 0 leaves, no links.'
    draw(build([], {}))


def vpc_graph(name='vpc-01'):
    items = {(item['kind'], item['metadata']['name']): item for item in samples()}
    related = [item for (kind, _), item in items.items() if kind in (
        'VPCAttachment', 'VPCPeering', 'ExternalPeering', 'GatewayPeering') and name in str(item['spec'])]
    known = {(row.kind, row.name): row for row in resources(items.values())}
    connections = {row.name: read_connection(row.name, row.spec) for row in known.values() if row.kind == 'Connection'}
    return build_vpc(known['VPC', name], [
        row for row in resources(related)
        if row.kind != 'VPCAttachment' or row.spec['subnet'].startswith(f'{name}/')
    ], connections, known, health(samples()))


def test_a_vpc_that_is_closed_by_default_looks_closed() -> None:
    spec = {'defaultIsolated': True, 'defaultRestricted': True, 'permit': [['x', 'z']], 'subnets': {
        'x': {}, 'y': {'isolated': False}, 'z': {'restricted': False},
    }}
    peering = DrawnResource('GatewayPeering', 'blue--green', {
        'peering': {'blue': {}, 'green': {}}, 'acl': {'rules': [{'scope': 'packet'}, {}]},
    }, '')
    graph = build_vpc(DrawnResource('VPC', 'blue', spec, ''), [peering], {}, {}, {})
    assert [subnet.notes for subnet in graph.subnets] == [
        ['isolated', 'restricted', 'reaches z'], ['restricted'], ['isolated', 'reaches x'],
    ]
    assert graph.peers[0].notes[1] == 'via gateway group “default”; 2 access rules (1 stateless)'


def test_a_vpc() -> None:
    graph = vpc_graph()
    root = ElementTree.fromstring(draw_vpc(graph))
    shown = texts(root)
    assert {'vpc-01', 'default', 'backend', '10.0.1.0/24', 'server-01', 'server-02', 'vpc-02', 'internet'} <= set(shown)
    assert 'VLAN 1001 · gw 10.0.1.1 · DHCP (1 reserved)' in shown
    assert [(peer.kind, peer.name, peer.subnets) for peer in graph.peers] == [
        ('External', 'internet', ['default']), ('VPC', 'vpc-02', ['default']),
    ]
    assert '0.0.0.0/0' in shown


def test_a_gateway_peering() -> None:
    graph = vpc_graph('vpc-02')
    assert ('External', 'internet', ['default'], ['via gateway group “default”']) in [
        (peer.kind, peer.name, peer.subnets, peer.notes) for peer in graph.peers
    ]


def test_attachments_without_room_are_counted() -> None:
    vpc = DrawnResource('VPC', 'v', {'subnets': {'a': {'subnet': '10.0.0.0/24'}}}, '')
    related = [DrawnResource('VPCAttachment', f'v--a--{number}', {'subnet': 'v/a', 'connection': 'c'}, '') for number in range(60)]
    svg = draw_vpc(build_vpc(vpc, related, {}, {}, {}), '/all/')
    assert 'and 52 more' in svg
    assert 'href="/all/"' in svg


def test_an_attachment_of_no_subnet_is_told() -> None:
    related = [DrawnResource('VPCAttachment', 'lost', {'subnet': 'v/b', 'connection': 'c'}, '')]
    assert 'lost references subnet “b”' in draw_vpc(build_vpc(DrawnResource('VPC', 'v', {}, ''), related, {}, {}, {}))


def luminance(colour: str) -> float:
    parts = [int(colour[start:start + 2], 16) / 255 for start in (1, 3, 5)]
    linear = [part / 12.92 if part <= .03928 else ((part + .055) / 1.055) ** 2.4 for part in parts]
    return .2126 * linear[0] + .7152 * linear[1] + .0722 * linear[2]


def contrast(one: str, other: str) -> float:
    bright, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (bright + .05) / (dark + .05)


@pytest.mark.parametrize('colours', [LIGHT, DARK], ids=['light', 'dark'])
def test_contrast(colours) -> None:
    grounds = {'bg', 'box', 'edge', 'mark', 'tint-warning', 'tint-critical'}
    for name in colours.keys() - grounds:
        for ground in ('bg', 'box'):
            assert contrast(colours[name], colours[ground]) >= 4.5, (name, ground)
    for name in ('warning', 'critical', 'ink'):
        assert contrast(colours[name], colours[f'tint-{name}' if name != 'ink' else 'tint-warning']) >= 4.5
    for sign in ('ok', 'warning', 'critical'):
        assert contrast(colours['mark'], colours[sign]) >= 3


def test_long_names_keep_both_ends() -> None:
    assert fit('short', 200, 12) == 'short'
    cut = fit('ds5000-leaf-rack-a12-unit-03', 90, 12)
    assert cut.startswith('ds5000')
    assert cut.endswith('-03')
    assert '…' in cut


def test_boxes_stand_near_and_apart() -> None:
    assert spread([0, 100], 50, 10) == [0, 100]
    assert spread([0, 0, 0], 50, 10) == [-60, 0, 60]
    places = spread([0, 1, 2, 500, 501], 50, 10)
    assert all(right - left >= 59.9 for left, right in pairwise(places))


def test_numbers_in_names_count() -> None:
    assert sorted(['leaf-10', 'leaf-9', 'leaf-02', 'leaf-1'], key=natural) == ['leaf-1', 'leaf-02', 'leaf-9', 'leaf-10']
    assert sorted(['E1/' + '9' * 5000, 'E1/010', 'E1/2'], key=natural)[:2] == ['E1/2', 'E1/010']


def test_no_character_that_xml_cannot_hold() -> None:
    assert clean('a\x00\x1b\ud800b\tü') == 'ab\tü'
