"""What people ask of a fabric's inventory, carried out by a worker: no web request takes minutes."""

from core.models import Job
from netbox.jobs import JobRunner
from users.models import User

from ..models import Fabric

__all__ = ('APPLY', 'CONFIRM', 'REMOVE', 'InventoryJob')

# What may be asked: apply the plan that was seen, do what a run has held back, remove what the plugin has created.
APPLY, CONFIRM, REMOVE = 'apply', 'confirm', 'remove'


class InventoryJob(JobRunner):
    """NetBox's job for a change of the inventory that a person asked for."""

    class Meta:
        name = 'Fabric inventory'

    @classmethod
    def request(cls, fabric: Fabric, user: User, action: str = APPLY, digest: str = '') -> Job:
        """Queue what somebody asks for.

        Takes the fabric, who asks, one of APPLY, CONFIRM and REMOVE, and the digest of the plan that was seen.
        Returns the waiting job; its data holds the InventoryReport as a dictionary. Raises SyncRefused where a run of
        the fabric is waiting or at work, NotPermitted where the person may not do all of it.
        """
        raise NotImplementedError
