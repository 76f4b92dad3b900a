"""Check objects as NetBox's forms do, without a statement for each of thousands of new objects.

NetBox's own clean() is called if possible. Checks that are skipped with it are repeated here.
"""

import logging
import re
from typing import Any

from dcim.constants import NONCONNECTABLE_IFACE_TYPES
from dcim.exceptions import UnsupportedCablePath
from django.apps import apps
from django.core.exceptions import ValidationError
from django.db import DatabaseError, DataError, models
from extras.constants import CUSTOMFIELD_EMPTY_VALUES
from extras.models import CustomField
from netbox.models.features import CustomFieldsMixin
from rq.timeouts import JobTimeoutException
from utilities.exceptions import AbortRequest

from ..planning.model_specs import ADDRESS, CABLE, RANGE

__all__ = (
    'OBJECT_CHANGED', 'OBJECT_DELETED', 'REFERENCE_DELETED', 'REFUSALS', 'UniqueFields', 'check', 'check_end',
    'sentence_of',
)

logger = logging.getLogger(__name__)

# Exceptions of a write that are caused by the object, and not by the database.
REFUSALS = (ValidationError, AbortRequest, UnsupportedCablePath)

# What is said of an object that another fabric has adopted or released, or that was deleted, between the plan and its
# writing, and of one that refers to a deleted object.
OBJECT_CHANGED = 'Changed or deleted during the sync. The next sync retries.'
OBJECT_DELETED = 'Deleted in NetBox during the sync.'
REFERENCE_DELETED = 'Refers to an object that was deleted during the sync. The next sync retries.'

# PostgreSQL's codes for rows that are not unique, or refer to a row that does not exist.
_NOT_UNIQUE, _NOT_THERE = '23505', '23503'


def check(instance: Any) -> None:
    """Raise one of REFUSALS for an object that NetBox does not accept, or whose validator fails."""
    try:
        _check(instance)
    except (*REFUSALS, DatabaseError, JobTimeoutException):
        raise
    except Exception as error:
        logger.exception('%s cannot be checked', instance)
        raise ValidationError(
            f'NetBox cannot validate it ({type(error).__name__}). Check the validation rules and the job log.'
        ) from error


def _check(instance: Any) -> None:
    model = type(instance)
    instance.clean_fields(exclude={
        field.name for field in model._meta.concrete_fields
        if isinstance(field, models.ForeignKey) or not field.editable
    })
    # The planner prevents duplicates, and the database refuses those that remain.
    instance.get_duplicates = model._default_manager.none
    try:
        _clean(instance, model._meta.label_lower)
    finally:
        del instance.get_duplicates


def _clean(instance: Any, label: str) -> None:
    """Call the model's clean(), unless it queries the database for what is known for all objects."""
    model = type(instance)
    if label in (CABLE, 'vpn.l2vpntermination'):
        # Their own clean() only queries the database for what is known here already. What NetBox asks of all models is
        # not in it: custom fields, and the operator's validators.
        CustomFieldsMixin.clean(instance)
    elif label == RANGE:
        super(model, instance).clean()
        _check_range(instance)
    elif label == ADDRESS and instance.pk is None:
        # NetBox looks for populated ranges around each new address: bulk_save.py does it for all at once.
        super(model, instance).clean()
        _check_new_address(instance)
    else:
        instance.clean()


class UniqueFields:
    """The unique custom fields of a model, while many new objects of it get their defaults at once.

    NetBox compares an object with those in the database only, so it would accept each of several duplicates.
    """

    def __init__(self, model: type[models.Model]) -> None:
        self.names = [field.name for field in CustomField.objects.get_for_model(model) if field.unique]
        self.taken: set[tuple[str, str]] = set()

    def take(self, instance: Any) -> None:
        """Reserve the object's values. Raises ValidationError if another new object has one of them already."""
        for name in self.names:
            value = instance.custom_field_data.get(name)
            if value in CUSTOMFIELD_EMPTY_VALUES:
                continue
            if (name, repr(value)) in self.taken:
                raise ValidationError(
                    f'The custom field {name} must be unique, but its default is the same for all new objects. '
                    'Remove the default, or create the object yourself.'
                )
            self.taken.add((name, repr(value)))


def _check_new_address(instance: Any) -> None:
    """Repeat what IPAddress.clean() checks of a new address, except populated ranges."""
    address = instance.address
    if address.prefixlen == 0:
        raise ValidationError({'address': 'An address cannot have the mask /0.'})
    if instance.status == 'slaac' and address.version != 6:
        raise ValidationError({'status': 'Only IPv6 addresses can have the status SLAAC.'})
    if not instance.assigned_object_id or address.prefixlen >= (31 if address.version == 4 else 127):
        return
    if address.ip == address.network:
        raise ValidationError({'address': f'{address.ip} is a network address, which no interface can have.'})
    if address.version == 4 and address.ip == address.broadcast:
        raise ValidationError({'address': f'{address.ip} is a broadcast address, which no interface can have.'})


def _check_range(instance: Any) -> None:
    start, end = instance.start_address, instance.end_address
    if start.version != end.version or start.prefixlen != end.prefixlen:
        raise ValidationError({'end_address': 'Start and end are not in the same network.'})
    if end.ip < start.ip:
        raise ValidationError({'end_address': 'The range ends before it starts.'})


def check_end(interface: Any) -> str:
    """Return why no cable can be connected to this interface; '' if one can."""
    where = f'{interface.device} {interface.name}'
    if interface.mark_connected:
        return f'{where} is marked as connected in NetBox.'
    if interface.type in NONCONNECTABLE_IFACE_TYPES or interface.channel_id:
        return f'{where} has the type {interface.get_type_display()}, which cannot have a cable.'
    if interface.cable_id:
        return f'{where} already has cable #{interface.cable_id}.'
    if interface.wireless_link_id:
        return f'{where} has a wireless link.'
    return ''


def sentence_of(error: Exception) -> str:
    """Return a sentence on an exception of a write, for people."""
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
    """Return a sentence on a refusal of the database, whose own message is for the log."""
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
        return f'Another {what} in NetBox has the same {" and ".join(same) or "place"}. Change one of them.'
    if state == _NOT_THERE:
        return REFERENCE_DELETED
    if isinstance(error, DataError):
        return 'A value is too long or out of range for NetBox.'
    return 'Rejected by NetBox’s database. See the job log.'
