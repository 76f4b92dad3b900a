"""The page that finds an address, MAC address, name or number in all fabrics."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.generic import View
from utilities.views import ContentTypePermissionRequiredMixin

from ..hedgehog.terms import LONGEST
from ..presentation.find.lookup import find

__all__ = ('FindView',)


class FindView(ContentTypePermissionRequiredMixin, View):
    """A field and the answers to what was entered (`?q=`), as far as the user may view what they name."""

    def get_required_permission(self) -> str:
        return 'netbox_hedgehog.view_fabricresource'

    def get(self, request: HttpRequest) -> HttpResponse:
        entered = request.GET.get('q', '')
        found = find(request.user, entered) if entered.strip() else None
        fabrics = {answer.fabric.pk: answer.fabric for answer in found.answers if answer.fabric} if found else {}
        return render(request, 'netbox_hedgehog/find.html', {
            'entered': entered, 'found': found, 'longest': LONGEST,
            'stale': [fabric for fabric in fabrics.values() if fabric.overdue_since],
        })
