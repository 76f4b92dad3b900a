"""Derive the ports of a switch, and the one name of each, from its profile and spec."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from .manifest import ManifestIssue, entries, items, mapping, natural, shown, text

__all__ = ('MANAGEMENT', 'Port', 'PortNames', 'kbps', 'normalize', 'ports', 'reported_as')

# Where a switch has its own address; its name in every profile.
MANAGEMENT = 'M1'

_SPEED = re.compile(r'([0-9]{1,4}(?:\.[0-9])?)([MGT])')
_MODE = re.compile(r'([0-9]{1,2})x(.+)')
_NOS_NAME = re.compile(r'(.*?)([0-9]{1,9})')
_PORT_NAME = re.compile(r'E[0-9]{1,4}(?:/[0-9]{1,4}){1,2}')
# How SONiC calls ports where its standard naming is configured: Eth1/49/1.
_STANDARD_NAME = re.compile(r'^Eth(?=[0-9])')
_UNITS = {'M': 1_000, 'G': 1_000_000, 'T': 1_000_000_000}

# NetBox's interface types: by the connector in the port profile's name (QSFP28-100G) and its highest speed.
_G = _UNITS['G']
_TYPES = {
    ('RJ45', 1 * _G): '1000base-t', ('RJ45', 5 * _G // 2): '2.5gbase-t', ('RJ45', 5 * _G): '5gbase-t',
    ('RJ45', 10 * _G): '10gbase-t',
    ('SFP', 1 * _G): '1000base-x-sfp', ('SFP', 10 * _G): '10gbase-x-sfpp', ('SFP+', 10 * _G): '10gbase-x-sfpp',
    ('SFP28', 1 * _G): '1000base-x-sfp', ('SFP28', 10 * _G): '10gbase-x-sfpp', ('SFP28', 25 * _G): '25gbase-x-sfp28',
    ('SFP56', 50 * _G): '50gbase-x-sfp56', ('SFPDD', 100 * _G): '100gbase-x-sfpdd',
    ('SFP112', 100 * _G): '100gbase-x-sfp112',
    ('QSFP', 40 * _G): '40gbase-x-qsfpp', ('QSFP+', 40 * _G): '40gbase-x-qsfpp',
    ('QSFP28', 40 * _G): '40gbase-x-qsfpp', ('QSFP28', 100 * _G): '100gbase-x-qsfp28',
    ('QSFP56', 200 * _G): '200gbase-x-qsfp56', ('QSFP112', 400 * _G): '400gbase-x-qsfp112',
    ('QSFPDD', 100 * _G): '100gbase-x-qsfpdd', ('QSFPDD', 200 * _G): '200gbase-x-qsfpdd',
    ('QSFPDD', 400 * _G): '400gbase-x-qsfpdd', ('QSFPDD', 800 * _G): '800gbase-x-qsfpdd',
    ('QSFP56DD', 200 * _G): '200gbase-x-qsfpdd', ('QSFP56DD', 400 * _G): '400gbase-x-qsfpdd',
    ('OSFP', 400 * _G): '400gbase-x-osfp', ('OSFP', 800 * _G): '800gbase-x-osfp',
    ('OSFP', 1600 * _G): '1.6tbase-x-osfp1600',
}
# A lane of a breakout has no type of its own in NetBox: it gets that of the plug at the far end of such a cable.
_LANES = {
    10 * _G: '10gbase-x-sfpp', 25 * _G: '25gbase-x-sfp28', 40 * _G: '40gbase-x-qsfpp', 50 * _G: '50gbase-x-sfp56',
    100 * _G: '100gbase-x-qsfp28', 200 * _G: '200gbase-x-qsfp56', 400 * _G: '400gbase-x-qsfp112',
    800 * _G: '800gbase-x-osfp',
}


@dataclass(frozen=True, slots=True)
class Port:
    """One interface of a switch. `label` is its name in the network operating system, `speed` in kbit/s."""

    name: str
    label: str = ''
    type: str = 'other'
    speed: int | None = None
    mgmt_only: bool = False


def kbps(speed: Any) -> int | None:
    """Return the kbit/s of a speed such as 25G, or None if it is invalid."""
    found = _SPEED.fullmatch(text(speed))
    return round(float(found[1]) * _UNITS[found[2]]) if found else None


def normalize(port: str, known: Mapping[str, Any]) -> str | None:
    """Return the interface of a port as a connection names it: E1/49 and E1/49/1 are the same."""
    if port in known:
        return port
    first = f'{port}/1'
    return first if first in known else None


def reported_as(port: str, known: Mapping[str, Any]) -> str | None:
    """Return the name of a port among those that are reported, with its lane or without."""
    return normalize(port, known) or normalize(port.removesuffix('/1'), known)


class PortNames:
    """The names of switch ports as NetBox has them, however a Connection names them.

    Takes kind, name and spec of a fabric's resources; all but Switches and SwitchProfiles are ignored. A port that can
    be broken out is E1/49/1 even where a Connection calls it E1/49. A port of an unknown profile keeps its name.
    """

    def __init__(self, resources: Iterable[tuple[str, str, Any]]) -> None:
        self._makers: dict[str, _Maker] = {}
        self._specs: dict[str, Mapping[str, Any]] = {}
        self._profiles: dict[str, str] = {}
        self._breakouts: dict[str, Mapping[str, Any]] = {}
        self._aliases: dict[tuple[str, tuple[tuple[str, str], ...]], dict[str, str]] = {}
        for kind, name, spec in resources:
            if kind == 'SwitchProfile':
                self._specs[name] = mapping(spec)
                self._makers[name] = _Maker(self._specs[name], {})
            elif kind == 'Switch':
                self._profiles[name] = text(mapping(spec).get('profile'))
                self._breakouts[name] = mapping(mapping(spec).get('portBreakouts'))

    def of(self, switch: str, port: str) -> str:
        """Return the name of a switch's port."""
        maker = self._makers.get(self._profiles.get(switch, ''))
        return f'{port}/1' if maker and maker.breaks_out(port) else port

    def advertised(self, switch: str, port_id: str) -> str:
        """Return the name of the port that a switch advertises by this LLDP port ID; '' if it has none such.

        A port ID is the name in the NOS (Ethernet48), that of SONiC's standard naming (Eth1/49/1), or the port's own.
        A switch of an unknown profile has whatever looks like a port.
        """
        profile = self._profiles.get(switch, '')
        spelled = _STANDARD_NAME.sub('E', port_id)
        if profile not in self._specs:
            return spelled if _PORT_NAME.fullmatch(spelled) else ''
        known = self._known(switch, profile)
        return known.get(port_id) or known.get(spelled) or known.get(self.of(switch, spelled), '')

    def _known(self, switch: str, profile: str) -> dict[str, str]:
        """Return the ports of a switch by their names and by their names in the NOS."""
        breakouts = {name: text(mode) for name, mode in self._breakouts[switch].items() if isinstance(name, str)}
        key = (profile, tuple(sorted(breakouts.items())))
        if key not in self._aliases:
            found, _ = ports(self._specs[profile], {'portBreakouts': breakouts})
            named = {port.label: port.name for port in found if port.label}
            self._aliases[key] = named | {port.name: port.name for port in found}
        return self._aliases[key]


