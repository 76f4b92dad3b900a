"""Shared parts of tables: columns with NetBox objects, at one SQL statement a model, and safe exports."""

from datetime import date
from typing import Any
from urllib.parse import urlencode

import django_tables2 as tables
from django.http import HttpRequest
from django.urls import reverse
from django.utils.encoding import force_str
from django.utils.html import format_html
from django.utils.translation import gettext_lazy as _
from django_tables2.utils import call_with_appropriate
from utilities.templatetags.builtins.filters import placeholder

from ..labels import object_label
from ..presentation.values import viewable

__all__ = ('ObjectColumn', 'PlainExport', 'ResourceColumn', 'ViewerMixin', 'plain')

# The characters with which a formula begins in spreadsheets, and their full-width forms.
FORMULA = ('=', '+', '-', '@', '\t', '\r', '\n', '＝', '＋', '－', '＠')


def plain(value: Any) -> Any:
    """Return a cell of an export that no spreadsheet takes for a formula: texts of clusters are not trusted."""
    if value is None or isinstance(value, int | float | date):
        return value
    value = force_str(value)  # of a related object as well
    if not value.lstrip(' ').startswith(FORMULA):
        return value
    try:
        float(value)
    except ValueError:
        return f"'{value}"
    return value


class PlainExport:
    """A table whose exported cells all pass through plain(); pages show them unchanged."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for bound in self.columns.iterall():  # type: ignore[attr-defined]  # of a table
            bound.value = self._plain(bound.value)

    @staticmethod
    def _plain(value_of: Any) -> Any:
        def value(**kwargs: Any) -> Any:
            return plain(call_with_appropriate(value_of, kwargs))

        return value


class ViewerMixin:
    """A table that knows the user who views it."""

    viewer = None

    def configure(self, request: HttpRequest) -> None:
        self.viewer = request.user
        super().configure(request)  # type: ignore[misc]  # of NetBox's table
        # Buttons need a form around them: pages that only show the table disable them.
        if 'actions' in request.GET.get('exclude_columns', '').split(','):
            self.columns.hide('actions')  # type: ignore[attr-defined]

    @property
    def page_records(self) -> list[Any]:
        """The records of the page, or all records of an export."""
        page = getattr(self, 'page', None)
        rows = page.object_list if page else self.rows  # type: ignore[attr-defined]
        return [row.record for row in rows]


class ObjectColumn(tables.Column):
    """The NetBox object of a row with `object_type_id` and `object_id`, for users who may view it."""

    def __init__(self, **kwargs: Any) -> None:
        # The accessor is not a relation, so that NetBox does not load objects that the user may not view.
        super().__init__(accessor='object_id', orderable=False, empty_values=(), **kwargs)

    def _object(self, record: Any, table: Any) -> Any:
        if not hasattr(table, '_objects'):
            pairs = ((row.object_type_id, row.object_id) for row in table.page_records)
            table._objects = viewable(pairs, table.viewer) if table.viewer else {}
        return table._objects.get((record.object_type_id, record.object_id))

    def render(self, record: Any, table: Any) -> Any:
        found = self._object(record, table)
        if found is None:
            return placeholder('')
        return format_html('<a href="{}">{}</a>', found.get_absolute_url(), object_label(found))

    def value(self, record: Any, table: Any) -> Any:
        found = self._object(record, table)
        return object_label(found) if found else ''


class ResourceColumn(tables.Column):
    """The mirrored resource of a row with `fabric_id`, `kind` and `name`, as a link to the filtered list."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(accessor='name', verbose_name=_('Resource'), **kwargs)

    def render(self, record: Any, value: Any) -> Any:
        url = reverse('plugins:netbox_hedgehog:fabricresource_list')
        query = urlencode({'fabric_id': record.fabric_id, 'kind': record.kind, 'name': value})
        return format_html('<a href="{}?{}">{}</a>', url, query, value)

    def value(self, value: Any) -> Any:
        return value
