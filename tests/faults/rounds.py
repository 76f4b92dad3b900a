"""Rounds of faults: break, heal, and see whether every promise was kept; and the table of what came of them."""

import random
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from .injections import FAULTS, Fault
from .promises import Promises
from .rig import Rig
from .servers import load_average

__all__ = ('RECOVERY', 'Round', 'Rounds')

# Seconds, beside one interval, within which everything is again as it should be after a fault was healed. On a machine
# with more to do than it has cores for, everything takes longer by that much, and so does this: by its load average.
RECOVERY = 60

# In each so many rounds nobody lets the interval pass quickly: the clock decides when the next run is due.
ON_THE_CLOCK = 10

# After so many rounds with a broken promise, or one from which nothing recovers, there is nothing more to learn.
ENOUGH = 5
NEVER = 300

# Seconds that something stays broken, at most; and that every request to an API server takes longer, in some rounds.
BROKEN_FOR = 4
PACES = (0, 0.02, 0.08)

# Runs that a fault has cost, as their jobs say.
LOST = """
    SELECT count(*) AS runs FROM core_job
    WHERE name = 'Fabric sync' AND created >= %s AND status IN ('failed', 'errored')
"""


@dataclass
class Round:
    """One round: what was broken, how many runs it cost, and the seconds until all was well again."""

    number: int
    fault: Fault
    on_the_clock: bool
    recovery: float = 0.0
    limit: float = 0.0
    lost: int = 0
    violations: list[str] = field(default_factory=list)
    not_run: str = ''


