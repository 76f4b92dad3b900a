"""Can one end reach another? The one function that answers, from the resources of a fabric."""

from collections import defaultdict
from collections.abc import Iterator
from itertools import product

from .answer import NO, PARTLY, UNKNOWN, VERDICTS, YES, Answer, Direction, Finding, QuestionError, Step, best, listed
from .ends import EXTERNAL, OUTSIDE, SUBNET, End, Place, read_end
from .gateway import Budget, Cause, Peering, Traffic, between, follow, read_peering
from .inside import L3FLAT, peered, through_switches, within_vpc
from .mirror import DECIDING, Mirror
from .outside import attached, by_external_peerings, by_interconnects, by_static_externals, by_static_routes

__all__ = ('ask',)

# How many pairs of subnets are looked at: a server is attached to some twenty at most.
MOST_PAIRS = 1000

PARTIAL = (
    'You do not have permission to view all resources of this fabric: what you may not view could change the answer.'
)


def ask(source: str, target: str, mirror: Mirror) -> Answer:
    """Return whether source and target can reach each other in a fabric: open a connection, and be answered.

    Takes both ends as people write them (see ends.py). Raises QuestionError, for people, if an end is not understood.
    """
    ends = read_end(source, mirror), read_end(target, mirror)
    _check(*ends)
    asked = _Asked(mirror)
    return Answer(asked.direction(*ends), asked.direction(*reversed(ends)))


def _check(source: End, target: End) -> None:
    """Raise QuestionError if there is nothing to decide between two ends."""
    one, other = source.places, target.places
    kinds = {place.kind for place in (*one, *other)}
    if one and other and kinds == {OUTSIDE}:
        raise QuestionError(f'Neither {source.title} nor {target.title} is in a VPC: this fabric does not decide that.')
    is_same = source.title == target.title and (one, source.reason) == (other, target.reason)
    if is_same and (source.is_one or SUBNET not in kinds):
        raise QuestionError(f'Both ends are {source.title}. Enter two different ones.')
    if len(one) * len(other) > MOST_PAIRS:
        raise QuestionError(f'{source.title} and {target.title} have too many subnets: ask about two of these.')


