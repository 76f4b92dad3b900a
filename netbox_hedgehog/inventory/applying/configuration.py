"""What NetBox's administrators configure in the database: validators, protection rules and the like."""

from netbox.config import Config, clear_config
from redis.exceptions import RedisError

__all__ = ('use_current_configuration',)


def use_current_configuration() -> None:
    """Have NetBox's configuration looked up anew: a process keeps it, and hands it to the processes that it forks.

    NetBox itself does so after each request; a worker would otherwise keep to the validators of the day it was started.
    While it cannot be looked up, what is known stays.
    """
    try:
        Config()
    except (RedisError, OSError):
        return
    clear_config()
