"""Objects within an answer: those that the user may view, and for the others nothing."""

from django.apps import apps
from django.contrib.contenttypes.prefetch import GenericPrefetch
from django.db.models import Prefetch

from ..inventory.planning.fields import SHAPES
from ..models import Fabric

__all__ = ('RestrictedRelations', 'may_view_fabric', 'restricted', 'restricted_object')


def restricted(name, queryset):
    """A relation whose objects are shown to those who may view them. Gives what RestrictedRelations takes."""
    return lambda user: Prefetch(name, queryset.restrict(user, 'view'))


def restricted_object(user):
    """The same for `object`, whatever NetBox object that is."""
    managers = [apps.get_model(label).objects for label in SHAPES]
    return GenericPrefetch('object', [manager.restrict(user, 'view') for manager in managers])


class RestrictedRelations:
    """A view set whose `relations` are read as far as the user may view them; beyond that they are empty."""

    relations = ()

    def initial(self, request, *args, **kwargs):
        super().initial(request, *args, **kwargs)
        # Before NetBox adds relations of its own accord: the first to name one decides how it is read.
        self.queryset = self.queryset.prefetch_related(*(relation(request.user) for relation in self.relations))


def may_view_fabric(request, fabric):
    """Whether whoever asks may view a fabric; everybody may where nobody asks, as for an event rule.

    Asks the database once a request.
    """
    if request is None:
        return True
    if not hasattr(request, '_hedgehog_fabrics'):
        seen = Fabric.objects.restrict(request.user, 'view').order_by()
        request._hedgehog_fabrics = set(seen.values_list('pk', flat=True))
    return fabric.pk in request._hedgehog_fabrics
