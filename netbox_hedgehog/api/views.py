from typing import Any

from django.db.models import QuerySet
from django.shortcuts import get_object_or_404
from drf_spectacular.utils import OpenApiParameter, extend_schema
from netbox.api.authentication import IsAuthenticatedOrLoginNotRequired
from netbox.api.viewsets import NetBoxModelViewSet, NetBoxReadOnlyModelViewSet
from redis.exceptions import RedisError
from rest_framework import status
from rest_framework.decorators import action
from rest_framework.exceptions import PermissionDenied, Throttled, ValidationError
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.routers import APIRootView
from rest_framework.views import APIView

from .. import filtersets
from ..hedgehog.reachability.answer import QuestionError
from ..jobs.cancel import CancelRefused, cancel_sync
from ..jobs.fabric_sync import FabricSyncJob, SyncRefused
from ..jobs.probe import TooManyTests, check_connection
from ..models import MANIFEST, CablingCheck, Fabric, FabricEvent, FabricResource, SwitchHealth, counted_resources
from ..monitoring.cabling import cabling_summary
from ..monitoring.fabric_status import fabric_status
from ..monitoring.service_health import worker_health
from ..monitoring.shared_clusters import fabrics_of_same_cluster
from ..presentation.reachability import answer_as_dict, reach
from ..presentation.visible import RestrictedRelations, restricted
from ..sensitive import keep_secrets
from ..sync.removed_kinds import NotConfirmable, confirm_removed_kind
from . import serializers
from .inventory import InventoryActions
from .permissions import TokenSyncPermission
from .reachability import ReachabilitySerializer

REDIS_AWAY = 'Cannot reach Redis. The sync was not queued.'
REDIS_AWAY_CANCEL = 'Cannot reach Redis. The sync was not cancelled.'


class HedgehogRootView(APIRootView):
    """The plugin's REST API."""

    def get_view_name(self) -> str:
        return 'Hedgehog'


