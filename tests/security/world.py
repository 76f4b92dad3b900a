"""Two fabrics with everything that a fabric can have, of which one user may see a part.

What that user may see is all of `alpha` that is not called hidden-something; `bravo` and everything of it is another's.
"""

from datetime import timedelta

from core.models import Job
from dcim.models import Device, Interface, Site
from django.db import connection
from django.db.models import DateTimeField, DurationField, ExpressionWrapper, F, Value
from django.utils import timezone
from psycopg import sql

from netbox_hedgehog.events import STALE, notify_transition, raise_state_events
from netbox_hedgehog.inventory.reconcile import reconcile
from netbox_hedgehog.jobs.fabric_sync import FabricSyncJob
from netbox_hedgehog.jobs.queue import queue
from netbox_hedgehog.jobs.schedules import schedule_id
from netbox_hedgehog.models import (
    CablingCheck,
    Discrepancy,
    Fabric,
    FabricEvent,
    FabricResource,
    InventoryLink,
    InventoryRule,
    KindSync,
    SwitchHealth,
)
from netbox_hedgehog.sync.switch_health import record_health

from ..support.inventory import mirror
from ..support.pages import allow, make_fabric
from ..support.resources import load
from ..unit.faces.inventory.base import make_device, make_discrepancy, make_link

__all__ = (
    'MODELS', 'VISIBLE', 'alpha', 'bravo', 'put_bravo_in_queue', 'rows_of', 'sees_a_part', 'without_bravo',
    'without_what_is_hidden',
)

MODELS = (
    Fabric, FabricResource, InventoryLink, InventoryRule, Discrepancy, SwitchHealth, CablingCheck, FabricEvent,
)

HIDDEN = 'hidden-'

# What a user of `alpha` is given: constraints by model.
VISIBLE = {
    Fabric: {'name': 'alpha'},
    **{
        model: {'fabric__name': 'alpha', 'name__regex': rf'^(?!{HIDDEN})'}
        for model in (FabricResource, InventoryLink, InventoryRule, Discrepancy, SwitchHealth)
    },
    CablingCheck: {'fabric__name': 'alpha', 'peer__regex': rf'^(?!{HIDDEN})'},
    FabricEvent: {'fabric__name': 'alpha', 'message__regex': rf'^(?!{HIDDEN})'},
}
ACTIONS = {
    Fabric: ('view', 'add', 'change', 'delete', 'sync'), Discrepancy: ('view', 'resolve'),
    InventoryRule: ('view', 'add', 'change', 'delete'),
}


def alpha() -> Fabric:
    """A fabric with an inventory that has run once, and things in it that not everybody may see."""
    fabric = _fabric('alpha')
    spec = {
        'Server': [('hidden-server', {})],
        'Switch': [('hidden-leaf', {'role': 'server-leaf', 'profile': 'hidden-profile', 'groups': ['hidden-group']})],
        'Connection': [('hidden-server--unbundled--leaf-01', {'unbundled': {'link': {
            'server': {'port': 'hidden-server/enp1'}, 'switch': {'port': 'leaf-01/E1/40'},
        }}})],
        'VPC': [('hidden-vpc', {'ipv4Namespace': 'default', 'subnets': {'default': {'subnet': '10.99.0.0/24'}}})],
        'VPCAttachment': [('hidden-attach', {
            'connection': 'hidden-server--unbundled--leaf-01', 'subnet': 'vpc-01/default',
        })],
        'VPCPeering': [('hidden-peering', {'permit': [{'vpc-01': {}, 'hidden-vpc': {}}]})],
    }
    now = timezone.now() - timedelta(hours=2)
    FabricResource.objects.bulk_create(
        FabricResource(
            fabric=fabric, kind=kind, namespace='default', name=name, uid=f'{kind}-{name}', generation=1,
            resource_version='1', spec=spec, fingerprint='x', first_seen=now, last_read=now, changed=now,
            missing_since=now if kind == 'Server' else None,
        )
        for kind, items in spec.items() for name, spec in items
    )
    return _lived(fabric)


def bravo() -> Fabric:
    """A fabric of the same shape, all of it another's."""
    return _lived(_fabric('bravo'))


def _fabric(name: str) -> Fabric:
    site = Site.objects.create(name=f'Site of {name}', slug=f'site-{name}')
    fabric = make_fabric(
        name, description=f'{name}-description', inventory_enabled=True, inventory_auto_apply=True,
        inventory_site=site,
        inventory_name_pattern=f'{name}-{{name}}', sync_status='failed', sync_error=f'{name}-error',
        last_sync=timezone.now() - timedelta(hours=5), last_attempt=timezone.now() - timedelta(hours=4),
    )
    mirror(fabric, load('sample'))
    for rule in (f'{name}-rule', 'hidden-rule'):
        InventoryRule.objects.create(fabric=fabric, name=rule, names=f'{name}-*', exclude=True)
    return fabric


