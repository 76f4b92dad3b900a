"""Decide discrepancies: which decisions are possible, and who may make them. Pages, API and bulk actions use it."""

from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass

from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext
from utilities.permissions import get_permission_for_model

from ..accounts import AnyUser
from ..choices import DiscrepancyStateChoices, DiscrepancyTypeChoices
from ..locks import fabric_lock
from ..models import Discrepancy
from . import operations
from .errors import InventoryOff, InventoryRefused, NotPermitted, refuse_in_branch
from .operations import Acceptance

__all__ = ('DECISIONS', 'FABRIC', 'IGNORE', 'NETBOX', 'REOPEN', 'Decision', 'decide', 'possible')

FABRIC, NETBOX, IGNORE, REOPEN = 'fabric', 'netbox', 'ignore', 'reopen'


@dataclass(frozen=True, slots=True)
class Decision:
    """One possible decision: the title and color of its button, and what it means."""

    name: str
    label: str
    icon: str
    color: str
    help_text: str


DECISIONS = {
    decision.name: decision for decision in (
        Decision(
            FABRIC, _('Use fabric value'), 'lan', 'primary',
            _('Write the fabric value to NetBox now. Deleted objects are recreated.'),
        ),
        Decision(
            NETBOX, _('Keep NetBox value'), 'content-save-check-outline', 'secondary',
            _('The plugin no longer manages this field. Deleted objects are not recreated.'),
        ),
        Decision(IGNORE, _('Ignore'), 'eye-off-outline', 'secondary', _('No change; stop notifying.')),
        Decision(REOPEN, _('Reopen'), 'undo-variant', 'secondary', _('Undo the decision.')),
    )
}

# The limit of one web request, which writes the fabric's values itself and responds within seconds.
MOST_AT_ONCE = 100

# How many reasons a sentence names.
REASONS_SHOWN = 3

# The types for which there is a value, or an object, to choose.
_CHOICES = (DiscrepancyTypeChoices.FIELD, DiscrepancyTypeChoices.DELETED)


def possible(discrepancy: Discrepancy) -> list[str]:
    """Return the decisions that are possible for a discrepancy in its current state."""
    if discrepancy.state != DiscrepancyStateChoices.OPEN:
        return [REOPEN]
    return [FABRIC, NETBOX, IGNORE] if discrepancy.type in _CHOICES else [IGNORE]


def decide(discrepancies: Iterable[Discrepancy], decision: str, user: AnyUser) -> tuple[int, str]:
    """Apply a decision to the discrepancies for which it is possible.

    Takes discrepancies that the user may resolve, one of DECISIONS, and the user. Returns how many were resolved, and a
    sentence on those that were not ('' where all were). Raises NotPermitted where the user may not change (or create)
    one of the NetBox objects that would be written, and InventoryRefused while a sync of the fabric runs or its
    inventory is disabled: then nothing is written.
    """
    refuse_in_branch()
    given = list(discrepancies)
    chosen = [discrepancy for discrepancy in given if decision in possible(discrepancy)]
    outcome = _apply(chosen, decision, user)
    sentences = [_not_written(outcome.refusals)] if outcome.refusals else []
    sentences += outcome.event_failures
    if left := len(given) - outcome.resolved - len(outcome.refusals):
        sentences.append(ngettext(
            'This action does not apply to %d of the selected items.',
            'This action does not apply to %d of the selected items.', left,
        ) % left)
    return outcome.resolved, ' '.join(sentences)


def _not_written(refusals: Sequence[str]) -> str:
    """Return how many values were not written, and why: the first few reasons."""
    reasons = list(dict.fromkeys(refusals))
    return ngettext(
        '%(count)d value was not written: %(reasons)s', '%(count)d values were not written: %(reasons)s', len(refusals),
    ) % {'count': len(refusals), 'reasons': ' '.join(reasons[:REASONS_SHOWN])}


def _apply(chosen: Sequence[Discrepancy], decision: str, user: AnyUser) -> Acceptance:
    if not chosen:
        return Acceptance()
    if decision == NETBOX:
        return Acceptance(operations.keep_netbox_value(chosen))
    if decision == IGNORE:
        return Acceptance(operations.ignore(chosen))
    if decision == REOPEN:
        return Acceptance(operations.reopen(chosen))
    return _accept_fabric_value(chosen, user)


def _accept_fabric_value(chosen: Sequence[Discrepancy], user: AnyUser) -> Acceptance:
    """Write the fabric's values to NetBox, with the person's own permissions. Refused while a sync is running."""
    deleted = [discrepancy for discrepancy in chosen if discrepancy.type == DiscrepancyTypeChoices.DELETED]
    fields = [discrepancy for discrepancy in chosen if discrepancy.type == DiscrepancyTypeChoices.FIELD]
    if len(fields) > MOST_AT_ONCE:
        raise InventoryRefused(
            f'Use the fabric’s value for at most {MOST_AT_ONCE} discrepancies at once. Select fewer.'
        )
    for discrepancy in deleted:
        _check_may_recreate(discrepancy, user)
    with ExitStack() as locks:
        for fabric in sorted({discrepancy.fabric for discrepancy in chosen}, key=lambda fabric: fabric.pk):
            if not fabric.inventory_enabled:
                raise InventoryOff(
                    f'Inventory sync is not enabled for {fabric.name}. Enable it in the fabric’s settings.'
                )
            if not locks.enter_context(fabric_lock(fabric.pk)):
                raise InventoryRefused(f'A sync of {fabric.name} is running. Try again when it has finished.')
        outcome = operations.accept_fabric_value(fields, user) if fields else Acceptance()
        outcome.resolved += operations.recreate(deleted) if deleted else 0
        return outcome


def _check_may_recreate(discrepancy: Discrepancy, user: AnyUser) -> None:
    """Raise NotPermitted if the person may not create this object. The next sync creates it as the plugin's user."""
    model = discrepancy.link.object_type.model_class() if discrepancy.link else None
    if model is None:
        return
    permission = get_permission_for_model(model, 'add')
    if not user.has_perm(permission):
        raise NotPermitted(
            f'Creating {model._meta.verbose_name_plural} again requires the permission {permission}, '
            f'which {user} does not have.'
        )
