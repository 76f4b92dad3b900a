"""How many examples Hypothesis tries: few in `make test`, many in `make test-system` (HEDGEHOG_PROPERTIES=long)."""

import os

from hypothesis import HealthCheck, settings

LONG = os.environ.get('HEDGEHOG_PROPERTIES') == 'long'

# The same examples each time, and none that fails because the machine is busy.
_repeatable = settings(derandomize=True, deadline=None, database=None, suppress_health_check=list(HealthCheck))

settings.register_profile('short', _repeatable, max_examples=20)
settings.register_profile('long', _repeatable, max_examples=200)
settings.load_profile('long' if LONG else 'short')


def examples(*, short: int, long: int) -> settings:
    """Return the settings of a property whose examples cost more, or less, than those of others."""
    return settings(max_examples=long if LONG else short)
