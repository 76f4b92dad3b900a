"""A dry run as text for a terminal."""

from collections.abc import Iterator

from ..inventory.planning.plan import CREATE, Action, Plan
from ..labels import field_label
from ..presentation.plans import ACTION_TITLES, groups

__all__ = ('plan_lines',)

SIGNS = {'create': '+', 'adopt': '=', 'share': '&', 'update': '~', 'mark': '!', 'restore': '^', 'delete': '-'}


def plan_lines(fabric: str, plan: Plan, summary: bool = False) -> Iterator[str]:
    """Yield the lines of a plan: counts, objects with their fields by scope, removals to confirm, discrepancies.

    With `summary` objects are only counted.
    """
    counts = ', '.join(f'{count} {ACTION_TITLES[action_type]}' for action_type, count in plan.counts.items() if count)
    nothing = 'no automatic changes' if plan.findings or plan.requires_confirmation else 'no changes'
    yield f'{fabric}: {counts or nothing}, {plan.unchanged} unchanged. Digest {plan.digest}'
    yield from _grouped(plan.actions, summary)
    if plan.requires_confirmation:
        yield ''
        yield f'Waiting for confirmation (--confirm {plan.confirmation_digest}):'
        yield from (f'  {sentence}' for sentence in plan.requires_confirmation)
        yield from _grouped(plan.unconfirmed_actions, summary)
    if plan.findings:
        yield ''
        yield f'Discrepancies that need a decision ({len(plan.findings)}):'
        for finding in plan.findings:
            sentence = finding.planned_sentence or finding.sentence
            yield f'  {finding.source.kind} {finding.source.name}: {sentence}'


def _grouped(actions: list[Action], summary: bool) -> Iterator[str]:
    of: dict[tuple[str, str, str], list[Action]] = {}
    for action in actions:
        of.setdefault((action.scope, action.model, action.type), []).append(action)
    for scope, title, members in groups(actions):
        yield ''
        yield title
        for group in members:
            yield f'  {group.action_title} {group.count} {group.title}'
            if not summary:
                yield from (_line(action) for action in of[scope, group.model, group.type])


def _line(action: Action) -> str:
    fields = '; '.join(
        f'{field_label(action.model, change.field)}: '
        + (change.new_text if action.type == CREATE else f'{change.old_text or "—"} → {change.new_text or "—"}')
        for change in action.changes
    )
    source = f'{action.source.kind} {action.source.name}'
    return f'    {SIGNS.get(action.type, " ")} {action.name} ({source}){": " if fields else ""}{fields}'
