"""A plan together with what it was made from."""

from dataclasses import dataclass
from datetime import datetime

from ...models import Fabric
from ..mapping.types import Desired
from .current import Present
from .plan import Plan

__all__ = ('PlanContext',)


@dataclass(slots=True)
class PlanContext:
    """A plan for a fabric, made at a time from what the fabric wants and what NetBox holds."""

    fabric: Fabric
    now: datetime
    desired: Desired
    present: Present
    plan: Plan
