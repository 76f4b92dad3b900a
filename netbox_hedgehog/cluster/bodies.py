"""Decode bodies of responses: decompress them as they arrive, and refuse JSON that takes too much memory or stack."""

import json
import re
import zlib
from collections.abc import Iterator
from typing import Any

from urllib3 import BaseHTTPResponse
from urllib3.exceptions import DecodeError

from .errors import BadAnswer, Unreadable

__all__ = ('DECODED', 'DEEPEST', 'decoded', 'inflated', 'is_deep', 'memory_of')

# Bytes that are read and decompressed at a time.
CHUNK = 1024 * 1024

# Bytes of memory that decoded JSON takes in addition to its own size: about this many for each of these characters. A
# response may take this many times max_answer_size; what API servers send takes six times its own size.
MEMORY_PER = {b',': 56, b':': 40, b'[': 80, b'{': 128}
DECODED = 10

# Levels of lists and mappings in a response. API servers send up to twenty. Deeper nesting causes a RecursionError in
# recursive code, and Python's decoder crashes the process if the stack of its thread is small.
DEEPEST = 64
ONE_PAIR = bytes.maketrans(b'{}', b'[]')
NOT_NESTING = bytes(set(range(256)) - set(b'[]{}"'))
QUOTED = re.compile(rb'"[^"]*(?:"|\Z)')


def decoded(body: bytes, server: str, max_answer_size: int) -> dict[str, Any]:
    """Return a body as a JSON object.

    Raises BadAnswer; before decoding if that would take much memory or stack.
    """
    most = DECODED * max_answer_size
    if memory_of(body) > most:
        raise Unreadable(
            f'{server} sent a response of {len(body)} bytes that needs more than {most} bytes of memory; it '
            'was skipped (setting max_answer_size).'
        )
    if is_deep(body):
        raise Unreadable(
            f'{server} sent a response with more than {DEEPEST} levels of nesting; it was skipped.'
        )
    try:
        answer = json.loads(body)
    except json.JSONDecodeError:
        answer = None
    except (ValueError, RecursionError):
        # Invalid text, numbers without an end, or nesting without one.
        raise Unreadable(f'{server} sent a response that cannot be decoded as JSON.') from None
    if not isinstance(answer, dict):
        raise BadAnswer(f"{server} did not respond with JSON. Check that the address is the API server's.")
    return answer


def memory_of(body: bytes) -> int:
    """Return how many bytes of memory JSON takes when it is decoded, at most."""
    # Python stores a text that has an emoji with four bytes per character.
    wide = 0 if body.isascii() else 4 * len(body)
    return len(body) + wide + sum(body.count(character) * each for character, each in MEMORY_PER.items())


def is_deep(body: bytes) -> bool:
    """Return whether JSON has more than DEEPEST levels of lists and mappings, or ends before they do.

    Nothing is decoded, and nothing is done character by character: it costs a fraction of decoding.
    """
    if body.count(b'[') + body.count(b'{') <= DEEPEST:
        return False
    if b'\\' in body:
        body = body.replace(b'\\\\', b'').replace(b'\\"', b'')
    # Two quotes are left of a string without brackets.
    nesting = body.translate(ONE_PAIR, NOT_NESTING).replace(b'""', b'')
    if b'"' in nesting:
        nesting = QUOTED.sub(b'', nesting)
    for _ in range(DEEPEST):
        if not nesting:
            return False
        nesting = nesting.replace(b'[]', b'')
    return bool(nesting)


def inflated(response: BaseHTTPResponse, size: int = CHUNK) -> Iterator[bytes]:
    """Yield a body in pieces as they arrive, decompressed; also empty ones, so that the caller can check the time.

    urllib3 would wait until a piece of the requested size is full, or until there is decompressed data, which may take
    for ever if the server sends a trickle. Raises HTTPError.
    """
    gzip = response.headers.get('Content-Encoding', '').lower() == 'gzip'
    inflate = zlib.decompressobj(zlib.MAX_WBITS | 16) if gzip else None
    while data := response.read1(size, decode_content=False):
        if inflate is None:
            yield data
            continue
        try:
            while data and not inflate.eof:
                yield inflate.decompress(data, size)
                data = inflate.unconsumed_tail
            if inflate.eof:
                yield b''  # what follows is not part of the body, and the decompressor would keep all of it
        except zlib.error as error:
            raise DecodeError(str(error)) from error
