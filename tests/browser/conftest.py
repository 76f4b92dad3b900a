"""One NetBox for all tests in here, and one Chromium. Its fabrics stay as they are: a test that acts makes its own."""

from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser, sync_playwright

from tests.plugin import Services

from . import chromium
from .person import Person
from .world import ADMINISTRATOR, PASSWORD, VIEWER, World


@pytest.fixture(scope='session')
def browser() -> Iterator[Browser]:
    try:
        path = chromium.provide()
    except chromium.ChromiumMissing as missing:
        pytest.skip(str(missing))
    with sync_playwright() as playwright:
        browser = chromium.launch(playwright, path)
        yield browser
        browser.close()


@pytest.fixture(scope='session')
def world(browser: Browser, services: Services, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with World(services, tmp_path_factory.mktemp('browser')) as world:
        yield world



# Somebody with a window of their own: name, and what Person takes beside.
Enter = Callable[..., Person]


@pytest.fixture(scope='module')
def enter(browser: Browser, world: World) -> Iterator[Enter]:
    people = []

    def log_in(name: str = ADMINISTRATOR, **options: object) -> Person:
        person = Person(browser, world.address, name, PASSWORD, **options)
        people.append(person)
        return person.log_in()

    yield log_in
    for person in people:
        person.close()


@pytest.fixture(scope='module')
def administrator(enter: Enter) -> Person:
    return enter()


@pytest.fixture(scope='module')
def viewer(enter: Enter) -> Person:
    return enter(VIEWER)
