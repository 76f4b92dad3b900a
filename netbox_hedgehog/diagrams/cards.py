"""Draw many nodes with the same switches as a grid of cards, with squares for links instead of lines."""

from collections.abc import Sequence

from .graph import Graph, Node
from .nodes import shape
from .svg import Canvas, fit

__all__ = ('draw_cards', 'draw_pips')

WIDTH = 190.0
HEIGHT = 40.0
GAP = 10.0
PIP = 12.0


def draw_cards(canvas: Canvas, graph: Graph, nodes: Sequence[Node], x: float, y: float, width: float) -> float:
    """Draw a card for each node, row by row. Return the y beneath them."""
    columns = max(1, int((width + GAP) // (WIDTH + GAP)))
    size = (width + GAP) / columns - GAP
    for index, node in enumerate(nodes):
        row, column = divmod(index, columns)
        left, top = x + column * (size + GAP), y + row * (HEIGHT + GAP)
        wires = graph.touching(node.key)
        with canvas.link(node.url, node.title):
            shape(canvas, node, left, top, size, HEIGHT)
            inset = left + (14 if node.kind == 'External' else 9)
            if node.state:
                canvas.sign(inset + 6, top + 13, node.state, 5.5)
            start = inset + (17 if node.state else 0)
            canvas.text(start, top + 17, fit(node.name, left + size - 8 - start, 12, bold=True), 'b', size=12)
        pips = draw_pips(canvas, graph, node.key, inset, top + 24)
        names = ', '.join(dict.fromkeys(
            (wire.upper if wire.lower == node.key else wire.lower).split('/', 1)[1] for wire in wires
        )) or 'not connected'
        canvas.text(pips + 3, top + 33, fit(names, left + size - 8 - pips, 10.5), 'soft', size=10.5)
    rows = -(-len(nodes) // columns)
    return y + rows * (HEIGHT + GAP) - (GAP if rows else 0)


def draw_pips(canvas: Canvas, graph: Graph, key: str, x: float, y: float, most: int = 8) -> float:
    """Draw the links of a node as squares, at most `most`. Return the x behind them."""
    wires = graph.touching(key)
    # If there is no room for all, those that are not up come first.
    if len(wires) > most:
        wires = sorted(wires, key=lambda wire: wire.state == 'up')[:most]
    for wire in wires:
        canvas.pip(x, y, wire.state, wire.title)
        x += PIP
    return x
