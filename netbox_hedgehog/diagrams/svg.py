"""Write the SVG elements of diagrams. All text from people passes through ElementTree."""

import re
from collections.abc import Iterable, Sequence
from math import ceil
from xml.etree.ElementTree import Element, SubElement, tostring

from .style import STYLE

__all__ = ('Canvas', 'Point', 'clean', 'fit', 'flow', 'spread', 'text_width')

Point = tuple[float, float]

NO_XML = re.compile('[\x00-\x08\x0b-\x1f\x7f\ud800-\udfff\ufffe\uffff]')

# The mean width of a character, in ems, in the fonts that NetBox's pages use. Bold is a little wider.
EM, EM_BOLD = 0.5, 0.56


def text_width(text: str, size: float, bold: bool = False) -> float:
    """Return the approximate width of a text, in pixels."""
    return len(text) * size * (EM_BOLD if bold else EM)


def fit(text: str, width: float, size: float, bold: bool = False) -> str:
    """Return the text, cut in its middle if it is wider than this: names that begin alike differ at their ends."""
    longest = max(3, int(width / (size * (EM_BOLD if bold else EM))))
    if len(text) <= longest:
        return text
    head = ceil((longest - 1) / 2)
    return f'{text[:head]}…{text[len(text) - (longest - 1 - head):]}'


class Canvas:
    """An SVG that grows as it is drawn on. Shapes go to the current parent: the root, a group or a link."""

    def __init__(self, label: str, description: str = '') -> None:
        self.root = Element('svg', {
            'xmlns': 'http://www.w3.org/2000/svg', 'class': 'hh', 'role': 'group', 'aria-label': clean(label),
        })
        SubElement(self.root, 'style').text = STYLE
        if description:
            SubElement(self.root, 'desc').text = clean(description)
        self.parent = self.root

    def finish(self, width: float, height: float) -> str:
        """Return the markup, of this size in pixels. It scales with its container, but stays large enough to read."""
        self.root.set('viewBox', f'0 0 {_number(width)} {_number(height)}')
        self.root.set('width', _number(width))
        self.root.set('height', _number(height))
        self.root.set('style', f'--hh-width:{_number(width)}px')
        return tostring(self.root, encoding='unicode')

    # Grouping

    def group(self, title: str = '', kind: str = '') -> '_Group':
        """Return a group of shapes with a tooltip, as a context manager."""
        return _Group(self, 'g', {'class': kind} if kind else {}, title)

    def link(self, url: str, title: str, kind: str = '', focus: bool = True) -> '_Group':
        """Return a group that is a link; a plain group if the url is empty.

        `focus` says whether the Tab key stops there: a diagram of a thousand lines would be a trap otherwise.
        """
        if not url:
            return self.group(title, kind)
        attributes = {'href': clean(url), 'aria-label': clean(title)} | ({'class': kind} if kind else {})
        return _Group(self, 'a', attributes | ({} if focus else {'tabindex': '-1'}), title)

    # Shapes

    def rect(self, x: float, y: float, width: float, height: float, kind: str, radius: float = 5) -> None:
        self._add('rect', kind, x=x, y=y, width=width, height=height, rx=radius)

    def circle(self, x: float, y: float, radius: float, kind: str) -> None:
        self._add('circle', kind, cx=x, cy=y, r=radius)

    def line(self, start: Point, end: Point, kind: str) -> None:
        self._add('line', kind, x1=start[0], y1=start[1], x2=end[0], y2=end[1])

    def path(self, commands: str, kind: str) -> None:
        self._add('path', kind).set('d', commands)

    def polygon(self, points: Iterable[Point], kind: str) -> None:
        self._add('polygon', kind).set('points', ' '.join(f'{_number(x)},{_number(y)}' for x, y in points))

    def text(self, x: float, y: float, text: str, kind: str = '', anchor: str = 'start', size: float = 12) -> None:
        """Draw a line of text, its baseline at y."""
        found = self._add('text', kind, x=x, y=y)
        found.set('font-size', _number(size))
        if anchor != 'start':
            found.set('text-anchor', anchor)
        found.text = clean(text)

    def curve(self, start: Point, first: Point, second: Point, end: Point, kind: str) -> None:
        """Draw a curve from start to end that is drawn towards two points on its way."""
        points = ' '.join(f'{_number(x)} {_number(y)}' for x, y in (first, second, end))
        self.path(f'M{_number(start[0])} {_number(start[1])}C{points}', kind)

    def polyline(self, points: Sequence[Point], kind: str) -> None:
        """Draw straight lines from point to point."""
        self.path('M' + 'L'.join(f'{_number(x)} {_number(y)}' for x, y in points), kind)

    # Signs: each state has a shape of its own, so that none is recognized by color alone

    def sign(self, x: float, y: float, state: str, radius: float = 6) -> None:
        """Draw the sign of a node's state around a middle: ok, warning, critical or unknown."""
        if state == 'ok':
            self.circle(x, y, radius, 'f-ok')
            self.polyline([
                (x - radius * .45, y), (x - radius * .1, y + radius * .4), (x + radius * .5, y - radius * .4),
            ], 'mark')
        elif state == 'warning':
            top = radius * 1.15
            self.polygon([(x, y - top), (x + top, y + radius * .85), (x - top, y + radius * .85)], 'f-warning')
            self._bang(x, y + radius * .1, radius * .8)
        elif state == 'critical':
            cut = radius * .42
            self.polygon([
                (x - cut, y - radius), (x + cut, y - radius), (x + radius, y - cut), (x + radius, y + cut),
                (x + cut, y + radius), (x - cut, y + radius), (x - radius, y + cut), (x - radius, y - cut),
            ], 'f-critical')
            self._bang(x, y, radius)
        else:
            self.circle(x, y, radius - .5, 's-unknown')
            self.text(x, y + radius * .6, '?', 'unknown b', 'middle', radius * 1.7)

    def _bang(self, x: float, y: float, radius: float) -> None:
        self.line((x, y - radius * .55), (x, y + radius * .1), 'mark')
        self.line((x, y + radius * .5), (x, y + radius * .52), 'mark')

    def wire_sign(self, x: float, y: float, state: str, radius: float = 4) -> None:
        """Draw the sign of a link's state: a cross for down, a bar for disabled, a ring for unknown; none for up."""
        if state == 'down':
            self.circle(x, y, radius + 3, 'halo')
            self.polyline([(x - radius, y - radius), (x + radius, y + radius)], 'cross')
            self.polyline([(x - radius, y + radius), (x + radius, y - radius)], 'cross')
        elif state == 'disabled':
            self.rect(x - radius, y - radius * .5, 2 * radius, radius, 'f-disabled', 1)
        elif state == 'unknown':
            self.circle(x, y, radius * .8, 'ring')

    def pip(self, x: float, y: float, state: str, title: str, size: float = 9) -> None:
        """Draw a link as a small square: filled while up, crossed out, barred or hollow otherwise."""
        with self.group(title):
            self.rect(x, y, size, size, 'pip' if state == 'up' else f'pip {state}', 1.5)
            middle = size / 2
            if state == 'down':
                self.polyline([(x + 2, y + 2), (x + size - 2, y + size - 2)], 'cross thin')
                self.polyline([(x + 2, y + size - 2), (x + size - 2, y + 2)], 'cross thin')
            elif state == 'disabled':
                self.polyline([(x + 2, y + middle), (x + size - 2, y + middle)], 'bar')

    def _add(self, tag: str, kind: str, **numbers: float) -> Element:
        found = SubElement(self.parent, tag, {name: _number(value) for name, value in numbers.items()})
        if kind:
            found.set('class', kind)
        return found


