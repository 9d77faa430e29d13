"""The internals of daphne that the engine relies on, and how its streams use them."""

from __future__ import annotations

import asyncio
import functools
import inspect
from typing import Any

import pytest
from daphne.http_protocol import WebRequest
from daphne.server import Server
from daphne.ws_protocol import WebSocketProtocol
from twisted.internet.tcp import Connection
from twisted.protocols.tls import TLSMemoryBIOProtocol
from twisted.web.http_headers import Headers

from tests.realtime.servers.connections import (
    Channel,
    Cycle,
    Request,
    SecureWebSocket,
    Transport,
    send_to,
    wrapped_send,
)
from tests.support.opened_stream import SNAPSHOT, Opened
from toasts.realtime.servers import PLAIN, server_of
from toasts.realtime.servers.base import WebSocketReceiver
from toasts.realtime.servers.daphne import DaphneAdapter, PausingReceiver
from toasts.realtime.streams.websocket import WebSocketSend


def daphne_send(request: Any) -> Any:
    """Return the `send` that daphne passes to an application."""
    return functools.partial(object.__new__(Server).handle_reply, request)


# The internals that the engine relies on.


@pytest.mark.parametrize("long", [False, True])
def test_a_stream_does_not_keep_a_long_request(long: bool) -> None:
    request: Any = object.__new__(WebRequest)
    request.requestHeaders = Headers()
    cookie = b"x" * (5000 if long else 50)
    request.uri, request.path, request.query_string = b"/a?b=c", b"/a", b"b=c"
    request.args, request.received_cookies = {b"b": [b"c"]}, {b"d": cookie}
    request.requestHeaders.addRawHeader(b"cookie", cookie)
    request.clean_headers = [(b"cookie", cookie)]
    send = daphne_send(request)
    server_of(send).forget_request(send)
    left = (request.args, request.received_cookies, request.clean_headers)
    assert [len(part) for part in left] == ([0, 0, 0] if long else [1, 1, 1])
    assert (request.uri, request.query_string) == ((b"/a", b"") if long else (b"/a?b=c", b"b=c"))
    assert request.requestHeaders.hasHeader(b"cookie") is not long


def test_daphne_needs_nothing_of_a_request_at_its_end_but_what_its_log_shows() -> None:
    source = inspect.getsource(WebRequest.handle_reply) + inspect.getsource(WebRequest.finish)
    for name in ("query_string", "clean_headers", "requestHeaders", "args", "received_cookies"):
        assert f"self.{name}" not in source


def test_daphne_binds_send_to_a_twisted_request() -> None:
    source = inspect.getsource(Server.create_application)
    assert "send=partial(self.handle_reply, protocol)" in source
    for name in ("registerProducer", "unregisterProducer"):
        assert callable(getattr(WebRequest, name))
        assert callable(getattr(WebSocketProtocol, name))


def test_daphne_receives_from_a_queue_without_a_bound() -> None:
    source = inspect.getsource(Server.create_application)
    assert "input_queue = asyncio.Queue()" in source
    assert "receive=input_queue.get" in source


def test_twisted_shows_whether_a_producer_is_paused_and_aborts_connections() -> None:
    assert Connection.producerPaused is False
    assert callable(Connection.abortConnection)
    assert callable(TLSMemoryBIOProtocol.abortConnection)


def test_daphnes_own_send_needs_no_task() -> None:
    send = daphne_send(Request())
    assert isinstance(server_of(send), DaphneAdapter)
    assert server_of(send).sends_without_task(send)
    other = functools.partial(send_to, Request())
    assert not server_of(other).sends_without_task(other)


@pytest.mark.parametrize(
    ("transport", "forwarded", "scheme"),
    [
        (Connection, {}, "http"),
        (Connection, {"client_scheme": None}, "http"),
        (Connection, {"client_scheme": "https"}, "https"),
        (TLSMemoryBIOProtocol, {}, "https"),
        (TLSMemoryBIOProtocol, {"client_scheme": "http"}, "http"),
    ],
)
def test_the_scheme_of_a_websocket_is_that_of_its_connection_or_of_the_proxys_header(
    transport: Any, forwarded: dict[str, str | None], scheme: str
) -> None:
    assert '"scheme"' not in inspect.getsource(WebSocketProtocol.onConnect)
    protocol: Any = object.__new__(WebSocketProtocol)
    protocol.transport = object.__new__(transport)
    vars(protocol).update(forwarded)
    send = daphne_send(protocol)
    assert server_of(send).websocket_scheme(send) == scheme


# Receiving.


def test_only_a_queue_without_a_bound_is_paused() -> None:
    send = functools.partial(send_to, Request())
    receiver = server_of(send).websocket_receiver(asyncio.Queue().get, send)
    assert type(receiver) is PausingReceiver
    receives: list[Any] = [asyncio.Queue(3).get, Cycle().send, wrapped_send, None]
    for receive in receives:
        assert type(server_of(send).websocket_receiver(receive, send)) is WebSocketReceiver


