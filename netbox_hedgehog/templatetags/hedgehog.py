from datetime import datetime

from django import template
from django.utils import timezone

from ..models.fabric import duration_words

register = template.Library()


@register.filter
def age(moment: datetime | None) -> str:
    """How long ago a moment is, as words; an empty text for None. Django's timesince knows nothing below a minute."""
    if moment is None:
        return ''
    return duration_words(max(1, round((timezone.now() - moment).total_seconds())))
