from datetime import UTC, datetime
from typing import Any

import django_filters
from core.models import ObjectType
from dcim.choices import DeviceStatusChoices
from dcim.models import DeviceRole, Location, Site
from django import forms
from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import Model, Q, QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from extras.models import NotificationGroup, Tag
from netbox.filtersets import BaseFilterSet, PrimaryModelFilterSet
from tenancy.models import Tenant
from utilities.filters import (
    MultiValueContentTypeFilter,
    MultiValueDateTimeFilter,
    TreeNodeMultipleChoiceFilter,
    multivalue_field_factory,
)
from utilities.filtersets import register_filterset

from .choices import (
    CablingStateChoices,
    ConnectionStatusChoices,
    DiscrepancyStateChoices,
    DiscrepancyTypeChoices,
    FabricStatusChoices,
    InventoryAdoptionChoices,
    InventoryOriginChoices,
    InventoryRemovalChoices,
    InventoryRuleKindChoices,
    InventoryScopeChoices,
    SwitchStateChoices,
    SyncStateChoices,
    SyncStatusChoices,
)
from .events import EVENT_TYPES
from .models import (
    CablingCheck,
    Discrepancy,
    Fabric,
    FabricEvent,
    FabricResource,
    InventoryLink,
    InventoryRule,
    SwitchHealth,
)
from .models.health import ISSUE_TITLES, ISSUES
from .models.health import KIND_CHOICES as NODE_CHOICES
from .models.resource import KIND_CHOICES

__all__ = (
    'CablingCheckFilterSet',
    'DiscrepancyFilterSet', 'FabricEventFilterSet', 'FabricFilterSet', 'FabricResourceFilterSet',
    'InventoryLinkFilterSet', 'InventoryRuleFilterSet', 'SwitchHealthFilterSet',
)


def viewable(model: type[Model]) -> Any:
    """Return the queryset of a filter: objects that the user may view, or all without a request (API schema).

    Other objects are not valid choices, whether they exist or not: an answer must not reveal that.
    """
    def queryset(request: HttpRequest) -> QuerySet:
        return model.objects.all() if request is None else model.objects.restrict(request.user, 'view')
    return queryset


class MomentField(forms.DateTimeField):
    """A date and time that the database can store: one at the end of the calendar may be out of range in UTC."""

    def to_python(self, value: Any) -> datetime | None:
        moment = super().to_python(value)
        try:
            return moment and moment.astimezone(UTC)
        except (OverflowError, ValueError):
            raise ValidationError(_('%(value)s is out of range.') % {'value': value}) from None


class MomentFilter(MultiValueDateTimeFilter):
    field_class = multivalue_field_factory(MomentField)


class _HedgehogFilterSet(BaseFilterSet):
    """A filter set whose dates and times are MomentFilters, and whose `q` looks in `searched`: lookups of fields."""

    FILTER_DEFAULTS = {**BaseFilterSet.FILTER_DEFAULTS, models.DateTimeField: {'filter_class': MomentFilter}}
    searched: tuple[str, ...] = ()

    def search(self, queryset: QuerySet, name: str, value: Any) -> QuerySet:
        wanted = value.strip()
        if not wanted:
            return queryset
        found = Q()
        for lookup in self.searched:
            found |= Q(**{lookup: wanted})
        return queryset.filter(found)


@register_filterset
class FabricFilterSet(_HedgehogFilterSet, PrimaryModelFilterSet):
    searched = (
        'name__icontains', 'description__icontains', 'comments__icontains', 'kubernetes_server__icontains',
        'sync_error__icontains',
    )
    created = MomentFilter()
    last_updated = MomentFilter()
    status = django_filters.MultipleChoiceFilter(choices=FabricStatusChoices, distinct=False)
    connection_status = django_filters.MultipleChoiceFilter(choices=ConnectionStatusChoices, distinct=False)
    sync_status = django_filters.MultipleChoiceFilter(choices=SyncStatusChoices, distinct=False)
    sync_state = django_filters.MultipleChoiceFilter(
        choices=SyncStateChoices, method='filter_sync_state', label=_('Sync state'),
    )
    inventory_site_id = django_filters.ModelMultipleChoiceFilter(
        queryset=viewable(Site), distinct=False, label=_('Site (ID)'),
    )
    inventory_location_id = TreeNodeMultipleChoiceFilter(
        queryset=viewable(Location), field_name='inventory_location', lookup_expr='in', label=_('Location (ID)'),
    )
    inventory_tenant_id = django_filters.ModelMultipleChoiceFilter(
        queryset=viewable(Tenant), distinct=False, label=_('Tenant (ID)'),
    )
    inventory_adoption = django_filters.MultipleChoiceFilter(choices=InventoryAdoptionChoices, distinct=False)
    inventory_removal = django_filters.MultipleChoiceFilter(choices=InventoryRemovalChoices, distinct=False)
    inventory_device_status = django_filters.MultipleChoiceFilter(choices=DeviceStatusChoices, distinct=False)
    inventory_stale_status = django_filters.MultipleChoiceFilter(choices=DeviceStatusChoices, distinct=False)
    notification_group_id = django_filters.ModelMultipleChoiceFilter(
        queryset=viewable(NotificationGroup), distinct=False, label=_('Notification group (ID)'),
    )
    notification_group = django_filters.ModelMultipleChoiceFilter(
        field_name='notification_group__name', queryset=viewable(NotificationGroup), to_field_name='name',
        distinct=False, label=_('Notification group (name)'),
    )

    class Meta:
        model = Fabric
        fields = (
            'id', 'name', 'description', 'kubernetes_server', 'kubernetes_namespace', 'topology_filter', 'verify_tls',
            'in_cluster', 'sync_enabled', 'scheduler_enabled', 'sync_interval', 'watch_enabled', 'last_attempt',
            'last_sync', 'inventory_enabled', 'inventory_auto_apply', 'inventory_name_pattern', 'last_inventory',
        )

    def filter_sync_state(self, queryset: QuerySet, name: str, value: Any) -> QuerySet:
        """Filter by the state shown to users: the stored status, unless disabled or stale."""
        return queryset.in_sync_state(value) if value else queryset


