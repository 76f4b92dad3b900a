"""Draw the diagram of a VPC: attachments on the left, subnets in the middle, peers on the right."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from ..hedgehog.connections import Connection, Link
from ..hedgehog.manifest import natural, shown, text
from ..hedgehog.vpcs import (
    VPC,
    Subnet,
    exposed_subnets,
    read_access_rules,
    read_external_permit,
    read_gateway_peering,
    read_permits,
    read_vpc,
    read_vpc_attachment,
)
from ..naming import first_names
from .graph import LINK_WORDS, DrawnResource, NodeHealth, link_state, wire_style, worst
from .legend import Legend, draw_legend
from .svg import Canvas, Point, fit

__all__ = ('VPCGraph', 'build_vpc', 'draw_vpc')

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

# How many subnets and peers are drawn, and how many names a tooltip lists: the number of pairs of peers is a product.
DRAWN = 200
NAMED = 20

PEER_WIRES = {'VPC': 'mesh', 'External': 'external'}


@dataclass(slots=True)
class DrawnSubnet:
    """A subnet of the VPC. `notes` are short texts."""

    name: str
    prefix: str
    notes: list[str]


@dataclass(slots=True)
class DrawnAttachment:
    """A connection that a subnet is attached to. `state` is the most severe of its links'."""

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
    links: tuple[Link, ...] = ()


@dataclass(slots=True)
class DrawnPeer:
    """A peer of the VPC, and its peering. `subnets` are the permitted ones; empty means all."""

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
    subnets: list[DrawnSubnet] = field(default_factory=list)
    attachments: list[DrawnAttachment] = field(default_factory=list)
    peers: list[DrawnPeer] = field(default_factory=list)

    @property
    def sentence(self) -> str:
        """Return the diagram in a sentence, for those who do not see it."""
        down = sum(attachment.state == 'down' for attachment in self.attachments)
        return (
            f'{_counted(len(self.subnets), "subnet")}, {_counted(len(self.attachments), "attachment")}'
            + (f' ({down} with links down)' if down else '') + f', {_counted(len(self.peers), "peer")}.'
        )


def _counted(count: int, word: str) -> str:
    return f'{count} {word}{"s" * (count != 1)}'


def build_vpc(
    vpc: DrawnResource, related: Iterable[DrawnResource], connections: Mapping[str, Connection],
    peers: Mapping[tuple[str, str], DrawnResource], health: Mapping[tuple[str, str], NodeHealth],
    may_be_hidden: bool = False,
) -> VPCGraph:
    """Return the graph of a VPC.

    Takes the VPC; the attachments and peerings that name it and its VPCInfo; the connections of the fabric that they
    name, by name; the VPCs and externals they name, by kind and name; the health of switches, and whether there may be
    some that the viewer may not see. Nothing is raised for manifests of unknown shape.
    """
    read = read_vpc(vpc.spec)
    graph = VPCGraph(vpc.name, list(_vpc_notes(read)))
    graph.subnets = [
        DrawnSubnet(subnet.name, text(subnet.prefix), list(_subnet_notes(read, subnet)))
        for subnet in read.subnets.values()
    ]
    for resource in related:
        if resource.missing:
            continue
        if resource.kind == 'VPCAttachment':
            attachment = _attachment(resource, connections)
            states = [link_state(link, health, may_be_hidden) for link in attachment.links]
            attachment.state = worst(states) or 'unknown'
            graph.attachments.append(attachment)
        elif resource.kind == 'VPCInfo' and resource.spec.get('vni') is not None:
            graph.notes.append(f'VNI {shown(resource.spec["vni"])}')
        else:
            graph.peers += _peers(vpc.name, resource, peers)
    graph.attachments.sort(key=lambda item: (item.state == 'up', natural(item.who), natural(item.name)))
    graph.peers.sort(key=lambda peer: (peer.kind, natural(peer.name)))
    return graph


