"""Build keys that last, and names and slugs that two fabrics never share."""

import hashlib
import re
import unicodedata

__all__ = ('LONGEST_KEY', 'in_fabric', 'key', 'slug', 'unique_slug')

LONGEST_KEY = 300

_SLUG = re.compile(r'[a-z0-9]+(?:-[a-z0-9]+)*')
_NO_SLUG = re.compile(r'[^a-z0-9]+')


def key(*parts: str) -> str:
    """Return the parts joined by slashes; one that is too long for its column ends in a digest of the whole.

    Names of resources have no slashes. A part that has some, such as the key of another object, may stand anywhere as
    long as no other parts of the same first one join to the same text.
    """
    return _fit('/'.join(parts), LONGEST_KEY)


def in_fabric(name: str, fabric: str, longest: int = 100) -> str:
    """Return `name (fabric)`, which is unique across fabrics; '' if the name leaves no room for the fabric's.

    A fabric's name that is too long is cut, and a digest of it takes the place of what was cut.
    """
    whole = f'{name} ({fabric})'
    if len(whole) <= longest:
        return whole
    room = longest - len(name) - len(' (~)') - 6
    return f'{name} ({fabric[:room]}~{_digest(fabric)[:6]})' if room > 0 else ''


def slug(text: str, longest: int = 100) -> str:
    """Return a slug as a person would choose it: objects that are found or created by it are shared."""
    folded = _fold(text)
    return _fit(folded or f'x{_digest(text)[:8]}', longest, '-')


def unique_slug(*parts: str) -> str:
    """Return a slug that no other parts have: one that loses characters in folding gets a digest of the original.

    No part that is kept as it is has two hyphens in a row, or an underscore.
    """
    return _fit('--'.join(
        part if _SLUG.fullmatch(part) else f'{_fold(part)}_{_digest(part)[:8]}' for part in parts
    ), 100, '_')


def _fold(text: str) -> str:
    plain = unicodedata.normalize('NFKD', text).encode('ascii', 'ignore').decode().lower()
    return _NO_SLUG.sub('-', plain).strip('-')


def _fit(text: str, longest: int, mark: str = '#') -> str:
    return text if len(text) <= longest else f'{text[:longest - 17]}{mark}{_digest(text)[:16]}'


def _digest(text: str) -> str:
    return hashlib.blake2b(text.encode(errors='surrogatepass'), digest_size=16).hexdigest()
