"""Draw the syncs of a fabric over time: duration, outcome, changes, and gaps without a sync."""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from math import log10
from typing import NamedTuple

from .svg import Canvas, text_width

__all__ = ('DrawnSync', 'describe_syncs', 'draw_syncs')

WIDTH, LEFT, RIGHT = 1120.0, 52.0, 1106.0
SECONDS = (30.0, 120.0)
CHANGES = (146.0, 206.0)
HEIGHT = 256.0

# A gap of more than this number of intervals is shown.
PAUSE = 2.5

IN_SYNC, PARTIAL, FAILED, SKIPPED, CANCELLED = 'in_sync', 'partial', 'failed', 'skipped', 'cancelled'
WORDS = {IN_SYNC: 'in sync', PARTIAL: 'partial', FAILED: 'failed', SKIPPED: 'skipped', CANCELLED: 'cancelled'}
STEPS = tuple(timedelta(minutes=minutes) for minutes in (
    1, 2, 5, 10, 20, 30, 60, 120, 180, 360, 720, 1440, 2880, 7 * 1440, 14 * 1440, 28 * 1440, 56 * 1440,
))


class DrawnSync(NamedTuple):
    """One sync. `outcome` is in_sync, partial, failed, skipped or cancelled; `seconds` is its duration."""

    url: str
    started: datetime
    outcome: str
    seconds: float = 0.0
    changes: int = 0
    error: str = ''

    @property
    def title(self) -> str:
        """Return the tooltip."""
        changes = f'{self.changes} change{"s" * (self.changes != 1)}'
        text = f'{self.started:%Y-%m-%d %H:%M:%S}: {WORDS[self.outcome]}, {self.seconds:.1f} s, {changes}'
        return f'{text}\n{self.error}' if self.error else text


def draw_syncs(syncs: Sequence[DrawnSync], now: datetime, interval: float = 0) -> str:
    """Return the SVG of the syncs, up to now.

    Takes the syncs in order of time, with times in the time zone to show, and the seconds between two scheduled syncs;
    0 if there are none.
    """
    canvas = Canvas('Syncs over time', describe_syncs(syncs))
    start = min((sync.started for sync in syncs), default=now)
    span = max((now - start).total_seconds(), 60.0)
    longest = _ceiling(max((sync.seconds for sync in syncs), default=1.0))
    most = max(10, *(sync.changes for sync in syncs)) if syncs else 10

    def x(moment: datetime) -> float:
        return LEFT + 8 + (moment - start).total_seconds() / span * (RIGHT - LEFT - 16)

    for left, right in _pauses(syncs, now, interval):
        _draw_pause(canvas, x(left), x(right), (right - left).total_seconds())
    _draw_axes(canvas, longest, most)
    for moment in _ticks(start, now):
        canvas.line((x(moment), SECONDS[0]), (x(moment), CHANGES[1]), 'grid')
        canvas.text(x(moment), CHANGES[1] + 15, _tick_words(moment, now - start), 'soft', 'middle', 10.5)
    width = max(2.0, min(9.0, (RIGHT - LEFT) / max(1, len(syncs)) * .55))
    for sync in syncs:
        _draw_sync(canvas, sync, x(sync.started), width, longest, most)
    _draw_legend(canvas, {sync.outcome for sync in syncs})
    return canvas.finish(WIDTH, HEIGHT)


def describe_syncs(syncs: Sequence[DrawnSync]) -> str:
    """Return the chart as text, for those who do not see it."""
    if not syncs:
        return 'No sync yet.'
    outcomes = [sync.outcome for sync in syncs]
    counts = ', '.join(f'{outcomes.count(outcome)} {words}' for outcome, words in WORDS.items() if outcome in outcomes)
    times = sorted(sync.seconds for sync in syncs)
    if len(syncs) == 1:
        return f'1 sync at {syncs[0].started:%Y-%m-%d %H:%M}: {WORDS[outcomes[0]]}, {times[0]:.1f} s.'
    return (
        f'{len(syncs)} syncs since {syncs[0].started:%Y-%m-%d %H:%M}: {counts}. '
        f'Median {times[len(times) // 2]:.1f} s, max {times[-1]:.1f} s.'
    )


def _pauses(syncs: Sequence[DrawnSync], now: datetime, interval: float) -> Iterator[tuple[datetime, datetime]]:
    """Yield the gaps that are too long: from the end of a sync to the start of the next, or to now."""
    if interval and syncs:
        ends = [sync.started + timedelta(seconds=sync.seconds) for sync in syncs]
        starts = [*(sync.started for sync in syncs[1:]), now]
        for end, start in zip(ends, starts, strict=True):
            if (start - end).total_seconds() > PAUSE * interval:
                yield end, start