def _vpc_notes(vpc: VPC) -> Iterable[str]:
    yield vpc.mode or 'l2vni'
    for name, word in ((vpc.ipv4_namespace, 'IPv4'), (vpc.vlan_namespace, 'VLAN')):
        if name:
            yield f'{word} ns {name}'


def _subnet_notes(vpc: VPC, subnet: Subnet) -> Iterable[str]:
    if subnet.vlan:
        yield f'VLAN {shown(subnet.vlan)}'
    if gateway := text(subnet.gateway):
        yield f'gw {gateway}'
    if subnet.dhcp:
        reserved = len(subnet.served_reservations)
        yield f'DHCP ({reserved} reserved)' if reserved else 'DHCP'
    elif subnet.dhcp_relay:
        yield 'DHCP relay'
    flags = ((subnet.host_bgp, 'host BGP'), (subnet.isolated, 'isolated'), (subnet.restricted, 'restricted'))
    yield from (word for flag, word in flags if flag)
    if subnet.isolated and (reached := vpc.reached_from(subnet.name)):
        yield f'reaches {_some(reached)}'


def _attachment(resource: DrawnResource, connections: Mapping[str, Connection]) -> DrawnAttachment:
    read = read_vpc_attachment(resource.spec)
    found = DrawnAttachment(
        resource.name, read.subnet, read.connection, '', read.connection, [], resource.url, native=read.native_vlan,
    )
    connection = connections.get(read.connection)
    if connection is None:
        found.gone = True
        return found
    found.links = connection.links
    servers = dict.fromkeys(link.far.device for link in found.links if link.far is not None)
    found.who = ', '.join(servers) or read.connection
    found.kind = next((link.member.name for link in found.links), '')
    found.ports = [str(link.near) for link in found.links]
    return found


def _peers(
    vpc: str, peering: DrawnResource, known: Mapping[tuple[str, str], DrawnResource],
) -> Iterator[DrawnPeer]:
    """Yield what a VPC peers with by this peering."""
    if peering.kind == 'VPCPeering':
        for permit in read_permits(peering.spec):
            for other in permit:
                if other != vpc:
                    note = f'peer subnets: {_some(permit[other])}' if permit[other] else 'all peer subnets'
                    yield _peer(('VPC', other), permit.get(vpc, []), peering, note, known)
    elif peering.kind == 'ExternalPeering':
        external = read_external_permit(peering.spec)
        note = _some(external.prefixes) or 'no prefix'
        yield _peer(('External', external.external), external.subnets, peering, note, known)
    elif peering.kind == 'GatewayPeering':
        gateway = read_gateway_peering(peering.spec)
        exposed = exposed_subnets(gateway.exposed.get(('VPC', vpc), []))
        for peer in gateway.exposed:
            if peer != ('VPC', vpc):
                yield _peer(peer, exposed, peering, _gateway_note(peering, gateway.group), known)


def _gateway_note(peering: DrawnResource, group: str) -> str:
    rules = read_access_rules(peering.spec).rules
    stateless = sum(rule.scope == 'packet' for rule in rules)
    note = f'via gateway group “{group}”'
    if rules:
        note += f'; {_counted(len(rules), "access rule")}' + (f' ({stateless} stateless)' if stateless else '')
    return note


def _peer(
    who: tuple[str, str], subnets: list[str], peering: DrawnResource, note: str,
    known: Mapping[tuple[str, str], DrawnResource],
) -> DrawnPeer:
    other = known.get(who)
    gone = other is None or other.missing
    notes = ['not in this fabric', note] if gone else [note]
    return DrawnPeer(*who, other.url if other else peering.url, subnets, peering.name, notes, gone)


@dataclass(slots=True)
class _Places:
    """Where things are, from the top: the middle of each subnet's row, and the top of each card on the left."""

    rows: dict[str, float] = field(default_factory=dict)
    attachments: list[tuple[DrawnAttachment, float]] = field(default_factory=list)
    counted: list[tuple[str, int, float]] = field(default_factory=list)
    bottom: float = 0.0


