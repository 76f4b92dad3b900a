"""Histories of both sides at once: whatever people and the fabric do, an inventory sync keeps its promises.

After each sync: nothing is raised; the plan is what was done; NetBox's full_clean() takes every object that has changed,
and at the end every object; what NetBox derives is as NetBox derives it; of the operator's objects and fields nothing is
written that is not the fabric's to write, and nothing is deleted that the plugin has not created; what is not as the
fabric wants it has a discrepancy; a second sync writes nothing. At the end NetBox holds what a fresh sync makes.

HEDGEHOG_HISTORY=17 plays one history alone, HEDGEHOG_HISTORIES=400 so many. A violation is printed with the shortest history that has it.
"""

import os

import pytest

from ....support.examples import LONG
from .changes import CHANGES
from .edits import EDITS
from .play import begin, draw, play, smallest

pytestmark = [pytest.mark.django_db, pytest.mark.property]

HISTORIES = int(os.environ.get('HEDGEHOG_HISTORIES', 200)) if LONG else 1
# What one worker plays in a row.
TOGETHER = 20
STEPS = 3

ONE = os.environ.get('HEDGEHOG_HISTORY', '')


def test_there_are_many_kinds_of_changes_and_edits():
    assert len(CHANGES) >= 25
    assert len(EDITS) >= 25


@pytest.mark.parametrize('first', range(0, HISTORIES, TOGETHER))
def test_a_sync_keeps_its_promises_whatever_has_happened(first, record_property):
    world = begin()
    steps, events, violations = 0, 0, []
    seeds = [int(ONE)] if ONE else range(first, min(first + TOGETHER, HISTORIES))
    for seed in seeds:
        history = draw(seed, STEPS)
        outcome = play(history, world)
        steps += outcome.steps
        events += outcome.events
        if outcome.violations:
            history, outcome = smallest(history, world)
            violations.append('\n    ! '.join([f'history {seed}: {history}', *outcome.violations]))
    record_property('histories', [len(seeds), steps, events, len(violations)])
    assert not violations, '\n\n'.join(['', *violations])
