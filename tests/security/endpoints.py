"""Everything of the plugin that answers a request, read from NetBox's URL map: what is added is tested unasked."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from django.db import models
from django.urls import get_resolver, reverse

from netbox_hedgehog.models import Fabric

__all__ = ('Endpoint', 'api', 'pages')

UNSAFE = ('post', 'put', 'patch', 'delete')


@dataclass(frozen=True)
class Endpoint:
    """One URL. `model` is that of the object its `pk` names, None where it names none."""

    namespace: str
    name: str
    view: type
    model: type[models.Model] | None
    methods: frozenset[str] = field(default_factory=frozenset)

    def __str__(self) -> str:
        return self.name

    def url(self, instance: models.Model | None = None) -> str:
        return reverse(f'{self.namespace}:{self.name}', args=[instance.pk] if instance else [])


def pages() -> list[Endpoint]:
    """The plugin's pages and the actions behind their buttons."""
    return _of('plugins:netbox_hedgehog')


def api() -> list[Endpoint]:
    """The plugin's REST API."""
    return _of('plugins-api:netbox_hedgehog-api')


def _of(namespace: str) -> list[Endpoint]:
    found = {}
    for where, pattern, has_pk in _walk(get_resolver().url_patterns, (), False):
        if where != namespace or 'format' in str(pattern.pattern):
            continue
        view = getattr(pattern.callback, 'view_class', None) or pattern.callback.cls
        actions = getattr(pattern.callback, 'actions', None) or ()
        methods = frozenset(actions or (verb for verb in ('get', *UNSAFE) if hasattr(view, verb)))
        model = _model(view, pattern.default_args) if has_pk else None
        found[pattern.name] = Endpoint(namespace, pattern.name, view, model, methods)
    assert len(found) > 10, 'the URL map could not be read'
    return list(found.values())


def _walk(patterns: Any, namespace: tuple[str, ...], has_pk: bool) -> Iterator[tuple[str, Any, bool]]:
    for pattern in patterns:
        here = has_pk or 'pk' in str(pattern.pattern)
        if hasattr(pattern, 'url_patterns'):
            yield from _walk(pattern.url_patterns, (*namespace, *filter(None, [pattern.namespace])), here)
        else:
            yield ':'.join(namespace), pattern, here


def _model(view: type, kwargs: dict[str, Any]) -> type[models.Model]:
    queryset = getattr(view, 'queryset', None)
    return kwargs.get('model') or (Fabric if queryset is None else queryset.model)
