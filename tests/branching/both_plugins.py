"""Loaded before tests.plugin (-p): NetBox is started with NetBox Branching and this plugin."""

import os

os.environ['HEDGEHOG_PLUGINS'] = 'netbox_branching,netbox_hedgehog'
