"""Write what agents on switches and gateways write all the time: heartbeats, counters, temperatures, leases."""

import datetime
import math
import random
import re
from collections.abc import Callable
from typing import Any

from .resources import Manifest
from .store import timestamp

UPTIME = re.compile(r'\d\d:\d\d:\d\d up (\d+) days, +(\d+):(\d\d),')
BYTES_A_SECOND = 50_000
SWING_SECONDS = 100


def beat(manifest: Manifest, now: datetime.datetime, seconds: float) -> Manifest:
    """Update an object's status to `now`, `seconds` after its last heartbeat, and return the object.

    Changes the object in place. Kinds that do not write a status by themselves stay as they are.
    """
    writer = WRITERS.get(manifest['kind'])
    status = manifest.get('status')
    if writer is not None and status:
        # Seeded, so that two processes that serve the same fabric report the same.
        chance = random.Random(f'{manifest["metadata"]["name"]} {int(now.timestamp())}')
        writer(manifest, status, now, seconds, chance)
    return manifest


def _agent(
    manifest: Manifest, status: dict[str, Any], now: datetime.datetime, seconds: float, chance: random.Random
) -> None:
    status['lastHeartbeat'] = timestamp(now)
    _apply(manifest, status, now)
    state = status.get('state') or {}
    if 'nos' in state:
        state['nos']['uptime'] = _uptime(state['nos'].get('uptime', ''), now, seconds)
    for interface in (state.get('interfaces') or {}).values():
        if counters := interface.get('counters'):
            _count(counters, seconds, chance)
    for neighbors in (state.get('bgpNeighbors') or {}).values():
        for neighbor in neighbors.values():
            if neighbor.get('state') == 'established':
                _hear(neighbor, now, seconds)
    platform = state.get('platform') or {}
    for temperature in (platform.get('temps') or {}).values():
        _sway(temperature, 'temp', now, seconds, 2)
    for fan in (platform.get('fans') or {}).values():
        _sway(fan, 'speed', now, seconds, 300)
    for supply in (platform.get('psus') or {}).values():
        for name in ('inCurrent', 'inPower', 'inVoltage', 'outCurrent', 'outPower', 'outVoltage'):
            _sway(supply, name, now, seconds, 0.2)
    for transceiver in (state.get('transceivers') or {}).values():
        _sway(transceiver, 'temp', now, seconds, 1)


def _gateway_agent(
    manifest: Manifest, status: dict[str, Any], now: datetime.datetime, seconds: float, chance: random.Random
) -> None:
    status['lastHeartbeat'] = timestamp(now)
    _apply(manifest, status, now)
    state = status.get('state') or {}
    if 'lastCollectedTime' in state:
        state['lastCollectedTime'] = timestamp(now)
    for traffic in (state.get('vpcs') or {}).values():
        packets = int(seconds * chance.randint(1, 10))
        traffic['p'] = traffic.get('p', 0) + packets
        traffic['b'] = traffic.get('b', 0) + packets * 100


def _dhcp_subnet(
    manifest: Manifest, status: dict[str, Any], now: datetime.datetime, seconds: float, chance: random.Random
) -> None:
    """Renew leases: hosts do so when half of a lease is over."""
    lease = datetime.timedelta(seconds=(manifest.get('spec') or {}).get('leaseTimeSeconds') or 3600)
    for allocation in (status.get('allocated') or {}).values():
        if allocation.get('expiry', '') < timestamp(now + lease / 2):
            allocation['expiry'] = timestamp(now + lease)


WRITERS: dict[str, Callable[[Manifest, dict[str, Any], datetime.datetime, float, random.Random], None]] = {
    'Agent': _agent,
    'GatewayAgent': _gateway_agent,
    'DHCPSubnet': _dhcp_subnet,
}


def _apply(manifest: Manifest, status: dict[str, Any], now: datetime.datetime) -> None:
    """Apply a newer spec, as an agent does."""
    generation = manifest['metadata']['generation']
    if status.get('lastAppliedGen') == generation:
        return
    for done in ('Attempt', 'Applied'):
        if f'last{done}Gen' in status:
            status[f'last{done}Gen'] = generation
            status[f'last{done}Time'] = timestamp(now)
    for condition in status.get('conditions') or []:
        if condition.get('type') == 'Applied':
            condition['observedGeneration'] = generation


def _uptime(text: str, now: datetime.datetime, seconds: float) -> str:
    """Return what `uptime` prints after this many seconds."""
    found = UPTIME.match(text)
    if not found:
        return text
    days, hours, minutes = (int(part) for part in found.groups())
    # `uptime` has no seconds: count how often the clock's minute has changed, which is once a minute at any interval.
    minutes += max(0, math.ceil((seconds - now.second) / 60))
    up = datetime.timedelta(days=days, hours=hours, minutes=minutes)
    return f'{now:%H:%M:%S} up {up.days} days, {up.seconds // 3600}:{up.seconds // 60 % 60:02d},{text[found.end() :]}'


def _count(counters: dict[str, Any], seconds: float, chance: random.Random) -> None:
    for name in ('inb', 'outb'):
        counters[name] = counters.get(name, 0) + int(seconds * chance.randint(1, BYTES_A_SECOND))
    for name in ('inbps', 'outbps'):
        counters[name] = float(chance.randint(0, 8 * BYTES_A_SECOND))
    for name in ('inpbs', 'outpps'):
        counters[name] = float(chance.randint(0, 1000))
    for queue in (counters.get('queues') or {}).values():
        packets = int(seconds * chance.randint(1, 100))
        queue['p'] = queue.get('p', 0) + packets
        queue['b'] = queue.get('b', 0) + packets * 1000


def _hear(neighbor: dict[str, Any], now: datetime.datetime, seconds: float) -> None:
    """Count a BGP neighbor's keepalives: one every few seconds, both ways."""
    for name in ('lastRead', 'lastWrite'):
        if name in neighbor:
            neighbor[name] = timestamp(now)
    for messages in (neighbor.get('msgs') or {}).values():
        messages['keepal'] = messages.get('keepal', 0) + max(1, round(seconds / 3))


def _sway(values: dict[str, Any], name: str, now: datetime.datetime, seconds: float, width: float) -> None:
    """Vary a reading by `width` around its original value, however long ago that was."""
    if isinstance(values.get(name), int | float):
        end, start = now.timestamp(), now.timestamp() - seconds
        step = math.sin(end / SWING_SECONDS) - math.sin(start / SWING_SECONDS)
        values[name] = round(values[name] + width * step, 2)
