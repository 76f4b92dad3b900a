"""What a fabric knows of a device that no field of NetBox holds: its AS number, and the version of its software."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import F, OuterRef, QuerySet, Subquery

from ..accounts import AnyUser
from ..hedgehog.manifest import moment, number, shown, text
from ..models import FabricResource

__all__ = ('DeviceFacts', 'device_facts', 'with_facts')

# Where the facts are, by the names that a row has them under: the kind (that of the row where empty), and the field.
_PATHS = {
    'asn': ('', 'spec__asn'),
    'nos_version': ('Agent', 'status__state__nos__softwareVersion'),
    'nos_heartbeat': ('Agent', 'status__lastHeartbeat'),
}

# The kinds of devices that have any.
_KINDS = ('Gateway', 'Switch')


@dataclass(frozen=True, slots=True)
class DeviceFacts:
    """What is known of a device; None or '' is not known. `as_of` is when its agent was last heard."""

    asn: int | None
    nos_version: str
    as_of: datetime | None


def with_facts(links: QuerySet, user: AnyUser) -> QuerySet:
    """Add the facts to the managed objects of a device, as far as the user may view the resources that say them."""
    resources = FabricResource.objects.restrict(user, 'view').filter(
        fabric=OuterRef('fabric'), name=OuterRef('name'),
    ).order_by(F('missing_since').desc(nulls_first=True))
    facts: dict[str, Any] = {}
    for name, (kind, path) in _PATHS.items():
        rows = resources.filter(kind=kind or OuterRef('kind'))
        facts[name] = Subquery(rows.values(path)[:1])
    return links.annotate(**facts)


def device_facts(link: Any) -> DeviceFacts | None:
    """Return the facts that with_facts() has added, whatever a manifest holds; None for a device without any."""
    if link.kind not in _KINDS:
        return None
    version = text(link.nos_version) if link.kind == 'Switch' else ''
    version = shown(version) if version else ''
    found = DeviceFacts(number(link.asn), version, moment(link.nos_heartbeat) if version else None)
    return found if found.asn is not None or found.nos_version else None
