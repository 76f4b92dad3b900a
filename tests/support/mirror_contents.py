"""What is in the database, and what should be."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from django.db import connection
from psycopg import sql

from demo.kubernetes_api import KubernetesAPI
from netbox_hedgehog.hedgehog.kinds import KIND_BY_NAME
from netbox_hedgehog.models import Fabric, FabricResource
from netbox_hedgehog.sync.report import KindReport, Report
from netbox_hedgehog.sync.sanitize import keep

from .samples import LAST_APPLIED, Manifest


def fabric_of(api: KubernetesAPI, token: str = 'viewer-token', **fields: Any) -> Fabric:
    """A fabric whose cluster is this one."""
    return Fabric.objects.create(**{
        'name': 'f', 'kubernetes_server': api.url, 'kubernetes_token': token, 'kubernetes_ca_cert': api.ca_pem, **fields,
    })


def expected(item: Manifest) -> dict[str, Any]:
    """What the mirror holds of an object, said without the code under test but for the whitelist itself."""
    kind = KIND_BY_NAME[item['kind']]
    metadata = item['metadata']
    annotations = {key: value for key, value in metadata.get('annotations', {}).items() if key != LAST_APPLIED}
    tree: dict[str, Any] = {}
    for path in kind.status:
        node = tree
        for step in path[:-1]:
            node = node.setdefault(step, {})
        node[path[-1]] = None
    return {
        'kind': item['kind'], 'namespace': metadata['namespace'], 'name': metadata['name'], 'uid': metadata['uid'],
        'generation': metadata['generation'], 'resource_version': metadata['resourceVersion'],
        'labels': metadata.get('labels', {}), 'annotations': annotations,
        'spec': item.get('spec', {}) if kind.keeps_spec else _numbers(item['spec']),
        'status': keep(item.get('status') or {}, tree),
        'created': datetime.fromisoformat(metadata['creationTimestamp']),
    }


def _numbers(spec: dict[str, Any]) -> dict[str, Any]:
    """What is kept of an Agent's spec; the sample's Agents have no networks in it."""
    config = spec.get('config', {})
    numbers = {name: config[name] for name in ('fabricMTU', 'serverFacingMTUOffset') if name in config}
    return {'config': numbers} if numbers else {}


FIELDS = (
    'kind', 'namespace', 'name', 'uid', 'generation', 'resource_version', 'labels', 'annotations', 'spec', 'status',
    'created',
)


def mirrored(**filters: Any) -> list[dict[str, Any]]:
    return list(FabricResource.objects.filter(**filters).order_by('kind', 'namespace', 'name').values(*FIELDS))


def kind_report(report: Report, name: str) -> KindReport:
    return next(kind for kind in report.kinds if kind.kind == name)


def dump() -> Iterator[tuple[str, str]]:
    """Every row of every table, as text."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT schemaname, tablename FROM pg_tables WHERE schemaname NOT IN ('pg_catalog', 'information_schema')")
        for schema, table in cursor.fetchall():
            cursor.execute(sql.SQL('SELECT t::text FROM {} t').format(sql.Identifier(schema, table)))
            for (row,) in cursor:
                yield table, row
