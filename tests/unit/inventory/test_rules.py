"""Rules of a fabric's inventory in NetBox: at creation, on request to what exists, and what they exclude."""

import pytest
from core.models import ObjectChange, ObjectType
from dcim.models import Cable, Device, DeviceRole, Interface, Location, Rack, Site
from extras.models import Tag
from ipam.models import VLAN, VRF, IPAddress, Prefix, VLANGroup
from tenancy.models import Tenant
from users.models import ObjectPermission, User

from netbox_hedgehog.inventory.disable import plan_removal
from netbox_hedgehog.inventory.errors import InventoryRefused, NotPermitted, PlanMoved
from netbox_hedgehog.inventory.operations import keep_netbox_value
from netbox_hedgehog.inventory.reconcile import plan, reconcile
from netbox_hedgehog.models import Discrepancy, FabricResource, InventoryLink, InventoryRule

from ...support.inventory import fabric_of, grace_is_over, mirror, synced
from ...support.machines import plane
from ...support.resources import make, small

pytestmark = pytest.mark.django_db


def rule(fabric, name='rule', tags=(), **values) -> InventoryRule:
    created = InventoryRule(fabric=fabric, name=name, **values)
    created.full_clean()
    created.check_tags(tags)
    created.save()
    created.object_tags.set(tags)
    return created


@pytest.fixture
def fabric():
    return fabric_of()


@pytest.fixture
def place():
    site = Site.objects.create(name='Annex', slug='annex')
    return site, Location.objects.create(name='Row A', slug='row-a', site=site)


@pytest.fixture
def tenant():
    return Tenant.objects.create(name='Acme', slug='acme')


@pytest.fixture
def tag():
    return Tag.objects.create(name='Lab', slug='lab')


def settled(fabric) -> bool:
    return not reconcile(fabric).changes


def apply_rules(fabric, **more):
    return reconcile(fabric, expected_digest=plan(fabric, apply_rules=True).digest, apply_rules=True, **more)


def test_new_objects_get_what_the_rules_say(fabric, place, tenant, tag):
    site, location = place
    role = DeviceRole.objects.create(name='Leaf', slug='leaf')
    rule(fabric, 'leaves', kinds=['Switch'], names='leaf-*', site=site, location=location, role=role, tags=[tag])
    rule(fabric, 'tenant', kinds=['VPC', 'Connection', 'Switch'], tenant=tenant)
    rule(fabric, 'group', kinds=['VLANNamespace'], site=site, tags=[tag])
    rule(fabric, 'vpcs', kinds=['VPC'], vrf_name='{vpc}', tags=[tag])
    report = reconcile(fabric)
    assert not Discrepancy.objects.exists()
    leaf, spine = Device.objects.get(name='leaf-1'), Device.objects.get(name='spine-1')
    assert (leaf.site, leaf.location, leaf.role, leaf.tenant, [*leaf.tags.all()]) == (
        site, location, role, tenant, [tag],
    )
    assert (spine.site, spine.location, spine.tenant, [*spine.tags.all()]) == (fabric.inventory_site, None, tenant, [])
    assert Interface.objects.get(device=leaf, name='E1/1')._site == site
    vrf = VRF.objects.get(name='vpc-1')
    assert (vrf.tenant, [*vrf.tags.all()]) == (tenant, [tag])
    assert Prefix.objects.get(vrf=vrf).tenant == tenant
    assert [*VLAN.objects.get().tags.all()] == [tag]
    group = VLANGroup.objects.get()
    assert (group.scope, [*group.tags.all()]) == (site, [tag])
    assert {cable.tenant for cable in Cable.objects.all()} == {tenant}
    assert report.counts == {**plan(fabric).counts, 'create': report.changes}
    assert settled(fabric)


