"""REST API of the inventory: links and discrepancies, and what is decided about these."""

from django.shortcuts import get_object_or_404
from drf_spectacular.utils import extend_schema
from netbox.api.authentication import TokenPermissions
from netbox.api.viewsets import NetBoxReadOnlyModelViewSet
from rest_framework import serializers, status
from rest_framework.decorators import action
from rest_framework.exceptions import PermissionDenied, ValidationError
from rest_framework.response import Response

from .. import filtersets
from ..decisions import DECISIONS, decide
from ..inventory.errors import InventoryRefused, NotPermitted
from ..models import Discrepancy, InventoryLink
from .serializers import DiscrepancySerializer, InventoryLinkSerializer

__all__ = ('DiscrepancyViewSet', 'InventoryLinkViewSet')


class InventoryLinkViewSet(NetBoxReadOnlyModelViewSet):
    queryset = InventoryLink.objects.select_related('fabric').prefetch_related('object')
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


class DiscrepancyViewSet(NetBoxReadOnlyModelViewSet):
    queryset = Discrepancy.objects.select_related('fabric', 'link').prefetch_related('object')
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
