"""The listener when a real PostgreSQL, or the way to it, fails."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import psycopg
import pytest

from tests.conftest import until
from tests.support.memory_source import Client, Table, running, settled
from tests.support.middlebox import Middlebox, middlebox
from tests.support.notify_channel import Ear, Line, until_nobody_listens
from tests.support.postgres import PostgresServer
from toasts.realtime import hub as hub_module
from toasts.realtime.brokers import canary
from toasts.realtime.brokers import postgres as module
from toasts.realtime.brokers.base import BrokerError
from toasts.realtime.brokers.postgres import PostgresBroker


@pytest.fixture
def short_bounds(monkeypatch: pytest.MonkeyPatch) -> None:
    """The canary's bounds, short enough to wait for."""
    monkeypatch.setattr(module, "SETUP_TIMEOUT", 0.5)
    monkeypatch.setattr(canary, "TIMEOUT", 0.5)
    monkeypatch.setattr(canary, "INTERVAL", 0.7)
    monkeypatch.setattr(hub_module, "BACKOFF_MAX", 0.3)


async def test_a_connection_that_is_ended_is_an_error_at_once(line: Line) -> None:
    async with line.listening() as ear:
        await end_listeners(line)
        with pytest.raises(psycopg.OperationalError):
            await asyncio.wait_for(ear.task, 2)


async def end_listeners(line: Line) -> None:
    ended = await line.listeners("pg_terminate_backend(pid)")
    assert ended == [(True,)]


async def test_the_hub_connects_anew_and_looks_up_what_it_missed(line: Line) -> None:
    table = Table()
    async with running(table, line.broker()) as hub:
        client = Client(hub, "user:1")
        await until(lambda: client.raw == b"= \n" and settled(hub))
        (before,) = await line.listeners()
        table.put("user:1", 1)  # and nobody says so
        await end_listeners(line)
        await until(lambda: client.raw == b"= \n+ 1:1\n")

        async def anew() -> bool:
            return before not in (found := await line.listeners()) and len(found) == 1

        await until(anew)
        await until(lambda: hub.listening)
        table.put("user:1", 2)
        await asyncio.to_thread(line.broker().publish, ["user:1"])
        await until(lambda: client.raw == b"= \n+ 1:1\n+ 2:1\n")


@pytest.fixture
def own_server() -> Iterator[PostgresServer]:
    server = PostgresServer().start()
    yield server
    server.remove()


async def test_the_hub_comes_through_a_restart_of_the_server(
    own_server: PostgresServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hub_module, "BACKOFF_MAX", 0.3)
    line = Line(own_server.url("postgres"))
    table = Table()
    async with running(table, line.broker()) as hub:
        client = Client(hub, "user:1")
        await until(lambda: client.raw == b"= \n" and hub.listening)
        await asyncio.to_thread(own_server.stop)
        await until(lambda: not hub.listening)
        # Nobody hears this; the hub goes on all the same.
        hub.announce(["user:2"])
        table.put("user:1", 1)
        await asyncio.to_thread(own_server.start)
        await until(lambda: hub.listening)
        await until(lambda: client.raw == b"= \n+ 1:1\n")
        table.put("user:1", 2)
        await asyncio.to_thread(line.broker().publish, ["user:1"])
        await until(lambda: client.raw == b"= \n+ 1:1\n+ 2:1\n")


async def test_a_channel_that_carries_nothing_is_found_out(line: Line, short_bounds: None) -> None:
    """So a pooler shows itself that gave our LISTEN to somebody else's session."""
    line.drops_canaries = True
    async with line.listening() as ear:
        with pytest.raises(BrokerError, match=r"^no hint arrives any more on the channel 'toasts"):
            await asyncio.wait_for(ear.task, 2)
    await until_nobody_listens(line)


async def test_a_channel_that_ceases_to_carry_is_found_out(line: Line, short_bounds: None) -> None:
    async with line.listening() as ear:
        await until(lambda: len(line.sent) >= 2)
        line.drops_canaries = True
        with pytest.raises(BrokerError, match="no hint arrives any more"):
            await asyncio.wait_for(ear.task, 3)


