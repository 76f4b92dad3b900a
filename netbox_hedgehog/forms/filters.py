from django import forms
from django.utils.translation import gettext_lazy as _
from extras.models import NotificationGroup
from netbox.forms import PrimaryModelFilterSetForm
from utilities.forms.fields import DynamicModelMultipleChoiceField, TagFilterField
from utilities.forms.rendering import FieldSet
from utilities.forms.widgets import DateTimePicker

from ..choices import (
    CablingStateChoices,
    ConnectionStatusChoices,
    FabricStatusChoices,
    SwitchStateChoices,
    SyncStateChoices,
)
from ..events import EVENT_TYPES
from ..models import CablingCheck, Fabric, FabricEvent, FabricResource, SwitchHealth
from ..models.health import ISSUE_TITLES
from ..models.health import KIND_CHOICES as NODE_CHOICES
from ..models.resource import KIND_CHOICES
from .inventory import InventoryFilterMixin
from .shared import OfFabricFilterForm, RestrictedFilterMixin, yes_no

__all__ = (
    'CablingCheckFilterForm', 'FabricEventFilterForm', 'FabricFilterForm', 'FabricResourceFilterForm',
    'SwitchHealthFilterForm',
)


class FabricFilterForm(RestrictedFilterMixin, InventoryFilterMixin, PrimaryModelFilterSetForm):
    model = Fabric
    fieldsets = (
        FieldSet('q', 'filter_id', 'tag'),
        FieldSet('status', 'sync_state', 'connection_status', name=_('Fabric')),
        FieldSet(
            'sync_enabled', 'scheduler_enabled', 'watch_enabled', 'notification_group_id', name=_('Synchronization'),
        ),
        *InventoryFilterMixin.inventory_fieldsets,
        FieldSet('owner_group_id', 'owner_id', name=_('Ownership')),
    )
    status = forms.MultipleChoiceField(label=_('Status'), choices=FabricStatusChoices, required=False)
    sync_state = forms.MultipleChoiceField(label=_('Sync state'), choices=SyncStateChoices, required=False)
    connection_status = forms.MultipleChoiceField(
        label=_('Connection'), choices=ConnectionStatusChoices, required=False,
    )
    sync_enabled = yes_no(_('Sync enabled'))
    scheduler_enabled = yes_no(_('Scheduler enabled'))
    watch_enabled = yes_no(_('Watch enabled'))
    notification_group_id = DynamicModelMultipleChoiceField(
        queryset=NotificationGroup.objects.all(), required=False, null_option='None', label=_('Notification group'),
    )
    tag = TagFilterField(model)


class FabricEventFilterForm(OfFabricFilterForm):
    model = FabricEvent
    fieldsets = (
        FieldSet('q', 'filter_id'),
        FieldSet('fabric_id', 'event_type', name=_('Event')),
        FieldSet('created__gte', 'created__lte', name=_('Time')),
    )
    event_type = forms.MultipleChoiceField(
        label=_('Event type'), choices=[(each.name, each.text) for each in EVENT_TYPES], required=False,
    )
    created__gte = forms.DateTimeField(required=False, label=_('After'), widget=DateTimePicker())
    created__lte = forms.DateTimeField(required=False, label=_('Before'), widget=DateTimePicker())


class FabricResourceFilterForm(OfFabricFilterForm):
    model = FabricResource
    fieldsets = (
        FieldSet('q', 'filter_id'),
        FieldSet('fabric_id', 'kind', 'missing', name=_('Resource')),
    )
    kind = forms.MultipleChoiceField(label=_('Kind'), choices=KIND_CHOICES, required=False)
    missing = yes_no(_('Deleted from the cluster'))


class SwitchHealthFilterForm(OfFabricFilterForm):
    model = SwitchHealth
    fieldsets = (
        FieldSet('q', 'filter_id'),
        FieldSet('fabric_id', 'kind', 'role', 'group', name=_('Switch or gateway')),
        FieldSet('state', 'issue', name=_('Health')),
    )
    kind = forms.MultipleChoiceField(label=_('Kind'), choices=NODE_CHOICES, required=False)
    role = forms.CharField(label=_('Role'), required=False)
    group = forms.CharField(label=_('Redundancy group'), required=False)
    state = forms.MultipleChoiceField(label=_('State'), choices=SwitchStateChoices, required=False)
    issue = forms.MultipleChoiceField(
        label=_('Issue'), choices=list(ISSUE_TITLES.items()), required=False,
        help_text=_('Match any.'),
    )


class CablingCheckFilterForm(OfFabricFilterForm):
    model = CablingCheck
    fieldsets = (
        FieldSet('q', 'filter_id'),
        FieldSet('fabric_id', 'switch', 'peer', 'connection', name=_('Link')),
        FieldSet('state', 'is_issue', name=_('Cabling')),
    )
    switch = forms.CharField(label=_('Switch'), required=False)
    peer = forms.CharField(label=_('Declared neighbor'), required=False)
    connection = forms.CharField(label=_('Connection'), required=False)
    state = forms.MultipleChoiceField(label=_('State'), choices=CablingStateChoices, required=False)
    is_issue = yes_no(_('Issue'))
