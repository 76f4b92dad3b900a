"""Draw a large fabric: leaves in a box per redundancy group, uplinks as squares, servers as counts.

A hundred leaves below four spines are four hundred lines that nobody can read. So the spines are above a rail that
means "every leaf", and the squares of each leaf show its uplinks.
"""

from collections.abc import Callable
from dataclasses import dataclass

from .cards import PIP, draw_cards, draw_pips
from .graph import GATEWAYS, LEAVES, OUTER, SPINES, Graph, Node, worst
from .legend import Legend, draw_legend
from .nodes import HEIGHT, draw_node, joined
from .svg import Canvas, fit, text_width

__all__ = ('draw_grouped', 'groups_of')

WIDTH = 1120.0
MARGIN = 14.0
GAP = 12.0
COLUMNS = 5
SPINE_WIDTH = 170.0
LEAF = 25.0
NOTE = 15.0
HEAD = 25.0
FOOT = 23.0


def groups_of(graph: Graph) -> dict[str, list[Node]]:
    """Return the leaves by redundancy group; a leaf without one under its own name."""
    groups: dict[str, list[Node]] = {}
    for node in graph.tier(LEAVES):
        groups.setdefault(node.group or node.name, []).append(node)
    return groups


def draw_grouped(canvas: Canvas, graph: Graph, url: Callable[[str], str]) -> tuple[float, float]:
    """Draw the graph. `url` gives the address of a group's own diagram. Returns width and height."""
    y = MARGIN
    gateways = graph.tier(GATEWAYS)
    if gateways:
        canvas.text(MARGIN, y + 9, 'Gateways', 'soft', size=11)
        y = draw_cards(canvas, graph, gateways, MARGIN, y + 15, WIDTH - 2 * MARGIN) + 16
    y = _draw_spines(canvas, graph, y)
    groups = groups_of(graph)
    if groups:
        y = _draw_groups(canvas, graph, groups, y, url)
    outer = [node for node in graph.tier(OUTER) if node.kind != 'Server']
    unconnected = [node for node in graph.tier(OUTER) if node.kind == 'Server' and not graph.touching(node.key)]
    if outer:
        canvas.text(MARGIN, y + 12, 'Externals', 'soft', size=11)
        y = draw_cards(canvas, graph, outer, MARGIN, y + 18, WIDTH - 2 * MARGIN) + 8
    if unconnected:
        canvas.text(MARGIN, y + 14, f'{len(unconnected)} servers have no connection.', 'soft', size=11)
        y += 22
    legend = Legend(
        nodes={node.state for node in graph.nodes.values()}, wires={wire.state for wire in graph.wires}, pips=True,
    )
    y = draw_legend(canvas, MARGIN, y + 14, WIDTH - 2 * MARGIN, legend)
    return WIDTH, y + MARGIN