def test_tags_are_in_the_change_log(fabric, tag):
    rule(fabric, kinds=['Switch', 'Connection'], tags=[tag])
    reconcile(fabric)
    for model, count in ((Device, 2), (Cable, 4)):
        content_type = ObjectType.objects.get_for_model(model)
        changes = ObjectChange.objects.filter(changed_object_type=content_type, action='create')
        tagged = [change for change in changes if change.postchange_data['tags'] == ['Lab']]
        assert len(tagged) == count, model
    assert all(cable.tags.count() == 1 for cable in Cable.objects.all())


def test_labels_of_the_mirror_are_matched(fabric, tenant):
    FabricResource.objects.filter(name='server-1').update(labels={'row': 'a'})
    rule(fabric, kinds=['Server'], label_selector='row=a', tenant=tenant)
    reconcile(fabric)
    assert [device.name for device in Device.objects.filter(tenant=tenant)] == ['server-1']


def test_a_rule_does_not_change_what_exists(fabric, place, tenant, tag):
    reconcile(fabric)
    rule(fabric, site=place[0], location=place[1], tags=[tag], tenant=tenant, vrf_name='{vpc}')
    assert not plan(fabric).actions
    assert settled(fabric)
    assert not Discrepancy.objects.exists()
    assert not Device.objects.filter(site=place[0]).exists()
    assert VRF.objects.filter(name='vpc-1 (dc-1)').exists()


def test_a_rule_that_is_removed_or_disabled_changes_nothing_either(fabric, place):
    gone = rule(fabric, kinds=['Switch'], site=place[0])
    reconcile(fabric)
    gone.delete()
    assert settled(fabric)
    assert Device.objects.filter(site=place[0]).count() == 2
    rule(fabric, kinds=['Server'], site=place[0], enabled=False)
    mirror(fabric, [*small(), make('Server', 'server-3')])
    reconcile(fabric)
    assert Device.objects.get(name='server-3').site == fabric.inventory_site


# On request


def test_rules_are_applied_to_what_exists_on_request(fabric, place, tenant, tag):
    site, location = place
    reconcile(fabric)
    theirs = Tag.objects.create(name='Theirs', slug='theirs')
    Device.objects.get(name='leaf-1').tags.add(theirs)
    rule(fabric, 'leaves', kinds=['Switch'], names='leaf-*', site=site, location=location, tags=[tag])
    rule(fabric, 'all', tenant=tenant)
    rule(fabric, 'vpcs', kinds=['VPC'], vrf_name='{vpc}', tags=[tag])
    rule(fabric, 'group', kinds=['VLANNamespace'], site=site)
    shown = plan(fabric, apply_rules=True)
    leaf = next(action for action in shown.actions if action.key == 'device/switch/leaf-1')
    assert {change.field: (change.old_text, change.new_text) for change in leaf.changes} == {
        'location': ('', 'Row A'), 'site': ('DC', 'Annex'), 'tags': ('Theirs', 'Lab, Theirs'), 'tenant': ('', 'Acme'),
    }
    report = apply_rules(fabric)
    assert report.changes == len(shown.actions)
    device = Device.objects.get(name='leaf-1')
    assert (device.site, device.location, device.tenant) == (site, location, tenant)
    assert {*device.tags.all()} == {tag, theirs}
    assert VRF.objects.get(name='vpc-1').tenant == tenant
    assert VLANGroup.objects.get().scope == site
    assert {cable.tenant for cable in Cable.objects.all()} == {tenant}
    assert not plan(fabric, apply_rules=True).actions
    assert settled(fabric)
    assert not Discrepancy.objects.exists()
    # What a rule gave is not managed: nothing is taken back, and a person's change is theirs.
    Device.objects.filter(name='leaf-1').update(tenant=None)
    InventoryRule.objects.filter(name='leaves').delete()
    assert settled(fabric)
    assert Device.objects.get(name='leaf-1').site == site


