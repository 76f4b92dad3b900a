"""Read the transceivers that an agent reports, and the medium that they need.

What changes by itself (temperature, voltage, light) is not read: nothing in NetBox depends on it.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from .manifest import entries, mapping, text

__all__ = ('AOC', 'DAC_ACTIVE', 'DAC_PASSIVE', 'MMF', 'SMF', 'Transceiver', 'cable_medium', 'read_transceivers')

# The media of links, in NetBox's words.
DAC_PASSIVE, DAC_ACTIVE, AOC, MMF, SMF = 'dac-passive', 'dac-active', 'aoc', 'mmf', 'smf'

# The limits of NetBox: of a manufacturer's name, of a module type's model, of a serial number.
LONGEST_VENDOR, LONGEST_PART, LONGEST_SERIAL = 100, 100, 50

# Text that is longer is not worth cleaning.
LONGEST_READ = 1000

# What operating systems write where a memory is empty.
_NOTHING = frozenset(('n/a', 'na', 'none', 'null', 'unknown', 'unspecified'))

_WORDS = re.compile(r'[^A-Z0-9]+')
# LRM is the one LR for multimode fiber.
_MEDIA = (
    (AOC, re.compile('AOC')),
    (DAC_ACTIVE, re.compile('ACC|AEC|ACTIVE')),
    (DAC_PASSIVE, re.compile(r'(?:[0-9]{1,3}X)?(?:CR[0-9]{0,3}|PASSIVE)')),
    (MMF, re.compile(r'(?:[0-9]{1,3}X)?(?:SR|ESR|VR|SX|SWDM|LRM|MMF)[0-9]{0,3}')),
    (SMF, re.compile(
        r'(?:[0-9]{1,3}X)?(?:LR|ER|ZR|DR|FR|LX|EX|ZX|BX|LH|PLR|CWDM|LWDM|DWDM|CLR|PSM|SMF)[0-9]{0,3}',
    )),
)


@dataclass(frozen=True, slots=True)
class Transceiver:
    """A transceiver, or a cable with transceivers at its ends, as a switch reads its memory.

    Texts are without control characters and superfluous spaces; '' is what it does not say, None what cannot be used:
    it is no text, or longer than NetBox allows. `medium` is what it needs, '' where it does not say.
    """

    vendor: str | None
    part: str | None
    serial: str | None
    description: str
    medium: str


def read_transceivers(state: Any) -> dict[str, Transceiver | None]:
    """Return the transceivers of an agent's state by cage, such as E1/5; None for an empty cage.

    Lanes of a breakout share one cage. A switch that reports none says nothing about its cages: the result is {}.
    """
    found: dict[str, Transceiver | None] = {}
    for cage, entry in entries(mapping(state).get('transceivers')):
        if isinstance(entry, Mapping):
            found[cage] = _read(entry)
    return found


def _read(entry: Mapping[str, Any]) -> Transceiver | None:
    presence = text(entry.get('present')).upper()
    says_something = any(entry.get(name) for name in ('vendor', 'vendorPart', 'serial'))
    if presence not in ('', 'PRESENT') or (not presence and not says_something):
        return None
    description = _cleaned(entry.get('descr'), LONGEST_READ) or ''
    return Transceiver(
        vendor=_cleaned(entry.get('vendor'), LONGEST_VENDOR),
        part=_cleaned(entry.get('vendorPart'), LONGEST_PART),
        serial=_serial(entry.get('serial')),
        description=description,
        medium=_medium(f'{text(entry.get("cable"))[:LONGEST_READ]} {description}'),
    )


def _cleaned(value: Any, longest: int) -> str | None:
    """Return a text as people would write it, '' for none, and None for one that cannot be used."""
    if value is None:
        return ''
    if not isinstance(value, str) or len(value) > LONGEST_READ:
        return None
    printable = ''.join(character if character.isprintable() else ' ' for character in value)
    found = ' '.join(printable.split())
    if found.lower() in _NOTHING:
        return ''
    return found if len(found) <= longest else None


def _serial(value: Any) -> str | None:
    """Return a serial number; '' for one that is all zeros."""
    found = _cleaned(value, LONGEST_SERIAL)
    return found if found is None or found.strip('0') else ''


def _medium(said: str) -> str:
    """Return the medium that a description names, such as 100GBASE-SR4; '' where it names none, or several."""
    words = [word for word in _WORDS.split(said.upper()) if word]
    found = {medium for medium, pattern in _MEDIA for word in words if pattern.fullmatch(word)}
    if DAC_ACTIVE in found and AOC in found:
        found.discard(DAC_ACTIVE)  # an active optical cable
    return found.pop() if len(found) == 1 else ''


def cable_medium(first: Transceiver, second: Transceiver) -> str | None:
    """Return the medium of the link between two transceivers.

    '' means that they contradict each other; None that at least one of them does not say.
    """
    if not first.medium or not second.medium:
        return None
    return first.medium if first.medium == second.medium else ''