async def test_a_websocket_is_read_only_as_fast_as_its_messages_are_handled() -> None:
    calls: list[str] = []

    class Paused(Transport):
        def pauseProducing(self) -> None:
            calls.append("pause")

        def resumeProducing(self) -> None:
            calls.append("resume")

    request, queue = Request(), asyncio.Queue[Any]()
    request.transport = Paused("abortConnection")
    send = functools.partial(send_to, request)
    receiver = server_of(send).websocket_receiver(queue.get, send)
    for message in ("a", "b", "c"):
        queue.put_nowait(message)
    assert [await receiver.next() for _ in range(3)] == ["a", "b", "c"]  # type: ignore[comparison-overlap]
    assert calls == ["pause"] * 3
    queue.put_nowait("d")
    await receiver.next()
    receiver.resume()
    receiver.resume()
    assert calls == ["pause"] * 4 + ["resume"]


# Writing.


async def test_a_stream_is_daphnes_producer_until_it_ends() -> None:
    request = Request()
    opened = Opened(send=functools.partial(send_to, request))
    assert request.producer is opened.stream
    opened.stream.end(b"bye;")
    assert (request.producer, request.unregistered, opened.ends) == (None, 1, 1)  # type: ignore[comparison-overlap]
    opened.stream.close()
    assert request.unregistered == 1


async def test_over_plain_tcp_a_stream_becomes_a_producer_at_its_first_pause() -> None:
    request, sent = Request(), []
    channel = request.channel = Channel()

    async def send(request: Any, message: Any) -> None:
        sent.append(message["body"])
        channel.producerPaused = message["body"] == b"much;"

    opened = Opened(send=functools.partial(send, request))
    opened.deliver(b"")
    opened.deliver(b"a;")
    assert (request.producer, opened.stream.blocked) == (None, False)
    opened.deliver(b"much;")
    opened.deliver(b"b;")
    assert (request.producer, opened.stream.blocked) == (opened.stream, True)
    opened.stream.resumeProducing()
    assert opened.context.resyncs == ["topic"]
    opened.deliver(b"")
    opened.deliver(b"much;")  # it is the producer now, so the transport notifies it
    assert sent == [SNAPSHOT, b"a;", b"much;", SNAPSHOT, b"much;"]
    opened.stream.close()
    assert (request.producer, request.unregistered) == (None, 1)


async def test_a_websockets_stream_is_its_producer_from_the_start() -> None:
    socket = SecureWebSocket()
    send = functools.partial(send_to, socket)
    opened = Opened(send=WebSocketSend(send, server_of(send)))
    assert socket.producers == [opened.stream]
    opened.stream.close()
    assert socket.producers == []


async def test_a_stream_whose_client_has_disconnected_is_no_producer() -> None:
    request = Request()
    request.channel = None
    Opened(send=functools.partial(send_to, request)).deliver(b"")
    assert request.producer is None


async def test_a_stream_whose_connection_is_lost_does_not_unregister() -> None:
    request = Request()
    opened = Opened(send=functools.partial(send_to, request))
    request.channel = None
    opened.stream.close()
    assert (request.producer, request.unregistered) == (None, 0)


async def test_another_producer_is_not_unregistered() -> None:
    request = Request()
    opened = Opened(send=functools.partial(send_to, request))
    another = request.producer = object()
    opened.stream.close()
    assert (request.producer, request.unregistered) == (another, 0)


async def test_a_paused_stream_is_aborted_after_the_write_timeout() -> None:
    request = Request()
    opened = Opened(send=functools.partial(send_to, request))
    opened.stream.pauseProducing()
    opened.stream.tick(opened.now + 31)
    assert (request.transport.aborted, opened.ends) == (1, 1)


# Without the internals.


async def test_without_internals_a_stream_is_no_producer_and_is_still_written() -> None:
    request, sent = Request(), []

    async def send(request: Any, message: Any) -> None:
        sent.append(message["body"])

    bound = functools.partial(send, request)
    opened = Opened(send=bound, internals=False)
    assert server_of(bound, internals=False) is PLAIN
    opened.deliver(b"")
    await opened.settle()
    opened.deliver(b"a;")
    await opened.settle()
    assert (request.producer, sent) == (None, [SNAPSHOT, b"a;"])
    opened.stream.pauseProducing()
    opened.stream.tick(opened.now + 31)
    assert (request.transport.aborted, opened.ends) == (0, 1)


@pytest.mark.parametrize("internals", [True, False])
async def test_without_internals_a_websocket_still_receives(internals: bool) -> None:
    queue: asyncio.Queue[Any] = asyncio.Queue()
    send = functools.partial(send_to, SecureWebSocket())
    receiver = server_of(send, internals).websocket_receiver(queue.get, send)
    assert (type(receiver) is PausingReceiver) is internals
