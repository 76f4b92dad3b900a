"""What rules give to the objects of resources, and what becomes of what depends on an excluded one."""

from dataclasses import replace

from netbox_hedgehog.hedgehog.rules import Conditions, parse_names, parse_selector
from netbox_hedgehog.inventory.mapping.desired import desired
from netbox_hedgehog.inventory.mapping.rules import Rule, RuleValues, values_for
from netbox_hedgehog.inventory.mapping.types import Desired, ExistingRef, Options, Resource, Source

from ....support.mapping_rules import check, said
from ....support.resources import load, make, small

SITE, LOCATION, TENANT, ROLE, TAG = 11, 12, 13, 14, 15


def rule(kinds: str = '', names: str = '', selector: str = '', name: str = 'rule', **values) -> Rule:
    conditions = Conditions(frozenset(kinds.split()), parse_names(names), parse_selector(selector))
    return Rule(name, conditions, **values)


def mapped(*rules: Rule, resources: list[Resource] | None = None, **settings) -> Desired:
    found = desired(resources or small(), Options('dc-1', site=1, location=2, tenant=3, rules=rules, **settings))
    check(found)
    return found


def created(found: Desired, key: str) -> dict:
    return dict(found.objects[key].create_only_fields)


def test_without_rules_nothing_changes():
    plain = Options('dc-1', site=1, location=2, tenant=3)
    for resources in (small(), load('every-member'), load('sample')):
        assert desired(resources, plain) == desired(resources, replace(plain, rules=()))
        assert all(not obj.rule_fields for obj in desired(resources, plain).objects.values())


def test_the_first_match_that_sets_a_value_decides():
    rules = (
        rule('Switch', 'leaf-*', tenant=1),
        rule('Switch', site=SITE, tenant=2, tags=(7,)),
        rule(site=99, location=98, role=5, vrf_name='{vpc}', tags=(8,)),
    )
    assert values_for(rules, 'Switch', 'leaf-1', {}) == RuleValues(
        site=SITE, location=None, tenant=1, role=5, vrf_name='{vpc}', tags=(7, 8),
    )
    assert values_for(rules, 'Switch', 'spine-1', {}).tenant == 2
    assert values_for(rules, 'VPC', 'vpc-1', {}).site == 99
    assert values_for((), 'VPC', 'vpc-1', {}) == RuleValues()


def test_a_device_gets_what_the_rule_says():
    found = mapped(rule('Switch', 'leaf-*', site=SITE, location=LOCATION, tenant=TENANT, role=ROLE, tags=(TAG,)))
    leaf = created(found, 'device/switch/leaf-1')
    assert leaf['site'] == ExistingRef('dcim.site', SITE)
    assert leaf['location'] == ExistingRef('dcim.location', LOCATION)
    assert leaf['tenant'] == ExistingRef('tenancy.tenant', TENANT)
    assert leaf['role'] == ExistingRef('dcim.devicerole', ROLE)
    assert leaf['tags'] == (ExistingRef('extras.tag', TAG),)
    assert found.objects['device/switch/leaf-1'].rule_fields == {'site', 'location', 'tenant', 'role', 'tags'}
    spine = created(found, 'device/switch/spine-1')
    assert (spine['site'], spine['location'], spine['tenant']) == (
        ExistingRef('dcim.site', 1), ExistingRef('dcim.location', 2), ExistingRef('tenancy.tenant', 3),
    )
    assert 'tags' not in spine
    assert not found.objects['device/switch/spine-1'].rule_fields


def test_a_rule_with_a_site_takes_its_location_and_not_the_settings_one():
    assert created(mapped(rule('Switch', site=SITE)), 'device/switch/leaf-1')['location'] is None


