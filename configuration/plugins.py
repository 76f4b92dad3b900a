"""NetBox's plugins. What netbox_hedgehog can be told is listed under Settings in its README."""

PLUGINS = ['netbox_hedgehog']

PLUGINS_CONFIG = {
    'netbox_hedgehog': {},
}
