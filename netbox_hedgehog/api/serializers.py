from core.models import Job
from netbox.api.fields import ChoiceField, RelatedObjectCountField
from netbox.api.serializers import NetBoxModelSerializer, PrimaryModelSerializer
from rest_framework import serializers

from ..choices import ConnectionStatusChoices, FabricStatusChoices, SyncStateChoices, SyncStatusChoices
from ..models import Fabric, FabricResource

__all__ = (
    'FabricResourceSerializer', 'FabricSerializer', 'FabricStatusSerializer', 'HealthSerializer', 'ProbeSerializer',
    'QueuedSerializer',
)


class FabricSerializer(PrimaryModelSerializer):
    status = ChoiceField(choices=FabricStatusChoices, required=False)
    kubernetes_token = serializers.CharField(write_only=True, required=False, allow_blank=True)
    kubeconfig = serializers.CharField(write_only=True, required=False, allow_blank=True)
    has_token = serializers.BooleanField(read_only=True)
    has_kubeconfig = serializers.BooleanField(read_only=True)
    connection_status = ChoiceField(choices=ConnectionStatusChoices, read_only=True)
    sync_status = ChoiceField(choices=SyncStatusChoices, read_only=True)
    sync_state = ChoiceField(choices=SyncStateChoices, read_only=True)
    # With the model's validators, whose sentences say what to do; the field that DRF would make has its own.
    sync_interval = serializers.IntegerField(
        required=False, validators=Fabric._meta.get_field('sync_interval').validators,
    )
    resource_count = RelatedObjectCountField('resources')

    class Meta:
        model = Fabric
        fields = [
            'id', 'url', 'display_url', 'display', 'name', 'status', 'description', 'kubernetes_server',
            'kubernetes_token', 'has_token', 'kubernetes_ca_cert', 'kubernetes_namespace', 'verify_tls', 'kubeconfig',
            'has_kubeconfig', 'in_cluster', 'sync_enabled', 'scheduler_enabled', 'sync_interval', 'connection_status',
            'sync_status', 'sync_state', 'last_attempt', 'last_sync', 'sync_error', 'last_report', 'resource_count',
            'owner', 'comments', 'tags', 'custom_fields', 'created', 'last_updated',
        ]
        brief_fields = ('id', 'url', 'display', 'name', 'description')
        read_only_fields = ('last_attempt', 'last_sync', 'sync_error', 'last_report')


class FabricResourceSerializer(NetBoxModelSerializer):
    fabric = FabricSerializer(nested=True, read_only=True)
    last_seen = serializers.DateTimeField(read_only=True)

    class Meta:
        model = FabricResource
        fields = [
            'id', 'url', 'display_url', 'display', 'fabric', 'kind', 'api_version', 'namespace', 'name', 'uid',
            'generation', 'resource_version', 'labels', 'annotations', 'spec', 'status', 'created', 'first_seen',
            'last_seen', 'last_read', 'changed', 'missing_since', 'previous',
        ]
        brief_fields = ('id', 'url', 'display', 'kind', 'name')


class FabricStatusSerializer(serializers.Serializer):
    """How one fabric's synchronization stands. Ages and intervals in seconds."""

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
    next_run = serializers.DateTimeField(allow_null=True)
    error = serializers.CharField(allow_blank=True)


class HealthSerializer(serializers.Serializer):
    """Who serves the queue, and what is wrong."""

    state = serializers.ChoiceField(choices=('healthy', 'degraded', 'broken'))
    queue = serializers.CharField()
    redis = serializers.BooleanField()
    workers = serializers.ListField(child=serializers.CharField())
    schedulers = serializers.ListField(child=serializers.CharField())
    waiting = serializers.IntegerField()
    running = serializers.IntegerField()
    failed = serializers.IntegerField()
    fabrics = serializers.IntegerField()
    overdue = serializers.IntegerField()
    oldest_overdue = serializers.DictField(allow_null=True)
    problems = serializers.ListField(child=serializers.CharField())


class ProbeSerializer(serializers.Serializer):
    """What a connection test showed."""

    ok = serializers.BooleanField()
    connected = serializers.BooleanField()
    version = serializers.CharField()
    readable = serializers.ListField(child=serializers.CharField())
    forbidden = serializers.ListField(child=serializers.CharField())
    not_installed = serializers.ListField(child=serializers.CharField())
    errors = serializers.ListField(child=serializers.CharField())
    sentences = serializers.ListField(child=serializers.CharField())


class QueuedSerializer(serializers.ModelSerializer):
    """The job of a run that was just queued."""

    class Meta:
        model = Job
        fields = ['id', 'job_id', 'name', 'status', 'created', 'queue_name']
