"""Every page of the plugin: it answers, nothing of it fails, and everybody can use it."""

import pytest

from .accessibility import MODES, violations
from .pages import NO_PAGE, PAGES, selected, url_names
from .person import Person
from .world import World

# Pages of NetBox's own with everything that ours take from it: menus, tables, forms, tabs. What axe-core finds there
# is NetBox's to mend. Taken off is not a rule, but a rule that the same kind of element breaks, so that a fault of ours
# is seen on whatever NetBox has no fault.
OF_NETBOX = (
    '/', '/dcim/sites/?name=Amsterdam', '/dcim/sites/1/', '/dcim/sites/1/edit/', '/dcim/sites/import/', '/dcim/devices/?per_page=10',
    '/dcim/sites/1/journal/', '/core/data-sources/add/',
)

# Which badges and buttons happen to be on those pages is chance, and their colours are NetBox's stylesheet: one of
# each is put on a card there. The pages have no others; colours of texts, of pictures and of whatever else is drawn
# here are not among them, and so are ours.
SWATCHES = """([badges, buttons]) => {
    const card = document.createElement('div');
    const all = badges.map(colour => `<span class="badge text-bg-${colour}">badge</span>`).join(' ')
        + buttons.map(colour => `<button type="button" class="btn btn-${colour}">button</button>`).join(' ');
    card.className = 'card';
    card.innerHTML = `<h2 class="card-header">${all}</h2><div class="card-body">${all}</div>`;
    document.querySelector('#page-content .page-body .container-fluid').append(card);
}"""
BADGES = ['blue', 'indigo', 'purple', 'pink', 'red', 'orange', 'yellow', 'green', 'teal', 'cyan', 'gray']
BUTTONS = [
    f'{variant}{colour}' for variant in ('', 'outline-', 'ghost-')
    for colour in ('primary', 'secondary', 'success', 'warning', 'danger', 'red', 'yellow', 'purple', 'green')
]

Known = dict[str, set[tuple[str, str]]]


@pytest.fixture(scope='module')
def known(administrator: Person, world: World) -> Known:
    """What axe-core finds on NetBox's own pages, in light and dark."""
    found: Known = {mode: set() for mode in MODES}

    def look() -> None:
        for mode, grave in violations(administrator.page).items():
            found[mode].update(violation.signature for violation in grave)

    for path in OF_NETBOX:
        assert administrator.open(path) == 200
        look()
    for action in ('edit', 'rename', 'delete'):
        assert selected('/dcim/sites/', f'/dcim/sites/{action}/')(administrator, world) == 200
        look()
    administrator.open('/dcim/sites/1/')
    administrator.page.evaluate(SWATCHES, [BADGES, BUTTONS])
    look()
    administrator.take_faults()
    return found


def test_every_url_of_the_plugin_is_looked_at() -> None:
    looked_at = {name.split(',')[0] for name in PAGES}
    assert url_names() - NO_PAGE - looked_at == set()
    assert url_names() >= NO_PAGE


@pytest.mark.parametrize('name', PAGES)
def test_page(administrator: Person, world: World, known: Known, name: str) -> None:
    status = PAGES[name](administrator, world)
    assert (status, administrator.take_faults()) == (200, [])
    grave = [
        f'{mode}: {violation}' for mode, found in violations(administrator.page).items()
        for violation in found if violation.signature not in known[mode]
    ]
    assert not grave, '\n'.join(grave)
