from django.core.serializers.json import DjangoJSONEncoder
from django.db import models
from django.urls import reverse
from django.utils.translation import gettext_lazy as _
from netbox.events import get_event_text, get_event_type
from netbox.models import BaseModel
from netbox.models.features import CustomLinksMixin, ExportTemplatesMixin
from utilities.querysets import RestrictedQuerySet

__all__ = ('FabricCondition', 'FabricEvent')


class FabricCondition(models.Model):
    """The condition last notified of one aspect of a fabric: its sync, its freshness, its agents.

    Not a field of the fabric: a form that saves a fabric writes all the fields it has loaded, and what was notified
    between loading and saving would be notified twice.
    """

    # signals.py deletes these rows with the fabric, in one statement.
    fabric = models.ForeignKey(to='netbox_hedgehog.Fabric', on_delete=models.DO_NOTHING, related_name='conditions')
    aspect = models.CharField(max_length=30)
    # '' means healthy.
    value = models.TextField(blank=True)
    since = models.DateTimeField()

    objects = RestrictedQuerySet.as_manager()

    _netbox_private = True

    class Meta:
        ordering = ('fabric', 'aspect')
        verbose_name = _('fabric condition')
        verbose_name_plural = _('fabric conditions')
        constraints = [
            models.UniqueConstraint(fields=('fabric', 'aspect'), name='%(app_label)s_%(class)s_unique_aspect'),
        ]

    def __str__(self) -> str:
        return f'{self.aspect}: {self.value}'


class FabricEvent(CustomLinksMixin, ExportTemplatesMixin, BaseModel):
    """One change of state of a fabric: the data for event rules, and whether it was dispatched to them."""

    fabric = models.ForeignKey(
        verbose_name=_('fabric'), to='netbox_hedgehog.Fabric', on_delete=models.DO_NOTHING, related_name='events',
        help_text=_('The fabric concerned.'),
    )
    event_type = models.CharField(
        verbose_name=_('event type'), max_length=50,
        help_text=_('Type of event, as used in event rules.'),
    )
    created = models.DateTimeField(verbose_name=_('time'), help_text=_('When the change was detected.'))
    message = models.TextField(verbose_name=_('message'), help_text=_('What happened.'))
    data = models.JSONField(
        verbose_name=_('payload'), encoder=DjangoJSONEncoder,
        help_text=_('Data passed to event rules.'),
    )
    taken = models.DateTimeField(
        verbose_name=_('taken'), null=True,
        help_text=_('When a process started to dispatch it.'),
    )
    dispatched = models.DateTimeField(
        verbose_name=_('dispatched'), null=True,
        help_text=_('When it was passed to event rules; blank while waiting for Redis.'),
    )
    rules_done = models.JSONField(
        verbose_name=_('rules done'), default=list,
        help_text=_('Event rules that processed it before Redis became unreachable.'),
    )
    error = models.TextField(
        verbose_name=_('error'), blank=True,
        help_text=_('Why an event rule failed.'),
    )

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

    def get_absolute_url(self) -> str:
        return reverse('plugins:netbox_hedgehog:fabricevent', args=[self.pk])

    def get_event_type_display(self) -> str:
        return get_event_text(self.event_type) or self.event_type

    def get_event_type_color(self) -> str:
        event_type = get_event_type(self.event_type)
        return event_type.color if event_type else 'gray'
