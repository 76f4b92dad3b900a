"""A dry run as faces show it: grouped, counted, in pages, and kept for as long as somebody looks at it.

A plan is made anew whenever a dry run is opened. What is opened within it (the objects of a group, page by page) comes
from the same plan, which the cache keeps under its digest: a page never shows two plans as one.
"""

import json
import zlib
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from django.apps import apps
from django.contrib.contenttypes.models import ContentType
from django.core.cache import cache
from django.core.serializers.json import DjangoJSONEncoder
from django.utils import timezone
from django.utils.translation import ngettext

from ..choices import DiscrepancyTypeChoices, InventorySubjectChoices
from ..inventory.applying.permissions import check_before
from ..inventory.errors import NotPermitted
from ..inventory.planning.plan import ADOPT, CREATE, DELETE, MARK, RESTORE, UPDATE, VERBS, Action, Plan
from ..labels import choice_label, field_label, model_title
from ..models import Fabric
from .values import viewable

__all__ = (
    'HELD', 'PAGE', 'VERB_COLORS', 'VERB_TITLES', 'Group', 'differences', 'groups', 'may_apply', 'new_names', 'page_of',
    'recall', 'remember', 'veiled',
)

# Seconds that a plan is kept for those who look into it.
KEPT = 1800

# How many actions one page of a group shows.
PAGE = 50

# The pseudo subject of what is held back.
HELD = 'held'

VERB_TITLES = {
    CREATE: 'create', ADOPT: 'adopt', UPDATE: 'update', MARK: 'mark stale', RESTORE: 'unmark stale', DELETE: 'delete',
}
VERB_COLORS = {
    CREATE: 'green', ADOPT: 'blue', UPDATE: 'orange', MARK: 'yellow', RESTORE: 'cyan', DELETE: 'red',
}


@dataclass(frozen=True, slots=True)
class Group:
    """Actions of one verb on one model of one subject."""

    subject: str
    model: str
    verb: str
    count: int

    @property
    def title(self) -> str:
        return model_title(self.model, self.count)

    @property
    def verb_title(self) -> str:
        return VERB_TITLES.get(self.verb, self.verb)

    @property
    def color(self) -> str:
        return VERB_COLORS.get(self.verb, 'secondary')


def new_names(plan: Plan) -> dict[str, str]:
    """What the objects of a plan are called, by their keys."""
    return {action.key: action.name for action in (*plan.attempted, *plan.held_actions)}


def differences(plan: Plan) -> list[str]:
    """What a plan leaves as it is although NetBox and the fabric differ, in sentences; the gravest first."""
    counts = Counter(finding.type for finding in plan.findings)
    conflicts = [finding for finding in plan.findings if finding.type == DiscrepancyTypeChoices.CONFLICT]
    sentences = []
    if conflicts:
        words = ngettext(
            '%(count)d conflict blocks %(blocked)s.', '%(count)d conflicts block %(blocked)s.', len(conflicts),
        )
        blocked = len(conflicts) + sum(finding.skipped for finding in conflicts)
        objects = ngettext('%d object', '%d objects', blocked) % blocked
        sentences.append(words % {'count': len(conflicts), 'blocked': objects})
    if count := counts[DiscrepancyTypeChoices.DELETED]:
        sentences.append(ngettext(
            '%d object was deleted in NetBox.', '%d objects were deleted in NetBox.', count,
        ) % count)
    if count := counts[DiscrepancyTypeChoices.FIELD]:
        sentences.append(ngettext('%d field differs.', '%d fields differ.', count) % count)
    if count := counts[DiscrepancyTypeChoices.PROTECTED]:
        sentences.append(ngettext('%d object cannot be deleted.', '%d objects cannot be deleted.', count) % count)
    if count := counts[DiscrepancyTypeChoices.UNMATCHED]:
        sentences.append(ngettext(
            '%d issue in the fabric’s resources.', '%d issues in the fabric’s resources.', count,
        ) % count)
    if count := counts[DiscrepancyTypeChoices.ORPHAN]:
        sentences.append(ngettext(
            '%d resource was removed from the fabric.', '%d resources were removed from the fabric.', count,
        ) % count)
    return sentences


