"""hedgehog_sync: create the schedules, show the status, trigger and test."""

import json
import os
import signal
import socket
import sys
import time
from collections.abc import Callable
from getpass import getuser
from socket import gethostname
from typing import Any

from core.choices import JobStatusChoices
from core.models import Job
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.core.serializers.json import DjangoJSONEncoder
from django.db import Error as DatabaseError
from netbox.plugins.utils import get_plugin_config
from redis.exceptions import RedisError

from netbox_hedgehog.choices import CablingStateChoices, SyncStateChoices, SyncStatusChoices
from netbox_hedgehog.cluster.rbac import OnboardingError, manifests
from netbox_hedgehog.hedgehog.reachability.answer import QuestionError
from netbox_hedgehog.hedgehog.rules import RULE_KINDS, PatternError, read_conditions
from netbox_hedgehog.hedgehog.terms import TermError, read_term
from netbox_hedgehog.inventory.errors import InventoryRefused, PlanMoved
from netbox_hedgehog.jobs.apply import apply_now
from netbox_hedgehog.jobs.cancel import CancelRefused, cancel_sync
from netbox_hedgehog.jobs.fabric_sync import FabricSyncJob, SyncRefused
from netbox_hedgehog.jobs.inventory import APPLY, APPLY_RULES, CONFIRM, plan_of
from netbox_hedgehog.jobs.migration_check import check_migrations
from netbox_hedgehog.jobs.probe import check_connection
from netbox_hedgehog.jobs.progress import Progress, progress_of
from netbox_hedgehog.jobs.recovery import recover
from netbox_hedgehog.jobs.schedules import FabricSyncScheduler
from netbox_hedgehog.management import reach_text, terminal
from netbox_hedgehog.management.arguments import add_actions
from netbox_hedgehog.management.cabling_text import cabling_lines, cabling_rows
from netbox_hedgehog.management.find_text import find_lines
from netbox_hedgehog.management.plan_text import plan_lines
from netbox_hedgehog.management.reach_text import reach_lines
from netbox_hedgehog.management.rules_text import rules_as_dict, rules_lines, tested_lines
from netbox_hedgehog.models import CablingCheck, Fabric
from netbox_hedgehog.models.fabric_state import duration_words
from netbox_hedgehog.models.unsupported import unsupported_sentence
from netbox_hedgehog.monitoring.fabric_status import fabric_status, services_line
from netbox_hedgehog.monitoring.metrics import exposition
from netbox_hedgehog.monitoring.service_health import BROKEN, DEGRADED, HEALTHY, counted, worker_health
from netbox_hedgehog.presentation.find.data import as_data
from netbox_hedgehog.presentation.find.lookup import find
from netbox_hedgehog.presentation.reachability import answer_as_dict, reach
from netbox_hedgehog.watch.watcher import Watcher

EXIT_CODES = {HEALTHY: 0, DEGRADED: 1, BROKEN: 2}

# Seconds between two checks of a database that is not migrated yet.
RECHECK = 3

# Exit codes of a dry run, and of applying one.
CHANGES_PENDING, REFUSED, MOVED = 1, 2, 3

# Seconds between two checks of a sync, and the longest that one may be queued before it has its job_timeout to run.
POLL = 0.5
LONGEST_QUEUED = 300

# What a sync counts, and how people call it.
COUNTED = {'read': 'read', 'created': 'created', 'updated': 'updated', 'missing': 'deleted'}


