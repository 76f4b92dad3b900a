"""The diagram of a VPC: what is attached on its left, its subnets in the middle, what it peers with on its right."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from ..hedgehog.connections import links
from ..hedgehog.manifest import mapping, named_objects, objects, text
from .graph import LINK_WORDS, WIRE_KINDS, NodeHealth, Resource, link_state, natural, worst
from .legend import draw_legend
from .svg import Canvas, fit

__all__ = ('Attachment', 'Peer', 'Subnet', 'VPCGraph', 'build_vpc', 'draw_vpc')

WIDTH = 1120.0
MARGIN = 14.0
SIDE = 300.0
MIDDLE = 330.0
CARD = 42.0
GAP = 8.0
HEAD = 46.0
SUBNET = 54.0

# How many attachments of a subnet are drawn; the rest is counted.
SHOWN = 8

# How many subnets and peers are drawn, and how many names a title lists: what peers with what is a product of them.
DRAWN = 200
NAMED = 20

PEER_WIRES = {'VPC': 'mesh', 'External': 'external'}


@dataclass(slots=True)
class Subnet:
    """A subnet of the VPC. `notes` is what there is to say of it, in a few words each."""

    name: str
    prefix: str
    notes: list[str]


@dataclass(slots=True)
class Attachment:
    """A connection that a subnet is attached to. `state` is the gravest of its links'."""

    name: str
    subnet: str
    connection: str
    kind: str
    who: str
    ports: list[str]
    url: str
    native: bool = False
    state: str = 'unknown'
    gone: bool = False


@dataclass(slots=True)
class Peer:
    """A peer of the VPC, and by which peering. `subnets` are the permitted ones; empty means all."""

    kind: str
    name: str
    url: str
    subnets: list[str]
    peering: str
    notes: list[str]
    gone: bool = False


@dataclass(slots=True)
class VPCGraph:
    """A VPC with its subnets, attachments and peers."""

    name: str
    notes: list[str]
    subnets: list[Subnet] = field(default_factory=list)
    attachments: list[Attachment] = field(default_factory=list)
    peers: list[Peer] = field(default_factory=list)

    @property
    def sentence(self) -> str:
        """The diagram in a sentence, for those who do not see it."""
        down = sum(attachment.state == 'down' for attachment in self.attachments)
        return (
            f'{_counted(len(self.subnets), "subnet")}, {_counted(len(self.attachments), "attachment")}'
            + (f' ({down} with links down)' if down else '') + f', {_counted(len(self.peers), "peer")}.'
        )


def _counted(count: int, word: str) -> str:
    return f'{count} {word}{"s" * (count != 1)}'


def build_vpc(
    vpc: Resource, related: Iterable[Resource], connections: Mapping[str, Resource],
    peers: Mapping[tuple[str, str], Resource], health: Mapping[tuple[str, str], NodeHealth],
    may_be_hidden: bool = False,
) -> VPCGraph:
    """Return the graph of a VPC.

    Takes the VPC; the attachments and peerings that name it and its VPCInfo; the connections they name, by name; the
    VPCs and externals they name, by kind and name; the health of switches, and whether there may be some that the
    viewer may not see. Nothing is raised for manifests of unknown shape.
    """
    spec = vpc.spec
    graph = VPCGraph(vpc.name, list(_vpc_notes(spec)))
    graph.subnets = [
        Subnet(name, text(subnet.get('subnet')), list(_subnet_notes(subnet)))
        for name, subnet in sorted(named_objects(spec.get('subnets')), key=lambda item: natural(item[0]))
    ]
    for resource in related:
        if resource.missing:
            continue
        if resource.kind == 'VPCAttachment':
            graph.attachments.append(_attachment(resource, connections, health, may_be_hidden))
        elif resource.kind == 'VPCInfo' and resource.spec.get('vni') is not None:
            graph.notes.append(f'VNI {resource.spec["vni"]}')
        else:
            graph.peers += _peers(vpc.name, resource, peers)
    graph.attachments.sort(key=lambda item: (item.state == 'up', natural(item.who), natural(item.name)))
    graph.peers.sort(key=lambda peer: (peer.kind, natural(peer.name)))
    return graph


