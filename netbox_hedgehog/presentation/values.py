"""Field values in words: related objects by name, choices by label.

Values are JSON, as inventory/planning/plan.py has them: a related object is its ID, a generic one [model, ID], a
many-to-many field and the end of a cable a list of IDs, and what is still to be created {'key': KEY}.
"""

from collections.abc import Iterable, Mapping
from itertools import batched
from typing import Any

from django.contrib.contenttypes.fields import GenericForeignKey
from django.contrib.contenttypes.models import ContentType
from django.db.models import prefetch_related_objects
from django.utils.translation import gettext as _

from ..accounts import AnyUser
from ..labels import ENDS, INTERFACE, choice_label, field_of, model_of, object_label

__all__ = ('ValueReader', 'short', 'viewable')

# How many related objects a text names before it counts the rest.
NAMED = 8


def short(value: Any, limit: int = 80) -> str:
    """Return a value of a manifest in one line: lists joined, dictionaries by their keys."""
    if value is None or value == '' or value == [] or value == {}:
        return ''
    if isinstance(value, bool):
        return 'true' if value else 'false'
    if isinstance(value, dict):
        simple = all(isinstance(item, (str, int, float)) for item in value.values())
        parts = [f'{key}={item}' for key, item in value.items()] if simple and len(value) < 4 else list(value)
    elif isinstance(value, list):
        parts = [short(item) for item in value]
    else:
        parts = [str(value)]
    text = ', '.join(parts)
    return text if len(text) <= limit else f'{text[:limit - 1]}…'


# The related objects that the text of an object needs, by model.
RELATED = {
    'dcim.interface': ('device',),
    'vpn.l2vpntermination': ('l2vpn', 'assigned_object'),
    'dcim.device': ('device_type',),
    'dcim.devicetype': ('manufacturer',),
    'dcim.module': ('module_bay', 'module_type'),
}

# How many objects one SQL statement loads.
BATCH = 5000


def viewable(pairs: Iterable[tuple[int | None, int | None]], user: AnyUser) -> dict[tuple[int, int], Any]:
    """Return the objects of these (content type ID, ID) pairs that exist and that a user may view."""
    wanted: dict[int, set[int]] = {}
    for type_id, pk in pairs:
        if type_id and pk:
            wanted.setdefault(type_id, set()).add(pk)
    found = {}
    for type_id, pks in wanted.items():
        model = ContentType.objects.get_for_id(type_id).model_class()
        if model is None or not hasattr(model.objects, 'restrict'):
            continue
        for batch in batched(sorted(pks), BATCH):
            objects = list(model.objects.restrict(user, 'view').filter(pk__in=batch))
            if objects and (related := RELATED.get(model._meta.label_lower)):
                prefetch_related_objects(objects, *related)
            found.update({(type_id, instance.pk): instance for instance in objects})
    return found


def _related(label: str, name: str) -> str:
    """Return the label of the model whose IDs a field holds, or ''."""
    if (label, name) in ENDS:
        return INTERFACE
    field = field_of(label, name)
    return field.related_model._meta.label_lower if field is not None and field.related_model else ''


class ValueReader:
    """Converts many values to text, at the cost of one SQL statement a related model.

    Takes the user: objects that this user may not view are shown by ID. `names` are the names of objects that are yet
    to be created, by their keys.
    """

    def __init__(self, user: AnyUser, names: Mapping[str, str] | None = None) -> None:
        self.user = user
        self.names = names or {}
        self._found: dict[tuple[str, int], str] = {}

    def load(self, values: Iterable[tuple[str, str, Any]]) -> None:
        """Look up the related objects of these (model label, field, value)."""
        wanted = {
            pair for label, name, value in values for pair in self._pairs(label, name, value)
            if pair not in self._found and model_of(pair[0]) is not None
        }
        types = {label: ContentType.objects.get_for_model(model_of(label)) for label in {label for label, _ in wanted}}
        objects = viewable(((types[label].pk, pk) for label, pk in wanted), self.user)
        self._found.update({
            (label, pk): object_label(found) for label, pk in wanted if (found := objects.get((types[label].pk, pk)))
        })

    def _pairs(self, label: str, name: str, value: Any) -> Iterable[tuple[str, int]]:
        if isinstance(field_of(label, name), GenericForeignKey):
            if isinstance(value, list) and len(value) == 2 and isinstance(value[1], int):
                yield str(value[0]), value[1]
        elif related := _related(label, name):
            for item in value if isinstance(value, list) else [value]:
                if isinstance(item, int) and not isinstance(item, bool):
                    yield related, item

    def text(self, label: str, name: str, value: Any, limit: int = 300) -> str:
        """Return a value on one line; '' for none. Objects that load() has not looked up are shown by ID."""
        if value is None or value == [] or value == '':
            return ''
        if isinstance(value, bool):
            return _('Yes') if value else _('No')
        if isinstance(field_of(label, name), GenericForeignKey) and isinstance(value, list) and len(value) == 2:
            return self._one(str(value[0]), value[1])
        if related := _related(label, name):
            items = value if isinstance(value, list) else [value]
            texts = [self._one(related, item) for item in items[:NAMED]]
            if len(items) > NAMED:
                texts.append(f'… ({len(items)})')
            return ', '.join(texts)
        return choice_label(label, name, value) or short(value, limit)

    def _one(self, label: str, item: Any) -> str:
        if isinstance(item, dict) and 'key' in item:
            return self.names.get(item['key'], str(item['key']))
        return self._found.get((label, item), f'#{item}')
