"""Reachability against another model of it: sets of edges between subnets, and packets that are simulated one by one.

The model knows nothing of spans and cells: it has every address of small subnets, and some ports, and walks through a
description of the fabric that the manifests are made from.
"""

from hypothesis import given
from hypothesis import strategies as st

from netbox_hedgehog.hedgehog.reachability.question import ask

from ...support.examples import examples
from ...support.reachability import (
    exposed,
    external,
    external_peering,
    fabric,
    gateway,
    gateway_peering,
    peering,
    server,
    vpc,
)

VPCS = ('red', 'blue', 'green')
SUBNETS = ('a', 'b', 'c')
ORDER = ('yes', 'partly', 'unknown', 'no')


def base(owner, subnet):
    """The first of the eight addresses of a subnet, as its last byte: subnets lie side by side in 10.0.0.0/24."""
    return (VPCS.index(owner) * len(SUBNETS) + SUBNETS.index(subnet)) * 8


def ip(number, block='10.0.0'):
    return f'{block}.{number}'


# Isolation, permits, VPC peerings, attachments: a graph of subnets.

@given(st.randoms(use_true_random=False))
@examples(short=40, long=2000)
def test_subnets_and_servers_are_a_graph(random):
    def some(names):
        return [name for name in names if random.random() < 0.5]

    edges, parts, flags = set(), [], {}
    for owner in VPCS:
        default = {key: random.random() < 0.4 for key in ('defaultIsolated', 'defaultRestricted')}
        specs, permits = {}, [some(SUBNETS) for _ in range(random.randrange(3))]
        for name in SUBNETS:
            own = {key: random.random() < 0.5 for key in some(('isolated', 'restricted'))}
            specs[name] = {'subnet': f'{ip(base(owner, name))}/29', **own}
            flags[owner, name] = {**{key[7:].lower(): value for key, value in default.items()}, **own}
        for one in SUBNETS:
            for other in SUBNETS:
                pair = (owner, one), (owner, other)
                if one == other:
                    edges |= set() if flags[pair[0]]['restricted'] else {pair}
                elif not any(flags[end]['isolated'] for end in pair):
                    edges.add(pair)
        for permit in permits:
            edges |= {((owner, one), (owner, other)) for one in permit for other in permit if one != other}
        parts.append(vpc(owner, specs, permit=permits, **default))
    for number in range(random.randrange(4)):
        sides = [{owner: some(SUBNETS) for owner in some(VPCS)} for _ in range(random.randrange(3))]
        missing = random.random() < 0.2
        parts.append(peering(f'p-{number}', *sides, missing=missing))
        ends = [[(owner, name) for owner in side for name in side[owner] or SUBNETS] for side in sides]
        if not missing:
            edges |= {(one, other) for side in ends for one in side for other in side if one[0] != other[0]}
    attached = {}
    for name in ('db-1', 'db-2'):
        attached[name] = [(owner, subnet) for owner in VPCS for subnet in SUBNETS if random.random() < 0.15]
        parts += server(name, *(f'{owner}/{subnet}' for owner, subnet in attached[name]))
    mirror = fabric(*parts)

    nodes = [(owner, subnet) for owner in VPCS for subnet in SUBNETS]
    one, other = random.choice(nodes), random.choice(nodes)
    answer = ask('/'.join(one), '/'.join(other), mirror)
    assert (answer.there.verdict, answer.back.verdict) == (
        'yes' if (one, other) in edges else 'no', 'yes' if (other, one) in edges else 'no',
    )
    answer = ask('db-1', 'db-2', mirror)
    joined = any((start, end) in edges for start in attached['db-1'] for end in attached['db-2'])
    assert answer.there.verdict == ('yes' if joined else 'no')
    assert (answer.there.finding.changes == ()) is joined


# Externals: which addresses are permitted, and routed.

OUTSIDE = {'192.0.2.0/30': range(4), '192.0.2.0/31': range(2), '192.0.2.4/30': range(4, 8), '0.0.0.0/0': range(256)}


