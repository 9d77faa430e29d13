"""The subscriptions of a hub: opened, superseded, slow and closed."""

from __future__ import annotations

import asyncio
import threading

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.conftest import until
from tests.support.memory_source import Client, Table, running
from toasts.realtime.brokers.local import LocalBroker
from toasts.realtime.streams.long_poll import LongPoll
from toasts.realtime.streams.subscription import State

pytestmark = pytest.mark.usefixtures("fast_ticks")


async def test_a_topics_state_is_dropped_with_its_last_stream(table: Table) -> None:
    async with running(table, LocalBroker()) as hub:
        first, second = Client(hub, "t"), Client(hub, "t")
        await until(lambda: first.raw and second.raw)
        hub.unsubscribe(first.stream)
        assert set(hub.registry.topics) == {"t"}
        hub.unsubscribe(second.stream)
        hub.unsubscribe(second.stream)
        assert hub.registry.topics == {}
        # A change in the meantime is no change for the next stream.
        table.put("t", 1)
        third = Client(hub, "t")
        await until(lambda: third.raw == b"= 1:1\n")


async def test_the_oldest_stream_above_the_limit_is_superseded(table: Table) -> None:
    async with running(table, LocalBroker(), max_per_group=2) as hub:
        clients = [Client(hub, "t") for _ in range(3)]
        other = Client(hub, "another")
        await until(lambda: all(client.raw for client in (*clients, other)) and clients[0].over)
        assert clients[0].raw == b"bye superseded\n"
        assert hub.subscriptions() == [clients[1].stream, clients[2].stream, other.stream]


async def test_a_poll_subscribes_beside_the_streams(table: Table) -> None:
    answer: asyncio.Future[State | None] = asyncio.get_running_loop().create_future()
    async with running(table, LocalBroker()) as hub:
        client = Client(hub, "t")
        hub.subscribe(LongPoll("t", "right", 0, lambda state: 1 in state, answer))
        await until(lambda: client.raw)
        assert not answer.done()
        table.put("t", 1)
        hub.wake(["t"])
        found = await asyncio.wait_for(answer, 5)
        assert found is not None
        assert found[1] == 1


async def test_a_stream_that_fell_behind_gets_the_whole_state_once_it_reads(table: Table) -> None:
    async with running(table, LocalBroker()) as hub:
        client = Client(hub, "t")
        await until(lambda: client.raw == b"= \n")
        await client.leave()
        for version in range(1, 100):
            table.put("t", 1, version)
            before = len(table.reads)
            hub.wake(["t"])
            await until(lambda before=before: len(table.reads) > before)
        await until(lambda: client.stream._overflowed)
        client.reading = asyncio.create_task(client._read())
        await until(lambda: client.shown == {1: 99})
        assert client.raw == b"= \n= 1:99\n"


@settings(max_examples=10, deadline=None)
@given(st.data())
async def test_a_hundred_streams_come_and_go_and_nothing_is_left(data: st.DataObject) -> None:
    table = Table()
    async with running(table, LocalBroker(), max_per_group=5) as hub:
        here: list[Client] = []
        everybody: list[Client] = []
        for number in range(100):
            topic = data.draw(st.sampled_from(["a", "b", "c"]))
            client = Client(hub, topic)
            here.append(client)
            everybody.append(client)
            table.put(topic, number % 4, number)
            hub.wake([topic])
            if data.draw(st.booleans()):
                await asyncio.sleep(0)
            if data.draw(st.integers(0, 2)) == 0:
                hub.unsubscribe(here.pop(data.draw(st.integers(0, len(here) - 1))).stream)
        staying = [client for client in here if not client.stream.ended]
        assert set(hub.subscriptions()) == {client.stream for client in staying}
        await until(lambda: all(each.shown == table.rows[each.stream.topic] for each in staying))
        for client in everybody:
            hub.unsubscribe(client.stream)
        assert hub.registry.topics == {}
        assert hub.subscriptions() == []
        await asyncio.gather(*(client.leave() for client in everybody))


async def test_a_server_that_stops_ends_all_streams_and_all_new_ones(table: Table) -> None:
    async with running(table, LocalBroker()) as hub:
        clients = [Client(hub, "t"), Client(hub, "u")]
        await until(lambda: all(client.raw for client in clients))
        thread = threading.Thread(target=hub.drain_soon)
        thread.start()
        await until(lambda: all(client.over for client in clients))
        late = Client(hub, "t")
        await until(lambda: late.over)
        assert [each.raw for each in (*clients, late)] == [
            b"= \nbye restart\n",
            b"= \nbye restart\n",
            b"bye restart\n",
        ]
        assert hub.subscriptions() == []
        thread.join(5)
