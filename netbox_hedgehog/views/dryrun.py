"""The dry run of a fabric's inventory, and its actions: apply, confirm removals, disable the inventory."""

from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext
from netbox.views import generic
from netbox.views.generic.base import BaseObjectView
from redis.exceptions import RedisError
from utilities.views import ViewTab, get_action_url, register_model_view

from ..inventory.disable import disable_inventory
from ..inventory.errors import InventoryRefused, PlanMoved
from ..inventory.planning.plan import Plan
from ..jobs.inventory import APPLY, APPLY_RULES, CONFIRM, REDIS_AWAY, REMOVE, InventoryJob, plan_of
from ..models import Fabric
from ..numbers import is_number
from ..presentation import plans
from ..presentation.findings import findings_for

__all__ = (
    'FabricApplyRulesView', 'FabricApplyView', 'FabricConfirmRemovalView', 'FabricDisableView',
    'FabricDryRunRowsView', 'FabricDryRunView',
)

# Up to how many actions the groups of a dry run are open at first.
OPEN_ALL = 100

# How many discrepancies a dry run lists; the others are counted.
FINDINGS_SHOWN = 100

# Digits of the number of a page.
PAGE_DIGITS = 9

# Prefix of the digest under which the plan of a removal is cached, to tell it from the plan of a sync.
REMOVAL = 'removal-'


def _shown(request: HttpRequest, fabric: Fabric, seen: Plan, kept_as: str = '') -> dict[str, Any]:
    """Return the context that both pages with a plan share, and cache the plan."""
    digest = plans.cache_plan(fabric, seen, kept_as)
    actions = plans.groups(seen.actions)
    unconfirmed = plans.groups(seen.unconfirmed_actions)
    findings, count = findings_for(request.user, fabric, seen.findings, FINDINGS_SHOWN, plans.new_names(seen))
    sees_findings = count == len(seen.findings)
    counts = [
        {'title': plans.ACTION_TITLES[action_type], 'color': plans.ACTION_COLORS[action_type], 'count': number}
        for action_type, number in seen.counts.items() if number
    ]
    return {
        'plan': seen,
        'digest': digest,
        'kept_as': f'{kept_as}{digest}',
        'counts': counts,
        'groups': actions,
        'unconfirmed_groups': [group for _scope, _title, members in unconfirmed for group in members],
        'differences': plans.differences(seen) if sees_findings else [],
        'hidden_differences': bool(seen.findings) and not sees_findings,
        'open_all': len(seen.actions) <= OPEN_ALL,
        'findings': findings,
        'more_findings': count - len(findings),
        'made': timezone.now(),
    }


@register_model_view(Fabric, 'dry_run', path='dry-run')
class FabricDryRunView(generic.ObjectView):
    queryset = Fabric.objects.all()
    template_name = 'netbox_hedgehog/fabric_dry_run.html'
    actions = ()
    tab = ViewTab(label=_('Dry run'), visible=lambda fabric: fabric.inventory_enabled, weight=530)

    def get_extra_context(self, request: HttpRequest, instance: Any) -> dict[str, Any]:
        with_rules = request.GET.get('rules') == 'true'
        try:
            seen = plan_of(instance, APPLY_RULES if with_rules else APPLY)
        except InventoryRefused as refusal:
            return {'refusal': str(refusal), 'on_dry_run': True}
        return {
            **_shown(request, instance, seen),
            'on_dry_run': True,
            'with_rules': with_rules,
            'apply_url': get_action_url(
                instance, 'inventory_apply_rules' if with_rules else 'inventory_apply', kwargs={'pk': instance.pk},
            ),
            'up_to_date': instance.last_sync is not None and not instance.is_failing and not instance.overdue_since,
            'why_not': plans.may_apply(request.user, instance, seen.attempted),
            'why_not_confirm': plans.may_apply(request.user, instance, seen.unconfirmed_actions),
        }


@register_model_view(Fabric, 'dry_run_rows', path='dry-run/rows')
class FabricDryRunRowsView(BaseObjectView):
    """One page of one group of a cached plan: a part of a page, for HTMX."""

    queryset = Fabric.objects.all()

    def get_required_permission(self) -> str:
        return 'netbox_hedgehog.view_fabric'

    def get(self, request: HttpRequest, pk: int) -> HttpResponse:
        fabric = get_object_or_404(self.queryset, pk=pk)
        asked = {name: request.GET.get(name, '') for name in ('digest', 'scope', 'model', 'type')}
        page = request.GET.get('page', '1')
        if not is_number(page, PAGE_DIGITS):
            raise Http404
        kept = plans.cached_plan(fabric, asked['digest'])
        context = {'object': fabric, **asked, 'kept': kept is not None}
        if kept is not None:
            rows, pages = plans.page_of(
                kept, request.user, asked['scope'], asked['model'], asked['type'], int(page),
            )
            number = min(max(1, int(page)), pages)
            steps = [
                (title, other) for title, other in (
                    (_('First'), 1), (_('Previous'), number - 1), (_('Next'), number + 1), (_('Last'), pages),
                ) if 1 <= other <= pages and other != number
            ]
            context |= {'rows': rows, 'pages': pages, 'number': number, 'steps': steps}
        return render(request, 'netbox_hedgehog/inc/plan_rows.html', context)


