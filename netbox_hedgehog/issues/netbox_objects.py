"""Issues of objects in NetBox, and what their sentences are completed with."""

from typing import Any

from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext_lazy as n_

from ..issue_codes import Code
from .text import Text

__all__ = ('IN_NETBOX', 'REASONS', 'TAILS')

IN_NETBOX: dict[str, Text] = {
    Code.ADOPTION_AMBIGUOUS: Text(
        _('%(object)s skipped: %(total)s objects have its %(field)s: %(names)s. Correct the %(field)s of the others.'),
        _('Give those that are not meant their own name or serial number, or set them to *Decommissioning*. The next '
          'sync adopts the one that remains.'),
    ),
    Code.CABLE_OF_OTHER_FABRIC: Text(
        _('%(object)s skipped: a cable of another fabric is connected to one of its ports.'),
        _('Two fabrics need one port. Correct one of them.'),
    ),
    Code.CABLE_UNMANAGED: Text(
        _('%(object)s skipped: cable #%(id)s is connected to one of its ports. Remove or move it.'),
        _('Delete that cable where the fabric is right, and the next sync creates its own. Else correct the '
          'Connection.'),
    ),
    Code.CHOICE_NOT_OFFERED: Text(
        _('NetBox does not offer the %(field)s %(value)s for %(models)s; new ones get %(chosen)s.'),
        _('NetBox’s `FIELD_CHOICES` has removed it. Offer it again, or change the objects: the field is yours.'),
    ),
    Code.DEVICE_STATUS_NOT_OFFERED: Text(
        _('NetBox does not offer %(status)s, the status of new devices. No device is created. Choose another status in '
          'the fabric’s settings.'),
        _('NetBox’s `FIELD_CHOICES` has removed it. Choose another status in the fabric’s settings.'),
    ),
    Code.FIELD_DIFFERS: Text(
        _('%(object)s: %(field)s differs from the fabric.'),
        _('Decide the discrepancy: use the fabric value, keep the NetBox value, or ignore it.'),
    ),
    Code.FIELD_DIFFERS_SINCE_ADOPTION: Text(
        _('%(object)s: %(field)s differs from the fabric since its adoption.'),
        _('Decide the discrepancy: use the fabric value, keep the NetBox value, or ignore it.'),
    ),
    Code.OBJECT_DELETED: Text(
        _('%(object)s was deleted in NetBox but still exists in the fabric.'),
        _('Decide the discrepancy: create the object again, or keep it deleted.'),
    ),
    Code.OBJECT_NOT_DELETABLE: Text(
        _('%(object)s cannot be deleted: %(reasons)s.'),
        _('Remove or move what it names, or the protection rule. The next sync deletes the object.'),
    ),
    Code.OBJECT_NOT_PLANNABLE: Text(
        _('%(object)s skipped: it cannot be compared with NetBox (%(error)s). Report this with the log of the sync.'),
        _('Nothing else is skipped. Report it as [CONTRIBUTING](../CONTRIBUTING.md) says.'),
    ),
    Code.OBJECT_OF_OTHER_FABRIC: Text(
        _('%(object)s skipped: it already exists and is managed by another fabric.'),
        _('The page of the object names that fabric to those who may view it. Give the devices of the two fabrics '
          'different names with the name pattern, or correct one of the fabrics.'),
    ),
    Code.OBJECT_REFUSED: Text(
        _('%(object)s: %(reason)s'),
        _('The reason is NetBox’s, or that of a validator or rule of yours. Correct the resource, or change that rule: '
          'each sync tries again.'),
    ),
    Code.OBJECT_UNMANAGED: Text(
        _('%(object)s skipped: it already exists (#%(id)s) and is not managed by this plugin. Adopt, rename or remove '
          'it.'),
        _('Rename or remove the object, or enable *Adoption* in the fabric’s settings.'),
    ),
    Code.PLACE_NEEDED_TWICE: Text(
        _('%(result)s: %(kind)s %(resource)s of this fabric needs the same place.'),
        _('Two resources need one name, address or place. Correct one of them.'),
    ),
    Code.PLACE_OF_CHANGED_OBJECT: Text(
        _('%(result)s: %(holder)s of %(kind)s %(resource)s cannot be synced now and was changed in NetBox.'),
        _('Resolve the issue of that resource, or change that object back.'),
    ),
    Code.PLACE_OF_MANAGED_OBJECT: Text(
        _('%(result)s: %(holder)s of %(kind)s %(resource)s has that place in NetBox.'),
        _('Resolve the discrepancy of that object: it keeps the place until then.'),
    ),
    Code.PLACE_OF_OTHER_FABRIC: Text(
        _('%(result)s: %(other)s of another fabric is in the way.'),
        _('Two fabrics need one name, address or port. Correct one of them, or use different name patterns.'),
    ),
    Code.PLACE_OF_SKIPPED_OBJECT: Text(
        _('%(result)s: %(holder)s of %(kind)s %(resource)s cannot be synced now and stays until it is deleted.'),
        _('Resolve the issue of that resource, or delete that object.'),
    ),
    Code.PLACE_OF_SKIPPED_RESOURCE: Text(
        _('%(result)s: an object of %(kind)s %(resource)s has that place and stays while that resource cannot be '
          'synced.'),
        _('Resolve the issue of that resource, or add it to the scope. If two resources need the same place, remove '
          'one.'),
    ),
    Code.PLACE_OF_STALE_CHANGED_OBJECT: Text(
        _('%(result)s: %(holder)s of %(kind)s %(resource)s is stale but was changed in NetBox.'),
        _('Delete or rename that object.'),
    ),
    Code.PLACE_OF_STALE_OBJECT: Text(
        _('%(result)s: %(holder)s of %(kind)s %(resource)s is stale and stays until it is deleted.'),
        _('Delete that object, or wait until its grace period ends.'),
    ),
    Code.PLACE_OF_UNMANAGED_OBJECT: Text(
        _('%(result)s: %(other)s is in the way and is not managed by this fabric. Rename, move or remove it.'),
        _('An object of yours has the name, address or port that the fabric needs. All other fields are synced.'),
    ),
    Code.PORT_NEEDED_TWICE: Text(
        _('%(result)s: %(kind)s %(resource)s of this fabric needs the same port.'),
        _('Two Connections need one port. Correct one of them.'),
    ),
    Code.PRIMARY_ADDRESS_ELSEWHERE: Text(
        _('%(object)s cannot move: it is the %(primary)s of device %(device)s. Remove it there.'),
        _('Choose another primary address for that device. The next sync moves the address.'),
    ),
    Code.REFERENCE_MISSING: Text(
        _('%(object)s skipped: an object that it refers to does not exist.'),
        _('Resolve the issue of the object that it refers to.'),
    ),
    Code.RESOURCE_CHANGED: Text(
        _('%(kind)s %(resource)s no longer defines %(name)s.'),
        _('Nothing: its objects are handled as *Removal* in the fabric’s settings says.'),
    ),
    Code.RESOURCE_REMOVED: Text(
        _('%(kind)s %(resource)s was removed from the fabric.'),
        _('Nothing: its objects are handled as *Removal* in the fabric’s settings says.'),
    ),
    Code.RULE_EXCLUDES: Text(
        n_('The inventory rule %(rule)s excludes resources with objects in NetBox: %(count)d object is kept and no '
           'longer updated.',
           'The inventory rule %(rule)s excludes resources with objects in NetBox: %(count)d objects are kept and no '
           'longer updated.', 'count'),
        _('Nothing, if that is intended. Otherwise change or disable the rule, or remove the objects.'),
    ),
    Code.SCOPE_DISABLED: Text(
        n_('%(scope)s is not in the scope of this fabric: %(count)d object is no longer updated.',
           '%(scope)s is not in the scope of this fabric: %(count)d objects are no longer updated.', 'count'),
        _('Nothing, if that is intended. Otherwise add it to *Scope* in the fabric’s settings, or remove the objects.'),
    ),
    Code.SHARED_DEVICES_DIFFER: Text(
        n_('%(count)d device is shared with a fabric that has another site, tenant or name pattern. It stays shared.',
           '%(count)d devices are shared with fabrics that have another site, tenant or name pattern. They stay '
           'shared.', 'count'),
        _('Nothing, if it is the same machine. To separate them, give this fabric a name pattern of its own, disable '
          'its inventory, delete its objects, and enable it again.'),
    ),
    Code.STALE_STATUS_NOT_OFFERED: Text(
        _('NetBox does not offer %(status)s, the status of stale devices. Stale devices keep their status. Choose '
          'another status in the fabric’s settings.'),
        _('NetBox’s `FIELD_CHOICES` has removed it. Choose another status in the fabric’s settings.'),
    ),
    Code.VALUE_INVALID: Text(
        _('%(object)s skipped: %(reason)s'),
        _('Correct the value in the resource.'),
    ),
}

