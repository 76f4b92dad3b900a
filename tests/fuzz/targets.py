"""What may be given anything at all, each a function of bytes; it raises when a promise is broken.

The bytes come from atheris (make fuzz), which looks for those that reach new code, or from hypothesis (make test). Of
`listing`, `kubeconfig` and `destinations` they are the text that is parsed; of the others they say what is changed in the
sample fabric, so that nearly all of it stays what it is.
"""

import copy
import ipaddress
import itertools
import json
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit
from xml.etree import ElementTree

from demo.kubernetes_api import load_objects
from demo.machine import ROOT
from netbox_hedgehog.cluster.client import Cluster
from netbox_hedgehog.cluster.credentials import api_client
from netbox_hedgehog.cluster.egress import DestinationsError, EgressPolicy
from netbox_hedgehog.cluster.errors import ClusterError
from netbox_hedgehog.cluster.kubeconfig import KubeconfigError, check_server, parse_kubeconfig
from netbox_hedgehog.cluster.transport import ClientOptions
from netbox_hedgehog.cluster.watch import _event
from netbox_hedgehog.diagrams.fabric import draw_fabric
from netbox_hedgehog.diagrams.graph import DrawnResource, NodeHealth, build
from netbox_hedgehog.hedgehog.connections import read_connection, wired_ports
from netbox_hedgehog.hedgehog.kinds import KINDS, Kind
from netbox_hedgehog.hedgehog.switch_health import MirroredAgent, assess
from netbox_hedgehog.hedgehog.switch_ports import PortNames
from netbox_hedgehog.inventory.mapping.desired import desired
from netbox_hedgehog.inventory.mapping.types import Options, Resource
from netbox_hedgehog.sync.compare import StoredRow, compare
from netbox_hedgehog.sync.listing import Listing
from netbox_hedgehog.sync.report import KindReport
from netbox_hedgehog.sync.sanitize import BadObject, observe

from ..support.mapping_rules import check

__all__ = ('TARGETS', 'seeds')

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
BY_NAME = {kind.name: kind for kind in KINDS}
SAMPLES: list[dict[str, Any]] = [
    {**item, 'metadata': {'uid': f'uid-{number}', 'resourceVersion': str(number), 'generation': 1, **item['metadata']}}
    for number, item in enumerate(load_objects(ROOT / 'demo' / 'data'), 1)
]
SECRET = 'CANARY-fuzz-51c0'
DENIED = ('127.0.0.0/8', '::1', '169.254.0.0/16', 'fe80::/10', '224.0.0.0/4', '*.internal')
GATE = EgressPolicy.of(['https'], [], DENIED)

# What is put where something else stood: values of another type, of another place, or of no use to anybody.
VALUES: list[Any] = [
    None, True, False, 0, 1, -1, 4095, 2**31, 2**63, 10**4000, 1.5, float('nan'), float('inf'), '', ' ', '/', '//', 'a', '1',
    'true', 'default', '\x00', '\ud800', 'é漢\n\t', '{name}', '%s', '{{ 7 }}', '<img src=x>', '=1+1', "'", 'x' * 300,
    'y' * 5000, '9' * 5000, 'E1/1', 'E1/9/1', 'M1', 'leaf-01', 'leaf-01/E1/1', 'spine-01/E1/1', 'vpc-01', 'vpc-01/subnet-01',
    '10.0.1.0/24', '10.0.1.1/0', '10.0.1.300', '::1/128', 'fe80::1%eth0/64', '4x25G', '25G', '2026-11-24T12:00:00Z',
    '9999-12-31T23:59:59-23:59', [], {}, [[]], [{}], [None], {'': None}, {'port': 'leaf-01/E1/1'}, {'a': {'b': {'c': []}}},
]
KEYS = ('', 'name', 'port', 'ip', 'x', 'é', '9' * 300, 'E1/1')


