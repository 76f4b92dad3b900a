"""Find the resources that refer to another one."""

from django.db.models import BooleanField, Func, Q, Value
from django.db.models.functions import JSONObject

from ..hedgehog.references import referrers

__all__ = ('referring_to',)


class _Matches(Func):
    """Whether a jsonpath predicate holds for a resource; whatever it cannot be applied to does not match."""

    template = "jsonb_path_match(%(expressions)s::jsonpath, '{}', true)"
    output_field = BooleanField()


def referring_to(kind: str, name: str) -> Q:
    """Return the filter on FabricResource for what refers to a resource; it costs no query if no kind can."""
    found = Q(pk__in=())
    for referrer, predicate in referrers(kind, name).items():
        # The kind first: it is cheaper to compare.
        found |= Q(kind=referrer) & Q(_Matches(JSONObject(name='name', spec='spec'), Value(predicate)))
    return found
