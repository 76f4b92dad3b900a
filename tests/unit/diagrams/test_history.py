"""The chart of runs, without a database."""

from datetime import UTC, datetime, timedelta
from xml.etree import ElementTree

import pytest

from netbox_hedgehog.diagrams.history import DrawnSync, describe_syncs, draw_syncs

SVG = '{http://www.w3.org/2000/svg}'
NOW = datetime(2026, 8, 20, 12, 0, tzinfo=UTC)


def run(minutes, outcome='in_sync', seconds=2.0, changes=0, error=''):
    return DrawnSync(f'/{minutes}/', NOW - timedelta(minutes=minutes), outcome, seconds, changes, error)


def draw(runs, interval=300):
    svg = draw_syncs(runs, NOW, interval)
    return ElementTree.fromstring(svg), svg


def texts(root):
    return [found.text for found in root.iter(f'{SVG}text')]


def test_each_sync_leads_to_its_job() -> None:
    root, _ = draw([run(20), run(15, 'failed', error='401: renew the token'), run(10, 'partial'), run(5, 'skipped')])
    links = {link.get('href'): link for link in root.iter(f'{SVG}a')}
    assert list(links) == ['/20/', '/15/', '/10/', '/5/']
    assert links['/15/'].find(f'{SVG}title').text == '2026-08-20 11:45:00: failed, 2.0 s, 0 changes\n401: renew the token'


def test_outcomes_differ_in_shape() -> None:
    shapes = {}
    for outcome in ('in_sync', 'partial', 'failed', 'skipped'):
        link = next(draw([run(5, outcome)])[0].iter(f'{SVG}a'))
        shapes[outcome] = tuple(child.tag + (child.get('class') or '') for child in link if child.get('class') not in (
            'target', f'run-{outcome}'))
    assert len(set(shapes.values())) == 4


def test_longer_syncs_are_higher() -> None:
    root, _ = draw([run(10, seconds=1), run(5, seconds=4)])
    heights = [float(found.get('height')) for found in root.iter(f'{SVG}rect') if found.get('class') == 'sync-in_sync']
    assert heights[1] == pytest.approx(4 * heights[0], rel=.02)


def test_a_pause_is_shown() -> None:
    root, _ = draw([run(120), run(115), run(10), run(5)])
    assert 'no sync for 1 h 45 min' in texts(root)
    assert not any('no run' in text for text in texts(draw([run(15), run(10), run(5)])[0]))


def test_a_pause_until_now_is_shown() -> None:
    """Above all this one: nobody reads the fabric."""
    assert 'no sync for 50 min' in texts(draw([run(60), run(55), run(50)])[0])


def test_a_fabric_that_is_not_scheduled_has_no_pauses() -> None:
    assert not any('no run' in text for text in texts(draw([run(6000), run(50)], interval=0)[0]))


@pytest.mark.parametrize('runs', [
    [], [run(0)], [run(5, seconds=0)], [run(5, changes=10 ** 9)], [run(5, seconds=10 ** 6)],
    [run(minutes / 10) for minutes in range(1200, 0, -1)], [run(60 * 24 * 90), run(1)], [run(-5)],
])
def test_whatever_the_syncs_are(runs) -> None:
    root, _ = draw(runs)
    labels = [text for text in texts(root) if ':' in text]
    assert len(labels) <= 11
    describe_syncs(runs)


def test_in_words() -> None:
    assert describe_syncs([run(10), run(5, 'failed', seconds=9)]) == (
        '2 syncs since 2026-08-20 11:50: 1 in sync, 1 failed. Median 9.0 s, max 9.0 s.'
    )
    assert describe_syncs([run(5, seconds=9)]) == '1 sync at 2026-08-20 11:55: in sync, 9.0 s.'


def test_a_sync_that_was_cancelled_did_not_fail() -> None:
    assert describe_syncs([run(5, 'cancelled', seconds=9)]) == '1 sync at 2026-08-20 11:55: cancelled, 9.0 s.'
    svg = draw([run(5, 'cancelled')])[1]
    assert 'class="sync-cancelled"' in svg
    assert 'sync-failed"' not in svg


def test_one_change_is_one() -> None:
    assert run(5, changes=1).title.endswith(', 1 change')
    assert run(5, changes=0).title.endswith(', 0 changes')


def test_hostile_error_is_text() -> None:
    assert '<script' not in draw([run(5, 'failed', error='<script>alert(1)</script>')])[1]
