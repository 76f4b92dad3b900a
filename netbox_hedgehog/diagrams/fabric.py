"""The picture of a fabric: chooses how it is drawn, by how much there is to see."""

from collections.abc import Callable

from .detailed import draw_detailed
from .graph import LEAVES, OUTER, SPINES, Graph, bundled
from .grouped import draw_grouped, groups_of
from .svg import Canvas

__all__ = ('describe', 'draw_fabric')

# Above these a picture with every cable is a hairball.
MOST_LEAVES = 8
MOST_SPINES = 8
MOST_OUTER = 10


def draw_fabric(graph: Graph, name: str, url: Callable[[str], str], group: str = '') -> str:
    """The SVG of a fabric, or of one group of its leaves.

    Takes the graph, the fabric's name, the address of a group's picture by its name, and the group to show. A group
    that is not there shows the whole fabric.
    """
    leaves = groups_of(graph).get(group, []) if group else []
    if leaves:
        part = graph.around(node.key for node in leaves)
        canvas = Canvas(f'{group} in {name}', describe(part))
        return canvas.finish(*draw_detailed(canvas, part, cards=len(part.tier(OUTER)) > MOST_OUTER))
    canvas = Canvas(f'Topology of {name}', describe(graph))
    if len(graph.tier(LEAVES)) <= MOST_LEAVES and len(graph.tier(SPINES)) <= MOST_SPINES:
        small = graph if len(graph.tier(OUTER)) <= MOST_OUTER else bundled(graph, url)
        if len(small.tier(OUTER)) <= MOST_OUTER:
            return canvas.finish(*draw_detailed(canvas, small))
    return canvas.finish(*draw_grouped(canvas, graph, url))


def describe(graph: Graph) -> str:
    """The picture in a sentence or two, for those who do not see it."""
    spines, leaves = len(graph.tier(SPINES)), len(graph.tier(LEAVES))
    parts = [f'{spines} spine{"s" * (spines != 1)}', f'{leaves} {"leaf" if leaves == 1 else "leaves"}']
    for kind in ('Gateway', 'Server', 'External'):
        if count := sum(node.kind == kind for node in graph.nodes.values()):
            parts.append(f'{count} {kind.lower()}{"s" * (count != 1)}')
    states = [wire.state for wire in graph.wires]
    links = f'{len(states)} link{"s" * (len(states) != 1)}' if states else 'no links'
    told = [f'{states.count(state)} {words}' for state, words in (
        ('down', 'down'), ('disabled', 'switched off'), ('unknown', 'of unknown state'),
        ('hidden', 'of hidden state'),
    ) if state in states]
    nodes = sorted(graph.nodes.values(), key=lambda node: (node.tier == OUTER, node.state != 'critical'))
    words = {'critical': 'is critical', 'warning': 'has a warning'}
    troubled = [f'{node.name} is missing' for node in nodes if node.gone]
    troubled += [f'{node.name} {words[node.state]}' for node in nodes if node.state in words and not node.gone]
    how = f', of which {", ".join(told)}' if told else ', all up' if len(states) > 1 else ', up' if states else ''
    text = f'{", ".join(parts)}; {links}{how}.'
    if troubled:
        more = f' and {len(troubled) - 10} more' if len(troubled) > 10 else ''
        text += f' {", ".join(troubled[:10])}{more}.'
    return text
