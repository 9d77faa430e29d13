"""The internals of uvicorn that the engine relies on."""

from __future__ import annotations

import functools
import inspect
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
