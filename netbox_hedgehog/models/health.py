from datetime import datetime
from typing import Any, Self

from django.db import models
from django.db.models import Count, F, Q, Value
from django.db.models.lookups import LessThan
from django.urls import reverse
from django.utils.translation import gettext_lazy as _
from netbox.models import BaseModel
from netbox.models.features import CustomLinksMixin, ExportTemplatesMixin
from utilities.querysets import RestrictedQuerySet

from ..choices import SwitchStateChoices
from .derived import CurrentTime, Derived
from .fabric_state import max_age

__all__ = ('SwitchHealth',)

KIND_CHOICES = [('Switch', _('Switch')), ('Gateway', _('Gateway'))]

# The issues that a roll-up counts, each with the condition that a row must meet.
ISSUES = {
    'heartbeat_stale': Q(heartbeat_stale=True),
    'no_agent': Q(no_agent=True),
    'pending': Q(pending=True),
    'reboot_required': Q(reboot_required=True),
    'interfaces_down': Q(interfaces_down__gt=0),
    'bgp_down': Q(bgp_down__gt=0),
    'bfd_down': Q(bfd_down__gt=0),
    'cabling_issues': Q(cabling_issues__gt=0),
    'temperatures': Q(temperatures__gt=0),
    'psus': Q(psus__gt=0),
    'fans': Q(fans__gt=0),
}

ISSUE_TITLES = {
    'heartbeat_stale': _('Agent unresponsive'),
    'no_agent': _('No agent'),
    'pending': _('Configuration pending'),
    'reboot_required': _('Reboot required'),
    'interfaces_down': _('Interfaces down'),
    'bgp_down': _('BGP sessions down'),
    'bfd_down': _('BFD sessions down'),
    'cabling_issues': _('Cabling'),
    'temperatures': _('Temperature out of range'),
    'psus': _('Power supplies'),
    'fans': _('Fans'),
}


OUTDATED = Q(LessThan(F('read_at') + max_age('fabric__sync_interval'), CurrentTime()))


class SwitchHealthQuerySet(RestrictedQuerySet):
    """Filters and counts by the derived states."""

    def old(self) -> Self:
        """Return those whose data is outdated."""
        return self.filter(OUTDATED)

    def in_state(self, *states: str) -> Self:
        """Return those in one of these states, as shown to users."""
        return self.alias(shown_state=SwitchHealth.state).filter(shown_state__in=states)

    def worst_first(self) -> Self:
        """Order by severity."""
        order = (SwitchStateChoices.CRITICAL, SwitchStateChoices.WARNING, SwitchStateChoices.UNKNOWN)
        gravity = models.Case(*(models.When(level=level, then=rank) for rank, level in enumerate(order)), default=9)
        return self.order_by(gravity, 'fabric__name', '-kind', 'name')

    def unresponsive_names(self) -> list[str]:
        """Return the sorted names of those whose agent was unresponsive when last fetched. One SQL statement."""
        return sorted(set(self.filter(heartbeat_stale=True).values_list('name', flat=True)))

    def rollup(self) -> dict[str, int]:
        """Return how many rows are in each state and how many have each issue. One SQL statement."""
        conditions = {state: Q(shown_state=state) for state in SwitchStateChoices.values()}
        conditions |= {'old': OUTDATED, **ISSUES}
        return self.alias(shown_state=SwitchHealth.state).aggregate(
            total=Count('pk'), **{name: Count('pk', filter=condition) for name, condition in conditions.items()},
        )