class Bytes:
    """Choices made by bytes; when they have run out, the first of each."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    def __bool__(self) -> bool:
        return self._at < len(self._data)

    def below(self, count: int) -> int:
        """A number from 0, smaller than `count`."""
        width = 1 if count <= 256 else 2
        part, self._at = self._data[self._at:self._at + width], self._at + width
        return int.from_bytes(part) % count

    def of[Item](self, items: list[Item] | tuple[Item, ...]) -> Item:
        return items[self.below(len(items))]


def edited(items: list[Any], choose: Bytes, most: int = 40) -> tuple[list[Any], set[int]]:
    """Objects as the choices change them, and which of the first `len(items)` are changed."""
    items, touched = copy.deepcopy(items), set()
    for _ in range(most):
        if not choose or not items:
            break
        place, what = choose.below(len(items)), choose.below(16)
        touched.add(place)
        if what == 0:
            items[place] = copy.deepcopy(choose.of(VALUES))
        elif what == 1:
            items.append(copy.deepcopy(items[place]))
            touched.add(len(items) - 1)
        else:
            _change(items[place], choose)
    return items, touched


def _change(node: Any, choose: Bytes) -> None:
    """Change one value somewhere below a node: take it out, give it another, or set one beside it."""
    while isinstance(node, dict | list):
        steps = list(node) if isinstance(node, dict) else list(range(len(node)))
        how = choose.below(8)
        if not steps or how == 0:
            value = copy.deepcopy(choose.of(VALUES))
            if isinstance(node, dict):
                node[choose.of(KEYS)] = value
            else:
                node.append(value)
            return
        step = choose.of(steps)
        if how == 1:
            del node[step]
            return
        if how < 4 or not isinstance(node[step], dict | list):
            other = choose.of(SAMPLES) if how == 3 else None
            node[step] = copy.deepcopy(other.get('spec', {}) if other else choose.of(VALUES))
            return
        node = node[step]


class Canned(Cluster):
    """A cluster that gives these answers, one after the other and from the start again, without a connection."""

    def __init__(self, answers: list[bytes]) -> None:
        self.options = ClientOptions(max_objects=300, max_kind_size=100_000)
        self.server = 'https://control-1.example.com:6443'
        self._turn = itertools.cycle(answers)
        self._threads: Any = Inline()

    def get(self, path: str, query: Any = None, accept: str = '', **limits: Any) -> tuple[bytes, int]:
        body = next(self._turn)
        return body, len(body)


class Inline:
    """An executor that does at once what it is given, so that the same bytes always do the same."""

    def submit(self, function: Callable[..., Any], *arguments: Any) -> Future[Any]:
        future: Future[Any] = Future()
        try:
            future.set_result(function(*arguments))
        except Exception as error:
            future.set_exception(error)
        return future

    map = staticmethod(map)


def listing(data: bytes) -> None:
    """Bytes as the answers to a list, one after the other, and as the events of a watch."""
    kind, answers = KINDS[data[0] % len(KINDS)] if data else KINDS[0], data[1:].split(b'\n---\n')
    cluster = Canned(answers)
    report = KindReport(kind.name)
    try:
        plan = compare(kind, {}, Listing(cluster, kind, 'default', {}, report, NOW), 1000)
    except ClusterError as error:
        _is_sentence(error)
    else:
        keys = [(write.observed.namespace, write.observed.name) for write in plan.created]
        assert len(set(keys)) == len(keys)
        assert all(error.startswith(f'{kind.name}: ') for error in plan.errors)
        json.dumps([write.observed.spec for write in plan.created], allow_nan=False)
    for line in answers:
        with suppress(ClusterError):
            _event(cluster, kind, line)


def objects(data: bytes) -> None:
    """A kind's objects, some of them changed: what is wrong with one costs only that one, and it is named."""
    choose = Bytes(data)
    kind: Kind = choose.of(KINDS)
    before = [item for item in SAMPLES if item['kind'] == kind.name]
    held = {}
    for number, item in enumerate(before):
        was = observe(kind, item)
        held[was.namespace, was.name] = StoredRow(
            number, was.uid, was.generation, was.resource_version, was.fingerprint, NOW, None,
        )
    items, touched = edited(before, choose)
    plan = compare(kind, held, items, 100_000)
    assert plan.read == len(items)
    spoken_for = {(write.observed.namespace, write.observed.name) for write in plan.writes}
    assert len(spoken_for) == len(plan.writes), 'no object twice'
    assert all(error.startswith(f'{kind.name}: ') and error.endswith('.') for error in plan.errors)
    assert len(plan.errors) <= len(touched)
    gone = {row.pk for row in plan.missing}
    assert gone <= touched, 'what was not touched is not missing'
    assert not (gone and plan.nameless)
    for write in plan.writes:
        # What PostgreSQL would refuse must have been refused before.
        for text in (write.observed.spec_json, write.observed.status_json, write.observed.labels_json, write.observed.name):
            assert '\x00' not in text.encode().decode()
    # What was changed and is no object any more is named, and nothing else is.
    untouched = [item for number, item in enumerate(items) if number not in touched]
    assert not compare(kind, held, untouched).errors


def mapping(data: bytes) -> None:
    """A whole fabric, some of it changed: what is wanted of DCIM and IPAM can stand in NetBox, the same in any order."""
    found = _resources(data)
    wishes = Options('dc-1', site=1)
    resources = [Resource(kind.name, seen.name, seen.spec, seen.status, seen.generation) for kind, seen in found]
    wanted = desired(resources, wishes)
    check(wanted)
    again = desired(resources[::-1], wishes)
    assert list(again.objects.items()) == list(wanted.objects.items())
    assert again.issues == wanted.issues


def shown(data: bytes) -> None:
    """The same as health and as a picture, which is well-formed and runs nothing."""
    found = _resources(data)
    port_names = PortNames((kind.name, seen.name, seen.spec) for kind, seen in found)
    wired = wired_ports(
        read_connection(seen.name, seen.spec, port_names) for kind, seen in found if kind.name == 'Connection'
    )
    health = {}
    for kind, seen in found:
        if kind.name in ('Agent', 'GatewayAgent'):
            told = assess(MirroredAgent(kind.name, seen.generation, seen.status, NOW), wired.get(seen.name, {}))
            assert all(finding.sentence for finding in told.findings)
            json.dumps(told.stored_findings(), allow_nan=False).encode()
            health['Switch' if kind.name == 'Agent' else 'Gateway', seen.name] = NodeHealth(
                told.level, not told.heartbeat_stale, [finding.sentence for finding in told.findings], told.ports, [],
            )
    drawn = [DrawnResource(kind.name, seen.name, seen.spec, f'/{kind.name}/{seen.name}') for kind, seen in found]
    svg = draw_fabric(build(drawn, health), 'demo', lambda group: '?group=1')
    names = {element.tag.rpartition('}')[2] for element in ElementTree.fromstring(svg).iter()}
    assert not names & {'script', 'img', 'iframe', 'foreignObject'}


