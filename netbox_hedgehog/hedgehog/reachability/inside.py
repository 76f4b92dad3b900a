"""Ways within a VPC, and between VPCs through the switches."""

from collections.abc import Iterator

from ..manifest import mapping, shown, text
from .answer import NO, UNKNOWN, YES, Finding, Step, listed
from .ends import Place
from .mirror import Mirror, Permits

__all__ = ('L3FLAT', 'peered', 'through_switches', 'within_vpc')

L3FLAT = 'The VPC is in the VRF of the underlay (l3flat, experimental): ACLs of the switches keep it apart.'


def within_vpc(source: Place, target: Place, mirror: Mirror) -> Finding:
    """Return whether a place of a VPC reaches another one of the same VPC."""
    name = source.owner
    vpc = mirror.vpcs[name]
    if source.subnet == target.subnet:
        if vpc.subnets[source.subnet].restricted:
            reason = f'Subnet {source.subnet} of {name} is restricted: its hosts do not reach each other.'
            change = (f'Set restricted: false for subnet {source.subnet} of VPC {name}.',)
            return Finding(NO, reason, (Step('VPC', name, f'subnet {source.subnet} is restricted.'),), change)
        reason = f'Both are in {source}, which is not restricted.'
        return Finding(YES, reason, (Step('VPC', name, f'subnet {source.subnet} is not restricted.'),))
    both = {source.subnet, target.subnet}
    isolated = [subnet for subnet in (source.subnet, target.subnet) if vpc.subnets[subnet].isolated]
    if not isolated:
        reason = f'Both are in {name}, and neither subnet is isolated.'
        step = Step('VPC', name, f'neither {source.subnet} nor {target.subnet} is isolated.')
        return Finding(YES, reason, (step,))
    alone = f'{" and ".join(isolated)} {"are" if len(isolated) > 1 else "is"} isolated'
    for number, permit in enumerate(vpc.permits, 1):
        if both <= set(permit):
            reason = f'Permit {number} of {name} has both subnets.'
            step = Step('VPC', name, f'{alone}, but permit {number} has {source.subnet} and {target.subnet}.')
            return Finding(YES, reason, (step,))
    reason = f'In {name}, {alone}, and no permit has both subnets.'
    changes = (
        f'Add a permit with {source.subnet} and {target.subnet} to VPC {name}, '
        f'or set isolated: false for {" and ".join(isolated)}.',
    )
    return Finding(NO, reason, (Step('VPC', name, f'{alone}, and no permit has both subnets.'),), changes)


def peered(mirror: Mirror, one: str, other: str) -> list[str]:
    """Return the VPCPeerings that have a permit for both VPCs."""
    return [name for name, _ in _permits(mirror, one, other)]


def _permits(mirror: Mirror, one: str, other: str) -> Iterator[tuple[str, Permits]]:
    """Yield the VPCPeerings that have permits for both VPCs, and these permits."""
    for name, permits in mirror.permits.get(one, ()):
        if both := [permit for permit in permits if one in permit and other in permit]:
            yield name, both


def through_switches(source: Place, target: Place, mirror: Mirror) -> list[Finding]:
    """Return what each VPCPeering of two VPCs says of these subnets."""
    return [
        _by_peering(name, permits, source, target, mirror)
        for name, permits in _permits(mirror, source.owner, target.owner)
    ]


def _by_peering(name: str, permits: Permits, source: Place, target: Place, mirror: Mirror) -> Finding:
    permitted = any(
        all(not permit[place.owner] or place.subnet in permit[place.owner] for place in (source, target))
        for permit in permits
    )
    if not permitted:
        reason = f'VPCPeering {name} does not permit {source} with {target}.'
        said = listed(_permit_words(permit, source.owner, target.owner) for permit in permits)
        return Finding(
            NO, reason, (Step('VPCPeering', name, f'permits only {said}.'),),
            (f'Add {source} and {target} to one permit of VPCPeering {name}.',),
        )
    if remote := text(mapping(mirror.by_kind['VPCPeering'][name].spec).get('remote')):
        return _by_remote(name, remote, source, target, mirror)
    reason = f'VPCPeering {name} permits it.'
    return Finding(YES, reason, (Step('VPCPeering', name, f'permits {source} with {target}.'),))


def _by_remote(name: str, remote: str, source: Place, target: Place, mirror: Mirror) -> Finding:
    """Return what a peering does that is on the switches of a group."""
    group = shown(remote)
    if mirror.switches_of(remote):
        reason = f'VPCPeering {name} permits it, on the switches of group {group}.'
        step = Step('VPCPeering', name, f'permits {source} with {target}, on the switches of group {group}.')
        return Finding(YES, reason, (step,))
    step = Step('VPCPeering', name, f'is on the switches of group {group}, which has none.')
    if 'Switch' in mirror.unread:
        return Finding(UNKNOWN, f'The switches of group {group} are not known.', (step,))
    return Finding(
        NO, f'VPCPeering {name} is on the switches of group {group}, which has none.', (step,),
        (f'Remove remote from VPCPeering {name}.',),
    )


def _permit_words(permit: dict[str, list[str]], one: str, other: str) -> str:
    words = [
        listed((f'{vpc}/{shown(subnet)}' for subnet in permit[vpc]), f'all of {vpc}') for vpc in (one, other)
    ]
    return ' with '.join(words)