def _vpc_notes(spec: Mapping[str, Any]) -> Iterable[str]:
    yield text(spec.get('mode')) or 'l2vni'
    for key, word in (('ipv4Namespace', 'IPv4'), ('vlanNamespace', 'VLAN')):
        if name := text(spec.get(key)):
            yield f'{word} ns {name}'


def _subnet_notes(subnet: Mapping[str, Any]) -> Iterable[str]:
    if vlan := subnet.get('vlan'):
        yield f'VLAN {vlan}'
    if gateway := text(subnet.get('gateway')):
        yield f'gw {gateway}'
    dhcp = mapping(subnet.get('dhcp'))
    if dhcp.get('enable') is True:
        yield 'DHCP'
    elif dhcp.get('relay'):
        yield 'DHCP relay'
    for key, word in (('hostBGP', 'host BGP'), ('isolated', 'isolated'), ('restricted', 'restricted')):
        if subnet.get(key) is True:
            yield word


def _attachment(
    resource: Resource, connections: Mapping[str, Resource], health: Mapping[tuple[str, str], NodeHealth],
    may_be_hidden: bool,
) -> Attachment:
    spec = resource.spec
    name = text(spec.get('connection'))
    found = Attachment(
        resource.name, text(spec.get('subnet')).partition('/')[2], name, '', name, [], resource.url,
        native=spec.get('nativeVLAN') is True,
    )
    connection = connections.get(name)
    if connection is None or connection.missing:
        found.gone = True
        return found
    wires = links(name, connection.spec)
    servers = dict.fromkeys(link.far.device for link in wires if link.far is not None)
    found.who = ', '.join(servers) or name
    found.kind = next((link.kind for link in wires), '')
    found.ports = [str(link.near) for link in wires]
    found.state = worst(link_state(link, health, may_be_hidden) for link in wires) or 'unknown'
    return found


def _peers(vpc: str, peering: Resource, known: Mapping[tuple[str, str], Resource]) -> list[Peer]:
    spec = peering.spec
    if peering.kind == 'VPCPeering':
        found = []
        for permit in objects(spec.get('permit')):
            mine = _subnets(permit.get(vpc))
            for other in permit:
                if other != vpc:
                    theirs = _subnets(permit.get(other))
                    note = f'peer subnets: {_some(theirs)}' if theirs else 'all peer subnets'
                    found.append(_peer('VPC', other, mine, peering, [note], known))
        return found
    if peering.kind == 'ExternalPeering':
        permitted = mapping(spec.get('permit'))
        external = mapping(permitted.get('external'))
        prefixes = [text(item.get('prefix')) for item in objects(external.get('prefixes'))]
        return [_peer('External', text(external.get('name')), _subnets(permitted.get('vpc')), peering,
                      [_some(filter(None, prefixes)) or 'no prefix'], known)]
    if peering.kind == 'GatewayPeering':
        members = mapping(spec.get('peering'))
        exposed = [
            text(ip.get('vpcSubnet')) for part in objects(mapping(members.get(vpc)).get('expose'))
            for ip in objects(part.get('ips'))
        ]
        group = text(spec.get('gatewayGroup')) or 'default'
        return [
            _peer(*(('External', other[4:]) if other.startswith('ext.') else ('VPC', other)),
                  [subnet for subnet in exposed if subnet], peering, [f'via gateway group “{group}”'], known)
            for other in members if other != vpc
        ]
    return []


def _peer(
    kind: str, name: str, subnets: list[str], peering: Resource, notes: list[str],
    known: Mapping[tuple[str, str], Resource],
) -> Peer:
    other = known.get((kind, name))
    gone = other is None or other.missing
    return Peer(kind, name, other.url if other else peering.url, subnets, peering.name,
                ['not in this fabric', *notes] if gone else notes, gone)


def _subnets(part: Any) -> list[str]:
    listed = mapping(part).get('subnets')
    return [name for name in listed if isinstance(name, str)] if isinstance(listed, list) else []