def test_only_the_plan_that_was_reviewed_is_applied(fabric, tenant):
    reconcile(fabric)
    rule(fabric, kinds=['Switch'], tenant=tenant)
    without, with_rules = plan(fabric).digest, plan(fabric, apply_rules=True).digest
    assert without != with_rules
    for digest, apply in ((without, True), (with_rules, False)):
        with pytest.raises(PlanMoved):
            reconcile(fabric, expected_digest=digest, apply_rules=apply)
    assert not Device.objects.filter(tenant=tenant).exists()


def test_applying_rules_takes_the_permission_to_change_the_objects(fabric, tenant):
    reconcile(fabric)
    rule(fabric, kinds=['Switch'], tenant=tenant)
    user = User.objects.create_user('someone')
    with pytest.raises(NotPermitted, match=r'dcim\.change_device'):
        apply_rules(fabric, user=user)
    assert not Device.objects.filter(tenant=tenant).exists()
    permission = ObjectPermission.objects.create(name='devices', actions=['change'])
    permission.users.add(user)
    # The addresses of a switch get its tenant, too.
    permission.object_types.set([ObjectType.objects.get_for_model(model) for model in (Device, IPAddress)])
    apply_rules(fabric, user=User.objects.get(pk=user.pk))
    assert Device.objects.filter(tenant=tenant).count() == 2


def test_of_an_adopted_object_only_empty_fields_are_filled_in(place, tenant, tag):
    fabric = fabric_of(inventory_adoption='name')
    role = DeviceRole.objects.create(name='Mine', slug='mine')
    reconcile(fabric)
    leaf = Device.objects.get(name='leaf-1')
    InventoryLink.objects.filter(name='leaf-1', key__startswith='device/').update(origin='adopted')
    rule(fabric, kinds=['Switch'], site=place[0], location=place[1], role=role, tenant=tenant, tags=[tag])
    apply_rules(fabric)
    adopted, created = Device.objects.get(pk=leaf.pk), Device.objects.get(name='spine-1')
    assert (adopted.site, adopted.location, adopted.role) == (leaf.site, None, leaf.role)
    assert (adopted.tenant, [*adopted.tags.all()]) == (tenant, [tag])
    assert (created.site, created.location, created.role) == (*place, role)


def test_a_kept_value_stays(place):
    fabric = synced()
    link = InventoryLink.objects.get(key='device/switch/leaf-1')
    role = DeviceRole.objects.create(name='Mine', slug='mine')
    link.origin, link.kept = 'adopted', []
    link.save()
    rule(fabric, kinds=['Switch'], role=role)
    reconcile(fabric)
    keep_netbox_value(Discrepancy.objects.filter(field='role'))
    link.refresh_from_db()
    assert link.kept == ['role']
    InventoryLink.objects.filter(pk=link.pk).update(origin='created')
    apply_rules(fabric)
    assert Device.objects.get(name='leaf-1').role != role
    assert Device.objects.get(name='spine-1').role == role


def test_a_device_does_not_move_to_where_another_has_its_name(fabric, place):
    reconcile(fabric)
    leaf = Device.objects.get(name='leaf-1')
    other = Device.objects.create(name='leaf-1', site=place[0], role=leaf.role, device_type=leaf.device_type)
    rule(fabric, kinds=['Switch'], site=place[0], location=place[1])
    report = apply_rules(fabric)
    assert report.findings == {'conflict': 1}
    assert f'#{other.pk}' in Discrepancy.objects.get().sentence
    leaf.refresh_from_db()
    assert (leaf.site, leaf.location) == (fabric.inventory_site, None)
    assert Device.objects.get(name='spine-1').site == place[0]


def test_what_netbox_refuses_is_reported_and_the_rest_is_applied(fabric, place):
    """A rack of the old site holds the device there."""
    reconcile(fabric)
    rack = Rack.objects.create(name='R1', site=fabric.inventory_site)
    Device.objects.filter(name='leaf-1').update(rack=rack)
    rule(fabric, kinds=['Switch'], site=place[0])
    apply_rules(fabric)
    assert Device.objects.get(name='leaf-1').site == fabric.inventory_site
    assert Device.objects.get(name='spine-1').site == place[0]
    assert 'leaf-1' in Discrepancy.objects.get().sentence


