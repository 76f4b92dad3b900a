"""Draw a small fabric, or one group of a large one, with every node and every cable, in tiers."""

from collections.abc import Sequence

from .cards import draw_cards
from .graph import GATEWAYS, LEAVES, OUTER, SPINES, Graph, Node, Wire, wire_style
from .legend import Legend, draw_legend
from .nodes import HEIGHT, WIDTH, draw_node
from .svg import Canvas, Point, fit, spread

__all__ = ('draw_detailed',)

TIERS = {GATEWAYS: 'Gateways', SPINES: 'Spines', LEAVES: 'Leaves', OUTER: 'Servers'}
LABELS = 76
CARDS = 1120.0
MARGIN = 14
GAP = 18
BETWEEN = 78
GROUPS = 14
FRAME = 9
ARC = 26


def draw_detailed(canvas: Canvas, graph: Graph, cards: bool = False) -> tuple[float, float]:
    """Draw the graph. `cards` gives servers and externals as cards instead of lines. Returns width and height."""
    tiers = {tier: graph.tier(tier) for tier in TIERS}
    if cards:
        carded, tiers[OUTER] = tiers[OUTER], []
    width = max(
        CARDS if cards else 640.0,
        LABELS + 2 * MARGIN + max(len(nodes) * (WIDTH + GAP) for nodes in tiers.values()) + 2 * FRAME
        + GROUPS * len({node.group or node.key for node in tiers[LEAVES]}),
    )
    middles, tops, bottom = _place(graph, tiers, width)
    if not cards:
        carded = []
    shown = [wire for wire in graph.wires if wire.upper in middles and wire.lower in middles]
    frames = _frames(tiers[LEAVES], middles, tops)
    for _, left, top, right, below in frames:
        canvas.rect(left, top, right - left, below - top, 'frame', 8)
    _draw_wires(canvas, shown, middles, tops)
    for name, left, _, right, below in frames:
        canvas.text(left + 9, below - 5, fit(name, right - left - 18, 11), 'soft halo', size=11)
    for tier, nodes in tiers.items():
        if nodes:
            canvas.text(MARGIN, tops[nodes[0].key] + HEIGHT / 2 + 4, _tier_words(tier, nodes), 'soft', size=11)
        for node in nodes:
            draw_node(canvas, node, middles[node.key], tops[node.key])
    if carded:
        bottom = draw_cards(canvas, graph, carded, MARGIN, bottom + 30, width - 2 * MARGIN)
    legend = Legend(
        {node.state for node in graph.nodes.values()}, {wire_style(wire.kind) for wire in shown},
        {wire.state for wire in graph.wires},
    )
    bottom = draw_legend(canvas, MARGIN, bottom + 22, width - 2 * MARGIN, legend)
    return width, bottom + MARGIN


def _tier_words(tier: int, nodes: list[Node]) -> str:
    servers = any(node.kind in ('Server', 'Servers') for node in nodes)
    return TIERS[tier] if tier != OUTER or servers else 'Externals'


def _place(
    graph: Graph, tiers: dict[int, list[Node]], width: float,
) -> tuple[dict[str, float], dict[str, float], float]:
    """Return the middle and top of each node, and the y beneath the lowest."""
    middles: dict[str, float] = {}
    tops: dict[str, float] = {}
    centre = LABELS + (width - LABELS) / 2
    y = float(MARGIN)
    for tier in (LEAVES, SPINES, GATEWAYS, OUTER):
        nodes = tiers[tier]
        if tier == LEAVES:
            middles |= _in_groups(nodes, centre)
        else:
            _near(graph, nodes, middles, centre, width)
    arcs = {graph.nodes[wire.upper].tier for wire in graph.wires
            if graph.nodes[wire.upper].tier == graph.nodes[wire.lower].tier}
    for tier, nodes in tiers.items():
        if not nodes:
            continue
        if tops:
            y += BETWEEN
        if tier in arcs:
            y += ARC
        tops |= {node.key: y for node in nodes}
        y += HEIGHT + (FRAME + 12 if tier == LEAVES and any(node.group for node in nodes) else 0)
    return middles, tops, y


def _in_groups(leaves: list[Node], centre: float) -> dict[str, float]:
    """Return middles for the leaves, side by side, with more room between groups than within."""
    places: dict[str, float] = {}
    x, before = 0.0, ''
    for index, node in enumerate(leaves):
        group = node.group or node.key
        x += (WIDTH + GAP + (GROUPS if group != before else 0)) if index else 0
        places[node.key], before = x, group
    return {key: centre - x / 2 + place for key, place in places.items()}


