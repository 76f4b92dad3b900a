"""An answer about reachability as text, for the command."""

from collections.abc import Iterator

from netbox_hedgehog.hedgehog.reachability.answer import NO, PARTLY, UNKNOWN, YES, Answer, Direction
from netbox_hedgehog.management.printable import printable

__all__ = ('EXIT_CODES', 'reach_lines')

# 2 is the exit code of errors.
EXIT_CODES = {YES: 0, NO: 1, UNKNOWN: 3, PARTLY: 4}


def reach_lines(answer: Answer) -> Iterator[str]:
    """Yield the lines of an answer: one direction, then the other one."""
    lines = [*_direction(answer.there)]
    if answer.there.source != answer.there.target:
        lines += _direction(answer.back)
    yield from map(printable, lines)


def _direction(direction: Direction) -> Iterator[str]:
    yield direction.sentence
    found = direction.finding
    yield from (f'  {step}' for step in found.steps)
    yield from (f'  Change: {change}' for change in found.changes)
    yield from (f'  Other way: {other}' for other in direction.others)
    yield from (f'  {warning}' for warning in direction.warnings)
