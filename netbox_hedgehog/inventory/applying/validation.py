"""What NetBox's forms would refuse is refused here too, without a question to the database for each object.

NetBox's own clean() is called, with what it would look up taken out beforehand: duplicates are the planner's business
and at last the database's, generic relations are to objects of this run, and overlapping ranges are told apart in
memory. What is left out that way and nobody else sees is repeated here.
"""

import logging
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from dcim.constants import NONCONNECTABLE_IFACE_TYPES
from dcim.exceptions import UnsupportedCablePath
from django.apps import apps
from django.contrib.contenttypes.fields import GenericForeignKey
from django.core.exceptions import ValidationError
from django.db import DatabaseError, DataError, models
from extras.constants import CUSTOMFIELD_EMPTY_VALUES
from extras.models import CustomField
from netbox.models.features import CustomFieldsMixin
from rq.timeouts import JobTimeoutException
from utilities.exceptions import AbortRequest

__all__ = ('OBJECT_DELETED', 'REFERENCE_DELETED', 'REFUSALS', 'UniqueFields', 'check', 'check_end', 'sentence_of')

logger = logging.getLogger(__name__)

# What a write may fail with because of the object that is written, and not because of the database.
REFUSALS = (ValidationError, AbortRequest, UnsupportedCablePath)

# What is said of an object that was deleted between the plan and its writing, and of one that refers to such an object.
OBJECT_DELETED = 'It was deleted in NetBox while the sync ran.'
REFERENCE_DELETED = 'It refers to an object that was deleted meanwhile: the next sync tries again.'

# PostgreSQL's codes for rows that are not unique, or refer to one that is not there.
_NOT_UNIQUE, _NOT_THERE = '23505', '23503'


def check(instance: Any) -> None:
    """Raise one of REFUSALS for an object that NetBox would not take, or that a validator of its cannot check."""
    try:
        _check(instance)
    except (*REFUSALS, DatabaseError, JobTimeoutException):
        raise
    except Exception as error:
        logger.exception('%s cannot be checked', instance)
        raise ValidationError(
            f'NetBox cannot check it ({type(error).__name__}): look at its validation rules, and at the log of the run.'
        ) from error


def _check(instance: Any) -> None:
    model = type(instance)
    instance.clean_fields(exclude={
        field.name for field in model._meta.concrete_fields
        if isinstance(field, models.ForeignKey) or not field.editable
    })
    label = model._meta.label_lower
    with _without_lookups(instance):
        if label == 'ipam.iprange':
            _check_range(instance)
            super(model, instance).clean()
        elif label in ('dcim.cable', 'vpn.l2vpntermination'):
            # Their own clean() is nothing but questions to the database, each of which has been answered. What NetBox
            # asks of all models is not in it: custom fields, and the operator's validators.
            CustomFieldsMixin.clean(instance)
        else:
            instance.clean()
    if label == 'ipam.ipaddress':
        _check_address(instance)


class UniqueFields:
    """The unique custom fields of a model, while many new objects of it get their defaults at once.

    NetBox compares an object with those in the database: it would take each of them, and all together not.
    """

    def __init__(self, model: type[models.Model]) -> None:
        self.names = [field.name for field in CustomField.objects.get_for_model(model) if field.unique]
        self.taken: set[tuple[str, str]] = set()

    def take(self, instance: Any) -> None:
        """Take the object's values. Raises ValidationError where another new object has one of them already."""
        for name in self.names:
            value = instance.custom_field_data.get(name)
            if value in CUSTOMFIELD_EMPTY_VALUES:
                continue
            if (name, repr(value)) in self.taken:
                raise ValidationError(
                    f'The custom field {name} must be unique, and its default is the same for all new objects. '
                    'Take the default away, or create the object yourself.'
                )
            self.taken.add((name, repr(value)))


@contextmanager
def _without_lookups(instance: Any) -> Iterator[None]:
    """Keep an object's clean() from questions to the database that are answered for all objects at once."""
    label, pk = type(instance)._meta.label_lower, instance.pk
    instance.get_duplicates = type(instance)._default_manager.none
    with _without_generic_relations(instance) as set_aside:
        original = instance.__dict__.get('_original_assigned_object_id')
        if label == 'ipam.ipaddress':
            # A new address is looked for in populated ranges, one statement each: bulk_save.py does it for all at once.
            instance.pk = pk or -1
            if original == set_aside.get('assigned_object_id') or pk is None:
                instance._original_assigned_object_id = None
        if label == 'dcim.device' and pk is not None:
            instance._state.fields_cache.setdefault('vc_master_for', None)
        try:
            yield
        finally:
            instance.pk = pk
            del instance.get_duplicates
            if '_original_assigned_object_id' in instance.__dict__:
                instance._original_assigned_object_id = original
            if label == 'dcim.device':
                instance._state.fields_cache.pop('vc_master_for', None)


