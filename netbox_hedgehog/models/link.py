from collections import defaultdict
from collections.abc import Collection
from itertools import dropwhile

from dcim.models import Device, Interface
from django.contrib.contenttypes.fields import GenericForeignKey
from django.contrib.contenttypes.models import ContentType
from django.db import models
from django.db.models import QuerySet
from django.urls import reverse
from django.utils.text import capfirst
from django.utils.translation import gettext_lazy as _
from netbox.models import BaseModel
from netbox.models.features import CustomLinksMixin, ExportTemplatesMixin

from ..choices import InventoryOriginChoices, InventoryScopeChoices

__all__ = ('InventoryLink', 'lock_objects', 'release')


# Parts of a key that say what is named, not its name.
INTERNAL = frozenset(('interface', 'switch', 'server', 'gateway'))

# What the next fabric takes over with what several share.
INHERITED = ('origin', 'written', 'kept', 'stale_since', 'stale_syncs', 'before_stale')


class InventoryLink(CustomLinksMixin, ExportTemplatesMixin, BaseModel):
    """A managed object: the NetBox object, the resource and fabric it comes from, and what was last written to it.

    An object without a row here is not managed by the plugin. Only a reconcile writes these rows.
    """

    fabric = models.ForeignKey(
        verbose_name=_('fabric'),
        to='netbox_hedgehog.Fabric',
        # signals.py deletes them with one statement; CASCADE would load every row.
        on_delete=models.DO_NOTHING,
        related_name='inventory_links',
        help_text=_('The fabric that the object comes from.'),
    )
    key = models.CharField(
        verbose_name=_('key'),
        max_length=300,
        help_text=_('Internal key of the object within the fabric.'),
    )
    kind = models.CharField(
        verbose_name=_('kind'),
        max_length=63,
        help_text=_('Kind of the source resource.'),
    )
    name = models.CharField(
        verbose_name=_('resource'),
        max_length=253,
        help_text=_('Name of the source resource.'),
    )
    scope = models.CharField(
        verbose_name=_('scope'),
        max_length=20,
        choices=InventoryScopeChoices,
        help_text=_('Part of the inventory it belongs to.'),
    )
    object_type = models.ForeignKey(
        verbose_name=_('object type'),
        to='contenttypes.ContentType',
        on_delete=models.CASCADE,
        related_name='+',
        help_text=_('Type of the NetBox object.'),
    )
    object_id = models.PositiveBigIntegerField(
        verbose_name=_('object ID'),
        help_text=_('ID of the NetBox object.'),
    )
    object = GenericForeignKey('object_type', 'object_id')
    origin = models.CharField(
        verbose_name=_('origin'),
        max_length=20,
        choices=InventoryOriginChoices,
        help_text=_('Whether the plugin created, adopted or found the object.'),
    )
    shared = models.BooleanField(
        verbose_name=_('shared'),
        default=False,
        help_text=_(
            'Also used by others: a device type, created if missing and never modified, or a server that another '
            'fabric manages.'
        ),
    )
    written = models.JSONField(
        verbose_name=_('last written'),
        default=dict,
        help_text=_('Managed fields and their last written values; related objects by ID.'),
    )
    kept = models.JSONField(
        verbose_name=_('kept'),
        default=list,
        help_text=_('Fields for which the NetBox value is kept.'),
    )
    stale_since = models.DateTimeField(
        verbose_name=_('stale since'),
        null=True,
        blank=True,
        help_text=_('When its resource was found removed from the fabric.'),
    )
    stale_syncs = models.PositiveIntegerField(
        verbose_name=_('stale syncs'),
        default=0,
        help_text=_('Number of inventory syncs since its resource was removed.'),
    )
    before_stale = models.JSONField(
        verbose_name=_('values before stale'),
        default=dict,
        help_text=_('Values replaced when the object was marked stale.'),
    )
    created = models.DateTimeField(
        verbose_name=_('created'), auto_now_add=True,
        help_text=_('When this record was created.'),
    )
    last_updated = models.DateTimeField(
        verbose_name=_('last updated'), auto_now=True,
        help_text=_('When this record was last updated.'),
    )

    class Meta:
        ordering = ('fabric', 'key')
        verbose_name = _('managed object')
        verbose_name_plural = _('managed objects')
        constraints = [
            models.UniqueConstraint(fields=('fabric', 'key'), name='%(app_label)s_%(class)s_unique_key'),
            # Two fabrics never manage the same object.
            models.UniqueConstraint(
                fields=('object_type', 'object_id'), condition=models.Q(shared=False),
                name='%(app_label)s_%(class)s_unique_object',
            ),
        ]
        indexes = [
            models.Index(fields=('object_id', 'object_type')),
            models.Index(fields=('fabric', 'kind', 'name')),
        ]

    def __str__(self) -> str:
        parts = self.key.split('/')
        named = list(dropwhile(INTERNAL.__contains__, parts[1:])) or parts[-1:]
        model = ContentType.objects.get_for_id(self.object_type_id)
        return f'{capfirst(model.name)} {"/".join(named)}'

    def get_absolute_url(self) -> str:
        return reverse('plugins:netbox_hedgehog:inventorylink', args=[self.pk])

    @property
    def shared_because(self) -> str:
        """Return what a person should know of a shared object; '' for any other."""
        if not self.shared:
            return ''
        if self.object_type.model in ('device', 'interface'):
            return _('Shared: managed by another fabric.')
        return _('Shared: created if missing, never modified.')

    def get_origin_color(self) -> str:
        return InventoryOriginChoices.colors.get(self.origin)


