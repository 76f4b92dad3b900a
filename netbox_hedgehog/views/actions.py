"""Actions of the buttons on a fabric's page."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from netbox.views.generic.base import BaseObjectView
from utilities.views import GetReturnURLMixin

from ..models import Fabric
from ..sensitive import TakesSecrets

__all__ = ('FabricAction',)


class FabricAction(TakesSecrets, GetReturnURLMixin, BaseObjectView):
    """An action on one fabric by POST, which requires the permission to sync it."""

    queryset = Fabric.objects.all()

    def get_required_permission(self) -> str:
        return 'netbox_hedgehog.sync_fabric'

    def get(self, request: HttpRequest, pk: int) -> HttpResponse:
        return redirect(get_object_or_404(self.queryset, pk=pk).get_absolute_url())

    def post(self, request: HttpRequest, pk: int) -> HttpResponse:
        fabric = get_object_or_404(self.queryset, pk=pk)
        self.act(request, fabric)
        return redirect(self.get_return_url(request, fabric))
