"""Map VPCs to VRFs, and their subnets to prefixes, VLANs, DHCP ranges, gateways and L2VPNs."""

from collections.abc import Mapping
from typing import Any

from ...hedgehog.manifest import Network, address, mapping, network, number, shown, usable
from ...hedgehog.vpcs import VPC, Subnet, read_vpc
from ...issue_codes import Code
from .addressing import UNDERLAY, underlay
from .builder import Builder
from .names import in_fabric, key
from .types import VPCS, Parameter, Ref, Resource, Value
from .vrf_names import vrf_names

__all__ = ('build', 'vlan_key', 'vpc_vrf')

# Limits of NetBox's columns.
_LONGEST_VLAN = 64
_LONGEST_L2VPN = 100
_LARGEST_VNI = 2**24 - 1

# Subnets of other modes are routed between leaves: their VNI is no layer 2 domain. Go leaves out an empty string.
_LAYER_2_MODES = ('', 'l2vni')


def build(builder: Builder) -> None:
    """Add the NetBox objects of VPCs and their subnets. Their VLAN groups have been added before."""
    if not builder.includes(VPCS):
        return
    builder.vrf_names |= vrf_names(builder)
    vnis = mapping(_catalog(builder).get('vpcSubnetVNIs'))
    ranges: dict[str, list[tuple[int, int]]] = {}
    for resource in builder.of('VPC'):
        vpc = read_vpc(resource.spec)
        vrf = _vrf(builder, resource, vpc)
        if builder.get_any('IPv4Namespace', vpc.ipv4_namespace) is None:
            builder.report_missing(
                'IPv4Namespace', resource, VPCS, Code.IPV4_NAMESPACE_MISSING, namespace=shown(vpc.ipv4_namespace),
            )
        if vrf is None:
            continue
        in_vrf = ranges.setdefault(vrf.key, [])
        mappers = [_SubnetMapper(builder, resource, vpc, vrf, subnet, in_vrf) for subnet in vpc.subnets.values()]
        for mapper in mappers:
            mapper.build(mapping(vnis.get(resource.name)).get(mapper.name))
        # After all subnets: a prefix that is one of theirs as well is theirs.
        for mapper in mappers:
            mapper.add_extra_prefixes()


def _vrf(builder: Builder, resource: Resource, vpc: VPC) -> Ref | None:
    """Add the VRF of a VPC: its own, or that of the underlay. Returns None, with an issue, if it cannot be added."""
    if vpc.is_flat:
        return underlay(builder, resource)
    return builder.vrf(resource, VPCS, resource.name, described(builder, resource.name), 'vpc', resource.name)


def vpc_vrf(builder: Builder, name: str) -> Ref:
    """Return the VRF of a VPC, whether it exists or not."""
    resource = builder.get('VPC', name)
    is_flat = resource is not None and read_vpc(resource.spec).is_flat
    return UNDERLAY if is_flat else Ref(key('vrf', 'vpc', name))


def described(builder: Builder, name: str) -> dict[str, Value]:
    """Return the managed fields of a VRF besides its name: the VNI, in the description, as VRFs have no field for it.

    A VNI that the controller has not assigned yet is not managed.
    """
    vni = _vni(mapping(_catalog(builder).get('vpcVNIs')).get(name))
    return {} if vni is None else {'description': f'VNI {vni}'}


def _catalog(builder: Builder) -> Mapping[str, Any]:
    catalog = builder.get('Catalog', 'vpcs')
    return mapping(catalog.spec if catalog else None)


def vlan_key(vpc: str, subnet: str) -> str:
    """Return the key of a subnet's VLAN, whether it has one or not."""
    return key('vlan', vpc, subnet)


