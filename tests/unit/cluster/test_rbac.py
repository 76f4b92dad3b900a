"""The YAML for a cluster: what hedgehog/kinds.py has, to be read, and nothing else."""

import os
import subprocess
from pathlib import Path

import pytest
import yaml

from netbox_hedgehog.cluster.kubeconfig import parse_kubeconfig
from netbox_hedgehog.cluster.rbac import OnboardingError, kubeconfig_command, manifests
from netbox_hedgehog.hedgehog.kinds import KINDS


def documents(*args: str, **options: object) -> dict[str, dict]:
    return {one['kind']: one for one in yaml.safe_load_all(manifests(*args, **options))}


def test_the_role_reads_the_kinds_and_nothing_else() -> None:
    role = documents()['ClusterRole']
    granted = {(group, plural) for rule in role['rules'] for group in rule['apiGroups'] for plural in rule['resources']}
    assert granted == {(kind.group, kind.plural) for kind in KINDS}
    assert all(rule['verbs'] == ['get', 'list', 'watch'] for rule in role['rules'])
    assert all(rule.keys() == {'apiGroups', 'resources', 'verbs'} for rule in role['rules'])
    assert sum(len(rule['resources']) for rule in role['rules']) == len(KINDS)


def test_the_account_has_a_token_and_the_role_in_its_fabrics_namespace_only() -> None:
    found = documents('fabric-1', 'reader')
    assert found.keys() == {'ServiceAccount', 'Secret', 'ClusterRole', 'RoleBinding'}
    assert found['ServiceAccount']['metadata'] == {'name': 'reader', 'namespace': 'fabric-1'}
    secret = found['Secret']
    assert secret['type'] == 'kubernetes.io/service-account-token'
    assert secret['metadata']['annotations'] == {'kubernetes.io/service-account.name': 'reader'}
    assert secret['metadata']['namespace'] == 'fabric-1'
    binding = found['RoleBinding']
    assert binding['metadata']['namespace'] == 'fabric-1'
    assert binding['subjects'] == [{'kind': 'ServiceAccount', 'name': 'reader', 'namespace': 'fabric-1'}]
    assert binding['roleRef']['name'] == found['ClusterRole']['metadata']['name']


def test_an_account_that_is_there_is_only_granted() -> None:
    found = documents('default', 'netbox', account_namespace='tools', make_account=False)
    assert found.keys() == {'ClusterRole', 'RoleBinding'}
    assert found['RoleBinding']['metadata']['namespace'] == 'default'
    assert found['RoleBinding']['subjects'][0]['namespace'] == 'tools'


def test_the_text_says_how_the_token_is_read() -> None:
    text = manifests('fabric-1', 'reader')
    assert "# kubectl get secret reader-token -n fabric-1 -o jsonpath='{.data.token}' | base64 -d\n" in text
    assert r"jsonpath='{.data.ca\.crt}'" in text


def test_the_command_prints_a_kubeconfig_that_a_fabric_takes(tmp_path: Path) -> None:
    kubectl = tmp_path / 'kubectl'
    kubectl.write_text('''#!/bin/sh
case "$*" in
  "config view --minify -o jsonpath={.clusters[0].cluster.server}") printf https://control-1.example.com:6443 ;;
  "get secret reader-token -n fabric-1 -o jsonpath={.data.token}") printf %s a-token | base64 ;;
  "get secret reader-token -n fabric-1 -o jsonpath={.data.ca\\.crt}") printf %s "BEGIN CERTIFICATE" | base64 ;;
esac
''')
    kubectl.chmod(0o755)
    path = f'{tmp_path}:{os.environ["PATH"]}'
    printed = subprocess.run(
        ['sh', '-c', kubeconfig_command('fabric-1', 'reader')], env={'PATH': path}, stdout=subprocess.PIPE, text=True,
        check=True,
    ).stdout
    found = parse_kubeconfig(printed)
    assert (found.server, found.token, found.ca_pem) == (
        'https://control-1.example.com:6443', 'a-token', 'BEGIN CERTIFICATE',
    )


@pytest.mark.parametrize('name', ['', 'Fabric', 'a b', 'a\nb', '-a', 'a-', 'a: b', 'a' * 64, 'a.b'])
def test_a_name_that_kubernetes_would_refuse_is_refused(name: str) -> None:
    with pytest.raises(OnboardingError, match='is not a valid Kubernetes name'):
        manifests('default', name)