def draw_vpc(graph: VPCGraph, more_url: str = '') -> str:
    """Return the SVG of a VPC. `more_url` lists the attachments that do not fit."""
    canvas = Canvas(f'VPC {graph.name}', graph.sentence)
    left, middle, right = MARGIN, (WIDTH - MIDDLE) / 2, WIDTH - MARGIN - SIDE
    top = MARGIN + 18
    canvas.text(left, MARGIN + 8, 'Attachments', 'soft', size=11)
    canvas.text(middle, MARGIN + 8, 'VPC and its subnets', 'soft', size=11)
    canvas.text(right, MARGIN + 8, 'Peers', 'soft', size=11)
    subnets, peers = graph.subnets[:DRAWN], graph.peers[:DRAWN]
    by_subnet: dict[str, list[Attachment]] = {subnet.name: [] for subnet in graph.subnets}
    lost = [item for item in graph.attachments if item.subnet not in by_subnet][:DRAWN]
    for item in graph.attachments:
        by_subnet.get(item.subnet, []).append(item)
    blocks = [(subnet.name, by_subnet[subnet.name]) for subnet in subnets]
    y = top + HEAD + GAP
    rows: dict[str, float] = {}
    places: list[tuple[Attachment, float]] = []
    counted: list[tuple[str, int, float]] = []
    for name, attached in blocks:
        shown = attached[:SHOWN]
        count = len(shown) + (len(attached) > SHOWN)
        height = max(SUBNET, count * (CARD + GAP) - GAP)
        rows[name] = y + height / 2
        start = y + (height - (count * (CARD + GAP) - GAP)) / 2
        places += [(item, start + index * (CARD + GAP)) for index, item in enumerate(shown)]
        if len(attached) > SHOWN:
            counted.append((name, len(attached) - SHOWN, start + SHOWN * (CARD + GAP)))
        y += height + 2 * GAP
    bottom = max(y, top + HEAD + 2 * GAP)
    peers_height = len(peers) * (CARD + GAP) - GAP
    peers_top = max(top, top + (bottom - top - peers_height) / 2)
    for item, place in places:
        _curve(canvas, (left + SIDE, place + CARD / 2), (middle, rows[item.subnet]), item)
    for index, peer in enumerate(peers):
        place = peers_top + index * (CARD + GAP) + CARD / 2
        title = f'{peer.peering}: {_some(peer.subnets) or "all subnets"}'
        for target in [rows[name] for name in dict.fromkeys(peer.subnets) if name in rows] or [top + HEAD / 2]:
            bend = (middle + MIDDLE + right) / 2
            with canvas.group(title):
                canvas.curve(
                    (middle + MIDDLE, target), (bend, target), (bend, place), (right, place),
                    f'wire {PEER_WIRES[peer.kind]}',
                )
    canvas.rect(middle, top, MIDDLE, bottom - top, 'frame vpc', 8)
    _draw_head(canvas, graph, middle, top)
    for subnet in subnets:
        _draw_subnet(canvas, subnet, middle + 8, rows[subnet.name] - SUBNET / 2 + 3, MIDDLE - 16)
    for item, place in places:
        _draw_attachment(canvas, item, left, place)
    for name, count, place in counted:
        with canvas.link(more_url, f'{count} more attachments of {name}'):
            canvas.rect(left, place, SIDE, CARD, 'node', 1)
            canvas.text(left + SIDE / 2, place + 25, f'and {count} more', 'soft b', 'middle')
    for index, peer in enumerate(peers):
        _draw_peer(canvas, peer, right, peers_top + index * (CARD + GAP))
    y = max(bottom, peers_top + peers_height) + GAP
    for item in lost:
        canvas.text(left, y + 14, f'{item.name} references subnet “{item.subnet}”, which does not exist in this VPC.',
                    'warning b', size=11)
        y += 18
    for hidden, what in ((len(graph.subnets) - DRAWN, 'subnets'), (len(graph.peers) - DRAWN, 'peers')):
        if hidden > 0:
            canvas.text(left, y + 14, f'{hidden} more {what} not shown.', 'soft b', size=11)
            y += 18
    y = draw_legend(
        canvas, MARGIN, y + 14, WIDTH - 2 * MARGIN, [],
        {_wire(item.kind) for item, _ in places}, [item.state for item in graph.attachments],
    )
    return canvas.finish(WIDTH, y + MARGIN)