class _Asked:
    """Looks at the ways through one fabric."""

    def __init__(self, mirror: Mirror) -> None:
        self.mirror = mirror
        self.budget = Budget()
        self.peerings = [read_peering(name, spec, mirror.subnet_span) for name, spec in mirror.all('GatewayPeering')]
        # By what they join: there may be thousands of Externals and of peerings, and each External is asked about.
        self.by_participant: dict[str, list[Peering]] = defaultdict(list)
        for peering in self.peerings:
            for participant in peering.exposes:
                self.by_participant[participant].append(peering)
        self.external_peerings: dict[tuple[str, str], list[str]] = defaultdict(list)
        for vpc, permits in mirror.external_permits.items():
            for name, permit in permits:
                self.external_peerings[vpc, permit.external].append(name)

    def direction(self, source: End, target: End) -> Direction:
        """Return whether source can open connections to target."""
        chosen, *others = self._findings(source, target)
        final = chosen
        if chosen.verdict == NO:
            final = self._as_far_as_known(self._with_deleted(source, target, chosen))
        return Direction(source.title, target.title, final, others, list(self._warnings(final)))

    def _warnings(self, found: Finding) -> Iterator[str]:
        if self.mirror.is_partial and PARTIAL not in found.reason:
            yield PARTIAL
        used = {step.kind for step in found.steps}
        if old := [kind for kind in self.mirror.unread if kind in used]:
            yield f'The last sync could not read {", ".join(old)}: what is known of these is older.'

    def _findings(self, source: End, target: End) -> list[Finding]:
        """Return a finding for each pair of places; one on why there is no place, if there is none."""
        for end in (source, target):
            if not end.places:
                return [Finding(NO, end.reason, end.steps, end.changes, source.title, target.title)]
        pairs = list(product(source.places, target.places))
        return sorted((self._between(*pair) for pair in pairs), key=lambda found: VERDICTS.index(found.verdict))

    def _between(self, source: Place, target: Place) -> Finding:
        found = self._choose(source, target)
        steps = (*source.steps, *self._modes(source, target), *found.steps, *target.steps)
        return Finding(found.verdict, found.reason, steps, found.changes, str(source), str(target))

    def _modes(self, source: Place, target: Place) -> list[Step]:
        owners = dict.fromkeys(place.owner for place in (source, target) if place.kind == SUBNET)
        return [Step('VPC', owner, L3FLAT) for owner in owners if self.mirror.vpcs[owner].is_flat]

    def _choose(self, source: Place, target: Place) -> Finding:
        """Return the best of the ways between two places; all that was found, if none leads there."""
        if source.kind == target.kind == SUBNET and source.owner == target.owner:
            return within_vpc(source, target, self.mirror)
        direct = self._direct(source, target)
        gateways = self._by_gateways(source, target)
        if clash := self._both(source, target):
            return clash
        ways = [*direct, *gateways]
        if not ways:
            return self._nothing(source, target)
        chosen = best(ways)
        if chosen.verdict != NO or len(ways) == 1:
            return chosen
        return Finding(
            NO, ' '.join(dict.fromkeys(way.reason for way in ways)),
            tuple(dict.fromkeys(step for way in ways for step in way.steps)),
            tuple(dict.fromkeys(change for way in ways for change in way.changes)),
        )

    def _direct(self, source: Place, target: Place) -> list[Finding]:
        """Return the ways through the switches."""
        if source.kind == target.kind == SUBNET:
            return through_switches(source, target, self.mirror)
        if SUBNET not in (source.kind, target.kind):
            return []
        vpc, outside = (source, target) if source.kind == SUBNET else (target, source)
        ways = (by_external_peerings, by_interconnects, by_static_externals, by_static_routes)
        return [finding for way in ways for finding in way(vpc, outside, self.mirror)]

    # Gateways

    def _by_gateways(self, source: Place, target: Place) -> list[Finding]:
        """Return the ways through gateways; to addresses outside, by each External that is peered."""
        pairs = product(self._participants(source), self._participants(target))
        findings = []
        for one, other in pairs:
            peerings = self._gateway_peerings(one, other)
            if peerings and one.participant != other.participant:
                findings.append(self._by_gateway(peerings, one, other))
        return findings

    def _gateway_peerings(self, one: Place, other: Place) -> list[Peering]:
        return between(self.by_participant.get(one.participant, ()), one.participant, other.participant)

    def _participants(self, place: Place) -> list[Place]:
        if place.kind != OUTSIDE:
            return [place]
        externals = [name for name, _ in self.mirror.all('External')]
        return [Place(EXTERNAL, name, '', place.span) for name in externals]

    def _by_gateway(self, peerings: list[Peering], source: Place, target: Place) -> Finding:
        served = [peering for peering in peerings if self.mirror.gateways_of(peering.group)]
        if not served:
            group = peerings[0].group
            return Finding(
                NO, f'No gateway is in gateway group {group}, which GatewayPeering {peerings[0].name} uses.',
                tuple(Step('GatewayPeering', each.name, f'uses gateway group {each.group}.') for each in peerings),
                (f'Add a gateway to the gateway group {group}.',),
            )
        for place in (source, target):
            if place.kind == EXTERNAL:
                found = attached(place.owner, self.mirror)
                if (problem := found.problem) is not None:
                    steps = tuple(self._exposing(peering, source, target) for peering in served)
                    return Finding(problem.verdict, problem.reason, (*steps, *problem.steps), problem.changes)
        return self._of_traffic(served, source, target)

    def _of_traffic(self, peerings: list[Peering], source: Place, target: Place) -> Finding:
        spans = source.span, target.span
        traffic = follow(peerings, source.participant, target.participant, spans, self.budget)
        names = ' and '.join(f'GatewayPeering {peering.name}' for peering in peerings)
        exposing = [self._exposing(peering, source, target) for peering in peerings]
        externals = [step for place in (source, target) if place.kind == EXTERNAL
                     for step in attached(place.owner, self.mirror).steps]
        causes = _causes(traffic)
        steps = (*exposing, *(Step('GatewayPeering', cause.peering, cause.sentence) for cause in causes), *externals)
        against = [*traffic.denied, *traffic.unclear]
        if traffic.verdict == UNKNOWN:
            against = [*traffic.unclear, *traffic.denied]
        changes = tuple(dict.fromkeys(cause.change for cause in against if cause.change))
        if traffic.verdict == YES:
            return Finding(YES, f'{names} {_lets(peerings)} it pass.', steps)
        first = 'Nothing of it is exposed.'
        if against:
            first = f'GatewayPeering {against[0].peering} {against[0].sentence}'
        if traffic.verdict == PARTLY:
            return Finding(PARTLY, f'Only a part of it passes: {first}', steps, changes)
        return Finding(traffic.verdict, first, steps, changes)

    def _exposing(self, peering: Peering, source: Place, target: Place) -> Step:
        words = [
            listed((expose.words for expose in peering.exposes[place.participant]), 'nothing')
            for place in (source, target)
        ]
        return Step(
            'GatewayPeering', peering.name,
            f'exposes {_named(source)}: {words[0]}; {_named(target)}: {words[1]}.',
        )

    # What there is not

    def _both(self, source: Place, target: Place) -> Finding | None:
        """Return a finding if two are peered by switches and gateways at once, which Hedgehog does not define."""
        for one, other in product(self._participants(source), self._participants(target)):
            gateways = [peering.name for peering in self._gateway_peerings(one, other)]
            switches = self._switch_peerings(one, other)
            if gateways and switches:
                kind, name = switches[0]
                reason = (
                    f'{_named(one)} and {_named(other)} are peered by {kind} {name} and by GatewayPeering '
                    f'{gateways[0]}: Hedgehog does not define what both together do.'
                )
                steps = (
                    *(Step(kind, name, 'peers them through switches.') for kind, name in switches),
                    *(Step('GatewayPeering', name, 'peers them through gateways.') for name in gateways),
                )
                return Finding(UNKNOWN, reason, steps, ('Delete one of the two peerings.',))
        return None

    def _switch_peerings(self, one: Place, other: Place) -> list[tuple[str, str]]:
        if one.kind == other.kind == SUBNET:
            return [('VPCPeering', name) for name in peered(self.mirror, one.owner, other.owner)]
        vpc, external = (one, other) if one.kind == SUBNET else (other, one)
        if vpc.kind != SUBNET:
            return []
        names = self.external_peerings.get((vpc.owner, external.owner), ())
        return [('ExternalPeering', name) for name in names]

    def _nothing(self, source: Place, target: Place) -> Finding:
        """Return the finding for two that nothing joins."""
        if source.kind == target.kind == SUBNET:
            reason = f'No VPCPeering and no GatewayPeering joins {source.owner} and {target.owner}.'
            fabrics = [self.mirror.hedgehog_fabric('VPC', place.owner) for place in (source, target)]
            if fabrics[0] != fabrics[1]:
                reason += f' They are in different Hedgehog fabrics: {fabrics[0]} and {fabrics[1]}.'
            change = f'Create a VPCPeering that permits {source} with {target}, or a GatewayPeering.'
        elif SUBNET in (source.kind, target.kind):
            vpc, outside = (source, target) if source.kind == SUBNET else (target, source)
            reason = f'No ExternalPeering and no GatewayPeering joins {vpc.owner} and {outside}.'
            change = f'Create an ExternalPeering that permits {vpc} with a prefix of {outside}.'
        else:
            reason = f'No GatewayPeering joins {source} and {target}.'
            change = 'Create a GatewayPeering of the two.'
        return Finding(NO, reason, (), (change,))

    def _as_far_as_known(self, found: Finding) -> Finding:
        """Return a no as unknown if there may be more than what is mirrored, or than the asker may view."""
        unread = [kind for kind in self.mirror.unread if kind in DECIDING]
        reasons = []
        if unread:
            reasons.append(f'The last sync could not read {", ".join(unread)}, which could decide.')
        if self.mirror.is_partial:
            reasons.append(PARTIAL)
        if not reasons:
            return found
        known = f'As far as is known: {found.reason}'
        return Finding(UNKNOWN, ' '.join([*reasons, known]), found.steps, found.changes, found.source, found.target)

    def _with_deleted(self, source: End, target: End, found: Finding) -> Finding:
        """Return a no with what was deleted that would make it a yes."""
        if self.mirror.with_missing or not any(row.missing for row in self.mirror.everything):
            return found
        before = self.mirror.including_missing()
        try:
            ends = [read_end(end.entered, before) for end in (source, target)]
        except QuestionError:
            return found
        then = _Asked(before)._findings(*ends)[0]
        gone = {(row.kind, row.name) for row in self.mirror.everything if row.missing}
        lost = dict.fromkeys((step.kind, step.name) for step in then.steps if (step.kind, step.name) in gone)
        deleted = [f'{kind} {name}' for kind, name in lost]
        if then.verdict not in (YES, PARTLY) or not deleted:
            return found
        names = listed(deleted)
        change = f'{names} would let it pass, but {"was" if len(deleted) == 1 else "were"} deleted from the cluster.'
        steps = (*found.steps, *(Step(kind, name, 'was deleted from the cluster.') for kind, name in lost))
        return Finding(found.verdict, found.reason, steps, (change, *found.changes), found.source, found.target)


def _named(place: Place) -> str:
    return place.owner if place.kind == SUBNET else f'External {place.owner}'


def _lets(peerings: list[Peering]) -> str:
    return 'lets' if len(peerings) == 1 else 'let'


def _causes(traffic: Traffic) -> list[Cause]:
    causes = dict.fromkeys([*traffic.allowed, *traffic.denied, *traffic.unclear])
    return [cause for cause in causes if cause.is_rule]