def lock_objects(model: type[models.Model], pks: Collection[int]) -> set[int]:
    """Lock objects until the transaction ends, and return which of them exist.

    Fabrics share, hand on and delete a device under its lock. All take these locks in one order, so that none waits for
    another in a circle.
    """
    locked = model._default_manager.filter(pk__in=pks).order_by('pk').select_for_update(of=('self',), no_key=True)
    return set(locked.values_list('pk', flat=True)) if pks else set()


def release(links: QuerySet[InventoryLink], keep_last: bool = False) -> int:
    """Delete links, and return how many. Takes links of one fabric; to be called inside of a transaction.

    What other fabrics share goes on with the first of them, as what it was until now: the plugin's own, or adopted;
    stale, if it was. With `keep_last`, the link of an existing object that no other fabric shares stays: the others
    have stopped sharing it meanwhile.
    """
    types = [ContentType.objects.get_for_model(model) for model in (Device, Interface)]
    lock_objects(Device, set(links.filter(object_type=types[0]).values_list('object_id', flat=True)))
    ours = links.filter(object_type__in=types)
    if not keep_last:
        shared = InventoryLink.objects.filter(object_type__in=types, shared=True)
        ours = ours.filter(object_id__in=shared.values('object_id'))
    heirs, last = _hand_on(ours)
    count = links.exclude(pk__in=last if keep_last else [])._raw_delete(links.db)
    InventoryLink.objects.bulk_update(heirs, ['shared', *INHERITED], batch_size=1000)
    return count


def _hand_on(links: QuerySet[InventoryLink]) -> tuple[list[InventoryLink], list[int]]:
    """Return the links of other fabrics that go on as these, not saved yet, and the IDs of those that are the last.

    All links to the same objects are locked. The last are those to existing objects that no other fabric shares.
    """
    own: set[int] = set()
    by_type: dict[int, set[int]] = defaultdict(set)
    for link_pk, type_id, pk in links.order_by().values_list('pk', 'object_type', 'object_id'):
        own.add(link_pk)
        by_type[type_id].add(pk)
    existing: set[tuple[int, int]] = set()
    query = models.Q(pk__in=[])
    for type_id, pks in by_type.items():
        existing |= {(type_id, pk) for pk in lock_objects(ContentType.objects.get_for_id(type_id).model_class(), pks)}
        query |= models.Q(object_type=type_id, object_id__in=pks)
    owners: dict[tuple[int, int], InventoryLink] = {}
    others: dict[tuple[int, int], InventoryLink] = {}
    for link in InventoryLink.objects.filter(query).order_by('pk').select_for_update():
        place = link.object_type_id, link.object_id
        if link.pk not in own:
            others.setdefault(place, link)
        elif not link.shared:
            owners[place] = link
    heirs = [_inherit(others[place], owner) for place, owner in owners.items() if place in others]
    return heirs, [owner.pk for place, owner in owners.items() if place in existing and place not in others]


def _inherit(successor: InventoryLink, owner: InventoryLink) -> InventoryLink:
    """Return the successor's link as that of the fabric that manages the object."""
    successor.shared = False
    for name in INHERITED:
        setattr(successor, name, getattr(owner, name))
    return successor
