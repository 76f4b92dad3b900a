"""What a switch or gateway is, besides its ports: its group, its operating system, its agent's configuration."""

from dataclasses import dataclass
from typing import Any

from .manifest import items, mapping, number, text

__all__ = ('AgentConfig', 'group', 'is_cumulus', 'read_agent_config', 'redundancy_group')


@dataclass(frozen=True, slots=True)
class AgentConfig:
    """What of the Fabricator's configuration is stored with an Agent; the rest of its spec never is.

    `proxy` and `mclag_session` are networks from which the switch has addresses, as in the manifest. `server_mtu` is
    the MTU of its ports to servers.
    """

    proxy: Any
    mclag_session: Any
    server_mtu: int | None


def read_agent_config(spec: Any) -> AgentConfig:
    """Read the configuration in the spec of an Agent."""
    config = mapping(mapping(spec).get('config'))
    mtu, offset = number(config.get('fabricMTU')), number(config.get('serverFacingMTUOffset'))
    server_mtu = mtu - (offset or 0) if mtu else 0
    return AgentConfig(config.get('proxyExternalSubnet'), config.get('mclagSessionSubnet'), max(server_mtu, 0) or None)


def is_cumulus(profile: Any) -> bool:
    """Return whether switches of a SwitchProfile with this spec run Cumulus Linux, whose ports are all routed."""
    return text(mapping(profile).get('nosType')).startswith('cumulus')


def redundancy_group(spec: Any) -> str:
    """Return the redundancy group of a switch, or an empty string."""
    return text(mapping(mapping(spec).get('redundancy')).get('group'))


def group(spec: Any) -> str:
    """Return the group that a switch or gateway is shown in: its redundancy group, else the first of its groups."""
    # A switch names its groups; a gateway has an object for each.
    named = [text(item) or text(mapping(item).get('name')) for item in items(mapping(spec).get('groups'))]
    return redundancy_group(spec) or next(filter(None, named), '')
