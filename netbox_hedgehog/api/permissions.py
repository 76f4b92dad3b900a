"""The permissions for a POST to an action, instead of the permission to add."""

from netbox.api.authentication import TokenPermissions

__all__ = ('TokenResolvePermission', 'TokenSyncPermission')


class TokenSyncPermission(TokenPermissions):
    """Require the permission to sync. NetBox has this class itself since 4.7.2."""

    perms_map = {**TokenPermissions.perms_map, 'POST': ['%(app_label)s.sync_%(model_name)s']}


class TokenResolvePermission(TokenPermissions):
    """Require the permission to resolve."""

    perms_map = {**TokenPermissions.perms_map, 'POST': ['%(app_label)s.resolve_%(model_name)s']}