async def test_canaries_go_on_for_ever_and_are_nobodys_hint(line: Line, short_bounds: None) -> None:
    async with line.listening() as first, line.listening() as second:
        await until(lambda: len(line.sent) >= 5)
        assert not first.task.done()
        assert not second.task.done()
        assert first.heard == second.heard == []
    assert len(set(line.sent)) == len(line.sent)


async def test_a_publisher_that_fails_is_found_out_too(
    line: Line, short_bounds: None, caplog: pytest.LogCaptureFixture
) -> None:
    async def fails(hints: Sequence[str]) -> None:
        raise OSError("away")

    with pytest.raises(BrokerError, match="no hint arrives any more"):
        await asyncio.wait_for(line.broker().listen(lambda hints: None, fails), 2)
    gc.collect()
    assert "never retrieved" not in caplog.text


@asynccontextmanager
async def behind_middlebox(line: Line) -> AsyncIterator[tuple[Middlebox, Ear]]:
    async with (
        middlebox(line.url) as (box, address),
        line.listening(line.broker(address)) as ear,
    ):
        yield box, ear


async def test_a_middlebox_that_swallows_everything_is_found_out(
    line: Line, short_bounds: None
) -> None:
    async with behind_middlebox(line) as (box, ear):
        await asyncio.to_thread(line.broker().publish, ["a"])
        await until(lambda: ear.heard == ["a"])
        box.silent = True
        with pytest.raises(BrokerError, match="no hint arrives any more"):
            await asyncio.wait_for(ear.task, 3)


async def test_a_middlebox_that_falls_silent_before_we_listen_is_found_out(
    line: Line, short_bounds: None
) -> None:
    async with middlebox(line.url) as (box, address):
        box.answers = 1  # the greeting
        task = asyncio.create_task(line.broker(address).listen(print, line.publish))
        done, _ = await asyncio.wait([task], timeout=3)
        assert done, "LISTEN was waited for without a bound"
        assert box.silent
        with pytest.raises(psycopg.OperationalError, match="closed"):
            await task


async def test_what_is_no_message_of_the_protocol_is_an_error_at_once(line: Line) -> None:
    """libpq then closes the socket while it reads, and its number may be another's next."""
    async with behind_middlebox(line) as (box, ear):
        await until(lambda: line.sent)
        box.clients[-1].write(b"\x01\x00\x00\x00\x05nonsense")
        with pytest.raises(psycopg.OperationalError):
            await asyncio.wait_for(ear.task, 2)


async def test_behind_a_silent_middlebox_a_listener_still_ends_at_once(
    line: Line, short_bounds: None
) -> None:
    async with behind_middlebox(line) as (box, ear):
        box.silent = True
        started = asyncio.get_running_loop().time()
        await ear.end()
        assert ear.task.done()
        assert asyncio.get_running_loop().time() - started < 1


async def test_the_hub_finds_its_way_once_the_middlebox_speaks_again(
    line: Line, short_bounds: None
) -> None:
    table = Table()
    async with middlebox(line.url) as (box, address), running(table, line.broker(address)) as hub:
        client = Client(hub, "user:1")
        await until(lambda: client.raw == b"= \n" and hub.listening)
        box.silent = True
        await until(lambda: not hub.listening)
        table.put("user:1", 1)
        box.silent = False
        await until(lambda: hub.listening)
        await until(lambda: client.raw == b"= \n+ 1:1\n")


def test_the_listeners_own_options_give_way_to_what_the_site_says() -> None:
    options: dict[str, Any] = PostgresBroker(
        "host=a,b connect_timeout=1 target_session_attrs=any", "c", lambda *args: None
    )._options()
    assert options["connect_timeout"] == "1"
    assert options["target_session_attrs"] == "any"
    assert options["application_name"] == "toasts listener"
    assert options["tcp_user_timeout"] == 15000
