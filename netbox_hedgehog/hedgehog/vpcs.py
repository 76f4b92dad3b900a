"""Read VPCs, what is attached to them, and what they peer with. Raises nothing, whatever the shape of a spec.

A value of type `Any` is as in the manifest: its user checks it, and can report an issue.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from .kinds import EXTERNAL_PREFIX, FABRIC_LABEL
from .manifest import entries, is_unset, items, mapping, number, objects, text, texts

__all__ = (
    'LINK_ANNOTATION', 'VPC', 'AccessRule', 'AccessRules', 'Announced', 'ExternalConnection', 'ExternalPermit',
    'GatewayPeering', 'Subnet', 'SubnetConnection', 'exposed_subnets', 'participant', 'read_access_rules',
    'read_external_attachment', 'read_external_permit', 'read_gateway_peering', 'read_permits', 'read_subnet',
    'read_vpc', 'read_vpc_attachment',
)

# The annotation of a VPCAttachment that gives the network between switch and server.
LINK_ANNOTATION = f'{FABRIC_LABEL}p2p-link'


@dataclass(frozen=True, slots=True)
class Announced:
    """A prefix of which servers may announce parts, if these are as long as it says; None where it sets no limit."""

    prefix: Any
    shortest: int | None
    longest: int | None


@dataclass(frozen=True, slots=True)
class Subnet:
    """A subnet of a VPC. `dhcp` says whether the fabric serves it; `dhcp_relay` is who does if it does not.

    `isolated` and `restricted` are as they act: the VPC's default where the subnet says nothing of its own. With
    `host_bgp` its servers are routed: `vlan` is the tag of a subinterface, not a VLAN of the fabric, and servers may
    announce `extra_prefixes` too: `announced` has these and its own, with the lengths that are accepted. `reservations`
    are the addresses that DHCP keeps for hosts, each with a MAC address.
    """

    name: str
    prefix: Any
    gateway: Any
    vlan: Any
    host_bgp: bool
    isolated: bool
    restricted: bool
    dhcp: bool
    dhcp_start: Any
    dhcp_end: Any
    dhcp_relay: Any
    dhcp_relay_vpc: str
    extra_prefixes: Any = None
    reservations: tuple[tuple[str, Any], ...] = ()
    announced: tuple[Announced, ...] = ()

    @property
    def has_vlan(self) -> bool:
        """Return whether it has a VLAN, valid or not."""
        return not is_unset(self.vlan)

    @property
    def served_reservations(self) -> tuple[tuple[str, Any], ...]:
        """Return the reservations that act: those of a subnet whose DHCP the fabric serves."""
        return self.reservations if self.dhcp else ()


@dataclass(frozen=True, slots=True)
class VPC:
    """A VPC with its subnets by name, in natural order. An empty mode is the default, l2vni.

    Each of the `permits` is a list of subnets that reach each other, also where they are isolated.
    """

    mode: str
    ipv4_namespace: str
    vlan_namespace: str
    subnets: Mapping[str, Subnet]
    permits: tuple[tuple[str, ...], ...] = ()

    @property
    def is_flat(self) -> bool:
        """Return whether its subnets are in the VRF of the underlay."""
        return self.mode == 'l3flat'

    def reached_from(self, name: str) -> list[str]:
        """Return the other subnets of the VPC that a subnet reaches: an isolated one only those of a permit."""
        permitted = {other for permit in self.permits if name in permit for other in permit}
        is_open = name in self.subnets and not self.subnets[name].isolated
        return [
            other.name for other in self.subnets.values()
            if other.name != name and (other.name in permitted or (is_open and not other.isolated))
        ]


@dataclass(frozen=True, slots=True)
class SubnetConnection:
    """A VPCAttachment: which subnet of which VPC is on the ports of which Connection. `path` is vpc/subnet.

    `link` is the network between a switch with Cumulus Linux and the server.
    """

    path: str
    vpc: str
    subnet: str
    connection: str
    native_vlan: bool
    link: Any = None


@dataclass(frozen=True, slots=True)
class ExternalConnection:
    """An ExternalAttachment: which External is at the far end of which Connection, and the switch's side of it.

    With `proxy` the switch answers for the far end, and has an address that the controller assigns.
    """

    external: str
    connection: str
    vlan: Any
    ip: Any
    proxy: bool = False


@dataclass(frozen=True, slots=True)
class ExternalPermit:
    """What an ExternalPeering permits: subnets of a VPC, and prefixes of an External."""

    vpc: str
    subnets: list[str]
    external: str
    prefixes: list[str]


@dataclass(frozen=True, slots=True)
class GatewayPeering:
    """A GatewayPeering: the gateway group, and what each participant exposes, by kind and name."""

    group: str
    exposed: Mapping[tuple[str, str], list[dict[str, Any]]]


@dataclass(frozen=True, slots=True)
class AccessRule:
    """A rule of a GatewayPeering's ACL. `source` and `target` are participants, empty where it may be either.

    A rule that names one side means the other one by it. With the `scope` packet it is stateless: replies need a rule
    of their own.
    """

    name: Any
    action: Any
    is_logged: bool
    scope: str
    source: str
    target: str
    match: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class AccessRules:
    """The ACL of a GatewayPeering: what it does with traffic that no rule matches, and its rules in order."""

    default: Any
    rules: tuple[AccessRule, ...]


def read_vpc(spec: Any) -> VPC:
    """Read the spec of a VPC."""
    values = mapping(spec)
    subnets = {name: _subnet(name, mapping(value), values) for name, value in entries(values.get('subnets'))}
    permits = tuple(tuple(texts(permit)) for permit in items(values.get('permit')))
    return VPC(
        text(values.get('mode')), text(values.get('ipv4Namespace')), text(values.get('vlanNamespace')), subnets,
        permits,
    )


def read_subnet(spec: Any, name: str) -> Subnet | None:
    """Read one subnet of a VPC's spec."""
    vpc = mapping(spec)
    subnets = mapping(vpc.get('subnets'))
    return _subnet(name, mapping(subnets[name]), vpc) if name in subnets else None


