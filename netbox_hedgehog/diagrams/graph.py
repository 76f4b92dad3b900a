"""Build the graph of a fabric: nodes in tiers, and wires between them, each with a state."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

from ..hedgehog.connections import MEMBERS, Connection, End, Link, read_connection
from ..hedgehog.manifest import natural, text
from ..hedgehog.switch_ports import PortNames, reported_as
from ..hedgehog.switches import group
from ..hedgehog.vpcs import read_external_attachment

__all__ = (
    'GATEWAYS', 'KINDS', 'LEAVES', 'OUTER', 'SPINES', 'DrawnResource', 'Graph', 'Node', 'NodeHealth', 'Wire', 'build',
    'bundled', 'link_state', 'wire_style', 'worst',
)

GATEWAYS, SPINES, LEAVES, OUTER = range(4)

# How many servers the text of a bundle names.
NAMED = 20

NO_STATUS_YET = 'Status will be available after the next successful sync.'

# Kinds of resources that become nodes, and all kinds that a graph needs.
NODE_KINDS = ('Switch', 'Server', 'Gateway', 'External')
KINDS = (*NODE_KINDS, 'SwitchProfile', 'Connection', 'ExternalAttachment')

# A link's states, the most severe first. Without permission to view it, a state is hidden, whatever it is.
WIRE_STATES = ('down', 'disabled', 'hidden', 'unknown', 'up')
LINK_WORDS = {
    'disabled': 'disabled', 'unknown': 'state unknown', 'hidden': 'you do not have permission to view its state',
}
NODE_STATES = ('critical', 'warning', 'unknown', 'ok', '')


class DrawnResource(NamedTuple):
    """A resource of the mirror. `url` is its page."""

    kind: str
    name: str
    spec: Mapping[str, Any]
    url: str
    missing: bool = False


class NodeHealth(NamedTuple):
    """The health of a switch or gateway. `trusted` is False if a good state may be outdated."""

    state: str
    trusted: bool
    sentences: list[str]
    ports: Mapping[str, str]
    notes: list[str] = []


@dataclass(slots=True)
class Node:
    """A node with links. `state` is '' if nothing reports one; `notes` are shown beneath its name."""

    key: str
    kind: str
    name: str
    tier: int
    url: str = ''
    role: str = ''
    group: str = ''
    state: str = ''
    notes: list[str] = field(default_factory=list)
    sentences: list[str] = field(default_factory=list)
    description: str = ''
    gone: bool = False

    @property
    def title(self) -> str:
        """Return the tooltip."""
        head = f'{self.name} ({self.role or self.kind.lower()})'
        return '\n'.join(filter(None, [head, self.description, *self.sentences]))


@dataclass(slots=True)
class Wire:
    """One cable, from the upper node to the lower one."""

    kind: str
    upper: str
    lower: str
    upper_port: str
    lower_port: str
    state: str
    connection: str
    url: str = ''
    count: int = 1
    bad: int = 0

    @property
    def title(self) -> str:
        """Return the tooltip."""
        if self.count > 1:
            words = f'{self.bad} not up' if self.bad else LINK_WORDS.get(self.state, f'all {self.state}')
            return f'{self.count} {self.kind} links: {words}'
        return f'{self.sentence}\n{self.kind} connection {self.connection}'

    @property
    def sentence(self) -> str:
        """Return its ends and its state in a sentence."""
        ends = [f'{key.split("/", 1)[1]} {port}'.strip() for key, port in (
            (self.upper, self.upper_port), (self.lower, self.lower_port),
        )]
        words = LINK_WORDS.get(self.state, self.state)
        return f'{ends[0]} – {ends[1]}: {words}'


@dataclass(slots=True)
class Graph:
    """A fabric's nodes by key, and its wires, which do not change after the first query.

    `loops` counts links from a switch to itself, which are not drawn.
    """

    nodes: dict[str, Node] = field(default_factory=dict)
    wires: list[Wire] = field(default_factory=list)
    loops: int = 0
    _touching: dict[str, list[Wire]] = field(default_factory=dict, repr=False)

    def tier(self, tier: int) -> list[Node]:
        """Return the nodes of a tier, by group and in the natural order of names."""
        found = sorted((node for node in self.nodes.values() if node.tier == tier), key=lambda node: natural(node.name))
        first: dict[str, int] = {}
        for rank, node in enumerate(found):
            first.setdefault(node.group or node.key, rank)
        return sorted(found, key=lambda node: first[node.group or node.key])

    def touching(self, key: str) -> list[Wire]:
        """Return the wires of a node, in the order of their other ends' names."""
        if not self._touching:
            for wire in self.wires:
                self._touching.setdefault(wire.upper, []).append(wire)
                self._touching.setdefault(wire.lower, []).append(wire)
        found = self._touching.get(key, [])
        return sorted(found, key=lambda wire: natural(wire.upper if wire.lower == key else wire.lower))

    def around(self, keys: Iterable[str]) -> 'Graph':
        """Return the nodes that these are linked to, and the wires.

        These are the rest of the tier below, and all linked nodes above."""
        wanted = set(keys)
        wires = [wire for wire in self.wires if wire.upper in wanted or wire.lower in wanted]
        here = wanted | {key for wire in wires for key in (wire.upper, wire.lower)}
        outer = {key for key in here if self.nodes[key].tier == OUTER}
        wires += [wire for wire in self.wires if wire.lower in outer and wire.upper not in wanted]
        here |= {wire.upper for wire in wires}
        return Graph({key: node for key, node in self.nodes.items() if key in here}, wires)


