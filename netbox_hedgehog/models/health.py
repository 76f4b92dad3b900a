from datetime import datetime, timedelta
from typing import Any, Self

from django.db import models
from django.db.models import Count, F, Q, Value
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from netbox.models import BaseModel
from netbox.models.features import CustomLinksMixin, ExportTemplatesMixin
from utilities.querysets import RestrictedQuerySet

from ..choices import SwitchStateChoices
from .fabric import GRACE

__all__ = ('SwitchHealth',)

KIND_CHOICES = [('Switch', _('Switch')), ('Gateway', _('Gateway'))]

# What a roll-up counts, each with the condition that a row must meet.
TROUBLES = {
    'silent': Q(silent=True),
    'agentless': Q(agentless=True),
    'pending': Q(pending=True),
    'reboot_required': Q(reboot_required=True),
    'interfaces_down': Q(interfaces_down__gt=0),
    'bgp_down': Q(bgp_down__gt=0),
    'temperatures': Q(temperatures__gt=0),
    'psus': Q(psus__gt=0),
    'fans': Q(fans__gt=0),
}

TROUBLE_WORDS = {
    'silent': _('Agent silent'),
    'agentless': _('No agent'),
    'pending': _('Configuration pending'),
    'reboot_required': _('Reboot required'),
    'interfaces_down': _('Interfaces down'),
    'bgp_down': _('BGP sessions down'),
    'temperatures': _('Temperatures out of bounds'),
    'psus': _('Power supplies'),
    'fans': _('Fans'),
}


class SwitchHealthQuerySet(RestrictedQuerySet):
    """The states that change with the clock as questions to the database; each is the twin of a property."""

    def old(self) -> Self:
        """Those whose reading is too old to say anything about now: SwitchHealth.is_outdated."""
        return self.filter(_read_before())

    def in_state(self, *states: str) -> Self:
        """Those that are shown in one of these states: SwitchHealth.state."""
        wanted = Q(level__in=states) & ~_read_before()
        if SwitchStateChoices.UNKNOWN in states:
            wanted |= _read_before()
        return self.filter(wanted)

    def worst_first(self) -> Self:
        """Those in trouble before the others."""
        order = (SwitchStateChoices.CRITICAL, SwitchStateChoices.WARNING, SwitchStateChoices.UNKNOWN)
        gravity = models.Case(*(models.When(level=level, then=rank) for rank, level in enumerate(order)), default=9)
        return self.order_by(gravity, 'fabric__name', '-kind', 'name')

    def silent_names(self) -> list[str]:
        """The names of those whose agent was silent when it was read, in order: one statement."""
        return sorted(set(self.filter(silent=True).values_list('name', flat=True)))

    def rollup(self) -> dict[str, int]:
        """How many rows are in each state, and how many have each trouble: one statement."""
        old = _read_before()
        states = {state: ~old & Q(level=state) for state in SwitchStateChoices.values()}
        states[SwitchStateChoices.UNKNOWN] |= old
        conditions = {**states, 'old': old, **TROUBLES}
        return self.aggregate(
            total=Count('pk'), **{name: Count('pk', filter=condition) for name, condition in conditions.items()},
        )


def _read_before() -> Q:
    patience = models.ExpressionWrapper(
        F('fabric__sync_interval') * Value(timedelta(seconds=2), output_field=models.DurationField()),
        output_field=models.DurationField(),
    )
    now = Value(timezone.now(), output_field=models.DateTimeField())
    limit = models.ExpressionWrapper(
        now - patience - timedelta(seconds=GRACE), output_field=models.DateTimeField(),
    )
    return Q(read_at__lt=limit)


