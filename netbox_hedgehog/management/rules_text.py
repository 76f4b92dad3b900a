"""Inventory rules as text for a terminal."""

from collections.abc import Iterator

from ..hedgehog.rules import Conditions
from ..models import Fabric, InventoryRule
from ..presentation.rules import conditions_in_words, matches_of, values_in_words

__all__ = ('rules_as_dict', 'rules_lines', 'tested_lines')


def tested_lines(fabric: Fabric, conditions: Conditions) -> Iterator[str]:
    """Yield what the conditions of a rule that is not saved would match."""
    found = matches_of(fabric, [conditions])[0]
    yield f'{fabric.name}: {found.sentence}'
    for kind, name, _pk in found.resources:
        yield f'  {kind} {name}'


def rules_lines(fabric: Fabric) -> Iterator[str]:
    """Yield the rules of a fabric in their order, and what each matches now. Raises PatternError."""
    rules = _rules(fabric)
    yield f'{fabric.name}: {len(rules)} {"rule" if len(rules) == 1 else "rules"}. The first match that sets a value ' \
          'decides; what no rule sets comes from the fabric’s settings.'
    found = matches_of(fabric, [rule.conditions for rule in rules])
    for rule, matches in zip(rules, found, strict=True):
        disabled = '' if rule.enabled else ' (disabled)'
        yield f'{rule.weight:5} {rule.name}{disabled}: {"; ".join(conditions_in_words(rule))}'
        values = [f'{title} {value}'.strip() for title, value in values_in_words(rule, rule.object_tags.all())]
        yield f'      {", ".join(values)}'
        yield f'      {matches.sentence}'


def rules_as_dict(fabric: Fabric) -> list[dict[str, object]]:
    """Return the same as JSON. Raises PatternError."""
    rules = _rules(fabric)
    found = matches_of(fabric, [rule.conditions for rule in rules])
    return [
        {
            'weight': rule.weight, 'name': rule.name, 'enabled': rule.enabled, 'kinds': rule.kinds,
            'names': rule.names, 'label_selector': rule.label_selector,
            'values': dict(values_in_words(rule, rule.object_tags.all())), 'matches': matches.counts,
        }
        for rule, matches in zip(rules, found, strict=True)
    ]


def _rules(fabric: Fabric) -> list[InventoryRule]:
    rules = InventoryRule.objects.filter(fabric=fabric).order_by('weight', 'name')
    return list(rules.select_related('site', 'location', 'tenant', 'role').prefetch_related('object_tags'))
