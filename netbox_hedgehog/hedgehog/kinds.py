"""List every Hedgehog kind that the plugin mirrors, one row each.

Supporting a new custom resource is a new row here. The groups, versions and plurals are those of the
CustomResourceDefinitions in githedgehog/fabric (release 26.03), and of its development branch for Fabric and
VPCInterconnect; the columns follow their printer columns, without those that stay empty (Server TYPE, VPC VNI,
VPCPeering REMOTE) or are in a spec that is not kept (Agent PROFILE). The group fabricator.githedgehog.com is
deliberately absent: its objects hold secrets.

This module is vocabulary: it imports neither Django nor a Kubernetes client.
"""

from dataclasses import dataclass
from typing import Any, TypedDict

__all__ = (
    'EXTERNAL_PREFIX', 'FABRIC_LABEL', 'GATEWAY_ANNOTATION', 'KINDS', 'KIND_BY_NAME', 'TOPOLOGY', 'Column', 'Kind',
    'Path', 'Reference', 'pick',
)

FABRIC_LABEL = 'fabric.githedgehog.com/'
GATEWAY_ANNOTATION = 'gateway.githedgehog.com/'

# The prefix of the name of an External in a GatewayPeering; a VPC has its plain name there.
EXTERNAL_PREFIX = 'ext.'

# A path into a manifest: a tuple of keys, as keys of labels and annotations contain dots themselves.
Path = tuple[str, ...]

# Where a resource names the Hedgehog fabric that it belongs to, since the release after 26.03.
TOPOLOGY: Path = ('spec', 'topology', 'fabric')


@dataclass(frozen=True, slots=True)
class Column:
    """One of a kind's own columns: its title, and where in the manifest its value is."""

    title: str
    path: Path


@dataclass(frozen=True, slots=True)
class Reference:
    """Where a kind names resources of another kind: `prefix` comes before the name, a slash after it.

    A value that begins with `other_prefix` names something else.
    """

    path: Path
    kind: str
    prefix: str = ''
    other_prefix: str = ''


# Compared by identity: what is cached by kind would else count a hash over all its paths for every object.
@dataclass(frozen=True, slots=True, eq=False)
class Kind:
    """A custom resource kind.

    `derived` marks the controller's own objects. `keeps_spec` is False where the spec holds secrets and must never be
    stored; `spec_prefixes` and `spec_numbers` list those of its fields that are kept nevertheless, if they are an IP
    prefix, or a number, and nothing else. `status` lists the fields of the status that are kept: a whitelist, so that
    an unknown field of a newer release is not stored before somebody has looked at it. `volatile` lists the kept status
    fields that change all the time (heartbeats, counters, leases): they are stored, but never make a resource
    "changed". `references` says where a resource names others; what the links of a Connection name follows from its
    members (connections.py). In all of these paths `*` matches every element of a list or value of a dictionary, and in
    columns and references `?` matches the keys of a dictionary. `page_size` is how many objects one page of a list
    holds.

    Where a controller has several Hedgehog fabrics, `topology` is where the name of the one that a resource belongs to
    is, or `follows` is the reference to the resource with which it belongs to one. Kinds with neither are shared.
    """

    name: str
    plural: str
    group: str
    version: str
    title: str
    title_plural: str
    derived: bool = False
    keeps_spec: bool = True
    spec_prefixes: tuple[Path, ...] = ()
    spec_numbers: tuple[Path, ...] = ()
    status: tuple[Path, ...] = ()
    volatile: tuple[Path, ...] = ()
    columns: tuple[Column, ...] = ()
    references: tuple[Reference, ...] = ()
    page_size: int = 500
    topology: Path = ()
    follows: Reference | None = None

    @property
    def api_version(self) -> str:
        return f'{self.group}/{self.version}'


def pick(manifest: Any, path: Path) -> Any:
    """Return the value at `path` in nested dictionaries, or None if there is none.

    A final `?` gives the dictionary's keys instead of a value.
    """
    for key in path:
        if not isinstance(manifest, dict):
            return None
        manifest = list(manifest) if key == '?' else manifest.get(key)
    return manifest


def _spec(title: str, *path: str) -> Column:
    return Column(title, ('spec', *path))


def _label(title: str, name: str) -> Column:
    return Column(title, ('labels', FABRIC_LABEL + name))


