"""Plans as the pages and the API show them: grouped, counted, paginated, and cached while somebody views them.

A plan is built whenever a dry run is opened. What is opened within it (the objects of a group, page by page) comes from
the same plan, which is cached under its digest: a page never mixes two plans.
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

from ..accounts import AnyUser
from ..choices import DiscrepancyTypeChoices, InventoryScopeChoices
from ..inventory.applying.permissions import check_before
from ..inventory.errors import NotPermitted
from ..inventory.planning.plan import (
    ACTION_TYPES,
    ADOPT,
    CREATE,
    DELETE,
    MARK_STALE,
    SHARE,
    UNMARK_STALE,
    UPDATE,
    Action,
    Plan,
)
from ..labels import choice_label, field_label, model_title
from ..models import Fabric
from .values import viewable

__all__ = (
    'ACTION_COLORS', 'ACTION_TITLES', 'PAGE', 'UNCONFIRMED', 'Group', 'cache_plan', 'cached_plan', 'differences',
    'groups', 'may_apply', 'new_names', 'page_of', 'redact',
)

# Seconds that a plan is cached.
KEPT = 1800

# How many actions one page of a group shows.
PAGE = 50

# The pseudo scope of actions that need confirmation.
UNCONFIRMED = 'unconfirmed'

ACTION_TITLES = {
    CREATE: 'create', ADOPT: 'adopt', SHARE: 'share', UPDATE: 'update', MARK_STALE: 'mark stale',
    UNMARK_STALE: 'unmark stale', DELETE: 'delete',
}
ACTION_COLORS = {
    CREATE: 'green', ADOPT: 'blue', SHARE: 'teal', UPDATE: 'orange', MARK_STALE: 'yellow', UNMARK_STALE: 'cyan',
    DELETE: 'red',
}


@dataclass(frozen=True, slots=True)
class Group:
    """Actions of one type on the objects of one model in one scope."""

    scope: str
    model: str
    type: str
    count: int

    @property
    def title(self) -> str:
        return model_title(self.model, self.count)

    @property
    def action_title(self) -> str:
        return ACTION_TITLES.get(self.type, self.type)

    @property
    def color(self) -> str:
        return ACTION_COLORS.get(self.type, 'secondary')


def new_names(plan: Plan) -> dict[str, str]:
    """Return the names of the objects of a plan, by their keys."""
    return {action.key: action.name for action in (*plan.attempted, *plan.unconfirmed_actions)}


def differences(plan: Plan) -> list[str]:
    """Return, in sentences, which differences a plan does not resolve; the most severe first."""
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
    """Return the actions of a plan, counted: (scope, title, groups), in the order of scopes, models and types."""
    found = Counter((action.scope, action.model, action.type) for action in actions)
    models: dict[str, None] = {model: None for _scope, model, _type in found}
    result = []
    for scope, title in InventoryScopeChoices:  # type: ignore[attr-defined]  # ChoiceSet's metaclass
        members = [
            Group(scope, model, action_type, found[scope, model, action_type])
            for model in models for action_type in ACTION_TYPES if (scope, model, action_type) in found
        ]
        if members:
            result.append((scope, str(title), members))
    return result


def may_apply(user: AnyUser, fabric: Fabric, actions: Iterable[Action]) -> str:
    """Return why this user may not apply these actions, or '' if they may."""
    if not user.has_perm('netbox_hedgehog.sync_fabric', fabric):
        return 'You do not have permission to sync this fabric.'
    try:
        check_before(user, actions)
    except NotPermitted as refusal:
        return str(refusal)
    return ''


def _key(fabric_id: int, digest: str) -> str:
    return f'netbox_hedgehog.plan.{fabric_id}.{digest}'


def cache_plan(fabric: Fabric, plan: Plan, prefix: str = '') -> str:
    """Cache a plan under its digest, with this prefix. Return the digest."""
    content = {**plan.as_dict(), 'made': timezone.now().isoformat()}
    text = json.dumps(content, cls=DjangoJSONEncoder)
    cache.set(_key(fabric.pk, f'{prefix}{content["digest"]}'), zlib.compress(text.encode(), 1), KEPT)
    return content['digest']


def cached_plan(fabric: Fabric, digest: str) -> dict[str, Any] | None:
    """Return a cached plan as a dictionary (Plan.as_dict and `made`); None once it has expired."""
    packed = cache.get(_key(fabric.pk, digest))
    return json.loads(zlib.decompress(packed)) if packed else None


def page_of(
    kept: dict[str, Any], user: AnyUser, scope: str, model: str, action_type: str, number: int = 1,
) -> tuple[list[dict[str, Any]], int]:
    """Return one page of a group of a cached plan, and the number of pages.

    Existing objects are linked for users who may view them; for others name and values are redacted.
    """
    source = kept['unconfirmed_actions'] if scope == UNCONFIRMED else kept['actions']
    members = [
        action for action in source
        if action['model'] == model and action['type'] == action_type and scope in (UNCONFIRMED, action['scope'])
    ]
    pages = max(1, -(-len(members) // PAGE))
    number = min(max(1, number), pages)
    rows = redact(members[(number - 1) * PAGE:number * PAGE], user)
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


def redact(actions: Sequence[dict[str, Any]], user: AnyUser) -> list[dict[str, Any]]:
    """Return actions as a user may view them, with the `url` of existing objects and whether they are `hidden`.

    The name and the values of an object that the user may not view are removed.
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
