from dataclasses import dataclass
from typing import Any

__all__ = ('Text',)


@dataclass(frozen=True, slots=True)
class Text:
    """The sentence of a code, and for the documentation what to do about it. The sentence is translated when shown."""

    sentence: Any
    advice: Any
