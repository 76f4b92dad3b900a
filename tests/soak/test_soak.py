"""Half an hour of fifty fabrics, of changes and of a fault every minute: at the end all is true, and nothing has grown.

HEDGEHOG_SOAK_MINUTES (30) and HEDGEHOG_SEED (7) say how long, and in which order.
"""

import os
import random
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest

from demo.machine import ROOT
from tests.e2e.stack import overlaps
from tests.faults.injections import Fault
from tests.faults.promises import Promises
from tests.faults.rig import AWAY
from tests.faults.servers import KillableServices, load_average
from tests.support.mirror_contents import FIELDS, expected

from .figures import percentile, table
from .fleet import Fleet, Member, fifty
from .illnesses import ILLNESSES
from .watch import Watch

MINUTES = float(os.environ.get('HEDGEHOG_SOAK_MINUTES') or 30)
SEED = int(os.environ.get('HEDGEHOG_SEED') or 7)
RESULTS = os.environ.get('HEDGEHOG_SOAK_RESULTS') or str(ROOT / 'benchmarks' / 'SOAK.md')

# Seconds that a fault lasts, of its minute; and that pass, beside an interval, until all is well after the last one.
BROKEN_FOR = (2, 15)
RECOVERY = 60

# Seconds that all fabrics get to be read for the first time.
FIRST_SYNC = 600

# How many of the latest runs are told, beside the report.
LATEST_TOLD = 60


class Soak:
    """The whole story; `broken` are sentences, none where every promise was kept."""

    def __init__(self, fleet: Fleet, watch: Watch, promises: Promises) -> None:
        self.fleet, self.watch, self.promises = fleet, watch, promises
        self.broken: list[str] = []
        self.struck: dict[str, int] = {}
        self.recovery = 0.0
        self.true = False
        self.begin = self.end = 0.0

    def run(self) -> None:
        fleet = self.fleet
        fleet.await_true(self.synced_once, FIRST_SYNC, 'every fabric has been synced once')
        fleet.changing = fleet.beating = True
        fleet.pause(min(60, MINUTES * 6))  # caches fill, the first quarter is like the others
        self.begin = time.time()
        deadline = time.monotonic() + 60 * MINUTES
        chance = random.Random(f'{SEED} illnesses')
        kinds: list[Fault] = []
        while deadline - time.monotonic() > 30:
            if not kinds:
                kinds = [kind() for kind in ILLNESSES]
                chance.shuffle(kinds)
            if time.monotonic() > deadline - 90:
                fleet.beating = False  # statuses are read once a minute
            self.minute(kinds.pop(), chance, time.monotonic() + 60)
        self.end = time.time()
        fleet.changing = fleet.beating = False
        self.recover()
        self.broken += self.promises.taken()
        for member in fleet.mirrored:
            runs = [row for row in self.watch.runs_of(member.id) if row['status'] in ('completed', 'failed')]
            self.broken += [f'{member.name}: jobs {one["id"]} and {two["id"]} overlap' for one, two in overlaps(runs)]
        self.watch.judge_lateness()
        if MINUTES >= 10:  # of less a quarter is one fault
            self.broken += self.watch.figures.growing(self.begin, self.end)

    def synced_once(self) -> bool:
        rows = self.fleet.rows("SELECT id FROM netbox_hedgehog_fabric WHERE sync_status = 'in_sync'")
        return len(rows or []) == len(self.fleet.mirrored)

    def minute(self, fault: Fault, chance: random.Random, deadline: float) -> None:
        """One fault, healed, and what is left of its minute."""
        fleet = self.fleet
        if fault.why_not(fleet):
            return
        say(f'{datetime.now(UTC):%H:%M:%S} {fault.name}; so far {len(self.watch.runs)} runs, load {os.getloadavg()[0]:.1f}')
        self.struck[fault.name] = self.struck.get(fault.name, 0) + 1
        fleet.until(lambda: all(fleet.of(kind) for kind in ('worker', 'scheduler', 'watcher')), 120)
        self.watch.breaks()
        fault.inject(fleet, chance)
        fleet.pause(chance.uniform(*BROKEN_FOR))
        fault.heal(fleet)
        fleet.hurry()
        fleet.pause(10)
        self.watch.healed()
        fleet.pause(max(0, deadline - time.monotonic()))

    def recover(self) -> None:
        """Nothing changes any more: after an interval and a minute every mirror equals its cluster."""
        fleet, began, healed = self.fleet, time.monotonic(), datetime.now(UTC)
        patience = max(member.interval for member in fleet.mirrored) + RECOVERY
        left: list[str] = []

        def well() -> bool:
            nonlocal left
            try:
                left = [sentence for member in fleet.mirrored for sentence in self.not_true(member, healed)]
                left += [] if fleet.complete else ['health is not healthy']
            except AWAY as error:
                left = [f'{type(error).__name__}: {error}']
            return not left

        fleet.until(well, patience * max(1.0, load_average()))
        self.recovery = time.monotonic() - began
        self.true = not left
        self.broken += left

    def not_true(self, member: Member, healed: datetime) -> list[str]:
        """In what a fabric is not as its cluster is, object by object and field by field."""
        row = self.fleet.row(member.id)
        if row['sync_status'] != 'in_sync' or row['sync_error'] or row['last_sync'] is None or row['last_sync'] < healed:
            return [f'{member.name}: {row["sync_status"]}, last read {row["last_sync"]}, {row["sync_error"]}']
        return [f'{member.name}: {sentence}' for sentence in differences(self.fleet, member)]

    def ending(self) -> str:
        """How it was after the last fault."""
        if not self.true:
            return 'it did not come to an end at which all was true'
        return (
            f'{self.recovery:.0f} s after the last fault and the last change all {len(self.fleet.mirrored)} mirrors equalled '
            'their clusters, object by object and field by field, and every process was at work'
        )

    def report(self) -> str:
        """What came of it, in Markdown."""
        fleet = self.fleet
        objects = sum(len(member.objects()) for member in fleet.mirrored)
        runs = list(self.watch.runs.values())
        failed = sum(1 for run in runs if run['status'] != 'completed')
        late = self.watch.late_runs()
        hit = [run.late for run in late if self.watch.hit(run)]
        well = [run.late for run in late if not self.watch.hit(run)]
        return '\n'.join((
            '# Soak',
            '',
            f'`make soak`, {datetime.now(UTC):%Y-%m-%d}: {MINUTES:g} minutes, seed {SEED}, {os.cpu_count()} cores that '
            'NetBox, PostgreSQL, Redis, all API servers and this share.',
            '',
            f'- {len(fleet.mirrored)} fabrics with {objects} objects, every 60 or 120 s; '
            f'{sum(member.watched for member in fleet.mirrored)} of them watched, '
            f'{sum(member.inventory for member in fleet.mirrored)} carried into NetBox\'s inventory, '
            f'{sum(member.proxy is not None for member in fleet.mirrored)} behind a network that can be ill',
            f'- {sum(member.changes for member in fleet.mirrored)} changes, beside the reports of agents every 15 s',
            f'- {sum(self.struck.values())} faults of {len(self.struck)} kinds; processes and servers were started anew '
            f'{fleet.restarts} times',
            f'- {len(runs)} runs, of which {failed} failed, and said why',
            f'- of {len(well)} runs that fell due while all was well the median began {percentile(well, 0.5):.1f} s late, the '
            f'95th percentile {percentile(well, 0.95):.1f} s, the last {percentile(well, 1):.0f} s',
            f'- of {len(hit)} that fell due while something was broken: {percentile(hit, 0.5):.1f} s, '
            f'{percentile(hit, 0.95):.1f} s and {percentile(hit, 1):.0f} s, where the fault had taken the run itself and the '
            'next interval made up for it',
            f'- {self.ending()}',
            f'- {len(self.broken)} broken promises',
            '',
            table(self.watch.figures, self.begin, self.end),
            '',
            'Memory is that of processes that nobody killed; memory, connections, clients and keys are those of the times '
            'when nothing was broken.',
            '',
            *(f'- {sentence}' for sentence in self.broken[:50]),
        ))


