"""What is known of a server by what its `send` is bound to; of others, nothing, without harm."""

from __future__ import annotations

import asyncio
import functools
from typing import Any

import pytest

from tests.support.opened_stream import SNAPSHOT, Opened
from toasts.realtime.servers.base import abort, consumer, is_own, unbounded
from toasts.realtime.streams.websocket import SocketSend


class Transport:
    def __init__(self, verb: str) -> None:
        self.aborted = 0
        setattr(self, verb, self._abort)

    def _abort(self) -> None:
        self.aborted += 1


class Request:
    """A Twisted request, as daphne binds it into its `send`."""

    def __init__(self) -> None:
        self.transport = Transport("abortConnection")
        self.channel: object | None = object()
        self.producer: Any = None
        self.unregistered = 0

    def registerProducer(self, producer: Any, streaming: bool) -> None:
        assert streaming
        self.producer = producer

    def unregisterProducer(self) -> None:
        self.unregistered += 1
        self.producer = None


class Channel:
    """Of a request over plain TCP: its transport says whether it holds anything back."""

    def __init__(self) -> None:
        self.transport = self
        self.producerPaused = False


class Cycle:
    """A request of uvicorn's, whose method `send` is."""

    def __init__(self) -> None:
        self.transport = Transport("abort")

    async def send(self, message: Any) -> None: ...


async def _send(request: Any, message: Any) -> None: ...


async def _wrapped(message: Any) -> None: ...


def test_each_server_is_cut_off_by_its_own_transport() -> None:
    cycle, request = Cycle(), Request()
    abort(cycle.send)
    abort(functools.partial(_send, request))
    assert (cycle.transport.aborted, request.transport.aborted) == (1, 1)


@pytest.mark.parametrize(
    "send",
    [_wrapped, functools.partial(_send, None), object().__str__, None, Transport("x")._abort],
)
def test_of_any_other_nothing_is_known_and_nothing_breaks(send: Any) -> None:
    assert consumer(send) is None
    abort(send)


def test_a_server_s_own_send_is_told_from_one_that_somebody_wrapped() -> None:
    from daphne.server import Server
    from uvicorn.protocols.http.h11_impl import RequestResponseCycle

    cycle = object.__new__(RequestResponseCycle)
    daphne = functools.partial(Server.handle_reply.__get__(object.__new__(Server)), Request())
    assert is_own(cycle.send)
    assert is_own(daphne)
    assert not is_own(Cycle().send)
    assert not is_own(functools.partial(_send, Request()))
    assert not is_own(_wrapped)


async def test_only_a_queue_without_a_bound_is_one_to_watch() -> None:
    endless: asyncio.Queue[Any] = asyncio.Queue()
    assert unbounded(endless.get) is endless
    for receive in (asyncio.Queue(3).get, Cycle().send, _wrapped, None):
        assert unbounded(receive) is None


async def test_a_stream_is_daphnes_producer_as_long_as_it_lives() -> None:
    request = Request()
    opened = Opened(send=functools.partial(_send, request))
    assert request.producer is opened.stream
    opened.stream.end(b"bye;")
    assert (request.producer, request.unregistered, opened.over) == (None, 1, 1)
    opened.stream.close()
    assert request.unregistered == 1


async def test_where_the_transport_can_be_asked_it_is_a_producer_once_it_has_to_wait() -> None:
    request, said = Request(), []
    channel = request.channel = Channel()

    async def send(request: Any, message: Any) -> None:
        said.append(message["body"])
        channel.producerPaused = message["body"] == b"much;"

    opened = Opened(send=functools.partial(send, request))
    opened.news(b"")
    opened.news(b"a;")
    assert (request.producer, opened.stream.blocked) == (None, False)
    opened.news(b"much;")
    opened.news(b"b;")
    assert (request.producer, opened.stream.blocked) == (opened.stream, True)
    opened.stream.resumeProducing()
    assert opened.book.resyncs == ["topic"]
    opened.news(b"")
    opened.news(b"much;")  # again: it is told of by now
    assert said == [SNAPSHOT, b"a;", b"much;", SNAPSHOT, b"much;"]
    opened.stream.close()
    assert (request.producer, request.unregistered) == (None, 1)


class Secured:
    """daphne's WebSocket over TLS: what is below its transport says whether anything is held back,
    but tells nobody who was not its producer by then that the client reads again."""

    def __init__(self) -> None:
        self.transport = self
        self.connected = 1
        self.producerPaused = False
        self.told: list[Any] = ["the HTTP channel"]

    def registerProducer(self, producer: Any, streaming: bool) -> None:
        self.told.append(producer)

    def unregisterProducer(self) -> None:
        self.told.pop()


async def test_a_websockets_stream_is_its_producer_before_anything_is_held_back() -> None:
    secured = Secured()
    opened = Opened(send=SocketSend(functools.partial(_send, secured)))
    assert secured.told == [opened.stream]
    opened.stream.close()
    assert secured.told == []


async def test_whose_client_has_left_it_is_no_producer() -> None:
    request = Request()
    request.channel = None
    Opened(send=functools.partial(_send, request)).news(b"")
    assert request.producer is None


async def test_where_the_connection_is_lost_already_it_only_lets_go() -> None:
    request = Request()
    opened = Opened(send=functools.partial(_send, request))
    request.channel = None
    opened.stream.close()
    assert (request.producer, request.unregistered) == (None, 0)


async def test_another_producer_is_left_alone() -> None:
    request = Request()
    opened = Opened(send=functools.partial(_send, request))
    another = request.producer = object()
    opened.stream.close()
    assert (request.producer, request.unregistered) == (another, 0)


async def test_a_paused_stream_that_runs_out_of_patience_is_aborted() -> None:
    request = Request()
    opened = Opened(send=functools.partial(_send, request))
    opened.stream.pauseProducing()
    opened.stream.tick(opened.now + 31)
    assert (request.transport.aborted, opened.over) == (1, 1)


async def test_a_wrapped_send_serves_as_well() -> None:
    opened = Opened()
    plain = opened.client.send

    async def wrapped(message: Any) -> None:
        await plain(message)

    opened.stream._send = wrapped
    opened.news(b"")
    assert opened.taken == SNAPSHOT