@given(st.randoms(use_true_random=False))
@examples(short=40, long=2000)
def test_addresses_outside_are_permitted_and_routed(random):
    parts = [vpc('red', {name: f'{ip(base("red", name))}/29' for name in SUBNETS})]
    reached = set()
    for name in ('wan-1', 'wan-2'):
        attached = [f'oak-1--{name}'] if random.random() < 0.8 else []
        routes = random.sample(sorted(OUTSIDE), random.randrange(1, 3)) if random.random() < 0.5 else None
        parts.append(list(external(name, *attached, static=routes)))
        routed = {number for prefix in routes or ['0.0.0.0/0'] for number in OUTSIDE[prefix]}
        for number in range(random.randrange(3)):
            subnets = random.sample(SUBNETS, random.randrange(3))
            prefixes = random.sample(sorted(OUTSIDE), random.randrange(1, 3))
            parts.append(external_peering(f'{name}-{number}', 'red', subnets, name, *prefixes))
            permitted = {number for prefix in prefixes for number in OUTSIDE[prefix]}
            if attached:
                reached |= {(subnet, name, number) for subnet in subnets for number in permitted & routed}
    mirror = fabric(*parts)
    subnet, name, number = random.choice(SUBNETS), random.choice(('wan-1', 'wan-2')), random.randrange(10)
    address = ip(number, '192.0.2')
    by_any = any((subnet, each, number) in reached for each in ('wan-1', 'wan-2'))
    assert ask(f'red/{subnet}', address, mirror).there.verdict == ('yes' if by_any else 'no')
    by_name = (subnet, name, number) in reached
    assert ask(f'external {name} {address}', f'red/{subnet}', mirror).there.verdict == ('yes' if by_name else 'no')
    prefix = random.choice(sorted(set(OUTSIDE) - {'0.0.0.0/0'}))
    inside = [(subnet, name, number) in reached for number in OUTSIDE[prefix]]
    expected = 'yes' if all(inside) else 'partly' if any(inside) else 'no'
    assert ask(f'red/{subnet}', f'external {name} {prefix}', mirror).there.verdict == expected


# Gateways: packets, and their replies, of all addresses and of some ports.

PORTS = {'80': {80}, '443': {443}, '80-443': {80, 200, 443}}
SOME_PORTS = (79, 80, 200, 443, 500)
KINDS = ('tcp', 'udp', 'icmp')
ANYWHERE = object()


class Side:
    """What a VPC exposes: addresses of its only subnet, and how others call them."""

    def __init__(self, owner, random):
        self.owner, self.first = owner, base(owner, 'a')
        self.entries = [self._entry(random, number) for number in range(random.randrange(1, 3))]

    def _entry(self, random, number):
        half = random.choice([0, 4, None])
        native = set(range(self.first, self.first + 8)) if half is None else set(
            range(self.first + half, self.first + half + 4))
        whole = ['a'] if half is None else [f'{ip(self.first + half)}/30']
        hole = random.choice([None, None, self.first + 2])
        kind = random.choice(['', '', 'static', 'masquerade', 'portForward'])
        if kind in ('static', 'portForward'):
            hole = None  # the mapping is one to one, of one range to another as long
        # Each entry has addresses of its own, in another block: no two entries are called the same.
        shown = {address: {(VPCS.index(self.owner), number, address)} for address in native}
        pool = {(VPCS.index(self.owner), number, address) for address in native}
        low = min(native)
        block = f'172.{16 + VPCS.index(self.owner)}.{number}'
        if kind == 'masquerade':
            shown = dict.fromkeys(native, pool)
        if kind == '':
            shown = {address: {address} for address in native}
        forwarded = {}
        values = {'static': {'static': {}}, 'masquerade': {'masquerade': {}}}.get(kind)
        if kind == 'portForward':
            to = random.choice(['443', '8443'])
            proto = random.choice(['', 'tcp'])
            forwarded = {(each, 443): int(to) for each in ([proto] if proto else ['tcp', 'udp'])}
            values = {'portForward': {'ports': [{'proto': proto, 'port': to, 'as': '443'}]}}
        excluded = [] if hole is None else [f'-{ip(hole)}/32']
        spec = exposed(*whole, *excluded, shown=[f'{block}.{low}/{29 if half is None else 30}'], nat=values)
        return {'native': native - {hole}, 'shown': shown, 'kind': kind, 'forwarded': forwarded, 'spec': spec,
                'block': block, 'number': number}

    def addresses(self, text):
        """What of the addresses that a rule names there is, native or as others call them."""
        block, _, last = text.partition('/')[0].rpartition('.')
        count = 2 ** (32 - int(text.partition('/')[2]))
        numbers = range(int(last), int(last) + count)
        if block == '10.0.0':
            return set(numbers)
        return {
            (VPCS.index(self.owner), entry['number'], number) for entry in self.entries for number in numbers
            if entry['block'] == block
        }


def match_side(random, side, shown):
    """One side of what a rule matches: in the manifest, and as a test of addresses and of a port."""
    if random.random() < 0.4:
        return None, ANYWHERE, ANYWHERE
    entry = random.choice(side.entries)
    block = entry['block'] if shown and entry['kind'] else '10.0.0'
    prefix = f'{block}.{side.first + random.choice([0, 4])}/{random.choice([30, 31])}'
    item, addresses, ports = {}, ANYWHERE, ANYWHERE
    if random.random() < 0.7:
        item['cidr'], addresses = prefix, side.addresses(prefix)
    if random.random() < 0.4:
        port = random.choice(sorted(PORTS))
        item['ports'], ports = [port], PORTS[port]
    return [item], addresses, ports


