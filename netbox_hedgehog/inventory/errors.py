"""Why an inventory is not planned or not carried out: each has a sentence for the person who must act."""

from ..branching import NOT_IN_A_BRANCH, in_branch

__all__ = ('InventoryOff', 'InventoryRefused', 'NotPermitted', 'PlanMoved', 'refuse_in_branch')


class InventoryRefused(Exception):
    """The inventory was asked for something and does not do it: its text says why."""


class InventoryOff(InventoryRefused):
    """The fabric has no inventory, or not all that one needs."""


class PlanMoved(InventoryRefused):
    """The plan that was seen is not what would be done now: fabric or NetBox have moved since."""


class NotPermitted(InventoryRefused):
    """Who asked may not do all of it: the text names the permission that is missing."""


def refuse_in_branch() -> None:
    """Raise InventoryRefused in a branch: fabrics describe main, so a branch's objects are not compared or changed."""
    if in_branch():
        raise InventoryRefused(str(NOT_IN_A_BRANCH))
