"""Generate the YAML that grants NetBox read access to a fabric, from hedgehog/kinds.py.

Part of the vocabulary: no Django, no Kubernetes client.
"""

import re
from collections.abc import Iterable
from itertools import groupby

from ..hedgehog.kinds import KINDS, Kind

__all__ = (
    'ROLE', 'VERBS', 'OnboardingError', 'check_name', 'kubeconfig_command', 'manifests', 'rules', 'rules_as_yaml',
)

VERBS = ('get', 'list', 'watch')

# The name of the ClusterRole and of the binding.
ROLE = 'netbox-hedgehog-read'

# What Kubernetes accepts as the name of a namespace or a ServiceAccount here (RFC 1123).
NAME = re.compile(r'[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?')

HEAD = '''\
# Lets NetBox read the Hedgehog fabric in namespace {namespace}:
# get, list and watch on the kinds it mirrors, and nothing else.
# On the fabric's control node: kubectl apply -f netbox.yaml
'''

ACCOUNT = '''\
apiVersion: v1
kind: ServiceAccount
metadata:
  name: {account}
  namespace: {account_namespace}
---
apiVersion: v1
kind: Secret
metadata:
  name: {account}-token
  namespace: {account_namespace}
  annotations:
    kubernetes.io/service-account.name: {account}
type: kubernetes.io/service-account-token
---
'''

ACCESS = '''\
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata:
  name: {role}
rules:
{rules}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata:
  name: {role}
  namespace: {namespace}
subjects:
- kind: ServiceAccount
  name: {account}
  namespace: {account_namespace}
roleRef:
  apiGroup: rbac.authorization.k8s.io
  kind: ClusterRole
  name: {role}
'''

TAIL = '''\
# Then enter the token and the CA certificate in NetBox:
# kubectl get secret {account}-token -n {account_namespace} -o jsonpath='{{.data.token}}' | base64 -d
# kubectl get secret {account}-token -n {account_namespace} -o jsonpath='{{.data.ca\\.crt}}' | base64 -d
'''


# Prints a kubeconfig with the token of the ServiceAccount, as the form of a fabric takes it.
KUBECONFIG = '''\
cat <<END
apiVersion: v1
kind: Config
current-context: netbox
contexts:
- name: netbox
  context: {{cluster: fabric, user: {account}}}
clusters:
- name: fabric
  cluster:
    server: $(kubectl config view --minify -o jsonpath='{{.clusters[0].cluster.server}}')
    certificate-authority-data: $(kubectl get secret {account}-token -n {namespace} -o jsonpath='{{.data.ca\\.crt}}')
users:
- name: {account}
  user:
    token: $(kubectl get secret {account}-token -n {namespace} -o jsonpath='{{.data.token}}' | base64 -d)
END
'''


class OnboardingError(ValueError):
    """A name that Kubernetes does not accept. The text says which."""


def rules(kinds: Iterable[Kind] = KINDS) -> list[tuple[str, list[str]]]:
    """Return the API groups to read, each with the plural names of its kinds, in alphabetical order."""
    kinds = sorted(kinds, key=lambda kind: (kind.group, kind.plural))
    return [(group, [kind.plural for kind in found]) for group, found in groupby(kinds, lambda kind: kind.group)]


def check_name(name: str) -> str:
    """Return the name if Kubernetes accepts it. Raises OnboardingError."""
    if not NAME.fullmatch(name):
        raise OnboardingError(
            f'"{name}" is not a valid Kubernetes name. Use at most 63 lower-case letters, digits and dashes; begin and '
            'end with a letter or digit.'
        )
    return name


def manifests(
    namespace: str = 'default', account: str = 'netbox', *, account_namespace: str = '', make_account: bool = True,
) -> str:
    """Return the YAML that grants a ServiceAccount read access to one fabric, for kubectl apply.

    Takes the fabric's namespace, the ServiceAccount's name and its namespace (default: the fabric's). With
    `make_account` False the ServiceAccount exists already, such as that of a NetBox in the same cluster: neither an
    account nor a token is created. Raises OnboardingError.
    """
    names = {'namespace': namespace, 'account': account, 'account_namespace': account_namespace or namespace}
    for name in names.values():
        check_name(name)
    parts = (HEAD, ACCOUNT, ACCESS, TAIL) if make_account else (HEAD, ACCESS)
    return ''.join(parts).format(**names, role=ROLE, rules=rules_as_yaml())


def kubeconfig_command(namespace: str = 'default', account: str = 'netbox') -> str:
    """Return the shell command that prints a kubeconfig for the ServiceAccount that manifests() creates.

    Raises OnboardingError.
    """
    for name in (namespace, account):
        check_name(name)
    return KUBECONFIG.format(namespace=namespace, account=account)


def rules_as_yaml(kinds: Iterable[Kind] = KINDS) -> str:
    """Return the rules of a ClusterRole that may read these kinds, as YAML."""
    lines = []
    for group, plurals in rules(kinds):
        lines += [f'- apiGroups: [{group}]', '  resources:', *(f'  - {plural}' for plural in plurals)]
        lines.append(f'  verbs: [{", ".join(VERBS)}]')
    return '\n'.join(lines)
