"""Whose right has ended hears nothing more."""

from __future__ import annotations

import asyncio

import pytest

from tests.conftest import until
from tests.support.memory_source import Client, Table, Telephone, running
from toasts.realtime.brokers.local import LocalBroker
from toasts.realtime.streams.long_poll import LongPoll
from toasts.realtime.streams.subscription import State

pytestmark = pytest.mark.usefixtures("fast_ticks")


async def test_a_doubted_right_that_ended_ends_its_streams_alone(table: Table) -> None:
    async with running(table, LocalBroker()) as hub:
        out, still_in = Client(hub, "t", grant="session 1"), Client(hub, "t", grant="session 2")
        await until(lambda: out.raw and still_in.raw)
        table.ended = {"session 1"}
        hub.wake(["!t"])
        await until(lambda: out.over)
        assert out.raw == b"= \nbye auth\n"
        assert still_in.raw == b"= \n"
        assert hub.subscriptions() == [still_in.stream]


async def test_a_right_that_ends_just_after_it_was_doubted_is_seen_too(table: Table) -> None:
    async with running(table, LocalBroker()) as hub:
        client = Client(hub, "t")
        await until(lambda: client.raw)
        await until(lambda: hub.listening and table.checks)
        before = table.checks
        hub.wake(["!t"])
        await until(lambda: table.checks > before)
        table.ended = {"right"}
        await until(lambda: client.over, 2)
        assert client.raw == b"= \nbye auth\n"


async def test_a_doubt_that_came_just_before_the_stream_is_not_forgotten(table: Table) -> None:
    async with running(table, LocalBroker(), revalidate=60) as hub:
        table.ended.add("ended")
        hub.revalidator.recheck("t")
        client = Client(hub, "t", grant="ended")
        await until(lambda: b"bye auth" in client.raw)


async def test_the_sweep_finds_rights_that_ended_without_a_word(table: Table) -> None:
    async with running(table, LocalBroker(), revalidate=0.1) as hub:
        client = Client(hub, "t")
        await until(lambda: client.raw and hub.listening and table.checks)
        table.ended = {"right"}
        await until(lambda: client.over, 4)
        assert client.raw == b"= \nbye auth\n"


async def test_after_a_reconnect_all_rights_are_checked(table: Table) -> None:
    phone = Telephone()
    async with running(table, phone) as hub:
        client = Client(hub, "t")
        await until(lambda: client.raw and phone.wake and table.checks)
        table.ended = {"right"}
        assert phone.wake is not None
        phone.wake(None)
        await until(lambda: client.over)


async def test_a_check_that_failed_is_made_again(table: Table, quick: None) -> None:
    async with running(table, LocalBroker()) as hub:
        client = Client(hub, "t")
        await until(lambda: client.raw and table.checks)
        table.failing = OSError("the database is away")
        table.ended = {"right"}
        before = table.checks
        hub.revalidator.check(["t"])
        await until(lambda: table.checks > before)
        assert not client.over
        table.failing = None
        await until(lambda: client.over)


async def test_a_poll_whose_right_ended_answers_nothing(table: Table) -> None:
    answer: asyncio.Future[State | None] = asyncio.get_running_loop().create_future()
    async with running(table, LocalBroker()) as hub:
        hub.subscribe(LongPoll("t", "right", 0, lambda state: False, answer))
        table.ended = {"right"}
        hub.wake(["!t"])
        assert await asyncio.wait_for(answer, 5) is None
        await until(lambda: hub.subscriptions() == [])
