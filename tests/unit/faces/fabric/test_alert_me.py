"""*Alert me…* leads to NetBox's form for an event rule, filled in for the fabric."""

from html.parser import HTMLParser

from extras.models import EventRule, Webhook
from utilities.testing import TestCase

from netbox_hedgehog.models import Fabric

from ....support.pages import allow, make_fabric


class Links(HTMLParser):
    def __init__(self, html):
        super().__init__()
        self.found = []
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        if tag == 'a':
            self.found.append(dict(attrs).get('href') or '')


class AlertMeTestCase(TestCase):
    def link(self, fabric):
        response = self.client.get(fabric.get_absolute_url())
        return [link for link in Links(response.content.decode()).found if link.startswith('/extras/event-rules/add/?')]

    def test_the_form_is_filled_in_and_takes_what_it_shows(self):
        fabric = make_fabric('berlin & "1"')
        webhook = Webhook.objects.create(name='pager', payload_url='https://pager.example.com')
        allow(self.user, 'view')
        allow(self.user, 'add', 'view', model=EventRule)
        allow(self.user, 'view', model=Webhook)
        [address] = self.link(fabric)
        form = self.client.get(address).context['form']
        shown = {name: form[name].value() for name in ('name', 'enabled', 'object_types', 'event_types', 'conditions')}
        response = self.client.post('/extras/event-rules/add/', {
            **shown, 'action_type': 'webhook', 'action_choice': webhook.pk,
        })
        self.assertHttpStatus(response, 302)
        rule = EventRule.objects.get()
        self.assertEqual(rule.name, 'Alerts of berlin & "1"')
        self.assertEqual([kind.model_class() for kind in rule.object_types.all()], [Fabric])
        self.assertIn('hedgehog_sync_failed', rule.event_types)
        self.assertIn('hedgehog_miscabled', rule.event_types)
        self.assertNotIn('hedgehog_sync_recovered', rule.event_types)
        self.assertEqual(rule.conditions, {'attr': 'id', 'value': fabric.pk})
        self.assertTrue(rule.eval_conditions({'id': fabric.pk}))
        self.assertFalse(rule.eval_conditions({'id': fabric.pk + 1}))

    def test_who_may_not_add_rules_has_no_button(self):
        allow(self.user, 'view')
        self.assertEqual(self.link(make_fabric()), [])