class SwitchHealth(CustomLinksMixin, ExportTemplatesMixin, BaseModel):
    """The state of a switch or gateway when last fetched, as its agent reported it.

    A sync writes these rows, in bulk at its end, and who confirms that a kind was removed. They have no change log: a
    heartbeat every 15 seconds would flood it.
    """

    resource = models.OneToOneField(
        to='netbox_hedgehog.FabricResource',
        # The mirror is deleted with one statement, without loading dependent rows.
        on_delete=models.DB_CASCADE,
        related_name='+',
        verbose_name=_('switch or gateway'),
        help_text=_('The switch or gateway.'),
    )
    agent = models.ForeignKey(
        to='netbox_hedgehog.FabricResource',
        on_delete=models.DB_SET_NULL,
        related_name='+',
        null=True,
        verbose_name=_('agent'),
        help_text=_('The agent that reports its status, if any.'),
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
    name = models.CharField(verbose_name=_('name'), max_length=253, help_text=_('Name in the fabric.'))
    role = models.CharField(
        verbose_name=_('role'), max_length=100,
        help_text=_('Role, such as spine or server-leaf.'),
    )
    group = models.CharField(
        verbose_name=_('redundancy group'), max_length=253,
        help_text=_('Redundancy group, or the first group.'),
    )
    level = models.CharField(
        verbose_name=_('reported state'), max_length=30, choices=SwitchStateChoices,
        help_text=_('State when last fetched. “state” is unknown once that is outdated.'),
    )
    read_at = models.DateTimeField(
        verbose_name=_('last fetched'), help_text=_('When the agent’s status was last fetched from the cluster.'),
    )
    heartbeat = models.DateTimeField(
        verbose_name=_('heartbeat'), null=True,
        help_text=_('Last heartbeat of the agent at that time.'),
    )
    heartbeat_stale = models.BooleanField(
        verbose_name=_('unresponsive'), help_text=_('No heartbeat for over 60 seconds when last fetched.'),
    )
    no_agent = models.BooleanField(
        verbose_name=_('no agent'), help_text=_('No agent has ever reported, or it was deleted from the cluster.'),
    )
    generation = models.BigIntegerField(
        verbose_name=_('current generation'), null=True,
        help_text=_('Generation of the configuration to be applied.'),
    )
    applied_generation = models.BigIntegerField(
        verbose_name=_('applied generation'), null=True,
        help_text=_('Generation that the agent reports as applied.'),
    )
    pending = models.BooleanField(
        verbose_name=_('pending'), help_text=_('The current generation of the configuration is not applied.'),
    )
    reboot_required = models.BooleanField(
        verbose_name=_('reboot required'),
        help_text=_('Reboot required to apply configuration.'),
    )
    interfaces_down = models.PositiveIntegerField(
        verbose_name=_('interfaces down'), help_text=_('Connected and enabled interfaces without a link.'),
    )
    bgp_down = models.PositiveIntegerField(
        verbose_name=_('BGP down'), help_text=_('Enabled BGP sessions that are not established.'),
    )
    bfd_down = models.PositiveIntegerField(
        verbose_name=_('BFD down'), help_text=_('Enabled BFD sessions that are not up.'),
    )
    cabling_issues = models.PositiveIntegerField(
        verbose_name=_('cabling issues'),
        help_text=_('Links with the wrong neighbor, or to a switch that is not seen though the link is up.'),
    )
    temperatures = models.PositiveIntegerField(
        verbose_name=_('temperatures'), help_text=_('Sensors out of range.'),
    )
    psus = models.PositiveIntegerField(
        verbose_name=_('PSUs'), help_text=_('Failed or missing power supplies.'),
    )
    fans = models.PositiveIntegerField(verbose_name=_('fans'), help_text=_('Failed or missing fans.'))
    version = models.CharField(
        verbose_name=_('agent version'), max_length=100,
        help_text=_('Version of the agent.'),
    )
    software = models.CharField(
        verbose_name=_('software'), max_length=100,
        help_text=_('Version of the network operating system.'),
    )
    findings = models.JSONField(
        verbose_name=_('issues'), default=list,
        help_text=_('Issues with code, level and sentence, most severe first.'),
    )
    ports = models.JSONField(
        verbose_name=_('ports'), default=dict, help_text=_('Connected ports that are not up, and their state.'),
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

    # Whether the data is older than two intervals of its fabric.
    is_outdated = Derived[bool](OUTDATED)

    # The state shown to users, one of SwitchStateChoices: as reported, or unknown if that is outdated.
    state = Derived[str](models.Case(
        models.When(OUTDATED, then=Value(SwitchStateChoices.UNKNOWN)), default='level',
    ))

    @property
    def trusted(self) -> bool:
        """Whether good news of this agent can be trusted: it is responsive, and its data is recent."""
        return not (self.heartbeat_stale or self.no_agent or self.is_outdated)

    @property
    def heartbeat_age(self) -> float | None:
        """Seconds between the last heartbeat and the fetch that saw it."""
        return max(0.0, (self.read_at - self.heartbeat).total_seconds()) if self.heartbeat else None

    @property
    def sentences(self) -> list[str]:
        """The sentences of all issues, the most severe first."""
        return [finding['sentence'] for finding in self.findings_with_age]

    @property
    def findings_with_age(self) -> list[dict[str, Any]]:
        """The issues, headed by one for outdated data."""
        if not self.is_outdated:
            return self.findings
        return [{'code': 'old', 'level': SwitchStateChoices.UNKNOWN, 'sentence': old_words(self.read_at)},
                *self.findings]

    def get_state_display(self) -> str:
        return dict(SwitchStateChoices)[self.state]

    def get_state_color(self) -> str | None:
        return SwitchStateChoices.colors.get(self.state)


def old_words(read_at: datetime) -> str:
    """Return the sentence for outdated data."""
    return f'No recent data. Last fetched at {read_at:%Y-%m-%d %H:%M:%S} UTC.'
