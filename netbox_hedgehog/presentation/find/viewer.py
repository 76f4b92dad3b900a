"""Whoever asks: each query of a search goes through here, so that none shows what its user may not view."""

from collections.abc import Iterable
from typing import Any

from django.db.models import BooleanField, Func, JSONField, Manager, Q, QuerySet, Value

from ...accounts import AnyUser
from ...models import Fabric, FabricResource
from ..visible import may_be_hidden

__all__ = ('Entries', 'Holds', 'Viewer', 'any_of')


# Columns of a fabric that no line needs.
_LARGE = ('last_report', 'unsupported_kinds', 'comments')


class Holds(Func):
    """Whether a jsonpath predicate holds for a document; whatever it cannot be applied to does not match."""

    template = "jsonb_path_match(%(expressions)s::jsonpath, '{}', true)"
    output_field = BooleanField()

    def __init__(self, document: str, predicate: str) -> None:
        super().__init__(document, Value(predicate))


class Entries(Func):
    """The list of what a jsonpath leads to in a document."""

    template = "jsonb_path_query_array(%(expressions)s::jsonpath, '{}', true)"
    output_field = JSONField()

    def __init__(self, document: str, path: str) -> None:
        super().__init__(document, Value(path))


class Viewer:
    """The user who searches. None is the command on the machine itself, to which nothing is hidden."""

    def __init__(self, user: AnyUser | None) -> None:
        self.user = user
        self._fabrics: dict[int, Fabric] = {}

    def may_view(self, manager: Manager) -> QuerySet:
        """Return the objects of a model that may be shown."""
        if self.user is None:
            return manager.all()
        return manager.restrict(self.user, 'view')

    def resources(self) -> QuerySet[FabricResource]:
        """Return the resources that may be shown."""
        return self.may_view(FabricResource.objects)

    def sees_all(self, model: Any) -> bool:
        """Return whether nothing of a model may be hidden. Otherwise nothing is said of what is not there."""
        return self.user is None or not may_be_hidden(self.user, model)

    def load_fabrics(self, pks: Iterable[int]) -> None:
        """Look up these fabrics. One SQL statement."""
        wanted = set(pks) - self._fabrics.keys()
        if wanted:
            rows = self.may_view(Fabric.objects).filter(pk__in=wanted).order_by().defer(*_LARGE)
            self._fabrics |= {fabric.pk: fabric for fabric in rows}

    def fabric(self, pk: int) -> Fabric | None:
        """Return a fabric that load_fabrics() has found; None if it may not be shown."""
        return self._fabrics.get(pk)


def any_of(conditions: list[Q]) -> Q:
    """Return a condition that holds where one of these does; where there is none it never holds."""
    found = Q(pk__in=())
    for condition in conditions:
        found |= condition
    return found