def draw_vpc(graph: VPCGraph, more_url: str = '') -> str:
    """Return the SVG of a VPC. `more_url` lists the attachments that do not fit."""
    canvas = Canvas(f'VPC {graph.name}', graph.sentence)
    left, middle, right = MARGIN, (WIDTH - MIDDLE) / 2, WIDTH - MARGIN - SIDE
    top = MARGIN + 18
    for x, title in ((left, 'Attachments'), (middle, 'VPC and its subnets'), (right, 'Peers')):
        canvas.text(x, MARGIN + 8, title, 'soft', size=11)
    subnets, peers = graph.subnets[:DRAWN], graph.peers[:DRAWN]
    places = _place(graph, subnets, top)
    bottom, rows = places.bottom, places.rows
    peers_height = len(peers) * (CARD + GAP) - GAP
    peers_top = max(top, top + (bottom - top - peers_height) / 2)
    for item, place in places.attachments:
        _curve(canvas, (left + SIDE, place + CARD / 2), (middle, rows[item.subnet]), item)
    for index, peer in enumerate(peers):
        targets = [rows[name] for name in dict.fromkeys(peer.subnets) if name in rows] or [top + HEAD / 2]
        _draw_peer_wires(canvas, peer, targets, (right, peers_top + index * (CARD + GAP) + CARD / 2))
    canvas.rect(middle, top, MIDDLE, bottom - top, 'frame vpc', 8)
    _draw_head(canvas, graph, middle, top)
    for subnet in subnets:
        _draw_subnet(canvas, subnet, middle + 8, rows[subnet.name] - SUBNET / 2 + 3, MIDDLE - 16)
    for item, place in places.attachments:
        _draw_attachment(canvas, item, left, place)
    for name, count, place in places.counted:
        with canvas.link(more_url, f'{count} more attachments of {name}'):
            canvas.rect(left, place, SIDE, CARD, 'node', 1)
            canvas.text(left + SIDE / 2, place + 25, f'and {count} more', 'soft b', 'middle')
    for index, peer in enumerate(peers):
        _draw_peer(canvas, peer, right, peers_top + index * (CARD + GAP))
    y = _draw_remarks(canvas, graph, left, max(bottom, peers_top + peers_height) + GAP)
    legend = Legend(
        kinds={wire_style(item.kind) for item, _ in places.attachments},
        wires={item.state for item in graph.attachments},
    )
    y = draw_legend(canvas, MARGIN, y + 14, WIDTH - 2 * MARGIN, legend)
    return canvas.finish(WIDTH, y + MARGIN)


def _place(graph: VPCGraph, subnets: list[DrawnSubnet], top: float) -> _Places:
    """Place the subnets below the VPC's head, each beside its attachments."""
    places = _Places()
    by_subnet: dict[str, list[DrawnAttachment]] = {}
    for item in graph.attachments:
        by_subnet.setdefault(item.subnet, []).append(item)
    y = top + HEAD + GAP
    for subnet in subnets:
        attached = by_subnet.get(subnet.name, [])
        shown_here = attached[:SHOWN]
        count = len(shown_here) + (len(attached) > SHOWN)
        height = max(SUBNET, count * (CARD + GAP) - GAP)
        places.rows[subnet.name] = y + height / 2
        start = y + (height - (count * (CARD + GAP) - GAP)) / 2
        places.attachments += [(item, start + index * (CARD + GAP)) for index, item in enumerate(shown_here)]
        if len(attached) > SHOWN:
            places.counted.append((subnet.name, len(attached) - SHOWN, start + SHOWN * (CARD + GAP)))
        y += height + 2 * GAP
    places.bottom = max(y, top + HEAD + 2 * GAP)
    return places


def _draw_peer_wires(canvas: Canvas, peer: DrawnPeer, targets: list[float], end: Point) -> None:
    """Draw what leads from a peer to subnets, whose middles are the targets."""
    start = (WIDTH + MIDDLE) / 2
    bend = (start + end[0]) / 2
    for target in targets:
        with canvas.group(f'{peer.peering}: {_some(peer.subnets) or "all subnets"}'):
            canvas.curve((start, target), (bend, target), (bend, end[1]), end, f'wire {PEER_WIRES[peer.kind]}')