def ports(profile: Mapping[str, Any], switch: Mapping[str, Any]) -> tuple[list[Port], list[ManifestIssue]]:
    """Return the interfaces of a switch, in order, and what of its spec the profile does not support."""
    maker = _Maker(profile, switch)
    found = [port for name, entry in entries(profile.get('ports')) for port in maker.make(name, mapping(entry))]
    return found, [*maker.wrong, *maker.unknown()]


class _Maker:
    """Builds the interfaces of one switch, and collects issues."""

    def __init__(self, profile: Mapping[str, Any], switch: Mapping[str, Any]) -> None:
        self.ports = mapping(profile.get('ports'))
        self.groups = mapping(profile.get('portGroups'))
        self.profiles = mapping(profile.get('portProfiles'))
        self.breakouts = mapping(switch.get('portBreakouts'))
        self.speeds = mapping(switch.get('portSpeeds'))
        self.group_speeds = mapping(switch.get('portGroupSpeeds'))
        self.wrong: list[ManifestIssue] = []

    def breaks_out(self, name: str) -> bool:
        """Return whether a port can be broken out."""
        entry = mapping(self.ports.get(name))
        profile = mapping(self.profiles.get(self._kind(entry)))
        return entry.get('management') is not True and bool(mapping(profile.get('breakout')))

    def _kind(self, entry: Mapping[str, Any]) -> str:
        group = text(entry.get('group'))
        return text(mapping(self.groups.get(group)).get('profile') if group else entry.get('profile'))

    def make(self, name: str, entry: Mapping[str, Any]) -> list[Port]:
        if entry.get('management') is True:
            return [Port(name, text(entry.get('nos')), '1000base-t', mgmt_only=True)]
        label = _whole_name(entry)
        group, kind = text(entry.get('group')), self._kind(entry)
        profile = mapping(self.profiles.get(kind))
        if breakout := mapping(profile.get('breakout')):
            return self._lanes(name, entry, kind, breakout)
        speed = mapping(profile.get('speed'))
        asked = self.group_speeds.get(group) if group else self.speeds.get(name)
        actual = kbps(asked) or kbps(speed.get('default'))
        if asked is not None and kbps(asked) is None:
            self.wrong.append(ManifestIssue('port-speed-invalid', {'port': shown(name), 'speed': shown(asked)}))
        most = max((kbps(item) or 0 for item in (*items(speed.get('supported')), speed.get('default'))), default=0)
        return [Port(name, label, _type(kind, most), actual)]

    def _lanes(self, name: str, entry: Mapping[str, Any], kind: str, breakout: Mapping[str, Any]) -> list[Port]:
        supported = mapping(breakout.get('supported'))
        mode = text(breakout.get('default'))
        if (asked := self.breakouts.get(name)) is not None:
            if text(asked) in supported:
                mode = text(asked)
            else:
                self.wrong.append(ManifestIssue(
                    'breakout-not-supported', {'port': shown(name), 'breakout': shown(asked), 'mode': shown(mode)},
                ))
        offsets = items(mapping(supported.get(mode)).get('offsets')) or ['0']
        whole = _MODE.fullmatch(mode)
        speed = kbps(whole[2]) if whole else None
        if len(offsets) == 1:
            widest = max((_single(item) for item in (*supported, mode)), default=0)
            type = _type(kind, widest)
        else:
            type = _LANES.get(speed or 0, 'other')
        return [
            Port(f'{name}/{lane}', _lane_name(entry, offset), type, speed) for lane, offset in enumerate(offsets, 1)
        ]

    def unknown(self) -> list[ManifestIssue]:
        """Return an issue for each port that is configured and that the profile does not have."""
        asked = {*self.breakouts, *self.speeds}
        unknown = sorted((name for name in asked if isinstance(name, str) and name not in self.ports), key=natural)
        return [ManifestIssue('port-unknown', {'port': shown(name)}) for name in unknown]