def wire_style(kind: str) -> str:
    """Return how the links of a member of Connections are drawn; those of an unknown one look like any server's."""
    member = MEMBERS.get(kind)
    return (member.drawn_as or member.name) if member else 'unbundled'


def worst(states: Iterable[str]) -> str:
    """Return the most severe of the states of links, or of nodes."""
    ranks = {state: rank for known in (WIRE_STATES, NODE_STATES) for rank, state in enumerate(known)}
    return min(states, key=lambda state: ranks.get(state, 9), default='')


def build(
    resources: Iterable[DrawnResource], health: Mapping[tuple[str, str], NodeHealth],
    may_be_hidden: bool = False,
) -> Graph:
    """Return the graph of a fabric.

    Takes its resources, the health of its switches and gateways by (kind, name), and whether there may be health that
    the viewer may not see. A node that a Connection names and the fabric does not have is drawn as gone. Nothing is
    raised for manifests of unknown shape.
    """
    graph = Graph()
    resources = list(resources)
    port_names = PortNames((resource.kind, resource.name, resource.spec) for resource in resources)
    externals: dict[str, list[str]] = {}
    for resource in resources:
        if resource.kind == 'ExternalAttachment':
            attachment = read_external_attachment(resource.spec)
            externals.setdefault(attachment.connection, []).append(attachment.external)
        elif resource.kind in NODE_KINDS:
            node = _node(resource, health.get((resource.kind, resource.name)), may_be_hidden)
            graph.nodes[node.key] = node
    for resource in resources:
        if resource.kind == 'Connection' and not resource.missing:
            connection = read_connection(resource.name, resource.spec, port_names)
            _connect(
                graph, resource, connection, externals.get(resource.name, []),
                lambda link: link_state(link, health, may_be_hidden),
            )
    _judge_outer(graph)
    return graph


def _judge_outer(graph: Graph) -> None:
    """Derive the state of nodes without an agent from their links."""
    states: dict[str, list[str]] = {}
    for wire in graph.wires:
        states.setdefault(wire.lower, []).append(wire.state)
    for key, found in states.items():
        node, down = graph.nodes[key], found.count('down')
        if node.tier == OUTER and down:
            node.state = 'critical' if down == len(found) else 'warning'
            node.notes.append(f'{down} of {len(found)} links down' if len(found) > 1 else 'link down')
            node.sentences.append(f'{down} of its {len(found)} links down.')


def bundled(graph: Graph, url: Callable[[str], str]) -> Graph:
    """Return the graph with servers of the same switches joined into one node each.

    Takes the graph, and the address of the diagram of a group of leaves by its name.
    """
    uppers: dict[str, set[str]] = {}
    for wire in graph.wires:
        uppers.setdefault(wire.lower, set()).add(wire.upper)
    joined: dict[tuple[str, ...], list[Node]] = {}
    for node in graph.nodes.values():
        if node.kind == 'Server':
            joined.setdefault(tuple(sorted(uppers.get(node.key, ()), key=natural)), []).append(node)
    nodes = {key: node for key, node in graph.nodes.items() if node.kind != 'Server'}
    bundle_of: dict[str, str] = {}
    for switches, servers in joined.items():
        names = sorted((node.name for node in servers), key=natural)
        groups = {graph.nodes[key].group or graph.nodes[key].name for key in switches}
        bundle = Node(
            key=f'Servers/{"+".join(switches)}', kind='Servers', tier=OUTER, role='servers',
            name=f'{len(servers)} servers' if len(servers) > 1 else names[0],
            url=url(groups.pop()) if len(groups) == 1 else '', state=worst(node.state for node in servers),
            sentences=[', '.join(names[:NAMED]) + (f' and {len(names) - NAMED} more' if len(names) > NAMED else '')],
        )
        if affected := sum(bool(node.state) for node in servers):
            bundle.notes.append(f'{affected} with links down' if len(servers) > 1 else 'link down')
        nodes[bundle.key] = bundle
        bundle_of |= {node.key: bundle.key for node in servers}
    wires: dict[tuple[str, str, str], Wire] = {}
    for wire in graph.wires:
        if wire.lower not in bundle_of:
            wires[wire.upper, wire.lower, f'{wire.upper_port} {wire.lower_port}'] = wire
            continue
        key = (wire.upper, bundle_of[wire.lower], wire.kind)
        known = wires.get(key)
        bad = int(wire.state in ('down', 'disabled'))
        if known is None:
            wires[key] = replace(wire, lower=key[1], bad=bad, url='')
        else:
            known.count, known.bad, known.state = known.count + 1, known.bad + bad, worst((known.state, wire.state))
    return Graph(nodes, list(wires.values()), graph.loops)


