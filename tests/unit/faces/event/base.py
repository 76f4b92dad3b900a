"""Events of a fabric as they are told."""

from netbox_hedgehog import events
from netbox_hedgehog.models import FabricEvent

from ....support.pages import make_fabric


def make_events(name='a'):
    """Three events of a new fabric: it is stale, an agent is silent, it is not stale any more."""
    fabric = make_fabric(name)
    events.notify_transition(fabric.pk, 'freshness', 'stale', events.STALE, f'{name} is stale.')
    events.notify_agents(fabric.pk, [f'leaf-of-{name}'])
    events.notify_transition(fabric.pk, 'freshness', '', events.STALE_ENDED, f'{name} is well.')
    events.dispatch()  # else the first page that is looked at does
    assert FabricEvent.objects.filter(fabric=fabric).count() == 3
    return fabric
