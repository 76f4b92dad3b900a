"""Follow traffic through the gateway peerings between two participants: what they expose, NAT, and the ACL.

The address space and the ports are cut where anything changes, and one packet of each cell is followed, there and back.
Sources of the rules: githedgehog/docs, user guide on gateway peerings and their ACLs (release 26.03).
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import permutations, product
from typing import Any

from ..kinds import EXTERNAL_PREFIX
from ..manifest import mapping, objects, shown, text
from ..vpcs import AccessRule, read_access_rules
from .answer import NO, PARTLY, UNKNOWN, YES, listed
from .exposed import Expose, read_exposes
from .packets import Packet, Ports, Rule, read_rule
from .spans import Span, cells, cuts

__all__ = ('Budget', 'Cause', 'Traffic', 'between', 'follow', 'read_peering')

# How many cells of two places are followed, and how many times a rule is matched in a question: a second or two.
MOST_CELLS = 20_000
MOST_MATCHES = 1_500_000

ALLOWED, DENIED, UNCLEAR = 'allowed', 'denied', 'unclear'

# A subnet of a VPC by name: its addresses.
Subnets = Callable[[str, str], Span | None]


@dataclass(slots=True)
class Budget:
    """How many times a rule may still be matched: a server has several subnets, and each pair of these is followed."""

    left: int = MOST_MATCHES


@dataclass(frozen=True, slots=True)
class Cause:
    """Why traffic passes or does not, and what would change that. `is_rule` is False for what is exposed or not."""

    peering: str
    sentence: str
    change: str = ''
    is_rule: bool = True


@dataclass(slots=True)
class Traffic:
    """What passes from one participant to another: a verdict, and the causes for what does and does not."""

    verdict: str
    allowed: list[Cause]
    denied: list[Cause]
    unclear: list[Cause]


@dataclass(frozen=True, slots=True)
class Peering:
    """A GatewayPeering: what each participant exposes, and the ACL."""

    name: str
    group: str
    exposes: dict[str, tuple[Expose, ...]]
    rules: dict[tuple[str, str], list[Rule]]
    default_is_deny: bool

    def rules_between(self, source: str, target: str) -> list[Rule]:
        """Return the rules for packets from one participant to the other, in order."""
        return self.rules.get((source, target), [])


def read_peering(name: str, spec: Any, subnets: Subnets) -> Peering:
    """Read a GatewayPeering. `subnets` gives the addresses of a VPC's subnet. Raises nothing."""
    values = mapping(spec)
    exposes = {
        participant: tuple(read_exposes(participant, objects(mapping(part).get('expose')), subnets))
        for participant, part in mapping(values.get('peering')).items() if isinstance(participant, str)
    }
    acl = read_access_rules(spec)
    rules: dict[tuple[str, str], list[Rule]] = {}
    for number, said in enumerate(acl.rules, 1):
        for rule in _in_each_direction(said, exposes):
            rules.setdefault((rule.source, rule.target), []).append(read_rule(number, rule, subnets))
    return Peering(name, text(values.get('gatewayGroup')) or 'default', exposes, rules, text(acl.default) == 'deny')


def _in_each_direction(rule: AccessRule, participants: Iterable[str]) -> list[AccessRule]:
    """Return a rule once for each direction that it is about: one that names no side is about all of them."""
    if rule.source or rule.target:
        return [rule]
    return [replace(rule, source=one, target=other) for one, other in permutations(participants, 2)]


def between(peerings: Iterable[Peering], one: str, other: str) -> list[Peering]:
    """Return the peerings that join two participants."""
    return [peering for peering in peerings if one in peering.exposes and other in peering.exposes]


def follow(
    peerings: list[Peering], source: str, target: str, spans: tuple[Span | None, Span | None], budget: Budget,
) -> Traffic:
    """Return what passes from source to target, if it opens the connection and is answered.

    Takes the peerings that join the two, their names, and the addresses at each end; None for all that are exposed.
    What it costs is taken from the budget.
    """
    cells_followed = _packets(peerings, source, target, spans, budget)
    if cells_followed is None:
        return Traffic(UNKNOWN, [], [], [_too_many(peerings[0])])
    verdicts: set[str] = set()
    found: dict[str, dict[Cause, None]] = {ALLOWED: {}, DENIED: {}, UNCLEAR: {}}
    for packet in cells_followed:
        verdict, causes = _verdict(peerings, source, target, packet, budget)
        verdicts.add(verdict)
        found[verdict].update(dict.fromkeys(causes))
    if verdicts <= {ALLOWED} and verdicts:
        total = YES
    elif ALLOWED in verdicts:
        total = PARTLY
    else:
        total = UNKNOWN if UNCLEAR in verdicts else NO
    return Traffic(total, list(found[ALLOWED]), list(found[DENIED]), list(found[UNCLEAR]))


def _too_many(peering: Peering) -> Cause:
    return Cause(
        peering.name, 'has too many rules and ranges to follow them all: ask about one address.', is_rule=False,
    )