class _PlanAction(BaseObjectView):
    """An action that a job does with a reviewed plan: POST with its digest, which requires the permission to sync."""

    queryset = Fabric.objects.all()
    action = APPLY

    def get_required_permission(self) -> str:
        return 'netbox_hedgehog.sync_fabric'

    def get(self, request: HttpRequest, pk: int) -> HttpResponse:
        return redirect(self.page(get_object_or_404(self.queryset, pk=pk)))

    def post(self, request: HttpRequest, pk: int) -> HttpResponse:
        fabric = get_object_or_404(self.queryset, pk=pk)
        return self.queue_job(request, fabric, request.POST.get('digest', ''))

    def page(self, fabric: Fabric) -> str:
        return reverse('plugins:netbox_hedgehog:fabric_dry_run', kwargs={'pk': fabric.pk})

    def queue_job(self, request: HttpRequest, fabric: Fabric, digest: str) -> HttpResponse:
        if not digest:
            messages.error(request, _('Review the plan first, then apply it.'))
            return redirect(self.page(fabric))
        try:
            job = InventoryJob.request(fabric, request.user, self.action, digest)
        except PlanMoved as refusal:
            messages.warning(request, str(refusal))
            return redirect(self.page(fabric))
        except InventoryRefused as refusal:
            messages.error(request, str(refusal))
            return redirect(self.page(fabric))
        except (RedisError, OSError):
            messages.error(request, REDIS_AWAY)
            return redirect(self.page(fabric))
        messages.success(request, _('Job #{id} queued.').format(id=job.pk))
        return redirect(job if request.user.has_perm('core.view_job', job) else fabric)


@register_model_view(Fabric, 'inventory_apply', path='inventory/apply')
class FabricApplyView(_PlanAction):
    action = APPLY


@register_model_view(Fabric, 'inventory_apply_rules', path='inventory/apply-rules')
class FabricApplyRulesView(_PlanAction):
    """Apply a plan in which existing objects get what the fabric's rules say of new ones."""

    action = APPLY_RULES

    def page(self, fabric: Fabric) -> str:
        return f'{super().page(fabric)}?rules=true'


@register_model_view(Fabric, 'inventory_confirm', path='inventory/confirm-removal')
class FabricConfirmRemovalView(_PlanAction):
    action = CONFIRM


@register_model_view(Fabric, 'inventory_disable', path='inventory/disable')
class FabricDisableView(_PlanAction):
    """Disable an inventory: keep its objects, or delete those that the plugin created."""

    action = REMOVE

    def page(self, fabric: Fabric) -> str:
        return reverse('plugins:netbox_hedgehog:fabric_inventory_disable', kwargs={'pk': fabric.pk})

    def get(self, request: HttpRequest, pk: int) -> HttpResponse:
        fabric = get_object_or_404(self.queryset, pk=pk)
        try:
            seen = plan_of(fabric, REMOVE)
        except InventoryRefused as refusal:
            messages.error(request, str(refusal))
            return redirect(fabric.get_absolute_url())
        return render(request, 'netbox_hedgehog/fabric_disable_inventory.html', {
            'object': fabric,
            'links': fabric.inventory_links.count(),
            'why_not': plans.may_apply(request.user, fabric, seen.attempted),
            'may_leave': request.user.has_perm('netbox_hedgehog.change_fabric', fabric),
            **_shown(request, fabric, seen, REMOVAL),
        })

    def post(self, request: HttpRequest, pk: int) -> HttpResponse:
        fabric = get_object_or_404(self.queryset, pk=pk)
        if not request.user.has_perm('netbox_hedgehog.change_fabric', fabric):
            messages.error(request, _('You do not have permission to change this fabric.'))
            return redirect(self.page(fabric))
        if request.POST.get('objects') == 'leave':
            count = disable_inventory(fabric)
            messages.success(request, ngettext(
                'Inventory sync disabled. %d object kept; the plugin no longer manages it.',
                'Inventory sync disabled. %d objects kept; the plugin no longer manages them.', count,
            ) % count)
            return redirect(fabric.get_absolute_url())
        return self.queue_job(request, fabric, request.POST.get('digest', ''))