def _draw_spines(canvas: Canvas, graph: Graph, y: float) -> float:
    spines = graph.tier(SPINES)
    if not spines:
        return y
    columns = int((WIDTH - 2 * MARGIN + GAP) // (SPINE_WIDTH + GAP))
    canvas.text(MARGIN, y + 9, 'Spines', 'soft', size=11)
    y += 15
    rows = [spines[start:start + columns] for start in range(0, len(spines), columns)]
    rail = y + len(rows) * (HEIGHT + GAP) + 8
    for number, row in enumerate(rows):
        for index, node in enumerate(row):
            middle = WIDTH / 2 + (index - (len(row) - 1) / 2) * (SPINE_WIDTH + GAP)
            top = y + number * (HEIGHT + GAP)
            if number == len(rows) - 1:
                canvas.line((middle, top + HEIGHT), (middle, rail), 'rail')
            wires = graph.touching(node.key)
            down = sum(wire.state == 'down' for wire in wires)
            links = f'{len(wires)} links' + (f', {down} down' if down else '')
            shown = Node(
                node.key, node.kind, node.name, node.tier, node.url, links, state=node.state, notes=node.notes,
                sentences=[links, *node.sentences], gone=node.gone,
            )
            draw_node(canvas, shown, middle, top, SPINE_WIDTH)
    canvas.line((MARGIN + 4, rail), (WIDTH - MARGIN - 4, rail), 'rail')
    return rail


@dataclass(frozen=True, slots=True)
class _Group:
    """A group of leaves and its box. `url` leads to its own diagram."""

    name: str
    leaves: list[Node]
    x: float
    y: float
    width: float
    height: float
    url: str


def _draw_groups(
    canvas: Canvas, graph: Graph, groups: dict[str, list[Node]], y: float, url: Callable[[str], str],
) -> float:
    width = (WIDTH - 2 * MARGIN - (COLUMNS - 1) * GAP) / COLUMNS
    named = list(groups.items())
    railed = bool(graph.tier(SPINES))
    y += 8
    for start in range(0, len(named), COLUMNS):
        row = named[start:start + COLUMNS]
        height = max(_height(leaves) for _, leaves in row)
        y += 10
        for column, (name, leaves) in enumerate(row):
            left = MARGIN + column * (width + GAP)
            if start == 0 and railed:
                canvas.line((left + width / 2, y - 18), (left + width / 2, y), 'rail')
            _draw_group(canvas, graph, _Group(name, leaves, left, y, width, height, url(name)))
        y += height
    return y + 12


def _height(leaves: list[Node]) -> float:
    return HEAD + FOOT + sum(_leaf_height(node) for node in leaves) + 4


def _leaf_height(node: Node) -> float:
    return LEAF + (NOTE if node.notes else 0)


def _draw_group(canvas: Canvas, graph: Graph, group: _Group) -> None:
    x, y, leaves = group.x, group.y, group.leaves
    canvas.rect(x, y, group.width, group.height, 'box', 8)
    alone = len(leaves) == 1 and group.name == leaves[0].name
    with canvas.link(group.url, f'{group.name}: {len(leaves)} leaves. Show its servers and cables.'):
        title = fit('no group' if alone else group.name, group.width - 70, 11.5, bold=True)
        canvas.text(x + 10, y + 17, title, 'b soft', size=11.5)
        canvas.text(x + group.width - 10, y + 17, 'open ›', 'fabric', 'end', size=11)
    top = y + HEAD
    spines = {node.key for node in graph.tier(SPINES)}
    for node in leaves:
        _draw_leaf(canvas, node, x, top, group.width)
        uplinks = [wire for wire in graph.touching(node.key) if wire.upper in spines]
        left = x + group.width - 11 - min(8, len(uplinks)) * PIP
        draw_pips(canvas, Graph({}, uplinks), node.key, left, top + 7.5)
        top += _leaf_height(node)
    _draw_foot(canvas, graph, group)


def _draw_leaf(canvas: Canvas, node: Node, x: float, top: float, width: float) -> None:
    with canvas.link(node.url, node.title):
        if node.state in ('warning', 'critical') or node.gone:
            kind = 'node gone' if node.gone else f'node {node.state}'
            canvas.rect(x + 5, top + 1, width - 10, _leaf_height(node) - 3, kind, 4)
        canvas.sign(x + 17, top + 12, node.state or 'unknown', 5.5)
        canvas.text(x + 28, top + 16.5, fit(node.name, width - 38 - 8 * PIP, 12, bold=True), 'b', size=12)
        if node.notes:
            kind = f'{node.state} b' if node.state in ('warning', 'critical') else 'soft'
            canvas.text(x + 28, top + 31, joined(node.notes, width - 40, 10.5), kind, size=10.5)


def _draw_foot(canvas: Canvas, graph: Graph, group: _Group) -> None:
    """Draw how many servers a group has, and how many of their links are down."""
    x, right, bottom = group.x, group.x + group.width, group.y + group.height
    keys = {node.key for node in group.leaves}
    wires = [wire for key in keys for wire in graph.touching(key) if wire.upper == key]
    servers = {wire.lower for wire in wires if graph.nodes[wire.lower].kind == 'Server'}
    links = [wire for wire in wires if wire.lower in servers]
    down = sum(wire.state == 'down' for wire in links)
    words = f'{len(servers)} servers' if len(servers) != 1 else '1 server'
    if not servers:
        words = 'no servers'
    canvas.line((x + 8, bottom - FOOT), (right - 8, bottom - FOOT), 'grid')
    with canvas.link(group.url, f'{words}, {len(links)} links, {down} down', focus=False):
        canvas.text(x + 10, bottom - 7.5, words, 'soft', size=11)
        if down:
            state = worst(graph.nodes[key].state for key in servers) or 'warning'
            left, label = x + 24 + text_width(words, 11), f'{down} links down' if down > 1 else '1 link down'
            canvas.sign(left, bottom - 11.5, state, 5)
            canvas.text(left + 10, bottom - 7.5, label, f'{state} b', size=11)
        elif links:
            canvas.text(right - 10, bottom - 7.5, f'{len(links)} links', 'soft', 'end', size=11)