# What is added to a sentence, by the parameter that counts it; in this order.
TAILS: dict[str, Text] = {
    'stale': Text(
        n_('%(stale)d NetBox object marked stale.', '%(stale)d NetBox objects marked stale.', 'stale'),
        _('Nothing: *Removal* in the fabric’s settings says what comes next.'),
    ),
    'unchanged': Text(
        n_('%(unchanged)d NetBox object left unchanged.', '%(unchanged)d NetBox objects left unchanged.', 'unchanged'),
        _('Nothing: *Removal* in the fabric’s settings says so.'),
    ),
    'waiting': Text(
        n_('%(waiting)d NetBox object will be marked stale once you confirm the removal.',
           '%(waiting)d NetBox objects will be marked stale once you confirm the removal.', 'waiting'),
        _('Review it in *Dry run*, and confirm there if it has really gone.'),
    ),
    'to_mark': Text(
        n_('%(to_mark)d NetBox object will be marked stale.', '%(to_mark)d NetBox objects will be marked stale.',
           'to_mark'),
        _('Nothing: the next sync does it.'),
    ),
    'marked': Text(
        n_('%(marked)d NetBox object marked stale.', '%(marked)d NetBox objects marked stale.', 'marked'),
        _('Nothing: *Removal* in the fabric’s settings says what comes next.'),
    ),
    'kept': Text(
        n_('%(kept)d object that is connected to it stays too.', '%(kept)d objects that are connected to it stay too.',
           'kept'),
        _('Resolve the issue of the object that is named.'),
    ),
    'skipped': Text(
        n_('%(skipped)d dependent object was skipped too.', '%(skipped)d dependent objects were skipped too.',
           'skipped'),
        _('Resolve the issue of the object that is named. The others follow.'),
    ),
    'again': Text(
        _('NetBox refused this in the last sync. It is tried again with every sync.'),
        _('Correct the resource, or change the validator or rule that refuses it.'),
    ),
}

# Why an object cannot be deleted. The parameter `reasons` has these names, each with its own parameters.
REASONS: dict[str, Any] = {
    'deleted-with-it': _('%(name)s would be deleted with it'),
    'depends-on-it': _('%(name)s depends on it'),
    'refers-to-it': _('%(name)s refers to it (%(title)s)'),
    'not-deletable': _('%(name)s cannot be deleted'),
    'moved': _('it was moved to another object in NetBox'),
    'rewired': _('it was connected to something else in NetBox'),
    'refused': _('%(text)s'),
}
