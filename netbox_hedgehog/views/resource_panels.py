"""Panels of a resource page beside its manifest: sections, references to it, and its objects in NetBox."""

from typing import Any

from django.utils.translation import gettext_lazy as _
from netbox.ui import panels

from ..choices import DiscrepancyStateChoices
from ..hedgehog.kinds import KIND_BY_NAME
from ..hedgehog.manifest import natural
from ..labels import model_title, object_label
from ..models import Discrepancy, FabricResource, InventoryLink
from ..presentation.references import referring_to
from ..presentation.resource_sections import Name, build_sections, names_in
from ..presentation.values import viewable

__all__ = ('InNetBoxPanel', 'ReferencedByPanel', 'SectionsPanel')

# How many objects of a model, and how many resources of a kind, a page names before it counts the rest.
NAMED = 12

# Columns that no panel shows.
MANIFEST = ('spec', 'status', 'labels', 'annotations', 'previous')


class SectionsPanel(panels.Panel):
    """The sections of a resource: tables with links to the resources they reference."""

    template_name = 'netbox_hedgehog/panels/sections.html'

    def get_context(self, context: dict[str, Any]) -> dict[str, Any]:
        resource = context['object']
        sections = build_sections(resource.kind, resource.spec)
        names = names_in(sections)
        found = {
            (other.kind, other.name): other
            for other in FabricResource.objects.restrict(context['request'].user, 'view').filter(
                fabric=resource.fabric_id, kind__in={kind for kind, _name in names},
                name__in={name for _kind, name in names},
            ).defer(*MANIFEST)
        } if names else {}
        return {
            **super().get_context(context),
            'sections': [
                {
                    'title': section.title, 'columns': section.columns,
                    'rows': [[[_part(part, found) for part in cell] for cell in row] for row in section.rows],
                }
                for section in sections
            ],
        }

    def should_render(self, context: dict[str, Any]) -> bool:
        return bool(context['sections'])


def _part(part: Any, found: Any) -> dict[str, Any]:
    if not isinstance(part, Name):
        return {'text': part}
    return {'text': part.name, 'named': True, 'resource': found.get((part.kind, part.name))}


class ReferencedByPanel(panels.Panel):
    """The resources of the fabric that reference this one."""

    title = _('Referenced by')
    template_name = 'netbox_hedgehog/panels/referenced_by.html'

    def get_context(self, context: dict[str, Any]) -> dict[str, Any]:
        resource = context['object']
        found: dict[str, list] = {}
        for other in FabricResource.objects.restrict(context['request'].user, 'view').filter(
            referring_to(resource.kind, resource.name), fabric=resource.fabric_id,
        ).defer(*MANIFEST).order_by('kind', 'name'):
            found.setdefault(other.kind, []).append(other)
        return {
            **super().get_context(context),
            'kinds': [
                {
                    'title': KIND_BY_NAME[kind].title_plural if kind in KIND_BY_NAME else kind,
                    'shown': members[:NAMED], 'more': max(0, len(members) - NAMED),
                }
                for kind, members in found.items()
            ],
        }

    def should_render(self, context: dict[str, Any]) -> bool:
        return bool(context['kinds'])


class InNetBoxPanel(panels.Panel):
    """The NetBox objects that come from a resource, for users who may view them."""

    title = _('In NetBox')
    template_name = 'netbox_hedgehog/panels/in_netbox.html'

    def get_context(self, context: dict[str, Any]) -> dict[str, Any]:
        resource, user = context['object'], context['request'].user
        of_this = {'fabric': resource.fabric_id, 'kind': resource.kind, 'name': resource.name}
        links: dict[int, list] = {}
        for link in InventoryLink.objects.restrict(user, 'view').filter(**of_this).order_by('object_type', 'key'):
            links.setdefault(link.object_type_id, []).append(link)
        for members in links.values():
            members.sort(key=lambda link: natural(link.key))
        objects = viewable(
            ((type_id, link.object_id) for type_id, members in links.items() for link in members[:NAMED]), user,
        )
        models = []
        for type_id, members in links.items():
            shown = [
                {'link': link, 'object': found, 'label': object_label(found)} for link in members[:NAMED]
                if (found := objects.get((type_id, link.object_id)))
            ]
            label = f'{members[0].object_type.app_label}.{members[0].object_type.model}'
            models.append({
                'title': model_title(label, len(members)), 'count': len(members), 'shown': shown,
                'more': len(members) - len(shown), 'type_id': type_id,
                'stale': sum(1 for link in members if link.stale_since),
            })
        return {
            **super().get_context(context),
            'models': models,
            'discrepancies': Discrepancy.objects.restrict(user, 'view').filter(
                state=DiscrepancyStateChoices.OPEN, **of_this,
            )[:NAMED] if links or resource.fabric.inventory_enabled else [],
        }

    def should_render(self, context: dict[str, Any]) -> bool:
        return bool(context['models'] or context['discrepancies'])
