"""Ways between a VPC and what is outside of the fabric: External peerings, static externals, static routes."""

from collections.abc import Iterator
from dataclasses import dataclass

from ..fabrics import read_interconnect
from ..kinds import pick
from ..manifest import items, mapping, objects, shown, text, texts
from ..vpcs import ExternalPermit, read_external_attachment
from .answer import NO, PARTLY, UNKNOWN, YES, Finding, Step, listed
from .ends import EXTERNAL, Place
from .mirror import Mirror
from .spans import Span, covers, overlap, read_span, shown_span, without

__all__ = ('attached', 'by_external_peerings', 'by_interconnects', 'by_static_externals', 'by_static_routes')


@dataclass(frozen=True, slots=True)
class Attached:
    """Whether an External is attached: the steps that show it, or the finding that there is nothing."""

    steps: tuple[Step, ...]
    problem: Finding | None = None


def attached(external: str, mirror: Mirror) -> Attached:
    """Return how an External is attached to switches."""
    whole: list[Step] = []
    broken: list[Step] = []
    filtered: list[Step] = []
    for name, spec in mirror.all('ExternalAttachment'):
        read = read_external_attachment(spec)
        if read.external != external:
            continue
        if not mirror.has('Connection', read.connection):
            broken.append(Step('ExternalAttachment', name, f'is on {shown(read.connection)}, which does not exist.'))
            continue
        statements = mirror.statements(mapping(spec))
        if statements:
            filtered.append(Step(
                'ExternalAttachment', name, f'filters what comes from {external} by an inbound ACL.',
            ))
        whole.append(Step('ExternalAttachment', name, f'attaches {external} by {read.connection}.'))
    if not whole:
        return Attached((), Finding(
            NO, f'External {external} is not attached to any switch.', tuple(broken),
            (f'Create an ExternalAttachment of External {external}.',),
        ))
    if filtered:
        return Attached(tuple(whole), Finding(
            UNKNOWN, f'An inbound ACL filters what comes from External {external}, and is not evaluated here.',
            tuple(filtered),
        ))
    return Attached(tuple(whole))


def by_external_peerings(vpc: Place, outside: Place, mirror: Mirror) -> list[Finding]:
    """Return what the ExternalPeerings of a VPC say of a place outside, one finding for each External."""
    permits: dict[str, list[tuple[str, ExternalPermit]]] = {}
    for name, permit in mirror.external_permits.get(vpc.owner, ()):
        if outside.owner in ('', permit.external):
            permits.setdefault(permit.external, []).append((name, permit))
    return [_by_external(external, found, vpc, outside, mirror) for external, found in permits.items()]


def _by_external(
    external: str, permits: list[tuple[str, ExternalPermit]], vpc: Place, outside: Place, mirror: Mirror,
) -> Finding:
    names = ' and '.join(f'ExternalPeering {name}' for name, _ in permits)
    if not mirror.has(EXTERNAL, external):
        return Finding(NO, f'External {external} does not exist.', _peering_steps(permits))
    with_subnet = [(name, permit) for name, permit in permits if vpc.subnet in permit.subnets]
    if not with_subnet:
        return Finding(
            NO, f'{names} {_do(permits)} not permit subnet {vpc.subnet} of {vpc.owner}.', _peering_steps(permits),
            (f'Add {vpc.subnet} to the subnets of ExternalPeering {permits[0][0]}.',),
        )
    spans = [span for _, permit in with_subnet for prefix in permit.prefixes if (span := read_span(prefix))]
    verdict = _share(outside.span, spans)
    if verdict == NO:
        return Finding(
            NO, f'{names} {_do(permits)} not permit {outside}.', _peering_steps(with_subnet),
            (f'Add a prefix with {outside} to ExternalPeering {with_subnet[0][0]}.',),
        )
    found = attached(external, mirror)
    steps = (*_peering_steps(with_subnet), *found.steps)
    if found.problem is not None:
        problem = found.problem
        return Finding(problem.verdict, problem.reason, (*steps, *problem.steps), problem.changes)
    static = pick(mirror.by_kind[EXTERNAL][external].spec, ('static',))
    if isinstance(static, dict):
        routed = [span for prefix in texts(static.get('prefixes')) if (span := read_span(prefix))]
        verdict = _share_of_both(outside.span, spans, routed)
        said = _shown(routed)
        steps = (*steps, Step(EXTERNAL, external, f'is static, with routes for {said}.'))
        if verdict == NO:
            return Finding(
                NO, f'External {external} has no static route for what is permitted.', steps,
                (f'Add the prefix to the static prefixes of External {external}.',),
            )
    else:
        steps = (*steps, Step(EXTERNAL, external, 'announces routes by BGP: which ones it does is not mirrored.'))
    permitting = ' and '.join(f'ExternalPeering {name}' for name, _ in with_subnet)
    verb = 'permits' if len(with_subnet) == 1 else 'permit'
    part = ' a part of' if verdict == PARTLY else ''
    what = str(outside) if outside.span is not None else f'subnet {vpc.subnet} of {vpc.owner}'
    changes = (f'Add prefixes to ExternalPeering {with_subnet[0][0]}.',) if verdict == PARTLY else ()
    return Finding(verdict, f'{permitting} {verb}{part} {what}.', steps, changes)


