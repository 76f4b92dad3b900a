"""Rounds of faults against real processes: HEDGEHOG_ROUNDS of them (20), in the order of HEDGEHOG_SEED (7).

HEDGEHOG_FAULTS, a part of their names, takes some kinds of faults only; after HEDGEHOG_MINUTES no further round begins.
"""

import os

import pytest

from . import injections
from .conftest import SEED
from .rig import Rig
from .rounds import Rounds

FAULTS = [kind for kind in injections.FAULTS if os.environ.get('HEDGEHOG_FAULTS', '') in kind().name]
ROUNDS = int(os.environ.get('HEDGEHOG_ROUNDS') or 20)
MINUTES = float(os.environ.get('HEDGEHOG_MINUTES') or 24 * 60)


def test_every_promise_is_kept_whatever_dies(rig: Rig) -> None:
    print(f'\n{ROUNDS} rounds, seed {SEED}')
    rounds = Rounds(
        rig, ROUNDS, SEED, say=lambda line: print(line, flush=True), faults=FAULTS, minutes=MINUTES,
    )
    try:
        rounds.run()
    finally:
        print(f'\n{rounds.table()}', flush=True)
    if rounds.violations:
        pytest.fail(f'{rounds.violations} violations, above', pytrace=False)
