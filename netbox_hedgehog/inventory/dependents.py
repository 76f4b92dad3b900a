"""What hangs on objects that are to be deleted: what protects them, and what would be deleted along with them."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import Any

from django.contrib.contenttypes.fields import GenericRelation
from django.contrib.contenttypes.models import ContentType
from django.db import models

from .present import Attachment, Held
from .shapes import model_of

__all__ = ('read_dependents',)

# Deleted along with an object, and nobody's loss: what NetBox itself derives, and what a person has set on the object
# for themselves.
OF_NO_CONCERN = frozenset((
    'dcim.cablepath', 'extras.taggeditem', 'extras.bookmark', 'extras.subscription', 'extras.notification',
    'extras.cachedvalue', 'dcim.portmapping',
))

# Rows that stand for another object: what would be lost is the cable that ends there.
STANDS_FOR = {'dcim.cabletermination': ('dcim.cable', 'cable_id')}


def read_dependents(links: Iterable[Held]) -> dict[tuple[str, int], list[Attachment]]:
    """What hangs on each of these objects, by (model, ID): a statement for each relation of each model."""
    by_model: dict[str, list[int]] = defaultdict(list)
    for link in links:
        by_model[link.model].append(link.object_id)
    found: dict[tuple[str, int], list[Attachment]] = defaultdict(list)
    for label, pks in by_model.items():
        for related, column, filters, goes in _relations(model_of(label)):
            other_label = related._meta.label_lower
            if other_label in OF_NO_CONCERN:
                continue
            queryset = related._default_manager.filter(**filters, **{f'{column}__in': pks}).order_by()
            stands_for = STANDS_FOR.get(other_label)
            for pk, owner in queryset.values_list(stands_for[1] if stands_for else 'pk', column):
                model = stands_for[0] if stands_for else other_label
                found[label, owner].append(Attachment(model, pk, goes, ''))
    _name(found)
    return found


def _relations(model: type[models.Model]) -> Iterator[tuple[Any, str, dict[str, Any], bool]]:
    """The relations that matter to a deletion: model, column, further conditions, and whether its rows go along."""
    for relation in model._meta.related_objects:
        if relation.many_to_many or relation.on_delete is None:
            continue
        name = relation.on_delete.__name__
        if name in ('CASCADE', 'PROTECT', 'RESTRICT'):
            yield relation.related_model, relation.field.attname, {}, name == 'CASCADE'
    content_type = ContentType.objects.get_for_model(model)
    for field in model._meta.private_fields:
        if isinstance(field, GenericRelation):
            related: Any = field.related_model
            filters = {field.content_type_field_name: content_type}
            yield related, field.object_id_field_name, filters, True


def _name(found: dict[tuple[str, int], list[Attachment]]) -> None:
    """Call what hangs there by its name: a statement a model, and only where there is something to name."""
    pks: dict[str, set[int]] = defaultdict(set)
    for attachments in found.values():
        for attachment in attachments:
            pks[attachment.model].add(attachment.pk)
    names: dict[tuple[str, int], str] = {}
    for label, wanted in pks.items():
        model = model_of(label)
        for pk in wanted:
            names[label, pk] = f'{model._meta.verbose_name} {pk}'
        for column in ('name', 'prefix', 'address', 'label', 'start_address'):
            if any(field.name == column for field in model._meta.concrete_fields):
                rows = model._default_manager.filter(pk__in=wanted).order_by().values_list('pk', column)
                for pk, text in rows:
                    if text:
                        names[label, pk] = f'{model._meta.verbose_name} {text}'
                break
    for attachments in found.values():
        for attachment in attachments:
            attachment.name = names[attachment.model, attachment.pk]
