"""Decide who may do what: a bearer token stands for a user, a user is a name and a rule."""

from collections.abc import Callable
from dataclasses import dataclass

READ = frozenset({'get', 'list', 'watch'})


@dataclass(frozen=True, slots=True)
class Access:
    """A requested operation. `resource` is a plural, `plural/status` for the subresource."""

    verb: str
    group: str
    resource: str
    namespace: str = ''  # empty: in all namespaces
    name: str = ''


Rule = Callable[[Access], bool]


@dataclass(frozen=True, slots=True)
class User:
    """A name, and the rule that says whether an access is granted."""

    name: str
    allows: Rule


ADMIN = User('admin', lambda access: True)
VIEWER = User('viewer', lambda access: access.verb in READ)
NOBODY = User('nobody', lambda access: False)
ROLES = {user.name: user for user in (ADMIN, VIEWER, NOBODY)}


def limited_to(
    *plurals: str, verbs: frozenset[str] | None = None, namespace: str | None = None, name: str = 'limited'
) -> User:
    """Return a user limited to these plurals (with status), and to `verbs` and `namespace` if given."""

    def allows(access: Access) -> bool:
        return (
            access.resource.removesuffix('/status') in plurals
            and (verbs is None or access.verb in verbs)
            and (namespace is None or access.namespace == namespace)
        )

    return User(name, allows)


# As in a cluster with a Role over the VPCs of one namespace: everything else, and the cluster-wide list, is forbidden.
VPC_EDITOR = limited_to('vpcs', namespace='default', name='vpc-editor')


def as_user(role: User | Rule | str) -> User:
    """Return a user from a role's name, from a rule or from a user. Raises ValueError for an unknown role."""
    if isinstance(role, User):
        return role
    if isinstance(role, str):
        if role not in ROLES:
            raise ValueError(f'no role {role!r}: one of {", ".join(ROLES)}, a rule or a User')
        return ROLES[role]
    return User('custom', role)