def make_rule(random, sides):
    source, target = random.sample(sides, 2)
    rule = {'from': source.owner, 'action': random.choice(['allow', 'allow', 'deny']),
            'scope': random.choice(['', 'flow', 'packet']), 'match': {}}
    tests = []
    for key, side, shown in (('src', source, False), ('dst', target, True)):
        items, addresses, ports = match_side(random, side, shown)
        if items is not None:
            rule['match'][key] = items
        tests.append((addresses, ports))
    proto = random.choice([None, None, 'tcp', 'udp'])
    if proto:
        rule['match']['proto'] = proto
    return {'spec': rule, 'source': source.owner, 'proto': proto, 'tests': tests,
            'allows': rule['action'] == 'allow', 'stateless': rule['scope'] == 'packet'}


def hits(rule, proto, ends):
    """Whether a rule matches: a set of what each possible packet of these ends would say."""
    if rule['proto'] not in (None, proto):
        return {False}
    said = []
    for (addresses, ports), (seen, seen_ports) in zip(rule['tests'], ends, strict=True):
        by_address = {addresses is ANYWHERE or address in addresses for address in seen}
        by_port = {ports is ANYWHERE or (proto != 'icmp' and port in ports) for port in seen_ports}
        said.append({one and other for one in by_address for other in by_port})
    if {False} in said:
        return {False}
    return {True} if said == [{True}, {True}] else {True, False}


def first_hit(rules, owner, proto, ends):
    for rule in (rule for rule in rules if rule['source'] == owner):
        found = hits(rule, proto, ends)
        if found == {True, False}:
            return 'unclear'
        if found == {True}:
            return rule
    return None


def simulate(one, other, packet, rules, default):
    """What becomes of a packet from one side to the other one, by the best pair of what they expose."""
    source, target, proto, sport, dport = packet
    outcomes = ['no']
    for first in (entry for entry in one.entries if source in entry['native']):
        for last in (entry for entry in other.entries if target in entry['native']):
            if first['kind'] == 'portForward' or last['kind'] == 'masquerade':
                continue
            arrives = dport
            if last['kind'] == 'portForward':
                if (proto, dport) not in last['forwarded']:
                    continue
                arrives = last['forwarded'][proto, dport]
            there = ({source}, {sport}), (last['shown'][target], {dport})
            replied_to = set(SOME_PORTS) if first['kind'] == 'masquerade' else {sport}
            back = ({target}, {arrives}), (first['shown'][source], replied_to)
            stateful = {first['kind'], last['kind']} & {'masquerade', 'portForward'}
            outcomes.append(judge(
                first_hit(rules, one.owner, proto, there), first_hit(rules, other.owner, proto, back), stateful, default,
            ))
    return min(outcomes, key=ORDER.index)


def judge(there, back, stateful, default):
    if there == 'unclear':
        return 'unknown'
    if (there is None and default == 'deny') or (there is not None and not there['allows']):
        return 'no'
    if back == 'unclear':
        return 'unknown'
    if back is not None:
        return 'yes' if back['allows'] else 'no'
    if default != 'deny':
        return 'yes'
    if there['stateless']:
        return 'no'
    return 'yes' if stateful else 'unknown'


def total(verdicts):
    if verdicts == {'yes'}:
        return 'yes'
    if 'yes' in verdicts:
        return 'partly'
    return 'unknown' if 'unknown' in verdicts else 'no'


@given(st.randoms(use_true_random=False))
@examples(short=8, long=400)
def test_packets_through_a_gateway_arrive_and_are_answered(random):
    red, blue = Side('red', random), Side('blue', random)
    rules = [make_rule(random, [red, blue]) for _ in range(random.choice([0, 1, 2, 4]))]
    default = random.choice(['', 'deny', 'deny-unless-exposed'])
    mirror = fabric(
        gateway(), *(vpc(side.owner, {'a': f'{ip(side.first)}/29'}) for side in (red, blue)),
        gateway_peering('gp', {side.owner: [entry['spec'] for entry in side.entries] for side in (red, blue)},
                        default=default, rules=[rule['spec'] for rule in rules]),
    )
    default = default if default or rules else ''
    answer = ask('red/a', 'blue/a', mirror)
    for one, other, direction in ((red, blue, answer.there), (blue, red, answer.back)):
        verdicts = {
            simulate(one, other, (source, target, proto, sport, dport), rules, default)
            for source in range(one.first, one.first + 8) for target in range(other.first, other.first + 8)
            for proto in KINDS
            for sport in (SOME_PORTS if proto != 'icmp' else [0]) for dport in (SOME_PORTS if proto != 'icmp' else [0])
        }
        assert direction.verdict == total(verdicts), (one.owner, verdicts)
