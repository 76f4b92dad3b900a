"""Find what a deletion would do to other objects: what prevents it, and what it would delete or change."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from core.models import ObjectType
from dcim.models import CabledObjectModel
from django.apps import apps
from django.contrib.contenttypes.fields import GenericForeignKey, GenericRel, GenericRelation
from django.contrib.contenttypes.models import ContentType
from django.core.exceptions import ValidationError
from django.db import models
from extras.choices import CustomFieldTypeChoices
from extras.models import CustomField
from extras.utils import run_validators
from netbox.config import get_config
from utilities.data import get_config_value_ci

from ..planning.current import CHANGES, GOES, PROTECTS, CurrentState, Dependent, ManagedObject
from ..planning.fields import model_of
from .validation import sentence_of

__all__ = ('read_dependents', 'read_obstacles', 'read_refusals')

# What NetBox itself derives or records, what a person has set on the object for themselves, and the plugin's own rows.
IGNORED = frozenset((
    'core.autosyncrecord', 'core.job', 'core.objectchange', 'dcim.cablepath', 'dcim.portmapping', 'extras.bookmark',
    'extras.cachedvalue', 'extras.notification', 'extras.subscription', 'extras.taggeditem',
    'netbox_hedgehog.discrepancy', 'netbox_hedgehog.inventorylink', 'taggit.taggeditem',
))

# Rows that represent another object: what would be lost is the cable that ends there.
REPRESENTED = {'dcim.cabletermination': ('dcim.cable', 'cable_id')}

# What on_delete does to the object that refers; any other sets the reference to something else.
EFFECTS = {
    'CASCADE': GOES, 'DB_CASCADE': GOES, 'PROTECT': PROTECTS, 'RESTRICT': PROTECTS, 'DO_NOTHING': PROTECTS,
}

# A subinterface belongs to its port, although NetBox does not delete it along with it.
PARTS = {('dcim.interface', 'parent')}

NAMES = ('name', 'prefix', 'address', 'label', 'start_address', 'cid')

Place = tuple[str, int]


@dataclass(frozen=True, slots=True)
class Relation:
    """A field by which objects of one model refer to those of another, and what a deletion does to them.

    `pk` and `column` are the columns with the ID of the object that refers, and of the one that it refers to.
    """

    model: type[models.Model]
    label: str
    pk: str
    column: str
    effect: str
    field: str
    title: str
    part: bool


def read_obstacles(current: CurrentState, links: Iterable[ManagedObject]) -> None:
    """Store everything that may prevent the deletion of these objects."""
    links = list(links)
    current.dependents = read_dependents(links)
    current.refusals = read_refusals(links)


def read_refusals(links: Iterable[ManagedObject]) -> dict[Place, str]:
    """Return why NetBox's setting PROTECTION_RULES prevents the deletion of some of these objects.

    The rules are asked as NetBox's own handler of pre_delete asks them.
    """
    rules = get_config().PROTECTION_RULES
    found = {}
    for label, pks in _by_model(links).items():
        validators = get_config_value_ci(rules, label, default=[])
        if not validators:
            continue
        for instance in model_of(label)._default_manager.filter(pk__in=pks):
            try:
                run_validators(instance, validators)
            except ValidationError as error:
                found[label, instance.pk] = f'a protection rule prevents it ({sentence_of(error)})'
    return found


def read_dependents(links: Iterable[ManagedObject]) -> dict[Place, list[Dependent]]:
    """Return what refers to each of these objects, by (model, ID): a statement for each relation of each model."""
    by_model = _by_model(links)
    found: dict[Place, list[Dependent]] = defaultdict(list)
    for label, pks in by_model.items():
        for relation in _relations(label):
            _read(relation, label, pks, found)
    for model in _untracked_models():
        for field in _generic_keys(model):
            _read_generic(model, field, by_model, found)
    for custom_field in _custom_fields(by_model):
        _read_custom_field(custom_field, by_model, found)
    _name(found)
    return found


def _by_model(links: Iterable[ManagedObject]) -> dict[str, list[int]]:
    found: dict[str, list[int]] = defaultdict(list)
    for link in links:
        found[link.model].append(link.object_id)
    return found


# Fields of the database


def _relations(label: str) -> Iterator[Relation]:
    """Return the relations that matter to the deletion of objects of a model."""
    model = model_of(label)
    for relation in model._meta.get_fields(include_hidden=True):
        if not relation.auto_created or relation.concrete or isinstance(relation, GenericRel):
            continue
        if found := _many_to_many(relation) if relation.many_to_many else _foreign_key(relation):
            yield found
    for field in model._meta.private_fields:
        if isinstance(field, GenericRelation):
            related: Any = field.related_model
            if not _is_ignored(related):
                yield _relation(related, field.object_id_field_name, GOES, '', '', True)


def _foreign_key(relation: Any) -> Relation | None:
    related, field = relation.related_model, relation.field
    if related._meta.auto_created or related._meta.proxy or _is_ignored(related):
        return None
    if issubclass(related, CabledObjectModel) and field.name == 'cable':
        # Derived from the terminations of the cable.
        return None
    effect = EFFECTS.get(getattr(relation.on_delete, '__name__', ''), CHANGES)
    part = effect == GOES or (related._meta.label_lower, field.name) in PARTS
    return _relation(related, field.attname, effect, field.name, str(field.verbose_name), part)


def _many_to_many(relation: Any) -> Relation | None:
    related, field = relation.related_model, relation.field
    if related._meta.proxy or _is_ignored(field.remote_field.through):
        return None
    through = field.remote_field.through
    near, far = f'{field.m2m_field_name()}_id', f'{field.m2m_reverse_field_name()}_id'
    return Relation(
        through, related._meta.label_lower, near, far, CHANGES, field.name, str(field.verbose_name), False,
    )


def _relation(model: Any, column: str, effect: str, field: str, title: str, part: bool) -> Relation:
    label = model._meta.label_lower
    if label in REPRESENTED:
        label, pk = REPRESENTED[label]
        return Relation(model, label, pk, column, effect, '', '', part)
    return Relation(model, label, 'pk', column, effect, field, title, part)


def _is_ignored(model: type[models.Model]) -> bool:
    return model._meta.label_lower in IGNORED


def _read(relation: Relation, label: str, pks: list[int], found: dict[Place, list[Dependent]]) -> None:
    filters: dict[str, Any] = {f'{relation.column}__in': pks}
    for key in _generic_keys(relation.model):
        if key.fk_field == relation.column:
            filters[key.ct_field] = ContentType.objects.get_for_model(model_of(label))
    rows = relation.model._default_manager.filter(**filters).order_by(relation.pk)
    for pk, target in rows.values_list(relation.pk, relation.column):
        found[label, target].append(Dependent(
            relation.label, pk, relation.effect, relation.field, relation.title, relation.part,
        ))


# Generic foreign keys that the models that they point to know nothing of


def _generic_keys(model: type[models.Model]) -> list[GenericForeignKey]:
    return [field for field in model._meta.private_fields if isinstance(field, GenericForeignKey)]


def _untracked_models() -> list[type[models.Model]]:
    return [
        model for model in apps.get_models()
        if model._meta.managed and not model._meta.proxy and not _is_ignored(model)
    ]


def _read_generic(
    model: type[models.Model], field: GenericForeignKey, by_model: dict[str, list[int]],
    found: dict[Place, list[Dependent]],
) -> None:
    labels = {}
    query = models.Q(pk__in=[])
    column = model._meta.get_field(field.fk_field)
    for label, pks in by_model.items():
        if _knows(model_of(label), model, field):
            continue
        content_type = ContentType.objects.get_for_model(model_of(label))
        labels[content_type.pk] = label
        targets: list[Any] = list(pks) if isinstance(column, models.IntegerField) else [str(pk) for pk in pks]
        query |= models.Q(**{field.ct_field: content_type.pk, f'{field.fk_field}__in': targets})
    if not labels or not isinstance(column, models.IntegerField | models.CharField | models.TextField):
        return
    rows = model._default_manager.filter(query).order_by('pk')
    for pk, type_id, target in rows.values_list('pk', f'{field.ct_field}_id', field.fk_field):
        found[labels[type_id], int(target)].append(Dependent(
            model._meta.label_lower, pk, CHANGES, field.name, field.name.replace('_', ' '),
        ))


def _knows(target: type[models.Model], model: type[models.Model], field: GenericForeignKey) -> bool:
    return any(
        isinstance(other, GenericRelation) and other.related_model is model
        and other.object_id_field_name == field.fk_field
        for other in target._meta.private_fields
    )


# Custom fields


def _custom_fields(by_model: dict[str, list[int]]) -> Iterable[CustomField]:
    types = ContentType.objects.get_for_models(*(model_of(label) for label in by_model)).values()
    return CustomField.objects.filter(
        type__in=(CustomFieldTypeChoices.TYPE_OBJECT, CustomFieldTypeChoices.TYPE_MULTIOBJECT),
        related_object_type__in=[content_type.pk for content_type in types],
    ).select_related('related_object_type').prefetch_related('object_types').order_by('pk')


def _read_custom_field(
    custom_field: CustomField, by_model: dict[str, list[int]], found: dict[Place, list[Dependent]],
) -> None:
    related: Any = custom_field.related_object_type
    target = f'{related.app_label}.{related.model}'
    sought = set(by_model[target])
    default = custom_field.default
    for pointed_to in sorted(sought.intersection(default if isinstance(default, list) else [default])):
        found[target, pointed_to].append(Dependent(
            'extras.customfield', custom_field.pk, CHANGES, 'default', 'default',
        ))
    for object_type in custom_field.object_types.all():
        for label, pk, value in _custom_values(custom_field.name, object_type):
            for pointed_to in sorted(sought.intersection(value if isinstance(value, list) else [value])):
                found[target, pointed_to].append(Dependent(
                    label, pk, CHANGES, f'cf_{custom_field.name}', f'custom field {custom_field.name}',
                ))


def _custom_values(name: str, object_type: ObjectType) -> Iterator[tuple[str, int, Any]]:
    """Return the objects of a type that have a value in a custom field: label, ID and value."""
    model: Any = object_type.model_class()
    if model is None:
        return
    column = f'custom_field_data__{name}'
    rows = model._default_manager.filter(custom_field_data__has_key=name).exclude(**{column: None}).order_by('pk')
    for pk, value in rows.values_list('pk', column).iterator(chunk_size=5000):
        yield model._meta.label_lower, pk, value


# Names


def _name(found: dict[Place, list[Dependent]]) -> None:
    """Add the name of each object that refers: one SQL statement per model, and only if needed."""
    pks: dict[str, set[int]] = defaultdict(set)
    for attachments in found.values():
        for attachment in attachments:
            pks[attachment.model].add(attachment.pk)
    names: dict[Place, str] = {}
    for label, wanted in pks.items():
        names.update(_names(label, wanted))
    for attachments in found.values():
        for attachment in attachments:
            attachment.name = names[attachment.model, attachment.pk]


def _names(label: str, pks: set[int]) -> dict[Place, str]:
    model = model_of(label)
    title = str(model._meta.verbose_name)
    names = {(label, pk): f'{title} {pk}' for pk in pks}
    fields = {field.name for field in model._meta.concrete_fields}
    column = next((name for name in NAMES if name in fields), None)
    if column is None:
        return names
    device = ['device__name'] if 'device' in fields else []
    rows = model._default_manager.filter(pk__in=pks).order_by().values_list('pk', column, *device)
    for pk, text, *owner in rows:
        if text:
            where = f' of {owner[0]}' if owner and owner[0] else ''
            names[label, pk] = f'{title} {text}{where}'
    return names
