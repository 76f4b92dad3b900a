"""Testing a connection calls a cluster from a web worker: one user cannot keep the workers busy with it."""

from unittest.mock import patch

from django.core.cache import cache
from django.urls import reverse
from utilities.testing import APITestCase, TestCase

from netbox_hedgehog.cluster.probe import Probe
from netbox_hedgehog.jobs import probe as probe_module
from netbox_hedgehog.models import Fabric

from ..unit.faces.base import allow, make_fabric, messages_of

NOW = 1_800_000_010  # ten seconds into a minute
ALLOWED = 10


class _Clock:
    def setUp(self):
        super().setUp()
        cache.clear()
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
        self.assertIn('Try again in 50 seconds.', messages_of(response)[-1])
        self.time += 60
        self.client.post(url)
        self.assertEqual(len(self.calls), ALLOWED + 1)


class APITooManyTestCase(_Clock, APITestCase):
    model = Fabric

    def test_429_and_when_to_try_again(self):
        allow(self.user, 'view', 'sync')
        url = reverse('plugins-api:netbox_hedgehog-api:fabric-test-connection', args=[self.fabric.pk])
        codes = [self.client.post(url, **self.header).status_code for _ in range(ALLOWED)]
        response = self.client.post(url, **self.header)
        self.assertEqual((set(codes), response.status_code, len(self.calls)), ({200}, 429, ALLOWED))
        self.assertEqual(response.headers['Retry-After'], '50')
        self.assertIn('10 connection tests in a minute are enough', response.data['detail'])
