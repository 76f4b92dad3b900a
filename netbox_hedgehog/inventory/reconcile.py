"""The inventory's story, top to bottom: what is wanted, what is there, the plan, and the plan carried out."""

from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from dcim.choices import DeviceStatusChoices
from django.db import connection, transaction
from django.db.models import F
from django.urls import get_resolver
from django.utils import timezone
from netbox.context_managers import event_tracking
from netbox.plugins.utils import get_plugin_config
from users.models import User

from ..models import Fabric, InventoryLink
from ..roles import roles_by_slug
from . import discrepancies
from .applying.configuration import use_current_configuration
from .applying.dependents import read_obstacles
from .applying.event_rules import make_request, process_queued_events
from .applying.permissions import check_after, check_before
from .applying.writer import Writer
from .errors import InventoryOff, PlanMoved, refuse_in_branch
from .mapping.desired import desired
from .mapping.types import Desired, Options
from .planning.current import CABLE, Present, read
from .planning.fields import shape
from .planning.labels import describe
from .planning.plan import CREATE, DELETE, VERBS, Plan
from .planning.planner import make_plan
from .planning.policy import Rules
from .planning.pruning import as_done, due, removable, unwanted
from .refusals import Refusals, refusals_of, set_aside
from .report import InventoryReport
from .resources import resources_of, unread_kinds
from .roles import role_problems

__all__ = (
    'Picture', 'carry_out', 'confirm_removal', 'counted', 'hold', 'inventory_user', 'options_of', 'plan', 'rules_of',
    'settle', 'tell', 'wants_of',
)

USER = 'hedgehog'


@dataclass(slots=True)
class Picture:
    """All that a plan was made from."""

    desired: Desired
    present: Present
    plan: Plan


def plan(fabric: Fabric) -> Plan:
    """What a run of this fabric's inventory would do now: nothing is written.

    Raises InventoryOff where the fabric has no inventory.
    """
    picture = look(fabric, timezone.now())
    set_aside(picture.plan, fabric)
    return describe(picture.plan, picture.desired)


def settle(
    fabric: Fabric, user: Any = None, expected_digest: str = '', confirmed: bool = False,
) -> InventoryReport:
    """Bring NetBox's objects in line with what the mirror says: the plan, carried out in one transaction.

    Takes the fabric; the person who asks for it, None for a scheduled run (the change log then names the user
    `hedgehog`); the digest of the plan that this person has seen, '' for whatever it is now; and whether what the plan
    holds back is to be done too. Returns the report. Raises PlanMoved where the plan is not that one any more,
    NotPermitted where the person may not do all of it, InventoryOff where the fabric has no inventory; what the
    database raises passes through. Nothing is written then.
    """
    def as_seen(plan: Plan) -> None:
        if expected_digest and plan.digest != expected_digest:
            raise PlanMoved(
                'The plan is not what it was when you looked at it: the fabric or NetBox has changed since. '
                'Look at it again.'
            )
        if confirmed:
            _release(plan)

    return _run(fabric, user, as_seen)


def confirm_removal(fabric: Fabric, digest: str, user: Any = None) -> InventoryReport:
    """Do what a run has held back: fabric.inventory_held['digest'] says what was seen.

    Raises as settle() does; PlanMoved where what is held now is not that any more.
    """
    def as_seen(plan: Plan) -> None:
        if not digest or plan.held_digest != digest:
            raise PlanMoved(
                'What is held back is not what it was when you looked at it: the fabric or NetBox has changed since. '
                'Look at it again.'
            )
        _release(plan)

    return _run(fabric, user, as_seen)


