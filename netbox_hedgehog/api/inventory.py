"""REST API of the inventory: links, discrepancies and what is decided about these, dry runs and what is applied."""

from django.shortcuts import get_object_or_404
from drf_spectacular.utils import OpenApiParameter, extend_schema
from netbox.api.authentication import TokenPermissions
from netbox.api.viewsets import NetBoxReadOnlyModelViewSet
from redis.exceptions import RedisError
from rest_framework import serializers, status
from rest_framework.decorators import action
from rest_framework.exceptions import PermissionDenied, ValidationError
from rest_framework.response import Response

from .. import filtersets
from ..inventory.decisions import DECISIONS, decide
from ..inventory.disable import disable_inventory
from ..inventory.errors import InventoryRefused, NotPermitted
from ..jobs.apply import actions_of
from ..jobs.inventory import APPLY, CONFIRM, REDIS_AWAY, REMOVE, InventoryJob
from ..models import Discrepancy, InventoryLink
from ..numbers import is_number
from ..presentation import plans
from ..presentation.findings import findings_for
from ..presentation.visible import RestrictedRelations, restricted, restricted_object
from .serializers import DiscrepancySerializer, InventoryLinkSerializer, QueuedSerializer

__all__ = ('DiscrepancyViewSet', 'InventoryActions', 'InventoryLinkViewSet')

# How many actions one answer of a dry run holds, unless `limit` says otherwise, and at most.
PLAN_LIMIT = 1000
PLAN_MOST = 10_000

# Digits of a number in a query.
PLAN_DIGITS = 9


class InventoryLinkViewSet(RestrictedRelations, NetBoxReadOnlyModelViewSet):
    queryset = InventoryLink.objects.select_related('fabric')
    relations = [restricted_object]
    serializer_class = InventoryLinkSerializer
    filterset_class = filtersets.InventoryLinkFilterSet


class DecisionSerializer(serializers.Serializer):
    """What is decided: fabric (take its value), netbox (keep its value), ignore or reopen."""

    decision = serializers.ChoiceField(choices=list(DECISIONS))


class BulkDecisionSerializer(DecisionSerializer):
    """The same for many."""

    ids = serializers.ListField(child=serializers.IntegerField(), allow_empty=False, max_length=10_000)


class SettledSerializer(serializers.Serializer):
    """How many were settled, and a sentence on those that were not."""

    settled = serializers.IntegerField()
    detail = serializers.CharField(allow_blank=True)


class TokenResolvePermission(TokenPermissions):
    """The permission to resolve in place of the one to add, which a POST otherwise maps to."""

    perms_map = {
        **TokenPermissions.perms_map,
        'POST': ['%(app_label)s.resolve_%(model_name)s'],
    }


