"""Add and edit a fabric. Its connection is tested before it is saved."""

from collections.abc import Callable
from functools import partial
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from netbox.views import generic
from utilities.forms.utils import restrict_form_fields
from utilities.htmx import htmx_partial
from utilities.views import register_model_view

from .. import forms
from ..choices import ConnectionStatusChoices
from ..cluster.probe import Probe
from ..jobs.probe import TooManyTests, check_settings
from ..models import Fabric
from ..monitoring.shared_clusters import fabrics_with_resources, same_cluster_sentence
from ..sensitive import TakesSecrets

__all__ = ('FabricEditView',)

# Name of the button that tests the connection and saves nothing.
TEST = '_test_connection'


@register_model_view(Fabric, 'add', detail=False)
@register_model_view(Fabric, 'edit')
class FabricEditView(TakesSecrets, generic.ObjectEditView):
    queryset = Fabric.objects.all()
    form: Callable[..., forms.FabricForm] = forms.FabricForm
    template_name = 'netbox_hedgehog/fabric_edit.html'

    def setup(self, request: HttpRequest, *args: Any, **kwargs: Any) -> None:
        super().setup(request, *args, **kwargs)
        self.form = partial(forms.FabricForm, test=self._why_it_cannot_be_synced)

    def alter_object(self, obj: Any, request: HttpRequest, url_args: Any, url_kwargs: Any) -> Any:
        self.had_inventory = obj.inventory_enabled
        return obj

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if TEST in request.POST:
            return self._test_entered(request, **kwargs)
        return super().post(request, *args, **kwargs)

    def get_return_url(self, request: HttpRequest, obj: Any = None) -> str:
        paused = request.method == 'POST' and self.had_inventory and obj.pk and not obj.inventory_enabled
        if paused and obj.inventory_links.exists() and request.user.has_perm('netbox_hedgehog.sync_fabric', obj):
            # Ask what happens to its objects. Users without permission for that have only paused the inventory.
            return reverse('plugins:netbox_hedgehog:fabric_inventory_disable', kwargs={'pk': obj.pk})
        return super().get_return_url(request, obj)

    def _test_entered(self, request: HttpRequest, **kwargs: Any) -> HttpResponse:
        """Test the connection as it is entered, and show the result. Errors in other fields do not matter for it."""
        fabric = self.alter_object(self.get_object(**kwargs), request, (), kwargs)
        form = forms.FabricForm(data=request.POST, files=request.FILES, instance=fabric)
        restrict_form_fields(form, request.user)
        context: dict[str, Any] = {'refused': form.connection_errors}
        if not context['refused']:
            try:
                found = check_settings(fabric, request.user)
            except TooManyTests as refusal:
                context['refused'] = [str(refusal)]
            else:
                context |= {'found': found, 'same_cluster': self._same_cluster(fabric, found)}
        if htmx_partial(request):
            return render(request, 'netbox_hedgehog/inc/connection_test.html', context)
        return render(request, self.template_name, {
            'model': Fabric, 'object': fabric, 'form': form, 'return_url': self.get_return_url(request, fabric),
            **context,
        })

    def _why_it_cannot_be_synced(self, fabric: Fabric) -> list[str]:
        """Test the connection of a fabric that is about to be synced for the first time.

        Return why it cannot be synced, as sentences; nothing if at least one kind can be read.
        """
        try:
            found = check_settings(fabric, self.request.user)
        except TooManyTests as refusal:
            return [str(refusal)]
        if not found.readable:
            return found.sentences
        fabric.connection_status = ConnectionStatusChoices.CONNECTED
        level = messages.SUCCESS if found.ok else messages.WARNING
        for sentence in (*found.sentences, *self._same_cluster(fabric, found)):
            messages.add_message(self.request, level, sentence)
        return []

    def _same_cluster(self, fabric: Fabric, found: Probe) -> list[str]:
        """Return a sentence if other fabrics sync the same cluster, of those that the user may view."""
        names = fabrics_with_resources(found.uids, fabric, self.request.user)
        return [same_cluster_sentence([*names, fabric.name or _('this fabric')])] if names else []
