"""Objects that several fabrics may need, while a plan is applied: other fabrics may write at the same moment."""

from collections.abc import Collection
from typing import Any

from django.contrib.contenttypes.models import ContentType
from django.db.models import QuerySet

from ...models import Fabric, InventoryLink, lock_objects
from ..mapping.types import DesiredObject, Ref
from ..planning.fields import model_of
from ..planning.model_specs import DEVICE, INTERFACE, identity_fields
from .context import ApplyContext

__all__ = ('find_managed', 'lock_devices_of', 'lock_managed', 'shared_with_others')


def lock_devices_of(context: ApplyContext) -> None:
    """Lock the existing devices that a plan touches, before anything is written.

    NetBox counts a device's interfaces in its row: whoever adds one to a device that is shared writes the device too.
    """
    plan = context.plan
    pks = {record.pk for record in plan.records if record.model == DEVICE}
    pks |= {action.pk for action in plan.actions if action.model == DEVICE and action.pk is not None}
    for action in plan.actions:
        if action.model != INTERFACE:
            continue
        obj, link = context.desired.objects.get(action.key), context.link_of(action.key)
        ref = obj.fields.get('device') if obj is not None else None
        device = context.pks.get(ref.key) if isinstance(ref, Ref) else None
        if device is None and link is not None:
            device = (link.values or {}).get('device')
        if device is not None:
            pks.add(device)
    lock_objects(model_of(DEVICE), pks)


def lock_managed(label: str, pks: Collection[int]) -> dict[int, str]:
    """Return which of these objects exist and are managed, each with the kind of resource that it comes from.

    None is deleted, adopted or released before the transaction ends.
    """
    found = lock_objects(model_of(label), pks)
    return dict(_managed(label).filter(object_id__in=found).values_list('object_id', 'kind'))


def find_managed(fabric: Fabric, obj: DesiredObject, values: dict[str, Any]) -> int | None:
    """Return what another fabric has just created in this place for a resource of the same kind, by its ID."""
    place = {name: values.get(name) for name in identity_fields(obj.model)}
    if obj.model == DEVICE:
        place['name__iexact'] = place.pop('name')
    same = model_of(obj.model)._default_manager.filter(**place).values('pk')
    found = _managed(obj.model).filter(object_id__in=same, kind=obj.source.kind).exclude(fabric=fabric)
    pk = found.values_list('object_id', flat=True).first()
    return pk if pk is not None and pk in lock_managed(obj.model, [pk]) else None


def shared_with_others(label: str, pks: Collection[int], fabric: Fabric) -> set[int]:
    """Return which of these objects other fabrics share. None begins to before the transaction ends."""
    locked = model_of(label)._default_manager.filter(pk__in=pks).order_by('pk').select_for_update(of=('self',))
    links = InventoryLink.objects.filter(
        object_type=_type_of(label), object_id__in=list(locked.values_list('pk', flat=True)), shared=True,
    )
    return set(links.exclude(fabric=fabric).values_list('object_id', flat=True))


def _managed(label: str) -> QuerySet[InventoryLink]:
    return InventoryLink.objects.filter(object_type=_type_of(label), shared=False).order_by('pk')


def _type_of(label: str) -> ContentType:
    return ContentType.objects.get_for_model(model_of(label))
