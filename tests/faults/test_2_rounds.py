"""Rounds of faults against real processes: HEDGEHOG_ROUNDS of them (20), in the order of HEDGEHOG_SEED (7)."""

import os

import pytest

from .conftest import SEED
from .rig import Rig
from .rounds import Rounds

ROUNDS = int(os.environ.get('HEDGEHOG_ROUNDS') or 20)


def test_every_promise_is_kept_whatever_dies(rig: Rig) -> None:
    print(f'\n{ROUNDS} rounds, seed {SEED}')
    rounds = Rounds(rig, ROUNDS, SEED, say=lambda line: print(line, flush=True))
    try:
        rounds.run()
    finally:
        print(f'\n{rounds.table()}', flush=True)
    if rounds.violations:
        pytest.fail(f'{rounds.violations} violations, above', pytrace=False)
