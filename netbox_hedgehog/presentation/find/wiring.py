"""Where servers are plugged in: the path from a server's ports to those of its switches, and what is attached there."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from dcim.models import Device, Interface
from django.contrib.contenttypes.models import ContentType
from django.db.models import Count, Min, Q
from django.db.models.fields.json import KeyTextTransform

from ...hedgehog.catalogs import catalog_of_group, read_catalog
from ...hedgehog.manifest import mapping, number, text
from ...hedgehog.plugged import ServerLinks, at_ports, of_servers, read_server_links
from ...hedgehog.switch_ports import PortNames
from ...hedgehog.vpcs import read_vpc_attachment
from ...models import FabricResource, InventoryLink
from ...naming import first_names
from .answers import Part, joined, linked
from .viewer import Holds, Viewer, any_of

__all__ = ('Path', 'Wiring')

# How many Connections are read at most, for all lines of an answer.
MOST_CONNECTIONS = 200

# How many ports of a device a line names.
PORTS_NAMED = 8

# A fabric's ID, and a name in it.
Named = tuple[int, str]


@dataclass(slots=True)
class Path:
    """A Connection of a server, and the VPC subnets that are attached to it."""

    fabric: int
    links: ServerLinks
    subnets: list[str] = field(default_factory=list)

    @property
    def bond_key(self) -> str:
        """Return the key of the managed object that is the server's LAG."""
        return f'lag/server/{self.links.server}/{self.links.connection}'


