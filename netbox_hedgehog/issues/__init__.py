"""The one table of an inventory's issues: the sentence of each code, and what to do about it.

A sentence has named placeholders, which parameters fill in when it is shown: in the language of the reader, and
without anything that is stored depending on its wording. Some placeholders are derived: `object` from `model` and
`name`, `holder` from `holder_model` and `holder`, `result` from `object` and `fields`; `field`, `fields` and `models`
are shown as NetBox calls them.
"""

from .netbox_objects import IN_NETBOX, REASONS, TAILS
from .rendering import COUNTS, ISSUES, digest_of, field_in_sentence, render
from .resources import INVALID
from .text import Text

__all__ = (
    'COUNTS', 'INVALID', 'IN_NETBOX', 'ISSUES', 'REASONS', 'TAILS', 'Text', 'digest_of', 'field_in_sentence', 'render',
)