def _cost_of_cutting(peering: Peering, source: str, target: str) -> int:
    """Return how many times something of the rules is compared with what is exposed, to find the cells."""
    rules = (*peering.rules_between(source, target), *peering.rules_between(target, source))
    entries = [entry for rule in rules for entry in (*rule.sources, *rule.targets)]
    ports = sum(len(entry.ports or ()) for entry in entries)
    forwards = sum(len(expose.forwards) for expose in peering.exposes[target])
    exposes = len(peering.exposes[source]) + len(peering.exposes[target])
    return len(entries) * exposes + 2 * ports * forwards


def _packets(
    peerings: list[Peering], source: str, target: str, spans: tuple[Span | None, Span | None], budget: Budget,
) -> Iterator[Packet] | None:
    """Return a packet for each cell; None if there are too many."""
    budget.left -= sum(_cost_of_cutting(peering, source, target) for peering in peerings)
    if budget.left < 0:
        return None
    ports = Ports()
    count = 1
    for peering in peerings:
        there, back = peering.rules_between(source, target), peering.rules_between(target, source)
        count += len(there) + len(back)
        for rule in there:
            rule.add_ports(ports, reply=False)
        for rule in back:
            rule.add_ports(ports, reply=True)
        for expose in peering.exposes[target]:
            expose.add_ports(ports)
        count += sum(len(expose.native) for side in (source, target) for expose in peering.exposes[side])
    at_source = _cells(peerings, source, target, spans[0])
    at_target = _cells(peerings, target, source, spans[1])
    # By their numbers first: there may be millions.
    of_ports = 1 + len(ports.protocols) * (len(ports.at_source) + 1) * (len(ports.at_target) + 1)
    followed = len(at_source) * len(at_target) * of_ports
    if followed > MOST_CELLS or followed * count > budget.left:
        return None
    budget.left -= followed * count
    return (
        Packet(first, last, *rest)
        for (first, _), (last, _), rest in product(at_source, at_target, list(ports.packets()))
    )


def _cells(peerings: list[Peering], side: str, other: str, asked: Span | None) -> list[Span]:
    """Return the addresses of a side, cut where what is exposed or what a rule says changes."""
    at: set[int] = set()
    exposed: list[Span] = []
    for peering in peerings:
        own = peering.exposes[side]
        exposed += [span for expose in own for span in expose.native]
        at |= cuts(span for expose in own for span in expose.native)
        shown = [
            span for rule in (*peering.rules_between(side, other), *peering.rules_between(other, side))
            for span in rule.spans_of(side)
        ]
        at |= cuts(shown)
        at |= {number for expose in own for span in shown for number in cuts(expose.behind(span))}
    return cells([asked] if asked is not None else exposed, at)


def _verdict(
    peerings: list[Peering], source: str, target: str, packet: Packet, budget: Budget,
) -> tuple[str, list[Cause]]:
    """Return what becomes of a packet: it passes if one peering lets it, with one of what the two sides expose."""
    results = [result for peering in peerings for result in _ways(peering, source, target, packet, budget)]
    for wanted in (ALLOWED, UNCLEAR):
        chosen = next((causes for verdict, causes in results if verdict == wanted), None)
        if chosen is not None:
            return wanted, chosen
    return DENIED, [cause for _, causes in results for cause in causes]


def _ways(
    peering: Peering, source: str, target: str, packet: Packet, budget: Budget,
) -> Iterator[tuple[str, list[Cause]]]:
    """Yield what becomes of a packet by each pair of what the two sides expose."""
    own = [expose for expose in peering.exposes[source] if expose.has(packet.source)]
    others = [expose for expose in peering.exposes[target] if expose.has(packet.target)]
    for name, exposes in ((source, own), (target, others)):
        if not exposes:
            yield DENIED, [_not_exposed(peering, name)]
    # The first pair is paid for.
    pairs = len(own) * len(others)
    rules = len(peering.rules_between(source, target)) + len(peering.rules_between(target, source))
    if (cost := (pairs - 1) * (1 + rules)) > budget.left:
        yield UNCLEAR, [_too_many(peering)]
        return
    budget.left -= max(0, cost)
    for first, last in product(own, others):
        if cause := _one_way(peering, first, last):
            yield DENIED, [cause]
        elif last.nat == 'portForward' and not last.forwards_packet(packet):
            yield DENIED, [Cause(
                peering.name, f'forwards only {last.forwarded} to {_owner(target)}.',
                f'Add the port to portForward in GatewayPeering {peering.name}.',
            )]
        else:
            yield _by_rules(peering, source, target, packet, (first, last))


def _owner(participant: str) -> str:
    external = participant.removeprefix(EXTERNAL_PREFIX)
    return f'External {external}' if external != participant else participant


def _not_exposed(peering: Peering, name: str) -> Cause:
    exposed = listed((expose.words for expose in peering.exposes[name]), 'nothing')
    return Cause(
        peering.name, f'exposes of {_owner(name)} only {exposed}.',
        f'Expose the addresses of {_owner(name)} in GatewayPeering {peering.name}.', is_rule=False,
    )


