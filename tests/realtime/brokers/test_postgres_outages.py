"""The listener when a real PostgreSQL, or the connection to it, fails."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import psycopg
import pytest

from tests.conftest import until
from tests.support.memory_source import Client, Table, running, settled
from tests.support.middlebox import Middlebox, middlebox
from tests.support.notify_channel import Listener, NotifyChannel, until_nobody_listens
from tests.support.postgres import PostgresServer
from toasts.realtime import hub as hub_module
from toasts.realtime.brokers import canary
from toasts.realtime.brokers import postgres as module
from toasts.realtime.brokers.base import BrokerError
from toasts.realtime.brokers.postgres import PostgresBroker


@pytest.fixture
def short_bounds(monkeypatch: pytest.MonkeyPatch) -> None:
    """Bounds of the canary that are short enough to wait for."""
    monkeypatch.setattr(module, "SETUP_TIMEOUT", 0.5)
    monkeypatch.setattr(canary, "TIMEOUT", 0.5)
    monkeypatch.setattr(canary, "INTERVAL", 0.7)
    monkeypatch.setattr(hub_module, "BACKOFF_MAX", 0.3)


async def test_a_connection_that_is_ended_is_an_error_at_once(
    notify_channel: NotifyChannel,
) -> None:
    async with notify_channel.listening() as listener:
        await end_listeners(notify_channel)
        with pytest.raises(psycopg.OperationalError):
            await asyncio.wait_for(listener.task, 2)


async def end_listeners(notify_channel: NotifyChannel) -> None:
    ended = await notify_channel.listeners("pg_terminate_backend(pid)")
    assert ended == [(True,)]


async def test_the_hub_connects_again_and_reads_what_it_missed(
    notify_channel: NotifyChannel,
) -> None:
    table = Table()
    async with running(table, notify_channel.broker()) as hub:
        client = Client(hub, "user:1")
        await until(lambda: client.raw == b"= \n" and settled(hub))
        (before,) = await notify_channel.listeners()
        table.put("user:1", 1)  # and no hint is published
        await end_listeners(notify_channel)
        await until(lambda: client.raw == b"= \n+ 1:1\n")

        async def anew() -> bool:
            return before not in (found := await notify_channel.listeners()) and len(found) == 1

        await until(anew)
        await until(lambda: hub.listening)
        table.put("user:1", 2)
        await asyncio.to_thread(notify_channel.broker().publish, ["user:1"])
        await until(lambda: client.raw == b"= \n+ 1:1\n+ 2:1\n")


async def test_the_hub_survives_a_restart_of_the_server(
    own_postgres: PostgresServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hub_module, "BACKOFF_MAX", 0.3)
    notify_channel = NotifyChannel(own_postgres.url("postgres"))
    table = Table()
    async with running(table, notify_channel.broker()) as hub:
        client = Client(hub, "user:1")
        await until(lambda: client.raw == b"= \n" and hub.listening)
        await asyncio.to_thread(own_postgres.stop)
        await until(lambda: not hub.listening)
        # No listener receives this, and the hub continues all the same.
        hub.announce(["user:2"])
        table.put("user:1", 1)
        await asyncio.to_thread(own_postgres.start)
        await until(lambda: hub.listening)
        await until(lambda: client.raw == b"= \n+ 1:1\n")
        table.put("user:1", 2)
        await asyncio.to_thread(notify_channel.broker().publish, ["user:1"])
        await until(lambda: client.raw == b"= \n+ 1:1\n+ 2:1\n")


async def test_a_channel_that_transmits_nothing_is_detected(
    notify_channel: NotifyChannel, short_bounds: None
) -> None:
    """So a pooler shows itself that gave our LISTEN to somebody else's session."""
    notify_channel.drops_canaries = True
    async with notify_channel.listening() as listener:
        with pytest.raises(BrokerError, match=r"^no hint arrives any more on the channel 'toasts"):
            await asyncio.wait_for(listener.task, 2)
    await until_nobody_listens(notify_channel)


async def test_a_channel_that_stops_transmitting_is_detected(
    notify_channel: NotifyChannel, short_bounds: None
) -> None:
    async with notify_channel.listening() as listener:
        await until(lambda: len(notify_channel.sent) >= 2)
        notify_channel.drops_canaries = True
        with pytest.raises(BrokerError, match="no hint arrives any more"):
            await asyncio.wait_for(listener.task, 3)


