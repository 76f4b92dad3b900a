"""A dry run as text for a terminal."""

from collections.abc import Iterator

from ..inventory.planning.plan import CREATE, Action, Plan
from ..labels import field_label
from ..presentation.plans import VERB_TITLES, groups

__all__ = ('plan_lines',)

SIGNS = {'create': '+', 'adopt': '=', 'update': '~', 'mark': '!', 'restore': '^', 'delete': '-'}


def plan_lines(fabric: str, plan: Plan, summary: bool = False) -> Iterator[str]:
    """Yield the lines of a plan: counts, objects with their fields by scope, removals to confirm, discrepancies.

    With `summary` objects are only counted.
    """
    counts = ', '.join(f'{count} {VERB_TITLES[verb]}' for verb, count in plan.counts.items() if count)
    nothing = 'no automatic changes' if plan.findings or plan.held else 'no changes'
    yield f'{fabric}: {counts or nothing}, {plan.unchanged} unchanged. Digest {plan.digest}'
    yield from _grouped(plan.actions, summary)
    if plan.held:
        yield ''
        yield f'Waiting for confirmation (--confirm {plan.held_digest}):'
        yield from (f'  {sentence}' for sentence in plan.held)
        yield from _grouped(plan.held_actions, summary)
    if plan.findings:
        yield ''
        yield f'Discrepancies that need a decision ({len(plan.findings)}):'
        for finding in plan.findings:
            sentence = finding.planned_sentence or finding.sentence
            yield f'  {finding.source.kind} {finding.source.name}: {sentence}'


def _grouped(actions: list[Action], summary: bool) -> Iterator[str]:
    of: dict[tuple[str, str, str], list[Action]] = {}
    for action in actions:
        of.setdefault((action.subject, action.model, action.verb), []).append(action)
    for subject, title, members in groups(actions):
        yield ''
        yield title
        for group in members:
            yield f'  {group.verb_title} {group.count} {group.title}'
            if not summary:
                yield from (_line(action) for action in of[subject, group.model, group.verb])


def _line(action: Action) -> str:
    fields = '; '.join(
        f'{field_label(action.model, change.field)}: '
        + (change.new_text if action.verb == CREATE else f'{change.old_text or "—"} → {change.new_text or "—"}')
        for change in action.changes
    )
    source = f'{action.source.kind} {action.source.name}'
    return f'    {SIGNS.get(action.verb, " ")} {action.name} ({source}){": " if fields else ""}{fields}'