def _draw_remarks(canvas: Canvas, graph: VPCGraph, x: float, y: float) -> float:
    """Write what is attached to no subnet, and what does not fit. Return the y beneath."""
    names = {subnet.name for subnet in graph.subnets}
    lost = [item for item in graph.attachments if item.subnet not in names]
    remarks = [
        (f'{item.name} references subnet “{item.subnet}”, which does not exist in this VPC.', 'warning b')
        for item in lost[:DRAWN]
    ]
    for hidden, what in ((len(graph.subnets) - DRAWN, 'subnets'), (len(graph.peers) - DRAWN, 'peers')):
        if hidden > 0:
            remarks.append((f'{hidden} more {what} not shown.', 'soft b'))
    for words, kind in remarks:
        canvas.text(x, y + 14, words, kind, size=11)
        y += 18
    return y


def _some(names: Iterable[str]) -> str:
    """Return names for a sentence: NAMED of them, and the number of others."""
    return first_names(list(dict.fromkeys(names)), NAMED)


def _curve(canvas: Canvas, start: Point, end: Point, item: DrawnAttachment) -> None:
    bend = (start[0] + end[0]) / 2
    state = '' if item.state == 'up' else item.state
    with canvas.group(_attachment_title(item)):
        canvas.curve(start, (bend, start[1]), (bend, end[1]), end, f'wire {wire_style(item.kind)} {state}'.strip())
        canvas.wire_sign(start[0] + 12, start[1], item.state)


def _attachment_title(item: DrawnAttachment) -> str:
    if item.gone:
        return f'{item.name}: connection {item.connection} does not exist in this fabric.'
    words = LINK_WORDS.get(item.state, item.state)
    return f'{item.name}\n{item.kind} on {_some(item.ports)}; links: {words}'


def _draw_head(canvas: Canvas, graph: VPCGraph, x: float, y: float) -> None:
    canvas.rect(x, y, MIDDLE, HEAD, 'node', 8)
    canvas.text(x + 14, y + 20, fit(graph.name, MIDDLE - 28, 14, bold=True), 'b', size=14)
    canvas.text(x + 14, y + 37, fit(' · '.join(graph.notes), MIDDLE - 28, 11), 'soft', size=11)


def _draw_subnet(canvas: Canvas, subnet: DrawnSubnet, x: float, y: float, width: float) -> None:
    with canvas.group(f'{subnet.name} {subnet.prefix}\n{", ".join(subnet.notes)}'):
        canvas.rect(x, y, width, SUBNET - 6, 'node', 5)
        canvas.text(x + 10, y + 19, fit(subnet.name, width / 2 - 12, 13, bold=True), 'b', size=13)
        canvas.text(x + width - 10, y + 19, subnet.prefix, '', 'end')
        canvas.text(x + 10, y + 37, fit(' · '.join(subnet.notes), width - 20, 11), 'soft', size=11)


def _draw_attachment(canvas: Canvas, item: DrawnAttachment, x: float, y: float) -> None:
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


def _draw_peer(canvas: Canvas, peer: DrawnPeer, x: float, y: float) -> None:
    permitted = _some(peer.subnets) or 'all subnets'
    title = f'{peer.kind} {peer.name} via {peer.peering}\npermits {permitted}: {"; ".join(peer.notes)}'
    with canvas.link(peer.url, title):
        canvas.rect(x, y, SIDE, CARD, 'node gone' if peer.gone else 'node', 21 if peer.kind == 'External' else 6)
        canvas.text(x + 16, y + 18, fit(peer.name, SIDE - 110, 12.5, bold=True), 'b', size=12.5)
        canvas.text(x + SIDE - 16, y + 18, peer.kind, 'soft', 'end', size=11)
        canvas.text(x + 16, y + 34, fit('; '.join(peer.notes), SIDE - 32, 11), 'soft', size=11)
