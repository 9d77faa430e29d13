"""hypercorn's workers get no signal when they stop. They close their sockets."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from toasts.realtime.servers import hypercorn
from toasts.realtime.servers.hypercorn import ListeningSockets


def listener(host: str = "127.0.0.1", port: int = 0) -> socket.socket:
    return socket.create_server((host, port))


def test_the_sockets_count_as_closed_when_none_listens() -> None:
    with listener() as one:
        sockets = ListeningSockets(one.getsockname())
        assert not sockets.closed()
        with socket.create_connection(one.getsockname()) as client, one.accept()[0]:
            assert not sockets.closed()
            one.close()
            assert sockets.closed()
            client.close()


def test_a_descriptor_that_is_used_again_is_not_the_old_socket() -> None:
    one = listener()
    number, sockets = one.fileno(), ListeningSockets(one.getsockname())
    one.close()
    with listener() as other:
        assert other.fileno() == number
        assert sockets.closed()


def test_one_socket_that_still_listens_is_enough() -> None:
    with listener() as one, one.dup() as other:
        sockets = ListeningSockets(one.getsockname())
        one.close()
        assert not sockets.closed()
        other.close()
        assert sockets.closed()


@pytest.mark.parametrize(
    "server", [("testserver", "80"), ("127.0.0.1", 1), None, ("/no/path", None)]
)
def test_sockets_of_other_addresses_are_ignored(server: Any) -> None:
    with listener() as one:
        sockets = ListeningSockets(server)
        one.close()
        assert not sockets.closed()


@pytest.mark.parametrize("named", [True, False])
def test_a_unix_socket_is_watched_with_and_without_its_name(tmp_path: Path, named: bool) -> None:
    with socket.socket(socket.AF_UNIX) as one, listener():
        one.bind(str(tmp_path / "socket"))
        one.listen()
        sockets = ListeningSockets((str(tmp_path / "socket"), None) if named else None)
        assert not sockets.closed()
        one.close()
        assert sockets.closed()


def test_watching_does_not_change_any_descriptor(default_timeout: None) -> None:
    with listener() as one, socket.socket() as other:
        one.settimeout(None)
        other.settimeout(None)
        before = sorted(os.listdir("/dev/fd"))
        sockets = ListeningSockets(one.getsockname())
        assert not sockets.closed()
        assert sorted(os.listdir("/dev/fd")) == before
        assert os.get_blocking(one.fileno())
        assert os.get_blocking(other.fileno())
        with socket.create_connection(one.getsockname()), one.accept()[0]:
            pass


@pytest.fixture
def default_timeout() -> Iterator[None]:
    socket.setdefaulttimeout(5)
    yield
    socket.setdefaulttimeout(None)


def test_without_a_list_of_descriptors_nothing_counts_as_closed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(hypercorn, "DESCRIPTORS", "/no/such/place")
    with listener() as one:
        sockets = ListeningSockets(one.getsockname())
        one.close()
        assert not sockets.closed()


async def test_the_close_of_an_asyncio_server_is_detected_while_connections_are_open() -> None:
    served = asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"x")
        await reader.read()
        writer.close()
        await writer.wait_closed()
        served.set()

    server = await asyncio.start_server(serve, "127.0.0.1")
    address = server.sockets[0].getsockname()
    sockets = ListeningSockets(address)
    reader, writer = await asyncio.open_connection(*address)
    await reader.readexactly(1)
    assert not sockets.closed()
    server.close()
    assert sockets.closed()
    writer.close()
    await writer.wait_closed()
    await served.wait()
