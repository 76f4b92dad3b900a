"""Answers as data, for API and command."""

from typing import Any

from .answers import Answer, Found

__all__ = ('as_data',)


def as_data(found: Found) -> dict[str, Any]:
    """Return what was found as plain values; times are datetimes, and pages are addresses without a host."""
    return {
        'q': found.entered,
        'answers': [_answer(answer) for answer in found.answers],
        'more': found.more,
        'more_is_minimum': found.is_more_unknown,
        'sentence': found.sentence,
    }


def _answer(answer: Answer) -> dict[str, Any]:
    fabric, pages = answer.fabric, [part for part in answer.parts if part.url]
    return {
        'line': answer.line,
        'type': answer.what,
        'exact': answer.is_exact,
        'fabric': {'id': fabric.pk, 'name': fabric.name} if fabric else None,
        'resource': {'id': answer.resource_id, 'kind': answer.kind, 'name': answer.name},
        'as_of': answer.as_of,
        'deleted_since': answer.deleted_since,
        'links': [{'text': part.text, 'url': part.url} for part in pages],
        'objects': [
            {
                'object_type': instance._meta.label_lower, 'id': instance.pk, 'display': str(instance),
                'url': instance.get_absolute_url(),
            } for instance in answer.objects
        ],
    }
