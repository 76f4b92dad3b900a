"""Issues of resources that NetBox cannot hold."""

from django.utils.translation import gettext_lazy as _

from ..issue_codes import Code
from .text import Text

__all__ = ('INVALID',)

INVALID: dict[str, Text] = {
    Code.ADDRESS_DIFFERS: Text(
        _('%(address)s (%(what)s) skipped: %(kind)s %(name)s assigns %(other)s to %(interface)s. Correct one of them.'),
        _('Two resources disagree about one link. Check which is right on the switch.'),
    ),
    Code.ADDRESS_IN_USE: Text(
        _('%(address)s (%(what)s) is already used by %(kind)s %(name)s; skipped. Change one of them.'),
        _('Give one of the two resources another address.'),
    ),
    Code.ADDRESS_INVALID: Text(
        _('%(value)s (%(what)s) is not an IP address; skipped.'),
        _('Write it as address and length, such as 172.30.0.8/21.'),
    ),
    Code.ADDRESS_NOT_USABLE: Text(
        _('%(address)s (%(what)s) is a network or broadcast address, which no interface can have; skipped.'),
        _('Correct the address or its prefix length in the resource.'),
    ),
    Code.ASN_OUT_OF_RANGE: Text(
        _('ASN %(asn)s is out of range (1–4294967295); skipped.'),
        _('Correct `spec.asn`.'),
    ),
    Code.BREAKOUT_NOT_SUPPORTED: Text(
        _('Breakout %(breakout)s of port %(port)s is not supported by the switch profile; %(mode)s is used.'),
        _('Correct `portBreakouts` of the Switch. The profile lists the modes.'),
    ),
    Code.CONNECTION_AMBIGUOUS: Text(
        _('The connection has several types (%(types)s); skipped. Keep one of them.'),
        _('Create a Connection of its own for each type.'),
    ),
    Code.CONNECTION_EMPTY: Text(
        _('The connection has no ports; skipped.'),
        _('Delete the Connection, or add its links.'),
    ),
    Code.CONNECTION_MISSING: Text(
        _('Connection %(connection)s does not exist; attachment skipped.'),
        _('Create the Connection, or correct `connection` of the attachment.'),
    ),
    Code.CONNECTION_NOT_ATTACHABLE: Text(
        _('Connection %(connection)s (type %(type)s) leads to no server; nothing can be attached to it.'),
        _('Attach the subnet to an unbundled, bundled, eslag or mclag Connection.'),
    ),
    Code.CONNECTION_SKIPPED: Text(
        _('Connection %(connection)s was skipped, and this attachment with it.'),
        _('Resolve the issue of that Connection.'),
    ),
    Code.CONNECTION_TYPE_UNKNOWN: Text(
        _('Unknown connection type (%(types)s); skipped.'),
        _('Upgrade the plugin. The resource itself is in the mirror.'),
    ),
    Code.DEVICE_MISSING: Text(
        _('References %(port)s, but %(kind)s %(name)s does not exist.'),
        _('Create the device, or correct its name in the Connection.'),
    ),
    Code.DEVICE_NAME_IN_USE: Text(
        _('%(kind)s %(name)s has the same device name (%(device)s); skipped. Rename one of them.'),
        _('Rename one of the two resources.'),
    ),
    Code.DEVICE_NAME_TOO_LONG: Text(
        _('The device name is longer than 64 characters; skipped.'),
        _('Choose a shorter name pattern in the fabric’s settings, or rename the resource.'),
    ),
    Code.DEVICE_SKIPPED: Text(
        _('References %(port)s, but %(kind)s %(name)s was skipped.'),
        _('Resolve the issue of that device.'),
    ),
    Code.DEVICE_TYPE_NAME_TOO_LONG: Text(
        _('The display name of switch profile %(profile)s is too long for a device type (100 characters); skipped.'),
        _('Shorten `displayName` of the SwitchProfile.'),
    ),
    Code.EXTERNAL_CONNECTION_MISSING: Text(
        _('Connection %(connection)s does not exist or is not external; skipped.'),
        _('Correct `connection` of the ExternalAttachment: `kubectl get connections` shows the types.'),
    ),
    Code.EXTERNAL_MISSING: Text(
        _('External %(external)s does not exist; skipped.'),
        _('Create the External, or correct `external` of the attachment.'),
    ),
    Code.INTERFACE_NAME_IN_USE: Text(
        _('Interface %(interface)s skipped: %(device)s already has an interface of that name, or the name is longer '
          'than 64 characters.'),
        _('Rename one of the two ports.'),
    ),
    Code.INTERFACE_NAME_TOO_LONG: Text(
        _('Interface name %(interface)s is longer than 64 characters; skipped.'),
        _('Shorten the name of the interface in the Gateway.'),
    ),
    Code.IPV4_NAMESPACE_MISSING: Text(
        _('IPv4 namespace %(namespace)s does not exist.'),
        _('Create the IPv4Namespace, or correct `ipv4Namespace` of the VPC.'),
    ),
    Code.KIND_NOT_SYNCED: Text(
        _('%(resource_kind)s resources have never been synced completely. Objects that depend on them are not '
          'updated.'),
        _('Check the fabric’s last sync: the token may not list them (403), or the list was incomplete.'),
    ),
    Code.LAG_NAME_IN_USE: Text(
        _('LAG %(interface)s and its attachments skipped: %(device)s already has an interface of that name, or the '
          'name is longer than 64 characters.'),
        _('Check the Connections of that device: two LAGs need one name, or a port has it.'),
    ),
    Code.LAG_NUMBER_MISSING: Text(
        _('No PortChannel number assigned yet (Catalog %(catalog)s). LAG on %(device)s and its attachments skipped.'),
        _('Wait: the next sync after the fabric’s controller has assigned the number creates the LAG.'),
    ),
    Code.LINK_NETWORK_INVALID: Text(
        _('The network of the link to the server, %(network)s, is not an IPv4 prefix of two addresses (/31); addresses '
          'skipped.'),
        _('Correct the annotation `fabric.githedgehog.com/p2p-link` of the VPCAttachment.'),
    ),
    Code.LINKS_INVALID: Text(
        _('The field %(links)s is not a valid list of links; links that cannot be read are skipped.'),
        _('Correct the field of the Connection.'),
    ),
    Code.LOOPBACK_NAME_IN_USE: Text(
        _('A port has the name of the loopback, %(interface)s; loopback for %(what)s skipped.'),
        _('Rename the port in the profile, or do without that loopback in NetBox.'),
    ),
    Code.MAC_INVALID: Text(
        _('The MAC address of %(ports)s is invalid; skipped.'),
        _('The address of a port has 48 bits and is no multicast address. Correct `boot.mac` of the Switch, or check '
          'what the agent reports.'),
    ),
    Code.MTU_INVALID: Text(
        _('Invalid MTU %(mtu)s; MTU not set.'),
        _('Correct `mtu`. NetBox accepts 1 to 65536.'),
    ),
    Code.NAME_INVALID: Text(
        _('The name is not a valid Kubernetes name; skipped.'),
        _('Create the resource again with a valid name.'),
    ),
    Code.NAME_PATTERN_INVALID: Text(
        _('The name pattern %(pattern)s is invalid; the resource name is used.'),
        _('Correct the name pattern in the fabric’s settings.'),
    ),
    Code.NATIVE_VLAN_IN_USE: Text(
        _('%(interface)s already has another native VLAN; skipped on this interface.'),
        _('Disable `nativeVLAN` on one of the attachments: a port has one native VLAN.'),
    ),
    Code.PORT_IN_USE: Text(
        _('Port %(port)s is already used by %(kind)s %(name)s; skipped. A port has one cable.'),
        _('Correct one of the two Connections.'),
    ),
    Code.PORT_INVALID: Text(
        _('Invalid port %(port)s (%(end)s); skipped. Write it as device/port.'),
        _('For example `leaf-01/E1/5`.'),
    ),
    Code.PORT_MISSING: Text(
        _('References %(port)s, but the profile of %(device)s has no such port.'),
        _('`kubectl describe switchprofile` lists the ports. A port that is broken out has a further number, such as '
          '`E1/49/1`.'),
    ),
    Code.PORT_NAME_IN_USE: Text(
        _('Port %(port)s of the switch profile skipped: its name is in use, or longer than 64 characters.'),
        _('Report it to whoever maintains the SwitchProfile.'),
    ),
    Code.PORT_NAME_INVALID: Text(
        _('References %(port)s, which is not a valid port name; skipped.'),
        _('Correct the name of the port in the Connection. A name has at most 64 characters.'),
    ),
    Code.PORT_REPEATED: Text(
        _('References %(port)s twice. A port has one cable.'),
        _('Correct one of the links of the Connection.'),
    ),
    Code.PORT_SPEED_INVALID: Text(
        _('Invalid speed %(speed)s of port %(port)s; the default is used. Write it as 25G.'),
        _('Correct `portSpeeds` or `portGroupSpeeds` of the Switch.'),
    ),
    Code.PORT_UNKNOWN: Text(
        _('A speed or breakout is set for port %(port)s, which the switch profile does not have.'),
        _('Remove the port from `portSpeeds` or `portBreakouts` of the Switch, or correct its name.'),
    ),
    Code.PORT_VLAN_UNKNOWN: Text(
        _('No Catalog %(catalog)s, which says whether %(port)s needs a VLAN of its own. VLAN and address of the port '
          'are not updated.'),
        _('Wait: the next sync after the fabric’s controller has written the Catalog updates them. Only switches with '
          'Tomahawk 5 need such VLANs: check that the SwitchProfile has the right `switchSilicon`.'),
    ),
    Code.PREFIX_INVALID: Text(
        _('Subnet %(prefix)s is not a prefix or has host bits set; skipped.'),
        _('Write it as network and length: 10.0.1.0/24, not 10.0.1.1/24.'),
    ),
    Code.PREFIX_REPEATED: Text(
        _('Subnet %(prefix)s is listed more than once.'),
        _('Remove the repeated entry from the IPv4Namespace.'),
    ),
    Code.PROFILE_MISSING: Text(
        _('Switch profile %(profile)s does not exist, so the ports are unknown; skipped.'),
        _('Correct the name of the profile, or check whether SwitchProfiles can be read (403).'),
    ),
    Code.PROFILE_NOT_SET: Text(
        _('No switch profile is set, so the ports are unknown; skipped.'),
        _('Set `spec.profile` of the Switch to one of `kubectl get switchprofiles`.'),
    ),
    Code.PROXY_NETWORK_TOO_SMALL: Text(
        _('The network for proxied externals, %(network)s, has no pair of addresses number %(number)s; address '
          'skipped.'),
        _('Enlarge the network in the configuration of the fabric.'),
    ),
    Code.ROLE_AMBIGUOUS: Text(
        _('Several device roles have the slug %(slug)s, which the fabric’s settings name for %(role)s. New devices get '
          'the role with Hedgehog’s name.'),
        _('Give the role that is meant a slug of its own, then choose it in the fabric’s settings.'),
    ),
    Code.ROLE_UNKNOWN: Text(
        _('No device role has the slug %(slug)s, which the fabric’s settings name for %(role)s. New devices get the '
          'role with Hedgehog’s name.'),
        _('Create the role, or choose another one in the fabric’s settings.'),
    ),
    Code.SERIAL_TOO_LONG: Text(
        _('Serial number %(serial)s is longer than 50 characters; not set.'),
        _('Correct `boot.serial` of the Switch.'),
    ),
    Code.SUBNET_DHCP_INVALID: Text(
        _('Subnet %(subnet)s: DHCP range %(start)s to %(end)s is not in %(prefix)s; skipped.'),
        _('Start and end of `dhcp.range` must be addresses in the subnet, the start first.'),
    ),
    Code.SUBNET_DHCP_OVERLAP: Text(
        _('Subnet %(subnet)s: DHCP range %(start)s to %(end)s overlaps another of the VPC; skipped.'),
        _('Two subnets of the VPC give out the same addresses. Narrow one of the ranges.'),
    ),
    Code.SUBNET_EXTRA_PREFIXES_INVALID: Text(
        _('Subnet %(subnet)s: hostBGPExtraPrefixes is %(value)s, not a mapping of prefixes; the extra prefixes are '
          'skipped.'),
        _('Write it as a mapping, such as `{10.8.0.0/24: {}}`.'),
    ),
    Code.SUBNET_GATEWAY_IN_USE: Text(
        _('Subnet %(subnet)s: gateway %(gateway)s is already in use in the VPC; skipped.'),
        _('Two subnets have one gateway. Correct one of them.'),
    ),
    Code.SUBNET_GATEWAY_INVALID: Text(
        _('Subnet %(subnet)s: gateway %(gateway)s is not an address in %(prefix)s; skipped.'),
        _('Correct `gateway` of the subnet, or its prefix.'),
    ),
    Code.SUBNET_L2VPN_NAME: Text(
        _('Subnet %(subnet)s: the name of the L2VPN is already in use or longer than 100 characters; L2VPN skipped.'),
        _('Shorten the name of the VPC, the subnet or the fabric.'),
    ),
    Code.SUBNET_MISSING: Text(
        _('Subnet %(subnet)s does not exist; attachment skipped.'),
        _('Write it as `vpc/subnet`, and check whether the VPC has it.'),
    ),
    Code.SUBNET_NAME_INVALID: Text(
        _('Subnet %(subnet)s: the name is too long or cannot be displayed; skipped.'),
        _('Rename the subnet, without control characters.'),
    ),
    Code.SUBNET_NAMESPACE_MISSING: Text(
        _('Subnet %(subnet)s: VLAN namespace %(namespace)s does not exist or was skipped; VLAN skipped.'),
        _('Create the VLANNamespace, or resolve its issue.'),
    ),
    Code.SUBNET_PREFIX_IN_USE: Text(
        _('Subnet %(subnet)s: prefix %(prefix)s is already used by another subnet of %(vpc)s; skipped.'),
        _('Two subnets of the VPC have one prefix. Correct one of them.'),
    ),
    Code.SUBNET_PREFIX_INVALID: Text(
        _('Subnet %(subnet)s: %(prefix)s is not a prefix or has host bits set; skipped.'),
        _('Write it as network and length: 10.0.1.0/24, not 10.0.1.1/24.'),
    ),
    Code.SUBNET_RESERVATION_IN_USE: Text(
        _('Subnet %(subnet)s: DHCP reservation of %(address)s for %(mac)s skipped: %(address)s is already in use in '
          'the VPC, or %(mac)s has a reservation already.'),
        _('Give each MAC address in `dhcp.static` an address of its own, once.'),
    ),
    Code.SUBNET_RESERVATION_INVALID: Text(
        _('Subnet %(subnet)s: DHCP reservation of %(address)s for %(mac)s skipped: not a MAC address, or not an '
          'address for a host in %(prefix)s.'),
        _('Correct the MAC address or its `ip` in `dhcp.static` of the subnet.'),
    ),
    Code.SUBNET_VLAN_IN_USE: Text(
        _('Subnet %(subnet)s: VLAN %(vlan)s or its name %(name)s is already used by VPC %(vpc)s; VLAN skipped.'),
        _('Choose another VLAN for one of the two: a VLAN is used once in its namespace.'),
    ),
    Code.SUBNET_VLAN_NAME_TOO_LONG: Text(
        _('Subnet %(subnet)s: VLAN name %(name)s is longer than 64 characters; VLAN skipped.'),
        _('Shorten the name of the VPC or the subnet.'),
    ),
    Code.SUBNET_VLAN_NOT_IN_NAMESPACE: Text(
        _('Subnet %(subnet)s: VLAN %(vlan)s is not in VLAN namespace %(namespace)s; VLAN skipped.'),
        _('Choose a VLAN from the ranges of the VLANNamespace, or extend these.'),
    ),
    Code.SUBNET_VLAN_NOT_SET: Text(
        _('Subnet %(subnet)s: neither a VLAN nor hostBGP is set; the prefix has no VLAN.'),
        _('Set `vlan` or `hostBGP` of the subnet.'),
    ),
    Code.SUBNET_VNI_MISSING: Text(
        _('Subnet %(subnet)s: no VNI assigned yet (Catalog vpcs); L2VPN skipped.'),
        _('Wait: the next sync after the fabric’s controller has assigned the VNI creates the L2VPN.'),
    ),
    Code.SUBNET_WITHOUT_VLAN: Text(
        _('Subnet %(subnet)s has no valid VLAN; attachment skipped.'),
        _('Give the subnet a VLAN, or resolve the issue of its VPC.'),
    ),
    Code.TRANSCEIVER_SERIAL_INVALID: Text(
        _('The transceivers in %(ports)s report a serial number that NetBox cannot hold; serial number not set.'),
        _('A serial number is text of at most 50 characters. Enter it by hand, or replace the transceiver.'),
    ),
    Code.TRANSCEIVER_TYPE_UNKNOWN: Text(
        _('The transceivers in %(ports)s report no usable vendor or part number; skipped.'),
        _('NetBox needs both for a module type, at most 100 characters each. Reseat a transceiver that should report '
          'them, or add the module by hand.'),
    ),
    Code.UNTAGGED_IN_USE: Text(
        _('%(kind)s %(name)s puts the untagged traffic of %(interface)s into another VRF or VLAN; skipped on this '
          'interface.'),
        _('Untagged traffic of a port is in one VRF or native VLAN. Set a VLAN for one of the two, or remove it.'),
    ),
    Code.VLAN_GROUP_EMPTY: Text(
        _('No valid VLAN range; the VLAN group and its VLANs are not created.'),
        _('Correct `ranges` of the VLANNamespace.'),
    ),
    Code.VLAN_GROUP_NAME_TOO_LONG: Text(
        _('The name is too long for a VLAN group (100 characters); the VLAN group and its VLANs are not created.'),
        _('Rename the resource, or the fabric in NetBox: its name is part of the group’s.'),
    ),
    Code.VLAN_OUT_OF_RANGE: Text(
        _('VLAN %(vlan)s is out of range (1–4094); skipped.'),
        _('Correct `vlan` in the resource.'),
    ),
    Code.VLAN_RANGE_INVALID: Text(
        _('VLAN range %(start)s to %(end)s is invalid (1–4094); skipped.'),
        _('Correct the range in the VLANNamespace.'),
    ),
    Code.VLAN_RANGE_OVERLAP: Text(
        _('VLAN range %(start)s to %(end)s overlaps another one; skipped.'),
        _('Join the two ranges of the VLANNamespace.'),
    ),
    Code.VPC_MISSING: Text(
        _('VPC %(vpc)s does not exist; skipped.'),
        _('Create the VPC, or correct `withinVPC` of the Connection.'),
    ),
    Code.VRF_NAME_IN_USE: Text(
        _('An inventory rule names its VRF %(vrf)s, which is the name of the VRF of VPC %(vpc)s, too. The rule’s VRF '
          'name is not used.'),
        _('Change the VRF name of the rule so that it differs for each VPC, for example {fabric}-{vpc}.'),
    ),
    Code.VRF_NAME_INVALID: Text(
        _('An inventory rule names its VRF %(vrf)s, which is too long or invalid (at most 100 characters). The rule’s '
          'VRF name is not used.'),
        _('Choose a shorter VRF name in the rule.'),
    ),
    Code.VRF_NAME_TOO_LONG: Text(
        _('The name is too long for a VRF (100 characters); skipped.'),
        _('Rename the resource, or the fabric in NetBox: its name is part of the VRF’s.'),
    ),
    Code.VRF_SKIPPED: Text(
        _('The VRF of %(kind)s %(name)s was skipped, and what leads to it.'),
        _('Resolve the issue of that VPC or External.'),
    ),
}
