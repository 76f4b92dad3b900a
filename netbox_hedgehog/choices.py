from django.utils.translation import gettext_lazy as _
from utilities.choices import ChoiceSet

__all__ = (
    'CablingStateChoices',
    'ConnectionStatusChoices',
    'DiscrepancyStateChoices',
    'DiscrepancyTypeChoices',
    'FabricStatusChoices',
    'InventoryAdoptionChoices',
    'InventoryOriginChoices',
    'InventoryRemovalChoices',
    'InventoryRuleKindChoices',
    'InventoryScopeChoices',
    'SyncStateChoices',
    'SyncStatusChoices',
    'SwitchStateChoices',
)


class FabricStatusChoices(ChoiceSet):
    """Life cycle of a fabric. Only active and maintenance fabrics are synced."""

    key = 'Fabric.status'

    PLANNED = 'planned'
    ACTIVE = 'active'
    MAINTENANCE = 'maintenance'
    DECOMMISSIONED = 'decommissioned'

    # The statuses in which a fabric is synced.
    READ = (ACTIVE, MAINTENANCE)

    CHOICES = [
        (PLANNED, _('Planned'), 'cyan'),
        (ACTIVE, _('Active'), 'green'),
        (MAINTENANCE, _('Maintenance'), 'orange'),
        (DECOMMISSIONED, _('Decommissioned'), 'gray'),
    ]


class ConnectionStatusChoices(ChoiceSet):
    """Result of the last connection to the API server."""

    UNKNOWN = 'unknown'
    CONNECTED = 'connected'
    FAILED = 'failed'

    CHOICES = [
        (UNKNOWN, _('Unknown'), 'gray'),
        (CONNECTED, _('Connected'), 'green'),
        (FAILED, _('Failed'), 'red'),
    ]


class SyncStatusChoices(ChoiceSet):
    """Result of the last sync, as stored."""

    NEVER_SYNCED = 'never_synced'
    QUEUED = 'queued'
    SYNCING = 'syncing'
    IN_SYNC = 'in_sync'
    PARTIAL = 'partial'
    FAILED = 'failed'

    # Results that need attention.
    UNSUCCESSFUL = (PARTIAL, FAILED)

    # Statuses that say nothing about the result of the last sync.
    UNDER_WAY = (QUEUED, SYNCING)

    CHOICES = [
        (NEVER_SYNCED, _('Never synced'), 'gray'),
        (QUEUED, _('Queued'), 'blue'),
        (SYNCING, _('Syncing'), 'cyan'),
        (IN_SYNC, _('In sync'), 'green'),
        (PARTIAL, _('Partial'), 'orange'),
        (FAILED, _('Failed'), 'red'),
    ]


class SyncStateChoices(ChoiceSet):
    """State shown to users: the stored status, unless the fabric is stale or disabled. Never stored."""

    STALE = 'stale'
    DISABLED = 'disabled'

    CHOICES = [
        *SyncStatusChoices.CHOICES,
        (STALE, _('Stale'), 'red'),
        (DISABLED, _('Disabled'), 'gray'),
    ]


class InventoryScopeChoices(ChoiceSet):
    """What of a fabric is synced (its scope); the values are those of inventory/mapping/types.py."""

    DEVICES = 'devices'
    CABLING = 'cabling'
    ADDRESSING = 'addressing'
    VPCS = 'vpcs'
    TRANSCEIVERS = 'transceivers'
    MAC_ADDRESSES = 'mac_addresses'
    CABLE_TYPES = 'cable_types'

    # The scopes of a new fabric: what it declares. What its agents report is added when somebody wants it.
    DECLARED = (DEVICES, CABLING, ADDRESSING, VPCS)

    CHOICES = [
        (DEVICES, _('Devices and interfaces'), 'blue'),
        (CABLING, _('Cables'), 'orange'),
        (ADDRESSING, _('Addressing'), 'green'),
        (VPCS, _('VPCs'), 'purple'),
        (TRANSCEIVERS, _('Transceivers'), 'cyan'),
        (MAC_ADDRESSES, _('MAC addresses'), 'teal'),
        (CABLE_TYPES, _('Cable types'), 'yellow'),
    ]


