"""What axe-core finds on a page that is ours to mend."""

import re
from dataclasses import dataclass
from typing import Any

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

GRAVE = ('serious', 'critical')
MODES = ('light', 'dark')
COLOURS = ['color-contrast', 'link-in-text-block']

# A colour that is still on its way to the other mode would be measured as it passes.
STILL = '*, *::before, *::after { transition: none !important; animation: none !important; }'

axe = Axe()


@dataclass(frozen=True)
class Violation:
    """A rule that an element breaks. `place` is what can be compared with another page: the element, or its colours."""

    rule: str
    place: str
    words: str
    element: str

    def __str__(self) -> str:
        return f'{self.rule}: {self.element[:200]} ({self.words})'

    @property
    def signature(self) -> tuple[str, str]:
        return self.rule, self.place


def violations(page: Page) -> dict[str, list[Violation]]:
    """The grave violations on a page as it is shown, in light and dark."""
    page.add_style_tag(content=STILL)
    found = {}
    for mode in MODES:
        page.evaluate('name => setMode(name)', mode)
        # The other mode has other colours, and everything else in common.
        options = {'resultTypes': ['violations']} | ({'runOnly': COLOURS} if mode != MODES[0] else {})
        found[mode] = [
            _violation(rule, node) for rule in axe.run(page, options=options).response['violations']
            for node in rule['nodes'] if (node['impact'] or rule['impact']) in GRAVE
        ]
    page.evaluate("setMode('light')")
    return found


def _violation(rule: dict[str, Any], node: dict[str, Any]) -> Violation:
    checks = [*node['any'], *node['all'], *node['none']]
    words = '; '.join(check['message'] for check in checks)
    # Of colours it is the two of them that do not go together, wherever that is.
    place = ' on '.join(re.findall(r'(#[0-9a-f]{6})', words)) if rule['id'] == 'color-contrast' else _place(node['html'])
    return Violation(rule['id'], place, words, node['html'])


def _place(html: str) -> str:
    """The opening tag: its name, classes and role. What an element is, whatever it says and wherever it leads."""
    tag = html.split('>', 1)[0]
    name = tag.strip('<').split()[0]
    kept = [re.search(rf'\b{attribute}="([^"]*)"', tag) for attribute in ('class', 'role')]
    return ' '.join([name, *(' '.join(sorted(match[1].split())) for match in kept if match)])