def _applies(own: Any, default: Any) -> bool:
    """Return a flag of a subnet: its own where it has one, else the VPC's default."""
    return own if isinstance(own, bool) else default is True


def _subnet(name: str, values: Mapping[str, Any], vpc: Mapping[str, Any]) -> Subnet:
    dhcp = mapping(values.get('dhcp'))
    span = mapping(dhcp.get('range'))
    return Subnet(
        name, values.get('subnet'), values.get('gateway'), values.get('vlan'),
        host_bgp=values.get('hostBGP') is True,
        isolated=_applies(values.get('isolated'), vpc.get('defaultIsolated')),
        restricted=_applies(values.get('restricted'), vpc.get('defaultRestricted')),
        dhcp=dhcp.get('enable') is True,
        dhcp_start=span.get('start'), dhcp_end=span.get('end'), dhcp_relay=dhcp.get('relay'),
        dhcp_relay_vpc=text(dhcp.get('relayVPC')), extra_prefixes=values.get('hostBGPExtraPrefixes'),
        reservations=tuple((mac, mapping(entry).get('ip')) for mac, entry in entries(dhcp.get('static'))),
        announced=tuple(_announced(values)) if values.get('hostBGP') is True else (),
    )


def _announced(values: Mapping[str, Any]) -> Iterator[Announced]:
    """Yield what servers of a subnet with host BGP may announce.

    The limits of the subnet are those of its extra prefixes too, where these have none of their own.
    """
    shortest, longest = number(values.get('hostBGPMinPrefixLen')), number(values.get('hostBGPMaxPrefixLen'))
    yield Announced(values.get('subnet'), shortest or None, longest or None)
    for prefix, limits in entries(values.get('hostBGPExtraPrefixes')):
        own = mapping(limits)
        own_shortest, own_longest = number(own.get('minPrefixLen')), number(own.get('maxPrefixLen'))
        yield Announced(prefix, own_shortest or shortest or None, own_longest or longest or None)


