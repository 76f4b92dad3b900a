"""Random edits on both sides: a run comes to rest, does what it said, and touches nothing that is not its own."""

import pytest
from dcim.models import Cable, Device, Interface
from django.contrib.contenttypes.models import ContentType
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase
from ipam.models import VLAN, VRF, IPAddress, IPRange, Prefix, VLANGroup
from vpn.models import L2VPN, L2VPNTermination

from netbox_hedgehog.inventory.planning.plan import DELETE
from netbox_hedgehog.inventory.reconcile import plan, reconcile
from netbox_hedgehog.models import InventoryLink

from ...support.examples import examples
from ...support.inventory import grace_is_over, mirror, synced
from ...support.resources import small

pytestmark = pytest.mark.django_db

NAMES = ('leaf-1', 'spine-1', 'server-1', 'server-2')


def edit(what, number):
    """Something that a person does in NetBox."""
    def one(queryset):
        return queryset.order_by('pk')[number % max(1, queryset.count())] if queryset.exists() else None

    if what == 'serial' and (device := one(Device.objects.all())):
        Device.objects.filter(pk=device.pk).update(serial=f'S{number}', comments=f'comment {number}')
    elif what == 'rename' and (device := one(Device.objects.all())):
        Device.objects.filter(pk=device.pk).update(name=f'renamed-{number}')
    elif what == 'type' and (interface := one(Interface.objects.all())):
        Interface.objects.filter(pk=interface.pk).update(mtu=1500 + number, description=f'mine {number}')
    elif what == 'unplug' and (cable := one(Cable.objects.all())):
        cable.delete()
    elif what == 'address' and (address := one(IPAddress.objects.all())):
        address.delete()
    elif what == 'prefix' and (prefix := one(Prefix.objects.filter(vrf__name__startswith='vpc'))):
        Prefix.objects.filter(pk=prefix.pk).update(description=f'mine {number}', status='reserved')
    elif what == 'new':
        VRF.objects.create(name=f'theirs {number}')
        if device := one(Device.objects.all()):
            Interface.objects.get_or_create(device=device, name=f'theirs-{number}', type='virtual')


def unowned():
    """All that no run may ever change."""
    return (
        set(Device.objects.values_list('pk', 'comments', 'asset_tag', 'rack', 'site', 'role')),
        set(Interface.objects.values_list('pk', 'description')),
        set(Prefix.objects.values_list('pk', 'description', 'status')),
        set(VRF.objects.filter(name__startswith='theirs').values_list('pk', 'name', 'description')),
    )


def everything():
    """What stands, by type and id, of all that a run of the inventory may write."""
    models = (Device, Interface, Cable, VRF, VLAN, VLANGroup, Prefix, IPRange, IPAddress, L2VPN, L2VPNTermination)
    return {
        (ContentType.objects.get_for_model(model).pk, pk) for model in models
        for pk in model.objects.values_list('pk', flat=True)
    }


EDITS = st.lists(st.tuples(
    st.sampled_from(('serial', 'rename', 'type', 'unplug', 'address', 'prefix', 'new')), st.integers(0, 30),
), max_size=4)


class TestProperties(TestCase):
    @examples(short=2, long=30)
    @given(gone=st.sets(st.sampled_from((*NAMES, 'vpc-1')), max_size=2), edits=EDITS, back=st.booleans(),
           policy=st.sampled_from(('ignore', 'mark', 'delete')))
    def test_a_sync_does_what_it_said_and_comes_to_rest(self, gone, edits, back, policy):
        fabric = synced(inventory_removal=policy)
        for what, number in edits:
            edit(what, number)
        mirror(fabric, [
            resource for resource in small()
            if not any(name in (resource.name, *resource.name.split('--')) for name in gone)
        ])
        for _ in range(3):
            before, seen = unowned(), plan(fabric)
            created = set(InventoryLink.objects.filter(origin='created').values_list('object_type', 'object_id'))
            there = everything()
            report = reconcile(fabric, expected_digest=seen.digest)
            assert report.counts == seen.counts
            assert there - everything() <= created, 'what the plugin did not make is never deleted'
            for was, now in zip(before, unowned(), strict=True):
                if not report.counts[DELETE]:
                    assert was <= now
            grace_is_over(fabric)
        assert report.changes == 0
        if back:
            mirror(fabric, small())
            reconcile(fabric)
            assert reconcile(fabric).changes == 0
