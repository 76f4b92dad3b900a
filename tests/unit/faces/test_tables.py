"""Every column that offers to be sorted can be, and exports say what pages show."""

from django.db.models import Count
from utilities.testing import TableTestCases

from netbox_hedgehog.models import Fabric
from netbox_hedgehog.tables import (
    CablingCheckTable,
    DiscrepancyTable,
    FabricEventTable,
    FabricResourceTable,
    FabricTable,
    InventoryLinkTable,
    SwitchHealthTable,
)


class FabricTableTestCase(TableTestCases.StandardTableTestCase):
    table = FabricTable
    # The views count what their user may see.
    queryset_sources = (('FabricListView', Fabric.objects.annotate(resource_count=Count('resources'))),)


class FabricResourceTableTestCase(TableTestCases.StandardTableTestCase):
    table = FabricResourceTable


class DiscrepancyTableTestCase(TableTestCases.StandardTableTestCase):
    table = DiscrepancyTable


class InventoryLinkTableTestCase(TableTestCases.StandardTableTestCase):
    table = InventoryLinkTable


class SwitchHealthTableTestCase(TableTestCases.StandardTableTestCase):
    table = SwitchHealthTable


class CablingCheckTableTestCase(TableTestCases.StandardTableTestCase):
    table = CablingCheckTable


class FabricEventTableTestCase(TableTestCases.StandardTableTestCase):
    table = FabricEventTable
