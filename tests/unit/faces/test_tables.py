"""Every column that offers to be sorted can be, and exports say what pages show."""

from utilities.testing import TableTestCases

from netbox_hedgehog.tables import (
    DiscrepancyTable,
    FabricResourceTable,
    FabricTable,
    InventoryLinkTable,
    SwitchHealthTable,
)


class FabricTableTestCase(TableTestCases.StandardTableTestCase):
    table = FabricTable


class FabricResourceTableTestCase(TableTestCases.StandardTableTestCase):
    table = FabricResourceTable


class DiscrepancyTableTestCase(TableTestCases.StandardTableTestCase):
    table = DiscrepancyTable


class InventoryLinkTableTestCase(TableTestCases.StandardTableTestCase):
    table = InventoryLinkTable


class SwitchHealthTableTestCase(TableTestCases.StandardTableTestCase):
    table = SwitchHealthTable
