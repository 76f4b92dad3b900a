"""What the signs and lines of a diagram mean: only those that it shows."""

from collections.abc import Iterable

from .svg import Canvas, flow, text_width

__all__ = ('draw_legend',)

NODE_WORDS = {
    'ok': 'OK', 'warning': 'warning', 'critical': 'critical, or agent unresponsive',
    'unknown': 'unknown (no recent data)',
}
WIRE_WORDS = {
    'down': 'link down', 'disabled': 'link disabled', 'unknown': 'link state unknown',
    'hidden': 'link state hidden (no permission)',
}
SIZE = 11
GAP = 22
ROW = 20
SAMPLE = 30


def draw_legend(
    canvas: Canvas, x: float, y: float, width: float, nodes: Iterable[str], kinds: Iterable[str], wires: Iterable[str],
    pips: bool = False,
) -> float:
    """Draw the legend for these node states, kinds of links and link states. Returns the y beneath it.

    `pips` says that links are squares, not lines.
    """
    entries = [('node', state, NODE_WORDS[state]) for state in NODE_WORDS if state in set(nodes)]
    if pips:
        entries.append(('pip', 'up', 'link up'))
    else:
        entries += [('kind', kind, kind) for kind in sorted(set(kinds))]
    entries += [('pip' if pips else 'wire', state, WIRE_WORDS[state]) for state in WIRE_WORDS if state in set(wires)]
    samples = {'node': 16, 'pip': 14, 'kind': SAMPLE + 6, 'wire': SAMPLE + 6}
    widths = [samples[what] + text_width(words, SIZE) for what, _, words in entries]
    places = flow(widths, width, GAP)
    with canvas.group(kind='legend'):
        for (what, value, words), (row, offset) in zip(entries, places, strict=True):
            left, middle = x + offset, y + row * ROW + ROW / 2
            if what == 'node':
                canvas.sign(left + 6, middle, value)
            elif what == 'pip':
                canvas.pip(left, middle - 5, value, '')
            else:
                canvas.line((left, middle), (left + SAMPLE, middle), f'wire {value}')
                if what == 'wire':
                    canvas.wire_sign(left + SAMPLE / 2, middle, value)
            canvas.text(left + samples[what] + 2, middle + 4, words, 'soft', size=SIZE)
    return y + ROW * (max((row for row, _ in places), default=-1) + 1)
