"""Lines of text for a terminal."""

__all__ = ('printable',)


def printable(line: str) -> str:
    """Return a line without what a terminal would obey: a manifest may name a subnet by an escape sequence."""
    return ''.join(character if character.isprintable() else ascii(character)[1:-1] for character in line)
