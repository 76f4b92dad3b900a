"""Map the transceivers that agents report to modules in module bays: one bay a cage."""

from ...hedgehog.switch_ports import normalize
from ...hedgehog.transceivers import Transceiver
from ...issue_codes import Code
from .agents import Cages, agent_of
from .builder import Builder, Device
from .devices import manufacturer_of
from .names import key, slug
from .types import DEVICES, TRANSCEIVERS, Ref, Resource, Source, Value

__all__ = ('build',)

# The limit of NetBox.
_LONGEST_PART_NUMBER = 50


def build(builder: Builder, cages_of: dict[str, Cages]) -> None:
    """Add the bays and modules of all switches.

    A switch that reports no cages says nothing about them: what it has is not removed.
    """
    if not builder.includes(DEVICES, TRANSCEIVERS):
        return
    if builder.is_unread('Switch'):
        for agent in builder.of('Agent'):
            builder.mark_undetermined(agent)
    for switch in builder.excluded_of('Switch'):
        builder.mark_undetermined(agent_of(builder, switch.name))
    for switch in builder.of('Switch'):
        device = builder.devices.get(('Switch', switch.name))
        cages = cages_of.get(switch.name)
        if device is None or not cages:
            builder.mark_undetermined(agent_of(builder, switch.name))
        else:
            _add_cages(builder, device, cages)


def _add_cages(builder: Builder, device: Device, cages: Cages) -> None:
    agent = agent_of(builder, device.resource.name)
    without_type: list[str] = []
    invalid_serials: list[str] = []
    for cage, transceiver in cages.items():
        if not normalize(cage, device.interfaces):
            continue
        bay = builder.add(
            'dcim.modulebay', key('modulebay', device.resource.name, cage), agent.source, TRANSCEIVERS,
            {'device': device.ref, 'name': cage},
        )
        if transceiver is None:
            continue
        module_type = _module_type(builder, agent.source, transceiver)
        if module_type is None:
            without_type.append(cage)
            continue
        if transceiver.serial is None:
            invalid_serials.append(cage)
        managed: dict[str, Value] = {'device': device.ref, 'module_bay': bay, 'module_type': module_type}
        if transceiver.serial is not None:
            managed['serial'] = transceiver.serial
        builder.add(
            'dcim.module', key('module', device.resource.name, cage), agent.source, TRANSCEIVERS, managed,
            {'status': 'active'},
        )
    _report(builder, agent, Code.TRANSCEIVER_TYPE_UNKNOWN, without_type)
    _report(builder, agent, Code.TRANSCEIVER_SERIAL_INVALID, invalid_serials)


def _module_type(builder: Builder, source: Source, transceiver: Transceiver) -> Ref | None:
    """Add the module type of a transceiver. Returns None without a usable vendor or part number."""
    vendor, part = transceiver.vendor, transceiver.part
    if not vendor or not part:
        return None
    maker = manufacturer_of(builder, source, vendor)
    managed: dict[str, Value] = {'manufacturer': maker, 'model': part}
    if len(part) <= _LONGEST_PART_NUMBER:
        managed['part_number'] = part
    if transceiver.description:
        managed['description'] = transceiver.description[:200]
    return builder.add(
        'dcim.moduletype', key('moduletype', slug(vendor), part), source, TRANSCEIVERS, managed, shared=True,
    )


def _report(builder: Builder, agent: Resource, code: Code, cages: list[str]) -> None:
    """Report one issue for all these cages of a switch."""
    if cages:
        builder.report_issue(agent, TRANSCEIVERS, code, ports=tuple(cages))
