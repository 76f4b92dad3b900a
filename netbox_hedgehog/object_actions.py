"""Bulk actions on discrepancies, as in NetBox's core/object_actions.py."""

from typing import Any

from netbox.object_actions import ObjectAction

from .inventory.decisions import DECISIONS, FABRIC, IGNORE, NETBOX, REOPEN

__all__ = ('BulkAcceptFabric', 'BulkIgnore', 'BulkKeepNetBox', 'BulkReopen')


class _BulkDecision(ObjectAction):
    """Apply a decision to the discrepancies selected in a list."""

    multi = True
    permissions_required = {'resolve'}
    template_name = 'netbox_hedgehog/buttons/bulk_decision.html'
    decision = ''

    @classmethod
    def get_context(cls, context: dict[str, Any], obj: Any) -> dict[str, Any]:
        return {'decision': DECISIONS[cls.decision]}


class BulkAcceptFabric(_BulkDecision):
    name = 'bulk_fabric'
    label = DECISIONS[FABRIC].label
    decision = FABRIC


class BulkKeepNetBox(_BulkDecision):
    name = 'bulk_netbox'
    label = DECISIONS[NETBOX].label
    decision = NETBOX


class BulkIgnore(_BulkDecision):
    name = 'bulk_ignore'
    label = DECISIONS[IGNORE].label
    decision = IGNORE


class BulkReopen(_BulkDecision):
    name = 'bulk_reopen'
    label = DECISIONS[REOPEN].label
    decision = REOPEN
