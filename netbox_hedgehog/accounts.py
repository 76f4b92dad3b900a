"""Who uses NetBox, as a type for signatures.

The alias is evaluated only by type checkers: modules that are imported before Django's models are ready may name it.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from django.contrib.auth.models import AnonymousUser
    from users.models import User

__all__ = ('AnyUser',)

# The user of a request: NetBox's, or nobody who has logged in.
type AnyUser = User | AnonymousUser
