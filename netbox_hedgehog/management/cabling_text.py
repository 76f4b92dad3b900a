"""The cabling check of a fabric as text and as data, for the command."""

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any

from netbox_hedgehog.choices import CablingStateChoices
from netbox_hedgehog.models import CablingCheck

__all__ = ('cabling_lines', 'cabling_rows')

# Links in these states are only counted.
COUNTED = (CablingStateChoices.ONE_END, CablingStateChoices.VERIFIED)


def cabling_lines(checks: Iterable[CablingCheck]) -> Iterator[str]:
    """Yield a line for each link that is not verified, hints, and the counts. Takes checks, the worst first."""
    counts: Counter[str] = Counter()
    hints: dict[str, None] = {}
    for check in checks:
        counts[check.state] += 1
        if check.state not in COUNTED:
            yield f'{check}: {check.get_state_display()}. {check.explanation}'
        if check.state == CablingStateChoices.WRONG_NEIGHBOR and check.hint:
            hints[check.hint] = None
    labels = dict(CablingStateChoices)
    yield ', '.join(f'{count} × {labels[state]}' for state, count in counts.items()) + '.'
    yield from hints


def cabling_rows(checks: Iterable[CablingCheck]) -> list[dict[str, Any]]:
    """Return the checks as data."""
    return [
        {
            'connection': check.connection, 'switch': check.switch, 'port': check.port, 'peer': check.peer,
            'peer_port': check.peer_port, 'seen': check.seen, 'seen_by_peer': check.seen_by_peer,
            'state': check.state, 'is_issue': check.is_issue, 'sentence': check.sentence, 'hint': check.hint,
            'since': check.since, 'read_at': check.read_at, 'is_outdated': check.is_outdated,
        }
        for check in checks
    ]
