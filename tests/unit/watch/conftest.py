"""Each test finds an empty Redis, as those of jobs/ do."""

from ..jobs.conftest import _empty_redis, _time_to_tell

__all__ = ('_empty_redis', '_time_to_tell')