def _node(resource: DrawnResource, health: NodeHealth | None, may_be_hidden: bool) -> Node:
    spec = resource.spec
    node = Node(
        key=f'{resource.kind}/{resource.name}', kind=resource.kind, name=resource.name, url=resource.url,
        tier={'Gateway': GATEWAYS, 'Switch': LEAVES}.get(resource.kind, OUTER), role=text(spec.get('role')),
        group=group(spec), gone=resource.missing, description=text(spec.get('description')),
    )
    if resource.kind == 'Switch' and node.role == 'spine':
        node.tier = SPINES
    reports = resource.kind in ('Switch', 'Gateway')
    if reports and health is None and may_be_hidden:
        node.sentences = ['You do not have permission to view its state.']
    elif reports:
        node.state = health.state if health else 'unknown'
        node.notes = list(health.notes) if health else []
        node.sentences = list(health.sentences) if health else [NO_STATUS_YET]
    if resource.missing:
        node.notes.insert(0, 'deleted')
        node.sentences.insert(0, 'Deleted from the cluster.')
    return node


def _connect(
    graph: Graph, resource: DrawnResource, connection: Connection, externals: list[str],
    state: Callable[[Link], str],
) -> None:
    """Add the wires of a Connection. `externals` are those that are attached to it, `state` gives a link's state."""
    for link in connection.links:
        upper = _found(graph, link.near.kind, link.near.device)
        for lower, port in _lower_ends(graph, link, externals):
            if upper is lower:
                graph.loops += 1
                continue
            graph.wires.append(Wire(
                kind=link.member.name, upper=upper.key, lower=lower.key, upper_port=link.near.port, lower_port=port,
                state=state(link), connection=resource.name, url=resource.url,
            ))


def _lower_ends(graph: Graph, link: Link, externals: list[str]) -> list[tuple[Node, str]]:
    """Return the nodes that a link leads to, and their ports: what is outside of the fabric has none."""
    if link.far is not None:
        return [(_found(graph, link.far.kind, link.far.device), link.far.port)]
    names = [('External', name) for name in externals] or [('Outside', link.connection)]
    return [(_found(graph, *named), '') for named in names]


def _found(graph: Graph, kind: str, name: str) -> Node:
    """Return the node of this kind and name; a placeholder if the fabric has none."""
    key = f'{kind}/{name}'
    if key not in graph.nodes:
        tier = {'Gateway': GATEWAYS, 'Switch': LEAVES}.get(kind, OUTER)
        outside = kind == 'Outside'
        graph.nodes[key] = Node(
            key=key, kind=kind, name=name, tier=tier, gone=not outside, role='no external attached' if outside else '',
            notes=[] if outside else ['not in this fabric'],
            sentences=[] if outside else ['Referenced by a connection, but does not exist in the fabric.'],
        )
    return graph.nodes[key]


def link_state(link: Link, health: Mapping[tuple[str, str], NodeHealth], may_be_hidden: bool = False) -> str:
    """Return the state of a link: up, down, disabled or unknown; hidden without permission to view it.

    A fault counts from either end, a good state only from a trusted end. One end that sees the link up is enough.
    """
    ends = [
        _end_state(end, health, may_be_hidden) for end in (link.near, link.far)
        if end is not None and end.kind == 'Switch'
    ]
    return min(ends, key=('down', 'disabled', 'up', 'hidden', 'unknown').index, default='unknown')


def _end_state(end: End, health: Mapping[tuple[str, str], NodeHealth], may_be_hidden: bool) -> str:
    found = health.get(('Switch', end.device))
    if found is None:
        return 'hidden' if may_be_hidden else 'unknown'
    port = reported_as(end.port, found.ports)
    state = found.ports[port] if port else 'up'
    if state in ('down', 'disabled') and (found.trusted or state == 'down'):
        return state
    return 'up' if state == 'up' and found.trusted else 'unknown'