class _API(TypedDict):
    group: str
    version: str


_WIRING: _API = {'group': 'wiring.githedgehog.com', 'version': 'v1beta1'}
_VPC: _API = {'group': 'vpc.githedgehog.com', 'version': 'v1beta1'}
_AGENT: _API = {'group': 'agent.githedgehog.com', 'version': 'v1beta1'}
_DHCP: _API = {'group': 'dhcp.githedgehog.com', 'version': 'v1beta1'}
_GATEWAY: _API = {'group': 'gateway.githedgehog.com', 'version': 'v1alpha1'}
_GWINT: _API = {'group': 'gwint.githedgehog.com', 'version': 'v1alpha1'}


def _paths(text: str) -> tuple[Path, ...]:
    return tuple(tuple(word.split('.')) for word in text.split())


class _Placed(TypedDict):
    topology: Path


# Of kinds whose resources belong to one Hedgehog fabric each.
_PLACED: _Placed = {'topology': TOPOLOGY}
_OF_FABRIC = Reference(TOPOLOGY, 'Fabric')


def _reference(kind: str, *path: str, prefix: str = '', other_prefix: str = '') -> Reference:
    return Reference(('spec', *path), kind, prefix, other_prefix)


# The status fields of an Agent, as `agents/status` serves them. Counters, queue statistics and the SONiC build
# details are skipped: nothing in the plugin reads them, and they are most of an Agent's 29 KB.
_AGENT_STATUS = """
    version installID runID bootID lastHeartbeat lastAttemptTime lastAttemptGen lastAppliedTime lastAppliedGen
    rebootRequired conditions.*.type conditions.*.status conditions.*.reason conditions.*.message
    conditions.*.observedGeneration conditions.*.lastTransitionTime
    state.nos.hwskuVersion state.nos.serialNumber state.nos.softwareVersion state.nos.mfgName state.nos.platformName
    state.nos.asicVersion state.nos.uptime state.nos.hardwareVersion state.nos.productDescription
    state.interfaces.*.enabled state.interfaces.*.admin state.interfaces.*.oper state.interfaces.*.mac
    state.interfaces.*.speed state.interfaces.*.auto state.interfaces.*.fec state.interfaces.*.change
    state.interfaces.*.errDisabled state.interfaces.*.linkFlapCount
    state.interfaces.*.lldpNeighbors.*.name state.interfaces.*.lldpNeighbors.*.chassis
    state.interfaces.*.lldpNeighbors.*.sysName state.interfaces.*.lldpNeighbors.*.portID
    state.interfaces.*.lldpNeighbors.*.portDescr state.interfaces.*.lldpNeighbors.*.manuf
    state.interfaces.*.lldpNeighbors.*.model state.interfaces.*.lldpNeighbors.*.serial
    state.bgpNeighbors.*.*.state state.bgpNeighbors.*.*.enabled state.bgpNeighbors.*.*.localAS
    state.bgpNeighbors.*.*.peerAS state.bgpNeighbors.*.*.prefixes.*.rec state.bgpNeighbors.*.*.prefixes.*.sent
    state.bfdPeers.*.*.state
    state.breakouts.*.mode state.breakouts.*.status
    state.transceivers.*.present state.transceivers.*.oper state.transceivers.*.formFactor
    state.transceivers.*.cable state.transceivers.*.descr state.transceivers.*.vendor
    state.transceivers.*.vendorPart state.transceivers.*.vendorRev state.transceivers.*.serial
    state.transceivers.*.length state.transceivers.*.cmis state.transceivers.*.cmisRev
    state.transceivers.*.firmware state.transceivers.*.connType state.transceivers.*.channels.*.in
    state.transceivers.*.channels.*.out state.transceivers.*.channels.*.bias
    state.transceivers.*.temp state.transceivers.*.voltage
    state.platform.fans.*.presence state.platform.fans.*.status state.platform.fans.*.speed state.platform.fans.*.dir
    state.platform.psus.*.presence state.platform.psus.*.status state.platform.psus.*.inPower
    state.platform.psus.*.outPower state.platform.psus.*.inVoltage state.platform.psus.*.outVoltage
    state.platform.temps.*.temp state.platform.temps.*.alarms state.platform.temps.*.highThreshold
    state.platform.temps.*.critHighThreshold state.platform.temps.*.lowThreshold
    state.platform.temps.*.critLowThreshold
    state.firmware.* state.roce state.criticalResources
"""