def _draw_pause(canvas: Canvas, left: float, right: float, seconds: float) -> None:
    words = f'no sync for {_duration(seconds)}'
    with canvas.group(words):
        canvas.rect(left, SECONDS[0], right - left, CHANGES[1] - SECONDS[0], 'pause', 2)
        if text_width(words, 11) < right - left:
            canvas.text((left + right) / 2, SECONDS[0] + 14, words, 'critical b', 'middle', 11)


def _draw_axes(canvas: Canvas, longest: float, most: int) -> None:
    canvas.text(LEFT - 42, SECONDS[0] - 12, 'Seconds', 'soft b', size=11)
    canvas.text(LEFT - 42, CHANGES[0] - 8, 'Changes', 'soft b', size=11)
    for share in (0.0, .5, 1.0):
        y = SECONDS[1] - share * (SECONDS[1] - SECONDS[0])
        canvas.line((LEFT, y), (RIGHT, y), 'axis' if not share else 'grid')
        canvas.text(LEFT - 8, y + 4, f'{longest * share:g}', 'soft', 'end', 10.5)
    value = 1
    while value <= most * 10:
        y = _height_of(value, most)
        if y >= CHANGES[0] - 1:
            canvas.line((LEFT, y), (RIGHT, y), 'grid')
            canvas.text(LEFT - 8, y + 4, f'{value // 1000}k' if value >= 1000 else str(value), 'soft', 'end', 10.5)
        value *= 10
    canvas.line((LEFT, CHANGES[1]), (RIGHT, CHANGES[1]), 'axis')


def _height_of(changes: int, most: int) -> float:
    """Return the y of a number of changes: logarithmic, as a first sync has thousands and most others none."""
    share = log10(1 + changes) / log10(1 + most)
    return CHANGES[1] - share * (CHANGES[1] - CHANGES[0])


def _draw_sync(canvas: Canvas, sync: DrawnSync, x: float, width: float, longest: float, most: int) -> None:
    top = SECONDS[1] - max(1.5, sync.seconds / longest * (SECONDS[1] - SECONDS[0]))
    with canvas.link(sync.url, sync.title, 'sync', focus=False):
        canvas.rect(x - max(width, 8) / 2, SECONDS[0], max(width, 8), CHANGES[1] - SECONDS[0], 'target', 0)
        canvas.rect(x - width / 2, top, width, SECONDS[1] - top, f'sync-{sync.outcome}', 1)
        _draw_outcome(canvas, x, top - 7, sync.outcome)
        if sync.changes:
            y = _height_of(sync.changes, most)
            canvas.rect(x - width / 2, y, width, CHANGES[1] - y, 'changes', 1)


def _draw_outcome(canvas: Canvas, x: float, y: float, outcome: str) -> None:
    """Draw the outcome of a sync without color: a cross, a triangle or a ring; nothing for success."""
    if outcome == FAILED:
        canvas.wire_sign(x, y, 'down', 3.2)
    elif outcome == PARTIAL:
        canvas.polygon([(x, y - 4.5), (x + 4.5, y + 3.5), (x - 4.5, y + 3.5)], 'f-warning')
    elif outcome in (SKIPPED, CANCELLED):
        canvas.wire_sign(x, y, 'unknown', 4)


def _draw_legend(canvas: Canvas, outcomes: set[str]) -> None:
    x, y = LEFT, HEIGHT - 12
    for outcome, words in WORDS.items():
        if outcome in outcomes:
            canvas.rect(x, y - 9, 7, 10, f'sync-{outcome}', 1)
            _draw_outcome(canvas, x + 18, y - 4, outcome)
            offset = 12 if outcome == IN_SYNC else 28
            canvas.text(x + offset, y, words, 'soft', size=11)
            x += offset + text_width(words, 11) + 22
    canvas.rect(x, y - 9, 7, 10, 'changes', 1)
    canvas.text(x + 12, y, 'resources created, updated or deleted', 'soft', size=11)


def _ceiling(seconds: float) -> float:
    """Return the end of an axis: 1, 2 or 5 times a power of ten, and no less than the value."""
    power = .1
    while True:
        for step in (1, 2, 5):
            if seconds <= step * power:
                return round(step * power, 1)
        power *= 10


def _ticks(start: datetime, end: datetime) -> Iterator[datetime]:
    """Yield round times, at most ten."""
    step = next((step for step in STEPS if (end - start) / step <= 10), STEPS[-1])
    midnight = start.replace(hour=0, minute=0, second=0, microsecond=0)
    moment = midnight + step * ((start - midnight) // step + 1)
    while moment < end:
        yield moment
        moment += step


def _tick_words(moment: datetime, span: timedelta) -> str:
    if span > timedelta(days=3) or (moment.hour, moment.minute) == (0, 0):
        return f'{moment:%d %b}'
    return f'{moment:%H:%M}'


def _duration(seconds: float) -> str:
    minutes = round(seconds / 60)
    days, hours, rest = minutes // 1440, minutes // 60 % 24, minutes % 60
    if days:
        return f'{days} d {hours} h'
    return f'{hours} h {rest} min' if hours else f'{rest} min'
