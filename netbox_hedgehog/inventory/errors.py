"""Errors of an inventory that is not planned or not applied. Each has a sentence for the person who must act."""

from ..branching import NOT_IN_A_BRANCH, in_branch

__all__ = ('InventoryOff', 'InventoryRefused', 'NotPermitted', 'PlanMoved', 'refuse_in_branch')


class InventoryRefused(Exception):
    """A request to the inventory is refused. The text says why."""


class InventoryOff(InventoryRefused):
    """The inventory of the fabric is disabled, or its settings are incomplete."""


class PlanMoved(InventoryRefused):
    """The reviewed plan is outdated: the fabric or NetBox has changed since."""


class NotPermitted(InventoryRefused):
    """The user lacks a permission. The text names it."""


def refuse_in_branch() -> None:
    """Raise InventoryRefused in a branch: fabrics describe main, so a branch's objects are not compared or changed."""
    if in_branch():
        raise InventoryRefused(str(NOT_IN_A_BRANCH))