def look(fabric: Fabric, now: datetime) -> Picture:
    """Read both sides and plan. Raises InventoryOff, and InventoryRefused in a branch."""
    refuse_in_branch()
    use_current_configuration()
    if not fabric.inventory_enabled:
        raise InventoryOff(f'{fabric.name} has no inventory: switch it on in the fabric’s settings.')
    if fabric.inventory_site_id is None:
        raise InventoryOff(f'The inventory of {fabric.name} has no site: choose one in the fabric’s settings.')
    rules = rules_of(fabric, now)
    options = options_of(fabric)
    wants = wants_of(fabric, options)
    wants.issues += role_problems(fabric, options)
    present = read(fabric, wants)
    stale = unwanted(wants, present, rules.subjects)
    if due(stale, rules):
        read_obstacles(present, removable(stale))
    return Picture(wants, present, make_plan(wants, present, rules))


def wants_of(fabric: Fabric, options: Options) -> Desired:
    """Return what the mirror of a fabric says that NetBox is to hold."""
    unread = unread_kinds(fabric)  # before the resources: a kind that is read meanwhile counts as unread
    return desired(resources_of(fabric), options, unread)


def options_of(fabric: Fabric) -> Options:
    """What the fabric's settings say to the mappers."""
    roles = fabric.inventory_roles or {}
    by_slug = roles_by_slug(roles.values()) if roles else {}
    return Options(
        fabric=fabric.name,
        site=fabric.inventory_site_id,
        location=fabric.inventory_location_id,
        tenant=fabric.inventory_tenant_id,
        roles={name: by_slug[slug][0] for name, slug in roles.items() if len(by_slug.get(slug, ())) == 1},
        name_pattern=fabric.inventory_name_pattern,
        device_status=fabric.inventory_device_status,
        subjects=frozenset(fabric.inventory_subjects),
    )


def rules_of(fabric: Fabric, now: datetime) -> Rules:
    """What the fabric's and the plugin's settings say to the planner."""
    return Rules(
        now=now,
        adoption=fabric.inventory_adoption,
        removal=fabric.inventory_removal,
        subjects=frozenset(fabric.inventory_subjects),
        grace_runs=get_plugin_config('netbox_hedgehog', 'removal_grace_runs'),
        grace=timedelta(hours=get_plugin_config('netbox_hedgehog', 'removal_grace_hours')),
        guard_percent=get_plugin_config('netbox_hedgehog', 'removal_guard_percent'),
        held_totals=(fabric.inventory_held or {}).get('totals', {}),
        device_status=fabric.inventory_device_status,
        stale_status=fabric.inventory_stale_status,
        device_statuses=frozenset(DeviceStatusChoices.values()),
    )


def inventory_user() -> User:
    """The user whom the change log names for what no person has asked for: nobody can log in as it."""
    user, made = User.objects.get_or_create(username=USER, defaults={'is_active': False})
    if made:
        user.set_unusable_password()
        user.save(update_fields=['password'])
    return user


def _release(plan: Plan) -> None:
    plan.actions += plan.held_actions
    plan.held_actions, plan.held = [], []
    plan.findings = [as_done(finding) for finding in plan.findings]


def _run(fabric: Fabric, user: Any, as_seen: Any) -> InventoryReport:
    """One run: the picture, the plan, the writes, the discrepancies and what the fabric says of it."""
    now = timezone.now()
    report = InventoryReport(fabric=fabric.name, started=now)
    with counted(report):
        picture = look(fabric, now)
        as_seen(picture.plan)
        report.digest = picture.plan.digest
        if picture.plan.actions or picture.plan.records:
            def conclude(writer: Writer) -> None:
                tell(report, writer)
                findings = [*picture.plan.findings, *writer.findings]
                _conclude(fabric, picture, findings, report, now, refusals_of(writer.refused_actions()))

            report.event_failures = carry_out(fabric, picture, user, now, conclude).event_failures
        else:
            with transaction.atomic():
                hold(fabric)
                _conclude(fabric, picture, picture.plan.findings, report, now)
    report.finished = timezone.now()
    return report


