"""Each test finds an empty Redis."""

from ...support.empty_redis import _empty_redis, _time_for_events

__all__ = ('_empty_redis', '_time_for_events')
