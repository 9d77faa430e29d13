from __future__ import annotations

import asyncio
import threading
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.conftest import until
from tests.realtime.memory import Client, Table, Telephone, running, settled
from toasts.realtime.agenda import BATCH
from toasts.realtime.broker import LocalBroker
from toasts.realtime.subscription import Poll, State

pytestmark = pytest.mark.usefixtures("fast_ticks")

# Telling.


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


async def test_who_comes_later_gets_the_state_and_the_others_only_what_changed(
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


async def test_a_topic_never_hears_of_another(table: Table) -> None:
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


async def test_who_comes_during_a_read_ends_with_the_state_too(table: Table) -> None:
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


async def test_a_thousand_hints_of_one_moment_are_few_reads(table: Table) -> None:
    async with running(table, LocalBroker()) as hub:
        client = Client(hub, "t")
        await until(lambda: client.raw and settled(hub))
        before = len(table.reads)
        table.put("t", 1)
        for _ in range(1000):
            hub.wake(["t"])
        await until(lambda: client.shown == {1: 1})
        assert len(table.reads) - before <= 2


async def test_all_that_wakes_in_one_moment_is_read_together(table: Table) -> None:
    async with running(table, LocalBroker()) as hub:
        clients = [Client(hub, f"t{number}") for number in range(2 * BATCH + 1)]
        await until(lambda: all(client.raw for client in clients) and settled(hub))
        del table.reads[:]
        hub.wake([client.stream.topic for client in clients])
        await until(lambda: sum(map(len, table.reads)) == len(clients))
        assert [len(read) for read in table.reads] == [BATCH, BATCH, 1]


async def test_a_hint_without_a_listener_here_costs_no_read(table: Table) -> None:
    async with running(table, LocalBroker()) as hub:
        client = Client(hub, "t")
        await until(lambda: client.raw and settled(hub))
        del table.reads[:]
        hub.wake(["another", "", "~canary", "!", "!another", "t"])
        await until(lambda: table.reads)
        assert all(read == ["t"] for read in table.reads)


async def test_a_watcher_that_wakes_all_the_time_reads_half_of_the_time_at_most(
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
        await until(lambda: hub.wake(None) or len(table.reads) >= 2)
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


async def test_hints_without_end_do_not_keep_the_others_from_their_turn(table: Table) -> None:
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


async def test_one_bad_row_keeps_nobody_else_from_hearing(table: Table) -> None:
    original = table.changed

    def changed(key: Any, version: Any) -> bytes:
        if version == 13:
            raise ValueError("a row that can't be said")
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


async def test_a_listener_that_fails_is_let_go_and_the_others_go_on(table: Table) -> None:
    def fails(state: State) -> bytes:
        raise ValueError("a listener's own mistake")

    async with running(table, LocalBroker()) as hub:
        failing, good = Client(hub, "t", snapshot=fails), Client(hub, "t")
        await until(lambda: good.raw == b"= \n" and failing.over)
        assert failing.raw == b"bye restart\n"
        assert hub.listeners() == [good.stream]


# The registry.


async def test_a_topics_state_goes_with_its_last_stream(table: Table) -> None:
    async with running(table, LocalBroker()) as hub:
        first, second = Client(hub, "t"), Client(hub, "t")
        await until(lambda: first.raw and second.raw)
        hub.unsubscribe(first.stream)
        assert set(hub.registry.topics) == {"t"}
        hub.unsubscribe(second.stream)
        hub.unsubscribe(second.stream)
        assert hub.registry.topics == {}
        # And what changed meanwhile is no change for who comes next.
        table.put("t", 1)
        third = Client(hub, "t")
        await until(lambda: third.raw == b"= 1:1\n")


async def test_the_oldest_stream_gives_way_at_the_cap(table: Table) -> None:
    async with running(table, LocalBroker(), per_topic=2) as hub:
        clients = [Client(hub, "t") for _ in range(3)]
        other = Client(hub, "another")
        await until(lambda: all(client.raw for client in (*clients, other)) and clients[0].over)
        assert clients[0].raw == b"bye superseded\n"
        assert hub.listeners() == [clients[1].stream, clients[2].stream, other.stream]


async def test_a_poll_listens_beside_the_streams(table: Table) -> None:
    answer: asyncio.Future[State | None] = asyncio.get_running_loop().create_future()
    async with running(table, LocalBroker()) as hub:
        client = Client(hub, "t")
        hub.subscribe(Poll("t", "right", 0, lambda state: 1 in state, answer))
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
async def test_a_hundred_come_and_go_and_nothing_is_left(data: st.DataObject) -> None:
    table = Table()
    async with running(table, LocalBroker(), per_topic=5) as hub:
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
        assert set(hub.listeners()) == {client.stream for client in staying}
        await until(lambda: all(each.shown == table.rows[each.stream.topic] for each in staying))
        for client in everybody:
            hub.unsubscribe(client.stream)
        assert hub.registry.topics == {}
        assert hub.listeners() == []
        await asyncio.gather(*(client.leave() for client in everybody))


async def test_a_server_that_stops_sends_everybody_away_now_and_from_now_on(table: Table) -> None:
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
        assert hub.listeners() == []
        thread.join(5)


# Rights.


async def test_a_doubted_right_that_ended_ends_its_streams_alone(table: Table) -> None:
    async with running(table, LocalBroker()) as hub:
        out, still_in = Client(hub, "t", grant="session 1"), Client(hub, "t", grant="session 2")
        await until(lambda: out.raw and still_in.raw)
        table.ended = {"session 1"}
        hub.wake(["!t"])
        await until(lambda: out.over)
        assert out.raw == b"= \nbye auth\n"
        assert still_in.raw == b"= \n"
        assert hub.listeners() == [still_in.stream]


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
    async with running(table, LocalBroker(), sweep=60) as hub:
        table.ended.add("ended")
        hub.sweep.doubt({"t"})
        client = Client(hub, "t", grant="ended")
        await until(lambda: b"bye auth" in client.raw)


async def test_the_sweep_finds_rights_that_ended_without_a_word(table: Table) -> None:
    async with running(table, LocalBroker(), sweep=0.1) as hub:
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
        hub.sweep.check(["t"])
        await until(lambda: table.checks > before)
        assert not client.over
        table.failing = None
        await until(lambda: client.over)


async def test_a_poll_whose_right_ended_answers_nothing(table: Table) -> None:
    answer: asyncio.Future[State | None] = asyncio.get_running_loop().create_future()
    async with running(table, LocalBroker()) as hub:
        hub.subscribe(Poll("t", "right", 0, lambda state: False, answer))
        table.ended = {"right"}
        hub.wake(["!t"])
        assert await asyncio.wait_for(answer, 5) is None
        await until(lambda: hub.listeners() == [])
