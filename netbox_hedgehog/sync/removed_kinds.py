"""A kind that the cluster served before and that is gone for good: somebody says so, as no list ever can."""

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
    """Mark all resources of a kind as missing that the last sync found not to be served any more.

    Returns how many that were. Raises NotConfirmable for any other kind. Should the kind be served again, the next sync
    brings its resources back.
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