def _type(profile: str, speed: int) -> str:
    return _TYPES.get((profile.partition('-')[0].upper(), speed), 'other')


def _single(mode: Any) -> int:
    """Return the speed of a mode that does not break a port out, or 0."""
    found = _MODE.fullmatch(text(mode))
    return kbps(found[2]) or 0 if found and found[1] == '1' else 0


def _whole_name(entry: Mapping[str, Any]) -> str:
    """Return the name of a port in the NOS. Cumulus Linux has it in two parts: swp and 1 are swp1."""
    nos, base = text(entry.get('nos')), text(entry.get('baseNOSName'))
    return f'{base}{nos}' if _is_prefix(base) else nos


def _is_prefix(base: str) -> bool:
    """Return whether the base of a port's name has no number of its own, as that of Cumulus Linux."""
    return bool(base) and not _NOS_NAME.fullmatch(base)


def _lane_name(entry: Mapping[str, Any], offset: Any) -> str:
    """Return the name of a lane in the NOS; '' if it is unknown.

    In SONiC Ethernet48 with an offset of 2 is Ethernet50. In Cumulus Linux swp1 is the port in one piece, with an empty
    offset, and swp1s2 its third lane.
    """
    base, steps = text(entry.get('baseNOSName')) or text(entry.get('nos')), text(offset)
    is_number = steps.isascii() and steps.isdigit() and len(steps) < 10
    if _is_prefix(base):
        whole = _whole_name(entry)
        if steps == '':
            return whole
        return f'{whole}s{int(steps)}' if is_number else ''
    found = _NOS_NAME.fullmatch(base)
    return f'{found[1]}{int(found[2]) + int(steps)}' if found and is_number else ''
