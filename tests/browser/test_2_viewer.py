"""Somebody who may view everything and change nothing: all pages answer, and nothing is offered that would fail."""

import re
from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest

from .pages import FOR_WRITERS, PAGES, url
from .person import Person
from .world import World

# Everything in some parts of a page that can be pressed or followed, where it can be seen and is not switched off:
# where a link leads, what HTMX asks for, where a form goes and with what in it.
OFFERED = """parts => {
    const found = [];
    const seen = element => element.checkVisibility({visibilityProperty: true}) && !element.disabled;
    for (const part of parts) {
        for (const link of part.querySelectorAll('a[href]')) {
            if (seen(link)) found.push(['GET', link.href.baseVal ?? link.getAttribute('href')]);
        }
        for (const element of part.querySelectorAll('[hx-get]')) {
            if (seen(element)) found.push(['GET', element.getAttribute('hx-get')]);
        }
        for (const button of part.querySelectorAll('button, input[type=submit]')) {
            if (!button.form || button.type !== 'submit' || !seen(button)) continue;
            const method = button.hasAttribute('formaction') ? 'POST' : button.form.method.toUpperCase();
            const where = button.getAttribute('formaction') ?? button.form.getAttribute('action') ?? '';
            found.push([method, where, Object.fromEntries(new FormData(button.form))]);
        }
    }
    return found;
}"""

# What needs a permission that a viewer has not got.
CHANGES = re.compile(r'/(add|edit|delete|import|rename|sync|cancel|apply|confirm-removal|disable|resolve|onboard)/')

VIEWABLE = [name for name in PAGES if name not in FOR_WRITERS]


@pytest.fixture(scope='module')
def followed() -> set[tuple[str, str]]:
    """What has been followed: a list of five thousand interfaces is five thousand times the same offer."""
    return set()


def offers(person: Person) -> Iterator[tuple[str, str, dict[str, str]]]:
    """Method, path and form of everything that a page offers within NetBox; of NetBox's own pages, our panel."""
    parts = person.page.locator('#page-content, #sidebar-menu')
    if not urlsplit(person.page.url).path.startswith('/plugins/'):
        parts = person.panel('Hedgehog fabric')
    here = urlsplit(person.page.url)
    for method, target, *form in parts.evaluate_all(OFFERED):
        parts = urlsplit(target)
        if target.startswith('#') or (parts.netloc and parts.netloc != here.netloc) or parts.scheme == 'mailto':
            continue
        yield method, (parts.path or here.path) + (f'?{parts.query}' if parts.query else ''), form[0] if form else {}


def kind_of(method: str, path: str) -> tuple[str, str]:
    """What offers have in common that differ in the object, or in a value, that they are about."""
    parts = urlsplit(path)
    return method, re.sub(r'\d+', '#', parts.path) + re.sub(r'=[^&]*', '', parts.query)


@pytest.mark.parametrize('name', VIEWABLE)
def test_page_offers_nothing_that_would_fail(
    viewer: Person, world: World, followed: set[tuple[str, str]], name: str,
) -> None:
    assert PAGES[name](viewer, world) == 200
    assert viewer.take_faults() == []
    refused, offered = [], list(offers(viewer))
    assert offered, 'nothing is offered at all'
    for method, path, form in offered:
        if kind_of(method, path) in followed:
            continue
        followed.add(kind_of(method, path))
        status = viewer.ask(method, path, form)
        if status >= 400:
            refused.append(f'{method} {path}: {status}')
    assert not refused, '\n'.join(refused)
    assert [path for _, path, _ in offered if path.startswith('/plugins/') and CHANGES.search(path)] == []


@pytest.mark.parametrize('name', ['fabric_add', 'fabric_bulk_import', 'fabric_onboard'])
def test_what_is_not_offered_is_refused_all_the_same(viewer: Person, world: World, name: str) -> None:
    """Without this, a page that lets everybody do everything would pass as well."""
    assert viewer.ask('GET', url(name)) == 403


def test_neither_sync_nor_apply_nor_delete_work(viewer: Person, world: World) -> None:
    viewer.open(url('fabric', world.fabric))
    before = len(world.stack.jobs(world.fabric))
    for name in ('fabric_sync', 'fabric_test_connection', 'fabric_cancel', 'fabric_inventory_apply', 'fabric_delete'):
        assert viewer.ask('POST', url(name, world.fabric)) == 403, name
    assert len(world.stack.jobs(world.fabric)) == before
    viewer.take_faults()
