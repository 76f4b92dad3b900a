"""REST API of the inventory: managed objects, discrepancies and their resolution, plans and applying them."""

from collections.abc import Callable, Iterable
from typing import Any

from django.shortcuts import get_object_or_404
from drf_spectacular.utils import OpenApiParameter, extend_schema
from netbox.api.viewsets import NetBoxReadOnlyModelViewSet
from redis.exceptions import RedisError
from rest_framework import serializers, status
from rest_framework.decorators import action
from rest_framework.exceptions import PermissionDenied, ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from .. import filtersets
from ..inventory.decisions import DECISIONS, decide
from ..inventory.disable import disable_inventory
from ..inventory.errors import InventoryRefused, NotPermitted
from ..jobs.inventory import APPLY, APPLY_RULES, CONFIRM, REDIS_AWAY, REMOVE, InventoryJob, plan_of
from ..models import Discrepancy, Fabric, InventoryLink
from ..numbers import is_number
from ..presentation import plans
from ..presentation.findings import findings_for
from ..presentation.visible import RestrictedRelations, restricted, restricted_object
from .permissions import TokenResolvePermission
from .serializers import DiscrepancySerializer, InventoryLinkSerializer, QueuedSerializer

__all__ = ('DiscrepancyViewSet', 'InventoryActions', 'InventoryLinkViewSet')

# How many actions one answer of a dry run has by default, and at most.
PLAN_LIMIT = 1000
PLAN_MOST = 10_000

# The plans that can be asked for.
PLANS = {'sync': APPLY, 'rules': APPLY_RULES, 'removal': REMOVE}

# Digits of a number in a query.
PLAN_DIGITS = 9


class InventoryLinkViewSet(RestrictedRelations, NetBoxReadOnlyModelViewSet):
    queryset = InventoryLink.objects.select_related('fabric')
    relations = [restricted_object]
    serializer_class = InventoryLinkSerializer
    filterset_class = filtersets.InventoryLinkFilterSet


class DecisionSerializer(serializers.Serializer):
    """The decision: fabric (use the fabric value), netbox (keep the NetBox value), ignore or reopen."""

    decision = serializers.ChoiceField(choices=list(DECISIONS))


class BulkDecisionSerializer(DecisionSerializer):
    """The decision for several discrepancies."""

    ids = serializers.ListField(child=serializers.IntegerField(), allow_empty=False, max_length=10_000)


class ResolvedSerializer(serializers.Serializer):
    """How many discrepancies were resolved, and why the others were not."""

    resolved = serializers.IntegerField()
    detail = serializers.CharField(allow_blank=True)


class DiscrepancyViewSet(RestrictedRelations, NetBoxReadOnlyModelViewSet):
    queryset = Discrepancy.objects.select_related('fabric')
    relations = [restricted('link', InventoryLink.objects.all()), restricted_object]
    serializer_class = DiscrepancySerializer
    filterset_class = filtersets.DiscrepancyFilterSet

    def get_permissions(self) -> list[Any]:
        if self.action in ('resolve', 'bulk_resolve'):
            return [TokenResolvePermission()]
        return super().get_permissions()

    @extend_schema(request=DecisionSerializer, responses={200: ResolvedSerializer})
    @action(detail=True, methods=['post'])
    def resolve(self, request: Request, pk: int) -> Response:
        """Resolve one discrepancy. 403 without permission to change the object, 409 if the decision does not apply."""
        discrepancy = get_object_or_404(Discrepancy, pk=pk)
        if not request.user.has_perm('netbox_hedgehog.resolve_discrepancy', discrepancy):
            if request.user.has_perm('netbox_hedgehog.view_discrepancy', discrepancy):
                raise PermissionDenied('You do not have permission to resolve this discrepancy.')
            get_object_or_404(Discrepancy.objects.none())
        data = DecisionSerializer(data=request.data)
        data.is_valid(raise_exception=True)
        return self._apply_decision([discrepancy], data.validated_data['decision'])

    @extend_schema(request=BulkDecisionSerializer, responses={200: ResolvedSerializer}, filters=False)
    @action(detail=False, methods=['post'], url_path='resolve', url_name='bulk-resolve')
    def bulk_resolve(self, request: Request) -> Response:
        """Resolve several discrepancies in the same way. The user must have permission to resolve each of them."""
        data = BulkDecisionSerializer(data=request.data)
        data.is_valid(raise_exception=True)
        ids = set(data.validated_data['ids'])
        found = list(
            Discrepancy.objects.restrict(request.user, 'resolve').filter(pk__in=ids).select_related('fabric', 'link')
        )
        if missing := sorted(ids - {discrepancy.pk for discrepancy in found}):
            raise ValidationError({'ids': [
                f'Discrepancy {", ".join(map(str, missing[:10]))} does not exist, or you do not have permission to '
                'resolve it. Nothing was changed.'
            ]})
        return self._apply_decision(found, data.validated_data['decision'])

    def _apply_decision(self, discrepancies: Iterable[Discrepancy], decision: str) -> Response:
        try:
            resolved, left = decide(discrepancies, decision, self.request.user)
        except NotPermitted as refusal:
            raise PermissionDenied(str(refusal)) from None
        except InventoryRefused as refusal:
            return Response({'resolved': 0, 'detail': str(refusal)}, status=status.HTTP_409_CONFLICT)
        code = status.HTTP_200_OK if resolved else status.HTTP_409_CONFLICT
        return Response({'resolved': resolved, 'detail': left}, status=code)


