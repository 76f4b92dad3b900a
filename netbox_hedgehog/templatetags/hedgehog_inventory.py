from django import template

from ..inventory.decisions import DECISIONS, Decision, possible
from ..models import Discrepancy

register = template.Library()


@register.filter
def decisions(discrepancy: Discrepancy) -> list[Decision]:
    """Return the possible decisions on a discrepancy, for its buttons."""
    return [DECISIONS[name] for name in possible(discrepancy)]
