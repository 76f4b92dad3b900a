"""Pictures of the pages, for the documentation and for people to look at: make pictures.

HEDGEHOG_PICTURES names the folder for all of them. Those of docs/pictures are taken along with them, so that what the
documentation shows is what the pages look like.
"""

import io
import os
from pathlib import Path

import pytest
from PIL import Image

from demo.machine import ROOT

from .conftest import Enter
from .pages import PAGES
from .person import DESKTOP, PHONE
from .world import World

FOLDER = os.environ.get('HEDGEHOG_PICTURES', '')
DOCS = ROOT / 'docs' / 'pictures'

pytestmark = pytest.mark.skipif(not FOLDER, reason='pictures are taken by make pictures')

# The pages that people see most.
SHOWN = [name for name in PAGES if name not in {'home', 'fabric_bulk_rename'}]

# What the documentation shows: page, light or dark, height in pixels.
DOCUMENTED = {
    'overview': ('overview', 'light', 860),
    'fabric': ('fabric', 'light', 1300),
    'topology': ('fabric_topology', 'dark', 900),
    'dry-run': ('fabric_dry_run, full', 'light', 900),
}
QUALITY = 82


def file_name(name: str) -> str:
    return name.replace('NetBox: ', 'netbox ').replace(', ', '-').replace(' ', '-').replace('.', '-').replace('_', '-')


@pytest.mark.parametrize('width', [DESKTOP, PHONE])
@pytest.mark.parametrize('mode', ['light', 'dark'])
def test_pictures_of_the_pages(enter: Enter, world: World, mode: str, width: int) -> None:
    folder = Path(FOLDER)
    folder.mkdir(parents=True, exist_ok=True)
    person = enter(width=width, dark=mode == 'dark')
    for name in SHOWN:
        assert PAGES[name](person, world) == 200
        path = folder / f'{file_name(name)}-{mode}-{width}.png'
        person.page.screenshot(path=path, full_page=True, animations='disabled')
    person.close()


def test_pictures_of_the_documentation(enter: Enter, world: World) -> None:
    DOCS.mkdir(exist_ok=True)
    for title, (name, mode, height) in DOCUMENTED.items():
        person = enter(dark=mode == 'dark')
        person.page.set_viewport_size({'width': DESKTOP, 'height': height})
        assert PAGES[name](person, world) == 200
        taken = Image.open(io.BytesIO(person.page.screenshot(animations='disabled')))
        taken.convert('RGB').save(DOCS / f'{title}.webp', quality=QUALITY, method=6)
        person.close()
