"""Map VLAN namespaces to VLAN groups, and IPv4 namespaces to container prefixes."""

from ...hedgehog.manifest import LARGEST_VLAN, items, mapping, network, number, shown, usable
from ...issue_codes import Code
from .builder import Builder
from .names import in_fabric, key
from .types import VPCS, ExistingRef, Resource

__all__ = ('build',)


def build(builder: Builder) -> None:
    if builder.includes(VPCS):
        for resource in builder.of('VLANNamespace'):
            _vlan_namespace(builder, resource)
        for resource in builder.of('IPv4Namespace'):
            _ipv4_namespace(builder, resource)


def _vlan_namespace(builder: Builder, resource: Resource) -> None:
    """Add a VLAN group at its site: IDs and names are unique in it, as in a namespace."""
    ranges: list[tuple[int, int]] = []
    for raw in items(mapping(resource.spec).get('ranges')):
        span = mapping(raw)
        start = number(span.get('from'))
        end = number(span.get('to')) or start
        if start is None or end is None or not 1 <= start <= end <= LARGEST_VLAN:
            builder.report_issue(
                resource, VPCS, Code.VLAN_RANGE_INVALID, start=shown(span.get('from')), end=shown(span.get('to')),
            )
        elif any(start <= high and low <= end for low, high in ranges):
            builder.report_issue(resource, VPCS, Code.VLAN_RANGE_OVERLAP, start=str(start), end=str(end))
        else:
            ranges.append((start, end))
    name = in_fabric(resource.name, builder.options.fabric)
    if not ranges:
        builder.report_issue(resource, VPCS, Code.VLAN_GROUP_EMPTY)
        return
    if not usable(name, 100):
        builder.report_issue(resource, VPCS, Code.VLAN_GROUP_NAME_TOO_LONG)
        return
    builder.add(
        'ipam.vlangroup', key('vlangroup', resource.name), resource.source, VPCS,
        {
            'name': name, 'slug': builder.slug(resource.name),
            'vid_ranges': ','.join(f'{low}-{high}' for low, high in sorted(ranges)),
        },
        builder.assigned(resource.source, scope=ExistingRef('dcim.site', builder.site_of(resource.source))),
    )


def _ipv4_namespace(builder: Builder, resource: Resource) -> None:
    """Add container prefixes in the namespace's own VRF: namespaces may overlap, VPCs of one namespace may not."""
    vrf = builder.vrf(
        resource, VPCS, f'IPv4 namespace {resource.name}', {}, 'ipv4namespace', resource.name,
    )
    for raw in items(mapping(resource.spec).get('subnets')) if vrf else ():
        prefix = network(raw)
        if prefix is None:
            builder.report_issue(resource, VPCS, Code.PREFIX_INVALID, prefix=shown(raw))
        elif builder.reserve(resource.source, 'container', resource.name, str(prefix)):
            builder.report_issue(resource, VPCS, Code.PREFIX_REPEATED, prefix=str(prefix))
        else:
            builder.add(
                'ipam.prefix', key('container', resource.name, str(prefix)), resource.source, VPCS,
                {'prefix': str(prefix), 'vrf': vrf},
                builder.assigned(resource.source, status='container', description=resource.name[:200]),
            )