def read_vpc_attachment(spec: Any, annotations: Any = None) -> SubnetConnection:
    """Read the spec of a VPCAttachment, and its annotations."""
    values = mapping(spec)
    path = text(values.get('subnet'))
    vpc, _, subnet = path.partition('/')
    return SubnetConnection(
        path, vpc, subnet, text(values.get('connection')), values.get('nativeVLAN') is True,
        mapping(annotations).get(LINK_ANNOTATION),
    )


def read_external_attachment(spec: Any) -> ExternalConnection:
    """Read the spec of an ExternalAttachment, with BGP or static."""
    values = mapping(spec)
    port = mapping(values.get('static')) or mapping(values.get('switch'))
    return ExternalConnection(
        text(values.get('external')), text(values.get('connection')), port.get('vlan'), port.get('ip'),
        proxy=port.get('proxy') is True,
    )


def read_permits(spec: Any) -> list[dict[str, list[str]]]:
    """Return what each permit of a VPCPeering permits: by VPC the subnets that may be reached; none means all."""
    return [
        {vpc: texts(mapping(rule).get('subnets')) for vpc, rule in permit.items()}
        for permit in objects(mapping(spec).get('permit'))
    ]


def read_external_permit(spec: Any) -> ExternalPermit:
    """Read the permit of an ExternalPeering."""
    permit = mapping(mapping(spec).get('permit'))
    vpc, external = mapping(permit.get('vpc')), mapping(permit.get('external'))
    prefixes = [text(item.get('prefix')) for item in objects(external.get('prefixes'))]
    return ExternalPermit(
        text(vpc.get('name')), texts(vpc.get('subnets')), text(external.get('name')), list(filter(None, prefixes)),
    )


def participant(name: str) -> tuple[str, str]:
    """Return kind and name of a participant of a GatewayPeering."""
    if name.startswith(EXTERNAL_PREFIX):
        return 'External', name.removeprefix(EXTERNAL_PREFIX)
    return 'VPC', name


def read_gateway_peering(spec: Any) -> GatewayPeering:
    """Read the participants of a GatewayPeering."""
    values = mapping(spec)
    exposed = {
        participant(name): objects(mapping(part).get('expose')) for name, part in mapping(values.get('peering')).items()
    }
    return GatewayPeering(text(values.get('gatewayGroup')) or 'default', exposed)


def read_access_rules(spec: Any) -> AccessRules:
    """Read the ACL of a GatewayPeering."""
    values = mapping(spec)
    acl = mapping(values.get('acl'))
    sides = [name for name in mapping(values.get('peering')) if isinstance(name, str)]
    return AccessRules(acl.get('default'), tuple(_access_rule(rule, sides) for rule in objects(acl.get('rules'))))


def _access_rule(rule: Mapping[str, Any], sides: list[str]) -> AccessRule:
    source, target = text(rule.get('from')), text(rule.get('to'))
    return AccessRule(
        rule.get('name'), rule.get('action'), rule.get('log') is True, text(rule.get('scope')),
        source or _other(target, sides), target or _other(source, sides), mapping(rule.get('match')),
    )


def _other(name: str, sides: list[str]) -> str:
    """Return the other one of two participants; '' if there are not two, or the name is not one of them."""
    others = [side for side in sides if side != name]
    return others[0] if name in sides and len(others) == 1 else ''


def exposed_subnets(exposed: list[dict[str, Any]]) -> list[str]:
    """Return the subnets that a VPC exposes."""
    ranges = [item for part in exposed for item in objects(part.get('ips'))]
    return [text(item.get('vpcSubnet')) for item in ranges if text(item.get('vpcSubnet'))]
