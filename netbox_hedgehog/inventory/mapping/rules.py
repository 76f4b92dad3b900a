"""What the rules of a fabric give to the objects of a resource, besides the fabric's own settings."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from ...hedgehog.rules import Conditions

__all__ = ('Rule', 'RuleValues', 'values_for')


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule of a fabric: which resources it is for, and what new objects of these get.

    None and '' mean that the rule says nothing of a value. A location is always within the rule's site. With `exclude`
    the resources have no objects in NetBox.
    """

    name: str
    conditions: Conditions
    site: int | None = None
    location: int | None = None
    tenant: int | None = None
    role: int | None = None
    vrf_name: str = ''
    tags: tuple[int, ...] = ()
    exclude: bool = False


@dataclass(frozen=True, slots=True)
class RuleValues:
    """What the rules say of one resource; what none of them says comes from the fabric's settings.

    `excluded_by` is the name of the rule that excludes the resource.
    """

    site: int | None = None
    location: int | None = None
    tenant: int | None = None
    role: int | None = None
    vrf_name: str = ''
    tags: tuple[int, ...] = ()
    excluded_by: str = ''


def values_for(rules: Sequence[Rule], kind: str, name: str, labels: object) -> RuleValues:
    """Return what the rules, in their order, say of a resource.

    Each value comes from the first matching rule that sets it, the location from the one that sets the site. Tags of
    all matching rules add up. One rule that excludes the resource is enough.
    """
    matching = [rule for rule in rules if rule.conditions.match(kind, name, labels)]
    if not matching:
        return _NOTHING
    place = next((rule for rule in matching if rule.site is not None), None)
    return RuleValues(
        site=place.site if place else None,
        location=place.location if place else None,
        tenant=_first(rule.tenant for rule in matching),
        role=_first(rule.role for rule in matching),
        vrf_name=next((rule.vrf_name for rule in matching if rule.vrf_name), ''),
        tags=tuple(sorted({tag for rule in matching for tag in rule.tags})),
        excluded_by=next((rule.name for rule in matching if rule.exclude), ''),
    )


def _first(values: Iterable[int | None]) -> int | None:
    return next((value for value in values if value is not None), None)


_NOTHING = RuleValues()
