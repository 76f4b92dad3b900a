"""The types of event that the plugin adds to NetBox's.

NetBox's forms for event rules take their choices when they are imported, which happens before any plugin's ready().
The package therefore registers its types as soon as NetBox's settings import it: no model may be imported here.
Texts are plain strings, as NetBox's list of event rules joins them, which fails for translations that are still lazy.
"""

from netbox.events import (
    EVENT_TYPE_KIND_DANGER,
    EVENT_TYPE_KIND_SUCCESS,
    EVENT_TYPE_KIND_WARNING,
    EventType,
)

__all__ = (
    'AGENTS_BACK', 'AGENTS_UNRESPONSIVE', 'BULK_REMOVAL_PENDING', 'CABLING_RECOVERED', 'DRIFT_FOUND', 'EVENT_TYPES',
    'MISCABLED', 'STALE', 'STALE_ENDED',
    'SYNC_FAILED', 'SYNC_PARTIAL', 'SYNC_RECOVERED', 'UNSUPPORTED_KINDS',
)


def _(text: str) -> str:
    """Return a text that translators are to see. Django's own function asks for settings, which not everybody has who
    imports the package.
    """
    return text


SYNC_FAILED = EventType('hedgehog_sync_failed', _('Hedgehog: sync failed'), kind=EVENT_TYPE_KIND_DANGER)
SYNC_PARTIAL = EventType('hedgehog_sync_partial', _('Hedgehog: sync partial'), kind=EVENT_TYPE_KIND_WARNING)
SYNC_RECOVERED = EventType('hedgehog_sync_recovered', _('Hedgehog: sync recovered'), kind=EVENT_TYPE_KIND_SUCCESS)
STALE = EventType('hedgehog_stale', _('Hedgehog: fabric stale'), kind=EVENT_TYPE_KIND_DANGER)
STALE_ENDED = EventType(
    'hedgehog_stale_ended', _('Hedgehog: fabric no longer stale'), kind=EVENT_TYPE_KIND_SUCCESS,
)
DRIFT_FOUND = EventType('hedgehog_drift_found', _('Hedgehog: discrepancies detected'), kind=EVENT_TYPE_KIND_WARNING)
BULK_REMOVAL_PENDING = EventType(
    'hedgehog_bulk_removal_pending', _('Hedgehog: bulk removal awaiting confirmation'), kind=EVENT_TYPE_KIND_DANGER,
)
AGENTS_UNRESPONSIVE = EventType(
    'hedgehog_agents_unresponsive', _('Hedgehog: agents unresponsive'), kind=EVENT_TYPE_KIND_WARNING,
)
UNSUPPORTED_KINDS = EventType(
    'hedgehog_unsupported_kinds', _('Hedgehog: unsupported kinds'), kind=EVENT_TYPE_KIND_WARNING,
)
MISCABLED = EventType('hedgehog_miscabled', _('Hedgehog: miscabled'), kind=EVENT_TYPE_KIND_WARNING)
CABLING_RECOVERED = EventType(
    'hedgehog_cabling_recovered', _('Hedgehog: cabling recovered'), kind=EVENT_TYPE_KIND_SUCCESS,
)
AGENTS_BACK = EventType('hedgehog_agents_back', _('Hedgehog: agents recovered'), kind=EVENT_TYPE_KIND_SUCCESS)

EVENT_TYPES = (
    SYNC_FAILED, SYNC_PARTIAL, SYNC_RECOVERED, STALE, STALE_ENDED, DRIFT_FOUND, BULK_REMOVAL_PENDING,
    UNSUPPORTED_KINDS, AGENTS_UNRESPONSIVE, AGENTS_BACK, MISCABLED, CABLING_RECOVERED,
)
for event_type in EVENT_TYPES:
    event_type.register()
