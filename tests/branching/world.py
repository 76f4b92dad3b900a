"""What the tests need: fabrics whose inventory is in NetBox, branches, and all that main and Redis hold of them."""

from itertools import count
from typing import Any

from core.models import Job, ObjectChange
from dcim.models import Cable, Device, Interface, Site
from django.apps import apps
from django.test import Client
from netbox_branching.constants import BRANCH_HEADER, COOKIE_NAME
from netbox_branching.jobs import MergeBranchJob, RevertBranchJob, SyncBranchJob
from netbox_branching.models import Branch
from netbox_branching.utilities import activate_branch
from rest_framework.test import APIClient

from netbox_hedgehog.inventory.reconcile import reconcile
from netbox_hedgehog.jobs.queue import connection
from netbox_hedgehog.models import Fabric, InventoryRule

from ..support.inventory import fabric_of
from ..support.pages import CA, SERVER, TOKEN

NOT_IN_A_BRANCH = 'This is not available in a branch. Switch to main.'

NUMBERS = count(1)


def new_site() -> Site:
    number = next(NUMBERS)
    return Site.objects.create(name=f'Site {number}', slug=f'site-{number}')


def new_fabric(site: Site | None = None, **values: Any) -> Fabric:
    fabric = fabric_of(
        'small', f'fabric-{next(NUMBERS)}', inventory_site=site or new_site(), inventory_name_pattern='{fabric}-{name}',
        kubernetes_server=SERVER, kubernetes_token=TOKEN, kubernetes_ca_cert=CA, **values,
    )
    InventoryRule.objects.create(fabric=fabric, name='nothing', names='no-such-name')
    reconcile(fabric)
    return Fabric.objects.get(pk=fabric.pk)


def new_branch(user: Any, **values: Any) -> Branch:
    branch = Branch(name=f'branch-{next(NUMBERS)}', **values)
    branch.save(provision=False)
    branch.provision(user)
    branch.refresh_from_db()
    return branch


def page_client(user: Any, branch: Branch) -> Client:
    """A browser in which somebody has activated a branch."""
    client = Client()
    client.force_login(user)
    client.cookies[COOKIE_NAME] = branch.schema_id
    return client


def api_client(user: Any, branch: Branch) -> APIClient:
    client = APIClient(headers={BRANCH_HEADER: branch.schema_id})
    client.force_login(user)
    return client


def sync(branch: Branch, user: Any) -> None:
    _do(SyncBranchJob, branch, user)


def merge(branch: Branch, user: Any) -> None:
    _do(MergeBranchJob, branch, user)


def revert(branch: Branch, user: Any) -> None:
    _do(RevertBranchJob, branch, user)


def _do(job: Any, branch: Branch, user: Any) -> None:
    """Run a job of NetBox Branching as its worker does, and let its failure be this test's."""
    branch.refresh_from_db()
    done = job.enqueue(instance=branch, user=user, commit=True, immediate=True)
    done.refresh_from_db()
    assert done.status == 'completed', (done.error, done.data)
    branch.refresh_from_db()


def everything() -> dict[str, Any]:
    """What main and Redis hold of the plugin's, and how much of what it writes elsewhere."""
    models = apps.get_app_config('netbox_hedgehog').get_models()
    redis = connection()
    return {
        **{model.__name__: list(model._base_manager.order_by('pk').values()) for model in models},
        'redis': {key: redis.dump(key) for key in sorted(redis.keys('*'))},
        'changes': ObjectChange.objects.count(),
        'jobs': list(Job.objects.order_by('pk').values_list('pk', 'status')),
        'objects': [model.objects.count() for model in (Device, Interface, Cable)],
    }


def changes_in(branch: Branch) -> list[str]:
    """What the change log of a branch says."""
    with activate_branch(branch):
        return [str(change) for change in ObjectChange.objects.all()]
