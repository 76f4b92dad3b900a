from typing import Any

from core.models import Job
from core.object_actions import BulkSync
from django.contrib import messages
from django.db.models import Count, Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext
from extras.ui.panels import CustomFieldsPanel, TagsPanel
from netbox.object_actions import AddObject, BulkDelete, BulkEdit, BulkExport, BulkImport, BulkRename
from netbox.ui import layout
from netbox.ui.panels import CommentsPanel
from netbox.views import generic
from netbox.views.generic.base import BaseMultiObjectView
from redis.exceptions import RedisError
from utilities.views import GetReturnURLMixin, register_model_view

from .. import filtersets, forms, tables
from ..hedgehog.kinds import KINDS
from ..jobs.fabric_sync import FabricSyncJob, SyncRefused
from ..jobs.probe import TooManyTests, check_connection
from ..jobs.progress import active_job
from ..jobs.recovery import sync_jobs
from ..models import Fabric, FabricResource
from ..models.fabric import SECRET_FIELDS
from ..monitoring.shared_clusters import fabrics_of_same_cluster, in_words
from ..numbers import is_id
from ..sensitive import TakesSecrets
from ..sync.removed_kinds import NotConfirmable, confirm_removed_kind
from . import inventory_panels, panels
from .actions import FabricAction
from .counts import CountedResources
from .freshness import health_context
from .health import HealthRollupPanel
from .history import ChangesPanel, SyncChartPanel
from .live import live_context

__all__ = (
    'WITH_RELATED', 'FabricBulkEditView', 'FabricBulkImportView', 'FabricBulkRenameView', 'FabricBulkSyncView',
    'FabricConfirmRemovedKindView', 'FabricListView', 'FabricSyncView',
    'FabricTestConnectionView', 'FabricView',
)

RECENT_SYNCS = 10


@register_model_view(Fabric, 'list', path='', detail=False)
class FabricListView(CountedResources, generic.ObjectListView):
    queryset = Fabric.objects.all()
    filterset = filtersets.FabricFilterSet
    filterset_form = forms.FabricFilterForm
    table = tables.FabricTable
    template_name = 'netbox_hedgehog/fabric_list.html'
    actions = (AddObject, BulkImport, BulkExport, BulkSync, BulkEdit, BulkRename, BulkDelete)

    def get_extra_context(self, request: HttpRequest) -> dict[str, Any]:
        return health_context(request)


@register_model_view(Fabric)
class FabricView(generic.ObjectView):
    queryset = Fabric.objects.all()
    template_name = 'netbox_hedgehog/fabric.html'
    layout = layout.SimpleLayout(
        left_panels=[
            panels.FabricPanel(),
            panels.SyncPanel(),
            panels.ConnectionPanel(),
            inventory_panels.InventoryPanel(),
            TagsPanel(),
            CommentsPanel(),
        ],
        right_panels=[
            HealthRollupPanel(),
            panels.KindsPanel(),
            CustomFieldsPanel(),
        ],
        bottom_panels=[
            inventory_panels.OpenDiscrepanciesPanel(),
            ChangesPanel(),
            SyncChartPanel(),
            panels.RecentSyncsPanel(),
        ],
    )

    def get_extra_context(self, request: HttpRequest, instance: Any) -> dict[str, Any]:
        health = health_context(request)['health']
        return {
            'health': health,
            # If Redis cannot be reached it is asked once a page: each try takes seconds.
            **live_context(request, instance, active_job(instance), health.redis),
            'same_cluster': in_words(fabrics_of_same_cluster(instance, request.user)),
            'kinds': _kinds(request, instance),
            'syncs': _syncs(request, instance),
        }


def _kinds(request: HttpRequest, fabric: Fabric) -> list[dict[str, Any]] | None:
    """Return every kind with its counts and the result of the last sync; None without permission to view resources."""
    if not request.user.has_perm('netbox_hedgehog.view_fabricresource'):
        return None
    counts = {
        row['kind']: row for row in FabricResource.objects.restrict(request.user, 'view').filter(fabric=fabric)
        .values('kind').annotate(total=Count('pk'), missing=Count('pk', filter=Q(missing_since__isnull=False)))
        .order_by('kind')
    }
    reports = {row['kind']: row for row in (fabric.last_report or {}).get('kinds', [])}
    return [
        {
            'kind': kind,
            'total': counts.get(kind.name, {}).get('total', 0),
            'missing': counts.get(kind.name, {}).get('missing', 0),
            'report': reports.get(kind.name),
        }
        for kind in KINDS
    ]


def _syncs(request: HttpRequest, fabric: Fabric) -> list[Any] | None:
    if not request.user.has_perm('core.view_job'):
        return None
    jobs = Job.objects.restrict(request.user, 'view')
    return list(
        jobs.filter(pk__in=sync_jobs().filter(object_id=fabric.pk).values('pk'))
        .select_related('user', 'object_type').defer('log_entries').order_by('-created')[:RECENT_SYNCS]
    )


