"""Track places: what NetBox keeps unique, such as a name on a device, a VLAN ID, a port or an address.

Pure. The planner's board shows which object has which place after the plan is applied.
"""

from collections import defaultdict
from collections.abc import Hashable, Mapping
from typing import Any

import netaddr

from .model_specs import ADDRESS, CABLE, ENDS_OF_CABLE, RANGE, identities, spec_of

__all__ = (
    'SHARED_ROLES', 'Board', 'coexist', 'ends_of', 'hashable_end', 'overlap', 'place_fields', 'unique_places',
)

# Roles of an address that NetBox allows duplicates of (ipam/constants.py, IPADDRESS_ROLES_NONUNIQUE).
SHARED_ROLES = ('anycast', 'vip', 'vrrp', 'hsrp', 'glbp', 'carp')

Values = Mapping[str, Any]


def ends_of(values: Values) -> list[Any]:
    """Return the ends of a cable with these values."""
    return [end for name in ENDS_OF_CABLE for end in values.get(name) or ()]


def place_fields(label: str, names: set[str]) -> set[str]:
    """Return the fields that decide which places an object has; `names` are those by which it is recognized."""
    if label == CABLE:
        return set(ENDS_OF_CABLE)
    more = {ADDRESS: {'role'}, RANGE: {'end_address'}}
    return names | more.get(label, set())


def unique_places(label: str, values: Values) -> list[Hashable]:
    """Return the places of an object with these values, without those that depend on an object still to be created."""
    if label == CABLE:
        return [(label, hashable_end(end)) for end in ends_of(values)]
    if spec_of(label).identity_not_unique:
        return []
    return [(label, identity) for identity in identities(label, values)]


def hashable_end(end: Any) -> Hashable:
    """Return an end of a cable as a hashable value. An end that is not an interface is [type, ID]."""
    if isinstance(end, list):
        return tuple(end)
    return end['key'] if isinstance(end, dict) else end


def coexist(label: str, one: Values, other: Values) -> bool:
    """Return whether NetBox lets two objects of this model share a place."""
    return label == ADDRESS and one.get('role') in SHARED_ROLES and other.get('role') in SHARED_ROLES


def overlap(one: Values, other: Values) -> bool:
    """Return whether two ranges of addresses in one VRF have an address in common."""
    (a, b), (c, d) = _span(one), _span(other)
    return bool(a.version == c.version and a <= d and c <= b)


def _span(values: Values) -> tuple[Any, Any]:
    return netaddr.IPNetwork(values['start_address']).ip, netaddr.IPNetwork(values['end_address']).ip


class Board:
    """The places of a fabric's objects, by key."""

    def __init__(self) -> None:
        self._values: dict[str, tuple[str, Values]] = {}
        self._keys: dict[Hashable, dict[str, None]] = defaultdict(dict)
        self._ranges: dict[Hashable, dict[str, None]] = defaultdict(dict)

    def put(self, key: str, label: str, values: Values) -> None:
        """Place an object, and remove it from its earlier place."""
        self.remove(key)
        self._values[key] = label, values
        for place in unique_places(label, values):
            self._keys[place][key] = None
        if label == RANGE:
            self._ranges[_vrf(values)][key] = None

    def remove(self, key: str) -> None:
        if key not in self._values:
            return
        label, values = self._values.pop(key)
        for place in unique_places(label, values):
            self._keys[place].pop(key, None)
        if label == RANGE:
            self._ranges[_vrf(values)].pop(key, None)

    def at(self, label: str, values: Values) -> list[str]:
        """Return the keys of objects that share a place with an object of these values."""
        found: dict[str, None] = {}
        for place in unique_places(label, values):
            found.update(self._keys.get(place, {}))
        return list(found)

    def holders(self, label: str, values: Values) -> list[str]:
        """Return the keys of objects that conflict with an object of these values."""
        found = dict.fromkeys(self.at(label, values))
        if label == RANGE:
            found.update(dict.fromkeys(
                key for key in self._ranges.get(_vrf(values), ()) if overlap(values, self._values[key][1])
            ))
        return [key for key in found if not coexist(label, values, self._values[key][1])]

    def values_of(self, key: str) -> Values:
        return self._values[key][1]


def _vrf(values: Values) -> Hashable:
    vrf = values.get('vrf')
    return vrf['key'] if isinstance(vrf, dict) else vrf
