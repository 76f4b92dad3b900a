"""The one table of an inventory's issues: the sentence of each code, and what to do about it.

A sentence has named placeholders, which parameters fill in when it is shown: in the language of the reader, and
without anything that is stored depending on its wording. Some placeholders are derived: `object` from `model` and
`name`, `holder` from `holder_model` and `holder`, `result` from `object` and `fields`; `field`, `fields` and `models`
are shown as NetBox calls them.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as now_
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext_lazy as n_

from .choices import InventorySubjectChoices
from .issue_codes import Code
from .labels import field_label, model_title

__all__ = ('INVALID', 'IN_NETBOX', 'ISSUES', 'REASONS', 'TAILS', 'Text', 'digest_of', 'field_in_sentence', 'render')

# How many reasons a sentence names.
REASONS_SHOWN = 3

# Parameters that count objects: they tell no issue from another.
COUNTS = frozenset(('count', 'skipped', 'kept', 'stale', 'unchanged', 'waiting', 'marked', 'to_mark', 'again'))


@dataclass(frozen=True, slots=True)
class Text:
    """The sentence of a code, and for the documentation what to do about it. Both are translated when shown."""

    sentence: Any
    advice: Any


# Resources that NetBox cannot hold.
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
    Code.LINKS_INVALID: Text(
        _('The field %(links)s is not a valid list of links; links that cannot be read are skipped.'),
        _('Correct the field of the Connection.'),
    ),
    Code.LOOPBACK_NAME_IN_USE: Text(
        _('A port has the name of the loopback, %(interface)s; loopback for %(what)s skipped.'),
        _('Rename the port in the profile, or do without that loopback in NetBox.'),
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
    Code.VRF_NAME_TOO_LONG: Text(
        _('The name is too long for a VRF (100 characters); skipped.'),
        _('Rename the resource, or the fabric in NetBox: its name is part of the VRF’s.'),
    ),
}

# Objects in NetBox.
IN_NETBOX: dict[str, Text] = {
    Code.ADOPTION_AMBIGUOUS: Text(
        _('%(object)s skipped: %(total)s objects have its %(field)s: %(names)s. Correct the %(field)s of the others.'),
        _('Give those that are not meant their own name or serial number, or set them to *Decommissioning*. The next '
          'sync adopts the one that remains.'),
    ),
    Code.CABLE_OF_OTHER_FABRIC: Text(
        _('%(object)s skipped: a cable of fabric %(fabric)s is connected to one of its ports.'),
        _('Two fabrics need one port. Correct one of them.'),
    ),
    Code.CABLE_UNMANAGED: Text(
        _('%(object)s skipped: cable #%(id)s is connected to one of its ports. Remove or move it.'),
        _('Delete that cable where the fabric is right, and the next sync creates its own. Else correct the '
          'Connection.'),
    ),
    Code.CHOICE_NOT_OFFERED: Text(
        _('NetBox does not offer the %(field)s %(value)s for %(models)s; new ones get %(chosen)s.'),
        _('NetBox’s `FIELD_CHOICES` has removed it. Offer it again, or change the objects: the field is yours.'),
    ),
    Code.DEVICE_STATUS_NOT_OFFERED: Text(
        _('NetBox does not offer %(status)s, the status of new devices. No device is created. Choose another status in '
          'the fabric’s settings.'),
        _('NetBox’s `FIELD_CHOICES` has removed it. Choose another status in the fabric’s settings.'),
    ),
    Code.FIELD_DIFFERS: Text(
        _('%(object)s: %(field)s differs from the fabric.'),
        _('Decide the discrepancy: use the fabric value, keep the NetBox value, or ignore it.'),
    ),
    Code.FIELD_DIFFERS_SINCE_ADOPTION: Text(
        _('%(object)s: %(field)s differs from the fabric since its adoption.'),
        _('Decide the discrepancy: use the fabric value, keep the NetBox value, or ignore it.'),
    ),
    Code.OBJECT_DELETED: Text(
        _('%(object)s was deleted in NetBox but still exists in the fabric.'),
        _('Decide the discrepancy: create the object again, or keep it deleted.'),
    ),
    Code.OBJECT_NOT_DELETABLE: Text(
        _('%(object)s cannot be deleted: %(reasons)s.'),
        _('Remove or move what it names, or the protection rule. The next sync deletes the object.'),
    ),
    Code.OBJECT_NOT_PLANNABLE: Text(
        _('%(object)s skipped: it cannot be compared with NetBox (%(error)s). Report this with the log of the sync.'),
        _('Nothing else is skipped. Report it as [CONTRIBUTING](../CONTRIBUTING.md) says.'),
    ),
    Code.OBJECT_OF_OTHER_FABRIC: Text(
        _('%(object)s skipped: it already exists and is managed by fabric %(fabric)s.'),
        _('Give the devices of the two fabrics different names with the name pattern, or correct one of the fabrics.'),
    ),
    Code.OBJECT_REFUSED: Text(
        _('%(object)s: %(reason)s'),
        _('The reason is NetBox’s, or that of a validator or rule of yours. Correct the resource, or change that rule: '
          'each sync tries again.'),
    ),
    Code.OBJECT_UNMANAGED: Text(
        _('%(object)s skipped: it already exists (#%(id)s) and is not managed by this plugin. Adopt, rename or remove '
          'it.'),
        _('Rename or remove the object, or enable *Adoption* in the fabric’s settings.'),
    ),
    Code.PLACE_NEEDED_TWICE: Text(
        _('%(result)s: %(kind)s %(resource)s of this fabric needs the same place.'),
        _('Two resources need one name, address or place. Correct one of them.'),
    ),
    Code.PLACE_OF_CHANGED_OBJECT: Text(
        _('%(result)s: %(holder)s of %(kind)s %(resource)s cannot be synced now and was changed in NetBox.'),
        _('Resolve the issue of that resource, or change that object back.'),
    ),
    Code.PLACE_OF_MANAGED_OBJECT: Text(
        _('%(result)s: %(holder)s of %(kind)s %(resource)s has that place in NetBox.'),
        _('Resolve the discrepancy of that object: it keeps the place until then.'),
    ),
    Code.PLACE_OF_OTHER_FABRIC: Text(
        _('%(result)s: %(other)s of fabric %(fabric)s is in the way.'),
        _('Two fabrics need one name, address or port. Correct one of them, or use different name patterns.'),
    ),
    Code.PLACE_OF_SKIPPED_OBJECT: Text(
        _('%(result)s: %(holder)s of %(kind)s %(resource)s cannot be synced now and stays until it is deleted.'),
        _('Resolve the issue of that resource, or delete that object.'),
    ),
    Code.PLACE_OF_SKIPPED_RESOURCE: Text(
        _('%(result)s: an object of %(kind)s %(resource)s has that place and stays while that resource cannot be '
          'synced.'),
        _('Resolve the issue of that resource, or add it to the scope. If two resources need the same place, remove '
          'one.'),
    ),
    Code.PLACE_OF_STALE_CHANGED_OBJECT: Text(
        _('%(result)s: %(holder)s of %(kind)s %(resource)s is stale but was changed in NetBox.'),
        _('Delete or rename that object.'),
    ),
    Code.PLACE_OF_STALE_OBJECT: Text(
        _('%(result)s: %(holder)s of %(kind)s %(resource)s is stale and stays until it is deleted.'),
        _('Delete that object, or wait until its grace period ends.'),
    ),
    Code.PLACE_OF_UNMANAGED_OBJECT: Text(
        _('%(result)s: %(other)s is in the way and is not managed by this fabric. Rename, move or remove it.'),
        _('An object of yours has the name, address or port that the fabric needs. All other fields are synced.'),
    ),
    Code.PORT_NEEDED_TWICE: Text(
        _('%(result)s: %(kind)s %(resource)s of this fabric needs the same port.'),
        _('Two Connections need one port. Correct one of them.'),
    ),
    Code.PRIMARY_ADDRESS_ELSEWHERE: Text(
        _('%(object)s cannot move: it is the %(primary)s of device %(device)s. Remove it there.'),
        _('Choose another primary address for that device. The next sync moves the address.'),
    ),
    Code.REFERENCE_MISSING: Text(
        _('%(object)s skipped: an object that it refers to does not exist.'),
        _('Resolve the issue of the object that it refers to.'),
    ),
    Code.RESOURCE_CHANGED: Text(
        _('%(kind)s %(resource)s no longer defines %(name)s.'),
        _('Nothing: its objects are handled as *Removal* in the fabric’s settings says.'),
    ),
    Code.RESOURCE_REMOVED: Text(
        _('%(kind)s %(resource)s was removed from the fabric.'),
        _('Nothing: its objects are handled as *Removal* in the fabric’s settings says.'),
    ),
    Code.SCOPE_DISABLED: Text(
        n_('%(scope)s is not in the scope of this fabric: %(count)d object is no longer updated.',
           '%(scope)s is not in the scope of this fabric: %(count)d objects are no longer updated.', 'count'),
        _('Nothing, if that is intended. Otherwise add it to *Scope* in the fabric’s settings, or remove the objects.'),
    ),
    Code.STALE_STATUS_NOT_OFFERED: Text(
        _('NetBox does not offer %(status)s, the status of stale devices. Stale devices keep their status. Choose '
          'another status in the fabric’s settings.'),
        _('NetBox’s `FIELD_CHOICES` has removed it. Choose another status in the fabric’s settings.'),
    ),
    Code.VALUE_INVALID: Text(
        _('%(object)s skipped: %(reason)s'),
        _('Correct the value in the resource.'),
    ),
}

ISSUES = INVALID | IN_NETBOX

# What is added to a sentence, by the parameter that counts it; in this order.
TAILS: dict[str, Text] = {
    'stale': Text(
        n_('%(stale)d NetBox object marked stale.', '%(stale)d NetBox objects marked stale.', 'stale'),
        _('Nothing: *Removal* in the fabric’s settings says what comes next.'),
    ),
    'unchanged': Text(
        n_('%(unchanged)d NetBox object left unchanged.', '%(unchanged)d NetBox objects left unchanged.', 'unchanged'),
        _('Nothing: *Removal* in the fabric’s settings says so.'),
    ),
    'waiting': Text(
        n_('%(waiting)d NetBox object would be marked stale: waiting for confirmation.',
           '%(waiting)d NetBox objects would be marked stale: waiting for confirmation.', 'waiting'),
        _('Review it in *Dry run*, and confirm there if it has really gone.'),
    ),
    'to_mark': Text(
        n_('%(to_mark)d NetBox object will be marked stale.', '%(to_mark)d NetBox objects will be marked stale.',
           'to_mark'),
        _('Nothing: the next sync does it.'),
    ),
    'marked': Text(
        n_('%(marked)d NetBox object marked stale.', '%(marked)d NetBox objects marked stale.', 'marked'),
        _('Nothing: *Removal* in the fabric’s settings says what comes next.'),
    ),
    'kept': Text(
        n_('%(kept)d object that is connected to it stays too.', '%(kept)d objects that are connected to it stay too.',
           'kept'),
        _('Resolve the issue of the object that is named.'),
    ),
    'skipped': Text(
        n_('%(skipped)d dependent object was skipped too.', '%(skipped)d dependent objects were skipped too.',
           'skipped'),
        _('Resolve the issue of the object that is named. The others follow.'),
    ),
    'again': Text(
        _('NetBox refused this in the last sync. It is tried again with every sync.'),
        _('Correct the resource, or change the validator or rule that refuses it.'),
    ),
}

# Why an object cannot be deleted. The parameter `reasons` has these names, each with its own parameters.
REASONS: dict[str, Any] = {
    'deleted-with-it': _('%(name)s would be deleted with it'),
    'depends-on-it': _('%(name)s depends on it'),
    'refers-to-it': _('%(name)s refers to it (%(title)s)'),
    'not-deletable': _('%(name)s cannot be deleted'),
    'moved': _('it was moved to another object in NetBox'),
    'rewired': _('it was connected to something else in NetBox'),
    'refused': _('%(text)s'),
}


def render(code: str, parameters: Mapping[str, Any]) -> str:
    """Return the sentence of an issue in the active language; '' where this version cannot say it."""
    text = ISSUES.get(code)
    if text is None:
        return ''
    try:
        values = _shown(parameters)
        parts = [text.sentence % values]
        parts += [tail.sentence % values for name, tail in TAILS.items() if parameters.get(name)]
    except (KeyError, TypeError, ValueError):
        # It was recorded by another version, with other parameters.
        return ''
    return ' '.join(parts)


def digest_of(code: str, parameters: Mapping[str, Any]) -> str:
    """Return 32 hex digits that tell an issue from others of the same resource, whatever its wording and counts."""
    identifying = {name: value for name, value in parameters.items() if name not in COUNTS}
    content = json.dumps([str(code), identifying], sort_keys=True, default=str)
    return hashlib.blake2b(content.encode(errors='surrogatepass'), digest_size=16).hexdigest()


def field_in_sentence(label: str, name: str) -> str:
    """Return what NetBox calls a field, as a sentence has it: lower case but for acronyms."""
    field = field_label(label, name)
    return field[:1].lower() + field[1:] if field[1:2].islower() else field


def _shown(parameters: Mapping[str, Any]) -> dict[str, Any]:
    """Return the parameters as a sentence shows them, and those that are derived from them."""
    values = {name: _joined(value) for name, value in parameters.items()}
    model = parameters.get('model', '')
    if model:
        values['models'] = model_title(model, 2)
        values['object'] = f'{model_title(model, 1)} {parameters.get("name", "")}'.strip()
    if 'scope' in parameters:
        values['scope'] = dict(InventorySubjectChoices).get(parameters['scope'], parameters['scope'])
    if 'field' in parameters:
        values['field'] = field_in_sentence(model, parameters['field'])
    if 'primary' in parameters:
        values['primary'] = field_label('dcim.device', parameters['primary'])
    if 'holder_model' in parameters:
        values['holder'] = f'{model_title(parameters["holder_model"], 1)} {parameters["holder"]}'
    if fields := parameters.get('fields'):
        names = now_(' and ').join(field_in_sentence(model, name) for name in fields)
        values['result'] = now_('%(object)s keeps its %(fields)s') % {'object': values['object'], 'fields': names}
    elif 'object' in values:
        values['result'] = now_('%(object)s skipped') % {'object': values['object']}
    if 'reasons' in parameters:
        values['reasons'] = _reasons(parameters['reasons'])
    return values


def _joined(value: Any) -> Any:
    return ', '.join(str(item) for item in value) if isinstance(value, list | tuple) else value


def _reasons(reasons: Any) -> str:
    shown = [REASONS[reason['code']] % reason for reason in reasons[:REASONS_SHOWN]]
    if more := len(reasons) - len(shown):
        shown.append(now_('and %(count)d more') % {'count': more})
    return '; '.join(shown)
