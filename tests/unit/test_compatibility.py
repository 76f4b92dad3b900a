"""A NetBox that is newer than what the plugin was tested with loads it, and says so in log, check and overview."""

import logging
from dataclasses import replace
from typing import Any

import pytest
from django.conf import settings as django_settings
from django.core.checks import run_checks
from django.core.exceptions import ImproperlyConfigured
from django.urls import reverse
from users.models import User

from netbox_hedgehog import HedgehogPluginConfig
from netbox_hedgehog.compatibility import NEWEST_TESTED, untested_release, warn_if_untested
from tests.matrix.rows import BASE

WARNING = 'was not tested with NetBox 4.8.1 (newest tested release: 4.7).'


@pytest.fixture
def newer(settings: Any) -> None:
    settings.RELEASE = replace(django_settings.RELEASE, version='4.8.1', designation=None)


def warnings() -> list[str]:
    return [message.msg for message in run_checks() if message.id == 'netbox_hedgehog.W001']


def test_the_newest_that_is_tested_is_the_one_of_the_tests() -> None:
    assert BASE.netbox.startswith(f'{NEWEST_TESTED}.')


@pytest.mark.parametrize('version', ['4.7.0', '4.7.1', '4.7.99', '4.8.0', '4.12.3'])
def test_it_loads_up_to_the_next_major_release(version: str) -> None:
    HedgehogPluginConfig.validate({}, version)


@pytest.mark.parametrize('version', ['4.6.9', '5.0.0'])
def test_it_does_not_load_on_others(version: str) -> None:
    with pytest.raises(ImproperlyConfigured, match='requires NetBox m'):
        HedgehogPluginConfig.validate({}, version)


def test_a_tested_release_is_no_news() -> None:
    assert untested_release() == ''
    assert warnings() == []


@pytest.mark.usefixtures('newer')
def test_log_and_system_check_say_it(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING, 'netbox_hedgehog.compatibility'):
        warn_if_untested()
    assert WARNING in caplog.text
    (warning,) = warnings()
    assert WARNING in warning


@pytest.mark.django_db
@pytest.mark.usefixtures('newer')
def test_the_overview_says_it(client: Any) -> None:
    client.force_login(User.objects.create(username='admin', is_superuser=True))
    page = client.get(reverse('plugins:netbox_hedgehog:overview')).content.decode()
    assert WARNING in page


@pytest.mark.django_db
def test_the_overview_says_nothing_on_a_tested_release(client: Any) -> None:
    client.force_login(User.objects.create(username='admin', is_superuser=True))
    assert 'was not tested with' not in client.get(reverse('plugins:netbox_hedgehog:overview')).content.decode()
