"""Configure NetBox for the demo and the tests: NETBOX_CONFIGURATION=demo.configuration.

Everything comes from the environment:

HEDGEHOG_DATABASE_URL   postgresql://user:password@host:port/name  (required)
HEDGEHOG_REDIS_URL      redis://host:port/n: tasks use database n, the cache n + 1  (required; n is 0 by default)
HEDGEHOG_SECRET_KEY     at least 50 characters; by default a well-known key, for tests only
HEDGEHOG_HOME           directory of media, reports, scripts and static files; by default one in .cache
HEDGEHOG_PLUGINS        plugins separated by commas (netbox_hedgehog); netbox_branching gets its database setting
HEDGEHOG_PLUGIN_CONFIG  JSON: the settings of netbox_hedgehog
HEDGEHOG_DEVELOPER      1 allows makemigrations
HEDGEHOG_QUEUE_MAPPING  1 gives the plugin's jobs one of NetBox's queues: QUEUE_MAPPINGS = {'fabric': 'hedgehog_sync'}
HEDGEHOG_METRICS        1 serves Prometheus metrics on /metrics
"""

import hashlib
import json
import os
from pathlib import Path
from urllib.parse import unquote, urlsplit

from demo.postgres import parse_database_url


def _required(name: str) -> str:
    try:
        return os.environ[name]
    except KeyError:
        raise RuntimeError(f'{name} is not set; demo/configuration.py says what it wants.') from None


def _redis(url: str, offset: int) -> dict[str, object]:
    """Return one of NetBox's two Redis sections for a URL; `offset` is added to the URL's database number."""
    parts = urlsplit(url)
    return {
        'HOST': parts.hostname or '127.0.0.1',
        'PORT': parts.port or 6379,
        'USERNAME': unquote(parts.username or ''),
        'PASSWORD': unquote(parts.password or ''),
        'DATABASE': int(parts.path.strip('/') or 0) + offset,
        'SSL': parts.scheme == 'rediss',
    }


_home = Path(os.environ.get('HEDGEHOG_HOME') or Path(__file__).resolve().parent.parent / '.cache' / 'netbox')
_redis_url = _required('HEDGEHOG_REDIS_URL')

ALLOWED_HOSTS = ['*']
SECRET_KEY = os.environ.get('HEDGEHOG_SECRET_KEY') or 'for-tests-only-' * 4
API_TOKEN_PEPPERS = {1: hashlib.sha512(f'pepper {SECRET_KEY}'.encode()).hexdigest()}

DATABASES = {'default': {'CONN_MAX_AGE': 300, **parse_database_url(_required('HEDGEHOG_DATABASE_URL'))}}
REDIS = {'tasks': _redis(_redis_url, 0), 'caching': _redis(_redis_url, 1)}

PLUGINS = [name for name in os.environ.get('HEDGEHOG_PLUGINS', 'netbox_hedgehog').split(',') if name]
if 'netbox_branching' in PLUGINS:
    from netbox_branching.utilities import DynamicSchemaDict

    DATABASES = DynamicSchemaDict(DATABASES)
    DATABASE_ROUTERS = ['netbox_branching.database.BranchAwareRouter']
# The API servers of the demo and the tests are on this machine, where no real fabric is.
_settings = {'denied_destinations': [], **json.loads(os.environ.get('HEDGEHOG_PLUGIN_CONFIG') or '{}')}
PLUGINS_CONFIG = {'netbox_hedgehog': _settings}
QUEUE_MAPPINGS = {'fabric': 'hedgehog_sync'} if os.environ.get('HEDGEHOG_QUEUE_MAPPING') == '1' else {}

DEBUG = False
DEVELOPER = os.environ.get('HEDGEHOG_DEVELOPER') == '1'
METRICS_ENABLED = os.environ.get('HEDGEHOG_METRICS') == '1'

MEDIA_ROOT = str(_home / 'media')
REPORTS_ROOT = str(_home / 'reports')
SCRIPTS_ROOT = str(_home / 'scripts')

# No requests to the internet.
RELEASE_CHECK_URL = None
CENSUS_REPORTING_ENABLED = False
SENTRY_ENABLED = False
ISOLATED_DEPLOYMENT = True

LOGGING = {
    'version': 1,
    'disable_existing_loggers': False,
    'formatters': {'line': {'format': '%(asctime)s %(levelname)s %(name)s: %(message)s'}},
    'handlers': {'stderr': {'class': 'logging.StreamHandler', 'formatter': 'line'}},
    'root': {'handlers': ['stderr'], 'level': 'WARNING'},
    'loggers': {'netbox_hedgehog': {'level': 'INFO'}},
}
