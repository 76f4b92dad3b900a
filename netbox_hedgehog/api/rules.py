"""REST API of inventory rules, and of what they match."""

from drf_spectacular.utils import extend_schema
from netbox.api.viewsets import NetBoxModelViewSet
from rest_framework import serializers, status
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from .. import filtersets
from ..hedgehog.rules import PatternError
from ..models import InventoryRule
from ..presentation.rules import matches_of
from .serializers import InventoryRuleSerializer

__all__ = ('InventoryRuleViewSet',)


class MatchedResourceSerializer(serializers.Serializer):
    """A resource that a rule matches."""

    id = serializers.IntegerField()
    kind = serializers.CharField()
    name = serializers.CharField()


class MatchesSerializer(serializers.Serializer):
    """What a rule matches, among the resources that the user may view."""

    sentence = serializers.CharField()
    counts = serializers.DictField(child=serializers.IntegerField())
    resources = serializers.ListField(child=MatchedResourceSerializer())


class InventoryRuleViewSet(NetBoxModelViewSet):
    queryset = InventoryRule.objects.select_related('fabric')
    serializer_class = InventoryRuleSerializer
    filterset_class = filtersets.InventoryRuleFilterSet

    @extend_schema(
        responses={200: MatchesSerializer, 409: {'type': 'object', 'properties': {'detail': {'type': 'string'}}}},
        filters=False,
    )
    @action(detail=True, methods=['get'])
    def matches(self, request: Request, pk: int) -> Response:
        """Return the resources that match the conditions of this rule now. 409 if these cannot be used."""
        rule = self.get_object()
        try:
            conditions = rule.conditions
        except PatternError as error:  # saved without validation, by a script
            return Response({'detail': str(error)}, status=status.HTTP_409_CONFLICT)
        found = matches_of(rule.fabric, [conditions], request.user)[0]
        return Response(MatchesSerializer({
            'sentence': found.sentence, 'counts': found.counts,
            'resources': [{'id': pk, 'kind': kind, 'name': name} for kind, name, pk in found.resources],
        }).data)
