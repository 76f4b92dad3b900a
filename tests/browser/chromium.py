"""A Chromium for the tests: the machine's, else Debian's where we are root."""

import os
import shutil
import subprocess
from pathlib import Path

from playwright.sync_api import Browser, Playwright

NAMES = ('chromium', 'chromium-browser', 'google-chrome-stable', 'google-chrome')
# A path of a Chromium of one's own.
VARIABLE = 'HEDGEHOG_CHROMIUM'

# Nothing but the pages: no sandbox, which root has none of, and no word with anybody outside.
OPTIONS = (
    '--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage', '--disable-quic', '--disable-background-networking',
    '--disable-component-update', '--disable-sync', '--no-proxy-server',
)


class ChromiumMissing(Exception):
    """There is no Chromium, and none can be had; the message says what to install."""


def find() -> str | None:
    """The path of the machine's Chromium; None where it has none."""
    if own := os.environ.get(VARIABLE):
        return own
    return next((path for path in map(shutil.which, NAMES) if path), None)


def provide() -> str:
    """The path of a Chromium, installed from Debian's packages if need be. Raises ChromiumMissing."""
    if found := find():
        return found
    if os.geteuid() != 0 or not shutil.which('apt-get') or not Path('/etc/debian_version').exists():
        raise ChromiumMissing(
            f'There is no Chromium on this machine. On Debian: apt-get install chromium, or run this as root. '
            f'Elsewhere: {VARIABLE}=/path/to/chromium.'
        )
    environment = {**os.environ, 'DEBIAN_FRONTEND': 'noninteractive'}
    # A failed update need not matter: the lists of the last one may do.
    subprocess.run(['apt-get', 'update', '-q'], env=environment, capture_output=True)
    # With a font: without any, Chromium draws boxes.
    command = ['apt-get', 'install', '-y', '-q', '--no-install-recommends', 'chromium', 'fonts-dejavu-core']
    result = subprocess.run(command, env=environment, capture_output=True, text=True)
    if found := find():
        return found
    words = (result.stderr.strip() or result.stdout.strip() or 'it says nothing').splitlines()[-1]
    raise ChromiumMissing(f'There is no Chromium on this machine, and apt-get could not install it: {words}')


def launch(playwright: Playwright, path: str) -> Browser:
    return playwright.chromium.launch(executable_path=path, args=list(OPTIONS))