class SwitchHealth(CustomLinksMixin, ExportTemplatesMixin, BaseModel):
    """How a switch or gateway was at the last reading, as its agent said.

    Rows follow from the mirror, are written in bulk at the end of a run and by nobody else, and carry no change log:
    a heartbeat every 15 seconds would drown it.
    """

    resource = models.OneToOneField(
        to='netbox_hedgehog.FabricResource',
        # The mirror is deleted with one statement, without loading what hangs on it.
        on_delete=models.DB_CASCADE,
        related_name='+',
        verbose_name=_('switch or gateway'),
        help_text=_('The switch or gateway itself.'),
    )
    agent = models.ForeignKey(
        to='netbox_hedgehog.FabricResource',
        on_delete=models.DB_SET_NULL,
        related_name='+',
        null=True,
        verbose_name=_('agent'),
        help_text=_('The agent that reports for it; none where there is none.'),
    )
    fabric = models.ForeignKey(
        to='netbox_hedgehog.Fabric',
        on_delete=models.DO_NOTHING,
        related_name='switch_health',
        verbose_name=_('fabric'),
        help_text=_('The fabric that it belongs to.'),
    )
    kind = models.CharField(
        verbose_name=_('kind'), max_length=63, choices=KIND_CHOICES,
        help_text=_('Switch or gateway.'),
    )
    name = models.CharField(verbose_name=_('name'), max_length=253, help_text=_('Its name in the fabric.'))
    role = models.CharField(
        verbose_name=_('role'), max_length=100,
        help_text=_('Its role, such as spine or server-leaf.'),
    )
    group = models.CharField(
        verbose_name=_('redundancy group'), max_length=253,
        help_text=_('Its redundancy group, or its first group.'),
    )
    level = models.CharField(
        verbose_name=_('state at the reading'), max_length=30, choices=SwitchStateChoices,
        help_text=_('Whether the reading is too old to be trusted is another question: see state.'),
    )
    read_at = models.DateTimeField(
        verbose_name=_('read'), help_text=_('When its agent was last read from the cluster.'),
    )
    heartbeat = models.DateTimeField(
        verbose_name=_('heartbeat'), null=True,
        help_text=_('The last heartbeat that its agent had sent when it was read.'),
    )
    silent = models.BooleanField(
        verbose_name=_('silent'), help_text=_('No heartbeat for over 60 seconds when it was read.'),
    )
    agentless = models.BooleanField(
        verbose_name=_('no agent'), help_text=_('No agent has ever reported, or it is no longer in the cluster.'),
    )
    generation = models.BigIntegerField(
        verbose_name=_('current generation'), null=True,
        help_text=_('The generation of its configuration that should be applied.'),
    )
    applied_generation = models.BigIntegerField(
        verbose_name=_('applied generation'), null=True,
        help_text=_('The generation that its agent says it has applied.'),
    )
    pending = models.BooleanField(
        verbose_name=_('pending'), help_text=_('The current generation of its configuration is not applied.'),
    )
    reboot_required = models.BooleanField(
        verbose_name=_('reboot required'),
        help_text=_('Its agent says that the configuration takes effect only then.'),
    )
    interfaces_down = models.PositiveIntegerField(
        verbose_name=_('interfaces down'), help_text=_('Wired, switched on, and without a link.'),
    )
    bgp_down = models.PositiveIntegerField(
        verbose_name=_('BGP down'), help_text=_('Enabled BGP sessions that are not established.'),
    )
    temperatures = models.PositiveIntegerField(
        verbose_name=_('temperatures'), help_text=_('Sensors out of their bounds.'),
    )
    psus = models.PositiveIntegerField(
        verbose_name=_('PSUs'), help_text=_('Power supplies that failed or are not present.'),
    )
    fans = models.PositiveIntegerField(verbose_name=_('fans'), help_text=_('Fans that failed or are not present.'))
    version = models.CharField(
        verbose_name=_('agent version'), max_length=100,
        help_text=_('The version of its agent.'),
    )
    software = models.CharField(
        verbose_name=_('software'), max_length=100,
        help_text=_('The version of its network operating system.'),
    )
    findings = models.JSONField(
        verbose_name=_('findings'), default=list,
        help_text=_('What is not as it should be: code, level and sentence, the gravest first.'),
    )
    ports = models.JSONField(
        verbose_name=_('ports'), default=dict, help_text=_('The wired ports that are not up, and what they are.'),
    )

    objects = SwitchHealthQuerySet.as_manager()

    class Meta:
        ordering = ('fabric', '-kind', 'name')
        verbose_name = _('switch health')
        verbose_name_plural = _('switch health')
        indexes = [
            models.Index(fields=('name',)),
            models.Index(fields=('read_at',)),
        ]

    def __str__(self) -> str:
        return self.name

    def get_absolute_url(self) -> str:
        """The page of the switch or gateway itself, which shows its health."""
        return reverse('plugins:netbox_hedgehog:fabricresource', args=[self.resource_id])

    @property
    def is_outdated(self) -> bool:
        """Whether the reading is older than two intervals of its fabric: then it says nothing about now."""
        return self.read_at < timezone.now() - timedelta(seconds=self.fabric.grace)

    @property
    def state(self) -> str:
        """The state people are shown, one of SwitchStateChoices: what the reading said, unless that is too old."""
        return SwitchStateChoices.UNKNOWN if self.is_outdated else self.level

    @property
    def trusted(self) -> bool:
        """Whether good news of this agent may be trusted: it speaks, and was read of late."""
        return not (self.silent or self.agentless or self.is_outdated)

    @property
    def heartbeat_age(self) -> float | None:
        """Seconds between the last heartbeat and the reading that saw it."""
        return max(0.0, (self.read_at - self.heartbeat).total_seconds()) if self.heartbeat else None

    @property
    def sentences(self) -> list[str]:
        """All that was found, in words, the gravest first."""
        return [finding['sentence'] for finding in self.findings_with_age]

    @property
    def findings_with_age(self) -> list[dict[str, Any]]:
        """The findings, headed by the reading itself where it is too old."""
        if not self.is_outdated:
            return self.findings
        return [{'code': 'old', 'level': SwitchStateChoices.UNKNOWN, 'sentence': old_words(self.read_at)},
                *self.findings]

    def get_state_display(self):
        return dict(SwitchStateChoices)[self.state]

    def get_state_color(self):
        return SwitchStateChoices.colors.get(self.state)


def old_words(read_at: datetime) -> str:
    """What is said of a reading that is too old."""
    return f'Last read at {read_at:%Y-%m-%d %H:%M:%S} UTC: how it is now is not known.'
