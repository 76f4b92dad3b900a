"""Work with NetBox Branching, if it is installed: the plugin's data is in main, and is changed only there.

A fabric is a connection, its credentials and a schedule: these take effect at once, or not at all. A branch could not
have them either, because a merge replays the change log, in which secrets are masked. So the plugin's models take no
part in branches, and whatever would change them, or NetBox objects on their behalf, is refused while a branch is
active: the plugin's rows cannot refer to what exists only in a branch.
"""

from typing import Any

from django.apps import apps
from django.contrib import messages
from django.core.exceptions import MiddlewareNotUsed
from django.db import DEFAULT_DB_ALIAS
from django.db.models import Model, QuerySet
from django.db.models.fields.related_descriptors import ForwardManyToOneDescriptor
from django.http import HttpRequest, HttpResponseBase, JsonResponse
from django.shortcuts import redirect
from django.utils.translation import gettext_lazy as _

__all__ = ('NOT_IN_A_BRANCH', 'BranchMiddleware', 'in_branch', 'record_conflicts', 'set_up')

APP = 'netbox_hedgehog'
BRANCHING = 'netbox_branching'
NOT_IN_A_BRANCH = _('This is not available in a branch. Switch to main.')

PAGES, API = ['plugins', APP], ['plugins-api', f'{APP}-api']
SAFE_METHODS = ('GET', 'HEAD', 'OPTIONS')


def in_branch() -> bool:
    """Return whether a branch is active for the current request or script."""
    if not apps.is_installed(BRANCHING):
        return False
    from netbox_branching.contextvars import active_branch

    return active_branch.get() is not None


def set_up() -> None:
    """Exclude the plugin's models from branches. Called once, at start; does nothing without NetBox Branching."""
    if not apps.is_installed(BRANCHING):
        return
    from netbox_branching.utilities import register_branching_resolver

    from .models import Fabric, InventoryRule

    register_branching_resolver(_is_branched)
    for model in (Fabric, InventoryRule):
        for field in model._meta.concrete_fields:
            if field.many_to_one:
                setattr(model, field.name, _InMain(field))


def _is_branched(model: type[Model]) -> bool | None:
    return False if model._meta.app_label == APP else None


class _InMain(ForwardManyToOneDescriptor):
    """A relation of a fabric or rule, such as a site, read from main as those are: a branch may not have the object."""

    def get_queryset(self, **hints: Any) -> QuerySet:
        return super().get_queryset(**hints).using(DEFAULT_DB_ALIAS)


def record_conflicts(changes: list[Any]) -> None:
    """Update the state of main that branches store for objects that were changed here.

    Takes the ObjectChanges of one model. NetBox Branching does this itself if one is saved, but not for those that are
    created in bulk: its pages would then miss conflicts with changes in a branch.
    """
    if not changes or not apps.is_installed(BRANCHING):
        return
    from netbox_branching.models import ChangeDiff
    from netbox_branching.signal_receivers import record_change_diff

    diffs = ChangeDiff.objects.filter(
        object_type=changes[0].changed_object_type, object_id__in=[change.changed_object_id for change in changes],
    )
    in_branches = set(diffs.values_list('object_id', flat=True))
    for change in changes:
        if change.changed_object_id in in_branches:
            record_change_diff(instance=change)


class BranchMiddleware:
    """Refuse every request of the plugin that could change anything while a branch is active."""

    def __init__(self, get_response: Any) -> None:
        if not apps.is_installed(BRANCHING):
            raise MiddlewareNotUsed
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        return self.get_response(request)

    def process_view(
        self, request: HttpRequest, view: Any, args: tuple[Any, ...], kwargs: dict[str, Any],
    ) -> HttpResponseBase | None:
        """Refuse a request with 409 (API) or a redirect and a message (pages), or return None."""
        namespaces = request.resolver_match.namespaces
        if namespaces not in (PAGES, API) or not in_branch():
            return None
        if namespaces == API:
            return None if request.method in SAFE_METHODS else JsonResponse({'detail': NOT_IN_A_BRANCH}, status=409)
        if not request.user.is_authenticated or not _changes(request, view.view_class):
            return None
        messages.error(request, NOT_IN_A_BRANCH)
        return redirect(_way_back(request, view.view_class, kwargs))


def _changes(request: HttpRequest, view_class: type) -> bool:
    """Return whether a page changes something, or is a form that does when it is submitted."""
    from netbox.views.generic import BulkImportView, ObjectDeleteView, ObjectEditView

    return request.method not in SAFE_METHODS or issubclass(
        view_class, (ObjectEditView, ObjectDeleteView, BulkImportView),
    )


def _way_back(request: HttpRequest, view_class: Any, kwargs: dict[str, Any]) -> str:
    """Return the address of the page that a refused one was opened from: its object's, the list, or the overview."""
    from utilities.views import GetReturnURLMixin

    back, queryset = GetReturnURLMixin(), getattr(view_class, 'queryset', None)
    if queryset is None:
        back.default_return_url = f'{":".join(PAGES)}:home'
        return back.get_return_url(request)
    back.queryset = queryset
    return back.get_return_url(request, queryset.model(pk=kwargs.get('pk')))
