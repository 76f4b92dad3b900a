"""Which NetBox releases the plugin was tested with, and what is said on a newer one."""

import logging

from django.conf import settings
from django.core import checks
from django.utils.translation import gettext as _
from packaging.version import Version

__all__ = ('NEWEST_TESTED', 'untested_release', 'warn_if_untested')

# The newest minor release that the tests have run on: docs/compatibility.md.
NEWEST_TESTED = '4.7'

logger = logging.getLogger(__name__)


def untested_release() -> str:
    """Return a warning that this NetBox is newer than any release that the plugin was tested with; '' otherwise."""
    release = Version(settings.RELEASE.version)
    if release.release[:2] <= Version(NEWEST_TESTED).release:
        return ''
    return _(
        'This version of the Hedgehog plugin was not tested with NetBox %(netbox)s (newest tested release: '
        '%(tested)s). Update the plugin, or review a dry run of each fabric.'
    ) % {'netbox': release, 'tested': NEWEST_TESTED}


def warn_if_untested() -> None:
    """Log a warning on an untested NetBox release, and register the same as a system check (`manage.py check`)."""
    checks.register(_check, 'netbox_hedgehog')
    if sentence := untested_release():
        logger.warning('%s', sentence)


def _check(**options: object) -> list[checks.CheckMessage]:
    sentence = untested_release()
    return [checks.Warning(sentence, id='netbox_hedgehog.W001')] if sentence else []
