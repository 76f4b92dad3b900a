"""Histories are drawn, played, and cut down to what is needed for a violation."""

import copy
import logging
import random
import traceback
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from itertools import islice

from dcim.exceptions import UnsupportedCablePath
from dcim.models import Site
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.db.models import ProtectedError, RestrictedError
from django.test import override_settings
from django.utils import timezone
from netbox.context import query_cache
from utilities.exceptions import AbortRequest

from netbox_hedgehog.inventory.disable import disable_inventory
from netbox_hedgehog.inventory.errors import InventoryRefused
from netbox_hedgehog.inventory.mapping.types import SCOPES
from netbox_hedgehog.inventory.planning.plan import Plan
from netbox_hedgehog.inventory.reconcile import build_plan, plan, reconcile
from netbox_hedgehog.inventory.report import InventoryReport
from netbox_hedgehog.models import Discrepancy, Fabric

from . import checks
from .changes import CHANGES
from .edits import EDITS
from .world import Impossible, World

__all__ = ('History', 'Outcome', 'Step', 'begin', 'draw', 'play', 'smallest')

# What NetBox refuses a person.
REFUSED = (
    Impossible, ValidationError, ProtectedError, RestrictedError, AbortRequest, UnsupportedCablePath, IntegrityError,
    InventoryRefused,
)

ADOPTION, REMOVAL = ('off', 'name', 'serial'), ('ignore', 'mark', 'delete')


@dataclass(frozen=True)
class Step:
    """What happens before a sync: changes of the fabric and edits of people, each with a number that decides how.

    `later` lets the grace of removals pass first; `confirmed` has a person confirm what the sync would hold back.
    """

    changes: tuple[tuple[str, int], ...]
    edits: tuple[tuple[str, int], ...]
    later: bool = False
    confirmed: bool = False

    def __str__(self) -> str:
        happens = [f'{name} ({number})' for name, number in (*self.changes, *self.edits)]
        words = ['later', *happens] if self.later else happens
        return ' + '.join([*words, 'confirmed'] if self.confirmed else words) or 'nothing'


@dataclass(frozen=True)
class History:
    """Policies and steps. `documented` lets it begin in a NetBox where people have entered all of the fabric."""

    adoption: str
    removal: str
    steps: tuple[Step, ...]
    documented: bool = False

    def __str__(self) -> str:
        begins = ', documented by people' if self.documented else ''
        lines = [f'adoption {self.adoption}, removal {self.removal}{begins}']
        lines += [f'  {number}. {step}' for number, step in enumerate(self.steps, 1)]
        return '\n'.join(lines)


@dataclass
class Outcome:
    """What became of a history: how much was played, and what was not as it has to be."""

    steps: int = 0
    events: int = 0
    violations: tuple[str, ...] = ()


