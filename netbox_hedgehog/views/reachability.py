"""What reaches what, as a tab of a fabric."""

from typing import Any

from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from netbox.views import generic
from utilities.views import ViewTab, register_model_view

from ..forms import ReachabilityForm
from ..hedgehog.reachability.answer import QuestionError
from ..models import Fabric
from ..presentation.reachability import answer_as_dict, reach

__all__ = ('FabricReachabilityView',)


@register_model_view(Fabric, 'reachability', path='reachability')
class FabricReachabilityView(generic.ObjectView):
    """`?from=&to=` asks, so that an answer can be shared as an address."""

    queryset = Fabric.objects.all()
    template_name = 'netbox_hedgehog/fabric_reachability.html'
    additional_permissions = ('netbox_hedgehog.view_fabricresource',)
    actions: tuple[Any, ...] = ()
    tab = ViewTab(label=_('Reachability'), permission='netbox_hedgehog.view_fabricresource', weight=505)

    def get_extra_context(self, request: HttpRequest, instance: Any) -> dict[str, Any]:
        is_asked = 'from' in request.GET or 'to' in request.GET
        form = ReachabilityForm(request.GET if is_asked else None)
        # Not `form`: NetBox would repeat the errors of a form of this name as a message.
        context: dict[str, Any] = {'question': form, 'answer': None}
        if is_asked and form.is_valid():
            try:
                context['answer'] = answer_as_dict(reach(instance, form.source, form.target, request.user))
            except QuestionError as error:
                form.add_error(None, str(error))
        return context
