"""Read what Redis holds, whoever wrote it: an unreadable record must not stop anything.

Redis is shared with RQ, rq-scheduler, NetBox and perhaps others, and any of them may leave an incomplete record. RQ
does so itself: a worker's heartbeat writes one field into the record of a job that was deleted in the meantime.
"""

import logging
from collections.abc import Iterable, Mapping
from typing import Any

from redis import Redis
from redis.client import Pipeline
from redis.exceptions import ResponseError
from rq import Queue, Worker
from rq.job import Job as RQJob
from rq.worker_registration import WORKERS_BY_QUEUE_KEY

__all__ = (
    'execute', 'log_once', 'name_once', 'of_the_record', 'read_jobs', 'read_workers', 'remove_wrong_types', 'text',
)

logger = logging.getLogger(__name__)

# Warnings that this process has logged already.
_named: set[str] = set()
MOST_NAMED = 1000


def log_once(sentence: str) -> None:
    """Log a warning once per process, however often its cause is met."""
    if sentence not in _named and len(_named) < MOST_NAMED:
        _named.add(sentence)
        logger.warning('%s', sentence)


def name_once(what: str, reason: object) -> None:
    """Log once per process that a record cannot be used."""
    log_once(f'{what} in Redis cannot be used and is skipped: {str(reason)[:300]}')


def text(raw: Any) -> str:
    """Return a name from Redis as text, even if it is not; only valid text can be used to find it again."""
    return raw.decode(errors='backslashreplace')


def read_jobs(redis: Redis, names: Iterable[str]) -> tuple[dict[str, RQJob], dict[str, str]]:
    """Return RQ's records of the jobs with these ids, and the reason for each that cannot be read.

    A job without a record is in neither. One round trip. Raises what Redis raises if it cannot be reached.
    """
    names = list(names)
    with redis.pipeline(transaction=False) as pipe:
        for name in names:
            pipe.hgetall(RQJob.key_for(name))
        answers = pipe.execute(raise_on_error=False)
    jobs, unreadable = {}, {}
    for name, answer in zip(names, answers, strict=True):
        if isinstance(answer, Exception):
            unreadable[name] = of_the_record(answer)
        elif answer:
            try:
                job = RQJob(name, connection=redis)
                job.restore(answer)
            except Exception as error:
                unreadable[name] = f'{type(error).__name__}: {error}'
            else:
                jobs[name] = job
    return jobs, unreadable


def of_the_record(error: Exception) -> str:
    """Return what is wrong with a record. Raises the error again if Redis itself does not work."""
    if isinstance(error, ResponseError) and str(error).startswith('WRONGTYPE'):
        return str(error)
    raise error


def execute(pipe: Pipeline) -> list[Any]:
    """Return a pipeline's responses. A command that met a key of a wrong type has an error in its place.

    Raises what Redis raises if it cannot be reached, or accepts no commands.
    """
    answers = pipe.execute(raise_on_error=False)
    for answer in answers:
        if isinstance(answer, Exception):
            name_once('A key', of_the_record(answer))
    return answers


def read_workers(queue: Queue) -> list[Worker]:
    """Return RQ's workers that serve a queue. A worker with an unreadable record is skipped, and named in the log."""
    redis = queue.connection
    try:
        keys = redis.smembers(WORKERS_BY_QUEUE_KEY % queue.name)
    except ResponseError as error:
        name_once(f'The set of workers of {queue.name}', of_the_record(error))
        return []
    workers: list[Worker] = []
    for key in sorted(map(text, keys)):
        try:
            worker: Any = Worker.find_by_key(key, connection=redis)
        except ResponseError as error:
            name_once(f'The worker {key}', of_the_record(error))
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            name_once(f'The worker {key}', error)
        else:
            if worker is not None:
                workers.append(worker)
    return workers


def remove_wrong_types(redis: Redis, types: Mapping[str, str]) -> None:
    """Rename keys that have another type than they must have: nobody can use them as they are."""
    with redis.pipeline(transaction=False) as pipe:
        for key in types:
            pipe.type(key)
        found = pipe.execute()
    for (key, wanted), type_ in zip(types.items(), found, strict=True):
        if type_ not in (wanted.encode(), b'none'):
            logger.error(
                '%s in Redis has the type %s instead of %s. It was renamed to %s.unusable.',
                key, type_.decode(), wanted, key,
            )
            redis.rename(key, f'{key}.unusable')
