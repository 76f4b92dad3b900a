"""A connection test tells what it has found, also where nothing can be stored."""

import logging
from collections.abc import Iterator

import pytest
from django.contrib.messages import get_messages
from django.db import connection, transaction
from django.test import Client
from users.models import User

from demo.kubernetes_api import KubernetesAPI
from netbox_hedgehog.jobs.probe import check_connection
from netbox_hedgehog.models import Fabric

pytestmark = pytest.mark.django_db


@pytest.fixture
def fabric(api: KubernetesAPI) -> Fabric:
    return Fabric.objects.create(
        name='a', kubernetes_server=api.url, kubernetes_token='viewer-token', kubernetes_ca_cert=api.ca_pem,
    )


@pytest.fixture
def administrator() -> Client:
    client = Client()
    client.force_login(User.objects.create_superuser('administrator'))
    return client


@pytest.fixture
def read_only(fabric: Fabric, administrator: Client) -> Iterator[None]:
    """From here on, as with default_transaction_read_only."""
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute('SET TRANSACTION READ ONLY')
        yield
        transaction.set_rollback(True)


def test_it_records_whether_the_fabric_was_reached(fabric: Fabric) -> None:
    assert check_connection(fabric).ok
    fabric.refresh_from_db()
    assert fabric.connection_status == 'connected'


def test_a_read_only_database(fabric: Fabric, read_only: None, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        found = check_connection(fabric)
    assert found.ok
    assert 'The connection status of a cannot be stored: cannot execute UPDATE' in caplog.text
    fabric.refresh_from_db()  # the transaction goes on
    assert fabric.connection_status != 'connected'


def test_a_read_only_database_in_the_api(fabric: Fabric, read_only: None, administrator: Client) -> None:
    answer = administrator.post(f'/api/plugins/hedgehog/fabrics/{fabric.pk}/test-connection/')
    assert answer.status_code == 200, answer.content
    assert answer.json()['ok']


def test_a_read_only_database_on_the_page(fabric: Fabric, read_only: None, administrator: Client) -> None:
    answer = administrator.post(f'/plugins/hedgehog/fabrics/{fabric.pk}/test-connection/')
    assert answer.status_code == 302
    assert '24 of 24 Hedgehog kinds can be read' in ' '.join(map(str, get_messages(answer.wsgi_request)))
