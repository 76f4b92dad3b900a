"""Compare what was listed with the mirror. Pure: two inputs, one plan, nothing written."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple

from ..hedgehog.kinds import Kind
from .sanitize import BadObject, Key, Observed, identify, kind_digest, observe

__all__ = ('MirrorPlan', 'Seen', 'StoredRow', 'Unread', 'Write', 'compare', 'is_up_to_date')


class StoredRow(NamedTuple):
    """A resource in the mirror, as far as a comparison needs it."""

    pk: int
    uid: str
    generation: int
    resource_version: str
    fingerprint: str
    last_read: datetime
    missing_since: datetime | None
    # The name of its Hedgehog fabric, if the fabric has a topology filter.
    topology: str | None = None


class Seen(NamedTuple):
    """An object in a list that need not be fetched: the mirror has its current version."""

    key: Key


class Unread(NamedTuple):
    """An object in a list that cannot be read. `why` is a sentence."""

    key: Key
    why: str


class Write(NamedTuple):
    """A row to write. `stored` is the existing row, or None if the row is new."""

    observed: Observed
    stored: StoredRow | None


@dataclass(slots=True)
class MirrorPlan:
    """All changes that one kind's complete list requires in the mirror.

    `updated` are resources that changed or came back. `refreshed` are those of which only volatile fields or the
    resource version changed: they are written, and do not count as changed. `missing` are stored resources that were
    not in the list and not missing before. `nameless` says that the list had objects without a usable name: each may be
    any of the stored ones, so none can be marked as missing or as seen.
    """

    read: int = 0
    created: list[Write] = field(default_factory=list)
    updated: list[Write] = field(default_factory=list)
    refreshed: list[Write] = field(default_factory=list)
    unchanged: int = 0
    missing: list[StoredRow] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    nameless: bool = False

    @property
    def writes(self) -> list[Write]:
        """Return all rows to write."""
        return [*self.created, *self.updated, *self.refreshed]


def compare(
    kind: Kind, stored: Mapping[Key, StoredRow], manifests: Iterable[dict[str, Any] | Seen | Unread], largest: int = 0,
    namespace: str = '',
) -> MirrorPlan:
    """Compare a kind's complete list with the mirror.

    Takes the kind, the stored rows by (namespace, name), and the manifests as the API sent them. A Seen stands for an
    object that was not fetched because the mirror has it, an Unread for one that cannot be read. An object larger than
    `largest` bytes (0: no limit) or in another `namespace` (empty: any) is an error of the plan.

    Returns a MirrorPlan. Raises nothing of its own: an object that cannot be mirrored affects only itself and is named
    in the plan's errors. What `manifests` raises passes through, and then there is no plan: an incomplete list says
    nothing about absence.
    """
    plan = MirrorPlan()
    digest = kind_digest(kind)
    seen: set[Key] = set()
    for manifest in manifests:
        plan.read += 1
        if isinstance(manifest, Seen):
            plan.unchanged += manifest.key not in seen
            seen.add(manifest.key)
            continue
        if isinstance(manifest, Unread):
            plan.errors.append(f'{kind.name}: {manifest.key[1]}: {manifest.why}')
            seen.add(manifest.key)
            continue
        try:
            identity = key, uid, version = identify(manifest)
            if namespace and key[0] != namespace:
                raise BadObject(f'{key[1]}: it is in namespace {key[0]} instead of {namespace}', key)
            known = stored.get(key)
            if known is not None and is_up_to_date(known, uid, version, digest):
                plan.unchanged += key not in seen
            elif key not in seen:
                _sort(plan, Write(observe(kind, manifest, largest, identity), known))
            seen.add(key)
        except BadObject as error:
            plan.errors.append(f'{kind.name}: {error}.')
            if error.key is None:
                plan.nameless = True
            else:
                seen.add(error.key)
    if not plan.nameless:
        plan.missing = [row for key, row in stored.items() if key not in seen and row.missing_since is None]
    return plan


def is_up_to_date(known: StoredRow, uid: str, version: str, digest: str) -> bool:
    """Return whether the mirror has an object with this UID exactly as it is at this resource version.

    `digest` is kind_digest() of its kind: a row that was stored under another one may lack fields, or have too many.
    """
    return (
        known.resource_version == version
        and known.uid == uid
        and known.missing_since is None
        and known.fingerprint.startswith(digest)
    )


def _sort(plan: MirrorPlan, write: Write) -> None:
    if write.stored is None:
        plan.created.append(write)
    elif write.stored.fingerprint == write.observed.fingerprint and write.stored.missing_since is None:
        plan.refreshed.append(write)
    else:
        plan.updated.append(write)
