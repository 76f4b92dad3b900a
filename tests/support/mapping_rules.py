"""What holds for whatever is wanted, of any fabric."""

from collections import Counter
from collections.abc import Iterator
from ipaddress import ip_interface

from netbox_hedgehog.inventory.mapping.types import SCOPES, Desired, DesiredObject, ExistingRef, Issue, Ref
from netbox_hedgehog.issues import render

# What stands on the object itself, and is written when it is there.
CIRCULAR = {'primary_ip4', 'primary_mac_address', 'lag', 'parent'}

LONGEST = {
    ('dcim.device', 'name'): 64, ('dcim.device', 'serial'): 50, ('dcim.interface', 'name'): 64,
    ('dcim.interface', 'label'): 64, ('dcim.module', 'serial'): 50, ('dcim.moduletype', 'part_number'): 50,
    ('ipam.vlan', 'name'): 64,
}


def check(found: Desired) -> None:
    """Assert that NetBox can hold what is wanted, all of it at once, in the order in which it stands."""
    done: set[str] = set()
    for key, obj in found.objects.items():
        assert key == obj.key
        assert 0 < len(key) <= 300
        assert obj.scope in SCOPES
        assert not obj.managed_fields.keys() & obj.create_only_fields.keys()
        for name, value in obj.fields.items():
            assert isinstance(value, str | int | bool | None | Ref | ExistingRef | tuple), (key, name, value)
            if isinstance(value, str):
                assert len(value) <= LONGEST.get((obj.model, name), 200 if name == 'description' else 100)
            for item in value if isinstance(value, tuple) else (value,):
                if isinstance(item, Ref) and name == 'tagged_vlans' and found.excluded:
                    # A VLAN that a rule excludes stays on its ports where it exists.
                    continue
                if isinstance(item, Ref):
                    assert item.key in found.objects, (key, name)
                    assert item.key in done or name in CIRCULAR, (key, name)
        done.add(key)
    twice = [name for name, count in Counter(_unique(found)).items() if count > 1]
    assert not twice
    assert len(set(found.issues)) == len(found.issues)
    for problem in found.issues:
        assert problem.scope in SCOPES
        assert said(problem).endswith('.')
        assert len(said(problem)) < 600
        assert said(problem).isprintable()


def said(issue: Issue) -> str:
    """Return the sentence of a mapper's issue."""
    return render(issue.code, dict(issue.parameters))


def _unique(found: Desired) -> Iterator[tuple[object, ...]]:
    """What NetBox lets nobody have twice."""
    for obj in found.objects.values():
        fields = obj.fields
        for names in UNIQUE.get(obj.model, ()):
            yield obj.model, names, tuple(fields[name] for name in names)
        if obj.model == 'dcim.device':
            yield 'device', fields['site'], fields['name'].lower()
        elif obj.model == 'ipam.ipaddress' and not anycast(obj):
            yield 'address', fields['vrf'], ip_interface(fields['address']).ip
        elif obj.model == 'dcim.cable':
            yield from (('port', end) for end in (*fields['a'], *fields['b']))


UNIQUE = {
    'dcim.manufacturer': [('slug',)],
    'dcim.devicetype': [('manufacturer', 'slug')],
    'dcim.moduletype': [('manufacturer', 'model')],
    'dcim.modulebay': [('device', 'name')],
    'dcim.module': [('module_bay',)],
    'dcim.macaddress': [('assigned_object',)],
    'dcim.devicerole': [('slug',)],
    'dcim.platform': [('slug',)],
    'ipam.asn': [('asn',)],
    'ipam.vlangroup': [('slug',), ('name',)],
    'ipam.vlan': [('group', 'vid'), ('group', 'name')],
    'ipam.vrf': [('name',)],
    'ipam.prefix': [('vrf', 'prefix')],
    'ipam.iprange': [('vrf', 'start_address')],
    'dcim.interface': [('device', 'name')],
    'vpn.l2vpn': [('slug',), ('name',)],
    'vpn.l2vpntermination': [('assigned_object',)],
}


def anycast(obj: DesiredObject) -> bool:
    return obj.fields.get('role') == 'anycast'
