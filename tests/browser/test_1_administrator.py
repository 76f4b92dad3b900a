"""An administrator's day with a new fabric, from the form to its devices, through an outage. The tests go in order."""

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import expect

from demo.kubernetes_api import KubernetesAPI
from netbox_hedgehog.hedgehog.kinds import KINDS
from tests.e2e.stack import TOKEN, sample_api

from .pages import url
from .person import Person
from .world import World

NAME = 'bru-1'
SITE = 'Brussels'


class Story:
    """Who acts, and on what. `fabric` is its id, once it has been made."""

    def __init__(self, person: Person, world: World, api: KubernetesAPI) -> None:
        self.person = person
        self.world = world
        self.api = api
        self.site = world.site(SITE)

    @property
    def fabric(self) -> int:
        return self.world.first(f'plugins/hedgehog/fabrics/?name={NAME}')

    def open(self) -> None:
        assert self.person.open(url('fabric', self.fabric)) == 200

    def state(self, text: str) -> None:
        """Waits until the page says of itself that the fabric is in this state."""
        expect(self.person.page.locator('#hedgehog-live .badge').first).to_have_text(text)

    def success(self) -> str:
        """What the page has of the last success: a moment, or Never."""
        row = self.person.content.get_by_role('row').filter(has=self.person.page.get_by_text('Last success', exact=True))
        return str(re.search(r'\((.*)\)|Never', row.inner_text())[0])

    def count(self, path: str) -> int:
        return int(self.world.get(f'{path}{"&" if "?" in path else "?"}limit=1')['count'])


@pytest.fixture(scope='module')
def story(administrator: Person, world: World) -> Iterator[Story]:
    with sample_api(heartbeat=10) as api:
        yield Story(administrator, world, api)


@pytest.fixture(autouse=True)
def nothing_fails(story: Story) -> Iterator[None]:
    yield
    assert story.person.take_faults() == []


def test_a_fabric_is_created_through_the_form(story: Story) -> None:
    person, page = story.person, story.person.page
    person.open(url('fabric_list'))
    person.content.get_by_role('button', name='Add', exact=True).click()
    page.get_by_label('Name', exact=True).fill(NAME)
    page.get_by_label('Kubernetes server').fill(story.api.url)
    page.get_by_label('Kubernetes token').fill(TOKEN)
    page.get_by_label('Kubernetes CA certificate').fill(story.api.ca_pem)
    # To begin with it is read when somebody asks.
    page.get_by_label('Scheduler enabled').uncheck()
    person.button('Create').click()
    expect(page).to_have_url(re.compile(r'/fabrics/\d+/$'))
    expect(page.get_by_role('heading', name=NAME)).to_be_visible()
    person.says('Never synced.')
    person.says('Manual sync only.')
    story.state('Never synced')
    assert TOKEN not in page.content()


def test_its_connection_is_tested(story: Story) -> None:
    story.open()
    story.person.button('Test connection').click()
    told = story.person.page.locator('#django-messages')
    expect(told).to_contain_text(f'Connected to {story.api.url} (Kubernetes')
    expect(told).to_contain_text(f'{len(KINDS)} of {len(KINDS)} Hedgehog kinds can be read')


def test_a_sync_shows_how_it_goes(story: Story) -> None:
    person = story.person
    story.open()
    # The run gets as far as this test wants it to.
    early, late = 6, len(KINDS) - 1
    held, _ = (story.api.faults.hold(match=rf'/{KINDS[place].plural}\?') for place in (early, late))
    person.button('Sync now').click()
    bar = person.content.get_by_role('progressbar', name='Kinds synced')
    expect(bar).to_have_attribute('aria-valuenow', str(early))
    person.says(re.compile(f'syncing {KINDS[early].title_plural}', re.IGNORECASE))
    with person.without_reload():
        held.set()
        expect(bar).to_have_attribute('aria-valuenow', str(late))
        person.says(re.compile(f'syncing {KINDS[late].title_plural}', re.IGNORECASE))
        person.says(re.compile(rf'\d+ of {len(KINDS)} kinds, \d+ resources'))
        # What cannot work meanwhile says so, and the run can be ended.
        expect(person.button('Sync now')).to_be_disabled()
        expect(person.button('Cancel sync')).to_be_enabled()
    story.api.faults.clear()
    expect(bar).to_be_hidden()
    story.state('In sync')
    expect(person.button('Sync now')).to_be_enabled()
    assert story.success() != 'Never'
    kinds = person.content.get_by_role('row').filter(has=person.page.get_by_role('link', name='Switches', exact=True))
    expect(kinds.get_by_role('cell').nth(1)).to_have_text(str(len(story.api.objects('Switch'))))


