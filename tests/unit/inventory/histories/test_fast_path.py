"""The fast path against the full reconcile: where a sync says that nothing has changed, a full one finds nothing else.

A history is a series of changes of the fabric, edits of people as NetBox records them, time that passes, and what
concerns no inventory. After each the sync that may be short runs; where it was, a full one follows, and everything has
to be as before: objects, links, discrepancies and the report.
"""

import logging
import os
import random
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any
from unittest.mock import patch
from uuid import uuid4

import pytest
from circuits.models import Provider
from core.models import ObjectChange
from core.signals import clear_signal_history
from django.conf import settings
from django.db import transaction
from django.utils import timezone
from extras.models import JournalEntry
from netbox.context import query_cache
from netbox.context_managers import event_tracking
from users.models import User
from utilities.request import NetBoxFakeRequest

from netbox_hedgehog.inventory.errors import InventoryOff
from netbox_hedgehog.inventory.reconcile import reconcile
from netbox_hedgehog.inventory.report import InventoryReport
from netbox_hedgehog.models import Discrepancy, FabricResource, InventoryCheckpoint, InventoryLink

from ....support.examples import LONG
from .changes import CHANGES
from .edits import EDITS
from .play import ADOPTION, REFUSED, REMOVAL, begin
from .world import World

pytestmark = [pytest.mark.django_db, pytest.mark.property]

HISTORIES = int(os.environ.get('HEDGEHOG_HISTORIES', 300)) if LONG else 1
# What one worker plays in a row.
TOGETHER = 20
STEPS = 8

# A full reconcile finds nothing to write after at most so many that did.
RECONCILES = 4

Event = Callable[[World], None]


def nothing(world: World) -> None:
    """Nothing happens."""


def an_agent_beats(world: World) -> None:
    FabricResource.objects.filter(fabric=world.fabric).update(last_read=timezone.now(), resource_version='2')


def a_person_edits_a_provider(world: World) -> None:
    Provider.objects.create(name=f'provider {world.new_number()}', slug=f'provider-{world.new_number()}')


def a_person_writes_a_journal(world: World) -> None:
    JournalEntry.objects.create(assigned_object=world.fabric.inventory_site, comments='seen')


IDLE: dict[str, Event] = {
    event.__name__: event for event in (nothing, an_agent_beats, a_person_edits_a_provider, a_person_writes_a_journal)
}
EVENTS = {**CHANGES, **EDITS, **IDLE}


@pytest.mark.parametrize('first', range(0, HISTORIES, TOGETHER))
def test_where_a_sync_is_short_a_full_one_finds_nothing_else(first, record_property, monkeypatch):
    monkeypatch.setitem(settings.PLUGINS_CONFIG['netbox_hedgehog'], 'full_reconcile_interval', 10**9)
    world, counts, differences = begin(), Counter(), []
    for seed in range(first, min(first + TOGETHER, HISTORIES)):
        with transaction.atomic():
            differences += Play(seed, world).differences(counts)
            transaction.set_rollback(True)
    record_property('fast_path', dict(counts))
    assert not differences, '\n'.join(['', *differences])
    assert counts['short'], 'no sync was short: nothing was tested'


class Play:
    """One history: the same seed gives the same one."""

    def __init__(self, seed: int, world: World) -> None:
        self.seed, self.chance = seed, random.Random(seed)
        self.world = World(world.fabric)
        self.world.fabric.refresh_from_db()
        self.clock = timezone.now()

    def differences(self, counts: Counter[str]) -> Iterator[str]:
        """Play, and yield a line for each difference. `counts` gets how many syncs were short, and how many full."""
        logging.disable(logging.CRITICAL)
        query_cache.set(defaultdict(dict))
        try:
            self.world.change_settings(
                inventory_adoption=ADOPTION[self.seed % 3], inventory_removal=REMOVAL[self.seed // 3 % 3],
            )
            for _ in range(STEPS):
                if not self._is_at_rest():
                    counts['never at rest'] += 1
                    continue
                yield from self._step(counts)
        except InventoryOff:
            counts['switched off'] += 1
        finally:
            query_cache.set(None)
            logging.disable(logging.NOTSET)

    def _is_at_rest(self) -> bool:
        """Reconcile in full until that leaves a checkpoint."""
        for _ in range(RECONCILES):
            self._sync(only_if_changed=False)
            if InventoryCheckpoint.objects.filter(fabric=self.world.fabric).exists():
                return True
        return False

    def _step(self, counts: Counter[str]) -> Iterator[str]:
        name = self.chance.choice(sorted(IDLE) if self.chance.random() < 0.4 else sorted(EVENTS))
        number = self.chance.randrange(1000)
        hours = self.chance.choice((0, 0, 0, 1, 23, 25))
        self.clock += timedelta(hours=hours)
        self._happens(EVENTS[name], number)
        before = self._state()
        report = self._sync(only_if_changed=True)
        if report.unchanged_since is None:
            counts['full'] += 1
            return
        counts['short'] += 1
        if self._state() != before:
            yield f'history {self.seed}: after {name} ({number}) and {hours} hours the short sync has written something'
        full = self._sync(only_if_changed=False)
        if self._state() != before or outcome_of(full) != outcome_of(report):
            yield (
                f'history {self.seed}: after {name} ({number}) and {hours} hours the full sync found {outcome_of(full)}, '
                f'the short one {outcome_of(report)}'
            )

    def _happens(self, event: Event, number: int) -> None:
        """Let something happen, as NetBox records what people do, unless NetBox refuses it."""
        self.world.random = random.Random(number)
        try:
            with recorded(), transaction.atomic():
                event(self.world)
        except REFUSED:
            pass
        self.world.sync()

    def _sync(self, *, only_if_changed: bool) -> InventoryReport:
        self.world.fabric.refresh_from_db()
        self.clock += timedelta(seconds=1)
        with patch('django.utils.timezone.now', return_value=self.clock):
            return reconcile(self.world.fabric, only_if_changed=only_if_changed)

    def _state(self) -> Any:
        """What an inventory sync writes, except when it looked, and how often."""
        links = InventoryLink.objects.order_by('pk').values(
            'pk', 'fabric', 'key', 'object_type', 'object_id', 'origin', 'shared', 'written', 'kept', 'stale_since',
        )
        rows = Discrepancy.objects.order_by('pk').values()
        discrepancies = [{**row, 'last_seen': None} for row in rows]
        return list(links), discrepancies, ObjectChange.objects.count()


@contextmanager
def recorded() -> Iterator[None]:
    """What a person does: NetBox records it in its change log. What was deleted in a request before was recorded then."""
    clear_signal_history(sender=None)
    user = User.objects.get_or_create(username='person')[0]
    with event_tracking(NetBoxFakeRequest({'id': uuid4(), 'user': user, 'META': {}})):
        yield


def outcome_of(report: InventoryReport) -> Any:
    return report.counts, report.findings, report.unchanged, report.requires_confirmation, report.digest
