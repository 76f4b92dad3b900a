"""The private Valkey server: restarts, kills and what survives them."""

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis

from demo import valkey
from demo.valkey import Redis, Valkey, ValkeyError


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Valkey]:
    with Valkey(tmp_path / 'valkey') as server:
        yield server


def client(server: Valkey) -> 'redis.Redis':
    return redis.Redis.from_url(server.url)


def test_a_killed_server_comes_back_on_its_port_with_its_data(server: Valkey) -> None:
    client(server).set('key', 'value')
    # everysec would lose the last second; the test does not wait for it.
    client(server).config_set('appendfsync', 'always')
    client(server).set('last', 'word')
    port = server.port

    server.kill()
    with pytest.raises(redis.ConnectionError):
        client(server).ping()
    server.start()

    assert server.port == port
    assert client(server).mget('key', 'last') == [b'value', b'word']


def test_a_second_object_on_the_directory_finds_port_and_data(tmp_path: Path) -> None:
    with Valkey(tmp_path) as first:
        client(first).set('key', 'value')
        port = first.port
    with Valkey(tmp_path) as second:
        assert second.port == port
        assert client(second).get('key') == b'value'


def test_without_a_directory_nothing_stays_behind() -> None:
    server = Valkey().start()
    scratch = server._scratch
    assert scratch is not None
    assert scratch.is_dir()
    client(server).set('key', 'value')
    server.stop()
    assert not scratch.exists()
    assert server.pid is None


def test_it_listens_on_the_loopback_interface_only(server: Valkey) -> None:
    assert client(server).config_get('bind') == {'bind': '127.0.0.1'}


def test_a_taken_port_is_an_error_with_its_number() -> None:
    with socket.socket() as other:
        other.bind(('127.0.0.1', 0))
        other.listen()
        port = other.getsockname()[1]
        with pytest.raises(ValkeyError, match=str(port)):
            Valkey(port=port).start()


def test_redis_url_names_a_server_that_is_never_stopped(server: Valkey, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv('REDIS_URL', server.url)
    with valkey.server() as other:
        assert isinstance(other, Redis)
        assert (other.url, other.host, other.port) == (server.url, server.host, server.port)
    assert client(server).ping()
