"""Somebody who looks at NetBox's pages with a browser, and keeps a list of what went wrong on them."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Self

from playwright.sync_api import Browser, ConsoleMessage, Locator, Page, Request, Response, expect

DESKTOP, PHONE = 1440, 390
# Milliseconds that a condition on a page gets on a busy machine.
PATIENCE = 30_000

expect.set_options(timeout=PATIENCE)


class Person:
    """A logged-in user with a browser window of their own."""

    def __init__(
        self, browser: Browser, address: str, name: str, password: str, *, width: int = DESKTOP, dark: bool = False,
    ) -> None:
        self.name = name
        self.address = address
        self.faults: list[str] = []
        self._context = browser.new_context(
            base_url=address, viewport={'width': width, 'height': 1000}, color_scheme='dark' if dark else 'light',
            reduced_motion='reduce', locale='en-GB', timezone_id='UTC',
        )
        self._context.set_default_timeout(PATIENCE)
        self.page: Page = self._context.new_page()
        self.page.on('console', self._console)
        self.page.on('pageerror', lambda error: self._note(f'script: {error}'))
        self.page.on('requestfailed', self._failed)
        self.page.on('response', self._answered)
        self._password = password

    def log_in(self) -> Self:
        self.page.goto('/login/')
        self.page.get_by_label('Username').fill(self.name)
        self.page.get_by_label('Password').fill(self._password)
        self.page.get_by_role('button', name='Sign In').click()
        self.page.wait_for_url(f'{self.address}/')
        return self

    def close(self) -> None:
        self._context.close()

    # Looking

    def open(self, path: str) -> int:
        """Opens a page and waits until all of it is there, parts that HTMX loads included. Returns the HTTP status."""
        # Not while the page before still asks for something, which would look like a failed request.
        answer = self.page.goto(path, wait_until='load')
        self.settle()
        assert answer is not None
        return answer.status

    def settle(self) -> None:
        self.page.wait_for_load_state('networkidle')

    @property
    def content(self) -> Locator:
        """The page without NetBox's menus."""
        return self.page.locator('#page-content')

    def says(self, text: str | re.Pattern[str]) -> None:
        """Waits until the page says something where it can be seen."""
        expect(self.content.get_by_text(text).filter(visible=True).first).to_be_visible()

    def button(self, name: str) -> Locator:
        return self.content.get_by_role('button', name=name, exact=True)

    def panel(self, title: str) -> Locator:
        return self.content.locator('.card').filter(has=self.page.get_by_role('heading', name=title, exact=True))

    @contextmanager
    def without_reload(self) -> Iterator[None]:
        """Fails where the page was loaded anew in the meantime."""
        self.page.evaluate('window.hedgehogMark = true')
        yield
        assert self.page.evaluate('window.hedgehogMark === true'), 'The page was loaded anew.'

    def mode(self, name: str) -> None:
        """Switches to light or dark, as NetBox's own switch does."""
        self.page.evaluate('name => setMode(name)', name)

    # What went wrong

    def take_faults(self) -> list[str]:
        """What went wrong since this was asked last."""
        faults, self.faults = self.faults, []
        return faults

    def _note(self, what: str) -> None:
        self.faults.append(f'{self.page.url.removeprefix(self.address)}: {what}')

    def _console(self, message: ConsoleMessage) -> None:
        if message.type == 'error':
            self._note(f'console: {message.text}')

    def _failed(self, request: Request) -> None:
        # A page that is left lets go of what it still waits for.
        if request.failure != 'net::ERR_ABORTED':
            self._note(f'failed: {request.method} {request.url} ({request.failure})')

    def _answered(self, response: Response) -> None:
        if response.status >= 400:
            self._note(f'answered {response.status}: {response.request.method} {response.url}')

    # Asking without looking

    def ask(self, method: str, path: str, form: dict[str, Any] | None = None) -> int:
        """The status of a request in this person's name; of a POST with its token against forgery."""
        headers = {'Referer': f'{self.address}{path}'}
        if method == 'POST':
            form = (form or {}) | {'csrfmiddlewaretoken': self.page.evaluate('window.CSRF_TOKEN')}
        answer = self._context.request.fetch(
            path, method=method, headers=headers, form=form if method == 'POST' else None, max_redirects=5,
        )
        return answer.status
