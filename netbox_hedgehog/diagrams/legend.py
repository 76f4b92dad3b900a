"""Draw the legend of a diagram: only signs and lines that it shows."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass

from .svg import Canvas, flow, text_width

__all__ = ('Legend', 'draw_legend')

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


@dataclass(frozen=True, slots=True)
class Legend:
    """What a diagram shows: states of nodes, kinds of links, and states of links, which are squares with `pips`."""

    nodes: Collection[str] = ()
    kinds: Collection[str] = ()
    wires: Collection[str] = ()
    pips: bool = False

    def entries(self) -> Iterator[tuple[str, str, str]]:
        """Yield what is explained: a sort of sign, its value, and what it means."""
        yield from (('node', state, words) for state, words in NODE_WORDS.items() if state in self.nodes)
        if self.pips:
            yield 'pip', 'up', 'link up'
        yield from (('kind', kind, kind) for kind in sorted(set(self.kinds)))
        sign = 'pip' if self.pips else 'wire'
        yield from ((sign, state, words) for state, words in WIRE_WORDS.items() if state in self.wires)


def draw_legend(canvas: Canvas, x: float, y: float, width: float, legend: Legend) -> float:
    """Draw the legend. Return the y beneath it."""
    entries = list(legend.entries())
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
