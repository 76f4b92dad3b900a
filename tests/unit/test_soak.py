"""What the soak (make soak) concludes from what it saw."""

import math

from ..soak.figures import Figure, Figures, lateness, percentile, table


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


def test_a_run_is_late_by_the_earliest_that_it_answers() -> None:
    # Due every 60 s; the run for 60 came only after 120, and answers both; nobody had asked for the one at 125.
    assert lateness([2, 130, 125, 183], [0, 60, 120, 180]) == [(2, 2), (125, 65), (183, 3)]
    assert lateness([5], [6]) == []


def test_percentiles() -> None:
    assert percentile(range(100), 0.95) == 95
    assert percentile([3], 0.95) == 3
    assert math.isnan(percentile([], 0.95))
