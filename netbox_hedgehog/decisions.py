"""What a person can decide about a discrepancy, and who may: the same for pages, API and bulk actions."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from .choices import DiscrepancyStateChoices, DiscrepancyTypeChoices
from .inventory import resolve
from .models import Discrepancy

__all__ = ('DECISIONS', 'FABRIC', 'IGNORE', 'NETBOX', 'REOPEN', 'Decision', 'decide', 'possible')

FABRIC, NETBOX, IGNORE, REOPEN = 'fabric', 'netbox', 'ignore', 'reopen'


@dataclass(frozen=True, slots=True)
class Decision:
    """One thing to decide: how its button is called and looks, and what it means."""

    name: str
    label: str
    icon: str
    color: str
    help_text: str


DECISIONS = {
    decision.name: decision for decision in (
        Decision(
            FABRIC, _('Take the fabric’s value'), 'lan', 'primary',
            _('NetBox’s object gets the value of the fabric, now. An object that was deleted is made again.'),
        ),
        Decision(
            NETBOX, _('Keep NetBox’s value'), 'content-save-check-outline', 'secondary',
            _('The plugin does not own this field any more. An object that was deleted is not made again.'),
        ),
        Decision(IGNORE, _('Ignore'), 'eye-off-outline', 'secondary', _('Nothing changes, and nobody is told again.')),
        Decision(REOPEN, _('Reopen'), 'undo-variant', 'secondary', _('Take the decision back.')),
    )
}

# Where there is a value, or an object, to choose.
_CHOICES = (DiscrepancyTypeChoices.FIELD, DiscrepancyTypeChoices.DELETED)


def possible(discrepancy: Discrepancy) -> list[str]:
    """What can be decided about a discrepancy as it stands."""
    if discrepancy.state != DiscrepancyStateChoices.OPEN:
        return [REOPEN]
    return [FABRIC, NETBOX, IGNORE] if discrepancy.type in _CHOICES else [IGNORE]


def decide(discrepancies: Iterable[Discrepancy], decision: str, user: Any) -> tuple[int, str]:
    """Carry out a decision on those of the discrepancies for which it is possible.

    Takes discrepancies that the user may resolve, one of DECISIONS, and the user. Returns how many were settled, and a
    sentence on those that were not ('' where all were). Raises NotPermitted where the user may not change one of the
    NetBox objects that would be written: then nothing is.
    """
    given = list(discrepancies)
    chosen = [discrepancy for discrepancy in given if decision in possible(discrepancy)]
    settled = _carry_out(chosen, decision, user)
    left = len(given) - settled
    if not left:
        return settled, ''
    return settled, ngettext(
        '%d discrepancy was left as it is: this cannot be decided for its type or state.',
        '%d discrepancies were left as they are: this cannot be decided for their types or states.', left,
    ) % left


def _carry_out(chosen: Sequence[Discrepancy], decision: str, user: Any) -> int:
    if not chosen:
        return 0
    if decision == NETBOX:
        return resolve.keep_netbox(chosen)
    if decision == IGNORE:
        return resolve.ignore(chosen)
    if decision == REOPEN:
        return resolve.reopen(chosen)
    deleted = [discrepancy for discrepancy in chosen if discrepancy.type == DiscrepancyTypeChoices.DELETED]
    fields = [discrepancy for discrepancy in chosen if discrepancy.type == DiscrepancyTypeChoices.FIELD]
    return (resolve.take_fabric(fields, user) if fields else 0) + (resolve.recreate(deleted) if deleted else 0)
