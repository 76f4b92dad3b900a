"""Configure NetBox in the containers from the environment; what is not set has NetBox's own default.

docs/deployment.md lists the variables. A secret may also be in a file, which NAME_FILE names:
DB_PASSWORD_FILE=/run/secrets/db_password. For settings without a variable add your own file beside this one, extra.py:
it is read last and overrides the others.
"""

import os
from pathlib import Path


def text(name: str, default: str = '') -> str:
    """Return a variable, or the default if it is unset or empty."""
    return os.environ.get(name) or default


def secret(name: str) -> str:
    """Return a secret, from the file that NAME_FILE names, else from the variable.

    Raises RuntimeError without either.
    """
    if path := text(f'{name}_FILE'):
        try:
            return Path(path).read_text().strip()
        except OSError as error:
            raise RuntimeError(f'{name}_FILE={path} cannot be read: {error.strerror}.') from None
    if value := text(name):
        return value
    raise RuntimeError(f'{name} is not set, and neither is {name}_FILE.')


def optional_secret(name: str) -> str:
    """Return a secret as secret() does, or an empty text if neither is set."""
    return secret(name) if text(name) or text(f'{name}_FILE') else ''


def number(name: str, default: int) -> int:
    """Return a variable as a number. Raises RuntimeError for anything else."""
    try:
        return int(text(name, str(default)))
    except ValueError:
        raise RuntimeError(f'{name} must be a number, not {text(name)!r}.') from None


def flag(name: str, default: bool = False) -> bool:
    """Return a variable as a boolean. Raises RuntimeError for anything else."""
    value = text(name, str(default)).lower()
    if value not in ('true', 'false', 'yes', 'no', '1', '0'):
        raise RuntimeError(f'{name} must be true or false, not {text(name)!r}.')
    return value in ('true', 'yes', '1')


def words(name: str, default: str = '') -> list[str]:
    """Return a variable's words, separated by spaces or commas."""
    return text(name, default).replace(',', ' ').split()


def _redis(prefix: str, host: str, database: int) -> dict[str, object]:
    section: dict[str, object] = {
        'HOST': text(f'{prefix}_HOST', host),
        'PORT': number(f'{prefix}_PORT', 6379),
        'USERNAME': text(f'{prefix}_USERNAME'),
        'PASSWORD': optional_secret(f'{prefix}_PASSWORD'),
        'DATABASE': number(f'{prefix}_DATABASE', database),
        'SSL': flag(f'{prefix}_SSL'),
    }
    if ca := text(f'{prefix}_CA_CERT_PATH'):
        section['CA_CERT_PATH'] = ca
    return section


ALLOWED_HOSTS = words('ALLOWED_HOSTS', '*')
CSRF_TRUSTED_ORIGINS = words('CSRF_TRUSTED_ORIGINS')
BASE_PATH = text('BASE_PATH')

SECRET_KEY = secret('SECRET_KEY')
if _pepper := optional_secret('API_TOKEN_PEPPER'):
    API_TOKEN_PEPPERS = {1: _pepper}

DATABASES = {
    'default': {
        'HOST': text('DB_HOST', 'postgres'),
        'PORT': text('DB_PORT'),
        'NAME': text('DB_NAME', 'netbox'),
        'USER': text('DB_USER', 'netbox'),
        'PASSWORD': secret('DB_PASSWORD'),
        'OPTIONS': {'sslmode': text('DB_SSLMODE', 'prefer')},
        'CONN_MAX_AGE': number('DB_CONN_MAX_AGE', 300),
        # Detect a connection that a restarted PostgreSQL has closed before it is used.
        'CONN_HEALTH_CHECKS': True,
    },
}
REDIS = {'tasks': _redis('REDIS', 'redis', 0), 'caching': _redis('REDIS_CACHE', 'redis-cache', 0)}

TIME_ZONE = text('TIME_ZONE', 'UTC')
DEBUG = flag('DEBUG')
METRICS_ENABLED = flag('METRICS_ENABLED')
CSRF_COOKIE_SECURE = SESSION_COOKIE_SECURE = flag('SECURE_COOKIES')
# Whether NetBox must not look for newer releases and the plugin catalog on the internet.
ISOLATED_DEPLOYMENT = flag('ISOLATED_DEPLOYMENT')
CENSUS_REPORTING_ENABLED = flag('CENSUS_REPORTING_ENABLED', True)

MEDIA_ROOT = text('MEDIA_ROOT', '/opt/netbox/netbox/media')
REPORTS_ROOT = text('REPORTS_ROOT', '/opt/netbox/netbox/reports')
SCRIPTS_ROOT = text('SCRIPTS_ROOT', '/opt/netbox/netbox/scripts')

if _mail := text('EMAIL_SERVER'):
    EMAIL = {
        'SERVER': _mail,
        'PORT': number('EMAIL_PORT', 25),
        'USERNAME': text('EMAIL_USERNAME'),
        'PASSWORD': optional_secret('EMAIL_PASSWORD'),
        'USE_SSL': flag('EMAIL_USE_SSL'),
        'USE_TLS': flag('EMAIL_USE_TLS'),
        'TIMEOUT': number('EMAIL_TIMEOUT', 10),
        'FROM_EMAIL': text('EMAIL_FROM'),
    }
