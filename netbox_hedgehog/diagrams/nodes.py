"""Draw one node: a box whose shape shows its kind, with a sign for its state, its name and notes."""

from collections.abc import Sequence

from .graph import Node
from .svg import Canvas, fit, text_width

__all__ = ('HEIGHT', 'WIDTH', 'draw_node', 'joined', 'shape')

WIDTH = 146
HEIGHT = 44

# Corners: switches are boxes, servers sharp, externals round; gateways have six sides.
RADIUS = {'Switch': 6, 'Server': 1, 'Servers': 1, 'External': 22, 'Outside': 22}


def draw_node(canvas: Canvas, node: Node, middle: float, top: float, width: float = WIDTH) -> None:
    """Draw a node around a middle."""
    left = middle - width / 2
    with canvas.link(node.url, node.title, 'n'):
        if node.kind == 'Servers':
            canvas.rect(left + 4, top - 4, width, HEIGHT, 'node', 1)
        shape(canvas, node, left, top, width, HEIGHT)
        inset = 12 if node.kind in ('Gateway', 'External', 'Outside') else 0
        x = left + 10 + inset
        if node.state:
            canvas.sign(x + 6, top + 15, node.state)
            x += 18
        room = left + width - 8 - inset - x
        canvas.text(x, top + 19.5, fit(node.name, room, 13, bold=True), 'b', size=13)
        notes = joined(node.notes, width - 20 - 2 * inset, 11)
        kind = f'{node.state} b' if notes and node.state in ('warning', 'critical') else 'soft'
        words = notes or fit(node.role or node.kind.lower(), width - 20 - 2 * inset, 11)
        canvas.text(left + 10 + inset, top + 35.5, words, kind, size=11)


def joined(notes: Sequence[str], width: float, size: float) -> str:
    """Return as many whole notes as there is room for, and the number of others."""
    for count in range(len(notes), 0, -1):
        text = ' · '.join(notes[:count]) + (f' +{len(notes) - count}' if count < len(notes) else '')
        if count == 1 or text_width(text, size, bold=True) <= width:
            return fit(text, width, size, bold=True)
    return ''


def shape(canvas: Canvas, node: Node, left: float, top: float, width: float, height: float) -> None:
    """Return the outline of a node."""
    kind = ' '.join(filter(None, ('node', node.state if node.state != 'ok' else '', 'gone' if node.gone else '')))
    if node.kind == 'Gateway':
        right, bottom, cut = left + width, top + height, 12
        canvas.polygon([
            (left + cut, top), (right - cut, top), (right, top + height / 2), (right - cut, bottom),
            (left + cut, bottom), (left, top + height / 2),
        ], kind)
    else:
        canvas.rect(left, top, width, height, kind, RADIUS.get(node.kind, 6))