def _resources(data: bytes) -> list[tuple[Kind, Any]]:
    """What the mirror would hold of a fabric of which the bytes have changed something."""
    items, _ = edited(SAMPLES, Bytes(data))
    found = {}
    for item in items:
        kind = BY_NAME.get(item.get('kind') if isinstance(item, dict) and isinstance(item.get('kind'), str) else '')
        if kind is not None:
            with suppress(BadObject):
                seen = observe(kind, item)
                found.setdefault((kind.name, seen.namespace, seen.name), (kind, seen))
    return list(found.values())


def kubeconfig(data: bytes) -> None:
    """A text as a kubeconfig: credentials, or a sentence that repeats no secret."""
    text = data.decode(errors='surrogateescape')
    try:
        credentials = parse_kubeconfig(text)
        assert not GATE.check_server(credentials.server)
        api_client(credentials, GATE)
    except (KubeconfigError, ClusterError) as error:
        _is_sentence(error)


def destinations(data: bytes) -> None:
    """The first line as a server's address, the others as settings: what is denied cannot be called by another name."""
    address, *entries = data.decode(errors='surrogateescape').split('\n')
    try:
        server = check_server(address)
    except KubeconfigError as error:
        _is_sentence(error)
        return
    assert check_server(server) == server
    try:
        GATE.check_server(server)
    except KubeconfigError as error:
        _is_sentence(error)
    else:
        host = (urlsplit(server).hostname or '').rstrip('.')
        assert not host.endswith('.internal')
        with suppress(ValueError):
            literal = ipaddress.ip_address(host.partition('%')[0])
            assert not literal.is_loopback
            assert not literal.is_link_local
            assert not literal.is_multicast or literal.version == 6
    try:
        EgressPolicy.of(['https', 'http'], entries[::2], entries[1::2]).check_server(server)
    except KubeconfigError as error:
        _is_sentence(error)
    except DestinationsError:
        pass  # names the entry, for the sentence that NetBox begins with the setting's name


def _is_sentence(error: Exception) -> None:
    text = str(error)
    assert text.endswith(('.', '?')), text
    assert len(text) > 20, text
    assert SECRET not in text


TARGETS: dict[str, Callable[[bytes], None]] = {
    function.__name__: function for function in (listing, objects, mapping, shown, kubeconfig, destinations)
}


def seeds(target: str) -> list[bytes]:
    """Where to begin: answers, texts and changes that mean something."""
    if target == 'listing':
        found = []
        for number, kind in enumerate(KINDS):
            items = [item for item in SAMPLES if item['kind'] == kind.name][:2]
            whole = {'kind': f'{kind.name}List', 'metadata': {'resourceVersion': '7'}, 'items': items}
            pages = [{**whole, 'metadata': {'resourceVersion': '7', 'continue': 'c'}}, whole]
            event = {'type': 'MODIFIED', 'object': items[0] if items else {}}
            found += [bytes([number]) + b'\n---\n'.join(json.dumps(part).encode() for part in part_list) for part_list in (
                [whole], pages, [event], [{**whole, 'kind': 'PartialObjectMetadataList'}, whole],
            )]
        return found
    if target == 'kubeconfig':
        cluster = 'server: https://control-1.example.com:6443'
        return [
            (
                f'current-context: c\ncontexts: [{{name: c, context: {{cluster: k, user: u}}}}]\n'
                f'clusters: [{{name: k, cluster: {{{cluster}}}}}]\nusers: [{{name: u, user: {{{user}}}}}]\n'
            ).encode()
            for user in (
                f'token: {SECRET}', 'exec: {command: sh}', 'tokenFile: /etc/passwd', 'token: !!int 0x1f',
                'client-certificate-data: QkVHSU4=, client-key-data: QkVHSU4=', 'token: &a [*a]', '<<: {token: 1:30:1.5}',
            )
        ]
    if target == 'destinations':
        return [
            '\n'.join(lines).encode() for lines in (
                ('https://control-1.example.com:6443', '*.example.com', '10.0.0.0/8'), ('https://[::1]:6443/', '::/0'),
                ('https://127.0.0.1', '', 'x y'), ('http://10.0.0.1',), ('https://[fe80::1%25eth0]', 'fe80::/10', 'a'),
                ('https://[::ffff:127.0.0.1]:1',), ('https://u:p@host?x#y',), ('https://0x7f.1',), ('https://host.internal.',),
            )
        ]
    return [bytes(range(start, start + 24)) for start in range(0, 232, 8)]
