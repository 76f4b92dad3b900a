"""What filter forms share: they show only objects that the user may view."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _
from netbox.context import current_request
from netbox.forms.mixins import SavedFiltersMixin
from utilities.forms import BOOLEAN_WITH_BLANK_CHOICES, FilterForm
from utilities.forms.fields import DynamicModelMultipleChoiceField
from utilities.forms.widgets.modifiers import FilterModifierWidget
from utilities.querysets import RestrictedQuerySet

from ..models import Fabric

__all__ = ('OfFabricFilterForm', 'RestrictedFilterMixin', 'yes_no')


def yes_no(label: Any) -> forms.NullBooleanField:
    """Return the field of a filter by whether something is so; blank for both."""
    return forms.NullBooleanField(label=label, required=False, widget=forms.Select(choices=BOOLEAN_WITH_BLANK_CHOICES))


class RestrictedFilterMixin(forms.Form):
    """Choices of related objects are restricted to those that the user may view: the page shows their names.

    NetBox passes only the submitted data to a filter form.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        request = current_request.get()
        if request is None:
            return
        for name, field in self.fields.items():
            # Saved filters have rules of their own: a shared one needs no permission.
            if name != 'filter_id' and isinstance(getattr(field, 'queryset', None), RestrictedQuerySet):
                field.queryset = field.queryset.restrict(request.user, 'view')
                if isinstance(field.widget, FilterModifierWidget):
                    # The wrapped widget has the choices of the original field.
                    field.widget.original_widget.choices = field.choices


class OfFabricFilterForm(RestrictedFilterMixin, SavedFiltersMixin, FilterForm):
    """Filters of models that belong to a fabric."""

    fabric_id = DynamicModelMultipleChoiceField(queryset=Fabric.objects.all(), required=False, label=_('Fabric'))