@register_model_view(Fabric, 'bulk_import', path='import', detail=False)
class FabricBulkImportView(TakesSecrets, generic.BulkImportView):
    queryset = Fabric.objects.all()
    model_form = forms.FabricImportForm
    template_name = 'netbox_hedgehog/bulk_import.html'

    def post(self, request: HttpRequest) -> HttpResponse:
        request.POST = request.POST.copy()
        if request.POST.get('background_job'):
            # A background job would pass the whole request, tokens included, through Redis.
            del request.POST['background_job']
            messages.info(request, _('Fabrics are imported immediately, so that no token is stored in a queue.'))
        return super().post(request)

    def get_extra_context(self, request: HttpRequest) -> dict[str, Any]:
        """Return what the page shows beside the form; called when an import has failed and the form is shown again.

        The form shows the values of the request, which must not include tokens.
        """
        if any(name in request.POST.get('data', '') for name in SECRET_FIELDS):
            request.POST['data'] = ''
            messages.warning(request, _('The data is not shown again because it contains tokens. Enter it again.'))
        return super().get_extra_context(request)


# The tables of bulk edits and deletions show every column, and load nothing for all rows of a page at once.
WITH_RELATED = Fabric.objects.select_related(
    'inventory_site', 'inventory_location', 'inventory_tenant', 'notification_group', 'owner',
).prefetch_related('tags')


@register_model_view(Fabric, 'bulk_edit', path='edit', detail=False)
class FabricBulkEditView(CountedResources, generic.BulkEditView):
    queryset = WITH_RELATED
    filterset = filtersets.FabricFilterSet
    table = tables.FabricTable
    form = forms.FabricBulkEditForm


@register_model_view(Fabric, 'bulk_rename', path='rename', detail=False)
class FabricBulkRenameView(generic.BulkRenameView):
    queryset = Fabric.objects.all()
    filterset = filtersets.FabricFilterSet


@register_model_view(Fabric, 'sync')
class FabricSyncView(FabricAction):

    def act(self, request: HttpRequest, fabric: Fabric) -> None:
        try:
            job = FabricSyncJob.request(fabric, user=request.user)
        except SyncRefused as refusal:
            messages.warning(request, str(refusal))
        except (RedisError, OSError):
            messages.error(request, _('Cannot reach Redis. The sync was not queued.'))
        else:
            messages.success(request, _('Queued job #{id} to sync {fabric}.').format(id=job.pk, fabric=fabric))


@register_model_view(Fabric, 'test_connection', path='test-connection')
class FabricTestConnectionView(FabricAction):

    def act(self, request: HttpRequest, fabric: Fabric) -> None:
        try:
            found = check_connection(fabric, request.user)
        except TooManyTests as refusal:
            messages.warning(request, str(refusal))
            return
        level = messages.SUCCESS if found.ok else messages.WARNING if found.connected else messages.ERROR
        for sentence in found.sentences:
            messages.add_message(request, level, sentence)


@register_model_view(Fabric, 'confirm_removed_kind', path='confirm-removed-kind')
class FabricConfirmRemovedKindView(FabricAction):

    def act(self, request: HttpRequest, fabric: Fabric) -> None:
        try:
            count = confirm_removed_kind(fabric, request.POST.get('kind', ''))
        except NotConfirmable as refusal:
            messages.warning(request, str(refusal))
        else:
            messages.success(request, ngettext(
                '%d resource marked as missing. The next sync treats its kind as removed.',
                '%d resources marked as missing. The next sync treats their kind as removed.', count,
            ) % count)


@register_model_view(Fabric, 'bulk_sync', path='sync', detail=False)
class FabricBulkSyncView(GetReturnURLMixin, BaseMultiObjectView):
    queryset = Fabric.objects.all()

    def get_required_permission(self) -> str:
        return 'netbox_hedgehog.sync_fabric'

    def get(self, request: HttpRequest) -> HttpResponse:
        return redirect(self.get_return_url(request))

    def _chosen(self, request: HttpRequest) -> QuerySet:
        if request.POST.get('_all'):
            # "Select all that match": the list's filters are in the query string.
            return filtersets.FabricFilterSet(request.GET, self.queryset, request=request).qs
        return self.queryset.filter(pk__in=[pk for pk in request.POST.getlist('pk') if is_id(pk)])

    def post(self, request: HttpRequest) -> HttpResponse:
        queued = 0
        for fabric in self._chosen(request):
            try:
                FabricSyncJob.request(fabric, user=request.user)
                queued += 1
            except SyncRefused as refusal:
                messages.warning(request, str(refusal))
            except (RedisError, OSError):
                messages.error(request, _('Cannot reach Redis. The sync was not queued.'))
                break
        if queued:
            messages.success(request, ngettext('Queued %d sync.', 'Queued %d syncs.', queued) % queued)
        return redirect(self.get_return_url(request))
