"""Ask what reaches what in a mirrored fabric, for page, API and command."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.db.models import Q, QuerySet

from ..accounts import AnyUser
from ..hedgehog.fabrics import read_interconnect
from ..hedgehog.manifest import mapping, text
from ..hedgehog.reachability.answer import Answer, Direction, Finding, QuestionError
from ..hedgehog.reachability.mirror import DECIDING, Mirror, Resource
from ..hedgehog.reachability.question import ask
from ..hedgehog.vpcs import read_external_attachment
from ..models import Fabric, FabricResource
from ..sync.report import FORBIDDEN, NOT_SERVED, UNREAD
from ..sync.topology import outside_filter
from .references import referring_to
from .visible import may_be_hidden

__all__ = ('Reached', 'answer_as_dict', 'reach')

# Of these kinds all resources are needed; of the others those that the ends, or these, name.
WHOLE = tuple(kind for kind in DECIDING if kind not in ('Connection', 'Server', 'VPCAttachment'))

# The words of an end that are looked up as names of servers.
MOST_WORDS = 4


@dataclass(frozen=True, slots=True)
class Reached:
    """An answer, and the primary keys of the resources that it names, by kind and name."""

    answer: Answer
    keys: dict[tuple[str, str], int]

    def url(self, kind: str, name: str) -> str:
        """Return the address of a resource's page; '' if it has none."""
        key = self.keys.get((kind, name))
        return FabricResource(pk=key).get_absolute_url() if key is not None else ''


def reach(fabric: Fabric, source: str, target: str, user: AnyUser | None = None) -> Reached:
    """Return whether source and target reach each other in a fabric, as far as the user may view it; all without one.

    Raises QuestionError, for people, if an end is not understood.
    """
    resources = FabricResource.objects.filter(fabric=fabric)
    resources = resources.exclude(outside_filter(fabric), missing_since__isnull=False)
    is_partial = False
    if user is not None:
        resources = resources.restrict(user, 'view')
        is_partial = may_be_hidden(user, FabricResource)
    rows = _load(resources, f'{source} {target}'.lower().split())
    if not rows and fabric.last_sync is None:
        raise QuestionError(f'{fabric.name} has never been synced: nothing is known of it yet.')
    mirror = Mirror(rows.values(), _unread(fabric), is_partial=is_partial, name=fabric.name)
    return Reached(ask(source, target, mirror), {(row.kind, row.name): pk for pk, row in rows.items()})


def _unread(fabric: Fabric) -> list[str]:
    """Return the kinds that the last sync could not read."""
    kinds = mapping(fabric.last_report).get('kinds') or []
    return [row['kind'] for row in kinds if row.get('outcome') in (FORBIDDEN, NOT_SERVED, UNREAD)]


def _load(resources: QuerySet, words: list[str]) -> dict[int, Resource]:
    """Return the resources that can decide, by primary key: in five statements at most, however many there are."""
    # No name has others, and PostgreSQL takes no NUL character.
    words = [word for word in dict.fromkeys(words) if word.isprintable()][:2 * MOST_WORDS]
    rows = _read(resources.filter(Q(kind__in=WHOLE) | Q(kind='Server', name__in=words)))
    servers = [row.name for row in rows.values() if row.kind == 'Server']
    named = Q(name__in=_named_connections(rows.values())) | Q(spec__has_key='staticExternal')
    wiring = Q(pk__in=())
    for server in servers:
        wiring |= Q(kind='Connection') & referring_to('Server', server)
    connections = _read(resources.filter(Q(kind='Connection') & named | wiring))
    rows |= connections
    if servers:
        attached = [row.name for row in connections.values()]
        rows |= _read(resources.filter(kind='VPCAttachment', spec__connection__in=attached))
    if any(text(mapping(row.spec).get('remote')) for row in rows.values() if row.kind == 'VPCPeering'):
        rows |= _read(resources.filter(kind='Switch'))
    return rows


def _named_connections(rows: Iterable[Resource]) -> set[str]:
    names: set[str] = set()
    for row in rows:
        if row.kind == 'ExternalAttachment':
            names.add(read_external_attachment(row.spec).connection)
        elif row.kind == 'VPCInterconnect':
            names.update(link.connection for link in read_interconnect(row.spec).links)
    return names


def _read(queryset: QuerySet) -> dict[int, Resource]:
    values = queryset.order_by('kind', 'name').values_list('pk', 'kind', 'name', 'spec', 'missing_since')
    return {pk: Resource(kind, name, spec, missing is not None) for pk, kind, name, spec, missing in values}


def answer_as_dict(reached: Reached) -> dict[str, Any]:
    """Return an answer as data."""
    answer = reached.answer
    return {
        'there': _direction(reached, answer.there), 'back': _direction(reached, answer.back),
        'differs': answer.differs,
    }


def _direction(reached: Reached, direction: Direction) -> dict[str, Any]:
    return {
        'source': direction.source, 'target': direction.target, 'verdict': direction.verdict,
        'sentence': direction.sentence, **_finding(reached, direction.finding), 'warnings': direction.warnings,
        'others': [
            {
                'source': other.source, 'target': other.target, 'verdict': other.verdict,
                **_finding(reached, other),
            }
            for other in direction.others
        ],
    }


def _finding(reached: Reached, finding: Finding) -> dict[str, Any]:
    return {
        'reason': finding.reason,
        'steps': [
            {'kind': step.kind, 'name': step.name, 'sentence': step.sentence, 'url': reached.url(step.kind, step.name)}
            for step in finding.steps
        ],
        'changes': list(finding.changes),
    }
