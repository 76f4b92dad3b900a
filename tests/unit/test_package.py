"""The package as others find it."""

import os
import subprocess
import sys

from demo.machine import ROOT


def test_it_can_be_imported_without_settings() -> None:
    """Tools and the tests of the deployment take kinds and samples from it, where Django is not set up."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith(('DJANGO', 'NETBOX'))}
    modules = 'netbox_hedgehog, netbox_hedgehog.hedgehog.kinds, tests.support.real_cluster'
    result = subprocess.run(
        [sys.executable, '-c', f'import {modules}'], cwd=ROOT, env=environment, capture_output=True, text=True,
    )
    assert result.returncode == 0, result.stderr