class _OfFabricFilterSet(_HedgehogFilterSet):
    """Filters of models that belong to a fabric."""

    q = django_filters.CharFilter(method='search', label=_('Search'))
    fabric_id = django_filters.ModelMultipleChoiceFilter(
        queryset=viewable(Fabric), distinct=False, label=_('Fabric (ID)'),
    )
    fabric = django_filters.ModelMultipleChoiceFilter(
        field_name='fabric__name', queryset=viewable(Fabric), to_field_name='name', distinct=False,
        label=_('Fabric (name)'),
    )


@register_filterset
class InventoryRuleFilterSet(_OfFabricFilterSet, PrimaryModelFilterSet):
    searched = (
        'name__icontains', 'description__icontains', 'comments__icontains', 'names__icontains',
        'label_selector__icontains',
    )
    created = MomentFilter()
    last_updated = MomentFilter()
    kind = django_filters.MultipleChoiceFilter(
        choices=InventoryRuleKindChoices, method='filter_kind', label=_('Kind'),
    )
    site_id = django_filters.ModelMultipleChoiceFilter(queryset=viewable(Site), distinct=False, label=_('Site (ID)'))
    location_id = TreeNodeMultipleChoiceFilter(
        queryset=viewable(Location), field_name='location', lookup_expr='in', label=_('Location (ID)'),
    )
    tenant_id = django_filters.ModelMultipleChoiceFilter(
        queryset=viewable(Tenant), distinct=False, label=_('Tenant (ID)'),
    )
    role_id = TreeNodeMultipleChoiceFilter(
        queryset=viewable(DeviceRole), field_name='role', lookup_expr='in', label=_('Device role (ID)'),
    )
    object_tag_id = django_filters.ModelMultipleChoiceFilter(
        queryset=viewable(Tag), field_name='object_tags', label=_('Tag of objects (ID)'),
    )

    class Meta:
        model = InventoryRule
        fields = ('id', 'name', 'weight', 'enabled', 'names', 'label_selector', 'vrf_name', 'exclude', 'description')

    def filter_kind(self, queryset: QuerySet, name: str, value: Any) -> QuerySet:
        """Filter by kinds that a rule is for; one without kinds is for all."""
        return queryset.filter(Q(kinds__overlap=value) | Q(kinds=[])) if value else queryset


@register_filterset
class FabricResourceFilterSet(_OfFabricFilterSet):
    searched = ('name__icontains', 'uid__iexact')
    kind = django_filters.MultipleChoiceFilter(choices=KIND_CHOICES, distinct=False)
    missing = django_filters.BooleanFilter(
        field_name='missing_since', lookup_expr='isnull', exclude=True, label=_('Deleted from the cluster'),
    )
    # An annotation, not a field: NetBox adds no lookups to it.
    last_seen = MomentFilter(method='filter_last_seen', label=_('Last seen'))
    last_seen__lt = MomentFilter(field_name='last_seen', lookup_expr='lt', label=_('Last seen before'))
    last_seen__lte = MomentFilter(field_name='last_seen', lookup_expr='lte', label=_('Last seen until'))
    last_seen__gt = MomentFilter(field_name='last_seen', lookup_expr='gt', label=_('Last seen after'))
    last_seen__gte = MomentFilter(field_name='last_seen', lookup_expr='gte', label=_('Last seen since'))

    class Meta:
        model = FabricResource
        fields = (
            'id', 'namespace', 'name', 'uid', 'generation', 'resource_version', 'created', 'first_seen', 'last_read',
            'changed', 'missing_since',
        )

    def filter_last_seen(self, queryset: QuerySet, name: str, value: Any) -> QuerySet:
        return queryset.filter(last_seen__in=value) if value else queryset