def test_the_topology_shows_the_network_and_leads_to_its_parts(story: Story) -> None:
    person = story.person
    story.open()
    person.content.get_by_role('link', name='Topology', exact=True).click()
    diagram = person.content.locator('svg.hh')
    expect(diagram).to_be_visible()
    for kind in ('Switch', 'Server'):
        for manifest in story.api.objects(kind):
            name = manifest['metadata']['name']
            expect(diagram.locator('a.n', has=person.page.locator(f'text="{name}"')).first).to_be_visible()
    # A line for every cable between a spine and a leaf.
    cables = sum(
        len(manifest['spec']['fabric']['links']) for manifest in story.api.objects('Connection')
        if 'fabric' in manifest['spec']
    )
    assert diagram.locator('a .wire.fabric').count() == cables
    diagram.locator('a.n', has=person.page.locator('text="leaf-01"')).first.click()
    expect(person.page).to_have_url(re.compile(r'/resources/\d+/$'))
    expect(person.page.get_by_role('heading', name='leaf-01').first).to_be_visible()


def test_a_diagram_that_stays_open_is_not_left_as_it_was(story: Story) -> None:
    person = story.person
    assert person.open(url('fabric_topology', story.fabric)) == 200
    # How long ago that was.
    read = person.content.get_by_text('Status as of')
    before = read.inner_text()
    story.world.post(f'plugins/hedgehog/fabrics/{story.fabric}/sync/')
    expect(read).not_to_have_text(before)
    person.settle()


def test_a_page_says_when_nobody_answers_any_more(story: Story) -> None:
    person, page = story.person, story.person.page
    for path in (url('fabric', story.fabric), url('fabric_topology', story.fabric), url('overview')):
        person.open(path)
        silence = person.content.get_by_text('Auto-refresh failed').first
        expect(silence).to_be_hidden()
        page.route('**/plugins/hedgehog/**', lambda route: route.abort('connectionrefused'))
        expect(silence).to_be_visible()
        page.unroute('**/plugins/hedgehog/**')
        expect(silence).to_be_hidden()
        assert person.take_faults() != []


def test_the_inventory_is_switched_on_and_writes_nothing_yet(story: Story) -> None:
    person, page = story.person, story.person.page
    story.open()
    person.content.get_by_role('button', name='Edit', exact=True).click()
    page.get_by_role('checkbox', name='Inventory', exact=True).check()
    site = page.locator('#id_inventory_site + .ts-wrapper')
    site.click()
    site.get_by_role('combobox').fill(SITE)
    site.get_by_role('option', name=SITE).click()
    person.button('Save').click()
    expect(page).to_have_url(re.compile(rf'/fabrics/{story.fabric}/$'))
    person.content.get_by_role('link', name='Dry run', exact=True).click()
    person.says('Pending changes')
    person.settle()
    person.content.locator('summary').filter(has_text=re.compile(r'\d+ devices')).click()
    for name in ('spine-01', 'leaf-03', 'server-04'):
        person.says(name)
    expect(person.button('Apply this plan')).to_be_enabled()
    assert story.count(f'dcim/devices/?site_id={story.site}') == 0


