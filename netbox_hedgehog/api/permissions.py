"""What a POST to an action takes, in place of the permission to add that it otherwise maps to."""

from netbox.api.authentication import TokenPermissions

__all__ = ('TokenResolvePermission', 'TokenSyncPermission')


class TokenSyncPermission(TokenPermissions):
    """Require the permission to sync. NetBox has this class itself since 4.7.2."""

    perms_map = {**TokenPermissions.perms_map, 'POST': ['%(app_label)s.sync_%(model_name)s']}


class TokenResolvePermission(TokenPermissions):
    """Require the permission to resolve."""

    perms_map = {**TokenPermissions.perms_map, 'POST': ['%(app_label)s.resolve_%(model_name)s']}
