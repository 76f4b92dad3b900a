"""What the soak (make soak) concludes from what it saw."""

import math
from datetime import UTC, datetime, timedelta
from unittest.mock import Mock

from ..soak.figures import Figure, Figures, Run, lateness, percentile, table
from ..soak.watch import Watch


def figure(*values: float, limit: tuple[float, float] = (1.2, 5)) -> Figure:
    made = Figure('memory', limit)
    for moment, value in enumerate(values):
        made.add(moment, value)
    return made


def test_the_last_quarter_is_held_against_the_first() -> None:
    leaking = figure(*range(100, 180))
    assert leaking.quarters(0, 79) == (109.5, 169.5)
    assert not leaking.flat(0, 79)
    assert figure(*[100] * 60, *[119] * 20).flat(0, 79)
    assert not figure(*[100] * 60, *[121] * 20).flat(0, 79)


def test_what_is_small_may_move_by_more() -> None:
    assert figure(*[1] * 60, *[6] * 20).flat(0, 79)
    assert not figure(*[1] * 60, *[7] * 20).flat(0, 79)


def test_what_was_not_seen_is_not_flat() -> None:
    assert not figure(100).flat(10, 20)


def test_growing_is_told_with_both_figures() -> None:
    seen = Figures()
    for moment, value in enumerate((10, 10, 30, 30)):
        seen.see('keys', (1.3, 2), moment, value)
        seen.see('clients', (1.3, 2), moment, 3)
    assert seen.growing(0, 3) == ['keys: 10.0 in the first quarter, 30.0 in the last']
    assert table(seen, 0, 3).splitlines()[2:] == [
        '| keys | 10.0 | 30.0 | 3.00 | 1.3, or 2 more | **no** |', '| clients | 3.0 | 3.0 | 1.00 | 1.3, or 2 more | yes |',
    ]


def test_a_sync_is_late_by_the_earliest_that_it_answers() -> None:
    # Due every 60 s; the run for 60 came only after 120, and answers both; nobody had asked for the one at 125.
    runs = lateness([2, 130, 125, 183], [0, 60, 120, 180], 'one')
    assert runs == [Run('one', 0, 2), Run('one', 60, 125), Run('one', 180, 183)]
    assert [run.late for run in runs] == [2, 65, 3]
    assert lateness([5], [6]) == []


def test_percentiles() -> None:
    assert percentile(range(100), 0.95) == 95
    assert percentile([3], 0.95) == 3
    assert math.isnan(percentile([], 0.95))


def test_what_a_fault_takes_is_told_apart() -> None:
    """A run that was due during a fault, or just before it, may be a whole interval late, and is no sign of growth."""
    watch = Watch(Mock(mirrored=[Mock(id=1)]))
    watch.faults = [(100, 120)]
    assert [watch.hit(Run('one', due, 200)) for due in (90, 97, 110, 120, 121)] == [False, True, True, True, False]
    assert not watch.broken
    watch.breaks()
    assert watch.broken
    assert watch.hit(Run('one', 1e12, 1e12))
    watch.healed()
    assert not watch.broken
    assert not watch.hit(Run('one', 1e12, 1e12))


def test_a_sync_that_is_seen_late_is_not_overlooked() -> None:
    """Its row says when it was completed, and is there a moment later, when its transaction has ended."""
    fleet = Mock(mirrored=[Mock(id=1)])
    fleet.redis.zmscore.return_value = [None]
    watch = Watch(fleet)
    watch.breaks()
    begin = datetime(2026, 1, 1, tzinfo=UTC)
    table = [{'id': 2, 'object_id': 1, 'completed': begin + timedelta(seconds=1)}]
    fleet.rows = lambda _, since: [row for row in table if row['completed'] > since]
    watch.look()
    table.append({'id': 1, 'object_id': 1, 'completed': begin})
    watch._next = 0
    watch.look()
    assert [row['id'] for row in watch.runs_of(1)] == [2, 1]
