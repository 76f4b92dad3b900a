"""Find what the agent of a switch reports."""

from collections.abc import Mapping
from typing import Any

from ...hedgehog.manifest import mapping
from ...hedgehog.transceivers import Transceiver, read_transceivers
from .builder import Builder
from .types import CABLE_TYPES, TRANSCEIVERS, Resource

__all__ = ('Cages', 'agent_of', 'cages_of', 'state_of')

# The transceivers of a switch, by cage; None is an empty cage.
Cages = Mapping[str, Transceiver | None]


def agent_of(builder: Builder, switch: str) -> Resource:
    """Return the Agent of a switch, whether there is one or not."""
    return builder.get('Agent', switch) or Resource('Agent', switch, {})


def state_of(builder: Builder, switch: str) -> Mapping[str, Any]:
    """Return the state that the agent of a switch reports; {} where it reports none."""
    return mapping(mapping(agent_of(builder, switch).status).get('state'))


def cages_of(builder: Builder) -> dict[str, Cages]:
    """Return the cages that agents report, by switch, if any scope needs them."""
    if not builder.includes(TRANSCEIVERS) and not builder.includes(CABLE_TYPES):
        return {}
    return {switch.name: read_transceivers(state_of(builder, switch.name)) for switch in builder.of('Switch')}
