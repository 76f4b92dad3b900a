"""Enable NetBox's plugins. The settings of netbox_hedgehog are in docs/settings.md."""

PLUGINS = ['netbox_hedgehog']

PLUGINS_CONFIG = {
    'netbox_hedgehog': {},
}
