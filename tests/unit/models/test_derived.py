"""Derived states: what an expression says of an instance, and what the database says of its row."""

from datetime import timedelta

from django.db.models import Case, CharField, F, Q, Value, When
from django.db.models.functions import Coalesce, Upper
from django.db.models.lookups import LessThan
from django.utils import timezone
from utilities.testing import TestCase

from netbox_hedgehog.models import Fabric
from netbox_hedgehog.models.derived import CurrentTime, Derived, evaluate

NOW = timezone.now()

EXPRESSIONS = (
    Case(When(Q(status='active') | Q(status='planned'), then='name'), default=Value('none'), output_field=CharField()),
    Case(When(~Q(status__in=('active', 'planned')), then=Value('other')), default=F('status')),
    Case(When(Q(sync_enabled=True) & ~Q(scheduler_enabled=True), then=Value('manual'))),
    Case(When(LessThan(F('last_sync'), CurrentTime()), then=Value('past')), default=Value('none')),
    Coalesce('last_attempt', 'last_sync'),
    Coalesce('last_attempt', 'last_sync') + Value(timedelta(hours=1)),
)


class DerivedTestCase(TestCase):
    def test_an_instance_says_what_the_database_says(self):
        Fabric.objects.bulk_create([
            Fabric(name='one', status='active', last_sync=NOW, scheduler_enabled=False),
            Fabric(name='two', status='planned', last_sync=NOW - timedelta(days=1), last_attempt=NOW),
            Fabric(name='three', status='maintenance', sync_enabled=False, last_sync=NOW - timedelta(days=2)),
        ])
        for number, expression in enumerate(EXPRESSIONS):
            for fabric in Fabric.objects.annotate(answer=expression):
                with self.subTest(number=number, fabric=fabric.name):
                    self.assertEqual(evaluate(expression, fabric), fabric.answer)

    def test_an_unsaved_change_counts(self):
        fabric = Fabric.objects.create(name='one')
        self.assertTrue(fabric.is_scheduled)
        fabric.scheduler_enabled = False
        with self.assertNumQueries(0):
            self.assertFalse(fabric.is_scheduled)
        self.assertTrue(Fabric.objects.filter(Fabric.is_scheduled).exists())

    def test_any_other_expression_is_refused(self):
        state = Derived(Upper('name'))
        with self.assertRaises(TypeError):
            state.__get__(Fabric(name='one'), Fabric)