def test_what_the_dry_run_shows_is_applied(story: Story) -> None:
    person = story.person
    person.open(url('fabric_dry_run', story.fabric))
    person.button('Apply this plan').click()
    wanted = sum(len(story.api.objects(kind)) for kind in ('Switch', 'Server', 'Gateway'))
    devices = f'dcim/devices/?site_id={story.site}'
    story.world.stack.wait_until(lambda: story.count(devices) == wanted, 60, f'there are {wanted} devices')
    person.open(f'/dcim/devices/?site_id={story.site}')
    person.content.get_by_role('link', name='leaf-01', exact=True).click()
    expect(person.panel('Hedgehog fabric').get_by_role('link', name=NAME)).to_be_visible()
    person.open(url('fabric_dry_run', story.fabric))
    person.says('No changes. NetBox matches the fabric.')


def test_the_schedule_takes_over(story: Story) -> None:
    person, page = story.person, story.person.page
    story.open()
    person.content.get_by_role('button', name='Edit', exact=True).click()
    page.get_by_label('Scheduler enabled').check()
    person.button('Save').click()
    person.says(re.compile(r'Next sync in \d+'))


def test_a_failure_appears_and_nothing_looks_fresher_than_it_is(story: Story) -> None:
    person, page = story.person, story.person.page
    story.world.stack.wait_until(story.world.stack.idle, 60, 'no sync is running')
    story.open()
    story.state('In sync')
    success, attempt = story.success(), story.world.stack.row(story.fabric)['last_attempt']
    story.api.stop()
    story.world.stack.make_due(story.fabric)
    # Nobody touches the page.
    story.state('Failed')
    story.open()
    expect(person.content.get_by_role('alert').filter(has_text=story.api.url).first).to_be_visible()
    assert story.success() == success
    assert story.world.stack.row(story.fabric)['last_attempt'] > attempt
    # The other pages agree.
    person.open(url('overview'))
    row = person.content.get_by_role('row').filter(has=page.get_by_role('link', name=NAME, exact=True))
    expect(row).to_contain_text('Failed')
    expect(row).to_contain_text(story.api.url.removeprefix('https://'))
    # What was read before is still there.
    person.open(url('fabricresource_list', query=f'?fabric_id={story.fabric}&kind=Switch'))
    person.says('leaf-01')


def test_the_failure_clears_when_the_api_server_is_back(story: Story) -> None:
    person, page = story.person, story.person.page
    person.open(url('overview'))
    row = person.content.get_by_role('row').filter(has=page.get_by_role('link', name=NAME, exact=True))
    expect(row).to_contain_text('Failed')
    before = story.world.stack.row(story.fabric)['last_sync']
    with person.without_reload():
        story.api.start()
        story.world.stack.make_due(story.fabric)
        expect(row).to_contain_text('In sync')
        expect(row).not_to_contain_text('Failed')
    story.open()
    story.state('In sync')
    expect(person.content.get_by_role('alert').filter(has_text=story.api.url)).to_have_count(0)
    assert story.world.stack.row(story.fabric)['last_sync'] > before


def test_a_scheduler_that_is_gone_is_told_and_one_that_is_back_too(story: Story) -> None:
    person, stack = story.person, story.world.stack
    person.open(url('overview'))
    sentence = 'No scheduler is running; no fabric is synced on schedule.'
    expect(person.content.get_by_text(sentence)).to_have_count(0)
    with person.without_reload():
        stack.end(*(process for process in stack.processes if process.name.startswith('scheduler')))
        person.says(sentence)
        stack.scheduler()
        expect(person.content.get_by_text(sentence)).to_have_count(0)


def test_an_impossible_interval_gets_a_sentence(story: Story) -> None:
    """Bad input is told on the page, and what is stored is not lost."""
    person, page = story.person, story.person.page
    person.open(url('fabric_edit', story.fabric))
    page.get_by_label('Sync interval').fill('5')
    person.button('Save').click()
    person.says(re.compile('Must be at least 30 seconds'))
    page.get_by_label('Sync interval').fill('900')
    person.button('Save').click()
    expect(page).to_have_url(re.compile(rf'/fabrics/{story.fabric}/$'))
    story.state('In sync')
