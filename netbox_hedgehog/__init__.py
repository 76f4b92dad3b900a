"""NetBox plugin that syncs Hedgehog Open Network Fabrics into NetBox."""

import logging
import math
from typing import Any

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from netbox.plugins import PluginConfig

from . import event_types  # noqa: F401

__version__ = '0.1.0'

logger = logging.getLogger(__name__)

NETBOX_WORKER = 'utilities.rqworker.NetBoxRQWorker'

MAY_BE_ZERO = (
    'retries', 'status_interval', 'jobs_kept', 'failed_jobs_kept', 'removal_grace_syncs', 'removal_grace_hours',
    'removal_guard_percent', 'connection_tests_per_minute',
)

# NetBox may keep its change log for no more than a day (CHANGELOG_RETENTION).
MAX_FULL_RECONCILE_INTERVAL = 24 * 3600

# All other numbers are whole: RQ and Redis accept no others.
MAY_HAVE_DECIMALS = ('connect_timeout', 'read_timeout', 'removal_grace_hours')


class HedgehogPluginConfig(PluginConfig):
    """Configure the plugin in NetBox: metadata, settings, the queue, and what happens at start."""

    name = 'netbox_hedgehog'
    verbose_name = 'Hedgehog'
    description = 'Syncs Hedgehog Open Network Fabrics into NetBox, on schedule and as they change'
    author = 'The netbox-hedgehog authors'
    version = __version__
    base_url = 'hedgehog'
    min_version = '4.7.0'
    # Up to the next major release: on one that is newer than the tested ones the plugin loads with a warning.
    max_version = '4.999'
    queues = ['hedgehog_sync']
    middleware = ['netbox_hedgehog.branching.BranchMiddleware']
    default_settings = {
        # Seconds to wait for a connection to an API server, and for the next bytes of a response.
        'connect_timeout': 5,
        'read_timeout': 30,
        # How often a request is repeated after 429, 500, 502, 503, 504 or a dropped connection.
        'retries': 4,
        # Limits for an API server: bytes of one response (decompressed), bytes fetched of all objects of a kind, bytes
        # stored of one object (etcd accepts 1.5 MB), and objects of a kind. What is larger is skipped, and reported.
        'max_answer_size': 32 * 1024 * 1024,
        'max_kind_size': 512 * 1024 * 1024,
        'max_object_size': 2 * 1024 * 1024,
        'max_objects': 100_000,
        # How often one user may test connections per minute. 0: as often as they like, 2 at the same time.
        'connection_tests_per_minute': 10,
        # Seconds after which a status that changes by itself all the time, such as an Agent's, is fetched again. It is
        # most of a fabric's data. 0: in every sync.
        'status_interval': 60,
        # Seconds after which RQ ends a sync.
        'job_timeout': 600,
        # How many NetBox jobs of a fabric are kept: of successful syncs, and of failed ones.
        'jobs_kept': 100,
        'failed_jobs_kept': 500,
        # Seconds between two checks of rqscheduler for due syncs (its own --interval, if that is shorter), and between
        # two comparisons of rq-scheduler's schedules with the database.
        'scheduler_interval': 1,
        'heartbeat_interval': 15,
        # Allowed locations of API servers: schemes; networks and host names (with *), empty for any; and networks and
        # host names that are never called, whatever name leads there: loopback, link-local and the IPv6 addresses of
        # AWS and Google (where clouds serve their credentials), "this host" and multicast.
        'allowed_schemes': ['https'],
        'allowed_destinations': [],
        'denied_destinations': [
            '127.0.0.0/8', '::1', '169.254.0.0/16', 'fe80::/10', '0.0.0.0/8', '::', '224.0.0.0/4', 'ff00::/8',
            'fd00:ec2::/32', 'fd20:ce::254',
        ],
        # An object whose resource was deleted is deleted, if the fabric's settings say so, after this many inventory
        # syncs and this many hours.
        'removal_grace_syncs': 3,
        'removal_grace_hours': 24,
        # An inventory sync that would mark or delete more than this percentage of a model's objects (and at least
        # 5 of them) needs confirmation.
        'removal_guard_percent': 20,
        # Seconds after which an inventory sync compares everything, although NetBox's change log and the mirror have
        # nothing new: what was written past the change log is found then.
        'full_reconcile_interval': 3600,
        # Earlier values of SECRET_KEY: stored tokens that were encrypted with them can still be decrypted.
        'secret_key_fallbacks': [],
    }

    @classmethod
    def validate(cls, user_config: dict[str, Any], netbox_version: str) -> None:
        """Apply the defaults. Raises ImproperlyConfigured, with a sentence, for an invalid setting."""
        super().validate(user_config, netbox_version)
        where = f"PLUGINS_CONFIG['{cls.name}']"
        if unknown := sorted(user_config.keys() - cls.default_settings.keys()):
            known = ', '.join(sorted(cls.default_settings))
            names = ', '.join(map(repr, unknown))
            raise ImproperlyConfigured(f'{where} has no setting {names}. Valid settings: {known}.')
        for name, default in cls.default_settings.items():
            if isinstance(default, int):
                cls._validate_number(name, user_config[name], where)
        if user_config['full_reconcile_interval'] > MAX_FULL_RECONCILE_INTERVAL:
            raise ImproperlyConfigured(
                f"{where}['full_reconcile_interval'] must be at most {MAX_FULL_RECONCILE_INTERVAL} seconds (one day)."
            )
        cls._validate_destinations(user_config, where)
        fallbacks = user_config['secret_key_fallbacks']
        if not isinstance(fallbacks, list | tuple) or not all(isinstance(key, str) for key in fallbacks):
            raise ImproperlyConfigured(f"{where}['secret_key_fallbacks'] must be a list of earlier SECRET_KEY values.")

    @staticmethod
    def _validate_number(name: str, value: Any, where: str) -> None:
        number = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
        if not number or value < 0 or (value == 0 and name not in MAY_BE_ZERO):
            raise ImproperlyConfigured(f'{where}[{name!r}] must be a positive number, not {value!r}.')
        if isinstance(value, float) and name not in MAY_HAVE_DECIMALS:
            raise ImproperlyConfigured(f'{where}[{name!r}] must be a whole number, not {value!r}.')

    @staticmethod
    def _validate_destinations(user_config: dict[str, Any], where: str) -> None:
        from .cluster.egress import DestinationsError, EgressPolicy

        names = ('allowed_schemes', 'allowed_destinations', 'denied_destinations')
        for name in names:
            value = user_config[name]
            if not isinstance(value, list | tuple) or not all(isinstance(item, str) for item in value):
                raise ImproperlyConfigured(f'{where}[{name!r}] must be a list of strings, not {value!r}.')
        if unknown := set(user_config['allowed_schemes']) - {'https', 'http'}:
            others = ', '.join(map(str, sorted(unknown)))
            raise ImproperlyConfigured(f"{where}['allowed_schemes'] may contain https and http, not {others}.")
        try:
            EgressPolicy.of(*(user_config[name] for name in names))
        except DestinationsError as error:
            raise ImproperlyConfigured(f'{where}: {error}.') from None

    def ready(self) -> None:
        super().ready()
        from . import branching, compatibility, dashboard, events, signals  # noqa: F401
        from .monitoring import metrics

        metrics.register()
        branching.set_up()
        compatibility.warn_if_untested()

        # rqscheduler and rqworker take their classes from here. The operator's own choices are kept.
        settings.RQ.setdefault('SCHEDULER_CLASS', 'netbox_hedgehog.jobs.scheduler.HedgehogScheduler')
        if settings.RQ.get('WORKER_CLASS') == NETBOX_WORKER:
            settings.RQ['WORKER_CLASS'] = 'netbox_hedgehog.jobs.worker.HedgehogWorker'
        self._bootstrap_sync_schedules()

    def _bootstrap_sync_schedules(self) -> None:
        """Bring rq-scheduler's schedules in line with the database, in the background, if this process serves pages.

        A process that only migrates, checks, tests or runs any other command uses neither database nor Redis here. No
        error in here may keep NetBox from starting.
        """
        from .jobs import startup

        startup.bootstrap_if_serving()


config = HedgehogPluginConfig
