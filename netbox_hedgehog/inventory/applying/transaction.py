"""Open the transaction in which a plan is applied: permissions, the lock on the fabric, the change log, events."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from django.db import connection, transaction
from django.urls import get_resolver
from netbox.context_managers import event_tracking
from users.models import User

from ...accounts import AnyUser
from ...models import Fabric
from ..errors import InventoryOff
from ..planning.context import PlanContext
from ..planning.model_specs import CABLE
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
    user: AnyUser | None
    request: Any
    event_failures: list[str] = field(default_factory=list)

    def apply_plan(self) -> ApplyContext:
        """Write the plan. Raises NotPermitted if the user lacks a permission for what was written."""
        applied = write_plan(self.source, self.request)
        if self.user is not None:
            check_after(self.user, applied.done, applied.pks)
        return applied


@contextmanager
def apply_transaction(source: PlanContext, user: AnyUser | None) -> Iterator[ApplyTransaction]:
    """Open the transaction in which a plan is applied, and pass its events to NetBox's event rules after the commit.

    Takes the user; None for a scheduled sync, whose changes are logged as the plugin's own user. Raises NotPermitted if
    the user lacks a permission, InventoryOff if the fabric has been deleted.
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
        # event_tracking() would do this itself, and stop at the first event rule that fails.
        opened.event_failures = process_queued_events()


def lock_fabric(fabric: Fabric) -> None:
    """Keep the fabric from being deleted until the transaction ends; whoever edits it does not wait for this.

    Raises InventoryOff if it has been deleted.
    """
    with connection.cursor() as cursor:
        cursor.execute(f'SELECT 1 FROM {Fabric._meta.db_table} WHERE id = %s FOR KEY SHARE', [fabric.pk])  # noqa: S608
        if cursor.fetchone() is None:
            raise InventoryOff(f'{fabric.name} has been deleted.')


def inventory_user() -> User:
    """Return the user that the change log names for scheduled syncs. Nobody can log in as this user."""
    user, created = User.objects.get_or_create(username=USER, defaults={'is_active': False})
    if created:
        user.set_unusable_password()
        user.save(update_fields=['password'])
    return user


def _import_urls(plan: Plan) -> None:
    """Import NetBox's URLs if a write will need them: it takes seconds, during which no lock should be held.

    NetBox serializes what it deletes for its event, with the URL in the API. A cable that moves loses terminations.
    """
    if any(action.type == DELETE or (action.model == CABLE and action.type != CREATE) for action in plan.actions):
        _ = get_resolver().reverse_dict
