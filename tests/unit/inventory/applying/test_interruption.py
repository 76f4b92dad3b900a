"""A run that ends at any statement leaves nothing half done, and the next one completes it."""

from itertools import count

import pytest
from dcim.models import Cable, CablePath, Device, Interface
from django.db import connection, transaction
from ipam.models import VLAN, VRF, IPAddress, Prefix

from netbox_hedgehog.inventory.reconcile import reconcile
from netbox_hedgehog.models import InventoryLink

from ....support.examples import LONG
from ....support.inventory import fabric_of
from ....support.resources import small

pytestmark = pytest.mark.django_db

# Of so many statements one is tried.
EVERY = 1 if LONG else 25

MODELS = (Device, Interface, Cable, CablePath, VRF, VLAN, Prefix, IPAddress, InventoryLink)


class Killed(BaseException):
    """Nothing catches it, as nothing catches the end of a process."""


class Interrupt:
    """Ends the run before its n-th statement."""

    def __init__(self, at):
        self.at, self.count = at, 0

    def __call__(self, execute, sql, params, many, context):
        self.count += 1
        if self.count == self.at:
            raise Killed()
        return execute(sql, params, many, context)


def counts():
    return {model.__name__: model.objects.count() for model in MODELS}


@pytest.mark.property
def test_interrupted_at_any_statement():
    fabric = fabric_of(one_of_each())
    empty = counts()
    with transaction.atomic():
        reconcile(fabric)
        complete = counts()
        transaction.set_rollback(True)
    assert counts() == empty
    # Statements of the run are places to end at, until there is none left: then the run is through.
    for number in count(1, EVERY):
        fabric.refresh_from_db()
        try:
            with transaction.atomic(), connection.execute_wrapper(Interrupt(number)):
                reconcile(fabric)
            break
        except Killed:
            assert counts() == empty, number
    assert number > 100
    assert counts() == complete
    assert reconcile(fabric).changes == 0


def one_of_each():
    """A switch, a server and the cable between them, and a VPC."""
    return [
        resource for resource in small()
        if not any(name in resource.name for name in ('server-2', 'spine-1'))
    ]