def _do(permits: list[tuple[str, ExternalPermit]]) -> str:
    return 'does' if len(permits) == 1 else 'do'


def _peering_steps(permits: list[tuple[str, ExternalPermit]]) -> tuple[Step, ...]:
    return tuple(
        Step(
            'ExternalPeering', name,
            f'permits subnets {listed(map(shown, permit.subnets))} of {permit.vpc} and prefixes '
            f'{listed(map(shown, permit.prefixes))} of {permit.external}.',
        )
        for name, permit in permits
    )


def _share(asked: Span | None, spans: list[Span]) -> str:
    """Return whether all, some or none of the addresses are in spans; without addresses, whether there is any."""
    if asked is None:
        return YES if spans else NO
    if covers(spans, asked):
        return YES
    return PARTLY if any(overlap(span, asked) for span in spans) else NO


def _share_of_both(asked: Span | None, one: list[Span], other: list[Span]) -> str:
    # Not each of one with each of the other: there may be tens of thousands of both.
    return _share(asked, list(without(one, without(one, other))))


def by_interconnects(vpc: Place, outside: Place, mirror: Mirror) -> list[Finding]:
    """Return what the VPCInterconnects of a VPC say of a place outside. Each is an External by its own name too."""
    findings = []
    for name, spec in mirror.all('VPCInterconnect'):
        read = read_interconnect(spec)
        if vpc.owner not in read.vpcs or outside.owner not in ('', name):
            continue
        spans = [span for prefix in read.prefixes if (span := read_span(prefix))]
        linked = [link.connection for link in read.links if mirror.has('Connection', link.connection)]
        announced = listed(map(shown, read.vpcs[vpc.owner]))
        step = Step(
            'VPCInterconnect', name,
            f'announces subnets {announced} of {vpc.owner}, and accepts {listed(map(shown, read.prefixes))}.',
        )
        verdict = _share(outside.span, spans)
        if vpc.subnet not in read.vpcs[vpc.owner]:
            finding = Finding(
                NO, f'VPCInterconnect {name} does not announce subnet {vpc.subnet} of {vpc.owner}.', (step,),
                (f'Add {vpc.subnet} to VPCInterconnect {name}.',),
            )
        elif verdict == NO or not linked:
            what = f'accept {outside}' if verdict == NO else 'have a link over a Connection that exists'
            finding = Finding(NO, f'VPCInterconnect {name} does not {what}.', (step,))
        elif any(link.statements for link in read.links):
            reason = f'VPCInterconnect {name} has an inbound ACL, which is not evaluated here.'
            finding = Finding(UNKNOWN, reason, (step,))
        else:
            finding = Finding(verdict, f'VPCInterconnect {name} exchanges both.', (step,))
        findings.append(finding)
    return findings


def by_static_externals(vpc: Place, outside: Place, mirror: Mirror) -> list[Finding]:
    """Return what static external Connections within a VPC reach. An External has none of these."""
    if outside.owner:
        return []
    spans: list[Span] = []
    steps: list[Step] = []
    for name, spec in mirror.all('Connection'):
        member = mapping(mapping(spec).get('staticExternal'))
        if text(member.get('withinVPC')) != vpc.owner:
            continue
        port = mapping(mapping(member.get('link')).get('switch'))
        own = [span for prefix in (*items(port.get('subnets')), port.get('ip')) if (span := read_span(prefix))]
        if _share(outside.span, own) != NO:
            spans += own
            steps.append(Step('Connection', name, f'is a static external of {vpc.owner} with {_shown(own)}.'))
    if not steps:
        return []
    return [Finding(_share(outside.span, spans), f'A static external of {vpc.owner} has it.', tuple(steps))]


def by_static_routes(vpc: Place, outside: Place, mirror: Mirror) -> list[Finding]:
    """Return what static routes of a VPC say: where they lead to, nobody but the next hop knows."""
    if outside.owner:
        return []
    return list(_routes(vpc, outside, mirror))


def _routes(vpc: Place, outside: Place, mirror: Mirror) -> Iterator[Finding]:
    routes = objects(mapping(mirror.by_kind['VPC'][vpc.owner].spec).get('staticRoutes'))
    for route in routes:
        span = read_span(route.get('prefix'))
        if span is None or _share(outside.span, [span]) == NO:
            continue
        hops = listed(map(shown, texts(route.get('nextHops'))), 'no next hop')
        yield Finding(
            UNKNOWN, f'A static route of {vpc.owner} leads to {hops}: what that passes on is not mirrored.',
            (Step('VPC', vpc.owner, f'has a static route for {shown_span(span)} to {hops}.'),),
        )


def _shown(spans: list[Span]) -> str:
    return listed(map(shown_span, spans))