async def test_canaries_are_sent_for_ever_and_wake_no_topic(
    notify_channel: NotifyChannel, short_bounds: None
) -> None:
    async with notify_channel.listening() as first, notify_channel.listening() as second:
        await until(lambda: len(notify_channel.sent) >= 5)
        assert not first.task.done()
        assert not second.task.done()
        assert first.received == second.received == []
    assert len(set(notify_channel.sent)) == len(notify_channel.sent)


async def test_a_publisher_that_fails_is_detected_too(
    notify_channel: NotifyChannel, short_bounds: None, caplog: pytest.LogCaptureFixture
) -> None:
    async def fails(hints: Sequence[str]) -> None:
        raise OSError("down")

    with pytest.raises(BrokerError, match="no hint arrives any more"):
        await asyncio.wait_for(notify_channel.broker().listen(lambda hints: None, fails), 2)
    gc.collect()
    assert "never retrieved" not in caplog.text


@asynccontextmanager
async def behind_middlebox(
    notify_channel: NotifyChannel,
) -> AsyncIterator[tuple[Middlebox, Listener]]:
    async with (
        middlebox(notify_channel.url) as (box, address),
        notify_channel.listening(notify_channel.broker(address)) as listener,
    ):
        yield box, listener


async def test_a_middlebox_that_swallows_everything_is_detected(
    notify_channel: NotifyChannel, short_bounds: None
) -> None:
    async with behind_middlebox(notify_channel) as (box, listener):
        await asyncio.to_thread(notify_channel.broker().publish, ["a"])
        await until(lambda: listener.received == ["a"])
        box.silent = True
        # Whichever is asked first: the canary, or whether the server takes writes.
        with pytest.raises((BrokerError, psycopg.OperationalError)):
            await asyncio.wait_for(listener.task, 3)


async def test_a_middlebox_that_falls_silent_before_the_listen_is_detected(
    notify_channel: NotifyChannel, short_bounds: None
) -> None:
    async with middlebox(notify_channel.url) as (box, address):
        box.answers = 1  # the greeting
        task = asyncio.create_task(
            notify_channel.broker(address).listen(print, notify_channel.publish)
        )
        done, _ = await asyncio.wait([task], timeout=3)
        assert done, "LISTEN was waited for without a bound"
        assert box.silent
        with pytest.raises(psycopg.OperationalError, match="closed"):
            await task


async def test_bytes_outside_the_protocol_are_an_error_at_once(
    notify_channel: NotifyChannel,
) -> None:
    """libpq then closes the socket while it reads, and its number may be another's next."""
    async with behind_middlebox(notify_channel) as (box, listener):
        await until(lambda: notify_channel.sent)
        box.clients[-1].write(b"\x01\x00\x00\x00\x05nonsense")
        with pytest.raises(psycopg.OperationalError):
            await asyncio.wait_for(listener.task, 2)


async def test_behind_a_silent_middlebox_a_listener_still_ends_at_once(
    notify_channel: NotifyChannel, short_bounds: None
) -> None:
    async with behind_middlebox(notify_channel) as (box, listener):
        box.silent = True
        started = asyncio.get_running_loop().time()
        await listener.end()
        assert listener.task.done()
        assert asyncio.get_running_loop().time() - started < 1


async def test_the_hub_connects_again_when_the_middlebox_forwards_again(
    notify_channel: NotifyChannel, short_bounds: None
) -> None:
    table = Table()
    async with (
        middlebox(notify_channel.url) as (box, address),
        running(table, notify_channel.broker(address)) as hub,
    ):
        client = Client(hub, "user:1")
        await until(lambda: client.raw == b"= \n" and hub.listening)
        box.silent = True
        await until(lambda: not hub.listening)
        table.put("user:1", 1)
        box.silent = False
        await until(lambda: hub.listening)
        await until(lambda: client.raw == b"= \n+ 1:1\n")


def test_the_sites_connection_options_replace_the_listeners_own() -> None:
    options: dict[str, Any] = PostgresBroker(
        "host=a,b connect_timeout=1 target_session_attrs=any", "c", lambda *args: None
    )._options()
    assert options["connect_timeout"] == "1"
    assert options["target_session_attrs"] == "any"
    assert options["application_name"] == "toasts listener"
    assert options["tcp_user_timeout"] == 15000
