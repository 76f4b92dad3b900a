"""Answers to a search: one line each, made of texts and links."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.utils import timezone

from ...hedgehog.manifest import natural
from ...models import Fabric, FabricResource
from ...models.fabric_state import duration_words

__all__ = ('Answer', 'Found', 'Part', 'ago', 'joined', 'linked')


@dataclass(frozen=True, slots=True)
class Part:
    """A piece of a line: a text, and the address of the page of what it names, or ''."""

    text: str
    url: str = ''


@dataclass(slots=True)
class Answer:
    """One line: what was found (`subject`), what it is, and how fresh that is.

    `distance` is 0 where it matches exactly, and larger the worse it does. `objects` are the NetBox objects that it
    leads to. `as_of` is when the cluster last showed it; None for what NetBox itself has.
    """

    what: str
    subject: str
    parts: list[Part]
    distance: int = 0
    order: int = 0
    fabric: Fabric | None = None
    kind: str = ''
    name: str = ''
    resource_id: int | None = None
    as_of: datetime | None = None
    deleted_since: datetime | None = None
    objects: list[Any] = field(default_factory=list)

    @property
    def text(self) -> str:
        """Return what it is, without subject and time."""
        return ''.join(part.text for part in self.parts)

    @property
    def moment(self) -> datetime | None:
        """Return when it was last seen, or since when it is deleted."""
        return self.deleted_since or self.as_of

    @property
    def seen(self) -> str:
        """Return when it was last seen, or since when it is deleted, in words; '' for what NetBox itself has."""
        if self.deleted_since is not None:
            return f'deleted from the cluster {ago(self.deleted_since)}'
        return f'seen {ago(self.as_of)}' if self.as_of is not None else ''

    @property
    def line(self) -> str:
        """Return the whole line."""
        return ', '.join(filter(None, (f'{self.subject}: {self.text}', self.seen)))

    @property
    def is_exact(self) -> bool:
        return self.distance == 0

    @property
    def rank(self) -> tuple[Any, ...]:
        """Return the key to sort by: exact matches first, then what exists, then by what it is and by name."""
        fabric = self.fabric.name if self.fabric else ''
        return self.distance, self.deleted_since is not None, self.order, natural(fabric), natural(self.text)


@dataclass(slots=True)
class Found:
    """The answers to what was entered, the best first, and how many more there are.

    `is_more_unknown`: there may be more than `more`, as not all candidates were looked at. `sentence` says why there is
    no answer.
    """

    entered: str
    answers: list[Answer] = field(default_factory=list)
    more: int = 0
    is_more_unknown: bool = False
    sentence: str = ''

    @property
    def more_sentence(self) -> str:
        """Return how many answers are not listed; '' if there are none."""
        if not self.more:
            return ''
        least = 'at least ' if self.is_more_unknown else ''
        return f'And {least}{self.more} more. Enter more of it to see fewer.'


def ago(moment: datetime) -> str:
    """Return how long ago a moment was, in words."""
    seconds = round((timezone.now() - moment).total_seconds())
    return f'{duration_words(max(1, seconds))} ago'


def linked(resource: FabricResource, text: str = '') -> Part:
    """Return a resource's name, or another text for it, with a link to its page."""
    return Part(text or resource.name, resource.get_absolute_url())


def joined(groups: Iterable[list[Part]], separator: str = ', ') -> list[Part]:
    """Return the parts of several texts, with a separator between these."""
    parts: list[Part] = []
    for group in groups:
        if parts and group:
            parts.append(Part(separator))
        parts += group
    return parts
