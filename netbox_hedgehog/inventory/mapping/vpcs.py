"""VPCs become VRFs; their subnets prefixes, VLANs, DHCP ranges, gateways and L2VPNs."""

from collections.abc import Mapping
from typing import Any

from ...hedgehog.manifest import Network, address, entries, mapping, network, number, shown, text, usable
from ...issue_codes import Code
from .builder import Builder
from .names import in_fabric, key
from .types import VPCS, Parameter, Ref, Resource, Value

__all__ = ('build', 'vlan_key')

# What NetBox's columns take.
_LONGEST_VLAN = 64
_LONGEST_L2VPN = 100
_LARGEST_VNI = 2**24 - 1

# Subnets of other modes are routed between leaves: their VNI is no layer 2 domain. Go leaves out an empty string.
_LAYER_2_MODES = ('', 'l2vni')


def build(builder: Builder) -> None:
    """Add all that VPCs and their subnets are in NetBox. Their VLAN groups exist by now."""
    if not builder.includes(VPCS):
        return
    vnis = mapping(_catalog(builder).get('vpcSubnetVNIs'))
    for resource in builder.of('VPC'):
        spec = mapping(resource.spec)
        vrf = builder.vrf(resource, VPCS, resource.name, described(builder, resource.name), 'vpc', resource.name)
        namespace = text(spec.get('ipv4Namespace'))
        if builder.get('IPv4Namespace', namespace) is None:
            builder.report_missing(
                'IPv4Namespace', resource, VPCS, Code.IPV4_NAMESPACE_MISSING, namespace=shown(namespace),
            )
        if vrf is None:
            continue
        ranges: list[tuple[int, int]] = []
        for name, raw in entries(spec.get('subnets')):
            subnet = _Subnet(builder, resource, vrf, name, mapping(raw), ranges)
            subnet.build(mapping(vnis.get(resource.name)).get(name))


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
    """The key of a subnet's VLAN, whether there is one or not."""
    return key('vlan', vpc, subnet)


class _Subnet:
    """One subnet on its way into NetBox. `ranges` are those of the VPC's other subnets, as numbers."""

    def __init__(
        self, builder: Builder, vpc: Resource, vrf: Ref, name: str, said: Mapping[str, Any],
        ranges: list[tuple[int, int]],
    ) -> None:
        self.builder, self.vpc, self.vrf, self.name, self.said, self.ranges = builder, vpc, vrf, name, said, ranges

    def build(self, vni: Any) -> None:
        if not usable(self.name, 200):
            self._report(Code.SUBNET_NAME_INVALID)
            return
        tagged = self.said.get('vlan') not in (None, 0)
        vlan = self._vlan() if tagged else None
        if vlan is not None:
            self._l2vpn(vlan, vni)
        elif not tagged and self.said.get('hostBGP') is not True:
            self._report(Code.SUBNET_VLAN_NOT_SET)
        value = self.said.get('subnet')
        prefix = network(value)
        if prefix is None:
            self._report(Code.SUBNET_PREFIX_INVALID, prefix=shown(value))
            return
        if holder := self._reserve('prefix', self.vrf.key, str(prefix)):
            self._report(Code.SUBNET_PREFIX_IN_USE, prefix=str(prefix), vpc=holder.name)
            return
        managed: dict[str, Value] = {'prefix': str(prefix), 'vrf': self.vrf}
        if vlan is not None or not tagged:
            managed['vlan'] = vlan  # an invalid one is not the same as none
        self._add('ipam.prefix', 'prefix', managed, status='active', description=self._title[:200])
        self._gateway(prefix)
        self._dhcp(prefix)

    def _vlan(self) -> Ref | None:
        value = self.said.get('vlan')
        namespace = text(mapping(self.vpc.spec).get('vlanNamespace'))
        group = self.builder.find(key('vlangroup', namespace))
        if group is None:
            self._report_missing('VLANNamespace', Code.SUBNET_NAMESPACE_MISSING, namespace=shown(namespace))
            return None
        vid = number(value)
        if vid is None or not _within(vid, str(group.managed_fields['vid_ranges'])):
            self._report(Code.SUBNET_VLAN_NOT_IN_NAMESPACE, vlan=shown(value), namespace=namespace)
            return None
        name = f'{self.vpc.name}--{self.name}'
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
        """The layer 2 domain that is one VLAN on every leaf: the controller keeps its VNI in a Catalog."""
        vni = _vni(value)
        if text(mapping(self.vpc.spec).get('mode')) not in _LAYER_2_MODES:
            return
        if vni is None:
            self._report_missing('Catalog', Code.SUBNET_VNI_MISSING)
            return
        name = in_fabric(f'{self.vpc.name}--{self.name}', self.builder.options.fabric, _LONGEST_L2VPN)
        if not usable(name, _LONGEST_L2VPN) or self._reserve('l2vpn', name):
            self._report(Code.SUBNET_L2VPN_NAME)
            return
        slug = self.builder.slug(self.vpc.name, self.name)
        l2vpn = self._add(
            'vpn.l2vpn', 'l2vpn', {'name': name, 'slug': slug, 'type': 'vxlan-evpn', 'identifier': vni},
            status='active',
        )
        self.builder.add(
            'vpn.l2vpntermination', key('l2vpntermination', self.vpc.name, self.name), self.vpc.source, VPCS,
            {'l2vpn': l2vpn, 'assigned_object': vlan},
        )

    def _gateway(self, prefix: Network) -> None:
        value = self.said.get('gateway')
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
        dhcp = mapping(self.said.get('dhcp'))
        if dhcp.get('enable') is not True:
            return
        span = mapping(dhcp.get('range'))
        # What a VPC leaves open the controller decides.
        server = self.builder.get('DHCPSubnet', f'{self.vpc.name}--{self.name}')
        served = mapping(server.spec if server else None)
        first, last = span.get('start') or served.get('startIP'), span.get('end') or served.get('endIP')
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
        return f'{self.vpc.name}/{self.name}'

    def _add(self, model: str, what: str, managed: dict[str, Value], **create_only: Value) -> Ref:
        own_key = key(what, self.vpc.name, self.name)
        return self.builder.add(model, own_key, self.vpc.source, VPCS, managed, self.builder.tenant(**create_only))

    def _reserve(self, *what: object) -> Any:
        return self.builder.reserve(self.vpc.source, *what)

    def _report(self, code: Code, **parameters: Parameter) -> None:
        self.builder.report_issue(self.vpc, VPCS, code, subnet=shown(self.name), **parameters)

    def _report_missing(self, absent: str, code: Code, **parameters: Parameter) -> None:
        if self.builder.was_read(absent):
            self._report(code, **parameters)


def _vni(value: Any) -> int | None:
    found = number(value)
    return found if found is not None and 1 <= found <= _LARGEST_VNI else None


def _within(vid: int, ranges: str) -> bool:
    """Whether a VLAN ID is in ranges such as 1000-1999,2500-2599."""
    for span in ranges.split(','):
        start, _, end = span.partition('-')
        if int(start) <= vid <= int(end):
            return True
    return False
