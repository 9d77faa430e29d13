"""hypercorn's workers get no signal when they stop, but they close their sockets."""

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


def test_while_its_sockets_listen_nothing_is_closed_and_when_none_does_all_is() -> None:
    with listener() as one:
        sockets = ListeningSockets(one.getsockname())
        assert not sockets.closed()
        with socket.create_connection(one.getsockname()) as client, one.accept()[0]:
            assert not sockets.closed()
            one.close()
            assert sockets.closed()
            client.close()


def test_a_number_given_to_another_socket_is_not_taken_for_the_old_one() -> None:
    one = listener()
    number, sockets = one.fileno(), ListeningSockets(one.getsockname())
    one.close()
    with listener() as other:
        assert other.fileno() == number
        assert sockets.closed()


def test_one_of_several_that_goes_on_is_enough() -> None:
    with listener() as one, one.dup() as other:
        sockets = ListeningSockets(one.getsockname())
        one.close()
        assert not sockets.closed()
        other.close()
        assert sockets.closed()


@pytest.mark.parametrize(
    "server", [("testserver", "80"), ("127.0.0.1", 1), None, ("/no/path", None)]
)
def test_the_sockets_of_other_addresses_say_nothing(server: Any) -> None:
    with listener() as one:
        sockets = ListeningSockets(server)
        one.close()
        assert not sockets.closed()


@pytest.mark.parametrize("named", [True, False])
def test_a_unix_socket_is_watched_whether_the_server_names_it_or_not(
    tmp_path: Path, named: bool
) -> None:
    with socket.socket(socket.AF_UNIX) as one, listener():
        one.bind(str(tmp_path / "socket"))
        one.listen()
        sockets = ListeningSockets((str(tmp_path / "socket"), None) if named else None)
        assert not sockets.closed()
        one.close()
        assert sockets.closed()


def test_watching_leaves_every_descriptor_as_it_was(default_timeout: None) -> None:
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


def test_where_descriptors_cannot_be_listed_nothing_is_ever_closed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(hypercorn, "DESCRIPTORS", "/no/such/place")
    with listener() as one:
        sockets = ListeningSockets(one.getsockname())
        one.close()
        assert not sockets.closed()


async def test_an_asyncio_server_is_seen_to_close_while_its_connections_go_on() -> None:
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
