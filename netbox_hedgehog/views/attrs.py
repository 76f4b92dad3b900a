"""Attributes of the panels on object pages, beside those that NetBox has."""

from typing import Any

from django.utils.translation import gettext_lazy as _
from netbox.ui.attrs import DateTimeAttr, TemplatedAttr

__all__ = ('AgeAttr', 'HeartbeatAttr', 'ResourceAttr')


class AgeAttr(DateTimeAttr):
    """A time and how long ago it was; "Never" for None."""

    template_name = 'netbox_hedgehog/attrs/age.html'
    placeholder = _('Never')


class HeartbeatAttr(AgeAttr):
    """The last heartbeat of a switch's agent, with its age when it was fetched."""

    template_name = 'netbox_hedgehog/attrs/heartbeat.html'

    def get_context(self, obj: Any, attr: str, value: Any, context: dict[str, Any]) -> dict[str, Any]:
        return {**super().get_context(obj, attr, value, context), 'object': obj}


class ResourceAttr(TemplatedAttr):
    """The kind and name of the resource that an object is about, with a link if `resource` is set on the object."""

    def __init__(self) -> None:
        super().__init__('name', label=_('Resource'), template_name='netbox_hedgehog/attrs/resource.html')
