"""Define a state that follows from fields once, for querysets and instances alike."""

import operator
from collections.abc import Callable
from functools import reduce
from typing import Any, overload

from django.db import models
from django.db.models import Case, ExpressionWrapper, F, Q, Value
from django.db.models.expressions import CombinedExpression
from django.db.models.functions import Coalesce
from django.db.models.lookups import LessThan
from django.utils import timezone

__all__ = ('CurrentTime', 'Derived', 'evaluate')

OPERATORS: dict[str, Callable[[Any, Any], Any]] = {'+': operator.add, '*': operator.mul}

LOOKUPS: dict[str, Callable[[Any, Any], bool]] = {
    'exact': operator.eq,
    'in': lambda value, options: value in options,
}


class Derived[T]:
    """A state that follows from the fields of a row, stated once as a Django expression.

    On the class it is the expression, for filter(), alias() and annotate(). On an instance it is the value that follows
    from the instance's own fields, saved or not, and costs no SQL:

        is_watched = Derived[bool](Q(sync_enabled=True, watch_enabled=True))

        Fabric.objects.filter(Fabric.is_watched)
        fabric.is_watched
    """

    def __init__(self, expression: Any) -> None:
        self.expression = expression

    @overload
    def __get__(self, instance: None, owner: Any) -> Any: ...

    @overload
    def __get__(self, instance: models.Model, owner: Any) -> T: ...

    def __get__(self, instance: models.Model | None, owner: Any) -> Any:
        return self.expression if instance is None else evaluate(self.expression, instance)


class CurrentTime(Value):
    """The time at which a query is built or an instance is asked. Django's Now() is the clock of the database."""

    def __init__(self) -> None:
        super().__init__(None, output_field=models.DateTimeField())

    def resolve_expression(self, *args: Any, **kwargs: Any) -> Any:
        now = Value(timezone.now(), output_field=self.output_field)
        return now.resolve_expression(*args, **kwargs)


def evaluate(expression: Any, instance: models.Model) -> Any:
    """Return the value of an expression for an instance, as the database would compute it.

    Knows the expressions that derived states are made of; raises TypeError for any other.
    """
    match expression:
        case Q():
            return _is_met(expression, instance)
        case F():
            return _field(expression.name, instance)
        case CurrentTime():
            return timezone.now()
        case Value():
            return expression.value
        case ExpressionWrapper():
            return evaluate(expression.expression, instance)
        case Case():
            return _first_case(expression, instance)
        case Coalesce():
            values = (evaluate(source, instance) for source in expression.get_source_expressions())
            return next((value for value in values if value is not None), None)
        case CombinedExpression():
            combine = OPERATORS[expression.connector]
            return combine(evaluate(expression.lhs, instance), evaluate(expression.rhs, instance))
        case LessThan():
            return evaluate(expression.lhs, instance) < evaluate(expression.rhs, instance)
    raise TypeError(f'{type(expression).__name__} cannot be evaluated for an instance.')


def _is_met(condition: Q, instance: models.Model) -> bool:
    combine = any if condition.connector == Q.OR else all
    met = combine(_child_is_met(child, instance) for child in condition.children)
    return met != condition.negated


def _child_is_met(child: Any, instance: models.Model) -> bool:
    if not isinstance(child, tuple):
        return evaluate(child, instance)
    path, wanted = child
    name, _, lookup = path.rpartition('__')
    if lookup not in LOOKUPS:
        name, lookup = path, 'exact'
    return LOOKUPS[lookup](_field(name, instance), wanted)


def _field(path: str, instance: models.Model) -> Any:
    return reduce(getattr, path.split('__'), instance)


def _first_case(expression: Case, instance: models.Model) -> Any:
    for when in expression.cases:
        if evaluate(when.condition, instance):
            return evaluate(when.result, instance)
    return evaluate(expression.default, instance)
