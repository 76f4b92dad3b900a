"""The onboarding YAML in a real API server: the account it makes may read the kinds, and change nothing."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from kubernetes import client
from kubernetes.client.exceptions import ApiException

from netbox_hedgehog.cluster.client import Cluster
from netbox_hedgehog.cluster.kubeconfig import parse_kubeconfig
from netbox_hedgehog.cluster.probe import probe
from netbox_hedgehog.cluster.rbac import manifests
from netbox_hedgehog.cluster.transport import ClientOptions
from netbox_hedgehog.hedgehog.kinds import KINDS
from tests.support.real_cluster import EXTERNAL, KUBE, RealCluster, why_not
from tests.support.samples import samples

pytestmark = pytest.mark.skipif(bool(EXTERNAL), reason='needs a server that takes roles and tokens from files')

TOKEN = 'netbox-token'


@pytest.fixture(scope='module')
def onboarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealCluster]:
    """A server to which the YAML was given, and which knows a token of its ServiceAccount."""
    if reason := why_not():
        pytest.skip(reason)
    folder: Path = tmp_path_factory.mktemp('onboarding')
    given = list(yaml.safe_load_all(manifests('default', 'netbox')))
    roles = [one for one in given if one['apiVersion'].startswith('rbac.')]
    (folder / 'rbac.yaml').write_text(yaml.safe_dump_all(roles))
    tokens = (KUBE / 'conf' / 'tokens.csv').read_text()
    (folder / 'tokens.csv').write_text(f'{tokens}{TOKEN},system:serviceaccount:default:netbox,uid-netbox\n')
    extra = f'--rbac-file={folder / "rbac.yaml"} --token-auth-file={folder / "tokens.csv"}'
    with RealCluster(KAPI_EXTRA=extra) as cluster:
        cluster.load(samples())
        yield cluster


def test_the_account_reads_every_kind(onboarded: RealCluster) -> None:
    with Cluster(parse_kubeconfig(onboarded.kubeconfig(TOKEN)), ClientOptions(5, 30, 2)) as cluster:
        found = probe(cluster, KINDS, 'default')
    assert found.ok, found.sentences
    assert set(found.readable) == {kind.name for kind in KINDS}


@pytest.mark.parametrize('kind', KINDS, ids=lambda kind: kind.name)
def test_the_account_changes_nothing(onboarded: RealCluster, kind) -> None:
    api = client.CustomObjectsApi(_client(onboarded))
    where = (kind.group, kind.version, 'default', kind.plural)
    before = onboarded.objects(kind.name)
    name = before[0]['metadata']['name'] if before else 'one'
    body = {'apiVersion': kind.api_version, 'kind': kind.name, 'metadata': {'name': name}}
    for attempt in (
        lambda: api.create_namespaced_custom_object(*where, body),
        lambda: api.replace_namespaced_custom_object(*where, name, body),
        lambda: api.patch_namespaced_custom_object(*where, name, {'metadata': {'labels': {'a': 'b'}}}),
        lambda: api.patch_namespaced_custom_object_status(*where, name, {'status': {}}),
        lambda: api.delete_namespaced_custom_object(*where, name),
        lambda: api.delete_collection_namespaced_custom_object(*where),
        lambda: api.list_namespaced_custom_object(kind.group, kind.version, 'elsewhere', kind.plural),
    ):
        with pytest.raises(ApiException) as refused:
            attempt()
        assert refused.value.status == 403, refused.value.body
    assert onboarded.objects(kind.name) == before


def test_nothing_else_can_be_read(onboarded: RealCluster) -> None:
    definitions = client.CustomObjectsApi(_client(onboarded))
    with pytest.raises(ApiException) as refused:
        definitions.list_cluster_custom_object('apiextensions.k8s.io', 'v1', 'customresourcedefinitions')
    assert refused.value.status == 403


def _client(cluster: RealCluster) -> client.ApiClient:
    from kubernetes import config

    return config.new_client_from_config_dict(yaml.safe_load(cluster.kubeconfig(TOKEN)))
