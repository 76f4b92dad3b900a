"""Load fields of NetBox objects as JSON: the number of SQL statements does not grow with that of the objects."""

from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import Any

from dcim.models import CableTermination
from django.contrib.contenttypes.models import ContentType
from django.db.models import QuerySet
from extras.models import TaggedItem

from ..mapping.types import DesiredObject
from ..planning.current import COMPARED_WHEN_ADOPTED
from ..planning.fields import ENDS, FK, GENERIC, MANY, encode, has_field, kind_of, model_of
from ..planning.model_specs import ADDRESS, CABLE, DEVICE, ENDS_OF_CABLE, INTERFACE, identity_fields, spec_of

__all__ = ('compared_fields', 'label_of_type', 'load_values', 'type_of_label')

# How many rows a cursor fetches at once.
CHUNK = 5000

TAGS = 'tags'

Values = dict[str, Any]


def compared_fields(label: str, objects: Iterable[DesiredObject]) -> list[str]:
    """Return the fields that a comparison with these desired objects may need, in a stable order."""
    names = set(identity_fields(label))
    for obj in objects:
        names.update(obj.managed_fields)
        names.update(obj.rule_fields)
    if label == DEVICE:
        names.update(('status', 'serial', 'name', *COMPARED_WHEN_ADOPTED))
    if label == ADDRESS:
        names.add('role')
    if part_of := spec_of(label).part_of:
        names.add(part_of)
    return sorted(name for name in names if has_field(label, name))


def load_values(label: str, queryset: QuerySet, names: list[str]) -> dict[int, Values]:
    """Return these fields of some objects, as JSON, by ID: a statement, and one for each many-to-many field."""
    found = _load_columns(label, queryset, names)
    for name in names:
        if kind_of(label, name) == MANY:
            _load_many(label, queryset, name, found)
    if label == CABLE:
        _load_ends(queryset, found)
    return found


def _load_columns(label: str, queryset: QuerySet, names: list[str]) -> dict[int, Values]:
    """Return the fields that are columns of the objects' own table."""
    columns: list[str] = []
    readers: list[tuple[str, Callable[[Iterator[Any]], Any]]] = []
    for name in names:
        kind = kind_of(label, name)
        if kind in (MANY, ENDS):
            continue
        field: Any = model_of(label)._meta.get_field(name)
        if kind == FK:
            columns.append(field.attname)
            readers.append((name, next))
        elif kind == GENERIC:
            columns += [f'{field.ct_field}_id', field.fk_field]
            readers.append((name, _read_generic))
        else:
            columns.append(name)
            readers.append((name, partial(_read_plain, label, name)))
    found: dict[int, Values] = {}
    for pk, *row in queryset.order_by().values_list('pk', *columns).iterator(chunk_size=CHUNK):
        cells = iter(row)
        found[pk] = {name: read(cells) for name, read in readers}
    return found


def _read_plain(label: str, name: str, cells: Iterator[Any]) -> Any:
    return encode(label, name, next(cells))


def _read_generic(cells: Iterator[Any]) -> Any:
    """Return the object that a generic foreign key refers to: [model, ID], out of two columns."""
    type_id, object_id = next(cells), next(cells)
    return None if object_id is None else [label_of_type(type_id), object_id]


def _load_many(label: str, queryset: QuerySet, name: str, found: dict[int, Values]) -> None:
    """Fill in a many-to-many field of these objects."""
    for values in found.values():
        values[name] = []
    model = model_of(label)
    if name == TAGS:
        _load_tags(queryset, found)
        return
    field: Any = model._meta.get_field(name)
    near, far = field.m2m_field_name(), field.m2m_reverse_field_name()
    through = getattr(model, name).through
    rows = through._default_manager.filter(**{f'{near}__in': queryset.order_by().values('pk')})
    for pk, other in rows.values_list(f'{near}_id', f'{far}_id').iterator(chunk_size=CHUNK):
        if pk in found:
            found[pk][name].append(other)
    for values in found.values():
        values[name].sort()


def _load_tags(queryset: QuerySet, found: dict[int, Values]) -> None:
    """Fill in the tags of these objects."""
    rows = TaggedItem.objects.filter(
        content_type=ContentType.objects.get_for_model(queryset.model),
        object_id__in=queryset.order_by().values('pk'),
    ).order_by()
    for pk, tag in rows.values_list('object_id', 'tag').iterator(chunk_size=CHUNK):
        if pk in found:
            found[pk][TAGS].append(tag)
    for values in found.values():
        values[TAGS].sort()


def _load_ends(queryset: QuerySet, found: dict[int, Values]) -> None:
    """Fill in both ends of these cables."""
    for values in found.values():
        values.update({end: [] for end in ENDS_OF_CABLE})
    rows = CableTermination.objects.filter(cable__in=queryset.order_by().values('pk')).order_by().values_list(
        'cable_id', 'cable_end', 'termination_type_id', 'termination_id',
    )
    for cable, end, object_type, object_id in rows.iterator(chunk_size=CHUNK):
        if cable in found:
            # An end that is not an interface never equals a desired end.
            entry = object_id if object_type == type_of_label(INTERFACE) else [object_type, object_id]
            found[cable][end.lower()].append(entry)
    for values in found.values():
        for end in ENDS_OF_CABLE:
            values[end].sort(key=lambda item: (isinstance(item, list), item))


def label_of_type(type_id: Any) -> str:
    """Return the label of the model of a content type."""
    content_type = ContentType.objects.get_for_id(type_id)
    return f'{content_type.app_label}.{content_type.model}'


def type_of_label(label: str) -> int:
    """Return the ID of a model's content type."""
    return ContentType.objects.get_for_model(model_of(label)).pk
