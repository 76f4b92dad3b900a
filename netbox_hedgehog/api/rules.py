"""REST API of inventory rules, and of what they match."""

from typing import Any

from dcim.api.serializers import DeviceRoleSerializer, LocationSerializer, SiteSerializer
from django.core.exceptions import ValidationError as ModelError
from drf_spectacular.utils import extend_schema
from extras.models import Tag
from netbox.api.fields import SerializedPKRelatedField
from netbox.api.serializers import NestedTagSerializer, PrimaryModelSerializer
from netbox.api.viewsets import NetBoxModelViewSet
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response
from tenancy.api.serializers import TenantSerializer

from .. import filtersets
from ..choices import InventoryRuleKindChoices
from ..models import Fabric, InventoryRule
from ..presentation.rules import matches_of
from ..presentation.visible import may_view_fabric
from .serializers import NestedFabricSerializer

__all__ = ('InventoryRuleSerializer', 'InventoryRuleViewSet')


class InventoryRuleSerializer(PrimaryModelSerializer):
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
        except ModelError as error:
            raise serializers.ValidationError(error.message_dict if hasattr(error, 'error_dict') else error.messages) \
                from None
        return data


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

    @extend_schema(responses={200: MatchesSerializer}, filters=False)
    @action(detail=True, methods=['get'])
    def matches(self, request: Request, pk: int) -> Response:
        """Return the resources that match the conditions of this rule now."""
        rule = self.get_object()
        found = matches_of(rule.fabric, [rule.conditions], request.user)[0]
        return Response(MatchesSerializer({
            'sentence': found.sentence, 'counts': found.counts,
            'resources': [{'id': pk, 'kind': kind, 'name': name} for kind, name, pk in found.resources],
        }).data)