# Names of VRFs


def test_two_fabrics_do_not_share_a_vrf_name_by_accident():
    one, two = fabric_of(name='one'), fabric_of(
        [make('IPv4Namespace', 'default'), make('VPC', 'vpc-1', ipv4Namespace='default', subnets={})], name='two',
    )
    for fabric in (one, two):
        rule(fabric, kinds=['VPC'], vrf_name='{vpc}')
        reconcile(fabric)
    assert VRF.objects.filter(name='vpc-1').count() == 1
    assert Discrepancy.objects.get(fabric=two).sentence == (
        'VRF vpc-1 skipped: it already exists and is managed by another fabric.'
    )


def test_an_existing_vrf_is_not_renamed_to_the_name_of_another(fabric):
    mirror(fabric, [*small(), make('VPC', 'vpc-2', ipv4Namespace='default', subnets={})])
    first = rule(fabric, kinds=['VPC'], names='vpc-1', vrf_name='PROD')
    reconcile(fabric)
    first.names = 'vpc-2'
    first.save()
    report = apply_rules(fabric)
    assert VRF.objects.filter(name='PROD').count() == 1
    assert VRF.objects.filter(name='vpc-2 (dc-1)').exists()
    assert report.findings['conflict'] == 1


# Exclusion


def test_what_is_excluded_is_not_created(fabric):
    rule(fabric, 'no servers', kinds=['Server'], exclude=True)
    rule(fabric, 'no VPCs', kinds=['VPC'], exclude=True)
    reconcile(fabric)
    assert not Discrepancy.objects.exists()
    assert {device.name for device in Device.objects.all()} == {'leaf-1', 'spine-1'}
    assert Cable.objects.count() == 1
    assert not VLAN.objects.exists()
    assert Interface.objects.get(device__name='leaf-1', name='E1/2').enabled
    assert settled(fabric)


@pytest.mark.parametrize('removal', ['mark', 'delete'])
def test_objects_of_what_is_excluded_stay_as_they_are(removal):
    fabric = synced(inventory_removal=removal)
    before = {link.place: link.written for link in _links(fabric)}
    device = Device.objects.get(name='server-2')
    excluding = rule(fabric, 'lab', names='server-2, vpc-1', exclude=True)
    for _sync in range(2):
        assert settled(fabric)
        grace_is_over(fabric)
    assert {link.place: link.written for link in _links(fabric)} == before
    assert not InventoryLink.objects.exclude(stale_since=None).exists()
    assert Discrepancy.objects.get().sentence == (
        'The inventory rule lab excludes resources with objects in NetBox: 8 objects are kept and no longer updated.'
    )
    # They are not updated: what a person changes is no discrepancy.
    Device.objects.filter(pk=device.pk).update(name='mine')
    assert settled(fabric)
    assert Discrepancy.objects.count() == 1
    # As soon as the rule is gone they are managed as before.
    Device.objects.filter(pk=device.pk).update(name='server-2')
    excluding.delete()
    assert settled(fabric)
    assert not Discrepancy.objects.exists()
    assert 'device/server/server-2' in {action.key for action in plan_removal(fabric).actions}


def _links(fabric):
    for link in InventoryLink.objects.filter(fabric=fabric):
        link.place = link.object_type_id, link.object_id
        yield link


def test_vlans_of_an_excluded_vpc_stay_on_its_ports(fabric):
    found = [
        *small(),
        make('VPC', 'vpc-2', ipv4Namespace='default', vlanNamespace='default', subnets={
            'web': {'subnet': '10.0.2.0/24', 'vlan': 1002},
        }),
        make('VPCAttachment', 'vpc-2--server-1', subnet='vpc-2/web', connection='server-1--unbundled--leaf-1'),
    ]
    mirror(fabric, found)
    reconcile(fabric)
    rule(fabric, names='vpc-2', exclude=True)
    assert settled(fabric)
    port = Interface.objects.get(device__name='leaf-1', name='E1/2')
    assert {vlan.vid for vlan in port.tagged_vlans.all()} == {1001, 1002}


