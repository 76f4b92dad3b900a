"""The transaction in which a plan is applied: permissions, the lock on the fabric, the change log and events."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from django.db import connection, transaction
from django.urls import get_resolver
from netbox.context_managers import event_tracking
from users.models import User

from ...models import Fabric
from ..errors import InventoryOff
from ..planning.context import PlanContext
from ..planning.current import CABLE
from ..planning.fields import shape
from ..planning.plan import CREATE, DELETE, Plan
from .context import ApplyContext
from .event_rules import make_request, process_queued_events
from .permissions import check_after, check_before
from .writer import write_plan

__all__ = ('ApplyTransaction', 'apply_transaction', 'inventory_user', 'lock_fabric')

USER = 'hedgehog'


@dataclass(slots=True)
class ApplyTransaction:
    """A transaction for one plan, its changes logged under one request.

    `event_failures` says, once the transaction has been committed, which event rules failed.
    """

    source: PlanContext
    user: Any
    request: Any
    event_failures: list[str] = field(default_factory=list)

    def apply_plan(self) -> ApplyContext:
        """Write what the plan says. Raises NotPermitted where the person may not have written all of it."""
        applied = write_plan(self.source, self.request)
        if self.user is not None:
            check_after(self.user, applied.done, applied.pks)
        return applied


@contextmanager
def apply_transaction(source: PlanContext, user: Any) -> Iterator[ApplyTransaction]:
    """Open the transaction in which a plan is applied, and pass its events to NetBox's event rules after the commit.

    Takes who asks for it; None for a scheduled run, whose changes are logged as the plugin's own user. Raises
    NotPermitted where the person may not do all of it, InventoryOff where the fabric has been deleted.
    """
    if user is not None:
        check_before(user, source.plan.actions)
    request = make_request(user or inventory_user())
    _import_urls(source.plan)
    with event_tracking(request):
        with transaction.atomic():
            lock_fabric(source.fabric)
            opened = ApplyTransaction(source, user, request)
            yield opened
        # event_tracking() would do this itself, and end with the first event rule that fails.
        opened.event_failures = process_queued_events()


def lock_fabric(fabric: Fabric) -> None:
    """Keep the fabric from being deleted until the transaction ends; whoever edits it does not wait for this.

    Raises InventoryOff where it has been deleted.
    """
    with connection.cursor() as cursor:
        cursor.execute(f'SELECT 1 FROM {Fabric._meta.db_table} WHERE id = %s FOR KEY SHARE', [fabric.pk])  # noqa: S608
        if cursor.fetchone() is None:
            raise InventoryOff(f'{fabric.name} has been deleted.')


def inventory_user() -> User:
    """Return the user whom the change log names for what no person has asked for: nobody can log in as it."""
    user, created = User.objects.get_or_create(username=USER, defaults={'is_active': False})
    if created:
        user.set_unusable_password()
        user.save(update_fields=['password'])
    return user


def _import_urls(plan: Plan) -> None:
    """Import NetBox's URLs where a write is going to need them: it takes seconds, for which no lock should be held.

    What is deleted, or saved as NetBox does it, is serialized for events, with the URL that it has in the API.
    """
    for action in plan.actions:
        moves = action.model == CABLE and action.verb != CREATE
        if moves or action.verb == DELETE or (action.verb == CREATE and shape(action.model).few):
            _ = get_resolver().reverse_dict
            return
