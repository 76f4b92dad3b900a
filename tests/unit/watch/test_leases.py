"""Watchers share the fabrics, and take over what one that has died leaves.

On Valkey, and on fakeredis: what it keeps is in this process, and it can be made to go away.
"""

import pytest
from fakeredis import FakeRedis, FakeServer
from redis import Redis
from redis.exceptions import ConnectionError as RedisDown

from netbox_hedgehog.monitoring.service_health import check_worker_health
from netbox_hedgehog.watch import leases as module
from netbox_hedgehog.watch.leases import Leases, live_watchers, watch_errors, watched_fabrics

from ...support.jobs import make_fabric, round_trips

WANTED = range(1, 11)


@pytest.fixture(autouse=True, params=['Valkey', 'fakeredis'])
def redis(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Redis:
    """The Redis of the leases, empty."""
    if request.param == 'fakeredis':
        fake = FakeRedis(server=FakeServer())
        monkeypatch.setattr(module, 'connection', lambda: fake)
    return module.connection()


def expire(leases: Leases, redis: Redis) -> None:
    """Its process has died, and its time is over."""
    redis.zrem(module.WATCHERS, leases.name)
    for pk in leases.mine:
        redis.delete(f'{module.PREFIX}{pk}')


def test_one_takes_all():
    one = Leases('one')
    assert one.renew(WANTED) == set(WANTED) == one.renew(WANTED)
    assert watched_fabrics(range(5, 15)) == set(range(5, 11))
    assert live_watchers() == [one.name]


def test_they_share_and_nobody_has_another_s():
    one, two, three = Leases('one'), Leases('two'), Leases('three')
    one.renew(WANTED)
    for _ in range(3):
        for each in (two, three, one):
            each.renew(WANTED)
    shares = [each.mine for each in (one, two, three)]
    assert sorted(pk for share in shares for pk in share) == list(WANTED)
    assert sorted(map(len, shares)) == [2, 4, 4]


def test_a_dead_one_is_replaced(redis):
    one, two = Leases('one'), Leases('two')
    for _ in range(3):
        one.renew(WANTED)
        two.renew(WANTED)
    assert len(two.mine) == 5
    expire(one, redis)
    assert two.renew(WANTED) == set(WANTED)


def test_every_lease_ends_by_itself(redis):
    one = Leases('one')
    one.renew(WANTED)
    assert all(0 < redis.ttl(f'{module.PREFIX}{pk}') <= module.LEASE for pk in WANTED)
    redis.zadd(module.WATCHERS, {one.name: redis.time()[0] - 1})
    assert live_watchers() == []


@pytest.mark.parametrize('owner', ['nobody', '', b'\xff'])
def test_a_lease_that_would_never_end_is_freed(redis, owner):
    redis.set(f'{module.PREFIX}3', owner)
    redis.set(f'{module.PREFIX}4', 'dead', ex=module.LEASE)
    assert Leases('one').renew(WANTED) == set(WANTED) - {4}


def test_signs_of_life_that_would_never_end_are_of_nobody(redis):
    redis.zadd(module.WATCHERS, {f'ghost-{number}': 'inf' for number in range(20)})
    one = Leases('one')
    assert one.renew(WANTED) == set(WANTED)
    assert live_watchers() == [one.name]
    assert redis.zrange(module.WATCHERS, 0, -1) == [one.name.encode()]


def test_what_is_not_wanted_any_more_is_given_back():
    one = Leases('one')
    one.renew(WANTED)
    assert one.renew([1, 2]) == {1, 2}
    assert watched_fabrics(WANTED) == {1, 2}
    one.give_back()
    assert watched_fabrics(WANTED) == set()
    assert live_watchers() == []


def test_an_emptied_redis(redis):
    one = Leases('one')
    one.renew(WANTED)
    redis.flushdb()
    assert one.renew(WANTED) == set(WANTED)
    assert live_watchers() == [one.name]


def test_a_redis_that_is_away_for_longer_than_a_lease():
    server = FakeServer()
    one = Leases('one', FakeRedis(server=server))
    one.renew(WANTED)
    server.connected = False
    with pytest.raises(RedisDown):
        one.renew(WANTED)
    assert not one.lost(), 'nobody else can have taken them yet'
    one._renewed -= module.LEASE + 1  # as much later
    assert one.lost()
    server.connected = True
    assert one.renew(WANTED) == set(WANTED)
    assert not one.lost()


def test_round_trips_do_not_grow_with_the_fabrics():
    one = Leases('one')
    for _ in range(2):
        with round_trips() as sent:
            one.renew(range(1, 1001), dict.fromkeys(range(1, 1001), 'It cannot be reached.'))
        assert len(sent) == 2
    assert len(watch_errors(range(1, 1001))) == 1000


def test_a_trouble_stands_beside_its_lease_and_until_the_next_beat(redis):
    one = Leases('one')
    one.renew(WANTED)
    one.renew(WANTED, {3: 'Geht nicht: ü \udc80', 99: 'It is of nobody here.'})
    assert watch_errors([*WANTED, 99]) == {3: 'Geht nicht: ü ?'}
    assert 0 < redis.ttl(f'{module.ERRORS}3') <= module.LEASE
    one.renew(WANTED)
    assert watch_errors(WANTED) == {}
    one.renew(WANTED, {3: 'Again.', 4: 'And this.'})
    one.renew([4], {4: 'And this.'})
    assert watch_errors(WANTED) == {4: 'And this.'}
    one.give_back()
    assert watch_errors(WANTED) == {}


@pytest.mark.django_db
def test_health_says_who_is_not_watched():
    assert check_worker_health()['watched'] == 0
    fabric = make_fabric(watch_enabled=True)
    found = check_worker_health()
    assert (found['watched'], found['unwatched'], found['watchers']) == (1, 1, [])
    assert any('No watcher is running' in problem for problem in found['problems'])
    one = Leases('one')
    one.renew([])
    assert any(f'{fabric.name} is not watched yet' in problem for problem in check_worker_health()['problems'])
    one.renew([fabric.pk])
    found = check_worker_health()
    assert (found['unwatched'], found['watchers']) == (0, [one.name])
    assert not any('watch' in problem for problem in found['problems'])