def carry_out(fabric: Fabric, picture: Picture, user: Any, now: datetime, then: Any = None) -> Writer:
    """Write a plan, in one transaction and under one request id; `then` is called with the writer before it ends.

    Raises NotPermitted where the person, if it is one, may not do all of it.
    """
    if user is not None:
        check_before(user, picture.plan.actions)
    request = make_request(user or inventory_user())
    _import_urls(picture.plan)
    with event_tracking(request):
        with transaction.atomic():
            hold(fabric)
            writer = Writer(fabric, picture.plan, picture.desired, picture.present, request, now)
            writer.write()
            if user is not None:
                check_after(user, writer.done, writer.pks)
            if then is not None:
                then(writer)
        # event_tracking() would do this itself, and end with the first event rule that fails.
        writer.event_failures = process_queued_events()
    return writer


def _import_urls(plan: Plan) -> None:
    """Import NetBox's URLs where a write is going to need them: they take seconds, which no lock should be held for.

    What is deleted, or saved as NetBox does it, is serialized for events, with the URL that it has in the API.
    """
    for action in plan.actions:
        moves = action.model == CABLE and action.verb != CREATE
        if moves or action.verb == DELETE or (action.verb == CREATE and shape(action.model).few):
            _ = get_resolver().reverse_dict
            return


def hold(fabric: Fabric) -> None:
    """Keep the fabric from being deleted until the transaction ends; whoever edits it does not wait for this.

    Raises InventoryOff where it has been deleted.
    """
    with connection.cursor() as cursor:
        cursor.execute(f'SELECT 1 FROM {Fabric._meta.db_table} WHERE id = %s FOR KEY SHARE', [fabric.pk])  # noqa: S608
        if cursor.fetchone() is None:
            raise InventoryOff(f'{fabric.name} has been deleted.')


def tell(report: InventoryReport, writer: Writer) -> None:
    """Say in a report what was written."""
    report.request_id = str(writer.request.id)
    counts = Counter(action.verb for action in writer.done)
    report.counts = {verb: counts[verb] for verb in VERBS}
    models: dict[str, Counter[str]] = defaultdict(Counter)
    for action in writer.done:
        models[action.model][action.verb] += 1
    report.models = {label: dict(found) for label, found in sorted(models.items())}


def _conclude(
    fabric: Fabric, picture: Picture, findings: list[Any], report: InventoryReport, now: datetime,
    refusals: Refusals | None = None,
) -> None:
    """The bookkeeping of a run: discrepancies, runs without an object, and what the fabric's page says."""
    plan = picture.plan
    heirs = plan.heirs
    links = [picture.present.held[heirs.get(key, key)] for key in plan.stale]
    stale = [link.pk for link in links if link.stale_since is not None]
    if stale:
        InventoryLink.objects.filter(pk__in=stale, stale_since__isnull=False).update(
            stale_runs=F('stale_runs') + 1,
        )
    discrepancies.record(fabric, findings, now, refusals)
    report.findings = dict(Counter(finding.type for finding in findings))
    report.unchanged = plan.unchanged
    report.held = list(plan.held)
    report.counts = report.counts or dict.fromkeys(VERBS, 0)
    held = None
    if plan.held:
        before = fabric.inventory_held or {}
        same = before.get('digest') == plan.held_digest
        held = {
            'digest': plan.held_digest, 'sentences': plan.held, 'count': len(plan.held_actions),
            'counts': dict(sorted(Counter(action.model for action in plan.held_actions).items())),
            'totals': plan.held_totals,
            'since': before['since'] if same and 'since' in before else now.isoformat(),
        }
    Fabric.objects.filter(pk=fabric.pk).update(last_inventory=now, inventory_error='', inventory_held=held)
    fabric.last_inventory, fabric.inventory_error, fabric.inventory_held = now, '', held


@contextmanager
def counted(report: InventoryReport) -> Iterator[None]:
    """Count the SQL statements of a run."""
    def count(execute: Any, sql: Any, params: Any, many: Any, context: Any) -> Any:
        report.statements += 1
        return execute(sql, params, many, context)

    with connection.execute_wrapper(count):
        yield