# The Fabricator's configuration, as far as addresses and MTUs of switches follow from it: no other resource has it.
_AGENT_PREFIXES = 'config.proxyExternalSubnet config.mclagSessionSubnet'
_AGENT_NUMBERS = 'config.fabricMTU config.serverFacingMTUOffset'

# What an agent rewrites at every heartbeat, or what follows from traffic, temperature and optics.
_AGENT_VOLATILE = """
    lastHeartbeat state.nos.uptime state.bgpNeighbors.*.*.prefixes
    state.platform.fans state.platform.psus state.platform.temps
    state.transceivers.*.temp state.transceivers.*.voltage state.transceivers.*.channels
    state.interfaces.*.linkFlapCount state.criticalResources
"""

_GATEWAY_AGENT_STATUS = """
    agentVersion lastHeartbeat lastAppliedTime lastAppliedGen state.lastCollectedTime state.dataplane.version
    state.frr.lastAppliedGen
    state.bgp.vrfs.*.neighbors.*.enabled state.bgp.vrfs.*.neighbors.*.localAS
    state.bgp.vrfs.*.neighbors.*.peerAS state.bgp.vrfs.*.neighbors.*.sessionState
    state.bgp.vrfs.*.neighbors.*.remoteRouterID
"""


KINDS: tuple[Kind, ...] = (
    Kind(
        'SwitchProfile', 'switchprofiles', **_WIRING, title='Switch profile', title_plural='Switch profiles',
        derived=True,
        columns=(
            _spec('Display name', 'displayName'), _spec('Other names', 'otherNames'),
            _spec('Silicon', 'switchSilicon'),
            Column('Ports', ('annotations', FABRIC_LABEL + 'ports')),
        ),
    ),
    Kind(
        'ServerProfile', 'serverprofiles', **_WIRING, title='Server profile', title_plural='Server profiles',
    ),
    Kind(
        'VLANNamespace', 'vlannamespaces', **_WIRING, title='VLAN namespace', title_plural='VLAN namespaces',
        columns=(_spec('Ranges', 'ranges'),),
    ),
    Kind(
        'IPv4Namespace', 'ipv4namespaces', **_VPC, title='IPv4 namespace', title_plural='IPv4 namespaces',
        columns=(_spec('Subnets', 'subnets'),), references=(_OF_FABRIC,), **_PLACED,
    ),
    Kind(
        'Fabric', 'fabrics', **_WIRING, title='Hedgehog fabric', title_plural='Hedgehog fabrics', topology=('name',),
        columns=(
            _spec('First leaf ASN', 'leafASNStart'), _spec('Last leaf ASN', 'leafASNEnd'), _spec('Domains', 'domains'),
        ),
    ),
    Kind(
        'SwitchGroup', 'switchgroups', **_WIRING, title='Switch group', title_plural='Switch groups',
        references=(_OF_FABRIC,), **_PLACED,
    ),
    Kind(
        'Switch', 'switches', **_WIRING, title='Switch', title_plural='Switches',
        columns=(
            _spec('Profile', 'profile'), _spec('Role', 'role'), _spec('Description', 'description'),
            _spec('Groups', 'groups'), _spec('Redundancy', 'redundancy', 'group'),
            _spec('Boot serial', 'boot', 'serial'), _spec('ASN', 'asn'), _spec('Address', 'ip'),
            _spec('VTEP address', 'vtepIP'),
        ),
        references=(
            _reference('SwitchProfile', 'profile'), _reference('SwitchGroup', 'groups', '*'),
            _reference('SwitchGroup', 'redundancy', 'group'), _reference('VLANNamespace', 'vlanNamespaces', '*'),
            _OF_FABRIC,
        ),
        **_PLACED,
    ),
    Kind(
        'Server', 'servers', **_WIRING, title='Server', title_plural='Servers',
        columns=(_spec('Description', 'description'),),
        references=(_reference('ServerProfile', 'profile'),),
    ),
    Kind(
        'Connection', 'connections', **_WIRING, title='Connection', title_plural='Connections',
        columns=(Column('Type', ('spec', '?')),),
        references=(_reference('VPC', 'staticExternal', 'withinVPC'), _OF_FABRIC), **_PLACED,
    ),
    Kind(
        'VPC', 'vpcs', **_VPC, title='VPC', title_plural='VPCs',
        columns=(
            _spec('IPv4 namespace', 'ipv4Namespace'), _spec('VLAN namespace', 'vlanNamespace'),
            _spec('Subnets', 'subnets'), _spec('Mode', 'mode'),
        ),
        references=(
            _reference('IPv4Namespace', 'ipv4Namespace'), _reference('VLANNamespace', 'vlanNamespace'),
            _reference('VPC', 'subnets', '*', 'dhcp', 'relayVPC'), _OF_FABRIC,
        ),
        **_PLACED,
    ),
    Kind(
        'VPCAttachment', 'vpcattachments', **_VPC, title='VPC attachment', title_plural='VPC attachments',
        columns=(
            _spec('VPC subnet', 'subnet'), _spec('Connection', 'connection'), _spec('Native VLAN', 'nativeVLAN'),
        ),
        references=(_reference('VPC', 'subnet'), _reference('Connection', 'connection'), _OF_FABRIC), **_PLACED,
    ),
    Kind(
        'VPCPeering', 'vpcpeerings', **_VPC, title='VPC peering', title_plural='VPC peerings',
        columns=(_label('VPC 1', 'vpc1'), _label('VPC 2', 'vpc2')),
        references=(_reference('VPC', 'permit', '*', '?'), _OF_FABRIC), **_PLACED,
    ),
    Kind(
        'External', 'externals', **_VPC, title='External', title_plural='Externals',
        columns=(
            _spec('IPv4 namespace', 'ipv4Namespace'), _spec('Inbound community', 'inboundCommunity'),
            _spec('Outbound community', 'outboundCommunity'), _spec('Static prefixes', 'static', 'prefixes'),
        ),
        references=(_reference('IPv4Namespace', 'ipv4Namespace'), _OF_FABRIC), **_PLACED,
    ),
    Kind(
        'ExternalAttachment', 'externalattachments', **_VPC,
        title='External attachment', title_plural='External attachments',
        columns=(
            _spec('External', 'external'), _spec('Connection', 'connection'),
            _spec('Switch VLAN', 'switch', 'vlan'), _spec('Switch address', 'switch', 'ip'),
            _spec('Neighbor ASN', 'neighbor', 'asn'), _spec('Neighbor address', 'neighbor', 'ip'),
        ),
        references=(_reference('External', 'external'), _reference('Connection', 'connection'), _OF_FABRIC), **_PLACED,
    ),
    Kind(
        'ExternalPeering', 'externalpeerings', **_VPC,
        title='External peering', title_plural='External peerings',
        columns=(
            _spec('VPC', 'permit', 'vpc', 'name'), _spec('VPC subnets', 'permit', 'vpc', 'subnets'),
            _spec('External', 'permit', 'external', 'name'), _spec('Prefixes', 'permit', 'external', 'prefixes'),
        ),
        references=(
            _reference('VPC', 'permit', 'vpc', 'name'), _reference('External', 'permit', 'external', 'name'),
            _OF_FABRIC,
        ),
        **_PLACED,
    ),
    Kind(
        'VPCInterconnect', 'vpcinterconnects', **_VPC, title='VPC interconnect', title_plural='VPC interconnects',
        columns=(
            _spec('IPv4 namespace', 'ipv4Namespace'), Column('VPCs', ('spec', 'local', '?')),
            _spec('Remote prefixes', 'remote', 'prefixes'), _spec('Domain', 'topology', 'domain'),
        ),
        references=(
            _reference('IPv4Namespace', 'ipv4Namespace'), _reference('VPC', 'local', '?'),
            _reference('Connection', 'links', '*', 'connection'), Reference(('name',), 'External'), _OF_FABRIC,
        ),
        **_PLACED,
    ),
    Kind(
        'Agent', 'agents', **_AGENT, title='Agent', title_plural='Agents', derived=True, keeps_spec=False,
        spec_prefixes=_paths(_AGENT_PREFIXES), spec_numbers=_paths(_AGENT_NUMBERS), page_size=100,
        status=_paths(_AGENT_STATUS), volatile=_paths(_AGENT_VOLATILE),
        columns=(
            Column('Hardware', ('status', 'state', 'nos', 'hwskuVersion')),
            Column('Heartbeat', ('status', 'lastHeartbeat')), Column('Applied', ('status', 'lastAppliedTime')),
            Column('Applied generation', ('status', 'lastAppliedGen')), Column('Current generation', ('generation',)),
            Column('Version', ('status', 'version')), Column('Reboot required', ('status', 'rebootRequired')),
            Column('Software', ('status', 'state', 'nos', 'softwareVersion')),
        ),
        references=(Reference(('name',), 'Switch'),), follows=Reference(('name',), 'Switch'),
    ),
    Kind('Catalog', 'catalogs', **_AGENT, title='Catalog', title_plural='Catalogs', derived=True),
    Kind(
        'DHCPSubnet', 'dhcpsubnets', **_DHCP, title='DHCP subnet', title_plural='DHCP subnets', derived=True,
        status=_paths('allocated.*.ip allocated.*.hostname allocated.*.expiry allocated.*.discover'),
        volatile=_paths('allocated'),
        columns=(
            _spec('Subnet', 'subnet'), _spec('CIDR', 'cidrBlock'), _spec('Gateway', 'gateway'),
            _spec('Start', 'startIP'), _spec('End', 'endIP'), _spec('VRF', 'vrf'),
            _spec('Circuit ID', 'circuitID'),
        ),
        references=(_reference('VPC', 'vrf'),),
        follows=Reference(('labels', FABRIC_LABEL + 'vpc'), 'VPC'),
    ),
    Kind(
        'Gateway', 'gateways', **_GATEWAY, title='Gateway', title_plural='Gateways',
        columns=(
            _spec('Protocol address', 'protocolIP'), _spec('VTEP address', 'vtepIP'), _spec('ASN', 'asn'),
            _spec('Groups', 'groups'), _spec('Workers', 'workers'),
        ),
        references=(_reference('GatewayGroup', 'groups', '*', 'name'), _OF_FABRIC),
        **_PLACED,
    ),
    Kind(
        'GatewayGroup', 'gatewaygroups', **_GATEWAY, title='Gateway group', title_plural='Gateway groups',
        references=(_OF_FABRIC,), **_PLACED,
    ),
    Kind(
        'GatewayPeering', 'gatewaypeerings', **_GATEWAY, title='Gateway peering', title_plural='Gateway peerings',
        columns=(
            _spec('Gateway group', 'gatewayGroup'), Column('VPCs', ('annotations', GATEWAY_ANNOTATION + 'vpcs')),
            Column('NAT', ('annotations', GATEWAY_ANNOTATION + 'nat')), _spec('Peering', 'peering'),
        ),
        references=(
            _reference('GatewayGroup', 'gatewayGroup'), _reference('VPCInfo', 'peering', '?'),
            _reference('VPC', 'peering', '?', other_prefix=EXTERNAL_PREFIX),
            _reference('External', 'peering', '?', prefix=EXTERNAL_PREFIX), _OF_FABRIC,
        ),
        **_PLACED,
    ),
    Kind(
        'VPCInfo', 'vpcinfos', **_GATEWAY, title='VPC info', title_plural='VPC infos', derived=True,
        status=_paths('internalID'),
        columns=(_spec('VNI', 'vni'), Column('Internal ID', ('status', 'internalID'))),
        references=(_OF_FABRIC,), **_PLACED,
    ),
    Kind(
        'GatewayAgent', 'gatewayagents', **_GWINT, title='Gateway agent', title_plural='Gateway agents',
        derived=True, status=_paths(_GATEWAY_AGENT_STATUS),
        volatile=_paths('lastHeartbeat state.lastCollectedTime'),
        columns=(
            Column('Heartbeat', ('status', 'lastHeartbeat')), Column('Applied', ('status', 'lastAppliedTime')),
            Column('Applied generation', ('status', 'lastAppliedGen')), Column('Current generation', ('generation',)),
            Column('Version', ('status', 'agentVersion')),
            Column('Dataplane version', ('status', 'state', 'dataplane', 'version')),
        ),
        references=(Reference(('name',), 'Gateway'),), follows=Reference(('name',), 'Gateway'),
    ),
)

KIND_BY_NAME: dict[str, Kind] = {kind.name: kind for kind in KINDS}