class DiscrepancyViewSet(RestrictedRelations, NetBoxReadOnlyModelViewSet):
    queryset = Discrepancy.objects.select_related('fabric')
    relations = [restricted('link', InventoryLink.objects.all()), restricted_object]
    serializer_class = DiscrepancySerializer
    filterset_class = filtersets.DiscrepancyFilterSet

    def get_permissions(self):
        if self.action in ('resolve', 'bulk_resolve'):
            return [TokenResolvePermission()]
        return super().get_permissions()

    @extend_schema(request=DecisionSerializer, responses={200: SettledSerializer})
    @action(detail=True, methods=['post'])
    def resolve(self, request, pk):
        """Decide one discrepancy. 403 where the NetBox object may not be changed, 409 where that cannot be decided."""
        discrepancy = get_object_or_404(Discrepancy, pk=pk)
        if not request.user.has_perm('netbox_hedgehog.resolve_discrepancy', discrepancy):
            if request.user.has_perm('netbox_hedgehog.view_discrepancy', discrepancy):
                raise PermissionDenied('This user does not have permission to resolve this discrepancy.')
            get_object_or_404(Discrepancy.objects.none())
        data = DecisionSerializer(data=request.data)
        data.is_valid(raise_exception=True)
        return self._carry_out([discrepancy], data.validated_data['decision'])

    @extend_schema(request=BulkDecisionSerializer, responses={200: SettledSerializer}, filters=False)
    @action(detail=False, methods=['post'], url_path='resolve', url_name='bulk-resolve')
    def bulk_resolve(self, request):
        """Decide many discrepancies in the same way: all of them must be there, and this user's to resolve."""
        data = BulkDecisionSerializer(data=request.data)
        data.is_valid(raise_exception=True)
        ids = set(data.validated_data['ids'])
        found = list(
            Discrepancy.objects.restrict(request.user, 'resolve').filter(pk__in=ids).select_related('fabric', 'link')
        )
        if missing := sorted(ids - {discrepancy.pk for discrepancy in found}):
            raise ValidationError({'ids': [
                f'There is no discrepancy {", ".join(map(str, missing[:10]))} that this user may resolve. '
                'Nothing was decided.'
            ]})
        return self._carry_out(found, data.validated_data['decision'])

    def _carry_out(self, discrepancies, decision):
        try:
            settled, left = decide(discrepancies, decision, self.request.user)
        except NotPermitted as refusal:
            raise PermissionDenied(str(refusal)) from None
        except InventoryRefused as refusal:
            return Response({'settled': 0, 'detail': str(refusal)}, status=status.HTTP_409_CONFLICT)
        code = status.HTTP_200_OK if settled else status.HTTP_409_CONFLICT
        return Response({'settled': settled, 'detail': left}, status=code)


class PlanSerializer(serializers.Serializer):
    """What a run would do now, and under which digest that can be applied."""

    digest = serializers.CharField()
    counts = serializers.DictField(child=serializers.IntegerField())
    groups = serializers.ListField(child=serializers.DictField())
    unchanged = serializers.IntegerField()
    held = serializers.ListField(child=serializers.CharField())
    held_digest = serializers.CharField(allow_blank=True)
    refused_actions = serializers.ListField(child=serializers.DictField())
    held_actions = serializers.ListField(child=serializers.DictField())
    findings = serializers.ListField(child=serializers.DictField())
    action_count = serializers.IntegerField()
    actions = serializers.ListField(child=serializers.DictField())
    may_apply = serializers.BooleanField()
    why_not = serializers.CharField(allow_blank=True)


class DigestSerializer(serializers.Serializer):
    """The digest of the plan that was seen: exactly that is done, or nothing."""

    digest = serializers.CharField(min_length=32, max_length=32)


class TurnOffSerializer(serializers.Serializer):
    """What becomes of the objects: they are left, or those that were created are removed, as the digest says."""

    objects = serializers.ChoiceField(choices=('leave', 'remove'))
    digest = serializers.CharField(required=False, allow_blank=True)


class LeftSerializer(serializers.Serializer):
    """That the inventory is off, and how many objects were left as they are."""

    sentence = serializers.CharField()


REFUSED = {'type': 'object', 'properties': {'detail': {'type': 'string'}}}
QUEUED = {202: QueuedSerializer, 403: REFUSED, 409: REFUSED}