def _near(graph: Graph, nodes: list[Node], middles: dict[str, float], centre: float, width: float) -> None:
    """Place the nodes of a tier near what they are linked to, and put them in that order."""
    wanted: dict[str, float] = {}
    for node in nodes:
        others = [middles[other] for wire in graph.touching(node.key) for other in (wire.upper, wire.lower)
                  if other != node.key and other in middles]
        wanted[node.key] = sum(others) / len(others) if others else centre
    nodes.sort(key=lambda node: wanted[node.key])
    places = spread([wanted[node.key] for node in nodes], WIDTH, GAP)
    if places:
        left, right = places[0] - WIDTH / 2, places[-1] + WIDTH / 2
        shift = max(0.0, LABELS + MARGIN - left) or min(0.0, width - MARGIN - right)
        middles |= {node.key: x + shift for node, x in zip(nodes, places, strict=True)}


def _frames(
    leaves: list[Node], middles: dict[str, float], tops: dict[str, float],
) -> list[tuple[str, float, float, float, float]]:
    """Return name, left, top, right and bottom of the frame around each group of leaves."""
    groups: dict[str, list[Node]] = {}
    for node in leaves:
        if node.group:
            groups.setdefault(node.group, []).append(node)
    return [
        (
            name, min(middles[node.key] for node in members) - WIDTH / 2 - FRAME, tops[members[0].key] - FRAME,
            max(middles[node.key] for node in members) + WIDTH / 2 + FRAME, tops[members[0].key] + HEIGHT + FRAME + 12,
        )
        for name, members in groups.items()
    ]


def _draw_wires(canvas: Canvas, wires: Sequence[Wire], middles: dict[str, float], tops: dict[str, float]) -> None:
    """Draw lines first and signs over them. Faults are drawn last, so that nothing hides them."""
    ends = _ends(wires, middles, tops)
    rank = {'up': 0, 'hidden': 1, 'unknown': 1, 'disabled': 2, 'down': 3}
    for index in sorted(range(len(wires)), key=lambda index: rank[wires[index].state]):
        wire, (start, end) = wires[index], ends[index]
        state = '' if wire.state == 'up' else wire.state
        kind = f'wire {wire_style(wire.kind)} {state}'.strip()
        with canvas.link(wire.url, wire.title, 'link', focus=False):
            if start[1] == end[1]:
                lift = ARC + min(40.0, abs(start[0] - end[0]) / 20)
                for shown in ('hit', kind):
                    canvas.curve(start, (start[0], start[1] - lift), (end[0], end[1] - lift), end, shown)
                sign = ((start[0] + end[0]) / 2, start[1] - lift * .75)
            else:
                canvas.line(start, end, 'hit')
                canvas.line(start, end, kind)
                part = .66
                sign = (start[0] + (end[0] - start[0]) * part, start[1] + (end[1] - start[1]) * part)
            canvas.wire_sign(*sign, wire.state)
            if wire.count > 1:
                words = f'{wire.bad} of {wire.count}' if wire.bad else f'×{wire.count}'
                canvas.text(sign[0] + 9, sign[1] + 4, words, 'soft halo', size=10.5)


def _ends(wires: Sequence[Wire], middles: dict[str, float], tops: dict[str, float]) -> list[tuple[Point, Point]]:
    """Return where each wire leaves its nodes: side by side, in the order of the other ends, so that few cross."""
    sides: dict[tuple[str, bool], list[tuple[float, int, int]]] = {}
    for index, wire in enumerate(wires):
        level = tops[wire.upper] == tops[wire.lower]
        sides.setdefault((wire.upper, not level), []).append((middles[wire.lower], index, 0))
        sides.setdefault((wire.lower, False), []).append((middles[wire.upper], index, 1))
    found: dict[tuple[int, int], Point] = {}
    for (key, below), places in sides.items():
        step = min(16.0, (WIDTH - 22) / len(places))
        for rank, (_, index, end) in enumerate(sorted(places)):
            x = middles[key] + (rank - (len(places) - 1) / 2) * step
            found[index, end] = (x, tops[key] + (HEIGHT if below else 0))
    return [(found[index, 0], found[index, 1]) for index in range(len(wires))]
