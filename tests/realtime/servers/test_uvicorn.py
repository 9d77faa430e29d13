"""The internals of uvicorn that the engine relies on."""

from __future__ import annotations

import functools
import inspect
import re
from typing import Any

import pytest
from uvicorn.protocols.http.h11_impl import RequestResponseCycle
from uvicorn.protocols.websockets.wsproto_impl import WSProtocol

from tests.realtime.servers.connections import Cycle, Transport, send_to, wrapped_send
from tests.support.opened_stream import SNAPSHOT, Opened
from toasts.realtime.servers import PLAIN, server_of
from toasts.realtime.servers.uvicorn import UvicornAdapter
from toasts.realtime.streams.websocket import WebSocketSend


def test_uvicorns_send_is_a_method_of_a_cycle_with_the_transport() -> None:
    cycle: Any = object.__new__(RequestResponseCycle)
    cycle.transport = Transport("abort")
    assert inspect.iscoroutinefunction(RequestResponseCycle.send)
    assert "self.transport = transport" in inspect.getsource(RequestResponseCycle.__init__)
    server = server_of(cycle.send)
    assert isinstance(server, UvicornAdapter)
    assert server.sends_without_task(cycle.send)
    server.abort(cycle.send)
    assert cycle.transport.aborted == 1


def test_uvicorns_websocket_sends_with_a_method_of_its_protocol() -> None:
    protocol: Any = object.__new__(WSProtocol)
    protocol.transport = Transport("abort")
    assert "self.send)" in inspect.getsource(WSProtocol.run_asgi)
    send = protocol.send
    wrapper = WebSocketSend(send, server_of(send))
    server = server_of(wrapper)
    assert isinstance(server, UvicornAdapter)
    assert server.sends_without_task(wrapper)
    server.abort(wrapper)
    assert protocol.transport.aborted == 1


async def test_a_client_that_reads_nothing_is_aborted_after_the_write_timeout() -> None:
    cycle = Cycle()
    opened = Opened(send=cycle.send)
    opened.stream.pauseProducing()
    opened.stream.tick(opened.now + 31)
    assert (cycle.transport.aborted, opened.ends) == (1, 1)


def test_a_send_of_another_class_may_need_a_task() -> None:
    assert not server_of(Cycle().send).sends_without_task(Cycle().send)


@pytest.mark.parametrize(
    "send",
    [
        wrapped_send, functools.partial(send_to, None), object().__str__, None,
        Transport("x")._abort,
    ],
)  # fmt: skip
def test_any_other_server_works_without_its_internals(send: Any) -> None:
    assert server_of(send) is PLAIN
    assert not PLAIN.sends_without_task(send)
    PLAIN.abort(send)


async def test_a_send_that_is_wrapped_works_too() -> None:
    opened = Opened()
    plain = opened.client.send

    async def wrapped(message: Any) -> None:
        await plain(message)

    opened.stream._send = wrapped
    opened.deliver(b"")
    assert opened.taken == SNAPSHOT


async def test_without_internals_a_stream_is_written_and_ends_without_its_transport() -> None:
    cycle = Cycle()
    opened = Opened(send=cycle.send, internals=False)
    opened.deliver(b"")
    await opened.settle()
    assert not opened.stream.blocked
    opened.stream.pauseProducing()
    opened.stream.tick(opened.now + 31)
    assert (cycle.transport.aborted, opened.ends) == (0, 1)


LONG = b"x" * 5000


@pytest.mark.parametrize(
    ("given", "left"),
    [
        ({"raw_path": b"/a", "query_string": b"b"}, {"raw_path": b"/a", "query_string": b"b"}),
        ({"raw_path": LONG, "query_string": LONG}, {"raw_path": b"", "query_string": b""}),
        ({"raw_path": None, "method": "GET"}, {"raw_path": None, "method": "GET"}),
        ({"headers": [(b"a", b"b")]}, {"headers": [(b"a", b"b")]}),
        ({"headers": [(b"cookie", LONG), (b"a", b"b")]}, {"headers": []}),
        ({"headers": [(b"a", b"b" * 50)] * 100}, {"headers": []}),
    ],
)
def test_a_stream_does_not_keep_what_is_long_in_its_request(
    given: dict[str, Any], left: dict[str, Any]
) -> None:
    cycle: Any = Cycle()
    cycle.scope = dict(given)
    server_of(cycle.send).forget_request(cycle.send)
    assert cycle.scope == left


async def test_a_stream_has_its_server_forget_the_request() -> None:
    cycle: Any = Cycle()
    cycle.scope = {"query_string": LONG}
    Opened(send=cycle.send)
    assert cycle.scope == {"query_string": b""}


def test_uvicorn_needs_nothing_of_a_request_whose_response_has_begun_but_its_method() -> None:
    body = inspect.getsource(RequestResponseCycle.send).partition("# Sending response body")[2]
    assert set(re.findall(r'scope\["(\w+)"\]', body)) == {"method"}
    assert "scope" not in inspect.getsource(RequestResponseCycle.receive)


class Holder:
    def __init__(self, **attributes: Any) -> None:
        self.__dict__.update(attributes)


@pytest.mark.parametrize(
    ("given", "then"), [(16 * 1024**2, 1024), (1024, 1024), (512, 512), (None, 1024), (0, 1024)]
)
def test_the_limit_of_a_websockets_messages_is_only_lowered(given: Any, then: int) -> None:
    protocol: Any = object.__new__(WSProtocol)
    protocol.transport = Transport("abort")
    protocol.buffer = Holder(max_length=given)
    protocol.conn = Holder(max_message_size=given)
    protocol.max_size = given
    server_of(protocol.send).limit_messages(protocol.send, 1024)
    found = (protocol.buffer.max_length, protocol.conn.max_message_size, protocol.max_size)
    assert found == (then, then, then)


def test_a_limit_that_a_server_does_not_have_is_not_made() -> None:
    cycle = Cycle()
    server_of(cycle.send).limit_messages(cycle.send, 1024)
    assert vars(cycle).keys() == {"transport"}