class Command(BaseCommand):
    help = 'Schedules, status and syncs of Hedgehog fabrics. Exit codes of status and health: 0 healthy, 1 degraded, ' \
           '2 broken.'
    # NetBox's checks take ten seconds of CPU and say nothing about fabrics.
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        add_actions(parser)

    def handle(self, *args: Any, action: str, **options: Any) -> None:
        try:
            getattr(self, action)(**options)
        except BrokenPipeError:
            # The pipe was closed. The rest of the buffer must not be written again at exit.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            raise SystemExit(EXIT_CODES[BROKEN]) from None
        except (RedisError, ConnectionError, TimeoutError, socket.gaierror) as error:
            raise CommandError(f'Cannot reach Redis: {error}', returncode=EXIT_CODES[BROKEN]) from None
        except OSError as error:
            # Such as a disk that is full.
            raise CommandError(f'Operating system error: {error}', returncode=EXIT_CODES[BROKEN]) from None
        except DatabaseError as error:
            raise CommandError(
                f'Cannot use the database: {(str(error).splitlines() or [""])[0]}', returncode=EXIT_CODES[BROKEN],
            ) from None

    def bootstrap(self, **options: Any) -> None:
        counts = FabricSyncScheduler().bootstrap_all_fabric_schedules()
        if options['json']:
            self.stdout.write(json.dumps(counts))
            return
        self.stdout.write(
            counted(counts['fabrics'], 'fabric') + ' scheduled: {created} created, {updated} updated, '
            '{removed} removed, {unchanged} unchanged.'.format(**counts)
        )

    def status(self, **options: Any) -> None:
        fabrics = [self._fabric(options['fabric'])] if options['fabric'] else Fabric.objects.order_by('name')
        rows = fabric_status(fabrics)
        health = worker_health(Fabric.objects.filter(name=options['fabric']) if options['fabric'] else None)
        if options['json']:
            self.stdout.write(json.dumps({**health.as_dict(), 'status': rows}, cls=DjangoJSONEncoder, indent=2))
        else:
            if rows and terminal.is_one(self.stdout):
                terminal.print_status(self.stdout, rows, health, no_color=options['no_color'])
                raise SystemExit(EXIT_CODES[health.state])
            for row in rows:
                self.stdout.write(_status_line(row))
            if not rows:
                self.stdout.write('No fabrics yet.')
            self._print_health(health)
        raise SystemExit(EXIT_CODES[health.state])

    def cancel(self, name: str, **options: Any) -> None:
        try:
            self.stdout.write(cancel_sync(self._fabric(name), f'{getuser()} on {gethostname()}'))
        except CancelRefused as refusal:
            raise CommandError(str(refusal)) from None

    def metrics(self, **options: Any) -> None:
        self.stdout.write(exposition(), ending='')

    def health(self, **options: Any) -> None:
        health = worker_health()
        if options['json']:
            self.stdout.write(json.dumps(health.as_dict(), indent=2))
        else:
            self._print_health(health)
        raise SystemExit(EXIT_CODES[health.state])

    def onboard(self, namespace: str, account: str, **options: Any) -> None:
        try:
            text = manifests(
                namespace, account, account_namespace=options['account_namespace'],
                make_account=not options['account_exists'],
            )
        except OnboardingError as error:
            raise CommandError(str(error)) from None
        self.stdout.write(text, ending='')

    def ready(self, wait: bool, **options: Any) -> None:
        said = ''
        while True:
            state = check_migrations()
            if state.sentence != said:
                self.stdout.write(state.sentence)
                self.stdout.flush()
                said = state.sentence
            if state.ready:
                return
            if not wait:
                raise SystemExit(EXIT_CODES[BROKEN])
            time.sleep(RECHECK)

    def _print_health(self, health: Any) -> None:
        self.stdout.write(services_line(health))
        for problem in health.problems:
            self.stdout.write(f'  {problem}')

    def trigger(self, name: str, wait: bool, **options: Any) -> None:
        fabric = self._fabric(name)
        try:
            job = FabricSyncJob.request(fabric)
        except SyncRefused as refusal:
            raise CommandError(str(refusal)) from None
        if not wait:
            self.stdout.write(f'Job {job.pk} queued on {job.queue_name}.')
            return
        with terminal.bar(self.stdout, name, no_color=options['no_color']) as show:
            job = self._wait_for(job, show)
        fabric.refresh_from_db()
        if job.status != JobStatusChoices.STATUS_COMPLETED:
            raise CommandError(f'Job {job.pk} of {name}: {job.get_status_display()}. {fabric.sync_error or job.error}')
        data = job.data or {}
        self.stdout.write(
            f'Job {job.pk} of {name}: {_outcome_title(data.get("outcome"))}. '
            + ', '.join(f'{data.get(key, 0)} {word}' for key, word in COUNTED.items())
            + f', {data.get("seconds", 0)} s. {data.get("error", "")}'
        )

    def _wait_for(self, job: Job, show: Callable[[Progress], None]) -> Job:
        """Return the job once it has ended. Raise CommandError at once if no worker serves the queue."""
        longest = LONGEST_QUEUED + get_plugin_config('netbox_hedgehog', 'job_timeout')
        deadline = time.monotonic() + longest
        while time.monotonic() < deadline:
            try:
                job.refresh_from_db()
            except Job.DoesNotExist:
                raise CommandError(f'Job {job.pk} was deleted.') from None
            if job.status in JobStatusChoices.TERMINAL_STATE_CHOICES:
                return job
            show(progress_of(job))
            health = worker_health()
            if not health.workers:
                state = 'queued' if job.status == JobStatusChoices.STATUS_PENDING else 'running'
                raise CommandError(f'Job {job.pk} is {state}, but: {health.problems[0]}')
            recover()
            time.sleep(POLL)
        raise CommandError(
            f'Job {job.pk} did not end within {duration_words(longest)}. It continues in the background.'
        )

    def test(self, name: str, **options: Any) -> None:
        found = check_connection(self._fabric(name))
        for sentence in found.sentences:
            self.stdout.write(sentence)
        if not found.ok:
            raise SystemExit(1 if found.connected else 2)

    def inventory(self, name: str, **options: Any) -> None:
        what = APPLY_RULES if options['rules'] else APPLY
        try:
            fabric = self._fabric(name)
            if digest := options['apply'] or options['confirm']:
                report = apply_now(fabric, what if options['apply'] else CONFIRM, digest)
                self.stdout.write(json.dumps(report.as_dict(), indent=2) if options['json'] else report.sentence)
                return
            plan = plan_of(fabric, what)
        except PlanMoved as error:
            raise CommandError(str(error), returncode=MOVED) from None
        except (InventoryRefused, CommandError) as error:
            raise CommandError(str(error), returncode=REFUSED) from None
        if options['json']:
            self.stdout.write(json.dumps(plan.as_dict(), cls=DjangoJSONEncoder, indent=2))
        else:
            for line in plan_lines(fabric.name, plan, options['summary']):
                self.stdout.write(line)
        raise SystemExit(CHANGES_PENDING if plan.actions or plan.unconfirmed_actions else 0)

    def cabling(self, name: str, **options: Any) -> None:
        fabric = self._fabric(name)
        checks = list(CablingCheck.objects.filter(fabric=fabric).select_related('fabric'))
        if not checks:
            raise CommandError(
                f'The cabling of {name} has not been checked: sync it first.', returncode=EXIT_CODES[BROKEN],
            )
        checks.sort(key=lambda check: CablingStateChoices.values().index(check.state))
        if options['json']:
            self.stdout.write(json.dumps(cabling_rows(checks), cls=DjangoJSONEncoder, indent=2))
        else:
            for line in cabling_lines(checks):
                self.stdout.write(line)
        raise SystemExit(int(any(check.state == CablingStateChoices.WRONG_NEIGHBOR for check in checks)))

    def find(self, term: str, limit: int, **options: Any) -> None:
        try:
            read_term(term)
        except TermError as error:
            raise CommandError(str(error), returncode=EXIT_CODES[BROKEN]) from None
        found = find(None, term, max(1, limit))
        if options['json']:
            self.stdout.write(json.dumps(as_data(found), cls=DjangoJSONEncoder, indent=2))
        else:
            for line in find_lines(found):
                self.stdout.write(line)
        raise SystemExit(int(not found.answers))

    def reach(self, name: str, source: str, target: str, **options: Any) -> None:
        try:
            reached = reach(self._fabric(name), source, target)
        except (QuestionError, CommandError) as error:
            raise CommandError(str(error), returncode=EXIT_CODES[BROKEN]) from None
        if options['json']:
            self.stdout.write(json.dumps(answer_as_dict(reached), indent=2))
        else:
            for line in reach_lines(reached.answer):
                self.stdout.write(line)
        raise SystemExit(reach_text.EXIT_CODES[reached.answer.there.verdict])

    def rules(self, name: str, kind: list[str], names: str, selector: str, **options: Any) -> None:
        fabric = self._fabric(name)
        if unknown := [value for value in kind if value not in RULE_KINDS]:
            raise CommandError(f'Unknown kind “{unknown[0]}”. Rules are for: {", ".join(RULE_KINDS)}.')
        try:
            if kind or names or selector:
                lines = list(tested_lines(fabric, read_conditions(kind, names, selector)))
            elif options['json']:
                lines = [json.dumps(rules_as_dict(fabric), cls=DjangoJSONEncoder, indent=2)]
            else:
                lines = list(rules_lines(fabric))
        except PatternError as error:
            raise CommandError(str(error)) from None
        for line in lines:
            self.stdout.write(line)

    def watch(self, **options: Any) -> None:
        watcher = Watcher()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, watcher.stop)
        watcher.run()

    def _fabric(self, name: str) -> Fabric:
        fabric = Fabric.objects.filter(name=name).first()
        if fabric is None:
            known = ', '.join(Fabric.objects.order_by('name').values_list('name', flat=True)[:10]) or 'none'
            raise CommandError(f'No fabric is named “{name}”. Known fabrics: {known}.')
        return fabric


def _outcome_title(outcome: str | None) -> str:
    return str(dict(SyncStatusChoices).get(outcome, str(outcome).capitalize()))


def _status_line(row: dict[str, Any]) -> str:
    def when(moment: Any) -> str:
        return f'{moment:%Y-%m-%d %H:%M:%S}' if moment else 'never'

    age = f' ({duration_words(int(row["age"])) or "0 seconds"} ago)' if row['age'] is not None else ''
    unscheduled = 'NOT SCHEDULED' if row['scheduled'] else 'manual only'
    next_sync = when(row['next_sync']) if row['next_sync'] else unscheduled
    state = dict(SyncStateChoices)[row['state']]
    line = (
        f'{row["fabric"]}: {state}, last success {when(row["last_sync"])}{age}, last attempt '
        f'{when(row["last_attempt"])}, every {duration_words(row["sync_interval"])}, next sync {next_sync}'
    )
    issues = [row['error'], unsupported_sentence(row['unsupported_kinds'])]
    return line + ''.join(f'\n  {issue}' for issue in issues if issue)
