"""One rig for all tests in here."""

import os
from collections.abc import Iterator

import pytest

from .rig import Rig, a_few_fabrics
from .servers import KillableServices

# The order of faults and changes; another one is another run.
SEED = int(os.environ.get('HEDGEHOG_SEED') or 7)


@pytest.fixture(scope='session')
def rig(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rig]:
    with KillableServices() as services, Rig(services, tmp_path_factory.mktemp('faults'), a_few_fabrics(), SEED) as rig:
        yield rig
