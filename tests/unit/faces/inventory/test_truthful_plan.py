"""What a dry run says of itself is so: nothing is called done that waits, and nothing equal that differs."""

import pytest
from dcim.models import Device, DeviceRole, DeviceType, Interface, Manufacturer, Site
from django.urls import reverse
from django.utils import timezone
from users.models import User

from netbox_hedgehog.inventory.operations import accept_fabric_value
from netbox_hedgehog.inventory.planning.plan import ADOPT
from netbox_hedgehog.inventory.reconcile import plan, reconcile
from netbox_hedgehog.models import Discrepancy, Fabric, FabricEvent, FabricResource

from ....support.inventory import fabric_of, mirror
from ....support.pages import allow
from ....support.resources import small

pytestmark = pytest.mark.django_db

MATCHES = 'No changes. NetBox matches the fabric.'


@pytest.fixture
def browser(client):
    client.force_login(User.objects.create_superuser('boss'))
    return client


@pytest.fixture
def fabric():
    made = fabric_of()
    read(made)
    return made


def read(fabric):
    """The fabric was synced in full just now."""
    now = timezone.now()
    Fabric.objects.filter(pk=fabric.pk).update(sync_status='in_sync', last_sync=now, last_attempt=now)
    fabric.refresh_from_db()


def dry_run(browser, fabric):
    response = browser.get(reverse('plugins:netbox_hedgehog:fabric_dry_run', args=[fabric.pk]))
    assert response.status_code == 200
    return ' '.join(response.content.decode().split())


def device_of_the_operator(name='leaf-1', **values):
    maker = Manufacturer.objects.get_or_create(name='M', slug='m')[0]
    kind = DeviceType.objects.get_or_create(manufacturer=maker, model='HM-1', slug='hm-1')[0]
    role = DeviceRole.objects.get_or_create(name='My switch', slug='my-switch')[0]
    site = Site.objects.get_or_create(name='DC', slug='dc')[0]
    return Device.objects.create(name=name, site=site, device_type=kind, role=role, **values)


def test_it_matches_only_where_nothing_differs(browser, fabric):
    reconcile(fabric)
    assert MATCHES in dry_run(browser, fabric)
    Device.objects.filter(name='leaf-1').update(serial='MINE')
    page = dry_run(browser, fabric)
    assert MATCHES not in page
    assert 'No automatic changes.' in page
    assert '1 field differs.' in page


@pytest.mark.parametrize(('values', 'words'), [
    ({'sync_status': 'failed', 'sync_error': 'No route.'}, 'which may have changed since'),
    ({'last_sync': None}, 'This fabric has never been fully synced.'),
])
def test_it_does_not_match_a_fabric_that_nobody_has_read(browser, fabric, values, words):
    reconcile(fabric)
    Fabric.objects.filter(pk=fabric.pk).update(**values)
    page = dry_run(browser, fabric)
    assert MATCHES not in page
    assert words in page


def test_conflicts_are_counted_with_what_they_block(browser, fabric):
    for name in ('leaf-1', 'spine-1', 'server-1', 'server-2'):
        device_of_the_operator(name)
    reconcile(fabric)
    seen = plan(fabric)
    conflicts = [finding for finding in seen.findings if finding.type == 'conflict']
    blocked = len(conflicts) + sum(finding.skipped for finding in conflicts)
    page = dry_run(browser, fabric)
    assert MATCHES not in page
    assert f'{len(conflicts)} conflicts block {blocked} objects.' in page
    assert blocked > len(conflicts) > 1
    # They stand before everything else.
    assert page.index('Conflict</span>') < page.index('Removed from fabric</span>') if (
        'Removed from fabric</span>' in page
    ) else 'Conflict</span>' in page


def test_a_device_in_the_way_says_where_adoption_is_set(browser, fabric, client):
    device_of_the_operator('leaf-1')
    reconcile(fabric)
    conflict = Discrepancy.objects.get(type='conflict', name='leaf-1')
    edit = reverse('plugins:netbox_hedgehog:fabric_edit', args=[fabric.pk])
    page = browser.get(conflict.get_absolute_url()).content.decode()
    assert f'href="{edit}#id_inventory_adoption"' in page
    assert 'id="id_inventory_adoption"' in browser.get(edit).content.decode()
    assert '(now: Never)' in page
    # Nothing is offered to those who may not do it, nor where it would not help.
    user = User.objects.create_user('viewer')
    allow(user, 'view', model=Discrepancy)
    client.force_login(user)
    assert 'id_inventory_adoption' not in client.get(conflict.get_absolute_url()).content.decode()
    client.force_login(User.objects.get(username='boss'))
    Discrepancy.objects.filter(pk=conflict.pk).update(object_type=None, object_id=None)
    assert 'id_inventory_adoption' not in client.get(conflict.get_absolute_url()).content.decode()


def test_the_counts_of_objects_add_up(browser, fabric):
    reconcile(fabric)
    origins = [link.origin for link in fabric.inventory_links.all()]
    words = ', '.join(f'{origins.count(origin)} {origin}' for origin in ('created', 'adopted', 'found'))
    page = ' '.join(browser.get(fabric.get_absolute_url()).content.decode().split())
    assert f'({words})' in page
    removal = browser.get(reverse('plugins:netbox_hedgehog:fabric_inventory_disable', args=[fabric.pk]))
    assert 'Adopted and shared objects are kept.' in ' '.join(removal.content.decode().split())


def test_whoever_may_not_view_discrepancies_is_not_told_what_netbox_refused(client, fabric, settings):
    settings.CUSTOM_VALIDATORS = {'dcim.device': [{'asset_tag': {'required': True}}]}
    reconcile(fabric)
    user = User.objects.create_user('viewer')
    allow(user, 'view')
    client.force_login(user)
    page = dry_run(client, fabric)
    assert 'asset_tag' not in page