class _SubnetMapper:
    """Maps one subnet. `ranges` are those of other subnets in the VRF, as numbers."""

    def __init__(
        self, builder: Builder, resource: Resource, vpc: VPC, vrf: Ref, subnet: Subnet, ranges: list[tuple[int, int]],
    ) -> None:
        self.builder, self.resource, self.vpc, self.vrf = builder, resource, vpc, vrf
        self.subnet, self.name, self.ranges = subnet, subnet.name, ranges

    def build(self, vni: Any) -> None:
        if not usable(self.name, 200):
            self._report(Code.SUBNET_NAME_INVALID)
            return
        tagged = self.subnet.has_vlan and not self.subnet.host_bgp
        vlan = self._vlan() if tagged else None
        if vlan is not None:
            self._l2vpn(vlan, vni)
        elif not tagged and not self.subnet.host_bgp:
            self._report(Code.SUBNET_VLAN_NOT_SET)
        prefix = network(self.subnet.prefix)
        if prefix is None:
            self._report(Code.SUBNET_PREFIX_INVALID, prefix=shown(self.subnet.prefix))
            return
        if holder := self._reserve('prefix', self.vrf.key, str(prefix)):
            self._report(Code.SUBNET_PREFIX_IN_USE, prefix=str(prefix), vpc=holder.name)
            return
        managed: dict[str, Value] = {'prefix': str(prefix), 'vrf': self.vrf}
        if vlan is not None or not tagged:
            managed['vlan'] = vlan  # an invalid one does not mean "none"
        added = self._add('ipam.prefix', 'prefix', managed, status='active', description=self._title[:200])
        if not tagged:
            # The VLAN with which servers may tag its traffic is not the fabric's.
            self.builder.let_yield(added.key, ('vlan',))
        self._gateway(prefix)
        self._dhcp(prefix)

    def add_extra_prefixes(self) -> None:
        """Add the prefixes that servers may announce besides the subnet's own, unless the VPC has them already."""
        extra = self.subnet.extra_prefixes
        if not self.subnet.host_bgp or extra is None:
            return
        if not isinstance(extra, Mapping):
            self._report(Code.SUBNET_EXTRA_PREFIXES_INVALID, value=shown(extra))
            return
        for value in extra:
            prefix = network(value)
            if prefix is None:
                self._report(Code.SUBNET_PREFIX_INVALID, prefix=shown(value))
            elif self._reserve('prefix', self.vrf.key, str(prefix)) is None:
                self.builder.add(
                    # Several subnets may have it: it is the VPC's.
                    'ipam.prefix', key('extraprefix', self.resource.name, str(prefix)), self.resource.source, VPCS,
                    {'prefix': str(prefix), 'vrf': self.vrf},
                    self.builder.assigned(
                        self.resource.source, status='active', description=f'Host BGP of {self.resource.name}'[:200],
                    ),
                )

    def _vlan(self) -> Ref | None:
        value, namespace = self.subnet.vlan, self.vpc.vlan_namespace
        group = self.builder.find(key('vlangroup', namespace))
        if group is None and self.builder.depends_on_excluded(self.resource, 'VLANNamespace', namespace):
            return None
        if group is None:
            self._report_missing('VLANNamespace', Code.SUBNET_NAMESPACE_MISSING, namespace=shown(namespace))
            return None
        vid = number(value)
        if vid is None or not _within(vid, str(group.managed_fields['vid_ranges'])):
            self._report(Code.SUBNET_VLAN_NOT_IN_NAMESPACE, vlan=shown(value), namespace=namespace)
            return None
        name = f'{self.resource.name}--{self.name}'
        if not usable(name, _LONGEST_VLAN):
            self._report(Code.SUBNET_VLAN_NAME_TOO_LONG, name=shown(name))
            return None
        if holder := self._reserve('vlan name', namespace, name) or self._reserve('vlan', namespace, vid):
            self._report(Code.SUBNET_VLAN_IN_USE, vlan=str(vid), name=name, vpc=holder.name)
            return None
        return self._add(
            'ipam.vlan', 'vlan', {'group': Ref(group.key), 'vid': vid, 'name': name}, status='active',
        )

    def _l2vpn(self, vlan: Ref, value: Any) -> None:
        """Add the layer 2 domain that is one VLAN on every leaf. The controller stores its VNI in a Catalog."""
        vni = _vni(value)
        if self.vpc.mode not in _LAYER_2_MODES:
            return
        if vni is None:
            self._report_missing('Catalog', Code.SUBNET_VNI_MISSING)
            return
        name = in_fabric(f'{self.resource.name}--{self.name}', self.builder.options.fabric, _LONGEST_L2VPN)
        if not usable(name, _LONGEST_L2VPN) or self._reserve('l2vpn', name):
            self._report(Code.SUBNET_L2VPN_NAME)
            return
        slug = self.builder.slug(self.resource.name, self.name)
        l2vpn = self._add(
            'vpn.l2vpn', 'l2vpn', {'name': name, 'slug': slug, 'type': 'vxlan-evpn', 'identifier': vni},
            status='active',
        )
        self.builder.add(
            'vpn.l2vpntermination', key('l2vpntermination', self.resource.name, self.name), self.resource.source, VPCS,
            {'l2vpn': l2vpn, 'assigned_object': vlan},
        )

    def _gateway(self, prefix: Network) -> None:
        value = self.subnet.gateway
        if value in (None, ''):
            return
        found = address(value)
        if found is None or found.ip not in prefix:
            self._report(Code.SUBNET_GATEWAY_INVALID, gateway=shown(value), prefix=str(prefix))
            return
        if self._reserve('address', self.vrf.key, str(found.ip)):
            self._report(Code.SUBNET_GATEWAY_IN_USE, gateway=str(found.ip))
            return
        self._add(
            'ipam.ipaddress', 'gateway',
            # Every leaf that serves the subnet has it.
            {'address': f'{found.ip}/{prefix.prefixlen}', 'vrf': self.vrf, 'role': 'anycast'},
            status='active', description=f'Gateway of {self._title}'[:200],
        )

    def _dhcp(self, prefix: Network) -> None:
        if not self.subnet.dhcp:
            return
        # The controller decides what the VPC does not specify.
        server = self.builder.get('DHCPSubnet', f'{self.resource.name}--{self.name}')
        served = mapping(server.spec if server else None)
        first = self.subnet.dhcp_start or served.get('startIP')
        last = self.subnet.dhcp_end or served.get('endIP')
        start, end = address(first), address(last)
        if start is None or end is None or start.ip not in prefix or end.ip not in prefix or int(end) < int(start):
            span_shown = {'start': shown(first), 'end': shown(last), 'prefix': str(prefix)}
            if first and last:
                self._report(Code.SUBNET_DHCP_INVALID, **span_shown)
            else:
                self._report_missing('DHCPSubnet', Code.SUBNET_DHCP_INVALID, **span_shown)
            return
        if any(int(start) <= high and low <= int(end) for low, high in self.ranges):
            self._report(Code.SUBNET_DHCP_OVERLAP, start=str(start.ip), end=str(end.ip))
            return
        self.ranges.append((int(start), int(end)))
        self._add(
            'ipam.iprange', 'iprange', {
                'start_address': f'{start.ip}/{prefix.prefixlen}', 'end_address': f'{end.ip}/{prefix.prefixlen}',
                'vrf': self.vrf,
            },
            status='active', description=f'DHCP in {self._title}'[:200],
        )

    @property
    def _title(self) -> str:
        return f'{self.resource.name}/{self.name}'

    def _add(self, model: str, what: str, managed: dict[str, Value], **create_only: Value) -> Ref:
        own_key = key(what, self.resource.name, self.name)
        source = self.resource.source
        return self.builder.add(model, own_key, source, VPCS, managed, self.builder.assigned(source, **create_only))

    def _reserve(self, *what: object) -> Any:
        return self.builder.reserve(self.resource.source, *what)

    def _report(self, code: Code, **parameters: Parameter) -> None:
        self.builder.report_issue(self.resource, VPCS, code, subnet=shown(self.name), **parameters)

    def _report_missing(self, absent: str, code: Code, **parameters: Parameter) -> None:
        subnet = shown(self.name)
        self.builder.report_missing(absent, self.resource, VPCS, code, subnet=subnet, **parameters)


def _vni(value: Any) -> int | None:
    found = number(value)
    return found if found is not None and 1 <= found <= _LARGEST_VNI else None


def _within(vid: int, ranges: str) -> bool:
    """Return whether a VLAN ID is in ranges such as 1000-1999,2500-2599."""
    for span in ranges.split(','):
        start, _, end = span.partition('-')
        if int(start) <= vid <= int(end):
            return True
    return False
