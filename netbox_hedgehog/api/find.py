"""REST API: find an address, MAC address, name or number in all fabrics."""

from typing import Any

from drf_spectacular.utils import OpenApiParameter, extend_schema
from netbox.api.authentication import IsAuthenticatedOrLoginNotRequired
from rest_framework import serializers
from rest_framework.exceptions import PermissionDenied, ValidationError
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from ..hedgehog.terms import EXAMPLES, TermError, read_term
from ..numbers import is_number
from ..presentation.find.data import as_data
from ..presentation.find.lookup import SHOWN, find

__all__ = ('FindView',)

# How many answers can be asked for at most, and the digits of such a number.
MOST, DIGITS = 100, 3


class FoundFabricSerializer(serializers.Serializer):
    """The fabric of an answer."""

    id = serializers.IntegerField()
    name = serializers.CharField()


class FoundResourceSerializer(serializers.Serializer):
    """The resource that an answer comes from. The id is null for what NetBox itself has."""

    id = serializers.IntegerField(allow_null=True)
    kind = serializers.CharField()
    name = serializers.CharField()


class FoundLinkSerializer(serializers.Serializer):
    """A part of the line that has a page."""

    text = serializers.CharField()
    url = serializers.CharField()


class FoundObjectSerializer(serializers.Serializer):
    """A NetBox object that an answer leads to."""

    object_type = serializers.CharField()
    id = serializers.IntegerField()
    display = serializers.CharField()
    url = serializers.CharField()


class AnswerSerializer(serializers.Serializer):
    """One answer. `line` is all of it in words."""

    line = serializers.CharField()
    type = serializers.CharField(
        help_text='lease, neighbor, port, name, netbox (a managed object), or what a resource has: address, prefix, '
                  'mac, serial, asn, vlan, vni, asn range, vlan range',
    )
    exact = serializers.BooleanField()
    fabric = FoundFabricSerializer(allow_null=True)
    resource = FoundResourceSerializer()
    as_of = serializers.DateTimeField(allow_null=True, help_text='When the cluster last showed it.')
    deleted_since = serializers.DateTimeField(allow_null=True, help_text='When it was found deleted.')
    links = FoundLinkSerializer(many=True)
    objects = FoundObjectSerializer(many=True)


class FoundSerializer(serializers.Serializer):
    """The answers, exact matches first. `sentence` says why there are none."""

    q = serializers.CharField()
    answers = AnswerSerializer(many=True)
    more = serializers.IntegerField(help_text='How many answers are not listed.')
    more_is_minimum = serializers.BooleanField(help_text='Whether even more may match.')
    sentence = serializers.CharField(allow_blank=True)


class FindView(APIView):
    """Find an address, MAC address, name or number. Requires the permission to view fabric resources."""

    permission_classes = [IsAuthenticatedOrLoginNotRequired]

    @extend_schema(operation_id='plugins_hedgehog_find', responses={200: FoundSerializer}, parameters=[
        OpenApiParameter('q', str, required=True, description=f'What to find: {EXAMPLES}'),
        OpenApiParameter('limit', int, description=f'How many answers to list ({SHOWN}; at most {MOST})'),
    ])
    def get(self, request: Request) -> Response:
        if not request.user.has_perm('netbox_hedgehog.view_fabricresource'):
            raise PermissionDenied
        entered, limit = request.query_params.get('q', ''), request.query_params.get('limit', str(SHOWN))
        if not is_number(limit, DIGITS) or not 1 <= int(limit) <= MOST:
            raise ValidationError({'limit': [f'Enter a whole number from 1 to {MOST}.']})
        try:
            read_term(entered)
        except TermError as error:
            raise ValidationError({'q': [str(error)]}) from None
        data: dict[str, Any] = as_data(find(request.user, entered, int(limit)))
        return Response(FoundSerializer(data).data)
