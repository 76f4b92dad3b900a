"""Small fabrics for questions of reachability."""

from netbox_hedgehog.hedgehog.reachability.answer import QuestionError
from netbox_hedgehog.hedgehog.reachability.mirror import Mirror, Resource
from netbox_hedgehog.hedgehog.reachability.question import ask


def vpc(name, subnets, missing=False, **spec):
    """A VPC: of each subnet its prefix, or all of its spec."""
    values = {key: value if isinstance(value, dict) else {'subnet': value} for key, value in subnets.items()}
    return Resource('VPC', name, {'subnets': values, **spec}, missing)


def server(name, *paths, native=False):
    """A server with a Connection to oak-1, attached to these subnets."""
    connection = f'{name}--oak-1'
    wiring = {'unbundled': {'link': {'server': {'port': f'{name}/enp1'}, 'switch': {'port': 'oak-1/E1/1'}}}}
    yield Resource('Server', name, {})
    yield Resource('Connection', connection, wiring)
    for path in paths:
        yield Resource(
            'VPCAttachment', f'{name}--{path.replace("/", "-")}',
            {'subnet': path, 'connection': connection, 'nativeVLAN': native},
        )


def peering(name, *permits, missing=False, **spec):
    """A VPCPeering: each permit gives the subnets of each VPC, none for all."""
    permit = [{owner: {'subnets': list(subnets)} for owner, subnets in one.items()} for one in permits]
    return Resource('VPCPeering', name, {'permit': permit, **spec}, missing)


def external(name, *attached, static=None, acl=None):
    """An External, attached to a switch over each of these Connections."""
    yield Resource('External', name, {'ipv4Namespace': 'default', **({'static': {'prefixes': static}} if static else {})})
    for connection in attached:
        spec = {'external': name, 'connection': connection}
        yield Resource('Connection', connection, {'external': {'link': {'switch': {'port': 'oak-1/E1/9'}}}})
        yield Resource('ExternalAttachment', f'{connection}--{name}', spec | ({'inboundACL': acl} if acl else {}))


def external_peering(name, owner, subnets, other, *prefixes):
    return Resource('ExternalPeering', name, {'permit': {
        'vpc': {'name': owner, 'subnets': list(subnets)},
        'external': {'name': other, 'prefixes': [{'prefix': prefix} for prefix in prefixes]},
    }})


def exposed(*ips, shown=(), nat=None):
    """An entry of what a participant exposes: subnets by name, prefixes, and `not` those with a minus before."""
    values = {'ips': [_part(value) for value in ips]}
    if nat is not None:
        values |= {'as': [_part(value) for value in shown], 'nat': nat}
    return values


def _part(value):
    if value[0] == '-':
        return {'not': value[1:]}
    return {'cidr': value} if value[0].isdigit() else {'vpcSubnet': value}


def gateway_peering(name, sides, default='', rules=(), group='default'):
    spec = {'gatewayGroup': group, 'peering': {owner: {'expose': list(exposes)} for owner, exposes in sides.items()}}
    if default or rules:
        spec['acl'] = {'default': default, 'rules': list(rules)}
    return Resource('GatewayPeering', name, spec)


def gateway(name='gw-1', group='default'):
    return Resource('Gateway', name, {'groups': [{'name': group, 'priority': 0}]})


def fabric(*parts, **options):
    """A mirror of resources, and of iterables of them."""
    rows = []
    for part in parts:
        rows += [part] if isinstance(part, Resource) else list(part)
    return Mirror(rows, name='berlin-1', **options)


def sentences(source, target, mirror):
    """The sentences of both directions; the sentence on what is wrong with the question."""
    try:
        answer = ask(source, target, mirror)
    except QuestionError as error:
        return str(error)
    return answer.there.sentence, answer.back.sentence


def steps(direction):
    return [str(step) for step in direction.finding.steps]


RED = vpc('red', {
    'front': '10.0.1.0/24', 'back': {'subnet': '10.0.2.0/24', 'gateway': '10.0.2.1', 'isolated': True},
    'lone': {'subnet': '10.0.3.0/24', 'restricted': True, 'isolated': True},
}, permit=[['front', 'lone']])
BLUE = vpc('blue', {'default': '10.1.0.0/24'})
MASQUERADE = {'masquerade': {'idleTimeout': '5m'}}
WIDE = '0.0.0.0/0'