def test_findings_have_links_values_and_an_order(browser, fabric):
    reconcile(fabric)
    interface = Interface.objects.get(device__name='leaf-1', name='E1/2')
    Interface.objects.filter(pk=interface.pk).update(type='1000base-t')
    Device.objects.filter(name__in=('leaf-1', 'spine-1')).update(serial='MINE')
    reconcile(fabric)
    page = dry_run(browser, fabric)
    row = page[page.index(f'href="{interface.get_absolute_url()}"'):]
    assert row.startswith(f'href="{interface.get_absolute_url()}">leaf-1 E1/2</a>')
    row = row[:row.index('</tr>')]
    discrepancy = Discrepancy.objects.get(object_id=interface.pk, field='type')
    assert f'<a href="{discrepancy.get_absolute_url()}">' in row
    assert '1000BASE-T (1GE)' in row
    assert interface.get_type_display() in row
    switch = FabricResource.objects.get(kind='Switch', name='spine-1')
    assert f'<a href="{switch.get_absolute_url()}">spine-1</a>' in page
    places = [page.index(f'href="{found.get_absolute_url()}"') for found in (
        Device.objects.get(name='leaf-1'), interface, Device.objects.get(name='spine-1'),
    )]
    assert places == sorted(places)


def test_what_waits_for_confirmation_is_not_reported_as_done(browser, fabric):
    reconcile(fabric)
    mirror(fabric, [item for item in small() if item.name != 'leaf-1'])
    reconcile(fabric)
    held = Fabric.objects.get().inventory_unconfirmed
    assert held
    count = held['count']
    assert sum(held['counts'].values()) == count
    orphan = Discrepancy.objects.get(type='orphan', kind='Switch', name='leaf-1')
    assert orphan.sentence.startswith('Switch leaf-1 was removed from the fabric. ')
    assert orphan.sentence.endswith(' will be marked stale once you confirm the removal.')
    assert not Discrepancy.objects.filter(sentence__endswith=' marked stale.').exists()
    (sentence,) = held['sentences']
    assert sentence.startswith(f'{count} NetBox objects would be marked stale (1 device, ')
    assert 'dcim.' not in sentence
    # Every page of it leads to the one with the button, and that one not to itself.
    url = reverse('plugins:netbox_hedgehog:fabric_dry_run', args=[fabric.pk])
    for path in (fabric.get_absolute_url(), orphan.get_absolute_url()):
        assert f'href="{url}">Review</a>' in browser.get(path).content.decode()
    page = dry_run(browser, fabric)
    assert '>Review</a>' not in page
    assert 'Confirm removal' in page


def test_once_confirmed_it_is_reported_as_done(fabric):
    reconcile(fabric)
    mirror(fabric, [item for item in small() if not item.name.startswith('server-1')])
    gone = next(finding for finding in plan(fabric).findings if finding.type == 'orphan')
    assert gone.planned_sentence.endswith(' will be marked stale.')
    reconcile(fabric)
    assert Discrepancy.objects.filter(type='orphan', sentence__endswith=' marked stale.').exists()


def test_people_are_notified_of_all_types_by_their_names(fabric):
    from netbox_hedgehog.jobs.inventory import reconcile_and_report

    reconcile(fabric)
    mirror(fabric, [item for item in small() if item.name != 'leaf-1'])
    reconcile_and_report(fabric)
    event = FabricEvent.objects.get(event_type='hedgehog_bulk_removal_pending')
    assert 'awaiting confirmation: 1 device, ' in event.message
    assert 'dcim.' not in event.message


def test_an_adopted_device_differs_since_its_adoption_type_and_role_included(browser):
    theirs = device_of_the_operator(serial='THEIRS')
    fabric = fabric_of(inventory_adoption='name')
    seen = plan(fabric)
    assert {action.type for action in seen.actions if action.key == 'device/switch/leaf-1'} == {ADOPT}
    for _ in range(2):
        reconcile(fabric)
        rows = Discrepancy.objects.filter(key='device/switch/leaf-1', type='field')
        assert set(rows.values_list('field', flat=True)) == {'serial', 'device_type', 'role'}
        assert all(row.sentence.endswith('differs from the fabric since its adoption.') for row in rows)
    theirs.refresh_from_db()
    assert (theirs.serial, theirs.role.name, theirs.device_type.model) == ('THEIRS', 'My switch', 'HM-1')
    page = browser.get(rows.get(field='role').get_absolute_url()).content.decode()
    assert 'Changed in NetBox' not in page
    # A person may decide for the fabric.
    assert accept_fabric_value(rows.filter(field='device_type')).resolved == 1
    theirs.refresh_from_db()
    assert theirs.device_type.model != 'HM-1'
    reconcile(fabric)
    assert set(rows.all().values_list('field', flat=True)) == {'serial', 'role'}


def test_what_a_person_changed_afterwards_differs_and_nothing_more_is_said(fabric):
    reconcile(fabric)
    Device.objects.filter(name='leaf-1').update(serial='MINE')
    reconcile(fabric)
    assert Discrepancy.objects.get(field='serial').sentence == 'Device leaf-1: serial number differs from the fabric.'


def test_who_may_view_no_discrepancy_is_not_told_that_all_is_equal(client, fabric):
    reconcile(fabric)
    Device.objects.filter(name='leaf-1').update(serial='MINE')
    viewer = User.objects.create_user('viewer')
    allow(viewer, 'view')
    client.force_login(viewer)
    page = dry_run(client, fabric)
    assert MATCHES not in page
    assert 'You do not have permission to view all discrepancies.' in page
