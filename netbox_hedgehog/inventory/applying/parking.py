"""Park objects that change places: they leave their current places first.

Two objects that swap a name cannot be written one after the other, and PostgreSQL checks each row of a bulk update by
itself. So everything that moves gets a temporary value that nobody else has, within the same transaction, and its real
one when its turn comes.
"""

from collections import defaultdict
from collections.abc import Iterable
from typing import Any

from django.db.models import CharField, F, Value
from django.db.models.functions import Cast, Concat

from ..planning.fields import model_of
from ..planning.plan import ADOPT, UNMARK_STALE, UPDATE, Action

__all__ = ('Parking',)

_UNIQUE_TEXT = Concat(Value('~'), Cast('pk', CharField()))

# By model: the fields that NetBox keeps unique, and the parked columns with their temporary values.
PARKED_COLUMNS: tuple[tuple[str, frozenset[str], dict[str, Any]], ...] = (
    ('ipam.vlangroup', frozenset(('name', 'slug', 'scope')), {'name': _UNIQUE_TEXT, 'slug': _UNIQUE_TEXT}),
    ('ipam.vlan', frozenset(('group', 'vid', 'name')), {'group_id': None}),
    ('dcim.device', frozenset(('name',)), {'name': None}),
    ('dcim.device', frozenset(('primary_ip4',)), {'primary_ip4_id': None}),
    ('dcim.device', frozenset(('primary_ip6',)), {'primary_ip6_id': None}),
    ('dcim.device', frozenset(('oob_ip',)), {'oob_ip_id': None}),
    ('dcim.interface', frozenset(('device', 'name')), {'name': _UNIQUE_TEXT}),
    ('dcim.interface', frozenset(('primary_mac_address',)), {'primary_mac_address_id': None}),
    ('vpn.l2vpn', frozenset(('name', 'slug')), {'name': _UNIQUE_TEXT, 'slug': _UNIQUE_TEXT}),
    # No object has such an ID.
    ('vpn.l2vpntermination', frozenset(('assigned_object',)), {'assigned_object_id': F('pk') + 2**62}),
)

PRIMARY_ADDRESSES = frozenset(('primary_ip4', 'primary_ip6', 'oob_ip'))


class Parking:
    """Parked objects, with the real values of their columns, by model and ID."""

    def __init__(self) -> None:
        self._values: dict[tuple[str, int], dict[str, Any]] = defaultdict(dict)

    def park(self, actions: Iterable[Action]) -> None:
        """Park the unique fields of these objects that are about to change: two SQL statements per model."""
        actions = list(actions)
        for label, fields, temporary in PARKED_COLUMNS:
            wanting = [
                action for action in actions
                if action.model == label and any(change.field in fields for change in action.changes)
            ]
            leaving = [action.pk for action in wanting if action.type in (UPDATE, UNMARK_STALE, ADOPT) and action.pk]
            # NetBox does not allow a device's primary address to move. Otherwise a single object blocks no other.
            if not leaving or (len(wanting) < 2 and not fields & PRIMARY_ADDRESSES):
                continue
            rows = model_of(label)._default_manager.filter(pk__in=leaving).order_by('pk')
            columns = tuple(temporary)
            for pk, *values in rows.select_for_update(of=('self',)).values_list('pk', *columns):
                self._values[label, pk].update(zip(columns, values, strict=True))
            rows.order_by().update(**temporary)

    def is_parked(self, label: str, pk: int | None) -> bool:
        return pk is not None and (label, pk) in self._values

    def parked_values(self, label: str, pk: int) -> dict[str, Any]:
        """Return the real values of an object's parked columns; {} if it has none."""
        return self._values.get((label, pk), {})

    def note_written(self, label: str, pk: int, columns: Iterable[str]) -> None:
        """Record that these columns have their real values again."""
        values = self._values.get((label, pk))
        if values is None:
            return
        for column in columns:
            values.pop(column, None)
        if not values:
            del self._values[label, pk]

    def restore(self) -> None:
        """Restore everything that is still parked."""
        for (label, pk), values in self._values.items():
            model_of(label)._default_manager.filter(pk=pk).update(**values)
        self._values.clear()
