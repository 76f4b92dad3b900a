"""Render the sentence of an issue from its code and parameters."""

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from django.utils.text import capfirst
from django.utils.translation import gettext as now_

from ..choices import InventoryScopeChoices
from ..labels import field_label, model_title
from .netbox_objects import IN_NETBOX, REASONS, TAILS
from .resources import INVALID

__all__ = ('COUNTS', 'ISSUES', 'digest_of', 'field_in_sentence', 'render')

ISSUES = INVALID | IN_NETBOX

# How many reasons a sentence names.
REASONS_SHOWN = 3

# Parameters that count objects: they do not identify an issue.
COUNTS = frozenset(('count', 'skipped', 'kept', 'stale', 'unchanged', 'waiting', 'marked', 'to_mark', 'again'))


def render(code: str, parameters: Mapping[str, Any]) -> str:
    """Return the sentence of an issue in the active language; '' where this version cannot say it."""
    text = ISSUES.get(code)
    if text is None:
        return ''
    try:
        values = _shown(parameters)
        parts = [text.sentence % values]
        parts += [tail.sentence % values for name, tail in TAILS.items() if parameters.get(name)]
    except (KeyError, TypeError, ValueError):
        # It was recorded by another version, with other parameters.
        return ''
    return ' '.join(parts)


def digest_of(code: str, parameters: Mapping[str, Any]) -> str:
    """Return 32 hex digits that identify an issue of a resource, whatever its wording and counts."""
    identifying = {name: value for name, value in parameters.items() if name not in COUNTS}
    content = json.dumps([str(code), identifying], sort_keys=True, default=str)
    return hashlib.blake2b(content.encode(errors='surrogatepass'), digest_size=16).hexdigest()


def field_in_sentence(label: str, name: str) -> str:
    """Return what NetBox calls a field, as a sentence has it: lower case but for acronyms."""
    field = field_label(label, name)
    return field[:1].lower() + field[1:] if field[1:2].islower() else field


def _shown(parameters: Mapping[str, Any]) -> dict[str, Any]:
    """Return the parameters as a sentence shows them, and those that are derived from them."""
    values = {name: _joined(value) for name, value in parameters.items()}
    model = parameters.get('model', '')
    if model:
        values['models'] = model_title(model, 2)
        # Sentences begin with it.
        values['object'] = f'{capfirst(model_title(model, 1))} {parameters.get("name", "")}'.strip()
    if 'scope' in parameters:
        values['scope'] = dict(InventoryScopeChoices).get(parameters['scope'], parameters['scope'])
    if 'field' in parameters:
        values['field'] = field_in_sentence(model, parameters['field'])
    if 'primary' in parameters:
        values['primary'] = field_label('dcim.device', parameters['primary'])
    if 'holder_model' in parameters:
        values['holder'] = f'{model_title(parameters["holder_model"], 1)} {parameters["holder"]}'
    if fields := parameters.get('fields'):
        names = now_(' and ').join(field_in_sentence(model, name) for name in fields)
        values['result'] = now_('%(object)s keeps its %(fields)s') % {'object': values['object'], 'fields': names}
    elif 'object' in values:
        values['result'] = now_('%(object)s skipped') % {'object': values['object']}
    if 'reasons' in parameters:
        values['reasons'] = _reasons(parameters['reasons'])
    return values


def _joined(value: Any) -> Any:
    return ', '.join(str(item) for item in value) if isinstance(value, list | tuple) else value


def _reasons(reasons: Any) -> str:
    shown = [REASONS[reason['code']] % reason for reason in reasons[:REASONS_SHOWN]]
    if more := len(reasons) - len(shown):
        shown.append(now_('and %(count)d more') % {'count': more})
    return '; '.join(shown)