class Wiring:
    """Reads Connections and what belongs to them. load() costs nine SQL statements at most, for any number of lines.

    All that it says of a fabric is as far as the viewer may view it.
    """

    def __init__(self, viewer: Viewer) -> None:
        self.viewer = viewer
        self.paths: list[Path] = []
        self._resources: dict[tuple[int, str, str], FabricResource] = {}
        self._only: dict[Named, tuple[int, str]] = {}
        self._names: dict[int, PortNames] = {}
        self._devices: dict[tuple[int, str, str], Any] = {}
        self._bonds: dict[Named, Any] = {}

    def load(self, servers: set[Named], subnets: set[Named], ports: set[tuple[int, str, str]]) -> None:
        """Read the Connections of these servers and switch ports, and of subnets that have one only."""
        self._count_attachments(subnets)
        conditions = [Q(fabric=pk, name=only) for (pk, _), (count, only) in self._only.items() if count == 1]
        if predicate := of_servers(sorted({name for _, name in servers})):
            conditions.append(Q(fabric__in={pk for pk, _ in servers}) & Q(Holds('spec', predicate)))
        if predicate := at_ports({(switch, port) for _, switch, port in ports}):
            conditions.append(Q(fabric__in={pk for pk, _, _ in ports}) & Q(Holds('spec', predicate)))
        if not conditions:
            return
        rows = self._present('Connection').filter(any_of(conditions)).only('fabric', 'name', 'spec')
        connections = list(rows.order_by('fabric', 'name')[:MOST_CONNECTIONS])
        self._load_switches(connections)
        for row in connections:
            if links := read_server_links(row.name, row.spec, self._names.get(row.fabric_id)):
                self.paths.append(Path(row.fabric_id, links))
        self._load_attachments()
        self._load_objects()

    def _present(self, *kinds: str) -> Any:
        return self.viewer.resources().filter(kind__in=kinds, missing_since=None)

    def _count_attachments(self, subnets: set[Named]) -> None:
        """Count what is attached to subnets, if nothing may be hidden that would count too."""
        if not subnets or not self.viewer.sees_all(FabricResource):
            return
        wanted = any_of([Q(fabric=pk, spec__subnet=subnet) for pk, subnet in sorted(subnets)])
        rows = self._present('VPCAttachment').filter(wanted).order_by().annotate(
            subnet=KeyTextTransform('subnet', 'spec'), connection=KeyTextTransform('connection', 'spec'),
        ).values('fabric', 'subnet').annotate(count=Count('connection', distinct=True), only=Min('connection'))
        self._only = {(row['fabric'], row['subnet']): (row['count'], row['only'] or '') for row in rows}

    def _load_switches(self, connections: list[FabricResource]) -> None:
        """Load servers, switches, their profiles and Catalogs: port names and PortChannel numbers follow from these."""
        devices: set[Named] = set()
        for row in connections:
            if links := read_server_links(row.name, row.spec):
                devices |= {(row.fabric_id, name) for name in (links.server, *links.switch_ports)}
        self._add(self._present('Switch', 'Server'), devices)
        switches = [row for row in self._resources.values() if row.kind == 'Switch']
        others = {(row.fabric_id, text(mapping(row.spec).get('profile'))) for row in switches}
        others |= {(row.fabric_id, catalog_of_group(row.name, row.spec)) for row in switches}
        self._add(self._present('SwitchProfile', 'Catalog'), others)
        for fabric in {pk for pk, _ in devices}:
            self._names[fabric] = PortNames(
                (kind, name, row.spec) for (pk, kind, name), row in self._resources.items() if pk == fabric
            )

    def _add(self, rows: Any, names: set[Named]) -> None:
        if not names:
            return
        found = rows.filter(fabric__in={pk for pk, _ in names}, name__in={name for _, name in names})
        for row in found.only('fabric', 'kind', 'name', 'spec').order_by():
            self._resources[row.fabric_id, row.kind, row.name] = row

    def _load_attachments(self) -> None:
        paths = {(path.fabric, path.links.connection): path for path in self.paths}
        if not paths:
            return
        rows = self._present('VPCAttachment').annotate(connection=KeyTextTransform('connection', 'spec')).filter(
            connection__in={name for _, name in paths}, fabric__in={pk for pk, _ in paths},
        )
        for row in rows.only('fabric', 'spec').order_by('name'):
            attached = read_vpc_attachment(row.spec)
            if path := paths.get((row.fabric_id, attached.connection)):
                path.subnets.append(attached.path)

    def _load_objects(self) -> None:
        """Load the NetBox devices of what is plugged together, and the interfaces of servers' LAGs."""
        if not self.paths:
            return
        names = {name for path in self.paths for name in (path.links.server, *path.links.switch_ports)}
        bonds = {path.bond_key for path in self.paths if path.links.is_lag}
        types = ContentType.objects.get_for_models(Device, Interface)
        wanted = Q(object_type=types[Device], kind__in=('Server', 'Switch'), name__in=names)
        wanted |= Q(object_type=types[Interface], key__in=bonds)
        links = list(self.viewer.may_view(InventoryLink.objects).filter(
            wanted, fabric__in={path.fabric for path in self.paths},
        ).order_by())
        for link, found in self._objects(Device, links, types[Device].pk):
            self._devices[link.fabric_id, link.kind, link.name] = found
        for link, found in self._objects(Interface, links, types[Interface].pk):
            self._bonds[link.fabric_id, link.key] = found

    def _objects(self, model: Any, links: list[InventoryLink], type_id: int) -> Iterator[tuple[InventoryLink, Any]]:
        of_model = [link for link in links if link.object_type_id == type_id]
        pks = [link.object_id for link in of_model]
        found = {row.pk: row for row in self.viewer.may_view(model.objects).filter(pk__in=pks)} if pks else {}
        yield from ((link, found[link.object_id]) for link in of_model if link.object_id in found)

    def of_server(self, fabric: int, server: str, subnet: str = '') -> list[Path]:
        """Return the paths of a server; if some have a subnet attached, only those."""
        found = [path for path in self.paths if (path.fabric, path.links.server) == (fabric, server)]
        return [path for path in found if subnet in path.subnets] or found

    def of_subnet(self, fabric: int, subnet: str) -> tuple[int, list[Path]]:
        """Return how many Connections a subnet is attached to, and the path of the only one. 0 says nothing."""
        count, only = self._only.get((fabric, subnet), (0, ''))
        found = [path for path in self.paths if (path.fabric, path.links.connection) == (fabric, only)]
        return count, found if count == 1 else []

    def of_port(self, fabric: int, switch: str, port: str) -> list[Path]:
        """Return the paths of servers through a port of a switch."""
        named = self.port_name(fabric, switch, port)
        return [
            path for path in self.paths if path.fabric == fabric and named in path.links.switch_ports.get(switch, ())
        ]

    def port_name(self, fabric: int, switch: str, port: str) -> str:
        """Return the name that a port of a switch has in NetBox, as far as its profile is known."""
        names = self._names.get(fabric)
        return names.of(switch, port) if names else port

    def words(self, paths: Iterable[Path]) -> list[Part]:
        """Return paths as a text: server-02 bond0 → leaf-01 PortChannel2 (E1/55/1, E1/56/1)."""
        return joined((self._words(path) for path in paths), '; ')

    def _words(self, path: Path) -> list[Part]:
        bond = self._bonds.get((path.fabric, path.bond_key))
        near = Part(first_names(path.links.server_ports, PORTS_NAMED))
        if bond is not None:
            near = Part(bond.name, bond.get_absolute_url())
        far = joined(self._switch(path, switch) for switch in path.links.switch_ports)
        return [self._device(path.fabric, 'Server', path.links.server), Part(' '), near, Part(' → '), *far]

    def _switch(self, path: Path, switch: str) -> list[Part]:
        ports, channel = first_names(path.links.switch_ports[switch], PORTS_NAMED), self._channel(path, switch)
        where = f' {ports}' if channel is None else f' PortChannel{channel} ({ports})'
        return [self._device(path.fabric, 'Switch', switch), Part(where)]

    def _channel(self, path: Path, switch: str) -> int | None:
        """Return the number of a Connection's PortChannel on a switch, as the Catalog has it."""
        row = self._resources.get((path.fabric, 'Switch', switch))
        if row is None or not path.links.is_lag:
            return None
        catalog = self._resources.get((path.fabric, 'Catalog', catalog_of_group(switch, row.spec)))
        return number(read_catalog(catalog.spec).port_channels.get(path.links.connection)) if catalog else None

    def _device(self, fabric: int, kind: str, name: str) -> Part:
        row = self._resources.get((fabric, kind, name))
        return linked(row) if row is not None else Part(name)

    def objects(self, paths: Iterable[Path]) -> list[Any]:
        """Return the NetBox objects of paths: devices of servers and switches, and LAGs of servers."""
        found: dict[Any, None] = {}
        for path in paths:
            found[self._devices.get((path.fabric, 'Server', path.links.server))] = None
            found[self._bonds.get((path.fabric, path.bond_key))] = None
            found |= dict.fromkeys(self._devices.get((path.fabric, 'Switch', name)) for name in path.links.switch_ports)
        return [item for item in found if item is not None]
