"""What a full reconcile leaves behind, so that the next one can tell that nothing has changed since."""

from django.db import models
from django.utils.translation import gettext_lazy as _

__all__ = ('InventoryCheckpoint', 'InventoryLinkWrite')


class InventoryCheckpoint(models.Model):
    """The last full reconcile of a fabric that found nothing to write, and what it was based on.

    A fabric has no checkpoint while something is to be written. See inventory/checkpoints.py.
    """

    fabric = models.OneToOneField(
        to='netbox_hedgehog.Fabric',
        on_delete=models.DO_NOTHING,  # as for FabricResource
        related_name='+',
    )
    # When it started.
    reconciled = models.DateTimeField(
        verbose_name=_('reconciled'),
    )
    # When time alone changes the plan: the grace of a stale object is over.
    due = models.DateTimeField(
        verbose_name=_('due'),
        null=True,
    )
    # The newest rows of NetBox's change log and of InventoryLinkWrite before anything was loaded.
    last_change = models.BigIntegerField(
        verbose_name=_('last change'),
    )
    last_link_write = models.BigIntegerField(
        verbose_name=_('last link write'),
    )
    # Whether objects of any model keep a stale one from being deleted.
    any_model_matters = models.BooleanField(
        verbose_name=_('any model matters'),
    )
    # Digests of the mirror, and of the settings and versions.
    content = models.CharField(
        verbose_name=_('content'),
        max_length=64,
    )
    settings = models.CharField(
        verbose_name=_('settings'),
        max_length=64,
    )
    # What its report said: see InventoryReport.
    outcome = models.JSONField(
        verbose_name=_('outcome'),
    )

    _netbox_private = True

    class Meta:
        verbose_name = _('inventory checkpoint')
        verbose_name_plural = _('inventory checkpoints')


class InventoryLinkWrite(models.Model):
    """One row for each statement that has written to InventoryLink, which has no change log.

    A trigger of the database inserts them, in the transaction of the statement: no writer can forget it.
    """

    at = models.DateTimeField(
        verbose_name=_('at'),
    )

    _netbox_private = True

    class Meta:
        verbose_name = _('write of managed objects')
        verbose_name_plural = _('writes of managed objects')
