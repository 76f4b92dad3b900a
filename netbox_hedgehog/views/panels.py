"""Panels of the plugin's detail pages."""

from typing import Any

from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from netbox.ui import attrs, panels

__all__ = (
    'ConnectionPanel', 'FabricPanel', 'KindsPanel', 'OwnColumnsPanel', 'ReferencesPanel', 'ResourcePanel', 'RunsPanel',
    'SyncPanel', 'TimesPanel',
)


class FabricPanel(panels.ObjectAttributesPanel):
    title = _('Fabric')
    name = attrs.TextAttr('name')
    status = attrs.ChoiceAttr('status')
    description = attrs.TextAttr('description')


class ConnectionPanel(panels.ObjectAttributesPanel):
    title = _('Connection')
    connection_status = attrs.ChoiceAttr('connection_status', label=_('Last attempt'))
    kubernetes_server = attrs.TextAttr('kubernetes_server', label=_('Server'), style='font-monospace')
    credentials = attrs.TextAttr('credentials_words', label=_('Credentials'))
    kubernetes_namespace = attrs.TextAttr('kubernetes_namespace', label=_('Namespace'))
    verify_tls = attrs.BooleanAttr('verify_tls', label=_('Verify TLS'))


class SyncPanel(panels.ObjectPanel):
    title = _('Synchronization')
    template_name = 'netbox_hedgehog/panels/sync.html'

    def get_context(self, context: dict[str, Any]) -> dict[str, Any]:
        next_run = context.get('next_run')
        due = next_run is not None and next_run <= timezone.now()
        return {**super().get_context(context), 'next_run': next_run, 'due': due}


class KindsPanel(panels.TemplatePanel):
    """How many resources of each kind there are, for those who may view resources."""

    def __init__(self) -> None:
        super().__init__('netbox_hedgehog/panels/kinds.html', title=_('Resources'))

    def should_render(self, context: dict[str, Any]) -> bool:
        return context['kinds'] is not None


class RunsPanel(panels.TemplatePanel):
    """The last syncs, for those who may view jobs."""

    def __init__(self) -> None:
        super().__init__('netbox_hedgehog/panels/runs.html', title=_('Recent syncs'))

    def should_render(self, context: dict[str, Any]) -> bool:
        return context['runs'] is not None


class ResourcePanel(panels.ObjectAttributesPanel):
    title = _('Resource')
    fabric = attrs.RelatedObjectAttr('fabric', linkify=True)
    kind = attrs.TextAttr('kind')
    api_version = attrs.TextAttr('api_version', label=_('API version'), style='font-monospace')
    namespace = attrs.TextAttr('namespace')
    name = attrs.TextAttr('name', style='font-monospace', copy_button=True)
    uid = attrs.TextAttr('uid', label=_('UID'), style='font-monospace', copy_button=True)
    generation = attrs.TextAttr('generation')
    resource_version = attrs.TextAttr('resource_version', label=_('Resource version'))


class TimesPanel(panels.ObjectAttributesPanel):
    title = _('Sync history')
    missing_since = attrs.DateTimeAttr('missing_since', label=_('Missing since'), spec='seconds')
    last_seen = attrs.DateTimeAttr('last_seen', label=_('Last seen'), spec='seconds')
    last_read = attrs.DateTimeAttr('last_read', label=_('Last fetched'), spec='seconds')
    changed = attrs.DateTimeAttr('changed', label=_('Changed'), spec='seconds')
    first_seen = attrs.DateTimeAttr('first_seen', label=_('First seen'), spec='seconds')
    created = attrs.DateTimeAttr('created', label=_('Created in the cluster'), spec='seconds')


class OwnColumnsPanel(panels.Panel):
    template_name = 'netbox_hedgehog/panels/own_columns.html'

    def get_context(self, context: dict[str, Any]) -> dict[str, Any]:
        resource = context['object']
        title = resource.kind_row.title if resource.kind_row else resource.kind
        return {**super().get_context(context), 'title': title, 'columns': context.get('own_columns')}

    def should_render(self, context: dict[str, Any]) -> bool:
        return bool(context['columns'])


class ReferencesPanel(panels.Panel):
    title = _('References')
    template_name = 'netbox_hedgehog/panels/references.html'

    def get_context(self, context: dict[str, Any]) -> dict[str, Any]:
        return {**super().get_context(context), 'references': context.get('references')}

    def should_render(self, context: dict[str, Any]) -> bool:
        return bool(context['references'])
