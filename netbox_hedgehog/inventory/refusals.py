"""Remember what NetBox has refused to write, so that the next plan shows it with the reason."""

from collections import Counter
from collections.abc import Iterable, Mapping

from ..models import Discrepancy, Fabric
from .mapping.types import Source
from .planning.plan import Action, Finding, Plan

__all__ = ('Refusals', 'refusals_of', 'exclude_refused')

# The type and the key of a finding, and the digests of the actions that were refused for its reason.
Refusals = Mapping[tuple[str, str], list[str]]


def refusals_of(refused: Iterable[tuple[Action, Finding]]) -> Refusals:
    """Return what to remember of refused actions, and of the findings that say why."""
    found: dict[tuple[str, str], list[str]] = {}
    for action, finding in refused:
        found.setdefault((finding.type, finding.key), []).append(action.digest)
    return {place: sorted(digests) for place, digests in found.items()}


def exclude_refused(plan: Plan, fabric: Fabric) -> None:
    """Move the actions that the last sync could not write, and that have not changed since, to `refused_actions`.

    Adds a finding for each reason. A sync tries them again: the rule that refused them may have been removed.
    """
    rows = Discrepancy.objects.filter(fabric=fabric).exclude(refused=[]).order_by('pk')
    reason_of = {digest: row for row in rows for digest in row.refused}
    if not reason_of:
        return
    counts: Counter[Discrepancy] = Counter()
    actions = []
    for action in plan.actions:
        if row := reason_of.get(action.digest):
            counts[row] += 1
            plan.refused_actions.append(action)
        else:
            actions.append(action)
    plan.actions = actions
    known = {(finding.type, finding.key) for finding in plan.findings}
    plan.findings += [_finding(row, count) for row, count in counts.items() if (row.type, row.key) not in known]


def _finding(row: Discrepancy, count: int) -> Finding:
    return Finding(
        row.type, row.key, row.scope, Source(row.kind, row.name), row.code, row.parameters, model=row.model_label,
        pk=row.object_id, skipped=count - 1, planned={'again': 1},
    )
