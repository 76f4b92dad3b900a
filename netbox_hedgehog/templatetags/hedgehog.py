import json
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from django import template
from django.contrib.contenttypes.models import ContentType
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.translation import gettext_lazy as _
from netbox.events import EVENT_TYPE_KIND_SUCCESS

from ..choices import CablingStateChoices, SwitchStateChoices
from ..event_types import EVENT_TYPES
from ..hedgehog.reachability.answer import NO, PARTLY, UNKNOWN, YES
from ..labels import object_label
from ..models import Fabric
from ..models.fabric_state import duration_words
from ..naming import mid_sentence

register = template.Library()
register.filter(mid_sentence)

# The icon and the color of each state of a switch; icons differ in shape too.
STATE_ICONS = {
    SwitchStateChoices.OK: ('check-circle', 'text-success'),
    SwitchStateChoices.WARNING: ('alert', 'text-warning'),
    SwitchStateChoices.CRITICAL: ('alert-octagon', 'text-danger'),
    SwitchStateChoices.UNKNOWN: ('help-circle-outline', 'text-secondary'),
}


CABLING_ICONS = {
    CablingStateChoices.WRONG_NEIGHBOR: 'swap-horizontal-bold',
    CablingStateChoices.NO_NEIGHBOR: 'eye-off-outline',
    CablingStateChoices.DOWN: 'lan-disconnect',
    CablingStateChoices.UNIDENTIFIED: 'help-network-outline',
    CablingStateChoices.UNKNOWN: 'help-circle-outline',
    CablingStateChoices.UNDECLARED: 'plus-network-outline',
    CablingStateChoices.ONE_END: 'check',
    CablingStateChoices.VERIFIED: 'check-all',
}

# Color, icon and word of the verdicts on what reaches what.
VERDICTS = {
    YES: ('green', 'check', _('yes')), PARTLY: ('yellow', 'check', _('in part')),
    UNKNOWN: ('gray', 'help', _('unknown')), NO: ('red', 'close', _('no')),
}


@register.filter
def age(moment: datetime | None) -> str:
    """Return the age of a time in words; '' for None. Django's timesince has no seconds."""
    if moment is None:
        return ''
    return duration_words(max(1, round((timezone.now() - moment).total_seconds())))


@register.filter
def object_text(instance: Any) -> str:
    """Return the name of a NetBox object; of an interface, with its device."""
    return object_label(instance)


@register.filter
def as_of(fabric: Fabric) -> str:
    """Return a token for the attempt and state that a page shows, for FabricLiveView."""
    attempt = fabric.last_attempt.isoformat() if fabric.last_attempt else 'never'
    return f'{attempt} {fabric.sync_state}'


@register.simple_tag
def alert_url(fabric: Fabric) -> str:
    """Return the address of NetBox's form for an event rule, filled in for all that goes wrong with one fabric."""
    values = {
        'name': str(_('Alerts of {fabric}')).format(fabric=fabric),
        'enabled': 'on',
        'object_types': ContentType.objects.get_for_model(Fabric).pk,
        'event_types': [event.name for event in EVENT_TYPES if event.kind != EVENT_TYPE_KIND_SUCCESS],
        # The ID, as a name can change.
        'conditions': json.dumps({'attr': 'id', 'value': fabric.pk}),
    }
    return f'{reverse("extras:eventrule_add")}?{urlencode(values, doseq=True)}'


@register.filter
def state_badge(state: str) -> str:
    """Return a switch's state as a badge: color, icon and word."""
    icon, _color = STATE_ICONS[state]
    return format_html(
        '<span class="badge text-bg-{}"><i class="mdi mdi-{}" aria-hidden="true"></i> {}</span>',
        SwitchStateChoices.colors[state], icon, dict(SwitchStateChoices)[state],
    )


@register.filter
def cabling_badge(state: str) -> str:
    """Return the state of a link as a badge: color, icon and word."""
    return format_html(
        '<span class="badge text-bg-{}"><i class="mdi mdi-{}" aria-hidden="true"></i> {}</span>',
        CablingStateChoices.colors[state], CABLING_ICONS[state], dict(CablingStateChoices)[state],
    )


@register.filter
def verdict_badge(verdict: str) -> str:
    """Return the verdict on a question of reachability as a badge: color, icon and word."""
    color, icon, word = VERDICTS[verdict]
    return format_html(
        '<span class="badge text-bg-{}"><i class="mdi mdi-{}" aria-hidden="true"></i> {}</span>', color, icon, word,
    )


@register.simple_tag
def state_icon(state: str) -> str:
    """Return a switch's state as a colored icon with a label for screen readers."""
    icon, color = STATE_ICONS[state]
    word = dict(SwitchStateChoices)[state]
    return format_html('<i class="mdi mdi-{} {}" role="img" aria-label="{}" title="{}"></i>', icon, color, word, word)


@register.filter
def until(moment: datetime) -> str:
    """Return the time until a moment in words."""
    return duration_words(max(1, round((moment - timezone.now()).total_seconds())))


@register.filter
def is_past(moment: datetime) -> bool:
    return moment <= timezone.now()


@register.filter
def percent(share: float) -> int:
    """Return a share of 1 as a number from 0 to 100."""
    return round(min(max(share, 0.0), 1.0) * 100)


@register.filter
def right_now(_: object) -> str:
    """Return the time of day."""
    return f'{timezone.localtime():%H:%M:%S}'