class _InventoryFilterSet(_OfFabricFilterSet):
    """Filters that discrepancies and managed objects share."""

    scope = django_filters.MultipleChoiceFilter(choices=InventoryScopeChoices, distinct=False)
    kind = django_filters.MultipleChoiceFilter(choices=KIND_CHOICES, distinct=False)
    object_type_id = django_filters.ModelMultipleChoiceFilter(
        queryset=ObjectType.objects.all(), field_name='object_type', distinct=False, label=_('Object type (ID)'),
    )
    object_type = MultiValueContentTypeFilter()


@register_filterset
class DiscrepancyFilterSet(_InventoryFilterSet):
    searched = ('sentence__icontains', 'name__icontains', 'key__icontains', 'field__iexact')
    type = django_filters.MultipleChoiceFilter(choices=DiscrepancyTypeChoices, distinct=False)
    state = django_filters.MultipleChoiceFilter(choices=DiscrepancyStateChoices, distinct=False)
    link_id = django_filters.ModelMultipleChoiceFilter(
        queryset=viewable(InventoryLink), distinct=False, label=_('Managed object (ID)'),
    )

    class Meta:
        model = Discrepancy
        fields = ('id', 'code', 'key', 'name', 'object_id', 'field', 'since', 'last_seen')


@register_filterset
class InventoryLinkFilterSet(_InventoryFilterSet):
    searched = ('name__icontains', 'key__icontains')
    origin = django_filters.MultipleChoiceFilter(choices=InventoryOriginChoices, distinct=False)
    stale = django_filters.BooleanFilter(
        field_name='stale_since', lookup_expr='isnull', exclude=True, label=_('Removed from fabric'),
    )

    class Meta:
        model = InventoryLink
        fields = (
            'id', 'key', 'name', 'object_id', 'shared', 'stale_since', 'stale_syncs', 'created', 'last_updated',
        )


@register_filterset
class SwitchHealthFilterSet(_OfFabricFilterSet):
    searched = ('name__icontains', 'group__icontains', 'software__icontains', 'version__icontains')
    kind = django_filters.MultipleChoiceFilter(choices=NODE_CHOICES, distinct=False)
    state = django_filters.MultipleChoiceFilter(
        choices=SwitchStateChoices, method='filter_state', label=_('State'),
    )
    issue = django_filters.MultipleChoiceFilter(
        choices=list(ISSUE_TITLES.items()), method='filter_issue', label=_('Issue (any)'),
    )

    class Meta:
        model = SwitchHealth
        fields = (
            'id', 'name', 'role', 'group', 'level', 'read_at', 'heartbeat', 'heartbeat_stale', 'no_agent', 'generation',
            'applied_generation', 'pending', 'reboot_required', 'interfaces_down', 'bgp_down', 'bfd_down',
            'cabling_issues', 'temperatures', 'psus', 'fans', 'version', 'software',
        )

    def filter_state(self, queryset: QuerySet, name: str, value: Any) -> QuerySet:
        """Filter by the state shown to users: as reported, unless that is outdated."""
        return queryset.in_state(*value) if value else queryset

    def filter_issue(self, queryset: QuerySet, name: str, value: Any) -> QuerySet:
        if not value:
            return queryset
        wanted = Q()
        for issue in value:
            wanted |= ISSUES[issue]
        return queryset.filter(wanted)


@register_filterset
class FabricEventFilterSet(_OfFabricFilterSet):
    searched = ('message__icontains', 'error__icontains')
    event_type = django_filters.MultipleChoiceFilter(
        choices=[(each.name, each.text) for each in EVENT_TYPES], distinct=False,
    )

    class Meta:
        model = FabricEvent
        fields = ('id', 'created', 'message', 'taken', 'dispatched', 'error')


@register_filterset
class CablingCheckFilterSet(_OfFabricFilterSet):
    searched = ('switch__icontains', 'peer__icontains', 'connection__icontains', 'seen__icontains', 'port__iexact')
    state = django_filters.MultipleChoiceFilter(
        choices=CablingStateChoices, method='filter_state', label=_('State'),
    )

    class Meta:
        model = CablingCheck
        fields = ('id', 'connection', 'switch', 'port', 'peer', 'peer_port', 'is_issue', 'since', 'read_at')

    def filter_state(self, queryset: QuerySet, name: str, value: Any) -> QuerySet:
        """Filter by the state shown to users: as reported, unless that is outdated."""
        return queryset.in_state(*value) if value else queryset
