"""VPCs become VRFs; their subnets prefixes, VLANs, DHCP ranges, gateways and L2VPNs."""

from collections.abc import Mapping
from typing import Any

from ...hedgehog.manifest import Network, address, entries, mapping, network, number, shown, text, usable
from .builder import Draft
from .names import in_fabric, key
from .types import VPCS, Ref, Resource, Value

__all__ = ('draw', 'vlan_key')

# What NetBox's columns take.
_LONGEST_VLAN = 64
_LONGEST_L2VPN = 100
_LARGEST_VNI = 2**24 - 1

# Subnets of other modes are routed between leaves: their VNI is no layer 2 domain. Go leaves out an empty string.
_LAYER_2_MODES = ('', 'l2vni')


def draw(draft: Draft) -> None:
    """Want all that VPCs and their subnets are in NetBox. The VLAN groups have been wanted before."""
    if not draft.carries(VPCS):
        return
    vnis = mapping(_catalog(draft).get('vpcSubnetVNIs'))
    for resource in draft.of('VPC'):
        spec = mapping(resource.spec)
        vrf = draft.vrf(resource, VPCS, resource.name, described(draft, resource.name), 'vpc', resource.name)
        namespace = text(spec.get('ipv4Namespace'))
        if draft.get('IPv4Namespace', namespace) is None:
            draft.complain_absence(
                'IPv4Namespace', resource, VPCS, f'Its IPv4 namespace {shown(namespace)} is not in the fabric.',
            )
        if vrf is None:
            continue
        ranges: list[tuple[int, int]] = []
        for name, raw in entries(spec.get('subnets')):
            subnet = _Subnet(draft, resource, vrf, name, mapping(raw), ranges)
            subnet.draw(mapping(vnis.get(resource.name)).get(name))


def described(draft: Draft, name: str) -> dict[str, Value]:
    """What is owned of a VRF besides its name: the VNI, in the description, as NetBox's VRFs have no field for it.

    A VNI that the controller has not given yet is not owned: nobody knows it.
    """
    vni = _vni(mapping(_catalog(draft).get('vpcVNIs')).get(name))
    return {} if vni is None else {'description': f'VNI {vni}'}


def _catalog(draft: Draft) -> Mapping[str, Any]:
    catalog = draft.get('Catalog', 'vpcs')
    return mapping(catalog.spec if catalog else None)


def vlan_key(vpc: str, subnet: str) -> str:
    """The key of a subnet's VLAN, whether there is one or not."""
    return key('vlan', vpc, subnet)


