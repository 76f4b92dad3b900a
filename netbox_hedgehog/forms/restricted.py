"""Filter forms that show only objects that the user may view."""

from typing import Any

from django import forms
from netbox.context import current_request
from utilities.forms.widgets.modifiers import FilterModifierWidget
from utilities.querysets import RestrictedQuerySet

__all__ = ('RestrictedFilterMixin',)


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
