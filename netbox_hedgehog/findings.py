"""The findings of a plan as a user may see them: what the plan says does not agree is a discrepancy after a run, and is
shown to those alone who may view that.
"""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from django.apps import apps
from django.contrib.contenttypes.models import ContentType
from users.constants import CONSTRAINT_TOKEN_USER
from utilities.permissions import permission_is_exempt, qs_filter_from_constraints

from .inventory.plan import Finding
from .models import Discrepancy, Fabric
from .values import viewable

__all__ = ('findings_for',)

VIEW = 'netbox_hedgehog.view_discrepancy'

# What a permission for one fabric's discrepancies says of the fabric begins with this.
OF_FABRIC = 'fabric__'

# What of a finding is left out where its object may not be viewed.
VEILED = {'sentence': '', 'fabric_value': None, 'netbox_value': None}


def findings_for(
    user: Any, fabric: Fabric, findings: Sequence[Finding], limit: int | None = None,
) -> tuple[list[dict[str, Any]], int]:
    """The findings of a fabric's plan that a user may see, at most `limit` of them, and how many there are.

    Each is a dictionary of what a Finding has and of whether it is `hidden`: where it is about an object of NetBox that
    is there and that the user may not view, its sentence and its values are left out.
    """
    seen = _visible(user, fabric, findings)
    rows = seen if limit is None else seen[:limit]
    objects: dict[str, set[int]] = {}
    for finding in rows:
        if finding.model and finding.pk:
            objects.setdefault(finding.model, set()).add(finding.pk)
    hidden = _hidden(user, objects)
    return [
        {**asdict(finding), **(VEILED if veiled else {}), 'hidden': veiled}
        for finding, veiled in ((finding, (finding.model, finding.pk) in hidden) for finding in rows)
    ], len(seen)


def _visible(user: Any, fabric: Fabric, findings: Sequence[Finding]) -> list[Finding]:
    """All where the user may view every discrepancy of the fabric; else those that stand as one that they may view."""
    if not findings or not user.has_perm(VIEW):
        return []
    if _views_all(user, fabric):
        return list(findings)
    rows = Discrepancy.objects.restrict(user, 'view').filter(fabric=fabric).order_by().values_list(
        'type', 'key', 'kind', 'name', 'field', 'sentence',
    )
    # Without a key nothing but what they say tells the problems of a resource apart.
    standing = {(*about, '' if about[1] else sentence) for *about, sentence in rows}
    return [
        finding for finding in findings
        if (finding.type, finding.key, finding.source.kind, finding.source.name, finding.field,
            '' if finding.key else finding.sentence) in standing
    ]


def _views_all(user: Any, fabric: Fabric) -> bool:
    """Whether the conditions of the user's permission ask for nothing, or for nothing but a fabric such as this one."""
    if user.is_superuser or permission_is_exempt(VIEW):
        return True
    # As NetBox's own RestrictedQuerySet; has_perm() has filled it.
    conditions = [condition or {} for condition in user._object_perm_cache[VIEW]]
    if not all(conditions):
        return True
    of_fabric = [
        {'pk' if name in ('fabric', 'fabric_id') else name.removeprefix(OF_FABRIC): value
         for name, value in condition.items()}
        for condition in conditions
        if all(name in ('fabric', 'fabric_id') or name.startswith(OF_FABRIC) for name in condition)
    ]
    if not of_fabric:
        return False
    wanted = qs_filter_from_constraints(of_fabric, {CONSTRAINT_TOKEN_USER: user})
    return Fabric.objects.filter(wanted, pk=fabric.pk).exists()


def _hidden(user: Any, objects: dict[str, set[int]]) -> set[tuple[str, int]]:
    """Those of these objects, by label and ID, that are there and that the user may not view."""
    found = set()
    for label, pks in objects.items():
        model = apps.get_model(label)
        type_id = ContentType.objects.get_for_model(model).pk
        shown = {pk for _type, pk in viewable(((type_id, pk) for pk in pks), user)}
        if others := pks - shown:
            there = model._base_manager.filter(pk__in=others).order_by().values_list('pk', flat=True)
            found.update((label, pk) for pk in there)
    return found