def test_a_port_of_an_excluded_vpc_gets_the_vlans_of_others(fabric):
    mirror(fabric, [
        *small(),
        make('VPC', 'vpc-2', ipv4Namespace='default', vlanNamespace='default', subnets={
            'web': {'subnet': '10.0.2.0/24', 'vlan': 1002},
        }),
        make('VPCAttachment', 'vpc-2--server-1', subnet='vpc-2/web', connection='server-1--unbundled--leaf-1'),
    ])
    rule(fabric, names='vpc-2', exclude=True)
    reconcile(fabric)
    assert not Discrepancy.objects.exists()
    port = Interface.objects.get(device__name='leaf-1', name='E1/2')
    assert {vlan.vid for vlan in port.tagged_vlans.all()} == {1001}
    assert settled(fabric)


def test_what_is_removed_from_the_fabric_is_no_longer_excluded(fabric):
    reconcile(fabric)
    rule(fabric, kinds=['Server'], exclude=True)
    mirror(fabric, [item for item in small() if 'server-2' not in item.name])
    reconcile(fabric, confirmed=True)
    assert InventoryLink.objects.get(key='device/server/server-2').stale_since is not None
    assert InventoryLink.objects.get(key='device/server/server-1').stale_since is None


# Servers of several fabrics


def test_a_server_is_one_device_where_rules_of_both_fabrics_give_it_one_site(place):
    east, west = (fabric_of(plane(name, range(1, 3)), name=name) for name in ('east', 'west'))
    FabricResource.objects.filter(kind='Server').update(labels={'annex': ''})
    rule(east, kinds=['Server'], site=place[0])
    rule(west, label_selector='annex', site=place[0])
    for fabric in (east, west):
        reconcile(fabric)
    assert Device.objects.filter(name='node-1').count() == 1
    # People have moved and renamed it: it is the same by the settings and rules of both.
    Device.objects.filter(name='node-1').update(name='moved', site=west.inventory_site)
    InventoryLink.objects.filter(fabric=west).delete()
    reconcile(west)
    assert not Device.objects.filter(name='node-1').exists()


def test_a_server_is_another_device_where_a_rule_gives_it_another_site(place):
    east, west = (fabric_of(plane(name, range(1, 3)), name=name) for name in ('east', 'west'))
    rule(west, kinds=['Server'], names='node-1', site=place[0])
    for fabric in (east, west):
        reconcile(fabric)
        assert settled(fabric)
    assert Device.objects.filter(name='node-1').count() == 2
    assert Device.objects.filter(name='node-2').count() == 1


def test_a_rule_that_cannot_be_read_stops_the_inventory(fabric):
    broken = rule(fabric, names='leaf-*', exclude=True)
    InventoryRule.objects.filter(pk=broken.pk).update(names='leaf-[')
    with pytest.raises(InventoryRefused, match='rule cannot be used'):
        reconcile(fabric)
    assert not Device.objects.exists()


def test_statements_do_not_grow_with_tagged_objects(tag):
    reconcile(fabric_of())  # what is looked up once a process
    more = []
    for count in (2, 6):
        statements = []
        for name, tags in ((f'plain-{count}', ()), (f'tagged-{count}', [tag])):
            site = Site.objects.create(name=name, slug=name)
            fabric = fabric_of(plane(name, range(1, count)), name=name, inventory_site=site)
            tenant = Tenant.objects.create(name=name, slug=name)
            rule(fabric, kinds=['Server', 'Connection'], tenant=tenant, tags=tags)
            statements.append(reconcile(fabric).statements)
        more.append(statements[1] - statements[0])
    assert max(more) <= 8
