"""A plan together with what it was built from."""

from dataclasses import dataclass
from datetime import datetime

from ...models import Fabric
from ..mapping.types import Desired
from .current import CurrentState
from .plan import Plan

__all__ = ('PlanContext',)


@dataclass(slots=True)
class PlanContext:
    """A plan for a fabric, built at a time from desired objects and NetBox's current state."""

    fabric: Fabric
    now: datetime
    desired: Desired
    current: CurrentState
    plan: Plan
