from django.core.serializers.json import DjangoJSONEncoder
from django.db import models
from django.utils.translation import gettext_lazy as _
from netbox.events import get_event_text, get_event_type
from utilities.querysets import RestrictedQuerySet

__all__ = ('FabricCondition', 'FabricEvent')


class FabricCondition(models.Model):
    """What was last told of one subject of a fabric: its sync, its freshness, its agents.

    A row of its own, and no field of the fabric: a form that saves a fabric writes all the fields it has loaded, and
    what is told between loading and saving would be told twice.
    """

    # signals.py deletes these rows with the fabric, in one statement.
    fabric = models.ForeignKey(to='netbox_hedgehog.Fabric', on_delete=models.DO_NOTHING, related_name='conditions')
    subject = models.CharField(max_length=30)
    # Empty while all is well.
    value = models.TextField(blank=True)
    since = models.DateTimeField()

    objects = RestrictedQuerySet.as_manager()

    _netbox_private = True

    class Meta:
        ordering = ('fabric', 'subject')
        verbose_name = _('fabric condition')
        verbose_name_plural = _('fabric conditions')
        constraints = [
            models.UniqueConstraint(fields=('fabric', 'subject'), name='%(app_label)s_%(class)s_unique_subject'),
        ]

    def __str__(self) -> str:
        return f'{self.subject}: {self.value}'


class FabricEvent(models.Model):
    """One transition of a fabric, with what event rules are given of it, and whether they were."""

    fabric = models.ForeignKey(to='netbox_hedgehog.Fabric', on_delete=models.DO_NOTHING, related_name='events')
    event_type = models.CharField(max_length=50)
    created = models.DateTimeField()
    message = models.TextField()
    data = models.JSONField(encoder=DjangoJSONEncoder)
    # When a process took it to dispatch it, and when that was done.
    taken = models.DateTimeField(null=True)
    dispatched = models.DateTimeField(null=True)
    # The ids of event rules that had it before Redis went away.
    rules_done = models.JSONField(default=list)
    error = models.TextField(blank=True)

    objects = RestrictedQuerySet.as_manager()

    _netbox_private = True

    class Meta:
        ordering = ('-pk',)
        verbose_name = _('fabric event')
        verbose_name_plural = _('fabric events')
        indexes = [
            models.Index(fields=('fabric', '-id')),
            models.Index(
                fields=('id',), condition=models.Q(dispatched__isnull=True), name='netbox_hedgehog_undispatched',
            ),
        ]

    def __str__(self) -> str:
        return self.message

    def get_event_type_display(self) -> str:
        return get_event_text(self.event_type) or self.event_type

    def get_event_type_color(self) -> str:
        event_type = get_event_type(self.event_type)
        return event_type.color if event_type else 'gray'