def differences(fleet: Fleet, member: Member) -> list[str]:
    """What the mirror has and the cluster has not, and the other way round; told without the code of the sync."""
    columns = ', '.join(FIELDS)
    rows = fleet.sql(
        f'SELECT {columns}, missing_since FROM netbox_hedgehog_fabricresource WHERE fabric_id = %s', member.id,
    )
    held = {(row['kind'], row['name']): row for row in rows}
    there = {key: expected(item) for (kind, _, name), item in member.objects().items() for key in [(kind, name)]}
    found = [f'{kind} {name} is not in the mirror' for kind, name in there.keys() - held.keys()]
    for key, row in held.items():
        missing = row.pop('missing_since')
        if key not in there:
            found += [] if missing else [f'{key[0]} {key[1]} is in the mirror, and in no cluster']
        elif missing:
            found.append(f'{key[0]} {key[1]} is said to be missing')
        elif row != there[key]:
            wrong = [name for name in FIELDS if row[name] != there[key][name]]
            found.append(f'{key[0]} {key[1]} is not as it is in the cluster: {", ".join(wrong)}')
    return found


def say(line: str) -> None:
    print(line, flush=True)


def test_fifty_fabrics_for_half_an_hour(tmp_path: Path) -> None:
    say(f'\n{MINUTES:g} minutes, seed {SEED}')
    with KillableServices() as services, Fleet(services, tmp_path, fifty(SEED), SEED) as fleet:
        watch, promises = Watch(fleet), Promises(fleet)
        fleet.observers += [watch.look, promises.look]
        soak = Soak(fleet, watch, promises)
        try:
            soak.run()
        finally:
            for run in sorted(watch.late_runs(), key=lambda run: -run.late)[:LATEST_TOLD]:
                say(f'{datetime.fromtimestamp(run.due, UTC):%H:%M:%S} {run.fabric} was due, {run.late:.0f} s late')
            say(report := soak.report())
            Path(RESULTS).write_text(f'{report.rstrip()}\n')
        if soak.broken:
            pytest.fail(f'{len(soak.broken)} broken promises, above\n{fleet.tails()}', pytrace=False)
