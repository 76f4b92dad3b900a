"""Panels of the plugin's detail pages."""

from typing import Any

import yaml
from django.utils.translation import gettext_lazy as _
from netbox.ui import attrs, panels

from .attrs import AgeAttr

__all__ = (
    'ConnectionPanel', 'FabricPanel', 'KindsPanel', 'OwnColumnsPanel', 'RecentSyncsPanel', 'ReferencesPanel',
    'ResourcePanel', 'SyncPanel', 'TimesPanel', 'YAMLPanel',
)

# An agent's status is long, and PyYAML in Python alone is slow.
_Dumper: Any = getattr(yaml, 'CSafeDumper', yaml.SafeDumper)


class FabricPanel(panels.ObjectAttributesPanel):
    title = _('Fabric')
    name = attrs.TextAttr('name')
    status = attrs.ChoiceAttr('status')
    description = attrs.TextAttr('description')


class ConnectionPanel(panels.ObjectAttributesPanel):
    title = _('Connection')
    connection_status = attrs.ChoiceAttr('connection_status', label=_('Status'))
    kubernetes_server = attrs.TextAttr('kubernetes_server', label=_('Server'), style='font-monospace')
    credentials = attrs.TextAttr('credentials_words', label=_('Credentials'))
    kubernetes_namespace = attrs.TextAttr('kubernetes_namespace', label=_('Namespace'))
    topology_filter = attrs.TextAttr('topology_filter', label=_('Topology filter'))
    verify_tls = attrs.BooleanAttr('verify_tls', label=_('Verify TLS'))


class SyncPanel(panels.ObjectAttributesPanel):
    title = _('Synchronization')
    state = attrs.ChoiceAttr('sync_state', label=_('State'))
    last_sync = AgeAttr('last_sync', label=_('Last success'))
    last_attempt = AgeAttr('last_attempt', label=_('Last attempt'))
    next_sync = attrs.TemplatedAttr(
        'status', label=_('Next sync'), template_name='netbox_hedgehog/attrs/next_sync.html',
    )
    interval = attrs.TextAttr('sync_interval_words', label=_('Interval'))
    sync_enabled = attrs.BooleanAttr('sync_enabled', label=_('Sync enabled'))
    scheduler_enabled = attrs.BooleanAttr('scheduler_enabled', label=_('Scheduler enabled'))
    watch_enabled = attrs.BooleanAttr('watch_enabled', label=_('Watch enabled'))

    def get_context(self, context: dict[str, Any]) -> dict[str, Any]:
        context['object'].next_sync = context.get('next_sync')
        return super().get_context(context)


class KindsPanel(panels.TemplatePanel):
    """How many resources of each kind there are, for those who may view resources."""

    def __init__(self) -> None:
        super().__init__('netbox_hedgehog/panels/kinds.html', title=_('Resources'))

    def should_render(self, context: dict[str, Any]) -> bool:
        return context['kinds'] is not None


class RecentSyncsPanel(panels.TemplatePanel):
    """The last syncs, for those who may view jobs."""

    def __init__(self) -> None:
        super().__init__('netbox_hedgehog/panels/syncs.html', title=_('Recent syncs'))

    def should_render(self, context: dict[str, Any]) -> bool:
        return context['syncs'] is not None


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
    missing_since = attrs.DateTimeAttr('missing_since', label=_('Deleted since'), spec='seconds')
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


class YAMLPanel(panels.JSONPanel):
    """A field that holds JSON, as YAML: people know manifests in it."""

    template_name = 'netbox_hedgehog/panels/yaml.html'

    def get_context(self, context: dict[str, Any]) -> dict[str, Any]:
        found: dict[str, Any] = super().get_context(context)
        data = found['data']
        return {**found, 'text': yaml.dump(data, Dumper=_Dumper, allow_unicode=True).rstrip() if data else ''}
