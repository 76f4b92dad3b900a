"""Answers of a search as text, for the command."""

from collections.abc import Iterator

from netbox_hedgehog.management.printable import printable
from netbox_hedgehog.presentation.find.answers import Found

__all__ = ('find_lines',)


def find_lines(found: Found) -> Iterator[str]:
    """Yield a table: the fabric and the answer, one line each; then how many are not listed, or why there is none."""
    names = [answer.fabric.name if answer.fabric else '' for answer in found.answers]
    width = max(map(len, names), default=0)
    for name, answer in zip(names, found.answers, strict=True):
        yield printable(f'{name:{width}}  {answer.line}')
    if found.more:
        yield found.more_sentence
    if found.sentence:
        yield found.sentence
