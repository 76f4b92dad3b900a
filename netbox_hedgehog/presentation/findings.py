"""The findings of a plan, restricted to the user.

A finding becomes a discrepancy with the next sync, so only users who may view that discrepancy see it.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from django.apps import apps
from django.contrib.contenttypes.models import ContentType
from users.constants import CONSTRAINT_TOKEN_USER
from utilities.ordering import naturalize
from utilities.permissions import permission_is_exempt, qs_filter_from_constraints

from ..accounts import AnyUser
from ..choices import DiscrepancyTypeChoices
from ..inventory.discrepancies import identity_of
from ..inventory.planning.plan import Finding
from ..labels import field_label, object_label
from ..models import Discrepancy, Fabric, FabricResource
from .values import ValueReader, viewable

__all__ = ('findings_for',)

VIEW = 'netbox_hedgehog.view_discrepancy'

# Prefix of the constraints of a permission that concern the fabric of a discrepancy.
OF_FABRIC = 'fabric__'

# The most urgent first.
ORDER = (
    DiscrepancyTypeChoices.CONFLICT, DiscrepancyTypeChoices.DELETED, DiscrepancyTypeChoices.FIELD,
    DiscrepancyTypeChoices.PROTECTED, DiscrepancyTypeChoices.UNMATCHED, DiscrepancyTypeChoices.ORPHAN,
)

# Replaces the values of a finding whose object the user may not view.
REDACTED: dict[str, Any] = {'sentence': '', 'parameters': {}, 'fabric_value': None, 'netbox_value': None}


def findings_for(
    user: AnyUser, fabric: Fabric, findings: Sequence[Finding], limit: int | None = None,
    names: Mapping[str, str] | None = None,
) -> tuple[list[dict[str, Any]], int]:
    """Return the findings of a fabric's plan that a user may view, at most `limit`, and their total number.

    Conflicts come first; the order is the same every time. `names` are the names of objects that are still to be
    created, by their keys. Each finding is a dictionary with the fields of a Finding, the texts of its values, its
    object and its pages (`object`, `url`, `resource_url`, `discrepancy_url`), and `hidden`: True if it is about an
    existing NetBox object that the user may not view; its sentence and values are then removed.
    """
    seen = sorted(_visible(user, fabric, findings), key=_order)
    rows = seen if limit is None else seen[:limit]
    pages = _Pages(user, fabric, rows)
    reader = ValueReader(user, names)
    shown = [finding for finding in rows if not pages.is_hidden(finding)]
    reader.load(
        (finding.model, finding.field, value)
        for finding in shown for value in (finding.fabric_value, finding.netbox_value)
    )
    return [_row(finding, pages, reader) for finding in rows], len(seen)


def _order(finding: Finding) -> tuple[Any, ...]:
    source = finding.source
    return (
        ORDER.index(finding.type), source.kind, naturalize(source.name, 500), naturalize(finding.key, 500),
        finding.field, str(finding.code), identity_of(finding)[-1],
    )


def _row(finding: Finding, pages: '_Pages', reader: ValueReader) -> dict[str, Any]:
    hidden = pages.is_hidden(finding)
    row = finding.as_dict()
    row['sentence'] = row.pop('planned_sentence') or row['sentence']
    row |= {'fabric_text': '', 'netbox_text': '', 'field_title': '', **pages.of(finding), 'hidden': hidden}
    if hidden:
        return row | REDACTED
    if finding.field:
        row |= {
            'field_title': field_label(finding.model, finding.field),
            'fabric_text': reader.text(finding.model, finding.field, finding.fabric_value),
            'netbox_text': reader.text(finding.model, finding.field, finding.netbox_value),
        }
    return row


class _Pages:
    """The pages of the objects, resources and discrepancies of findings, as far as a user may view them."""

    def __init__(self, user: AnyUser, fabric: Fabric, findings: Sequence[Finding]) -> None:
        self.types = {
            label: ContentType.objects.get_for_model(apps.get_model(label))
            for label in {finding.model for finding in findings if finding.model and finding.pk}
        }
        places = {(finding.model, finding.pk) for finding in findings if finding.model and finding.pk}
        self.objects: dict[tuple[int, Any], Any] = viewable(((self.types[label].pk, pk) for label, pk in places), user)
        self.hidden = self._existing(places - {(self._label(type_id), pk) for type_id, pk in self.objects})
        self.resources = self._resources(user, fabric, findings)
        self.discrepancies = {_identity_of_row(row): row['pk'] for row in _stored(user, fabric)} if findings else {}

    def _label(self, type_id: int) -> str:
        return next(label for label, content_type in self.types.items() if content_type.pk == type_id)

    @staticmethod
    def _existing(places: set[tuple[str, Any]]) -> set[tuple[str, Any]]:
        """Return the places where an object exists, regardless of permissions."""
        wanted: dict[str, set[Any]] = {}
        for label, pk in places:
            wanted.setdefault(label, set()).add(pk)
        found: set[tuple[str, Any]] = set()
        for label, pks in wanted.items():
            there = apps.get_model(label)._base_manager.filter(pk__in=pks).order_by().values_list('pk', flat=True)
            found.update((label, pk) for pk in there)
        return found

    @staticmethod
    def _resources(user: AnyUser, fabric: Fabric, findings: Sequence[Finding]) -> dict[tuple[str, str], str]:
        sources = {finding.source for finding in findings}
        rows = FabricResource.objects.restrict(user, 'view').filter(
            fabric=fabric, kind__in={source.kind for source in sources}, name__in={source.name for source in sources},
        ).order_by().values_list('pk', 'kind', 'name')
        return {(kind, name): FabricResource(pk=pk).get_absolute_url() for pk, kind, name in rows}

    def is_hidden(self, finding: Finding) -> bool:
        return (finding.model, finding.pk) in self.hidden

    def of(self, finding: Finding) -> dict[str, Any]:
        pk = self.discrepancies.get(identity_of(finding))
        content_type = self.types.get(finding.model)
        instance = self.objects.get((content_type.pk, finding.pk)) if content_type else None
        return {
            'object': object_label(instance) if instance else '',
            'url': instance.get_absolute_url() if instance else '',
            'resource_url': self.resources.get((finding.source.kind, finding.source.name), ''),
            'discrepancy_url': Discrepancy(pk=pk).get_absolute_url() if pk else '',
            'type_title': str(dict(DiscrepancyTypeChoices)[finding.type]),
            'color': DiscrepancyTypeChoices.colors[finding.type],
        }


def _stored(user: AnyUser, fabric: Fabric) -> Any:
    return Discrepancy.objects.restrict(user, 'view').filter(fabric=fabric).order_by().values(
        'pk', 'type', 'key', 'kind', 'name', 'field', 'digest',
    )


def _identity_of_row(row: dict[str, Any]) -> tuple[str, ...]:
    return row['type'], row['key'], row['kind'], row['name'], row['field'], row['digest']


def _visible(user: AnyUser, fabric: Fabric, findings: Sequence[Finding]) -> list[Finding]:
    """Return all if the user may view every discrepancy of the fabric, else those stored as one they may view."""
    if not findings or not user.has_perm(VIEW):
        return []
    if _views_all(user, fabric):
        return list(findings)
    stored = {_identity_of_row(row) for row in _stored(user, fabric)}
    return [finding for finding in findings if identity_of(finding) in stored]


def _views_all(user: AnyUser, fabric: Fabric) -> bool:
    """Return whether the user's permission has no constraints, or only constraints that this fabric meets."""
    if user.is_superuser or permission_is_exempt(VIEW):
        return True
    # As in NetBox's RestrictedQuerySet; has_perm() has filled it.
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