def groups(actions: Iterable[Action]) -> list[tuple[str, str, list[Group]]]:
    """The actions of a plan, counted: (subject, its title, groups), in the order of subjects, models and verbs."""
    found = Counter((action.subject, action.model, action.verb) for action in actions)
    models: dict[str, None] = {model: None for _subject, model, _verb in found}
    result = []
    for subject, title in InventorySubjectChoices:
        members = [
            Group(subject, model, verb, found[subject, model, verb])
            for model in models for verb in VERBS if (subject, model, verb) in found
        ]
        if members:
            result.append((subject, str(title), members))
    return result


def may_apply(user: Any, fabric: Fabric, actions: Iterable[Action]) -> str:
    """Why this user may not carry out these actions now, or '' where they may."""
    if not user.has_perm('netbox_hedgehog.sync_fabric', fabric):
        return 'You do not have permission to sync this fabric.'
    try:
        check_before(user, actions)
    except NotPermitted as refusal:
        return str(refusal)
    return ''


def _key(fabric_id: int, digest: str) -> str:
    return f'netbox_hedgehog.plan.{fabric_id}.{digest}'


def remember(fabric: Fabric, plan: Plan, prefix: str = '') -> str:
    """Keep a plan under its digest, with this before it, for those who look into it. Returns the digest."""
    content = {**plan.as_dict(), 'made': timezone.now().isoformat()}
    text = json.dumps(content, cls=DjangoJSONEncoder)
    cache.set(_key(fabric.pk, f'{prefix}{content["digest"]}'), zlib.compress(text.encode(), 1), KEPT)
    return content['digest']


def recall(fabric: Fabric, digest: str) -> dict[str, Any] | None:
    """A plan that was kept, as a dictionary (Plan.as_dict and `made`); None once it is not kept any more."""
    packed = cache.get(_key(fabric.pk, digest))
    return json.loads(zlib.decompress(packed)) if packed else None


def page_of(
    kept: dict[str, Any], user: Any, subject: str, model: str, verb: str, number: int = 1,
) -> tuple[list[dict[str, Any]], int]:
    """One page of a group of a kept plan, and how many pages there are.

    An object that stands is linked for those who may view it; for others its name and values are left out.
    """
    source = kept['held_actions'] if subject == HELD else kept['actions']
    members = [
        action for action in source
        if action['model'] == model and action['verb'] == verb and subject in (HELD, action['subject'])
    ]
    pages = max(1, -(-len(members) // PAGE))
    number = min(max(1, number), pages)
    rows = veiled(members[(number - 1) * PAGE:number * PAGE], user)
    for row in rows:
        row['changes'] = [
            {
                **change, 'title': field_label(model, change['field']),
                'old_text': choice_label(model, change['field'], change['old']) or change['old_text'],
                'new_text': choice_label(model, change['field'], change['new']) or change['new_text'],
            }
            for change in row['changes']
        ]
    return rows, pages


def veiled(actions: Sequence[dict[str, Any]], user: Any) -> list[dict[str, Any]]:
    """Actions as a user may see them, with the `url` of what stands and whether it is `hidden`.

    Of an object that the user may not view, the name and the values are left out.
    """
    types = {label: _type_id(label) for label in {action['model'] for action in actions}}
    objects = viewable(((types[action['model']], action['pk']) for action in actions), user)
    rows = []
    for action in actions:
        found = objects.get((types[action['model']], action['pk']))
        hidden = action['pk'] is not None and found is None
        rows.append({
            **action,
            **({'name': '', 'changes': []} if hidden else {}),
            'url': found.get_absolute_url() if found else '',
            'hidden': hidden,
        })
    return rows


def _type_id(label: str) -> int:
    try:
        return ContentType.objects.get_for_model(apps.get_model(label)).pk
    except (LookupError, ValueError):
        return 0
