"""What NetBox's administrators configure in the database: validators, protection rules and the like."""

from netbox.config import Config, clear_config
from redis.exceptions import RedisError

__all__ = ('use_current_configuration',)


def use_current_configuration() -> None:
    """Reload NetBox's configuration: a process caches it, and its forks inherit the cache.

    NetBox itself does so after each request. A worker would otherwise use the validators of the time it was started. If
    the configuration cannot be loaded, the cached one is used.
    """
    try:
        Config()
    except (RedisError, OSError):
        return
    clear_config()
