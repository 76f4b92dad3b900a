from django.http import HttpRequest
from django.template.loader import render_to_string
from django.utils.translation import gettext as _
from extras.dashboard.utils import register_widget
from extras.dashboard.widgets import DashboardWidget

__all__ = ('FabricsWidget',)


@register_widget
class FabricsWidget(DashboardWidget):
    default_title = _('Hedgehog fabrics')
    description = _('Status of all Hedgehog fabrics, with open issues.')
    width = 4
    height = 4

    def render(self, request: HttpRequest) -> str:
        # Views register themselves when they are imported, which is too early while the app starts.
        from .views.overview import WIDGET_SHOWN, overview_context

        if not request.user.has_perm('netbox_hedgehog.view_fabric'):
            return render_to_string('netbox_hedgehog/inc/widget.html', {'forbidden': True})
        context = {**overview_context(request, WIDGET_SHOWN), 'embedded': True}
        return render_to_string('netbox_hedgehog/inc/widget.html', context, request)
