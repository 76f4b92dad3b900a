"""Somebody makes an event rule for what becomes of fabrics, with NetBox's own form."""

import re

from playwright.sync_api import Page, expect

from .person import Person
from .world import World

RULE = 'Fabrics that fail'


def choose(page: Page, field: str, text: str) -> None:
    """Chooses an option as a person does: in the list that opens below the field."""
    page.locator(f'#id_{field}-ts-control').click()
    page.locator(f'#id_{field}-ts-dropdown').get_by_role('option', name=text, exact=True).click()
    page.keyboard.press('Escape')


def test_the_form_for_event_rules_offers_the_events_of_fabrics(administrator: Person, world: World) -> None:
    world.post('extras/webhooks/', name='pager', payload_url='http://127.0.0.1:1/')
    page = administrator.page
    assert administrator.open('/extras/event-rules/add/') == 200
    page.get_by_label('Name', exact=True).fill(RULE)
    fabrics = page.locator('#id_object_types option').filter(has_text=re.compile(r'\bfabric\s*$', re.IGNORECASE))
    page.locator('#id_object_types').select_option(value=fabrics.first.get_attribute('value'), force=True)
    for text in ('Hedgehog: sync failed', 'Hedgehog: sync recovered'):
        choose(page, 'event_types', text)
    choose(page, 'action_choice', 'pager')
    administrator.button('Create').click()
    expect(page).to_have_url(re.compile(r'/extras/event-rules/\d+/$'))
    rule = world.get(f'extras/event-rules/?name={RULE.replace(" ", "+")}')['results'][0]
    assert set(rule['event_types']) == {'hedgehog_sync_failed', 'hedgehog_sync_recovered'}
