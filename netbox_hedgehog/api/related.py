"""Related objects that a request gives to an object: only those that its user may view, as in forms."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from django.db.models import Model
from rest_framework import serializers

__all__ = ('ViewableRelations',)

NOT_FOUND = 'Related object not found.'


class ViewableRelations:
    """A serializer whose fields in `viewable` take only objects that the user may view.

    NetBox itself takes the ID of any object. These, however, are given to objects that a sync writes without anybody's
    permissions. What an object has already may be sent again.
    """

    viewable: Sequence[str] = ()
    instance: Any
    nested: bool
    context: Mapping[str, Any]

    def validate(self, data: Any) -> Any:
        request = self.context.get('request')
        if request is not None and not self.nested:
            errors = {
                name: [NOT_FOUND] for name in self.viewable
                if any(not _may_view(request.user, one) for one in self._added(name, data.get(name)))
            }
            if errors:
                raise serializers.ValidationError(errors)
        return super().validate(data)  # type: ignore[misc]  # of a serializer

    def _added(self, name: str, value: Any) -> Iterable[Model]:
        given = [] if value is None else value if isinstance(value, list) else [value]
        if not given or self.instance is None:
            return given
        current = getattr(self.instance, name)
        known = [current] if current is None or isinstance(current, Model) else list(current.all())
        return [one for one in given if one not in known]


def _may_view(user: Any, instance: Model) -> bool:
    found: Any = type(instance)._default_manager.all()
    return bool(found.restrict(user, 'view').filter(pk=instance.pk).exists())