def test_the_objects_of_a_vpc_get_its_tenant_and_tags():
    found = mapped(rule('VPC', tenant=TENANT, tags=(TAG,)))
    for key in ('vrf/vpc/vpc-1', 'vlan/vpc-1/web', 'prefix/vpc-1/web', 'gateway/vpc-1/web', 'iprange/vpc-1/web'):
        assert created(found, key)['tenant'] == ExistingRef('tenancy.tenant', TENANT), key
        assert created(found, key)['tags'] == (ExistingRef('extras.tag', TAG),), key
    assert created(found, 'vlangroup/default')['tenant'] == ExistingRef('tenancy.tenant', 3)
    assert created(found, 'vrf/underlay')['tenant'] == ExistingRef('tenancy.tenant', 3)


def test_cables_and_vlan_groups():
    found = mapped(rule('Connection', tenant=TENANT), rule('VLANNamespace', site=SITE))
    cable = next(found.of('dcim.cable'))
    assert created(found, cable.key)['tenant'] == ExistingRef('tenancy.tenant', TENANT)
    assert created(found, 'vlangroup/default')['scope'] == ExistingRef('dcim.site', SITE)
    assert found.objects['vlangroup/default'].rule_fields == {'scope'}


def test_labels_select():
    labelled = [
        replace(resource, labels={'row': 'a'}) if resource.name == 'server-1' else resource for resource in small()
    ]
    found = mapped(rule('Server', selector='row=a', site=SITE), resources=labelled)
    assert created(found, 'device/server/server-1')['site'].pk == SITE
    assert created(found, 'device/server/server-2')['site'].pk == 1
    assert Options('x', 1, rules=(rule(selector='row'),)).needs_labels
    assert not Options('x', 1, rules=(rule(names='row'),)).needs_labels


def test_devices_of_one_name_at_different_sites():
    same = [*small(), make('Server', 'leaf-1')]
    assert [said(issue) for issue in mapped(resources=same).issues] == [
        'Switch leaf-1 has the same device name (leaf-1); skipped. Rename one of them.',
    ]
    found = mapped(rule('Server', site=SITE), resources=same)
    assert not found.issues
    assert {'device/switch/leaf-1', 'device/server/leaf-1'} <= found.objects.keys()


# Names of VRFs


def vpcs(*names: str) -> list[Resource]:
    return [*small(), *(make('VPC', name, ipv4Namespace='default', subnets={}) for name in names)]


def test_a_vrf_name_is_initial():
    vrf = mapped(rule('VPC', vrf_name='{fabric}:{vpc}')).objects['vrf/vpc/vpc-1']
    assert vrf.create_only_fields['name'] == 'dc-1:vpc-1'
    assert 'name' not in vrf.managed_fields
    assert vrf.managed_fields['description'] == 'VNI 100'
    assert vrf.rule_fields == {'name'}


def test_two_vpcs_never_get_one_vrf_name():
    found = mapped(rule('VPC', 'vpc-[12]', vrf_name='PROD'), resources=vpcs('vpc-2', 'vpc-3'))
    for name, other in (('vpc-1', 'vpc-2'), ('vpc-2', 'vpc-1')):
        vrf = found.objects[f'vrf/vpc/{name}']
        assert vrf.fields['name'] == f'{name} (dc-1)'
        assert not vrf.rule_fields
        assert (Source('VPC', name), (
            f'An inventory rule names its VRF PROD, which is the name of the VRF of VPC {other}, too. '
            'The rule’s VRF name is not used.'
        )) in {(issue.source, said(issue)) for issue in found.issues}
    assert len(found.issues) == 2


def test_a_vrf_name_that_is_anothers_without_a_rule():
    found = mapped(rule('VPC', 'vpc-1', vrf_name='vpc-2 (dc-1)'), resources=vpcs('vpc-2'))
    assert found.objects['vrf/vpc/vpc-1'].fields['name'] == 'vpc-1 (dc-1)'
    assert [issue.source.name for issue in found.issues] == ['vpc-1']


def test_a_vrf_name_that_is_too_long():
    found = mapped(rule('VPC', vrf_name='x' * 99 + '{vpc}'))
    assert found.objects['vrf/vpc/vpc-1'].fields['name'] == 'vpc-1 (dc-1)'
    assert 'at most 100 characters' in said(found.issues[0])


# Exclusion


