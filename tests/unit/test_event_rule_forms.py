"""The plugin's event types can be chosen where people make event rules."""

import pytest
from core.models import ObjectType
from extras.forms import EventRuleBulkEditForm, EventRuleForm, EventRuleImportForm
from extras.models import EventRule, Webhook

from netbox_hedgehog.event_types import EVENT_TYPES
from netbox_hedgehog.models import Fabric

NAMES = [event_type.name for event_type in EVENT_TYPES]


@pytest.fixture
def webhook(db):
    return Webhook.objects.create(name='pager', payload_url='http://localhost/')


@pytest.mark.parametrize('form', [EventRuleForm, EventRuleBulkEditForm, EventRuleImportForm])
def test_each_form_offers_the_plugins_types_beside_netboxs_own(form):
    offered = [name for name, _label in form.base_fields['event_types'].choices]
    assert {*NAMES, 'object_created', 'job_completed'} <= set(offered)
    assert len(offered) == len(set(offered))


def test_a_rule_is_made_with_the_form(webhook):
    form = EventRuleForm({
        'name': 'fabrics', 'object_types': [ObjectType.objects.get_for_model(Fabric).pk], 'event_types': NAMES,
        'enabled': True, 'action_type': 'webhook', 'action_choice': webhook.pk,
    })
    assert form.is_valid(), form.errors
    assert form.save().event_types == NAMES


def test_rules_are_imported_and_edited_in_bulk(webhook):
    form = EventRuleImportForm({
        'name': 'fabrics', 'object_types': 'netbox_hedgehog.fabric', 'event_types': ','.join(NAMES),
        'action_type': 'webhook', 'action_object': 'pager', 'enabled': 'true',
    })
    assert form.is_valid(), form.errors
    form.save()
    rule = EventRule.objects.get()
    assert rule.event_types == NAMES
    edit = EventRuleBulkEditForm({'pk': [rule.pk], 'event_types': NAMES[:1]})
    assert edit.is_valid(), edit.errors


@pytest.mark.parametrize('query', ['', '?export=table', '?export'])
def test_netboxs_list_names_the_types_of_a_rule(admin_client, webhook, query):
    """One that NetBox cannot join with the others takes the list of all event rules down."""
    rule = EventRule(name='fabrics', event_types=[*NAMES, 'object_created'], action_object=webhook)
    rule.save()
    rule.object_types.set([ObjectType.objects.get_for_model(Fabric)])
    answer = admin_client.get(f'/extras/event-rules/{query}')
    assert answer.status_code == 200
    assert 'hedgehog_sync_failed' in answer.text or 'Hedgehog: sync failed, Hedgehog: sync partial' in answer.text
    page = admin_client.get(rule.get_absolute_url())
    assert 'Hedgehog: sync failed' in page.text