class PlanSerializer(serializers.Serializer):
    """Pending changes, and the digest with which they can be applied."""

    digest = serializers.CharField()
    counts = serializers.DictField(child=serializers.IntegerField())
    groups = serializers.ListField(child=serializers.DictField())
    unchanged = serializers.IntegerField()
    requires_confirmation = serializers.ListField(child=serializers.CharField())
    confirmation_digest = serializers.CharField(allow_blank=True)
    refused_actions = serializers.ListField(child=serializers.DictField())
    unconfirmed_actions = serializers.ListField(child=serializers.DictField())
    findings = serializers.ListField(child=serializers.DictField())
    action_count = serializers.IntegerField()
    actions = serializers.ListField(child=serializers.DictField())
    may_apply = serializers.BooleanField()
    why_not = serializers.CharField(allow_blank=True)


class DigestSerializer(serializers.Serializer):
    """The digest of the reviewed plan. Nothing is done if anything has changed since."""

    digest = serializers.CharField(min_length=32, max_length=32)


class DisableSerializer(serializers.Serializer):
    """What happens to the objects: leave keeps all, remove (with digest) deletes those created by the plugin."""

    objects = serializers.ChoiceField(choices=('leave', 'remove'))
    digest = serializers.CharField(required=False, allow_blank=True)


class LeftSerializer(serializers.Serializer):
    """How many objects were kept when the inventory was disabled."""

    sentence = serializers.CharField()


REFUSED = {'type': 'object', 'properties': {'detail': {'type': 'string'}}}
QUEUED = {202: QueuedSerializer, 403: REFUSED, 409: REFUSED}