class _Group:
    """Makes an element the canvas' parent for as long as it is entered."""

    def __init__(self, canvas: Canvas, tag: str, attributes: dict[str, str], title: str) -> None:
        self.canvas, self.tag, self.attributes, self.title = canvas, tag, attributes, title

    def __enter__(self) -> None:
        self.outer = self.canvas.parent
        self.canvas.parent = SubElement(self.outer, self.tag, self.attributes)
        if self.title:
            SubElement(self.canvas.parent, 'title').text = clean(self.title)

    def __exit__(self, *error: object) -> None:
        self.canvas.parent = self.outer


def clean(text: str) -> str:
    """Return the text without characters that XML forbids: ElementTree writes them, and no reader accepts the file."""
    return NO_XML.sub('', text)


def flow(widths: Sequence[float], room: float, gap: float) -> list[tuple[int, float]]:
    """Return the row and the x of each of these items, which flow like words in a line."""
    places, row, x = [], 0, 0.0
    for width in widths:
        if x and x + width > room:
            row, x = row + 1, 0.0
        places.append((row, x))
        x += width + gap
    return places


def spread(wanted: Sequence[float], width: float, gap: float) -> list[float]:
    """Return middles for boxes of one width, as near to the wanted ones as possible without touching, in order."""
    step = width + gap
    # Boxes that would touch are joined into a block around the mean of what its boxes want.
    blocks: list[list[float]] = []
    for position in wanted:
        blocks.append([position])
        while len(blocks) > 1 and _overlap(blocks[-2], blocks[-1], step):
            blocks[-2:] = [blocks[-2] + blocks[-1]]
    return [_start(block, step) + index * step for block in blocks for index in range(len(block))]


def _start(block: Sequence[float], step: float) -> float:
    return sum(block) / len(block) - (len(block) - 1) * step / 2


def _overlap(left: Sequence[float], right: Sequence[float], step: float) -> bool:
    return _start(left, step) + len(left) * step > _start(right, step)


def _number(value: float) -> str:
    return f'{value:.1f}'.removesuffix('.0')