class InventoryActions:
    """The actions of a fabric that concern its inventory; a part of FabricViewSet."""

    sync_actions = ('inventory_apply', 'inventory_confirm', 'inventory_turn_off')

    @extend_schema(
        responses={200: PlanSerializer, 409: REFUSED}, filters=False,
        parameters=[
            OpenApiParameter('limit', int, description='How many actions to list (1000; 0 for none)'),
            OpenApiParameter('offset', int, description='After how many actions to begin'),
            OpenApiParameter('of', str, enum=['run', 'removal'], description='What a run would do, or turning off'),
        ],
    )
    @action(detail=True, methods=['get'], url_path='inventory/plan', url_name='inventory-plan')
    def inventory_plan(self, request, pk):
        """A dry run: what a run of this fabric's inventory would do now. Nothing is written."""
        fabric = self.get_object()
        what = REMOVE if request.query_params.get('of') == 'removal' else APPLY
        limit = min(_number(request, 'limit', PLAN_LIMIT), PLAN_MOST)
        offset = _number(request, 'offset', 0)
        try:
            seen = actions_of(fabric, what)
        except InventoryRefused as refusal:
            return Response({'detail': str(refusal)}, status=status.HTTP_409_CONFLICT)
        why_not = plans.may_apply(request.user, fabric, seen.attempted)
        content = seen.as_dict()
        return Response(PlanSerializer({
            **content,
            'groups': [
                {'subject': group.subject, 'model': group.model, 'verb': group.verb, 'count': group.count}
                for _subject, _title, members in plans.groups(seen.actions) for group in members
            ],
            'action_count': len(content['actions']),
            'actions': plans.veiled(content['actions'][offset:offset + limit], request.user),
            'refused_actions': plans.veiled(content['refused_actions'][:limit], request.user),
            'held_actions': plans.veiled(content['held_actions'][:limit], request.user),
            'findings': findings_for(request.user, fabric, seen.findings, names=plans.new_names(seen))[0],
            'may_apply': not why_not,
            'why_not': why_not,
        }).data)

    @extend_schema(request=DigestSerializer, responses=QUEUED)
    @action(detail=True, methods=['post'], url_path='inventory/apply', url_name='inventory-apply')
    def inventory_apply(self, request, pk):
        """Queue a job that applies exactly the plan with this digest. 409 where either side has moved since."""
        return self._with_digest(request, pk, APPLY)

    @extend_schema(request=DigestSerializer, responses=QUEUED)
    @action(detail=True, methods=['post'], url_path='inventory/confirm-removal', url_name='inventory-confirm')
    def inventory_confirm(self, request, pk):
        """Queue a job that does what needs confirmation: `held_digest` of the plan, or of `inventory_held`."""
        return self._with_digest(request, pk, CONFIRM)

    @extend_schema(request=TurnOffSerializer, responses={200: LeftSerializer, **QUEUED})
    @action(detail=True, methods=['post'], url_path='inventory/turn-off', url_name='inventory-turn-off')
    def inventory_turn_off(self, request, pk):
        """Disable the inventory: leave its objects at once, or queue a job that removes those that it has created."""
        fabric = self._permitted(pk)
        if not request.user.has_perm('netbox_hedgehog.change_fabric', obj=fabric):
            raise PermissionDenied('Switching the inventory off takes the permission to change this fabric.')
        data = TurnOffSerializer(data=request.data)
        data.is_valid(raise_exception=True)
        if data.validated_data['objects'] == 'leave':
            count = disable_inventory(fabric)
            left = 'One object was left as it is.' if count == 1 else f'{count} objects were left as they are.'
            return Response({'sentence': left})
        digest = data.validated_data.get('digest')
        if not digest:
            raise ValidationError({'digest': ['Look at GET inventory/plan/?of=removal first, and send its digest.']})
        return self._do(fabric, REMOVE, digest)

    def _with_digest(self, request, pk, what):
        fabric = self._permitted(pk)
        data = DigestSerializer(data=request.data)
        data.is_valid(raise_exception=True)
        return self._do(fabric, what, data.validated_data['digest'])

    def _do(self, fabric, what, digest):
        try:
            job = InventoryJob.request(fabric, self.request.user, what, digest)
        except NotPermitted as refusal:
            raise PermissionDenied(str(refusal)) from None
        except InventoryRefused as refusal:
            return Response({'detail': str(refusal)}, status=status.HTTP_409_CONFLICT)
        except (RedisError, OSError):
            return Response({'detail': REDIS_AWAY}, status=status.HTTP_503_SERVICE_UNAVAILABLE)
        return Response(QueuedSerializer(job).data, status=status.HTTP_202_ACCEPTED)


def _number(request, name, default):
    value = request.query_params.get(name)
    if value is None:
        return default
    if not is_number(value, PLAN_DIGITS):
        raise ValidationError({name: ['Enter a whole number.']})
    return int(value)