class InventoryActions:
    """The actions of a fabric that concern its inventory; a part of FabricViewSet."""

    request: Any
    get_object: Callable[[], Any]
    _permitted: Callable[[int], Fabric]

    sync_actions = ('inventory_apply', 'inventory_apply_rules', 'inventory_confirm', 'inventory_disable')

    @extend_schema(
        responses={200: PlanSerializer, 409: REFUSED}, filters=False,
        parameters=[
            OpenApiParameter('limit', int, description='How many actions to list (1000; 0 for none)'),
            OpenApiParameter('offset', int, description='How many actions to skip'),
            OpenApiParameter(
                'of', str, enum=['sync', 'rules', 'removal'],
                description='Changes of an inventory sync, with those of rules to existing objects, or of disabling '
                            'the inventory',
            ),
        ],
    )
    @action(detail=True, methods=['get'], url_path='inventory/plan', url_name='inventory-plan')
    def inventory_plan(self, request: Request, pk: int) -> Response:
        """Return the pending changes of this fabric (dry run). Nothing is written."""
        fabric = self.get_object()
        what = PLANS.get(request.query_params.get('of', ''), APPLY)
        limit = min(_number(request, 'limit', PLAN_LIMIT), PLAN_MOST)
        offset = _number(request, 'offset', 0)
        try:
            seen = plan_of(fabric, what)
        except InventoryRefused as refusal:
            return Response({'detail': str(refusal)}, status=status.HTTP_409_CONFLICT)
        why_not = plans.may_apply(request.user, fabric, seen.attempted)
        content = seen.as_dict()
        return Response(PlanSerializer({
            **content,
            'groups': [
                {'scope': group.scope, 'model': group.model, 'type': group.type, 'count': group.count}
                for _scope, _title, members in plans.groups(seen.actions) for group in members
            ],
            'action_count': len(content['actions']),
            'actions': plans.redact(content['actions'][offset:offset + limit], request.user),
            'refused_actions': plans.redact(content['refused_actions'][:limit], request.user),
            'unconfirmed_actions': plans.redact(content['unconfirmed_actions'][:limit], request.user),
            'findings': findings_for(request.user, fabric, seen.findings, names=plans.new_names(seen))[0],
            'may_apply': not why_not,
            'why_not': why_not,
        }).data)

    @extend_schema(request=DigestSerializer, responses=QUEUED)
    @action(detail=True, methods=['post'], url_path='inventory/apply', url_name='inventory-apply')
    def inventory_apply(self, request: Request, pk: int) -> Response:
        """Queue a job that applies the plan with this digest. 409 if anything has changed since."""
        return self._with_digest(request, pk, APPLY)

    @extend_schema(request=DigestSerializer, responses=QUEUED)
    @action(detail=True, methods=['post'], url_path='inventory/apply-rules', url_name='inventory-apply-rules')
    def inventory_apply_rules(self, request: Request, pk: int) -> Response:
        """Queue a job that applies the plan with this digest: that of `inventory/plan/?of=rules`."""
        return self._with_digest(request, pk, APPLY_RULES)

    @extend_schema(request=DigestSerializer, responses=QUEUED)
    @action(detail=True, methods=['post'], url_path='inventory/confirm-removal', url_name='inventory-confirm')
    def inventory_confirm(self, request: Request, pk: int) -> Response:
        """Queue a job that confirms removals: `confirmation_digest` of the plan, or of `inventory_unconfirmed`."""
        return self._with_digest(request, pk, CONFIRM)

    @extend_schema(request=DisableSerializer, responses={200: LeftSerializer, **QUEUED})
    @action(detail=True, methods=['post'], url_path='inventory/disable', url_name='inventory-disable')
    def inventory_disable(self, request: Request, pk: int) -> Response:
        """Disable the inventory: keep its objects, or queue a job that deletes those created by the plugin."""
        fabric = self._permitted(pk)
        if not request.user.has_perm('netbox_hedgehog.change_fabric', obj=fabric):
            raise PermissionDenied('You do not have permission to change this fabric.')
        data = DisableSerializer(data=request.data)
        data.is_valid(raise_exception=True)
        if data.validated_data['objects'] == 'leave':
            count = disable_inventory(fabric)
            left = '1 object kept.' if count == 1 else f'{count} objects kept.'
            return Response({'sentence': left})
        digest = data.validated_data.get('digest')
        if not digest:
            raise ValidationError({'digest': ['Get the digest from GET inventory/plan/?of=removal first.']})
        return self._do(fabric, REMOVE, digest)

    def _with_digest(self, request: Request, pk: int, what: str) -> Response:
        fabric = self._permitted(pk)
        data = DigestSerializer(data=request.data)
        data.is_valid(raise_exception=True)
        return self._do(fabric, what, data.validated_data['digest'])

    def _do(self, fabric: Fabric, what: str, digest: str) -> Response:
        try:
            job = InventoryJob.request(fabric, self.request.user, what, digest)
        except NotPermitted as refusal:
            raise PermissionDenied(str(refusal)) from None
        except InventoryRefused as refusal:
            return Response({'detail': str(refusal)}, status=status.HTTP_409_CONFLICT)
        except (RedisError, OSError):
            return Response({'detail': REDIS_AWAY}, status=status.HTTP_503_SERVICE_UNAVAILABLE)
        return Response(QueuedSerializer(job).data, status=status.HTTP_202_ACCEPTED)


def _number(request: Request, name: str, default: int) -> int:
    value = request.query_params.get(name)
    if value is None:
        return default
    if not is_number(value, PLAN_DIGITS):
        raise ValidationError({name: ['Enter a whole number.']})
    return int(value)
