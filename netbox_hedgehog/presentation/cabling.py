"""The cabling checks that NetBox's own interfaces and cables belong to."""

from collections.abc import Iterable
from functools import reduce
from operator import or_

from django.db.models import Q

from ..accounts import AnyUser
from ..models import CablingCheck, InventoryLink

__all__ = ('checks_of_links',)

# How many checks a panel lists.
SHOWN = 20


def checks_of_links(user: AnyUser, links: Iterable[InventoryLink]) -> list[CablingCheck]:
    """Return the checks of the links that managed interfaces and cables belong to, as far as the user may view them."""
    conditions = []
    for link in links:
        what, _kind, device, port = (*link.key.split('/', 3), '', '', '')[:4]
        if what in ('interface', 'cable') and device and port:
            end = Q(switch=device, port=port) | Q(peer=device, peer_port=port)
            conditions.append(Q(fabric=link.fabric_id) & end)
    if not conditions or not user.has_perm('netbox_hedgehog.view_cablingcheck'):
        return []
    checks = CablingCheck.objects.restrict(user, 'view').filter(reduce(or_, conditions))
    return list(checks.select_related('fabric')[:SHOWN])
