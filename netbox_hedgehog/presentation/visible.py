"""Related objects in API responses, restricted to those that the user may view."""

from collections.abc import Callable, Sequence
from typing import Any

from django.apps import apps
from django.contrib.contenttypes.prefetch import GenericPrefetch
from django.db.models import Model, Prefetch, QuerySet
from django.http import HttpRequest
from utilities.permissions import get_permission_for_model, permission_is_exempt

from ..accounts import AnyUser
from ..inventory.planning.model_specs import MODEL_SPECS
from ..models import Fabric, SwitchHealth

__all__ = ('RestrictedRelations', 'may_be_hidden', 'may_view_fabric', 'restricted', 'restricted_object')


def restricted(name: str, queryset: QuerySet) -> Any:
    """Return a relation restricted to what the user may view, for RestrictedRelations."""
    return lambda user: Prefetch(name, queryset.restrict(user, 'view'))


def restricted_object(user: AnyUser) -> Any:
    """Return the restricted generic relation `object`."""
    managers = [apps.get_model(label).objects for label in MODEL_SPECS]
    return GenericPrefetch('object', [manager.restrict(user, 'view') for manager in managers])


class RestrictedRelations:
    """A view set whose `relations` are restricted to what the user may view."""

    relations: Sequence[Callable[[Any], Any]] = ()
    queryset: Any

    def initial(self, request: HttpRequest, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)  # type: ignore[misc]  # of a view set
        # Before NetBox adds relations by itself: the first prefetch of a relation decides how it is loaded.
        self.queryset = self.queryset.prefetch_related(*(relation(request.user) for relation in self.relations))


def may_view_fabric(request: HttpRequest, fabric: Fabric) -> bool:
    """Return whether the user may view a fabric; True without a request, as for an event rule.

    Asks the database once a request.
    """
    if request is None:
        return True
    if not hasattr(request, '_hedgehog_fabrics'):
        seen = Fabric.objects.restrict(request.user, 'view').order_by()
        request._hedgehog_fabrics = set(seen.values_list('pk', flat=True))
    return fabric.pk in request._hedgehog_fabrics


def may_be_hidden(user: AnyUser, model: type[Model] = SwitchHealth) -> bool:
    """Return whether the user's permissions may hide objects of a model, whether there are any or not.

    The answer must not reveal whether hidden objects exist.
    """
    permission = get_permission_for_model(model, 'view')
    if user.is_superuser or permission_is_exempt(permission):
        return False
    # has_perm() loads the constraints of each permission, by which NetBox then filters querysets.
    return not user.has_perm(permission) or all(user._object_perm_cache.get(permission, (None,)))