class Rounds:
    """So many rounds on a rig that runs. Each kind of fault comes once before any comes again, in the seed's order."""

    def __init__(
        self, rig: Rig, count: int, seed: int, say: Callable[[str], None] = print,
        faults: Sequence[type[Fault]] = FAULTS, minutes: float = 24 * 60,
    ) -> None:
        self.rig = rig
        self.count, self.seed = count, seed
        self.promises = Promises(rig)
        self.done: list[Round] = []
        self._chance = random.Random(f'{seed} faults')
        self._say = say
        self._faults = faults
        self._end = time.monotonic() + 60 * minutes

    def run(self) -> None:
        """Runs all rounds; ends early where too much is broken, or the time is over."""
        self.rig.observers.append(self.promises.look)
        try:
            self._run()
        except BaseException as error:
            for one in self.done[-1:]:  # the rig itself could not go on: what it did last is the best that is known
                one.violations.append(f'{type(error).__name__}: {error}')
                self._say(f'round {one.number}/{self.count}: {one.fault.name}: ended by {error!r}')
            raise
        finally:
            self.rig.observers.remove(self.promises.look)

    def _run(self) -> None:
        kinds = [kind() for kind in self._faults]
        why_not = {kind: why for kind in kinds if (why := kind.why_not(self.rig))}
        for kind, why in why_not.items():
            self.done.append(Round(0, kind, False, not_run=why))
        kinds = [kind for kind in kinds if kind not in why_not]
        number = 0
        while number < self.count:
            self._chance.shuffle(kinds)
            for kind in kinds[:self.count - number]:
                number += 1
                done = Round(number, kind, number % ON_THE_CLOCK == 0)
                self.done.append(done)
                recovers = self._round(done)
                broken = sum(1 for one in self.done if one.violations)
                if not recovers or broken >= ENOUGH or time.monotonic() > self._end:
                    return

    def _round(self, done: Round) -> bool:
        """One round. Returns whether everything has recovered at all."""
        rig, chance, fault = self.rig, self._chance, done.fault
        began = datetime.now(UTC)
        rig.changing = True
        if pace := chance.choice(PACES):
            rig.linger(pace)
        for fabric in rig.enabled:
            rig.let_interval_pass(fabric)
        rig.pause(chance.uniform(0, 2))  # runs begin, go on and end meanwhile
        done.violations += rig.ask_for_a_run(chance.choice(rig.enabled))
        fault.inject(rig, chance)
        rig.pause(chance.uniform(0, BROKEN_FOR))
        done.violations += fault.during(rig)
        done.violations += self.promises.told_too_well()
        fault.heal(rig)
        rig.hurry()
        rig.changing = False

        healed, clock = datetime.now(UTC), time.monotonic()
        recovers = self._await_recovery(done, healed, clock)
        done.violations += self.promises.taken()
        if recovers:
            done.lost = rig.sql(LOST, began)[0]['runs']
            done.violations += self.promises.broken_after(began, judge_requests=not fault.leaves_requests)
        self._tell(done, began)
        return recovers

    def _await_recovery(self, done: Round, healed: datetime, clock: float) -> bool:
        """Waits until all has recovered. But on the clock, the rest of one interval of each fabric is let pass at once.

        Of one that is at work only when it has ended: a run that falls due meanwhile would be left out.
        """
        rig = self.rig
        waiting = [] if done.on_the_clock else list(rig.enabled)
        not_yet: list[str] = []

        def recovered() -> bool:
            nonlocal not_yet
            waiting[:] = [fabric for fabric in waiting if rig.busy(fabric) or not rig.let_interval_pass(fabric)]
            not_yet = self.promises.recovering(healed) or ([] if rig.complete else ['some process is not at work yet'])
            return not not_yet

        patience = RECOVERY + (self._longest_interval if done.on_the_clock else 0)

        def too_late() -> bool:
            done.limit = patience * max(1.0, load_average(), done.limit / patience)
            return time.monotonic() - clock > done.limit

        rig.until(lambda: recovered() or too_late(), 10 * NEVER)
        if not_yet:
            late = not_yet
            rig.until(recovered, NEVER)
            done.violations.append(
                f'{len(late)} things have not recovered {time.monotonic() - clock:.0f} s after healing' if not_yet else
                f'{len(late)} things took {time.monotonic() - clock:.0f} s to recover'
            )
            done.violations += late[:10]
        done.recovery = time.monotonic() - clock
        return not not_yet

    # Telling

    def _tell(self, done: Round, began: datetime) -> None:
        clock = ', on the clock' if done.on_the_clock else ''
        self._say(
            f'round {done.number}/{self.count}: {done.fault.name}: recovered in {done.recovery:.1f} s{clock} '
            f'(of {done.limit:.0f}), {done.lost} runs lost, {len(done.violations)} violations'
        )
        if done.violations:
            self._say('\n'.join((
                f'VIOLATED in round {done.number}, begun {began:%Y-%m-%d %H:%M:%S} UTC, by: {done.fault.name}',
                *(f'  {sentence}' for sentence in done.violations),
                f'  to repeat: make test-faults HEDGEHOG_SEED={self.seed} HEDGEHOG_ROUNDS={done.number}',
                *self._jobs_of_late(), self.rig.tails(),
            )))

    def _jobs_of_late(self) -> list[str]:
        lines = self.rig.describe().splitlines()
        fabrics = len(self.rig.mirrored)
        return lines[:fabrics] + lines[fabrics:][-3 * fabrics:]

    @property
    def _longest_interval(self) -> int:
        return max(fabric.interval for fabric in self.rig.enabled)

    @property
    def violations(self) -> int:
        return sum(len(one.violations) for one in self.done)

    def table(self) -> str:
        """A line a fault: rounds, runs that it cost, median and longest recovery in seconds, violations."""
        title = ('fault', 'rounds', 'runs lost', 'median', 'longest', 'on the clock', 'violations')
        lines = [''.join((f'{title[0]:<58}', *(f'{one:>13}' for one in title[1:])))]
        by_name: dict[str, list[Round]] = {}
        for one in self.done:
            by_name.setdefault(one.fault.name, []).append(one)
        for name, rounds in sorted(by_name.items()):
            if rounds[0].not_run:
                lines.append(f'{name:<58} not run: {rounds[0].not_run}')
                continue
            quick = [one.recovery for one in rounds if not one.on_the_clock]
            slow = [one.recovery for one in rounds if one.on_the_clock]
            figures = (
                len(rounds), sum(one.lost for one in rounds), _figure(statistics.median, quick), _figure(max, quick),
                _figure(max, slow), sum(len(one.violations) for one in rounds),
            )
            lines.append(''.join((f'{name:<58}', *(f'{one:>13}' for one in figures))))
        ran = [one for one in self.done if not one.not_run]
        lines.append(
            f'Median, longest: seconds from healing until each of {len(self.rig.enabled)} fabrics was read anew, its mirror '
            'equalled its cluster and every process was at work;\nthe rest of one interval was let pass at once, but for '
            f'rounds on the clock (every {ON_THE_CLOCK}th, longest). Load average {load_average():.1f} a core.'
        )
        if scaled := sum(1 for one in ran if one.recovery > RECOVERY + (one.on_the_clock and self._longest_interval)):
            lines.append(f'{scaled} rounds took longer than {RECOVERY} s, on a machine with more to do than cores.')
        kinds = len({one.fault.name for one in ran})
        lines.append(f'{len(ran)} rounds, {kinds} kinds of faults, {self.violations} violations (seed {self.seed})')
        return '\n'.join(lines)


def _figure(function: Callable[[list[float]], float], values: list[float]) -> str:
    return f'{function(values):.1f}' if values else '-'
