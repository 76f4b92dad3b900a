from typing import Any

from core.models import Job
from dcim.api.serializers import DeviceRoleSerializer, LocationSerializer, SiteSerializer
from dcim.choices import DeviceStatusChoices
from django.core.exceptions import ValidationError
from extras.api.serializers import NotificationGroupSerializer
from extras.models import Tag
from netbox.api.fields import ChoiceField, ContentTypeField, RelatedObjectCountField, SerializedPKRelatedField
from netbox.api.gfk_fields import GFKSerializerField
from netbox.api.serializers import NestedTagSerializer, NetBoxModelSerializer, PrimaryModelSerializer
from rest_framework import serializers
from tenancy.api.serializers import TenantSerializer

from ..choices import (
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
from ..inventory.decisions import possible
from ..models import (
    CablingCheck,
    Discrepancy,
    Fabric,
    FabricEvent,
    FabricResource,
    InventoryLink,
    InventoryRule,
    SwitchHealth,
)
from ..presentation.visible import may_view_fabric
from .related import ViewableRelations

__all__ = (
    'CablingCheckSerializer', 'CablingSummarySerializer',
    'DiscrepancySerializer', 'FabricEventSerializer', 'FabricResourceSerializer', 'FabricSerializer',
    'FabricStatusSerializer', 'HealthSerializer', 'InventoryLinkSerializer', 'InventoryRuleSerializer',
    'ProbeSerializer', 'QueuedSerializer', 'RemovedKindSerializer', 'SwitchHealthSerializer',
)


class FabricSerializer(ViewableRelations, PrimaryModelSerializer):
    viewable = ('notification_group', 'inventory_site', 'inventory_location', 'inventory_tenant')

    status = ChoiceField(choices=FabricStatusChoices, required=False)
    kubernetes_token = serializers.CharField(write_only=True, required=False, allow_blank=True)
    kubeconfig = serializers.CharField(write_only=True, required=False, allow_blank=True)
    has_token = serializers.BooleanField(read_only=True)
    has_kubeconfig = serializers.BooleanField(read_only=True)
    connection_status = ChoiceField(choices=ConnectionStatusChoices, read_only=True)
    sync_status = ChoiceField(choices=SyncStatusChoices, read_only=True)
    sync_state = ChoiceField(choices=SyncStateChoices, read_only=True)
    # With the model's validators, whose sentences say what to do; DRF's own field would have others.
    sync_interval = serializers.IntegerField(
        required=False, validators=Fabric._meta.get_field('sync_interval').validators,
    )
    notification_group = NotificationGroupSerializer(nested=True, required=False, allow_null=True)
    inventory_site = SiteSerializer(nested=True, required=False, allow_null=True)
    inventory_location = LocationSerializer(nested=True, required=False, allow_null=True)
    inventory_tenant = TenantSerializer(nested=True, required=False, allow_null=True)
    inventory_scope = serializers.ListField(
        child=serializers.ChoiceField(choices=InventoryScopeChoices.values()), required=False,
    )
    inventory_adoption = ChoiceField(choices=InventoryAdoptionChoices, required=False)
    inventory_removal = ChoiceField(choices=InventoryRemovalChoices, required=False)
    inventory_device_status = ChoiceField(choices=DeviceStatusChoices, required=False)
    inventory_stale_status = ChoiceField(choices=DeviceStatusChoices, required=False)
    inventory_waits_for_review = serializers.BooleanField(source='waits_for_review', read_only=True)
    resource_count = RelatedObjectCountField('resources')

    class Meta:
        model = Fabric
        fields = [
            'id', 'url', 'display_url', 'display', 'name', 'status', 'description', 'kubernetes_server',
            'kubernetes_token', 'has_token', 'kubernetes_ca_cert', 'kubernetes_namespace', 'topology_filter',
            'verify_tls', 'kubeconfig', 'has_kubeconfig', 'in_cluster', 'sync_enabled', 'scheduler_enabled',
            'sync_interval', 'connection_status', 'watch_enabled', 'sync_status', 'sync_state',
            'last_attempt', 'last_sync', 'sync_error', 'last_report', 'unsupported_kinds',
            'notification_group', 'resource_count',
            'inventory_enabled', 'inventory_auto_apply', 'inventory_waits_for_review', 'inventory_site',
            'inventory_location', 'inventory_tenant', 'inventory_roles', 'inventory_name_pattern', 'inventory_scope',
            'inventory_adoption', 'inventory_removal',
            'inventory_device_status', 'inventory_stale_status',
            'inventory_unconfirmed', 'last_inventory', 'inventory_error', 'owner', 'comments', 'tags', 'custom_fields',
            'created', 'last_updated',
        ]
        brief_fields = ('id', 'url', 'display', 'name', 'description')
        read_only_fields = (
            'last_attempt', 'last_sync', 'sync_error', 'last_report', 'unsupported_kinds', 'inventory_unconfirmed',
            'last_inventory', 'inventory_error',
        )


class NestedFabricSerializer(FabricSerializer):
    """The fabric of an object: null without permission to view the fabric, as in GraphQL."""

    def to_representation(self, fabric: Fabric) -> Any:
        return super().to_representation(fabric) if may_view_fabric(self.context.get('request'), fabric) else None


class FabricResourceSerializer(NetBoxModelSerializer):
    fabric = NestedFabricSerializer(nested=True, read_only=True, allow_null=True)
    last_seen = serializers.DateTimeField(read_only=True)

    class Meta:
        model = FabricResource
        fields = [
            'id', 'url', 'display_url', 'display', 'fabric', 'kind', 'api_version', 'namespace', 'name', 'uid',
            'generation', 'resource_version', 'labels', 'annotations', 'spec', 'status', 'created', 'first_seen',
            'last_seen', 'last_read', 'changed', 'missing_since', 'previous',
        ]
        brief_fields = ('id', 'url', 'display', 'kind', 'name')


class InventoryLinkSerializer(NetBoxModelSerializer):
    fabric = NestedFabricSerializer(nested=True, read_only=True, allow_null=True)
    scope = ChoiceField(choices=InventoryScopeChoices, read_only=True)
    origin = ChoiceField(choices=InventoryOriginChoices, read_only=True)
    object_type = ContentTypeField(read_only=True)
    object = GFKSerializerField(read_only=True)

    class Meta:
        model = InventoryLink
        fields = [
            'id', 'url', 'display_url', 'display', 'fabric', 'key', 'kind', 'name', 'scope', 'object_type',
            'object_id', 'object', 'origin', 'shared', 'written', 'kept', 'stale_since', 'stale_syncs', 'before_stale',
            'created', 'last_updated',
        ]
        brief_fields = ('id', 'url', 'display', 'key')


class InventoryRuleSerializer(ViewableRelations, PrimaryModelSerializer):
    viewable = ('site', 'location', 'tenant', 'role', 'object_tags')

    fabric = NestedFabricSerializer(nested=True)
    kinds = serializers.ListField(
        child=serializers.ChoiceField(choices=InventoryRuleKindChoices.values()), required=False,
    )
    site = SiteSerializer(nested=True, required=False, allow_null=True)
    location = LocationSerializer(nested=True, required=False, allow_null=True)
    tenant = TenantSerializer(nested=True, required=False, allow_null=True)
    role = DeviceRoleSerializer(nested=True, required=False, allow_null=True)
    object_tags = SerializedPKRelatedField(
        queryset=Tag.objects.all(), serializer=NestedTagSerializer, required=False, many=True,
    )

    class Meta:
        model = InventoryRule
        fields = [
            'id', 'url', 'display_url', 'display', 'fabric', 'name', 'weight', 'enabled', 'description', 'kinds',
            'names', 'label_selector', 'site', 'location', 'tenant', 'role', 'vrf_name', 'object_tags', 'exclude',
            'owner', 'comments', 'tags', 'custom_fields', 'created', 'last_updated',
        ]
        brief_fields = ('id', 'url', 'display', 'name', 'description')

    def validate_fabric(self, fabric: Fabric) -> Fabric:
        if not may_view_fabric(self.context.get('request'), fabric):
            raise serializers.ValidationError('Related object not found.')
        return fabric

    def validate(self, data: Any) -> Any:
        data = super().validate(data)
        if self.nested:
            return data
        given = {name: value for name, value in data.items() if hasattr(InventoryRule, name)}
        tags = given.pop('object_tags', None)
        rule = self.instance or InventoryRule()
        for name in ('kinds', 'site', 'location', 'tenant', 'role', 'vrf_name', 'exclude'):
            if name in given:
                setattr(rule, name, given[name])
        if tags is None:
            tags = rule.object_tags.all() if rule.pk else ()
        try:
            rule.check_tags(tags)
        except ValidationError as error:
            raise serializers.ValidationError(error.message_dict if hasattr(error, 'error_dict') else error.messages) \
                from None
        return data


class DiscrepancySerializer(NetBoxModelSerializer):
    fabric = NestedFabricSerializer(nested=True, read_only=True, allow_null=True)
    type = ChoiceField(choices=DiscrepancyTypeChoices, read_only=True)
    scope = ChoiceField(choices=InventoryScopeChoices, read_only=True)
    link = InventoryLinkSerializer(nested=True, read_only=True, allow_null=True)
    object_type = ContentTypeField(read_only=True, allow_null=True)
    object = GFKSerializerField(read_only=True)
    state = ChoiceField(choices=DiscrepancyStateChoices, read_only=True)
    decisions = serializers.SerializerMethodField()

    class Meta:
        model = Discrepancy
        fields = [
            'id', 'url', 'display_url', 'display', 'fabric', 'type', 'scope', 'key', 'kind', 'name', 'link',
            'object_type', 'object_id', 'object', 'field', 'fabric_value', 'netbox_value', 'code', 'parameters',
            'sentence', 'state', 'decisions', 'since', 'last_seen',
        ]
        brief_fields = ('id', 'url', 'display', 'type', 'state')

    def get_decisions(self, discrepancy: Discrepancy) -> list[str]:
        """Decisions that POST resolve/ accepts for this discrepancy."""
        return possible(discrepancy)


class SwitchHealthSerializer(NetBoxModelSerializer):
    """Status of a switch or gateway when last fetched. `heartbeat_age` is in seconds, at that time."""

    fabric = NestedFabricSerializer(nested=True, read_only=True, allow_null=True)
    resource = FabricResourceSerializer(nested=True, read_only=True, allow_null=True)
    agent = FabricResourceSerializer(nested=True, read_only=True, allow_null=True)
    state = ChoiceField(choices=SwitchStateChoices, read_only=True)
    level = ChoiceField(choices=SwitchStateChoices, read_only=True)
    heartbeat_age = serializers.FloatField(read_only=True, allow_null=True)
    # It has no page of its own: the page of the switch or gateway shows it.
    display_url = serializers.SerializerMethodField()
    is_outdated = serializers.BooleanField(read_only=True)

    class Meta:
        model = SwitchHealth
        fields = [
            'id', 'url', 'display_url', 'display', 'fabric', 'resource', 'agent', 'kind', 'name', 'role', 'group',
            'state', 'level', 'read_at', 'is_outdated', 'heartbeat', 'heartbeat_age', 'heartbeat_stale', 'no_agent',
            'generation', 'applied_generation', 'pending', 'reboot_required', 'interfaces_down', 'bgp_down',
            'bfd_down', 'cabling_issues', 'temperatures', 'psus', 'fans', 'version', 'software', 'findings', 'ports',
        ]
        brief_fields = ('id', 'url', 'display', 'kind', 'name', 'state')

    def get_display_url(self, health: Any) -> str:
        return self.context['request'].build_absolute_uri(health.get_absolute_url())


class CablingCheckSerializer(NetBoxModelSerializer):
    """State of a declared link, or of a neighbor that is not declared, when last fetched."""

    fabric = NestedFabricSerializer(nested=True, read_only=True, allow_null=True)
    resource = FabricResourceSerializer(nested=True, read_only=True, allow_null=True)
    state = ChoiceField(choices=CablingStateChoices, read_only=True)
    reported_state = ChoiceField(choices=CablingStateChoices, read_only=True)
    is_outdated = serializers.BooleanField(read_only=True)
    # It has no page of its own: the page of the Connection or switch shows it.
    display_url = serializers.SerializerMethodField()

    class Meta:
        model = CablingCheck
        fields = [
            'id', 'url', 'display_url', 'display', 'fabric', 'resource', 'connection', 'switch', 'port', 'peer',
            'peer_port', 'seen', 'seen_by_peer', 'state', 'reported_state', 'is_issue', 'sentence', 'hint', 'since',
            'read_at', 'is_outdated',
        ]
        brief_fields = ('id', 'url', 'display', 'switch', 'port', 'state')

    def get_display_url(self, check: Any) -> str:
        return self.context['request'].build_absolute_uri(check.get_absolute_url())


class CablingSummarySerializer(serializers.Serializer):
    """How many links of a fabric are in each state, and how to correct those that are crossed."""

    counts = serializers.DictField(child=serializers.IntegerField())
    hints = serializers.ListField(child=serializers.CharField())
    read_at = serializers.DateTimeField(allow_null=True, help_text='When the oldest data was fetched.')


class FabricEventSerializer(NetBoxModelSerializer):
    """One change of state of a fabric. `data` is passed to event rules; shown with permission to view the fabric."""

    fabric = NestedFabricSerializer(nested=True, read_only=True, allow_null=True)

    class Meta:
        model = FabricEvent
        fields = [
            'id', 'url', 'display_url', 'display', 'fabric', 'event_type', 'created', 'message', 'data', 'dispatched',
            'error',
        ]
        brief_fields = ('id', 'url', 'display', 'event_type', 'created')

    def to_representation(self, event: Any) -> Any:
        shown = super().to_representation(event)
        if 'data' in shown and not may_view_fabric(self.context.get('request'), event.fabric):
            shown['data'] = None
        return shown


class FabricStatusSerializer(serializers.Serializer):
    """Sync status of one fabric. Ages and intervals are in seconds; `job` is the ID of its job."""

    fabric = serializers.CharField()
    state = serializers.CharField()
    sync_status = serializers.CharField()
    connection_status = serializers.CharField()
    scheduled = serializers.BooleanField()
    sync_interval = serializers.IntegerField()
    last_attempt = serializers.DateTimeField(allow_null=True)
    last_sync = serializers.DateTimeField(allow_null=True)
    age = serializers.FloatField(allow_null=True)
    overdue_since = serializers.DateTimeField(allow_null=True)
    job = serializers.IntegerField(allow_null=True)
    next_sync = serializers.DateTimeField(allow_null=True)
    error = serializers.CharField(allow_blank=True)
    unsupported_kinds = serializers.ListField(
        child=serializers.DictField(), allow_null=True,
        help_text='Kinds of the cluster that this version of the plugin does not support; null if not known.',
    )
    same_cluster = serializers.ListField(
        child=serializers.CharField(), help_text='Other fabrics that use the same cluster.',
    )


class HealthSerializer(serializers.Serializer):
    """Status of workers, schedulers and queue, with issues."""

    state = serializers.ChoiceField(choices=('healthy', 'degraded', 'broken'))
    queue = serializers.CharField()
    redis = serializers.BooleanField()
    workers = serializers.ListField(child=serializers.CharField())
    schedulers = serializers.ListField(child=serializers.CharField())
    watchers = serializers.ListField(child=serializers.CharField())
    waiting = serializers.IntegerField()
    running = serializers.IntegerField()
    failed = serializers.IntegerField()
    fabrics = serializers.IntegerField()
    overdue = serializers.IntegerField()
    watched = serializers.IntegerField()
    unwatched = serializers.IntegerField()
    oldest_overdue = serializers.DictField(allow_null=True)
    same_cluster = serializers.ListField(child=serializers.ListField(child=serializers.CharField()))
    notices = serializers.ListField(child=serializers.CharField())
    problems = serializers.ListField(child=serializers.CharField())


class RemovedKindSerializer(serializers.Serializer):
    """The kind whose removal from the cluster is confirmed, such as VPC."""

    kind = serializers.CharField(max_length=63)


class ProbeSerializer(serializers.Serializer):
    """Result of a connection test."""

    ok = serializers.BooleanField()
    connected = serializers.BooleanField()
    version = serializers.CharField()
    counts = serializers.DictField(child=serializers.IntegerField(allow_null=True))
    token_expires = serializers.CharField()
    grant = serializers.CharField()
    readable = serializers.ListField(child=serializers.CharField())
    forbidden = serializers.ListField(child=serializers.CharField())
    not_installed = serializers.ListField(child=serializers.CharField())
    errors = serializers.ListField(child=serializers.CharField())
    sentences = serializers.ListField(child=serializers.CharField())


class QueuedSerializer(serializers.ModelSerializer):
    """The queued job."""

    class Meta:
        model = Job
        fields = ['id', 'job_id', 'name', 'status', 'created', 'queue_name']
