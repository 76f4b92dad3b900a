"""Order desired objects so that what one refers to comes before it."""

from collections.abc import Iterator

from ..mapping.types import Desired, DesiredObject
from .model_specs import spec_of

__all__ = ('levels',)


def levels(desired: Desired) -> dict[str, int]:
    """Return how many desired objects are between each and one that refers to none; deferred fields do not count.

    Objects that refer to each other in a circle, or to a key that is not desired, get the level of their discovery.
    """
    found: dict[str, int] = {}

    def level(key: str, under: tuple[str, ...]) -> int:
        if key in found:
            return found[key]
        obj = desired.objects.get(key)
        if obj is None or key in under:
            return 0
        result = max((level(ref, (*under, key)) + 1 for ref in _early_refs(obj)), default=0)
        found[key] = result
        return result

    for key in desired.objects:
        level(key, ())
    return found


def _early_refs(obj: DesiredObject) -> Iterator[str]:
    """Yield the keys that a desired object refers to, but for its deferred fields."""
    deferred = spec_of(obj.model).deferred
    if not deferred:
        yield from (ref.key for ref in obj.refs())
        return
    managed = {name: value for name, value in obj.managed_fields.items() if name not in deferred}
    create_only = {name: value for name, value in obj.create_only_fields.items() if name not in deferred}
    early = DesiredObject(obj.model, obj.key, obj.source, obj.scope, managed, create_only)
    yield from (ref.key for ref in early.refs())
