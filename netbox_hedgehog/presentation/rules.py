"""Rules of an inventory as pages, API and commands show them: conditions and values in words, and what they match."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from django.utils.translation import gettext as _

from ..accounts import AnyUser
from ..choices import InventoryRuleKindChoices
from ..hedgehog.kinds import KIND_BY_NAME
from ..hedgehog.rules import RULE_KINDS, Conditions
from ..models import Fabric, FabricResource, InventoryRule
from ..naming import mid_sentence

__all__ = ('Matches', 'conditions_in_words', 'matches_of', 'values_in_words')


@dataclass(slots=True)
class Matches:
    """The resources that a rule matches, by name, as (kind, name, ID)."""

    resources: list[tuple[str, str, int]] = field(default_factory=list)

    @property
    def counts(self) -> dict[str, int]:
        """Return how many resources of each kind match, in the order of the kinds."""
        found = Counter(kind for kind, _name, _pk in self.resources)
        return {kind: found[kind] for kind in RULE_KINDS if found[kind]}

    @property
    def sentence(self) -> str:
        """Return what matches, in words, such as “12 switches, 3 VPCs match”."""
        parts = [f'{count} {_in_sentence(kind, count)}' for kind, count in self.counts.items()]
        if not parts:
            return _('Nothing matches.')
        return _('%(what)s match.') % {'what': ', '.join(parts)} if len(self.resources) > 1 else (
            _('%(what)s matches.') % {'what': parts[0]}
        )


def _in_sentence(kind: str, count: int) -> str:
    row = KIND_BY_NAME[kind]
    return mid_sentence(row.title if count == 1 else row.title_plural)


def matches_of(
    fabric: Fabric, conditions: Sequence[Conditions], user: AnyUser | None = None,
) -> list[Matches]:
    """Return what each of these conditions matches among a fabric's resources: one SQL statement.

    Counted are the resources that the user may view; all of them without a user, as for a command.
    """
    rows = FabricResource.objects.filter(fabric=fabric, kind__in=RULE_KINDS, missing_since=None)
    if user is not None:
        rows = rows.restrict(user, 'view')
    columns = ['kind', 'name', 'pk', *(['labels'] if any(one.labels for one in conditions) else [])]
    found = [Matches() for _one in conditions]
    for kind, name, pk, *labels in rows.order_by('kind', 'name').values_list(*columns).iterator(chunk_size=5000):
        for one, matches in zip(conditions, found, strict=True):
            if one.match(kind, name, labels[0] if labels else {}):
                matches.resources.append((kind, name, pk))
    return found


def conditions_in_words(rule: InventoryRule) -> list[str]:
    """Return what a resource has to be for the rule to match."""
    titles = dict(InventoryRuleKindChoices)
    words = [', '.join(str(titles[kind]) for kind in RULE_KINDS if kind in rule.kinds)] if rule.kinds else []
    if rule.names:
        words.append(_('names %(names)s') % {'names': rule.names})
    if rule.label_selector:
        words.append(_('labels %(labels)s') % {'labels': rule.label_selector})
    return words or [_('all resources')]


def values_in_words(rule: InventoryRule, tags: Iterable[object] = ()) -> list[tuple[str, str]]:
    """Return what a rule sets, as titles and values."""
    if rule.exclude:
        return [(_('exclude'), '')]
    given = (
        (_('site'), rule.site), (_('location'), rule.location), (_('tenant'), rule.tenant), (_('role'), rule.role),
        (_('VRF name'), rule.vrf_name), (_('tags'), ', '.join(map(str, tags))),
    )
    return [(title, str(value)) for title, value in given if value]
