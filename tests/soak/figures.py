"""What a soak measures, and whether it is flat: the last quarter of the time against the first."""

import bisect
import math
import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

__all__ = ('Figure', 'Figures', 'Run', 'lateness', 'percentile', 'table')

# How much more the last quarter may have than the first, as a ratio, and beside it in the unit of the figure: what is
# small moves by more than its half for no reason.
#
# Memory: an allocator that has warmed up gives and takes a tenth. What every run left behind would show: 500 runs that
# leave 100 KB each are 50 MB, a third of a process.
MEMORY = (1.2, 5)
# Connections and clients: those of the processes that happen to live, and of runs that happen to be at work.
CONNECTIONS = (1.2, 5)
# Keys: what RQ keeps of runs that have ended grows until each fabric has some.
KEYS = (1.3, 20)
# Lateness in seconds: what else the machine does comes and goes.
LATE = (1.5, 5)
# And at worst: a quarter has whichever faults it has, and a run that hangs for the 30 s of a time-out keeps a worker.
LATEST = (1.5, 30)


@dataclass
class Figure:
    """One thing that was looked at again and again: moments and values. `limit` is a ratio, and what is beside it."""

    name: str
    limit: tuple[float, float]
    at: list[float] = field(default_factory=list)
    values: list[float] = field(default_factory=list)
    share: float = 0.5

    def add(self, moment: float, value: float) -> None:
        self.at.append(moment)
        self.values.append(value)

    def quarters(self, begin: float, end: float) -> tuple[float, float]:
        """Median, or another share, of the first quarter of the time and of the last. NaN where nothing was seen."""
        quarter = (end - begin) / 4
        first = [value for at, value in zip(self.at, self.values, strict=True) if begin <= at <= begin + quarter]
        last = [value for at, value in zip(self.at, self.values, strict=True) if end - quarter <= at <= end]
        return percentile(first, self.share), percentile(last, self.share)

    def flat(self, begin: float, end: float) -> bool:
        first, last = self.quarters(begin, end)
        ratio, beside = self.limit
        return last <= max(first * ratio, first + beside)


class Figures(dict[str, Figure]):
    """Figures by name, each made when it is first seen."""

    def see(
        self, name: str, limit: tuple[float, float], moment: float, value: float, share: float = 0.5,
    ) -> None:
        if name not in self:
            self[name] = Figure(name, limit, share=share)
        self[name].add(moment, value)

    def growing(self, begin: float, end: float) -> list[str]:
        """A sentence for each that is not flat."""
        found = []
        for figure in self.values():
            if not figure.flat(begin, end):
                first, last = figure.quarters(begin, end)
                found.append(f'{figure.name}: {first:.1f} in the first quarter, {last:.1f} in the last')
        return found


def percentile(values: Sequence[float], share: float) -> float:
    """The value below which this share of them is; NaN of none."""
    if share == 0.5:
        return statistics.median(values) if values else math.nan
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else math.nan


@dataclass(frozen=True, slots=True)
class Run:
    """One that answered a schedule: when it was due and when it started, in seconds since 1970."""

    fabric: str
    due: float
    started: float

    @property
    def late(self) -> float:
        """By how many seconds."""
        return self.started - self.due


def lateness(started: Iterable[float], due: Iterable[float], fabric: str = '') -> list[Run]:
    """The runs of a fabric that answered its schedule.

    Takes the moments at which runs started, and those at which one was due. A run answers everything that was due since
    the start of the one before: late is it by the earliest. One for which nothing was due, because somebody asked for
    it, is left out.
    """
    dues, before, found = sorted(due), -math.inf, []
    for moment in sorted(started):
        first = bisect.bisect_right(dues, before)
        if first < len(dues) and dues[first] <= moment:
            found.append(Run(fabric, dues[first], moment))
        before = moment
    return found


def table(figures: Figures, begin: float, end: float) -> str:
    """A line a figure, in Markdown."""
    lines = ['| figure | first quarter | last quarter | ratio | limit | flat |', '|---|---|---|---|---|---|']
    for figure in figures.values():
        first, last = figure.quarters(begin, end)
        ratio = last / first if first else math.nan
        lines.append(
            f'| {figure.name} | {first:.1f} | {last:.1f} | {ratio:.2f} | {figure.limit[0]}, or {figure.limit[1]:g} more | '
            f'{"yes" if figure.flat(begin, end) else "**no**"} |'
        )
    return '\n'.join(lines)
