"""Testing a connection calls a cluster from a web worker: one user cannot keep the workers busy with it."""

from contextlib import ExitStack
from unittest.mock import patch

from django.conf import settings
from django.test import override_settings
from django.urls import reverse
from users.models import User
from utilities.testing import APITestCase, TestCase

from netbox_hedgehog.cluster.probe import Probe
from netbox_hedgehog.jobs import probe as probe_module
from netbox_hedgehog.jobs.probe import check_connection
from netbox_hedgehog.models import Fabric

from ..support.pages import allow, make_fabric, messages_of

NOW = 1_800_000_010
ALLOWED = 10


class _Clock:
    def setUp(self):
        super().setUp()
        self.fabric = make_fabric()
        self.calls = []
        self.time = NOW
        for target, replacement in (
            ('test_connection', lambda fabric: self.calls.append(fabric) or Probe(errors=['x'], sentences=['x'])),
            ('time.time', lambda: self.time),
        ):
            patched = patch.object(probe_module.time, 'time', replacement) if '.' in target else patch.object(
                probe_module, target, replacement,
            )
            patched.start()
            self.addCleanup(patched.stop)


class PageTestCase(_Clock, TestCase):
    user_permissions = ('netbox_hedgehog.view_fabric', 'netbox_hedgehog.sync_fabric')

    def test_more_than_allowed(self):
        url = reverse('plugins:netbox_hedgehog:fabric_test_connection', args=[self.fabric.pk])
        for _ in range(ALLOWED + 3):
            response = self.client.post(url)
        self.assertEqual(len(self.calls), ALLOWED)
        self.assertIn('Try again in 60 seconds.', messages_of(response)[-1])
        self.time += 60
        self.client.post(url)
        self.assertEqual(len(self.calls), ALLOWED + 1)

    def test_any_minute_counts(self):
        """Not only one of the clock: whatever minute one looks at, so many tests are in it and no more."""
        url = reverse('plugins:netbox_hedgehog:fabric_test_connection', args=[self.fabric.pk])
        begun = []
        for second in range(180):
            self.time = NOW + second
            before = len(self.calls)
            for _ in range(4 if second < 2 or second % 30 == 29 else 0):
                self.client.post(url)
            begun += [second] * (len(self.calls) - before)
        for second in begun:
            self.assertLessEqual(len([other for other in begun if second - 60 < other <= second]), ALLOWED)
        # 8 at the beginning, 2 after half a minute; what is refused takes nobody's place.
        self.assertEqual(begun[:18], [0] * 4 + [1] * 4 + [29] * 2 + [89] * 4 + [119] * 4)

    def test_without_redis_a_connection_can_be_tested(self):
        url = reverse('plugins:netbox_hedgehog:fabric_test_connection', args=[self.fabric.pk])
        with patch.object(probe_module, 'connection', side_effect=ConnectionError):
            self.client.post(url)
        self.assertEqual(len(self.calls), 1)

    def test_each_user_has_a_minute_of_their_own(self):
        url = reverse('plugins:netbox_hedgehog:fabric_test_connection', args=[self.fabric.pk])
        for _ in range(ALLOWED + 1):
            self.client.post(url)
        self.client.force_login(User.objects.create_superuser('other'))
        self.client.post(url)
        self.assertEqual(len(self.calls), ALLOWED + 1)


    def test_what_stands_in_redis_counts_for_nobody(self):
        """Of another type, or of a time that is none: neither an error, nor tests without a limit or none at all."""
        redis, begun = probe_module.connection(), f'{probe_module.BEGUN}{self.user.pk}'
        for key in (begun, probe_module.RUNNING):
            for spoil in (
                lambda key: redis.set(key, 'x'),
                lambda key: redis.zadd(key, {f'{self.user.pk} {number}': 'inf' for number in range(20)}),
                lambda key: redis.zadd(key, {f'{self.user.pk} {number}': '-inf' for number in range(20)}),
                lambda key: redis.zadd(key, {f'{self.user.pk} {number}': NOW + 10**6 for number in range(20)}),
            ):
                redis.flushdb()
                spoil(key)
                self.calls.clear()
                for _ in range(ALLOWED):
                    check_connection(self.fabric, self.user)
                with self.assertRaisesMessage(probe_module.TooManyTests, 'Try again in 60 seconds.'):
                    check_connection(self.fabric, self.user)
                self.assertEqual(len(self.calls), ALLOWED)

    def test_few_run_at_the_same_time(self):
        """Each holds a thread that would serve pages, for as long as the server likes."""
        others = [User.objects.create_superuser(f'u{number}') for number in range(2)]
        with ExitStack() as running:
            for user in (self.user, self.user, others[0], others[0]):
                running.enter_context(probe_module._limited(user))
            for refused in (self.user, *others):
                with self.assertRaisesMessage(probe_module.TooManyTests, 'Too many connection tests are running'):
                    check_connection(self.fabric, refused)
            self.assertEqual(self.calls, [])
        check_connection(self.fabric, self.user)
        self.assertEqual(len(self.calls), 1)

    @override_settings(PLUGINS_CONFIG={'netbox_hedgehog': {
        **settings.PLUGINS_CONFIG['netbox_hedgehog'], 'connection_tests_per_minute': 0,
    }})
    def test_without_a_limit_per_minute_few_run_at_the_same_time(self):
        for _ in range(ALLOWED + 3):
            check_connection(self.fabric, self.user)
        running = probe_module._limited(self.user), probe_module._limited(self.user)
        with running[0], running[1], self.assertRaises(probe_module.TooManyTests):
            check_connection(self.fabric, self.user)

    def test_one_user_has_not_all_places(self):
        other = User.objects.create_superuser('other')
        with probe_module._limited(self.user), probe_module._limited(self.user):
            with self.assertRaises(probe_module.TooManyTests):
                check_connection(self.fabric, self.user)
            check_connection(self.fabric, other)
        self.assertEqual(len(self.calls), 1)

    def test_a_process_that_was_killed_in_a_test_keeps_no_place(self):
        for name in ('killed', 'killed too'):
            probe_module._take_place(probe_module.connection(), name, self.user.pk)
        with self.assertRaises(probe_module.TooManyTests):
            check_connection(self.fabric, self.user)
        self.time += probe_module.LONGEST_TEST
        check_connection(self.fabric, self.user)
        self.assertEqual(len(self.calls), 1)


class APITooManyTestCase(_Clock, APITestCase):
    model = Fabric

    def test_429_and_when_to_try_again(self):
        allow(self.user, 'view', 'sync')
        url = reverse('plugins-api:netbox_hedgehog-api:fabric-test-connection', args=[self.fabric.pk])
        codes = [self.client.post(url, **self.header).status_code for _ in range(ALLOWED)]
        response = self.client.post(url, **self.header)
        self.assertEqual((set(codes), response.status_code, len(self.calls)), ({200}, 429, ALLOWED))
        self.assertEqual(response.headers['Retry-After'], '60')
        self.assertIn('Too many connection tests. Try again in', response.data['detail'])