def draw(seed: int, steps: int) -> History:
    """Draw a history. The same seed gives the same one; nine in a row have all policies."""
    chance = random.Random(seed)

    def some(table: dict[str, Callable[[World], None]], most: int) -> tuple[tuple[str, int], ...]:
        names = chance.choices(sorted(table), k=chance.randint(min(1, most), most))
        return tuple((name, chance.randrange(1000)) for name in names)

    # In every third history people edit nothing: then nothing may be in anybody's way.
    most = 0 if chance.random() < 0.33 else 5
    drawn = [
        Step(some(CHANGES, 5), some(EDITS, most), later=chance.random() < 0.4, confirmed=chance.random() < 0.6)
        for _ in range(steps)
    ]
    documented = ADOPTION[seed % 3] != 'off' and chance.random() < 0.3
    return History(ADOPTION[seed % 3], REMOVAL[seed // 3 % 3], tuple(drawn), documented)


def begin() -> World:
    """The beginning of all histories: a fabric that was synced into an empty NetBox."""
    for slug in ('dc', 'dc2', 'fresh'):
        Site.objects.create(name=slug.upper(), slug=slug)
    world = World(Fabric.objects.create(
        name='dc-1', inventory_enabled=True, inventory_site=Site.objects.get(slug='dc'), inventory_scope=list(SCOPES),
    ))
    world.sync()
    reconcile(world.fabric)
    return world


def play(history: History, world: World) -> Outcome:
    """Play a history from the beginning, and leave everything as it was then."""
    outcome = Outcome()
    logging.disable(logging.CRITICAL)
    query_cache.set(defaultdict(dict))  # as in a request: which custom fields there are is asked once
    try:
        with transaction.atomic():
            outcome.violations = tuple(islice(_violations(history, copy.deepcopy(world), outcome), 5))
            transaction.set_rollback(True)
    finally:
        query_cache.set(None)
        logging.disable(logging.NOTSET)
    return outcome


def _violations(history: History, world: World, outcome: Outcome) -> Iterator[str]:
    world.change_settings(inventory_adoption=history.adoption, inventory_removal=history.removal)
    if history.documented:
        disable_inventory(world.fabric)
        world.change_settings(inventory_enabled=True)
    run = Run(world, edited=history.documented or any(step.edits for step in history.steps))
    for number, step in enumerate(history.steps, 1):
        world.confirms = step.confirmed
        if step.later:
            world.time_passes()
        with override_settings(PROTECTION_RULES=world.protection_rules):
            for name, chance in step.changes:
                outcome.events += _happens(world, CHANGES[name], chance)
            for name, chance in step.edits:
                outcome.events += _happens(world, EDITS[name], chance)
        if number == len(history.steps):
            world.unread = set()  # the last sync gets everything
        world.sync()
        world.unread = set()
        outcome.steps += 1
        with override_settings(PROTECTION_RULES=world.protection_rules):
            violations = list(run.violations())
        yield from violations
        if violations:
            return
    for place, why in checks.invalid().items():
        if place not in run.excused and not checks.is_in_trouble(world.fabric, run.last, place):
            yield why
    yield from _at_rest(world)


def _happens(world: World, what: Callable[[World], None], number: int) -> bool:
    """Let a change or an edit happen, unless there is nothing for it or NetBox refuses it."""
    world.random = random.Random(number)
    try:
        with transaction.atomic():
            what(world)
    except REFUSED:
        return False
    return True


class Run:
    """Syncs the inventory after each step, and looks whether it keeps its promises.

    `edited` says that people edit something in this history. `excused` are objects that a person's edit of another one has made invalid: that is not the plugin's doing.
    """

    def __init__(self, world: World, edited: bool) -> None:
        self.world, self.fabric, self.edited = world, world.fabric, edited
        self.excused: set[checks.Place] = set()
        self.last = checks.Snapshot(self.fabric)

    def violations(self) -> Iterator[str]:
        before = checks.Snapshot(self.fabric)
        here = transaction.savepoint_create()
        try:
            seen, report = self._run()
        except Exception as error:
            yield f'{type(error).__name__}: {error}\n{traceback.format_exc()}'
            return
        after = checks.Snapshot(self.fabric)
        wrong = checks.invalid(after.changed_since(self.last))
        self.last = after
        wrong = {place: why for place, why in wrong.items() if not checks.is_in_trouble(self.fabric, after, place)}
        if wrong.keys() - self.excused:
            transaction.savepoint_rollback(here)
            self.excused |= checks.invalid(set(wrong)).keys()
            self._run()
            yield from (sentence for place, sentence in wrong.items() if place not in self.excused)
        refused = Discrepancy.objects.filter(fabric=self.fabric, type='conflict').exclude(
            sentence__in=[finding.sentence for finding in seen.findings])
        if report.counts != seen.counts and not refused.exists():
            yield f'the plan said {seen.counts}, the run did {report.counts}'
        yield from checks.touched(before, after, seen)
        yield from checks.derived_wrongly()
        context = build_plan(self.fabric, timezone.now())
        yield from checks.not_as_wanted(self.fabric, context)
        yield from checks.unjustified(self.fabric, context, self.edited)
        if context.plan.actions:
            again = reconcile(self.fabric)
            if again.changes:
                first = context.plan.actions[0]
                yield f'a second run writes {again.counts}, first of all: {first.type} {first.key} {first.changes}'

    def _run(self) -> tuple[Plan, InventoryReport]:
        """Look at the plan, and carry out exactly that."""
        seen = plan(self.fabric)
        report = reconcile(self.fabric, expected_digest=seen.digest, confirmed=self.world.confirms)
        if self.world.confirms:
            seen.actions += seen.unconfirmed_actions
            seen.unconfirmed_actions = []
        return seen, report


def _at_rest(world: World) -> Iterator[str]:
    """At rest NetBox holds what a fresh sync of the same fabric makes, at a site where there is nothing yet."""
    fabric = world.fabric
    context = build_plan(fabric, timezone.now())
    fresh = World(Fabric.objects.create(
        name='dc-9', inventory_enabled=True, inventory_site=Site.objects.get(slug='fresh'),
        inventory_name_pattern=fabric.inventory_name_pattern, inventory_scope=fabric.inventory_scope,
    ))
    fresh.resources, fresh.status = world.resources, world.status
    fresh.sync()
    reconcile(fresh.fabric)
    yield from checks.same_as_fresh(fabric, context, fresh.fabric, build_plan(fresh.fabric, timezone.now()))


def smallest(history: History, world: World) -> tuple[History, Outcome]:
    """Take out of a history with a violation what is not needed for it, piece by piece."""
    outcome = play(history, world)
    shorter = True
    while shorter:
        shorter = False
        for candidate in _without_one_piece(history):
            found = play(candidate, world)
            if found.violations:
                history, outcome, shorter = candidate, found, True
                break
    return history, outcome


def _without_one_piece(history: History) -> Iterator[History]:
    steps = history.steps
    if history.documented and len(steps) > 0:
        yield replace(history, documented=False)
    for number, step in enumerate(steps):
        if len(steps) == 1 and not step.changes and not step.edits:
            return
        rest = steps[:number], steps[number + 1:]
        if len(steps) > 1:
            yield replace(history, steps=(*rest[0], *rest[1]))
        if step.later or step.confirmed:
            yield replace(history, steps=(*rest[0], replace(step, later=False, confirmed=False), *rest[1]))
        for place in range(len(step.changes)):
            less = replace(step, changes=step.changes[:place] + step.changes[place + 1:])
            yield replace(history, steps=(*rest[0], less, *rest[1]))
        for place in range(len(step.edits)):
            less = replace(step, edits=step.edits[:place] + step.edits[place + 1:])
            yield replace(history, steps=(*rest[0], less, *rest[1]))