class InventoryRuleKindChoices(ChoiceSet):
    """The kinds that a rule may be for; the values are those of hedgehog/rules.py."""

    CHOICES = [
        ('Switch', _('Switches')),
        ('Gateway', _('Gateways')),
        ('Server', _('Servers')),
        ('Connection', _('Connections')),
        ('VPC', _('VPCs')),
        ('VPCAttachment', _('VPC attachments')),
        ('External', _('Externals')),
        ('ExternalAttachment', _('External attachments')),
        ('VLANNamespace', _('VLAN namespaces')),
        ('IPv4Namespace', _('IPv4 namespaces')),
    ]


class InventoryAdoptionChoices(ChoiceSet):
    """Whether existing devices are adopted."""

    OFF = 'off'
    NAME = 'name'
    SERIAL = 'serial'

    CHOICES = [
        (OFF, _('Never'), 'gray'),
        (NAME, _('Same name at the site'), 'blue'),
        (SERIAL, _('Same serial number'), 'blue'),
    ]


class InventoryRemovalChoices(ChoiceSet):
    """What happens to objects whose resource was removed from the fabric."""

    IGNORE = 'ignore'
    MARK = 'mark'
    DELETE = 'delete'

    CHOICES = [
        (IGNORE, _('Leave unchanged'), 'gray'),
        (MARK, _('Mark stale'), 'orange'),
        (DELETE, _('Mark stale, then delete plugin-created objects'), 'red'),
    ]


class InventoryOriginChoices(ChoiceSet):
    """How an object became managed."""

    CREATED = 'created'
    ADOPTED = 'adopted'
    FOUND = 'found'

    CHOICES = [
        (CREATED, _('Created'), 'green'),
        (ADOPTED, _('Adopted'), 'blue'),
        (FOUND, _('Found'), 'gray'),
    ]


class DiscrepancyTypeChoices(ChoiceSet):
    """How fabric and NetBox differ."""

    key = 'Discrepancy.type'

    FIELD = 'field'
    CONFLICT = 'conflict'
    DELETED = 'deleted'
    ORPHAN = 'orphan'
    PROTECTED = 'protected'
    UNMATCHED = 'unmatched'

    CHOICES = [
        (FIELD, _('Differs'), 'orange'),
        (CONFLICT, _('Conflict'), 'red'),
        (DELETED, _('Deleted in NetBox'), 'orange'),
        (ORPHAN, _('Removed from fabric'), 'yellow'),
        (PROTECTED, _('Protected'), 'purple'),
        (UNMATCHED, _('Not supported or invalid'), 'cyan'),
    ]


class DiscrepancyStateChoices(ChoiceSet):
    """What was decided about a discrepancy."""

    OPEN = 'open'
    KEPT = 'kept'
    IGNORED = 'ignored'

    CHOICES = [
        (OPEN, _('Open'), 'red'),
        (KEPT, _('NetBox value kept'), 'blue'),
        (IGNORED, _('Ignored'), 'gray'),
    ]


class SwitchStateChoices(ChoiceSet):
    """State of a switch or gateway."""

    OK = 'ok'
    WARNING = 'warning'
    CRITICAL = 'critical'
    UNKNOWN = 'unknown'

    CHOICES = [
        (OK, _('OK'), 'green'),
        (WARNING, _('Warning'), 'orange'),
        (CRITICAL, _('Critical'), 'red'),
        (UNKNOWN, _('Unknown'), 'gray'),
    ]


class CablingStateChoices(ChoiceSet):
    """State of a declared link, or a neighbor that is not declared; the values are those of hedgehog/cabling.py."""

    WRONG_NEIGHBOR = 'wrong_neighbor'
    NO_NEIGHBOR = 'no_neighbor'
    DOWN = 'down'
    UNIDENTIFIED = 'unidentified'
    UNKNOWN = 'unknown'
    UNDECLARED = 'undeclared'
    ONE_END = 'one_end'
    VERIFIED = 'verified'

    CHOICES = [
        (WRONG_NEIGHBOR, _('Wrong neighbor'), 'red'),
        (NO_NEIGHBOR, _('No neighbor, though up'), 'orange'),
        (DOWN, _('Down'), 'yellow'),
        (UNIDENTIFIED, _('Neighbor not recognized'), 'blue'),
        (UNKNOWN, _('Unknown (no recent data)'), 'gray'),
        (UNDECLARED, _('Neighbor not declared'), 'purple'),
        (ONE_END, _('Verified from one end'), 'cyan'),
        (VERIFIED, _('Verified'), 'green'),
    ]
