"""One target, searched in this process until its time is over: python -m tests.fuzz.search TARGET atheris|hypothesis SECONDS …

Started by tests.fuzz, which says where things are.
"""

import sys
import time
from pathlib import Path

# What is looked at for new code reached: before it is imported.
INSTRUMENTED = [
    *(f'netbox_hedgehog.{name}' for name in ('cluster', 'sync', 'inventory', 'insight', 'picture', 'kubeconfig', 'destinations')),
    'yaml',
]


def main(name: str, engine: str, seconds: str, *options: str) -> None:
    import django

    if engine == 'hypothesis':
        django.setup()
        from .targets import TARGETS

        print(f'number_of_executed_units: {blindly(TARGETS[name], name, float(seconds))}')
        return
    import atheris

    with atheris.instrument_imports(include=INSTRUMENTED):
        django.setup()
        from .targets import TARGETS, seeds
    corpus = Path(options[0])
    for number, seed in enumerate(seeds(name)):
        (corpus / f'seed-{number}').write_bytes(seed)
    atheris.Setup([sys.argv[0], *options], TARGETS[name])
    atheris.Fuzz()


def blindly(target, name: str, seconds: float) -> int:
    """Call the target with what hypothesis makes of the seeds, another series each time. Returns how often."""
    from hypothesis import HealthCheck, Phase, given, settings

    from .blind import changed

    end, calls = time.monotonic() + seconds, 0

    def once(data: bytes) -> None:
        nonlocal calls
        calls += 1
        target(data)

    while time.monotonic() < end:
        settings(
            max_examples=200, deadline=None, database=None, suppress_health_check=list(HealthCheck),
            phases=[Phase.generate, Phase.shrink],
        )(given(changed(name))(once))()
    return calls


if __name__ == '__main__':
    main(*sys.argv[1:])
