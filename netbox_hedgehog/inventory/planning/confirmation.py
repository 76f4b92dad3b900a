"""Require confirmation for removals if there are too many of one model."""

from collections import Counter

from ...labels import model_title
from .current import CurrentState
from .model_specs import RANK
from .plan import Action, Plan
from .policy import Policy

__all__ = ('add_removals',)


def add_removals(
    plan: Plan, marks: list[Action], deletions: list[Action], current: CurrentState, policy: Policy,
) -> None:
    """Add removals to a plan: to its actions, or to those that require confirmation if there are too many of one model.

    Removals that wait for confirmation keep waiting although the fabric has more objects by now: the same sync may
    create the objects of a renamed switch, and then the removals of the old one are a smaller part of all objects.
    """
    total = Counter(link.model for link in current.managed.values() if not link.shared and link.values is not None)
    for label, before in policy.unconfirmed_totals.items():
        total[label] = min(before, total[label])
    if not any(_over_limit(actions, total, policy) for actions in (marks, deletions)):
        plan.actions += [*marks, *deletions]
        return
    # Removals of all models wait: a device is not removed without its interfaces.
    plan.unconfirmed_actions = [*marks, *deletions]
    plan.unconfirmed_totals = dict(sorted(total.items()))
    for actions, what in ((marks, 'marked stale'), (deletions, 'deleted')):
        if actions:
            plan.requires_confirmation.append(_sentence(actions, what, total, policy))


def _over_limit(actions: list[Action], total: Counter[str], policy: Policy) -> list[tuple[str, int]]:
    """Return the models with too many objects to remove at once, and how many would be removed."""
    counts = sorted(Counter(action.model for action in actions).items())
    return [
        (label, count) for label, count in counts
        if count >= policy.guard_least and count * 100 > total[label] * policy.guard_percent
    ]


def _sentence(actions: list[Action], what: str, total: Counter[str], policy: Policy) -> str:
    """Return the sentence that says what waits for confirmation, and why."""
    counts = Counter(action.model for action in actions)
    ranked = sorted(counts.items(), key=lambda item: RANK.get(item[0], len(RANK)))
    types = ', '.join(f'{count} {model_title(label, count)}' for label, count in ranked)
    over = ', '.join(
        f'{count} of {total[label]} {model_title(label)}' for label, count in _over_limit(actions, total, policy)
    )
    limit = f' This exceeds the limit of {policy.guard_percent}% ({over}).' if over else ''
    objects = '1 NetBox object' if len(actions) == 1 else f'{len(actions)} NetBox objects'
    return f'{objects} would be {what} ({types}).{limit} Review and confirm.'
