from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext_lazy as _
from django.views.generic import View
from utilities.views import ContentTypePermissionRequiredMixin, register_model_view

from ..cluster.rbac import OnboardingError, check_name, kubeconfig_command, manifests
from ..models import Fabric

__all__ = ('FabricOnboardView',)


class KubernetesName(forms.CharField):

    def clean(self, value: Any) -> str:
        try:
            return check_name(super().clean(value))
        except OnboardingError as error:
            raise ValidationError(str(error)) from None


class OnboardingForm(forms.Form):
    """The names in the YAML."""

    namespace = KubernetesName(
        label=_('Namespace'), initial='default',
        help_text=_('Namespace of the Hedgehog resources. Usually “default”.'),
    )
    account = KubernetesName(
        label=_('ServiceAccount'), initial='netbox', help_text=_('ServiceAccount name for NetBox.'),
    )


@register_model_view(Fabric, 'onboard', detail=False)
class FabricOnboardView(ContentTypePermissionRequiredMixin, View):
    """The YAML that grants NetBox read access to a cluster, and the setup steps. Nothing is stored."""

    def get_required_permission(self) -> str:
        return 'netbox_hedgehog.add_fabric'

    def get(self, request: HttpRequest) -> HttpResponse:
        initial = {name: field.initial for name, field in OnboardingForm.base_fields.items()}
        form = OnboardingForm({**initial, **request.GET.dict()})
        names = form.cleaned_data if form.is_valid() else {}
        context = {'form': form, **names}
        if names:
            context |= {'manifests': manifests(**names), 'kubeconfig_command': kubeconfig_command(**names)}
            if 'download' in request.GET:
                attachment = {'Content-Disposition': 'attachment; filename="netbox.yaml"'}
                return HttpResponse(context['manifests'], content_type='application/yaml', headers=attachment)
        return render(request, 'netbox_hedgehog/onboarding.html', context)
