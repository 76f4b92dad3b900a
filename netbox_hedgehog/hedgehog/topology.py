"""Say which resources belong to one Hedgehog fabric of a controller that has several.

A resource names its Hedgehog fabric in its spec; one that names none belongs to `default`. Hedgehog repeats the name in
a label, so that metadata says it too. An agent or DHCP subnet names none: it belongs where its switch, gateway or VPC
does. Profiles, VLAN namespaces, servers and catalogs belong to none: all fabrics share them.
"""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any

from .kinds import FABRIC_LABEL, TOPOLOGY, Kind, pick
from .manifest import mapping, text

__all__ = ('DEFAULT', 'EVERYTHING', 'TopologyFilter', 'is_in_spec')

# The Hedgehog fabric of resources that do not name one.
DEFAULT = 'default'

# The key of a label, before the name of a Hedgehog fabric.
_LABEL = f'fabric.{FABRIC_LABEL}'


def is_in_spec(kind: Kind) -> bool:
    """Return whether resources of a kind name their Hedgehog fabric in their spec."""
    return kind.topology == TOPOLOGY


@dataclass(frozen=True, slots=True)
class TopologyFilter:
    """The name of the Hedgehog fabric whose resources are synced; '' for all."""

    fabric: str = ''

    def __bool__(self) -> bool:
        return bool(self.fabric)

    def includes_named(self, name: Any) -> bool:
        """Return whether a resource is synced whose spec has this value as the name of its Hedgehog fabric."""
        return not self.fabric or (text(name) or DEFAULT) == self.fabric

    def includes(
        self, kind: Kind, manifest: Any, followed: Callable[[], Collection[str]] = frozenset, *, has_spec: bool = True,
    ) -> bool | None:
        """Return whether a resource is synced; None if metadata alone does not say it.

        Takes the kind, a manifest as the API sent it, with its spec or only its metadata, and a function that returns
        the names of those that are synced of the kind which this one follows. Raises nothing: what has no usable
        metadata is included, as it is reported later.
        """
        values = mapping(manifest)
        metadata = mapping(values.get('metadata'))
        if not self.fabric or not metadata:
            return True
        if kind.follows is not None:
            owner = _owner(kind.follows.path, metadata)
            return not owner or owner in followed()
        if not kind.topology:
            return True
        if not is_in_spec(kind):
            return metadata.get('name') == self.fabric
        if has_spec:
            return self.includes_named(pick(values, kind.topology))
        labeled = [label for label in mapping(metadata.get('labels')) if label.startswith(_LABEL)]
        return f'{_LABEL}{self.fabric}' in labeled if labeled else None

    def excludes(self, kind: Kind | None, manifest: dict[str, Any]) -> bool:
        """Return whether a stored resource, as paths in kinds.py read it, belongs to another Hedgehog fabric."""
        if not self.fabric or kind is None or not kind.topology:
            return False
        return not self.includes_named(pick(manifest, kind.topology))


EVERYTHING = TopologyFilter()


def _owner(path: tuple[str, ...], metadata: Mapping[str, Any]) -> str:
    """Return the name at a path of a reference, which leads into metadata."""
    return text(pick(dict(metadata), path))
