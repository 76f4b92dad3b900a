"""A large fabric: its leaves in boxes, a box a redundancy group, each link up a square; servers are counted.

A hundred leaves below four spines are four hundred lines that nobody can read. So the spines stand above a rail that
means "every leaf", and each leaf says by its squares which of its links up are there.
"""

from collections.abc import Callable

from .cards import PIP, draw_cards, draw_pips
from .graph import GATEWAYS, LEAVES, OUTER, SPINES, Graph, Node, worst
from .legend import draw_legend
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
    loose = [node for node in graph.tier(OUTER) if node.kind == 'Server' and not graph.touching(node.key)]
    if outer:
        canvas.text(MARGIN, y + 12, 'Externals', 'soft', size=11)
        y = draw_cards(canvas, graph, outer, MARGIN, y + 18, WIDTH - 2 * MARGIN) + 8
    if loose:
        canvas.text(MARGIN, y + 14, f'{len(loose)} servers have no connection.', 'soft', size=11)
        y += 22
    y = draw_legend(
        canvas, MARGIN, y + 14, WIDTH - 2 * MARGIN, [node.state for node in graph.nodes.values()], [],
        [wire.state for wire in graph.wires], pips=True,
    )
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


def _draw_groups(
    canvas: Canvas, graph: Graph, groups: dict[str, list[Node]], y: float, url: Callable[[str], str],
) -> float:
    width = (WIDTH - 2 * MARGIN - (COLUMNS - 1) * GAP) / COLUMNS
    named = list(groups.items())
    railed = bool(graph.tier(SPINES))
    y += 8
    for start in range(0, len(named), COLUMNS):
        row = named[start:start + COLUMNS]
        height = max(_height(graph, leaves) for _, leaves in row)
        y += 10
        for column, (name, leaves) in enumerate(row):
            left = MARGIN + column * (width + GAP)
            if start == 0 and railed:
                canvas.line((left + width / 2, y - 18), (left + width / 2, y), 'rail')
            _draw_group(canvas, graph, name, leaves, left, y, width, height, url(name))
        y += height
    return y + 12


def _height(graph: Graph, leaves: list[Node]) -> float:
    return HEAD + FOOT + sum(LEAF + (NOTE if node.notes else 0) for node in leaves) + 4


def _draw_group(
    canvas: Canvas, graph: Graph, name: str, leaves: list[Node], x: float, y: float, width: float, height: float,
    url: str,
) -> None:
    canvas.rect(x, y, width, height, 'box', 8)
    alone = len(leaves) == 1 and name == leaves[0].name
    with canvas.link(url, f'{name}: {len(leaves)} leaves. Show its servers and cables.'):
        shown = fit('no group' if alone else name, width - 70, 11.5, bold=True)
        canvas.text(x + 10, y + 17, shown, 'b soft', size=11.5)
        canvas.text(x + width - 10, y + 17, 'open ›', 'fabric', 'end', size=11)
    top = y + HEAD
    spines = {node.key for node in graph.tier(SPINES)}
    for node in leaves:
        tall = LEAF + (NOTE if node.notes else 0)
        with canvas.link(node.url, node.title):
            if node.state in ('warning', 'critical') or node.gone:
                kind = 'node gone' if node.gone else f'node {node.state}'
                canvas.rect(x + 5, top + 1, width - 10, tall - 3, kind, 4)
            canvas.sign(x + 17, top + 12, node.state or 'unknown', 5.5)
            room = width - 38 - 8 * PIP
            canvas.text(x + 28, top + 16.5, fit(node.name, room, 12, bold=True), 'b', size=12)
            if node.notes:
                kind = f'{node.state} b' if node.state in ('warning', 'critical') else 'soft'
                canvas.text(x + 28, top + 31, joined(node.notes, width - 40, 10.5), kind, size=10.5)
        ups = [wire for wire in graph.touching(node.key) if wire.upper in spines]
        up = Graph({}, ups)
        count = min(8, len(ups))
        draw_pips(canvas, up, node.key, x + width - 11 - count * PIP, top + 7.5)
        top += tall
    _draw_foot(canvas, graph, leaves, x, y + height, width, url)


def _draw_foot(
    canvas: Canvas, graph: Graph, leaves: list[Node], x: float, bottom: float, width: float, url: str,
) -> None:
    """Draw how many servers a group has, and how many of their links are down."""
    keys = {node.key for node in leaves}
    wires = [wire for key in keys for wire in graph.touching(key) if wire.upper == key]
    servers = {wire.lower for wire in wires if graph.nodes[wire.lower].kind == 'Server'}
    links = [wire for wire in wires if wire.lower in servers]
    down = sum(wire.state == 'down' for wire in links)
    words = f'{len(servers)} servers' if len(servers) != 1 else '1 server'
    if not servers:
        words = 'no servers'
    canvas.line((x + 8, bottom - FOOT), (x + width - 8, bottom - FOOT), 'grid')
    with canvas.link(url, f'{words}, {len(links)} links, {down} down', focus=False):
        canvas.text(x + 10, bottom - 7.5, words, 'soft', size=11)
        if down:
            state = worst(graph.nodes[key].state for key in servers) or 'warning'
            left, label = x + 24 + text_width(words, 11), f'{down} links down' if down > 1 else '1 link down'
            canvas.sign(left, bottom - 11.5, state, 5)
            canvas.text(left + 10, bottom - 7.5, label, f'{state} b', size=11)
        elif links:
            canvas.text(x + width - 10, bottom - 7.5, f'{len(links)} links', 'soft', 'end', size=11)
