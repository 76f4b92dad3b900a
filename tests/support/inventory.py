"""A fabric with a mirror, as a run of the engine leaves it, without a cluster."""

from datetime import timedelta
from typing import Any

from dcim.models import Site
from django.utils import timezone

from netbox_hedgehog.hedgehog.kinds import KINDS
from netbox_hedgehog.inventory.mapping.types import Resource
from netbox_hedgehog.inventory.reconcile import reconcile
from netbox_hedgehog.models import Fabric, FabricResource, InventoryLink, KindSync

from .resources import load, small
from .snapshots import prepared


def fabric_of(resources: list[Resource] | str = 'small', name: str = 'dc-1', **settings: Any) -> Fabric:
    """A fabric whose mirror holds these resources, with an inventory at a site of its own."""
    settings.setdefault('inventory_enabled', True)
    settings.setdefault('inventory_auto_apply', True)
    if 'inventory_site' not in settings:
        settings['inventory_site'] = Site.objects.get_or_create(name='DC', slug='dc')[0]
    fabric = Fabric.objects.create(name=name, **settings)
    if isinstance(resources, str):
        resources = small() if resources == 'small' else load(resources)
    mirror(fabric, resources)
    return fabric


def synced(resources: list[Resource] | str = 'small', name: str = 'dc-1', **settings: Any) -> Fabric:
    """fabric_of(…) after its first inventory sync."""
    (fabric,) = prepared(_synced, resources, name, **settings)
    return fabric


def _synced(resources: list[Resource] | str, name: str, **settings: Any) -> tuple[Fabric]:
    fabric = fabric_of(resources, name, **settings)
    reconcile(fabric)
    return (fabric,)


def settled(resources: list[Resource], **settings: Any) -> Fabric:
    """synced(…), and synced once more: the second time there is nothing to do."""
    (fabric,) = prepared(_settled, resources, **settings)
    return fabric


def _settled(resources: list[Resource], **settings: Any) -> tuple[Fabric]:
    fabric = fabric_of(resources, **settings)
    again(fabric, resources)
    return (fabric,)


def mirror(fabric: Fabric, resources: list[Resource]) -> None:
    """Let the mirror hold these; what it held beside them is missing from now on."""
    now = timezone.now()
    names = {(resource.kind, resource.name) for resource in resources}
    for row in FabricResource.objects.filter(fabric=fabric, missing_since=None):
        if (row.kind, row.name) not in names:
            FabricResource.objects.filter(pk=row.pk).update(missing_since=now)
    FabricResource.objects.bulk_create(
        [
            FabricResource(
                fabric=fabric, kind=resource.kind, namespace='default', name=resource.name,
                uid=f'{resource.kind}-{resource.name}'[:64], generation=resource.generation or 1,
                resource_version='1', spec=dict(resource.spec), status=dict(resource.status), fingerprint='x',
                annotations=dict(resource.annotations), first_seen=now, last_read=now, changed=now,
            )
            for resource in resources
        ],
        update_conflicts=True, unique_fields=('fabric', 'kind', 'namespace', 'name'),
        update_fields=('spec', 'status', 'generation', 'annotations', 'missing_since'),
    )
    KindSync.objects.bulk_create(
        [KindSync(fabric=fabric, kind=kind.name, last_read=now) for kind in KINDS],
        update_conflicts=True, unique_fields=('fabric', 'kind'), update_fields=('last_read',),
    )


def grace_is_over(fabric: Fabric) -> None:
    """Lets runs and time pass, so that what is stale may be deleted."""
    InventoryLink.objects.filter(fabric=fabric, stale_since__isnull=False).update(
        stale_since=timezone.now() - timedelta(hours=25), stale_syncs=3,
    )


def again(fabric: Fabric, found: list[Resource]) -> None:
    """Reconcile with these resources, twice: the second time there is nothing to do."""
    mirror(fabric, found)
    reconcile(fabric, confirmed=True)
    assert not reconcile(fabric, confirmed=True).changes


def removed(fabric: Fabric, found: list[Resource]) -> None:
    """Reconcile with these resources before and after the grace of what is no longer among them."""
    again(fabric, found)
    grace_is_over(fabric)
    again(fabric, found)
