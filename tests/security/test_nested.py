"""What an answer shows within something that a user may view: nothing that they may not view."""

from django.urls import reverse
from rest_framework.test import APIClient
from users.constants import TOKEN_PREFIX
from users.models import Token, User
from utilities.testing import TestCase, disable_logging

from netbox_hedgehog.models import (
    Discrepancy,
    Fabric,
    FabricEvent,
    FabricResource,
    InventoryLink,
    InventoryRule,
    SwitchHealth,
)

from ..support.pages import all_alive, allow
from .endpoints import api
from .world import alpha


class NestedTestCase(TestCase):
    @classmethod
    def setUpTestData(cls):
        with disable_logging():
            cls.fabric = alpha()
        cls.discrepancy = Discrepancy.objects.get(sentence='The serial number in alpha was changed.')
        cls.link = cls.discrepancy.link

    def setUp(self):
        super().setUp()
        all_alive()

    def ask(self, *models):
        """Every answer of the REST API to somebody who may view these models and nothing else: rows by model."""
        user = User.objects.create_user(f'user-{User.objects.count()}')
        for model in models:
            allow(user, 'view', model=model)
        token = Token.objects.create(user=user)
        self.header = {'HTTP_AUTHORIZATION': f'Bearer {TOKEN_PREFIX}{token.key}.{token.token}'}
        self.client.force_login(user)
        found = {}
        for endpoint in api():
            model = endpoint.view.queryset.model if getattr(endpoint.view, 'queryset', None) is not None else None
            if model in models and endpoint.name.endswith('-list'):
                response = APIClient().get(f'{endpoint.url()}?limit=1000', **self.header)
                found[model] = response.json()['results']
                first = model.objects.order_by('pk').first()
                one = APIClient().get(f'{endpoint.url()}{first.pk}/', **self.header).json()
                self.assertIn(one, found[model])
        self.assertEqual(found.keys(), {model for model in models if model._meta.app_label == 'netbox_hedgehog'})
        return found

    def row(self, rows, instance):
        return next(row for row in rows[type(instance)] if row['id'] == instance.pk)

    def test_the_fabric(self):
        others = (FabricResource, InventoryLink, InventoryRule, Discrepancy, SwitchHealth, FabricEvent)
        for rows in self.ask(*others).values():
            self.assertEqual({str(row['fabric']) for row in rows}, {'None'})
            self.assertNotIn('alpha-description', str(rows))
            self.assertNotIn('control-1.example.com', str(rows))
        for rows in self.ask(Fabric, *others).values():
            if 'fabric' in rows[0]:
                self.assertEqual({row['fabric']['description'] for row in rows}, {'alpha-description'})

    def test_objects_of_netbox(self):
        rows = self.ask(InventoryLink, Discrepancy)
        for instance in (self.link, self.discrepancy):
            self.assertIsNone(self.row(rows, instance)['object'])
        rows = self.ask(InventoryLink, Discrepancy, type(self.link.object))
        for instance in (self.link, self.discrepancy):
            self.assertEqual(self.row(rows, instance)['object']['display'], str(self.link.object))

    def test_links_and_resources(self):
        rows = self.ask(Discrepancy, SwitchHealth)
        self.assertIsNone(self.row(rows, self.discrepancy)['link'])
        self.assertEqual({str(row['resource']) + str(row['agent']) for row in rows[SwitchHealth]}, {'NoneNone'})
        rows = self.ask(Discrepancy, SwitchHealth, InventoryLink, FabricResource)
        self.assertEqual(self.row(rows, self.discrepancy)['link']['key'], self.link.key)
        self.assertIn('leaf-01', {row['resource']['name'] for row in rows[SwitchHealth]})

    def test_what_event_rules_were_given(self):
        event = FabricEvent.objects.get(message='alpha-event')
        query = {'query': '{ fabric_event_list { message data } }'}
        for models, shown in ((FabricEvent,), False), ((FabricEvent, Fabric), True):
            with self.subTest(shown=shown):
                row = self.row(self.ask(*models), event)
                page = self.client.get(event.get_absolute_url()).content.decode()
                graph = APIClient().post(reverse('graphql'), query, format='json', **self.header).json()
                self.assertNotIn('errors', graph)
                for answer in (str(row), page, str(graph)):
                    self.assertIn('alpha-event', answer)
                    self.assertEqual('alpha-description' in answer, shown)