def _some(names: Iterable[str]) -> str:
    """Return names for a sentence: NAMED of them, and the number of others."""
    different = list(dict.fromkeys(names))
    more = f' and {len(different) - NAMED} more' if len(different) > NAMED else ''
    return ', '.join(different[:NAMED]) + more


def _wire(kind: str) -> str:
    return WIRE_KINDS.get(kind, 'unbundled')


def _curve(canvas: Canvas, start: tuple[float, float], end: tuple[float, float], item: Attachment) -> None:
    bend = (start[0] + end[0]) / 2
    state = '' if item.state == 'up' else item.state
    with canvas.group(_attachment_title(item)):
        canvas.curve(start, (bend, start[1]), (bend, end[1]), end, f'wire {_wire(item.kind)} {state}'.strip())
        canvas.wire_sign(start[0] + 12, start[1], item.state)


def _attachment_title(item: Attachment) -> str:
    if item.gone:
        return f'{item.name}: connection {item.connection} does not exist in this fabric.'
    words = LINK_WORDS.get(item.state, item.state)
    return f'{item.name}\n{item.kind} on {_some(item.ports)}; links: {words}'


def _draw_head(canvas: Canvas, graph: VPCGraph, x: float, y: float) -> None:
    canvas.rect(x, y, MIDDLE, HEAD, 'node', 8)
    canvas.text(x + 14, y + 20, fit(graph.name, MIDDLE - 28, 14, bold=True), 'b', size=14)
    canvas.text(x + 14, y + 37, fit(' · '.join(graph.notes), MIDDLE - 28, 11), 'soft', size=11)


def _draw_subnet(canvas: Canvas, subnet: Subnet, x: float, y: float, width: float) -> None:
    with canvas.group(f'{subnet.name} {subnet.prefix}\n{", ".join(subnet.notes)}'):
        canvas.rect(x, y, width, SUBNET - 6, 'node', 5)
        canvas.text(x + 10, y + 19, fit(subnet.name, width / 2 - 12, 13, bold=True), 'b', size=13)
        canvas.text(x + width - 10, y + 19, subnet.prefix, '', 'end')
        canvas.text(x + 10, y + 37, fit(' · '.join(subnet.notes), width - 20, 11), 'soft', size=11)


def _draw_attachment(canvas: Canvas, item: Attachment, x: float, y: float) -> None:
    state = 'gone' if item.gone else 'warning' if item.state == 'down' else ''
    with canvas.link(item.url, _attachment_title(item)):
        canvas.rect(x, y, SIDE, CARD, f'node {state}'.strip(), 1)
        start = x + 10
        if state:
            canvas.sign(start + 6, y + 14, 'unknown' if item.gone else 'warning')
            start += 18
        canvas.text(start, y + 18, fit(item.who, x + SIDE - 100 - start, 12.5, bold=True), 'b', size=12.5)
        kind = item.kind + (', native VLAN' if item.native else '')
        canvas.text(x + SIDE - 10, y + 18, kind, 'soft', 'end', size=11)
        words = 'connection not in this fabric' if item.gone else _some(item.ports)
        canvas.text(x + 10, y + 34, fit(words, SIDE - 20, 11), 'soft', size=11)


def _draw_peer(canvas: Canvas, peer: Peer, x: float, y: float) -> None:
    permitted = _some(peer.subnets) or 'all subnets'
    title = f'{peer.kind} {peer.name} via {peer.peering}\npermits {permitted}: {"; ".join(peer.notes)}'
    with canvas.link(peer.url, title):
        canvas.rect(x, y, SIDE, CARD, 'node gone' if peer.gone else 'node', 21 if peer.kind == 'External' else 6)
        canvas.text(x + 16, y + 18, fit(peer.name, SIDE - 110, 12.5, bold=True), 'b', size=12.5)
        canvas.text(x + SIDE - 16, y + 18, peer.kind, 'soft', 'end', size=11)
        canvas.text(x + 16, y + 34, fit('; '.join(peer.notes), SIDE - 32, 11), 'soft', size=11)