def _one_way(peering: Peering, first: Expose, last: Expose) -> Cause | None:
    """Return why NAT keeps the first side from opening connections to the last one, if it does."""
    if first.nat == 'portForward':
        return Cause(
            peering.name, f'exposes {_owner(first.owner)} by port forwarding, behind which nothing opens connections.',
            f'Expose {_owner(first.owner)} in GatewayPeering {peering.name} by masquerade too, or without NAT.',
        )
    if last.nat == 'masquerade':
        return Cause(
            peering.name,
            f'exposes {_owner(last.owner)} by masquerade: only {_owner(last.owner)} can open connections.',
            f'Expose {_owner(last.owner)} in GatewayPeering {peering.name} with static NAT or port forwarding.',
        )
    return None


# The ACL

def _by_rules(
    peering: Peering, source: str, target: str, packet: Packet, exposes: tuple[Expose, Expose],
) -> tuple[str, list[Cause]]:
    """Return what the ACL makes of a packet and of its reply. Rules see addresses before NAT."""
    first, last = exposes
    there = packet.seen(last.advertised(packet.target))
    rule = _first_match(peering, source, target, there)
    if isinstance(rule, Cause):
        return UNCLEAR, [rule]
    if rule is not None and rule.said.action != 'allow':
        return DENIED, [_denied(peering, rule, 'denies')]
    if rule is None and peering.default_is_deny:
        return DENIED, [Cause(
            peering.name,
            f'has no rule that allows it from {_owner(source)} to {_owner(target)}, and denies by default.',
            f'Add a rule to GatewayPeering {peering.name} that allows it from {_owner(source)}.',
        )]
    allowed = [_allowed(peering, rule)] if rule is not None else []
    back = packet.reply(
        first.advertised(packet.source), last.native_port(packet), masqueraded=first.nat == 'masquerade',
    )
    reply = _first_match(peering, target, source, back)
    if isinstance(reply, Cause):
        return UNCLEAR, [reply]
    if reply is not None:
        verdict = ALLOWED if reply.said.action == 'allow' else DENIED
        causes = [_allowed(peering, reply)] if verdict == ALLOWED else [_denied(peering, reply, 'denies the replies')]
        return verdict, [*allowed, *causes]
    if not peering.default_is_deny or rule is None:
        return ALLOWED, allowed
    return _without_reply_rule(peering, rule, exposes, allowed)


def _without_reply_rule(
    peering: Peering, rule: Rule, exposes: tuple[Expose, Expose], allowed: list[Cause],
) -> tuple[str, list[Cause]]:
    """Return what becomes of replies that no rule names, where the default is to deny."""
    change = f'Add a rule to GatewayPeering {peering.name} that allows the replies.'
    if rule.said.scope == 'packet':
        return DENIED, [Cause(
            peering.name, f'denies the replies: {_called(rule)} is stateless, and no rule allows them.', change,
        )]
    if any(expose.nat in ('masquerade', 'portForward') for expose in exposes):
        return ALLOWED, allowed
    return UNCLEAR, [Cause(
        peering.name,
        f'has replies allowed by {_called(rule)} only, of scope flow: gateways keep flows only with masquerade '
        'or port forwarding.',
        change,
    )]


def _first_match(peering: Peering, source: str, target: str, packet: Packet) -> Rule | Cause | None:
    """Return the first rule that matches; a cause where it is unclear which one does."""
    for rule in peering.rules_between(source, target):
        matches = rule.matches(packet)
        if matches is None:
            return Cause(
                peering.name, f'has {_called(rule)} for a part of the addresses or ports that NAT may choose.',
            )
        if matches:
            return rule
    return None


def _called(rule: Rule) -> str:
    name = text(rule.said.name)
    return f'rule {rule.number} “{shown(name)}”' if name else f'rule {rule.number}'


def _allowed(peering: Peering, rule: Rule) -> Cause:
    return Cause(peering.name, f'{_called(rule)} allows {_what(rule)}.')


def _denied(peering: Peering, rule: Rule, denies: str) -> Cause:
    return Cause(
        peering.name, f'{_called(rule)} {denies}: {_what(rule)}.',
        f'Change {_called(rule)} of GatewayPeering {peering.name}, or put a rule that allows it before it.',
    )


def _what(rule: Rule) -> str:
    """Return what a rule matches, in words."""
    match = rule.said.match
    words = [shown(rule.protocol.upper()) if rule.protocol else 'all traffic']
    for key, word in (('src', 'from'), ('dst', 'to')):
        parts = [
            ' '.join(filter(None, (
                _address(item),
                _ports(item.get('ports')),
            )))
            for item in objects(match.get(key))
        ]
        words += [f'{word} {listed(filter(None, parts))}'] if any(parts) else []
    if len(words) == 1:
        words.append(f'from {_owner(rule.said.source)} to {_owner(rule.said.target)}')
    return ' '.join(words)


def _address(item: Mapping[str, Any]) -> str:
    named = text(item.get('cidr')) or text(item.get('vpcSubnet'))
    return shown(named) if named else ''


def _ports(value: Any) -> str:
    ports = [shown(port) for port in value] if isinstance(value, list) else []
    return f'port {listed(ports)}' if ports else ''
