"""Summarize the cabling of a fabric, for page, API, command and metrics."""

from typing import Any

from django.db.models import Count, Min, Q

from ..choices import CablingStateChoices
from ..models import CablingCheck
from ..models.cabling import CablingCheckQuerySet

__all__ = ('cabling_summary', 'links_by_state')

# How many hints a summary has.
MOST_HINTS = 20


def cabling_summary(checks: CablingCheckQuerySet) -> dict[str, Any]:
    """Return how many of these checks are in each state, the hints among them, and how old the oldest data is.

    Three SQL statements.
    """
    counts = checks.counts()
    hints = checks.in_state(CablingStateChoices.WRONG_NEIGHBOR).exclude(hint='').order_by('hint')
    return {
        'counts': counts,
        'states': [
            (state, label, color, counts[state])
            for state, label, color in CablingStateChoices.CHOICES if counts[state]
        ],
        'total': sum(counts.values()),
        'hints': list(hints.values_list('hint', flat=True).distinct()[:MOST_HINTS]),
        'read_at': checks.aggregate(at=Min('read_at'))['at'],
    }


def links_by_state() -> dict[tuple[int, str], int]:
    """Return the number of links by fabric and state, as shown to users. One SQL statement."""
    states = CablingStateChoices.values()
    counted = {state: Count('pk', filter=Q(shown_state=state)) for state in states}
    rows = CablingCheck.objects.alias(shown_state=CablingCheck.state).order_by().values('fabric').annotate(**counted)
    found: dict[tuple[int, str], int] = {}
    for row in rows:
        found |= {(row['fabric'], state): row[state] for state in states}
    return found