@contextmanager
def _without_generic_relations(instance: Any) -> Iterator[dict[str, Any]]:
    """Set aside what an object's generic relations hold, and yield it by the names of attributes."""
    relations = [field for field in type(instance)._meta.private_fields if isinstance(field, GenericForeignKey)]
    set_aside: dict[str, Any] = {}
    for field in relations:
        for name in (f'{field.ct_field}_id', field.fk_field):
            set_aside[name] = getattr(instance, name)
        set_aside[field.name] = field.get_cached_value(instance, default=None)
        setattr(instance, field.name, None)
    try:
        yield set_aside
    finally:
        for field in relations:
            cached = set_aside[field.name]
            if cached is not None:
                setattr(instance, field.name, cached)
            else:
                for name in (f'{field.ct_field}_id', field.fk_field):
                    setattr(instance, name, set_aside[name])


def _check_address(instance: Any) -> None:
    address = instance.address
    if not instance.assigned_object_id or not address:
        return
    if address.prefixlen >= (31 if address.version == 4 else 127):
        return
    if address.ip == address.network:
        raise ValidationError({'address': f'{address.ip} is the network’s own address: no interface may have it.'})
    if address.version == 4 and address.ip == address.broadcast:
        raise ValidationError({'address': f'{address.ip} is the broadcast address: no interface may have it.'})


def _check_range(instance: Any) -> None:
    start, end = instance.start_address, instance.end_address
    if start.version != end.version or start.prefixlen != end.prefixlen:
        raise ValidationError({'end_address': 'Start and end are not in one network.'})
    if end.ip < start.ip:
        raise ValidationError({'end_address': 'The range ends before it starts.'})


def check_end(interface: Any) -> str:
    """Why no cable can be put on this interface; '' where one can."""
    where = f'{interface.device} {interface.name}'
    if interface.mark_connected:
        return f'{where} is marked as connected in NetBox.'
    if interface.type in NONCONNECTABLE_IFACE_TYPES or interface.channel_id:
        return f'{where} is of the type {interface.get_type_display()}, which takes no cable.'
    if interface.cable_id:
        return f'{where} has cable #{interface.cable_id} already.'
    if interface.wireless_link_id:
        return f'{where} has a wireless link.'
    return ''


def sentence_of(error: Exception) -> str:
    """What an exception of a write says to a person."""
    if isinstance(error, ValidationError):
        if hasattr(error, 'error_dict'):
            return ' '.join(
                f'{name}: {" ".join(messages)}' if name != '__all__' else ' '.join(messages)
                for name, messages in error.message_dict.items()
            )
        return ' '.join(error.messages)
    if isinstance(error, AbortRequest):
        return str(error.message)
    return _sentence_of_database(error) if isinstance(error, DatabaseError) else str(error)[:300]


def _sentence_of_database(error: DatabaseError) -> str:
    """Return what a refusal of the database means: its own message is for the log."""
    logger.warning('The database refuses an object: %s', error)
    cause = error.__cause__
    state = getattr(cause, 'sqlstate', None)
    found: Any = getattr(cause, 'diag', None)
    if state == _NOT_UNIQUE:
        model: Any = next((one for one in apps.get_models() if one._meta.db_table == found.table_name), None)
        columns = set(re.findall(r'\w+', (found.message_detail or '').partition('=(')[0]))
        fields = model._meta.concrete_fields if model is not None else ()
        same = [str(field.verbose_name) for field in fields if field.column in columns]
        what = str(model._meta.verbose_name) if model is not None else 'object'
        return f'Another {what} in NetBox has the same {" and ".join(same) or "place"}: change one of the two.'
    if state == _NOT_THERE:
        return REFERENCE_DELETED
    if isinstance(error, DataError):
        return 'NetBox cannot store one of its values: it is too long, or out of range.'
    return 'NetBox’s database does not accept it. The log of the run says why.'
