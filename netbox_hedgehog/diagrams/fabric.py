"""Draw the diagram of a fabric, in the style that suits its size."""

from collections.abc import Callable, Iterator

from ..naming import first_names
from .detailed import draw_detailed
from .graph import LEAVES, OUTER, SPINES, Graph, bundled
from .grouped import draw_grouped, groups_of
from .svg import Canvas

__all__ = ('describe', 'draw_fabric')

# Above these a diagram with every cable is a hairball.
MOST_LEAVES = 8
MOST_SPINES = 8
MOST_OUTER = 10

# The states of links that the text of a diagram counts, the most severe first.
ISSUE_STATES = ('down', 'disabled', 'unknown', 'hidden')

# How many nodes of a state the text of a diagram names.
NAMED = 10


def draw_fabric(graph: Graph, name: str, url: Callable[[str], str], group: str = '') -> str:
    """Return the SVG of a fabric, or of one group of its leaves.

    Takes the graph, the fabric's name, the address of a group's diagram by its name, and the group to show. An unknown
    group shows the whole fabric.
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
    """Return the diagram as text, for those who do not see it: counts, link states, and the nodes with issues."""
    spines, leaves = len(graph.tier(SPINES)), len(graph.tier(LEAVES))
    parts = [f'{spines} spine{"s" * (spines != 1)}', f'{leaves} {"leaf" if leaves == 1 else "leaves"}']
    for kind in ('Gateway', 'Server', 'External'):
        if count := sum(node.kind == kind for node in graph.nodes.values()):
            parts.append(f'{count} {kind.lower()}{"s" * (count != 1)}')
    links = _describe_links([wire.state for wire in graph.wires])
    return ' '.join([f'{", ".join(parts)}, {links}.', *_describe_nodes(graph)])


def _describe_links(states: list[str]) -> str:
    if not states:
        return 'no links'
    counts = [f'{states.count(state)} {state}' for state in ISSUE_STATES if state in states]
    details = ', '.join(counts) or ('all up' if len(states) > 1 else 'up')
    return f'{len(states)} link{"s" * (len(states) != 1)} ({details})'


def _describe_nodes(graph: Graph) -> Iterator[str]:
    nodes = sorted(graph.nodes.values(), key=lambda node: node.tier == OUTER)
    yield from _named('Deleted', [node.name for node in nodes if node.gone])
    for state in ('critical', 'warning'):
        yield from _named(state.capitalize(), [node.name for node in nodes if node.state == state and not node.gone])


def _named(title: str, names: list[str]) -> Iterator[str]:
    if names:
        yield f'{title}: {first_names(names, NAMED)}.'
