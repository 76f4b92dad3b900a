"""Let a user confirm that a kind was removed from the cluster for good, which no list can show."""

from django.db import transaction
from django.utils import timezone

from ..hedgehog.kinds import KIND_BY_NAME
from ..models import Fabric
from .apply import apply, stored_rows
from .compare import MirrorPlan
from .report import NOT_SERVED
from .run import settled_seconds
from .switch_health import record_health

__all__ = ('NotConfirmable', 'confirm_removed_kind')


class NotConfirmable(Exception):
    """A kind cannot be confirmed as removed. The text is a sentence."""


def confirm_removed_kind(fabric: Fabric, name: str) -> int:
    """Mark all resources of a kind that the last sync found to be no longer served as missing.

    Takes the fabric and the kind's name. Returns how many resources were marked. Raises NotConfirmable for any other
    kind. If the kind is served again, the next sync restores its resources.
    """
    kinds = (fabric.last_report or {}).get('kinds', ())
    if not any((kind['kind'], kind['outcome']) == (name, NOT_SERVED) for kind in kinds):
        raise NotConfirmable('The last sync did not report this kind as removed. Nothing was changed.')
    kind = KIND_BY_NAME[name]
    with transaction.atomic():
        rows = [row for row in stored_rows(fabric, kind).values() if row.missing_since is None]
        left = apply(fabric, kind, MirrorPlan(missing=rows), timezone.now(), complete=False)
        record_health(fabric, settled_seconds())
    return len(rows) - left
