"""The hub of a server that stops, and of a server that only seemed to stop."""

from __future__ import annotations

import asyncio
import socket

import pytest

from tests.conftest import until
from tests.support.memory_source import Client, Table, running
from toasts.realtime import hub as hub_module
from toasts.realtime.brokers.local import LocalBroker
from toasts.realtime.hub import Hub
from toasts.realtime.timing import Timing

pytestmark = pytest.mark.usefixtures("fast_ticks")


async def test_a_server_that_closes_its_listening_socket_ends_all_streams(
    table: Table,
) -> None:
    async with running(table, LocalBroker()) as hub:
        with socket.create_server(("127.0.0.1", 0)) as listener:
            hub.watch_server(listener.getsockname())
            clients = [Client(hub, "t"), Client(hub, "u")]
            await until(lambda: all(client.raw for client in clients))
            assert not clients[0].over
        await until(lambda: all(client.over for client in clients), 4)
        assert [client.raw for client in clients] == [b"= \nbye restart\n"] * 2
        late = Client(hub, "t")
        await until(lambda: late.over)
        assert late.raw == b"bye restart\n"


async def test_a_socket_that_other_streams_came_by_ends_no_stream(table: Table) -> None:
    async with running(table, LocalBroker()) as hub:
        with socket.create_server(("127.0.0.1", 0)) as listener:
            with socket.create_server(("127.0.0.1", 0)) as other:
                hub.watch_server(listener.getsockname())
                hub.watch_server(other.getsockname())
            client = Client(hub, "t", heartbeat=0.3)
            await until(lambda: client.raw == b"= \nping\n", 4)


async def test_a_process_that_does_not_stop_serves_streams_again(
    table: Table, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hub_module, "DRAIN_TIMEOUT", 0.2)
    async with running(table, LocalBroker()) as hub:
        with socket.create_server(("127.0.0.1", 0)) as first:
            hub.watch_server(first.getsockname())
            client = Client(hub, "t")
            await until(lambda: client.raw)
        await until(lambda: client.over, 4)
        with socket.create_server(("127.0.0.1", 0)) as second:
            hub.watch_server(second.getsockname())
            await until(lambda: hub._loop.time() > hub._draining_until)
            again = Client(hub, "t")
            await until(lambda: again.raw == b"= \n")
        await until(lambda: again.over, 4)
        assert again.raw == b"= \nbye restart\n"


async def test_draining_returns_whether_there_are_streams(table: Table) -> None:
    async with running(table, LocalBroker()) as hub:
        assert not hub.drain_soon()
    async with running(table, LocalBroker()) as hub:
        client = Client(hub, "t")
        assert hub.drain_soon()
        await until(lambda: client.over)


async def test_a_hub_that_starts_again_finds_its_listening_socket_again(table: Table) -> None:
    async with running(table, LocalBroker()) as hub:
        with socket.create_server(("127.0.0.1", 0)) as before:
            hub.watch_server(before.getsockname())
            hub.start()
            await hub.stop()
        with socket.create_server(("127.0.0.1", 0)) as now:
            hub.watch_server(now.getsockname())
            client = Client(hub, "t", heartbeat=0.3)
            await until(lambda: client.raw == b"= \nping\n", 4)
        await until(lambda: client.over, 4)


async def test_switched_off_no_listening_socket_is_watched(table: Table) -> None:
    hub = Hub(table, LocalBroker(), Timing(), 10, internals=False)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        hub.watch_server(listener.getsockname())
        assert hub._sockets is None


async def test_a_stream_that_comes_while_the_hub_stops_is_served(table: Table) -> None:
    """As when the last page has been closed for a minute, and at this very moment one is opened."""
    async with running(table, LocalBroker()) as hub:
        hub.start()
        await hub.run(list)
        stopping = asyncio.create_task(hub.stop())
        asyncio.get_running_loop().call_soon(hub.start)  # runs before the cancelled tasks do
        await stopping
        client = Client(hub, "t")
        await until(lambda: client.raw == b"= \n", 5)