class _Subnet:
    """One subnet on its way into NetBox. `ranges` are those of the VPC's other subnets, as numbers."""

    def __init__(
        self, draft: Draft, vpc: Resource, vrf: Ref, name: str, said: Mapping[str, Any], ranges: list[tuple[int, int]],
    ) -> None:
        self.draft, self.vpc, self.vrf, self.name, self.said, self.ranges = draft, vpc, vrf, name, said, ranges

    def draw(self, vni: Any) -> None:
        if not usable(self.name, 200):
            self._complain('Its name cannot be shown: it is not carried.')
            return
        tagged = self.said.get('vlan') not in (None, 0)
        vlan = self._vlan() if tagged else None
        if vlan is not None:
            self._l2vpn(vlan, vni)
        elif not tagged and self.said.get('hostBGP') is not True:
            self._complain('It has neither a VLAN nor hostBGP: its prefix stands without a VLAN. Give it one of them.')
        value = self.said.get('subnet')
        prefix = network(value)
        if prefix is None:
            self._complain(f'Its prefix is {shown(value)}, which is none or has host bits set: it is not carried.')
            return
        if holder := self._claim('prefix', self.vrf.key, str(prefix)):
            self._complain(f'{prefix} is the prefix of another subnet of {holder.name} already: it is not carried.')
            return
        owned: dict[str, Value] = {'prefix': str(prefix), 'vrf': self.vrf}
        if vlan is not None or not tagged:
            owned['vlan'] = vlan  # one that cannot be carried is not the same as none
        self._want('ipam.prefix', 'prefix', owned, status='active', description=self._title[:200])
        self._gateway(prefix)
        self._dhcp(prefix)

    def _vlan(self) -> Ref | None:
        value = self.said.get('vlan')
        namespace = text(mapping(self.vpc.spec).get('vlanNamespace'))
        group = self.draft.wanted(key('vlangroup', namespace))
        if group is None:
            self._complain_absence(
                'VLANNamespace', f'Its VLAN namespace {shown(namespace)} is not carried: nor is its VLAN.',
            )
            return None
        vid = number(value)
        if vid is None or not _within(vid, str(group.owned['vid_ranges'])):
            self._complain(f'Its VLAN {shown(value)} is not one of the namespace {namespace}: it is not carried.')
            return None
        name = f'{self.vpc.name}--{self.name}'
        if not usable(name, _LONGEST_VLAN):
            self._complain(f'The name of its VLAN, {shown(name)}, is longer than 64 characters: it is not carried.')
            return None
        if holder := self._claim('vlan name', namespace, name) or self._claim('vlan', namespace, vid):
            self._complain(f'Its VLAN {vid}, or the name {name}, belongs to VPC {holder.name}: it is not carried.')
            return None
        return self._want(
            'ipam.vlan', 'vlan', {'group': Ref(group.key), 'vid': vid, 'name': name}, status='active',
        )

    def _l2vpn(self, vlan: Ref, value: Any) -> None:
        """The layer 2 domain that is one VLAN on every leaf: the controller keeps its VNI in a Catalog."""
        vni = _vni(value)
        if text(mapping(self.vpc.spec).get('mode')) not in _LAYER_2_MODES:
            return
        if vni is None:
            self._complain_absence('Catalog', 'The Catalog vpcs has no VNI for it yet: its L2VPN is not carried.')
            return
        name = in_fabric(f'{self.vpc.name}--{self.name}', self.draft.options.fabric, _LONGEST_L2VPN)
        if not usable(name, _LONGEST_L2VPN) or self._claim('l2vpn', name):
            self._complain('The name of its L2VPN is in use already, or longer than 100 characters: it is not carried.')
            return
        slug = self.draft.slug(self.vpc.name, self.name)
        l2vpn = self._want(
            'vpn.l2vpn', 'l2vpn', {'name': name, 'slug': slug, 'type': 'vxlan-evpn', 'identifier': vni},
            status='active',
        )
        self.draft.want(
            'vpn.l2vpntermination', key('l2vpntermination', self.vpc.name, self.name), self.vpc.source, VPCS,
            {'l2vpn': l2vpn, 'assigned_object': vlan},
        )

    def _gateway(self, prefix: Network) -> None:
        value = self.said.get('gateway')
        if value in (None, ''):
            return
        found = address(value)
        if found is None or found.ip not in prefix:
            self._complain(f'Its gateway {shown(value)} is not an address in {prefix}: it is not carried.')
            return
        if self._claim('address', self.vrf.key, str(found.ip)):
            self._complain(f'Its gateway {found.ip} is in use in the VPC already: it is not carried.')
            return
        self._want(
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
        server = self.draft.get('DHCPSubnet', f'{self.vpc.name}--{self.name}')
        served = mapping(server.spec if server else None)
        first, last = span.get('start') or served.get('startIP'), span.get('end') or served.get('endIP')
        start, end = address(first), address(last)
        if start is None or end is None or start.ip not in prefix or end.ip not in prefix or int(end) < int(start):
            sentence = f'Its DHCP range, {shown(first)} to {shown(last)}, is not one in {prefix}: it is not carried.'
            if first and last:
                self._complain(sentence)
            else:
                self._complain_absence('DHCPSubnet', sentence)
            return
        if any(int(start) <= high and low <= int(end) for low, high in self.ranges):
            self._complain(f'Its DHCP range, {start.ip} to {end.ip}, overlaps another of the VPC: it is not carried.')
            return
        self.ranges.append((int(start), int(end)))
        self._want(
            'ipam.iprange', 'iprange', {
                'start_address': f'{start.ip}/{prefix.prefixlen}', 'end_address': f'{end.ip}/{prefix.prefixlen}',
                'vrf': self.vrf,
            },
            status='active', description=f'DHCP in {self._title}'[:200],
        )

    @property
    def _title(self) -> str:
        return f'{self.vpc.name}/{self.name}'

    def _want(self, model: str, what: str, owned: dict[str, Value], **initial: Value) -> Ref:
        return self.draft.want(
            model, key(what, self.vpc.name, self.name), self.vpc.source, VPCS, owned, self.draft.tenant(**initial),
        )

    def _claim(self, *what: object) -> Any:
        return self.draft.claim(self.vpc.source, *what)

    def _complain(self, sentence: str) -> None:
        self.draft.complain(self.vpc, VPCS, f'Subnet {shown(self.name)}: {sentence}')

    def _complain_absence(self, kind: str, sentence: str) -> None:
        if self.draft.was_read(kind):
            self._complain(sentence)


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