def _lived(fabric: Fabric) -> Fabric:
    """What runs leave behind: NetBox's objects with links to them, discrepancies, health, jobs."""
    reconcile(fabric)
    record_health(fabric, 0)
    Interface.objects.filter(device__site=fabric.inventory_site, name='E1/1').update(description='by hand')
    hidden = make_device(fabric.inventory_site, f'hidden-device-{fabric.name}')
    make_discrepancy(fabric, make_link(fabric, hidden, name=f'hidden-{fabric.name}'), sentence=f'hidden-{fabric.name}')
    link = InventoryLink.objects.filter(fabric=fabric, name='leaf-01', kind='Switch').first()
    make_discrepancy(fabric, link, sentence=f'The serial number in {fabric.name} was changed.')
    make_discrepancy(fabric, link, name='hidden-of-a-seen-link', sentence=f'hidden in {fabric.name}')
    for message in (f'{fabric.name}-event', 'hidden-event'):
        notify_transition(fabric.pk, message, message, STALE, message)
    for outcome in ('completed', 'failed'):
        job = FabricSyncJob.record(fabric, None)
        Job.objects.filter(pk=job.pk).update(status=outcome, data={'error': f'{fabric.name}-error'})
    # So old that nothing which tells an age tells another one minutes later.
    old = timezone.now() - timedelta(days=50, hours=12)
    lately = timezone.now() - timedelta(hours=2, minutes=30)
    FabricResource.objects.filter(fabric=fabric).update(
        first_seen=_each(old), last_read=old, changed=_each(old),
    )
    KindSync.objects.filter(fabric=fabric).update(last_read=old)
    SwitchHealth.objects.filter(fabric=fabric).update(read_at=old)
    CablingCheck.objects.filter(fabric=fabric).update(read_at=old, since=old)
    InventoryLink.objects.filter(fabric=fabric).update(created=old, last_updated=old)
    Discrepancy.objects.filter(fabric=fabric).update(since=old, last_seen=old)
    Job.objects.filter(object_id=fabric.pk).update(
        created=_each(lately), started=_each(lately), completed=_each(lately),
    )
    Fabric.objects.filter(pk=fabric.pk).update(created=old, last_updated=old, last_inventory=old)
    InventoryRule.objects.filter(fabric=fabric).update(created=old, last_updated=old)
    Device.objects.filter(site=fabric.inventory_site).update(created=old, last_updated=old)
    raise_state_events()  # so that no page tells of something first
    FabricEvent.objects.filter(fabric=fabric).update(created=old)
    fabric.refresh_from_db()
    return fabric


def _each(moment):
    """A moment of its own for each row, so that none may stand before another at one time and after it at the next."""
    second = Value(timedelta(seconds=1), output_field=DurationField())
    return Value(moment, output_field=DateTimeField()) - ExpressionWrapper(F('pk') * second, output_field=DurationField())


def sees_a_part(user) -> None:
    """Gives a user every right on what is VISIBLE, and none on the rest."""
    for model, constraints in VISIBLE.items():
        allow(user, *ACTIONS.get(model, ('view',)), model=model, constraints=constraints)
    allow(user, 'view', model=Job, constraints={'object_id': Fabric.objects.get(name='alpha').pk})
    allow(user, 'view', model=Device, constraints={'name__startswith': 'alpha-'})


def put_bravo_in_queue() -> None:
    """Lets a periodic run of the fabric that is another's wait, and one that somebody asked for."""
    bravo = Fabric.objects.get(name='bravo')
    job = FabricSyncJob.record(bravo, None)
    queue().connection.rpush(queue().key, schedule_id(bravo.pk), str(job.job_id))


def without_bravo() -> None:
    """Leaves nothing of the fabric that is another's."""
    bravo = Fabric.objects.get(name='bravo')
    queue().connection.delete(queue().key)
    Job.objects.filter(object_id=bravo.pk).delete()
    bravo.delete()


def without_what_is_hidden() -> None:
    """Leaves of alpha only what is VISIBLE."""
    for model in (
        Discrepancy, InventoryLink, InventoryRule, SwitchHealth, CablingCheck, FabricResource, FabricEvent,
    ):
        seen = model.objects.filter(**VISIBLE[model]).values_list('pk', flat=True)
        rows = model.objects.exclude(pk__in=list(seen))
        rows._raw_delete(rows.db)


TABLES = (
    'netbox_hedgehog_fabric', 'netbox_hedgehog_fabricresource', 'netbox_hedgehog_inventorylink',
    'netbox_hedgehog_inventoryrule', 'netbox_hedgehog_discrepancy', 'netbox_hedgehog_switchhealth',
    'netbox_hedgehog_cablingcheck', 'core_job', 'dcim_device', 'extras_tag',
    'extras_journalentry',
)


def rows_of() -> dict[str, set[str]]:
    """What stands in the tables that the plugin's pages and API can change."""
    found = {}
    with connection.cursor() as cursor:
        for table in TABLES:
            cursor.execute(sql.SQL('SELECT t::text FROM {} t').format(sql.Identifier(table)))
            found[table] = {row for (row,) in cursor.fetchall()}
    return found
