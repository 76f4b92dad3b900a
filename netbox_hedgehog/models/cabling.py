from typing import Any, Self

from django.db import models
from django.db.models import Count, F, Q, Value
from django.db.models.lookups import LessThan
from django.urls import reverse
from django.utils.translation import gettext_lazy as _
from netbox.models import BaseModel
from netbox.models.features import CustomLinksMixin, ExportTemplatesMixin
from utilities.querysets import RestrictedQuerySet

from ..choices import CablingStateChoices
from .derived import CurrentTime, Derived
from .fabric_state import max_age
from .health import old_words

__all__ = ('CablingCheck',)

OUTDATED = Q(LessThan(F('read_at') + max_age('fabric__sync_interval'), CurrentTime()))

# How names are ordered: E1/2 before E1/10.
NATURAL = 'natural_sort'


class CablingCheckQuerySet(RestrictedQuerySet):
    """Filters and counts by the derived states."""

    def in_state(self, *states: str) -> Self:
        """Return those in one of these states, as shown to users."""
        return self.alias(shown_state=CablingCheck.state).filter(shown_state__in=states)

    def miscabled(self) -> Self:
        """Return those that had the wrong neighbor when last fetched."""
        return self.filter(reported_state=CablingStateChoices.WRONG_NEIGHBOR)

    def worst_first(self) -> Self:
        """Order by severity, as stored."""
        return self.order_by('fabric__name', 'rank', 'switch', 'port', 'pk')

    def counts(self) -> dict[str, int]:
        """Return how many are in each state, as shown to users. One SQL statement."""
        return self.alias(shown_state=CablingCheck.state).aggregate(**{
            state: Count('pk', filter=Q(shown_state=state)) for state in CablingStateChoices.values()
        })


class CablingCheck(CustomLinksMixin, ExportTemplatesMixin, BaseModel):
    """The state of a declared link, or of a neighbor that is not declared, as switches reported it by LLDP.

    Only a sync writes these rows, in bulk at its end. They have no change log.
    """

    fabric = models.ForeignKey(
        to='netbox_hedgehog.Fabric', on_delete=models.DO_NOTHING, related_name='cabling_checks',
        verbose_name=_('fabric'), help_text=_('The fabric that it belongs to.'),
    )
    resource = models.ForeignKey(
        to='netbox_hedgehog.FabricResource',
        # The mirror is deleted with one statement, without loading dependent rows.
        on_delete=models.DB_CASCADE,
        related_name='+',
        verbose_name=_('resource'),
        help_text=_('The Connection that declares the link, or the switch that reports an undeclared neighbor.'),
    )
    key = models.CharField(
        verbose_name=_('key'), max_length=64, help_text=_('Identifies the link across syncs.'),
    )
    connection = models.CharField(
        verbose_name=_('connection'), max_length=253, blank=True,
        help_text=_('Connection that declares the link; blank for a neighbor that is not declared.'),
    )
    switch = models.CharField(
        verbose_name=_('switch'), max_length=253, db_collation=NATURAL,
        help_text=_('Switch that the link is shown for.'),
    )
    port = models.CharField(
        verbose_name=_('port'), max_length=253, db_collation=NATURAL, help_text=_('Port of this switch.'),
    )
    peer = models.CharField(
        verbose_name=_('declared neighbor'), max_length=253, blank=True,
        help_text=_('Device that is declared at the other end; blank if there is none in the fabric.'),
    )
    peer_port = models.CharField(
        verbose_name=_('declared neighbor port'), max_length=253, blank=True,
        help_text=_('Port that is declared at the other end.'),
    )
    seen = models.TextField(
        verbose_name=_('seen neighbor'), blank=True, help_text=_('LLDP neighbor that the switch reports on this port.'),
    )
    seen_by_peer = models.TextField(
        verbose_name=_('seen by neighbor'), blank=True,
        help_text=_('LLDP neighbor that the switch at the other end reports.'),
    )
    reported_state = models.CharField(
        verbose_name=_('reported state'), max_length=30, choices=CablingStateChoices,
        help_text=_('State when last fetched. “state” is unknown once that is outdated.'),
    )
    is_issue = models.BooleanField(
        verbose_name=_('issue'), help_text=_('Whether it is a warning in the health of its switches.'),
    )
    rank = models.PositiveSmallIntegerField(verbose_name=_('rank'), help_text=_('Order by severity.'))
    sentence = models.TextField(verbose_name=_('explanation'), help_text=_('What the state follows from.'))
    hint = models.TextField(verbose_name=_('hint'), blank=True, help_text=_('How to correct crossed cables.'))
    since = models.DateTimeField(
        verbose_name=_('since'), help_text=_('When this state with these neighbors was first fetched.'),
    )
    read_at = models.DateTimeField(
        verbose_name=_('data as of'), help_text=_('When the oldest data that it follows from was fetched.'),
    )

    objects = CablingCheckQuerySet.as_manager()

    class Meta:
        ordering = ('fabric', 'rank', 'switch', 'port', 'pk')
        verbose_name = _('cabling check')
        verbose_name_plural = _('cabling checks')
        constraints = [
            models.UniqueConstraint(fields=('fabric', 'key'), name='%(app_label)s_%(class)s_unique_key'),
        ]
        indexes = [
            models.Index(fields=('fabric', 'rank'), name='netbox_hedgehog_cabling_rank'),
        ]

    def __str__(self) -> str:
        return f'{self.switch} {self.port} – {self.declared}' if self.peer else f'{self.switch} {self.port}'

    def get_absolute_url(self) -> str:
        """The page of the Connection that declares the link, or of the switch that reports the neighbor."""
        return reverse('plugins:netbox_hedgehog:fabricresource', args=[self.resource_id])

    # Whether the data is older than two intervals of its fabric.
    is_outdated = Derived[bool](OUTDATED)

    # The state shown to users, one of CablingStateChoices: as reported, or unknown if that is outdated.
    state = Derived[str](models.Case(
        models.When(OUTDATED, then=Value(CablingStateChoices.UNKNOWN)), default='reported_state',
    ))

    @property
    def declared(self) -> str:
        """Device and port that are declared at the other end; '' for none."""
        return f'{self.peer} {self.peer_port}'.strip()

    @property
    def explanation(self) -> str:
        """Explanation and hint; headed by a sentence for outdated data."""
        old = old_words(self.read_at) if self.is_outdated else ''
        return ' '.join(filter(None, (old, self.sentence, self.hint)))

    def get_state_display(self) -> Any:
        return dict(CablingStateChoices)[self.state]

    def get_state_color(self) -> str | None:
        return CablingStateChoices.colors.get(self.state)
