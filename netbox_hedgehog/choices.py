from django.utils.translation import gettext_lazy as _
from utilities.choices import ChoiceSet

__all__ = (
    'ConnectionStatusChoices',
    'FabricStatusChoices',
    'SyncStateChoices',
    'SyncStatusChoices',
)


class FabricStatusChoices(ChoiceSet):
    """Where a fabric stands in its life. Only active and maintenance fabrics are read."""

    key = 'Fabric.status'

    PLANNED = 'planned'
    ACTIVE = 'active'
    MAINTENANCE = 'maintenance'
    DECOMMISSIONED = 'decommissioned'

    # The statuses in which a fabric is read.
    READ = (ACTIVE, MAINTENANCE)

    CHOICES = [
        (PLANNED, _('Planned'), 'cyan'),
        (ACTIVE, _('Active'), 'green'),
        (MAINTENANCE, _('Maintenance'), 'orange'),
        (DECOMMISSIONED, _('Decommissioned'), 'gray'),
    ]


class ConnectionStatusChoices(ChoiceSet):
    """What the last attempt to reach the API server showed."""

    UNKNOWN = 'unknown'
    CONNECTED = 'connected'
    FAILED = 'failed'

    CHOICES = [
        (UNKNOWN, _('Unknown'), 'gray'),
        (CONNECTED, _('Connected'), 'green'),
        (FAILED, _('Failed'), 'red'),
    ]


class SyncStatusChoices(ChoiceSet):
    """What happened last, as stored."""

    NEVER_SYNCED = 'never_synced'
    QUEUED = 'queued'
    SYNCING = 'syncing'
    IN_SYNC = 'in_sync'
    PARTIAL = 'partial'
    FAILED = 'failed'

    # What somebody should look into.
    TROUBLED = (PARTIAL, FAILED)

    CHOICES = [
        (NEVER_SYNCED, _('Never synced'), 'gray'),
        (QUEUED, _('Queued'), 'blue'),
        (SYNCING, _('Syncing'), 'cyan'),
        (IN_SYNC, _('In sync'), 'green'),
        (PARTIAL, _('Partial'), 'orange'),
        (FAILED, _('Failed'), 'red'),
    ]


class SyncStateChoices(ChoiceSet):
    """What people are shown: the stored status, unless time or a switch says otherwise. Never stored."""

    STALE = 'stale'
    DISABLED = 'disabled'

    CHOICES = [
        *SyncStatusChoices.CHOICES,
        (STALE, _('Stale'), 'red'),
        (DISABLED, _('Disabled'), 'gray'),
    ]
