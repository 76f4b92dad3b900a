"""The onboarding page: for those who may add fabrics, linked where they add them."""

from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.urls import reverse
from django.utils.html import escape
from utilities.testing import TestCase

from netbox_hedgehog.cluster.rbac import manifests

from ....support.pages import allow

PAGE = reverse('plugins:netbox_hedgehog:fabric_onboard')


class OnboardingPageTest(TestCase):

    def setUp(self):
        super().setUp()
        allow(self.user, 'view', 'add')

    def test_it_shows_what_the_command_prints(self):
        out = StringIO()
        call_command('hedgehog_sync', 'onboard', stdout=out)
        assert out.getvalue() == manifests()
        response = self.client.get(PAGE)
        self.assertHttpStatus(response, 200)
        self.assertContains(response, escape(manifests()))
        self.assertContains(response, 'kubectl get secret netbox-token -n default')

    def test_the_yaml_is_downloaded(self):
        response = self.client.get(PAGE, {'account': 'reader', 'download': ''})
        assert response.content.decode() == manifests(account='reader')
        assert response.headers['Content-Disposition'] == 'attachment; filename="netbox.yaml"'

    def test_other_names_are_taken(self):
        response = self.client.get(PAGE, {'namespace': 'fabric-1', 'account': 'reader'})
        self.assertContains(response, 'name: reader-token')
        self.assertContains(response, 'namespace: fabric-1')

    def test_a_bad_name_gets_a_sentence_and_no_yaml(self):
        response = self.client.get(PAGE, {'account': 'Net Box'})
        self.assertHttpStatus(response, 200)
        self.assertContains(response, '&quot;Net Box&quot; is not a valid Kubernetes name')
        self.assertNotContains(response, 'ClusterRole')
        self.assertContains(response, 'value="Net Box"')
        response = self.client.get(PAGE, {'account': ''})
        self.assertContains(response, 'This field is required')

    def test_it_is_linked_from_the_list_and_the_add_form(self):
        for name in ('fabric_list', 'fabric_add'):
            self.assertContains(self.client.get(reverse(f'plugins:netbox_hedgehog:{name}')), f'href="{PAGE}"')

    def test_only_those_who_may_add_fabrics_see_it(self):
        self.user.object_permissions.all().delete()
        allow(self.user, 'view')
        self.assertHttpStatus(self.client.get(PAGE), 403)
        self.assertNotContains(self.client.get(reverse('plugins:netbox_hedgehog:fabric_list')), PAGE)


def test_the_command_refuses_a_bad_name():
    with pytest.raises(CommandError, match='is not a valid Kubernetes name'):
        call_command('hedgehog_sync', 'onboard', '--namespace', 'a b')
