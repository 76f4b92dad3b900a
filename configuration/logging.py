"""Log to the container's log, one line each."""

import os


def _is_not_the_health_check(record):
    """Return whether a record is not from the container's health check.

    That queries the status API with an invalid token every 15 seconds.
    """
    return not (record.name == 'django.request' and record.args == ('Forbidden', '/api/status/'))


_level = (os.environ.get('LOG_LEVEL') or 'INFO').upper()

LOGGING = {
    'version': 1,
    'disable_existing_loggers': False,
    'formatters': {'line': {'format': '%(asctime)s %(levelname)s %(name)s: %(message)s'}},
    'filters': {
        'not_the_health_check': {'()': 'django.utils.log.CallbackFilter', 'callback': _is_not_the_health_check},
    },
    'handlers': {
        'stderr': {'class': 'logging.StreamHandler', 'formatter': 'line', 'filters': ['not_the_health_check']},
    },
    'root': {'handlers': ['stderr'], 'level': 'WARNING'},
    'loggers': {'netbox_hedgehog': {'level': _level}, 'netbox': {'level': _level}},
}