def test_an_excluded_server_has_no_device_no_cables_and_no_issues():
    whole, found = mapped(), mapped(rule('Server', 'server-2', name='no lab', exclude=True))
    assert not found.issues
    assert found.excluded == {Source('Server', 'server-2'): 'no lab'}
    gone = whole.objects.keys() - found.objects.keys()
    assert {key for key in gone if 'server-2' not in key} == {
        key for key in gone if key.startswith('cable/') and 'leaf-1' in key
    }
    # Its links keep what they have: one cable's Connection may have another end that is not excluded.
    assert Source('Connection', 'server-2--bundled--leaf-1') in found.undetermined
    # The switch's side is as the switch has it: the ports are enabled, in a LAG, with the VLAN.
    for name in ('interface/switch/leaf-1/E1/3', 'lag/switch/leaf-1/server-2--bundled--leaf-1'):
        assert found.objects[name].managed_fields == whole.objects[name].managed_fields


def test_an_excluded_vpc_has_no_vrf_no_vlans_and_no_issues():
    found = mapped(rule('VPC', exclude=True))
    assert not found.issues
    assert not [key for key in found.objects if 'vpc-1' in key]
    attachments = {Source('VPCAttachment', 'vpc-1--server-1'), Source('VPCAttachment', 'vpc-1--server-2')}
    assert attachments <= found.undetermined
    # What the ports have now is not known to be nothing.
    for name in ('interface/switch/leaf-1/E1/2', 'lag/switch/leaf-1/server-2--bundled--leaf-1'):
        assert not found.objects[name].managed_fields.keys() & {'mode', 'tagged_vlans', 'untagged_vlan'}


def test_the_other_vlans_of_a_port_are_synced():
    more = [
        *small(),
        make('VPC', 'vpc-2', ipv4Namespace='default', vlanNamespace='default', subnets={
            'web': {'subnet': '10.0.2.0/24', 'vlan': 1002},
        }),
        make('VPCAttachment', 'vpc-2--server-1', subnet='vpc-2/web', connection='server-1--unbundled--leaf-1'),
    ]
    found = mapped(rule('VPC', 'vpc-1', exclude=True), resources=more)
    port = found.objects['interface/switch/leaf-1/E1/2'].managed_fields
    # That of the excluded VPC stays if it exists: the planner leaves out one that does not.
    assert [ref.key for ref in port['tagged_vlans']] == ['vlan/vpc-1/web', 'vlan/vpc-2/web']
    excluded = mapped(rule('VPCAttachment', 'vpc-1-*', exclude=True), resources=more)
    assert excluded.objects['interface/switch/leaf-1/E1/2'].managed_fields == port


def test_an_excluded_connection_leaves_its_ports_alone():
    found = mapped(rule('Connection', 'server-*', exclude=True))
    assert not found.issues
    port = found.objects['interface/switch/leaf-1/E1/3'].managed_fields
    assert not port.keys() & {'enabled', 'lag', 'mtu', 'tagged_vlans'}
    assert not [obj for obj in found.of('dcim.cable') if 'server' in obj.source.name]


def test_excluded_namespaces():
    found = mapped(rule('VLANNamespace IPv4Namespace', exclude=True))
    assert not found.issues
    assert not list(found.of('ipam.vlan'))
    assert 'vrf/vpc/vpc-1' in found.objects
    assert 'vlan' not in found.objects['prefix/vpc-1/web'].managed_fields


def test_each_kind_of_the_fabric_with_every_member_can_be_excluded():
    resources = load('every-member')
    whole = {issue.source for issue in desired(resources, Options('dc-1', site=1)).issues}
    for kind in ('Switch', 'Gateway', 'Server', 'Connection', 'VPC', 'VPCAttachment', 'External',
                 'ExternalAttachment', 'VLANNamespace', 'IPv4Namespace'):
        found = mapped(rule(kind, exclude=True), resources=resources)
        assert {issue.source for issue in found.issues} <= whole, kind
        assert kind not in {obj.source.kind for obj in found.objects.values()}, kind
