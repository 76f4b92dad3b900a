"""The question of what reaches what."""

from django import forms
from django.utils.translation import gettext_lazy as _

from ..hedgehog.reachability.ends import LONGEST

__all__ = ('ReachabilityForm',)


class ReachabilityForm(forms.Form):
    """Two ends, as people write them."""

    def __init__(self, *args: object, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)
        # `from` cannot be the name of an attribute.
        for name, label in (('from', _('From')), ('to', _('To'))):
            self.fields[name] = forms.CharField(
                label=label, max_length=LONGEST,
                widget=forms.TextInput(attrs={
                    'autocomplete': 'off', 'spellcheck': 'false', 'aria-describedby': 'reachability-help',
                }),
            )

    @property
    def source(self) -> str:
        """Return the end at which connections are opened."""
        return str(self.cleaned_data['from'])

    @property
    def target(self) -> str:
        """Return the other end."""
        return str(self.cleaned_data['to'])
