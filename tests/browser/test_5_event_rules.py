"""Somebody makes an event rule for what becomes of fabrics, with NetBox's own form."""

import re
from typing import Any

from playwright.sync_api import Page, expect

from .person import Person
from .world import World

RULE = 'Fabrics that fail'
IMPORTED = 'Agents that are silent'
LIST = '/extras/event-rules/'


def choose(page: Page, field: str, text: str) -> None:
    """Chooses an option as a person does: in the list that opens below the field."""
    page.locator(f'#id_{field}-ts-control').click()
    page.locator(f'#id_{field}-ts-dropdown').get_by_role('option', name=text, exact=True).click()
    page.keyboard.press('Escape')


def rule_called(world: World, name: str) -> dict[str, Any]:
    return world.get(f'extras/event-rules/?name={name.replace(" ", "+")}')['results'][0]


def test_the_form_for_event_rules_offers_the_events_of_fabrics(administrator: Person, world: World) -> None:
    world.post('extras/webhooks/', name='pager', payload_url='http://127.0.0.1:1/')
    page = administrator.page
    assert administrator.open(f'{LIST}add/') == 200
    page.get_by_label('Name', exact=True).fill(RULE)
    fabrics = page.locator('#id_object_types option').filter(has_text=re.compile(r'\bfabric\s*$', re.IGNORECASE))
    page.locator('#id_object_types').select_option(value=fabrics.first.get_attribute('value'), force=True)
    for text in ('Hedgehog: sync failed', 'Hedgehog: sync recovered'):
        choose(page, 'event_types', text)
    choose(page, 'action_choice', 'pager')
    administrator.button('Create').click()
    expect(page).to_have_url(re.compile(r'/extras/event-rules/\d+/$'))
    rule = rule_called(world, RULE)
    assert set(rule['event_types']) == {'hedgehog_sync_failed', 'hedgehog_sync_recovered'}


def test_a_rule_can_be_imported(administrator: Person, world: World) -> None:
    page = administrator.page
    assert administrator.open(f'{LIST}import/') == 200
    page.locator('#id_data').fill(
        'name,object_types,event_types,action_type,action_object\n'
        f'{IMPORTED},netbox_hedgehog.fabric,"hedgehog_agents_unresponsive,hedgehog_agents_back",webhook,pager\n'
    )
    page.locator('button[name=data_submit]').click()
    expect(page).to_have_url(re.compile(rf'{LIST}\?'))
    assert rule_called(world, IMPORTED)['event_types'] == ['hedgehog_agents_unresponsive', 'hedgehog_agents_back']


def test_the_list_names_the_events_of_each_rule_and_edits_them_in_bulk(administrator: Person, world: World) -> None:
    page = administrator.page
    assert administrator.open(LIST) == 200
    administrator.says(re.compile('Hedgehog: agents unresponsive, Hedgehog: agents recovered'))
    row = administrator.content.get_by_role('row').filter(has=page.get_by_role('link', name=IMPORTED, exact=True))
    row.locator('input[name=pk]').check()
    administrator.button('Edit Selected').click()
    choose(page, 'event_types', 'Hedgehog: fabric stale')
    administrator.button('Apply').click()
    expect(page).to_have_url(re.compile(rf'{LIST}$'))
    assert rule_called(world, IMPORTED)['event_types'] == ['hedgehog_stale']
    assert administrator.take_faults() == []
