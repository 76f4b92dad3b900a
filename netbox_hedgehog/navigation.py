from django.utils.translation import gettext_lazy as _
from netbox.plugins.navigation import PluginMenu, PluginMenuButton, PluginMenuItem

menu = PluginMenu(
    label=_('Hedgehog'),
    icon_class='mdi mdi-lan',
    groups=(
        (_('Fabrics'), (
            PluginMenuItem(
                link='plugins:netbox_hedgehog:overview',
                link_text=_('Overview'),
                permissions=['netbox_hedgehog.view_fabric'],
            ),
            PluginMenuItem(
                link='plugins:netbox_hedgehog:find',
                link_text=_('Find'),
                permissions=['netbox_hedgehog.view_fabricresource'],
            ),
            PluginMenuItem(
                link='plugins:netbox_hedgehog:fabric_list',
                link_text=_('Fabrics'),
                permissions=['netbox_hedgehog.view_fabric'],
                buttons=(
                    PluginMenuButton(
                        link='plugins:netbox_hedgehog:fabric_add',
                        title=_('Add'),
                        icon_class='mdi mdi-plus-thick',
                        permissions=['netbox_hedgehog.add_fabric'],
                    ),
                    PluginMenuButton(
                        link='plugins:netbox_hedgehog:fabric_bulk_import',
                        title=_('Import'),
                        icon_class='mdi mdi-upload',
                        permissions=['netbox_hedgehog.add_fabric'],
                    ),
                ),
            ),
            PluginMenuItem(
                link='plugins:netbox_hedgehog:switchhealth_list',
                link_text=_('Switch health'),
                permissions=['netbox_hedgehog.view_switchhealth'],
            ),
            PluginMenuItem(
                link='plugins:netbox_hedgehog:cablingcheck_list',
                link_text=_('Cabling'),
                permissions=['netbox_hedgehog.view_cablingcheck'],
            ),
            PluginMenuItem(
                link='plugins:netbox_hedgehog:fabricresource_list',
                link_text=_('Resources'),
                permissions=['netbox_hedgehog.view_fabricresource'],
            ),
            PluginMenuItem(
                link='plugins:netbox_hedgehog:fabricevent_list',
                link_text=_('Events'),
                permissions=['netbox_hedgehog.view_fabricevent'],
            ),
        )),
        (_('Inventory'), (
            PluginMenuItem(
                link='plugins:netbox_hedgehog:discrepancy_list',
                link_text=_('Discrepancies'),
                permissions=['netbox_hedgehog.view_discrepancy'],
            ),
            PluginMenuItem(
                link='plugins:netbox_hedgehog:inventorylink_list',
                link_text=_('Managed objects'),
                permissions=['netbox_hedgehog.view_inventorylink'],
            ),
            PluginMenuItem(
                link='plugins:netbox_hedgehog:inventoryrule_list',
                link_text=_('Inventory rules'),
                permissions=['netbox_hedgehog.view_inventoryrule'],
                buttons=(
                    PluginMenuButton(
                        link='plugins:netbox_hedgehog:inventoryrule_add',
                        title=_('Add'),
                        icon_class='mdi mdi-plus-thick',
                        permissions=['netbox_hedgehog.add_inventoryrule'],
                    ),
                    PluginMenuButton(
                        link='plugins:netbox_hedgehog:inventoryrule_bulk_import',
                        title=_('Import'),
                        icon_class='mdi mdi-upload',
                        permissions=['netbox_hedgehog.add_inventoryrule'],
                    ),
                ),
            ),
        )),
    ),
)
