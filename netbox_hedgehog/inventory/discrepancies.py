"""Store the findings of a sync as discrepancies: add new ones, update existing ones, and remove the others."""

from collections.abc import Collection, Iterable
from datetime import datetime
from typing import Any

from django.conf import settings
from django.contrib.contenttypes.models import ContentType
from django.db.models import QuerySet
from django.utils.translation import override
from extras.models import CachedValue
from netbox.search.backends import search_backend

from ..choices import DiscrepancyStateChoices, DiscrepancyTypeChoices
from ..issues import digest_of
from ..models import Discrepancy, Fabric, InventoryLink
from .planning.fields import model_of
from .planning.plan import Finding
from .refusals import Refusals

__all__ = ('identity_of', 'record', 'remove')

BATCH = 1000
DELETED = DiscrepancyTypeChoices.DELETED
CONTENT = (
    'code', 'parameters', 'sentence', 'scope', 'link_id', 'object_type_id', 'object_id', 'fabric_value',
    'netbox_value', 'refused',
)


def record(
    fabric: Fabric, findings: Iterable[Finding], now: datetime, refusals: Refusals | None = None,
    remembered: Collection[str] = (),
) -> tuple[int, int]:
    """Store the discrepancies of a fabric, and the actions that NetBox has refused because of them.

    Decisions of people are kept: a discrepancy stays the same one while it is about the same thing, whatever values it
    shows, and one on a deleted object while its key is `remembered`. Returns how many are new and how many are
    resolved.
    """
    found: dict[tuple[str, str, str, str, str, str], Finding] = {}
    for finding in findings:
        found.setdefault(identity_of(finding), finding)
    stored = {
        (row.type, row.key, row.kind, row.name, row.field, row.digest): row
        for row in Discrepancy.objects.filter(fabric=fabric).order_by()
    }
    if not found and not stored:
        return 0, 0
    links = _links(fabric, found.values())
    new, changed = [], []
    for identity, finding in found.items():
        values = _values(finding, links, refusals or {})
        row = stored.get(identity)
        if row is None:
            new.append(Discrepancy(
                fabric=fabric, type=finding.type, key=finding.key, kind=finding.source.kind, name=finding.source.name,
                field=finding.field, digest=identity[-1], since=now, last_seen=now, **values,
            ))
        elif any(getattr(row, name) != value for name, value in values.items()):
            _update(row, values)
            changed.append(row)
    deleted = {row.pk for row in stored.values() if row.type == DELETED and row.key in remembered}
    over = [row.pk for identity, row in stored.items() if identity not in found and row.pk not in deleted]
    if over:
        remove(Discrepancy.objects.filter(pk__in=over))
    if changed:
        Discrepancy.objects.bulk_update(changed, [*CONTENT, 'state'], batch_size=BATCH)
    if len(stored) > len(over):
        Discrepancy.objects.filter(fabric=fabric).update(last_seen=now)
    Discrepancy.objects.bulk_create(new, batch_size=BATCH)
    if new:
        # NetBox's search index learns of objects by signals, which bulk writes do not send.
        search_backend.cache(new, remove_existing=False)
    return len(new), len(over)


def _links(fabric: Fabric, findings: Iterable[Finding]) -> dict[str, int]:
    """Return the IDs of the links that these findings are about, by key."""
    keys = {finding.key for finding in findings if finding.key}
    return dict(InventoryLink.objects.filter(fabric=fabric, key__in=keys).order_by().values_list('key', 'pk'))


def _update(row: Discrepancy, values: dict[str, Any]) -> None:
    """Set the values of a discrepancy. One on a deleted object that stays deleted is reopened if the fabric changes."""
    is_other = row.fabric_value != values['fabric_value'] and row.type != DiscrepancyTypeChoices.FIELD
    if row.state == DiscrepancyStateChoices.KEPT and is_other:
        row.state = DiscrepancyStateChoices.OPEN
    for name, value in values.items():
        setattr(row, name, value)


def remove(rows: QuerySet[Discrepancy]) -> None:
    """Delete discrepancies without loading them, and remove them from the search index."""
    CachedValue.objects.filter(
        object_type=ContentType.objects.get_for_model(Discrepancy), object_id__in=rows.order_by().values('pk'),
    )._raw_delete(CachedValue.objects.db)
    rows._raw_delete(Discrepancy.objects.db)


def identity_of(finding: Finding) -> tuple[str, str, str, str, str, str]:
    """Return the identity of a finding. It depends neither on wording nor on how many objects are concerned.

    A resource may have several issues without a key: their code and parameters distinguish them.
    """
    digest = '' if finding.key else digest_of(finding.code, finding.parameters)
    return finding.type, finding.key, finding.source.kind, finding.source.name, finding.field, digest


def _stored_sentence(finding: Finding) -> str:
    """Return the sentence in NetBox's default language, for search, exports and the API, whoever runs the sync."""
    with override(settings.LANGUAGE_CODE):
        return finding.sentence


def _values(finding: Finding, links: dict[str, int], refusals: Refusals) -> dict[str, Any]:
    return {
        'code': str(finding.code),
        'parameters': dict(finding.parameters),
        'sentence': _stored_sentence(finding),
        'scope': finding.scope,
        'link_id': links.get(finding.key),
        'object_type_id': (
            ContentType.objects.get_for_model(model_of(finding.model)).pk if finding.model and finding.pk else None
        ),
        'object_id': finding.pk if finding.model else None,
        'fabric_value': finding.fabric_value,
        'netbox_value': finding.netbox_value,
        'refused': refusals.get((finding.type, finding.key), []),
    }
