"""hypercorn's workers get no signal when they stop. They close their sockets."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypercorn.asyncio.worker_context import EventWrapper
from hypercorn.protocol.h2 import H2Protocol, StreamBuffer
from hypercorn.protocol.h11 import H11Protocol
from hypercorn.protocol.http_stream import HTTPStream

from tests.support.opened_stream import Opened
from toasts.realtime.servers import hypercorn, server_of
from toasts.realtime.servers.hypercorn import HypercornAdapter, ListeningSockets


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


# The streams.


def stream_over(protocol: Any) -> Any:
    stream: Any = object.__new__(HTTPStream)
    stream.send, stream.stream_id, stream.scope = protocol.stream_send, 1, {}
    return stream


def h2_protocol(unsent: int) -> Any:
    protocol: Any = object.__new__(H2Protocol)
    protocol.stream_buffers = {1: StreamBuffer(EventWrapper)}
    protocol.stream_buffers[1].buffer.extend(b"x" * unsent)
    return protocol


def test_over_http_1_nothing_is_watched() -> None:
    stream = stream_over(object.__new__(H11Protocol))
    server = server_of(stream.app_send)
    assert isinstance(server, HypercornAdapter)
    nobody: Any = None
    assert server.attach(stream.app_send, nobody) is None


@pytest.mark.parametrize("unsent", [1000, 100_000])
async def test_over_http_2_a_stream_pauses_by_what_the_client_has_not_read(unsent: int) -> None:
    protocol = h2_protocol(unsent)
    opened = Opened(send=stream_over(protocol).app_send)
    server = opened.stream._server
    server.pause_if_unread(opened.stream._watched, opened.stream)
    is_long = unsent > 64 * 1024
    assert opened.stream.blocked is is_long
    opened.stream.tick(opened.now + 1)
    assert opened.stream.blocked is is_long
    protocol.stream_buffers[1].buffer.clear()
    opened.stream.tick(opened.now + 2)
    assert not opened.stream.blocked


async def test_over_http_2_a_client_is_disconnected_while_send_waits_for_its_connection() -> None:
    protocol = h2_protocol(40_000)  # hypercorn's `send` waits from 32 KiB on
    opened = Opened(send=stream_over(protocol).app_send)
    opened.client.block()
    opened.stream._send = opened.client.send
    opened.deliver(b"")
    assert opened.stream.blocked
    opened.stream.tick(opened.now + 1)
    assert opened.ends == 0
    opened.stream.tick(opened.now + 31)
    assert opened.ends == 1


def test_a_stream_does_not_keep_a_long_request() -> None:
    stream = stream_over(h2_protocol(0))
    stream.scope = {"method": "GET", "query_string": b"x" * 5000}
    server_of(stream.app_send).forget_request(stream.app_send)
    assert stream.scope == {"method": "GET", "query_string": b""}
