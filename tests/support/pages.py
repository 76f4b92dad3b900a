"""What the tests of pages, forms and API share."""

from contextlib import contextmanager
from datetime import datetime, timedelta
from unittest.mock import patch

import yaml
from core.models import ObjectType
from django.contrib.messages import get_messages
from django.utils import timezone
from redis import Redis
from redis.backoff import NoBackoff
from redis.retry import Retry
from users.models import ObjectPermission

from netbox_hedgehog.jobs.queue import connection, queue_name
from netbox_hedgehog.models import Fabric, FabricResource

# Nothing but the database, sealed, and the cluster may ever see these.
TOKEN = 'CANARY-token-5e1f'
OTHER_TOKEN = 'CANARY-token-a0b1'
KUBECONFIG_TOKEN = 'CANARY-kubeconfig-77c2'
CANARY = 'CANARY'
SEALED = 'sealed:1:'

CA = '-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----'
SERVER = 'https://control-1.example.com:6443'


def kubeconfig(user=None, cluster=None) -> str:
    """A kubeconfig with everything embedded, and with what a test puts into its user and cluster."""
    return yaml.safe_dump({
        'apiVersion': 'v1',
        'kind': 'Config',
        'clusters': [{'name': 'c', 'cluster': {'server': SERVER, **(cluster or {})}}],
        'users': [{'name': 'u', 'user': {'token': KUBECONFIG_TOKEN, **(user or {})}}],
        'contexts': [{'name': 'x', 'context': {'cluster': 'c', 'user': 'u'}}],
        'current-context': 'x',
    })


def make_fabric(name='a', **values) -> Fabric:
    return Fabric.objects.create(**{'name': name, 'kubernetes_server': SERVER, 'kubernetes_token': TOKEN, **values})


def make_resource(fabric, kind='Switch', name='leaf-1', **values) -> FabricResource:
    return FabricResource.objects.create(**resource_values(fabric, kind, name, **values))


def resource_values(fabric, kind='Switch', name='leaf-1', **values):
    now = timezone.now()
    return {
        'fabric': fabric, 'kind': kind, 'namespace': 'default', 'name': name, 'uid': f'uid-{kind}-{name}',
        'generation': 1, 'resource_version': '1', 'fingerprint': 'f', 'created': now, 'first_seen': now,
        'last_read': now, 'changed': now, **values,
    }


def allow(user, *actions, model=Fabric, constraints=None) -> ObjectPermission:
    """An object permission, as an administrator gives it."""
    permission = ObjectPermission.objects.create(
        name=f'{model.__name__} {actions} {constraints}'[:100], actions=list(actions), constraints=constraints,
    )
    permission.users.add(user)
    permission.object_types.add(ObjectType.objects.get_for_model(model))
    return permission


def messages_of(response) -> list[str]:
    return [str(message) for message in get_messages(response.wsgi_request)]


def worker_alive() -> None:
    """Redis as it looks while a worker on another machine serves the plugin's queue."""
    name = 'elsewhere.1'
    redis, key = connection(), f'rq:worker:{name}'
    redis.hset(key, mapping={
        'birth': '2026-01-01T00:00:00.000000Z', 'last_heartbeat': f'{datetime.now():%Y-%m-%dT%H:%M:%S.%fZ}',
        'queues': queue_name(), 'hostname': 'elsewhere', 'pid': '1', 'state': 'idle',
    })
    redis.expire(key, 60)
    redis.sadd('rq:workers', key)
    redis.sadd(f'rq:workers:{queue_name()}', key)


def scheduler_alive() -> None:
    """Redis as it looks while an rq-scheduler runs."""
    redis = connection()
    redis.hset('rq:scheduler_instance:elsewhere', mapping={'birth': '2026-01-01T00:00:00Z'})
    redis.expire('rq:scheduler_instance:elsewhere', 60)


def all_alive() -> None:
    worker_alive()
    scheduler_alive()


@contextmanager
def redis_down():
    """Redis as it is when nothing listens on its port."""
    nobody = Redis(host='127.0.0.1', port=1, socket_connect_timeout=1, retry=Retry(NoBackoff(), 0))
    modules = ('jobs.fabric_sync', 'jobs.schedules', 'jobs.recovery', 'monitoring.service_health')
    patches = [patch(f'netbox_hedgehog.{module}.connection', lambda: nobody) for module in modules]
    for each in patches:
        each.start()
    try:
        with patch('netbox_hedgehog.jobs.queue.django_rq.get_connection', lambda *_: nobody), \
                patch('rq.queue.Queue.count', property(lambda self: nobody.llen('x'))), \
                patch('rq.queue.Queue.enqueue', lambda self, *args, **kwargs: nobody.ping()):
            yield
    finally:
        for each in patches:
            each.stop()


def ago(**delta) -> datetime:
    return timezone.now() - timedelta(**delta)


class ReadOnlyAPI:
    """With NetBox's test cases of an API, of a model of which a test makes three objects."""

    view_namespace = 'plugins-api:netbox_hedgehog'

    def test_read_only(self):
        allow(self.user, 'view', 'add', 'change', 'delete', model=self.model)
        row = self.model.objects.first()
        for method, url in (
            ('post', self._get_list_url()), ('patch', self._get_list_url()), ('delete', self._get_list_url()),
            ('put', self._get_detail_url(row)), ('patch', self._get_detail_url(row)),
            ('delete', self._get_detail_url(row)),
        ):
            with self.subTest(method=method, url=url):
                response = getattr(self.client, method)(url, {'name': 'x'}, format='json', **self.header)
                self.assertHttpStatus(response, 405)
        self.assertEqual(self.model.objects.count(), 3)
