"""Which events a hub delivers, and what it reads for them."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tests.conftest import until
from tests.support.memory_source import Client, Table, running, settled
from toasts.realtime.brokers.local import LocalBroker
from toasts.realtime.scheduler import BATCH
from toasts.realtime.streams.subscription import State

pytestmark = pytest.mark.usefixtures("fast_ticks")


async def test_a_stream_gets_the_state_and_then_each_change(table: Table) -> None:
    table.put("t", 1)
    async with running(table, LocalBroker()) as hub:
        client = Client(hub, "t")
        await until(lambda: client.raw == b"= 1:1\n")
        table.put("t", 2)
        hub.wake(["t"])
        await until(lambda: client.raw == b"= 1:1\n+ 2:1\n")
        table.put("t", 2, 7)
        del table.rows["t"][1]
        hub.wake(["t"])
        await until(lambda: client.raw == b"= 1:1\n+ 2:1\n- 1\n+ 2:7\n")


async def test_a_later_stream_gets_the_state_and_the_others_only_what_changed(
    table: Table,
) -> None:
    table.put("t", 1)
    async with running(table, LocalBroker()) as hub:
        first = Client(hub, "t")
        await until(lambda: first.raw)
        table.put("t", 2)
        second = Client(hub, "t")
        await until(lambda: second.raw == b"= 1:1 2:1\n")
        assert first.raw == b"= 1:1\n+ 2:1\n"
        table.put("t", 3)
        hub.wake(["t"])
        await until(lambda: first.raw.endswith(b"+ 3:1\n") and second.raw.endswith(b"+ 3:1\n"))
        assert first.raw == b"= 1:1\n+ 2:1\n+ 3:1\n"
        assert second.raw == b"= 1:1 2:1\n+ 3:1\n"


async def test_a_topic_never_gets_the_events_of_another(table: Table) -> None:
    table.put("alice", 1)
    table.put("bob", 2)
    async with running(table, LocalBroker()) as hub:
        alice, bob = Client(hub, "alice"), Client(hub, "bob")
        await until(lambda: alice.raw and bob.raw)
        table.put("bob", 3)
        hub.wake(["bob", "alice"])
        await until(lambda: bob.raw == b"= 2:1\n+ 3:1\n")
        assert alice.raw == b"= 1:1\n"


async def test_a_hint_that_comes_during_a_read_causes_another_one(table: Table) -> None:
    async with running(table, LocalBroker()) as hub:
        client = Client(hub, "t")
        await until(lambda: client.raw == b"= \n")
        table.reading.clear()
        table.go_on.clear()
        hub.wake(["t"])
        await until(table.reading.is_set)
        # The read has looked already: this row is not in its answer.
        table.put("t", 1)
        hub.wake(["t"])
        table.go_on.set()
        await until(lambda: client.raw == b"= \n+ 1:1\n")


async def test_a_stream_that_opens_during_a_read_ends_with_the_state_too(table: Table) -> None:
    async with running(table, LocalBroker()) as hub:
        first = Client(hub, "t")
        await until(lambda: first.raw)
        table.reading.clear()
        table.go_on.clear()
        hub.wake(["t"])
        await until(table.reading.is_set)
        table.put("t", 1)
        second = Client(hub, "t")
        table.go_on.set()
        await until(lambda: first.shown == second.shown == {1: 1})


async def test_a_thousand_hints_at_once_cause_few_reads(table: Table) -> None:
    async with running(table, LocalBroker()) as hub:
        client = Client(hub, "t")
        await until(lambda: client.raw and settled(hub))
        before = len(table.reads)
        table.put("t", 1)
        for _ in range(1000):
            hub.wake(["t"])
        await until(lambda: client.shown == {1: 1})
        assert len(table.reads) - before <= 2


async def test_topics_that_wake_at_once_are_read_together(table: Table) -> None:
    async with running(table, LocalBroker()) as hub:
        clients = [Client(hub, f"t{number}") for number in range(2 * BATCH + 1)]
        await until(lambda: all(client.raw for client in clients) and settled(hub))
        del table.reads[:]
        hub.wake([client.stream.topic for client in clients])
        await until(lambda: sum(map(len, table.reads)) == len(clients))
        assert [len(read) for read in table.reads] == [BATCH, BATCH, 1]


async def test_a_hint_without_a_stream_here_costs_no_read(table: Table) -> None:
    async with running(table, LocalBroker()) as hub:
        client = Client(hub, "t")
        await until(lambda: client.raw and settled(hub))
        del table.reads[:]
        hub.wake(["another", "", "~canary", "!", "!another", "t"])
        await until(lambda: table.reads)
        assert all(read == ["t"] for read in table.reads)


async def test_a_broker_that_wakes_all_the_time_causes_reads_for_half_of_the_time_at_most(
    table: Table,
) -> None:
    async with running(table, LocalBroker()) as hub:
        client = Client(hub, "t")
        await until(lambda: client.raw and settled(hub))
        table.go_on.clear()
        del table.reads[:]
        hub.wake(None)
        await until(lambda: table.reads)
        asyncio.get_running_loop().call_later(0.2, table.go_on.set)
        started = asyncio.get_running_loop().time()
        await until(lambda: hub.wake(None) or len(table.reads) >= 2)  # type: ignore[func-returns-value]
        # 0.2 s of reading, then 0.2 s of rest.
        assert asyncio.get_running_loop().time() - started >= 0.35


async def test_a_hint_about_everything_that_comes_during_a_read_causes_another_one(
    table: Table,
) -> None:
    async with running(table, LocalBroker()) as hub:
        client = Client(hub, "t")
        await until(lambda: client.raw and settled(hub))
        table.reading.clear()
        table.go_on.clear()
        hub.wake(None)
        await until(table.reading.is_set)
        table.put("t", 1)
        hub.wake(None)
        table.go_on.set()
        await until(lambda: client.raw == b"= \n+ 1:1\n")


async def test_endless_hints_do_not_keep_other_topics_from_being_read(table: Table) -> None:
    async with running(table, LocalBroker(), reconcile=0.2) as hub:
        loud, quiet = Client(hub, "loud"), Client(hub, "quiet")
        await until(lambda: loud.raw and quiet.raw)
        read = table.read

        def wakes_again(topics: Any) -> Any:
            asyncio.run_coroutine_threadsafe(_wake(hub, "loud"), hub._loop).result(5)
            return read(topics)

        table.read = wakes_again  # type: ignore[method-assign]
        hub.wake(["loud"])
        table.put("quiet", 1)  # without a word
        await until(lambda: quiet.raw.endswith(b"+ 1:1\n"), 3)
        table.read = read  # type: ignore[method-assign]


async def _wake(hub: Any, topic: str) -> None:
    hub.wake([topic])


async def test_a_bad_row_does_not_affect_other_topics(table: Table) -> None:
    original = table.changed

    def changed(key: Any, version: Any) -> bytes:
        if version == 13:
            raise ValueError("a row that can't be encoded")
        return original(key, version)

    table.changed = changed  # type: ignore[method-assign]
    async with running(table, LocalBroker()) as hub:
        unlucky, lucky = Client(hub, "a"), Client(hub, "b")
        await until(lambda: unlucky.raw and lucky.raw)
        table.put("a", 1, 13)
        table.put("b", 1)
        hub.wake(["a", "b"])
        await until(lambda: lucky.shown == {1: 1})
        assert unlucky.shown == {}
        table.put("a", 1, 14)
        hub.wake(["a"])
        await until(lambda: unlucky.shown == {1: 14})


async def test_a_stream_that_fails_is_dropped_and_the_others_go_on(table: Table) -> None:
    def fails(state: State) -> bytes:
        raise ValueError("a listener's own mistake")

    async with running(table, LocalBroker()) as hub:
        failing, good = Client(hub, "t", snapshot=fails), Client(hub, "t")
        await until(lambda: good.raw == b"= \n" and failing.over)
        assert failing.raw == b"bye restart\n"
        assert hub.subscriptions() == [good.stream]