class FabricViewSet(InventoryActions, NetBoxModelViewSet):
    queryset = Fabric.objects.all()
    serializer_class = serializers.FabricSerializer
    filterset_class = filtersets.FabricFilterSet
    # A background job would pass the whole request, tokens included, through Redis.
    background_enabled = False

    def initialize_request(self, request: Request, *args: Any, **kwargs: Any) -> Any:
        keep_secrets(request)
        return super().initialize_request(request, *args, **kwargs)

    def _handle_background_request(self, request: Request, action: str, action_kwargs: Any = None) -> None:
        # NetBox 4.7.0 and 4.7.1 do not know background_enabled.
        if isinstance(request.data, list) and self._background_requested(request):
            raise ValidationError({'background': 'Background processing is not supported for fabrics.'})

    def get_queryset(self) -> QuerySet:
        queryset = super().get_queryset()
        if 'resource_count' in queryset.query.annotations:
            queryset = queryset.annotate(resource_count=counted_resources(self.request.user))
        return queryset

    def get_permissions(self) -> list[Any]:
        if self.action in ('sync', 'cancel', 'confirm_removed_kind', 'test_connection', *InventoryActions.sync_actions):
            return [TokenSyncPermission()]
        return super().get_permissions()

    def _permitted(self, pk: int) -> Fabric:
        """The fabric, if this user may sync it; 404 if they may not view it."""
        fabric = get_object_or_404(Fabric, pk=pk)
        if not self.request.user.has_perm('netbox_hedgehog.sync_fabric', obj=fabric):
            if self.request.user.has_perm('netbox_hedgehog.view_fabric', obj=fabric):
                raise PermissionDenied('You do not have permission to sync this fabric.')
            get_object_or_404(Fabric.objects.none())
        return fabric

    @extend_schema(request=None, responses={
        202: serializers.QueuedSerializer,
        409: {'type': 'object', 'properties': {'detail': {'type': 'string'}}},
    })
    @action(detail=True, methods=['post'])
    def sync(self, request: Request, pk: int) -> Response:
        """Queue a sync of this fabric. 409 while one is queued or running, or while sync is disabled."""
        fabric = self._permitted(pk)
        try:
            job = FabricSyncJob.request(fabric, user=request.user)
        except SyncRefused as refusal:
            return Response({'detail': str(refusal)}, status=status.HTTP_409_CONFLICT)
        except (RedisError, OSError):
            return Response({'detail': REDIS_AWAY}, status=status.HTTP_503_SERVICE_UNAVAILABLE)
        return Response(serializers.QueuedSerializer(job).data, status=status.HTTP_202_ACCEPTED)

    @extend_schema(request=None, responses={
        200: {'type': 'object', 'properties': {'detail': {'type': 'string'}}},
        409: {'type': 'object', 'properties': {'detail': {'type': 'string'}}},
    })
    @action(detail=True, methods=['post'])
    def cancel(self, request: Request, pk: int) -> Response:
        """Cancel the running sync of this fabric, or else the queued one. 409 if no sync is queued or running."""
        fabric = self._permitted(pk)
        try:
            return Response({'detail': cancel_sync(fabric, str(request.user))})
        except CancelRefused as refusal:
            return Response({'detail': str(refusal)}, status=status.HTTP_409_CONFLICT)
        except (RedisError, OSError):
            return Response({'detail': REDIS_AWAY_CANCEL}, status=status.HTTP_503_SERVICE_UNAVAILABLE)

    @extend_schema(request=serializers.RemovedKindSerializer, responses={
        200: {'type': 'object', 'properties': {'missing': {'type': 'integer'}}},
        409: {'type': 'object', 'properties': {'detail': {'type': 'string'}}},
    })
    @action(detail=True, methods=['post'], url_path='confirm-removed-kind')
    def confirm_removed_kind(self, request: Request, pk: int) -> Response:
        """Mark the resources of a kind that is no longer served as missing. 409 if the last sync found the kind."""
        fabric = self._permitted(pk)
        data = serializers.RemovedKindSerializer(data=request.data)
        data.is_valid(raise_exception=True)
        try:
            return Response({'missing': confirm_removed_kind(fabric, data.validated_data['kind'])})
        except NotConfirmable as refusal:
            return Response({'detail': str(refusal)}, status=status.HTTP_409_CONFLICT)

    @extend_schema(request=None, responses={
        200: serializers.ProbeSerializer,
        429: {'type': 'object', 'properties': {'detail': {'type': 'string'}}},
    })
    @action(detail=True, methods=['post'], url_path='test-connection')
    def test_connection(self, request: Request, pk: int) -> Response:
        """Test the connection: the version of the cluster, and which kinds can be read. 429 after too many tests."""
        fabric = self._permitted(pk)
        try:
            found = check_connection(fabric, request.user)
        except TooManyTests as refusal:
            throttled = Throttled(wait=refusal.wait)
            throttled.detail = str(refusal)
            raise throttled from None
        return Response(serializers.ProbeSerializer(found.as_dict()).data)

    @extend_schema(responses={200: serializers.FabricStatusSerializer}, filters=False)
    @action(detail=True, methods=['get'])
    def status(self, request: Request, pk: int) -> Response:
        """Return the sync status of this fabric."""
        fabric = self.get_object()
        same_cluster = fabrics_of_same_cluster(fabric, request.user)
        return Response(serializers.FabricStatusSerializer(
            {**fabric_status([fabric])[0], 'same_cluster': same_cluster},
        ).data)

    @extend_schema(responses={200: serializers.CablingSummarySerializer}, filters=False)
    @action(detail=True, methods=['get'])
    def cabling(self, request: Request, pk: int) -> Response:
        """Return how many links are in which state, and hints. `cabling/?fabric_id=` lists the links."""
        if not request.user.has_perm('netbox_hedgehog.view_cablingcheck'):
            raise PermissionDenied
        checks = CablingCheck.objects.restrict(request.user, 'view').filter(fabric=self.get_object())
        return Response(serializers.CablingSummarySerializer(cabling_summary(checks)).data)

    @extend_schema(
        parameters=[
            OpenApiParameter(name, str, required=True, description='Server, VPC/subnet, address or external NAME.')
            for name in ('from', 'to')
        ],
        responses={200: ReachabilitySerializer, 400: {
            'type': 'object', 'properties': {'detail': {'type': 'string'}},
        }},
        filters=False,
    )
    @action(detail=True, methods=['get'])
    def reachability(self, request: Request, pk: int) -> Response:
        """Return whether `from` and `to` reach each other, and what decides it. 400 if an end is not understood."""
        if not request.user.has_perm('netbox_hedgehog.view_fabricresource'):
            raise PermissionDenied
        source, target = request.query_params.get('from', ''), request.query_params.get('to', '')
        try:
            reached = reach(self.get_object(), source, target, request.user)
        except QuestionError as error:
            raise ValidationError({'detail': str(error)}) from None
        return Response(ReachabilitySerializer(answer_as_dict(reached)).data)


class FabricResourceViewSet(NetBoxReadOnlyModelViewSet):
    queryset = FabricResource.objects.select_related('fabric')
    serializer_class = serializers.FabricResourceSerializer
    filterset_class = filtersets.FabricResourceFilterSet


class SwitchHealthViewSet(RestrictedRelations, NetBoxReadOnlyModelViewSet):
    queryset = SwitchHealth.objects.select_related('fabric')
    # Manifests are megabytes for a page of agents, and not part of the answer.
    relations = [restricted(name, FabricResource.objects.defer(*MANIFEST)) for name in ('resource', 'agent')]
    serializer_class = serializers.SwitchHealthSerializer
    filterset_class = filtersets.SwitchHealthFilterSet


class CablingCheckViewSet(RestrictedRelations, NetBoxReadOnlyModelViewSet):
    queryset = CablingCheck.objects.select_related('fabric')
    relations = [restricted('resource', FabricResource.objects.defer(*MANIFEST))]
    serializer_class = serializers.CablingCheckSerializer
    filterset_class = filtersets.CablingCheckFilterSet


class FabricEventViewSet(NetBoxReadOnlyModelViewSet):
    queryset = FabricEvent.objects.select_related('fabric')
    serializer_class = serializers.FabricEventSerializer
    filterset_class = filtersets.FabricEventFilterSet


class HealthView(APIView):
    """Status of workers, schedulers and queue, with issues. Requires the permission to view fabrics."""

    permission_classes = [IsAuthenticatedOrLoginNotRequired]

    @extend_schema(responses={200: serializers.HealthSerializer})
    def get(self, request: Request) -> Response:
        if not request.user.has_perm('netbox_hedgehog.view_fabric'):
            raise PermissionDenied
        health = worker_health(Fabric.objects.restrict(request.user, 'view'))
        return Response(serializers.HealthSerializer(health.as_dict()).data)
