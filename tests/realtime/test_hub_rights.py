"""Streams whose right has ended get nothing more."""

from __future__ import annotations

import asyncio

import pytest

from tests.conftest import until
from tests.support.memory_source import Client, FakeBroker, Table, running
from toasts.realtime.brokers.local import LocalBroker
from toasts.realtime.streams.long_poll import LongPoll
from toasts.realtime.streams.subscription import State

pytestmark = pytest.mark.usefixtures("fast_ticks")


async def test_a_recheck_ends_the_streams_whose_right_has_ended_and_no_others(table: Table) -> None:
    async with running(table, LocalBroker()) as hub:
        out, still_in = Client(hub, "t", grant="session 1"), Client(hub, "t", grant="session 2")
        await until(lambda: out.raw and still_in.raw)
        table.ended = {"session 1"}
        hub.wake(["!t"])
        await until(lambda: out.over)
        assert out.raw == b"= \nbye auth\n"
        assert still_in.raw == b"= \n"
        assert hub.subscriptions() == [still_in.stream]


async def test_a_right_that_ends_just_after_its_recheck_is_found(table: Table) -> None:
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


async def test_a_later_recheck_leaves_time_to_complete_the_change(table: Table) -> None:
    async with running(table, LocalBroker()) as hub:
        client = Client(hub, "t")
        await until(lambda: client.raw and hub.listening and table.checks)
        before = table.checks
        table.ended = {"right"}
        hub.wake(["!~t", "!~t", "!~unknown"])
        table.ended = set()
        await until(lambda: table.checks > before)
        assert not client.over
        table.ended = {"right"}
        hub.wake(["!~t"])
        await until(lambda: client.over)
        assert client.raw == b"= \nbye auth\n"


@pytest.mark.parametrize("opens_after_it", [False, True])
async def test_a_later_recheck_applies_to_a_stream_that_opens_before_or_just_after_it(
    table: Table, opens_after_it: bool
) -> None:
    async with running(table, LocalBroker(), revalidate=60) as hub:
        other = Client(hub, "u")
        await until(lambda: other.raw and hub.listening and table.checks)
        table.ended = {"ended"}
        hub.wake(["!~t"])
        if opens_after_it:
            await until(lambda: not hub.revalidator._later)
        client = Client(hub, "t", grant="ended")
        await until(lambda: b"bye auth" in client.raw)


async def test_a_stream_is_found_by_every_user_on_whom_it_depends(table: Table) -> None:
    async with running(table, LocalBroker()) as hub:
        client = Client(hub, "t")
        hub.subscribe(client.stream, "owner", "impersonator")
        names = ("owner", "impersonator", "nobody")
        assert [len(hub.registry.find(name)) for name in names] == [1, 1, 0]
        assert "impersonator" in hub.registry
        hub.unsubscribe(client.stream)
        assert "impersonator" not in hub.registry


async def test_a_recheck_just_before_a_stream_opens_applies_to_it(table: Table) -> None:
    async with running(table, LocalBroker(), revalidate=60) as hub:
        table.ended.add("ended")
        hub.revalidator.recheck("t")
        client = Client(hub, "t", grant="ended")
        await until(lambda: b"bye auth" in client.raw)


async def test_the_revalidator_finds_rights_that_ended_without_a_recheck(table: Table) -> None:
    async with running(table, LocalBroker(), revalidate=0.1) as hub:
        client = Client(hub, "t")
        await until(lambda: client.raw and hub.listening and table.checks)
        table.ended = {"right"}
        await until(lambda: client.over, 4)
        assert client.raw == b"= \nbye auth\n"


async def test_a_change_that_is_half_done_when_all_rights_are_checked_ends_no_stream(
    table: Table,
) -> None:
    broker = FakeBroker()
    async with running(table, broker) as hub:
        client = Client(hub, "t")
        await until(lambda: client.raw and broker.wake and table.checks)
        assert broker.wake is not None
        before, table.ended = table.checks, {"right"}
        broker.wake(None)
        await until(lambda: table.checks > before)
        before, table.ended = table.checks, set()
        await until(lambda: table.checks > before)
        assert not client.over


async def test_after_a_reconnect_all_rights_are_checked(table: Table) -> None:
    broker = FakeBroker()
    async with running(table, broker) as hub:
        client = Client(hub, "t")
        await until(lambda: client.raw and broker.wake and table.checks)
        table.ended = {"right"}
        assert broker.wake is not None
        broker.wake(None)
        await until(lambda: client.over)


async def test_a_check_that_failed_is_repeated(table: Table, quick: None) -> None:
    async with running(table, LocalBroker()) as hub:
        client = Client(hub, "t")
        await until(lambda: client.raw and table.checks)
        table.failing = OSError("the database is down")
        table.ended = {"right"}
        before = table.checks
        hub.revalidator.check(["t"])
        await until(lambda: table.checks > before)
        assert not client.over
        table.failing = None
        await until(lambda: client.over)


async def test_a_poll_whose_grant_ended_answers_nothing(table: Table) -> None:
    answer: asyncio.Future[State | None] = asyncio.get_running_loop().create_future()
    async with running(table, LocalBroker()) as hub:
        hub.subscribe(LongPoll("t", "right", 0, lambda state: False, answer))
        table.ended = {"right"}
        hub.wake(["!t"])
        assert await asyncio.wait_for(answer, 5) is None
        await until(lambda: hub.subscriptions() == [])
