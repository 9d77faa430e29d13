"""What a hub announces, and how it starts and stops."""

from __future__ import annotations

import asyncio
import contextvars
import threading
from typing import Any

import pytest

from tests.conftest import until
from tests.support.memory_source import Client, FakeBroker, Table, make_stream, running
from toasts.realtime import worker
from toasts.realtime.brokers.base import Publish, Wake
from toasts.realtime.brokers.local import LocalBroker
from toasts.realtime.hub import Hub
from toasts.realtime.timing import Timing


def reader_threads() -> list[threading.Thread]:
    return [each for each in threading.enumerate() if each.name.startswith("toasts-reader")]


def hub_tasks() -> list[asyncio.Task[Any]]:
    return [task for task in asyncio.all_tasks() if task.get_name().startswith("toasts_")]


pytestmark = pytest.mark.usefixtures("fast_ticks")


# Announcing.


async def test_an_announcement_of_another_thread_wakes_topics_here_and_is_published(
    table: Table,
) -> None:
    broker = FakeBroker()
    async with running(table, broker) as hub:
        client = Client(hub, "t")
        await until(lambda: client.raw == b"= \n")
        table.put("t", 1)
        thread = threading.Thread(target=hub.announce, args=(["t", "elsewhere"],))
        thread.start()
        await until(lambda: client.raw == b"= \n+ 1:1\n")
        await until(lambda: broker.sent == [["t", "elsewhere"]])
        thread.join(5)


async def test_simultaneous_announcements_are_published_together_without_duplicates(
    table: Table,
) -> None:
    broker = FakeBroker()
    async with running(table, broker) as hub:
        hub.start()
        for number in range(1000):
            hub.announce([f"t{number % 10}"])
        await until(lambda: broker.sent)
        assert broker.sent == [[f"t{number}" for number in range(10)]]


async def test_no_announcement_of_many_threads_is_lost(table: Table) -> None:
    broker = FakeBroker()
    async with running(table, broker) as hub:
        hub.start()

        def announce(thread: int) -> None:
            for number in range(500):
                hub.announce([f"{thread} {number}"])

        await asyncio.gather(*(asyncio.to_thread(announce, thread) for thread in range(8)))
        await until(lambda: sum(map(len, broker.sent)) == 8 * 500)
        assert {hint for hints in broker.sent for hint in hints} == {
            f"{thread} {number}" for thread in range(8) for number in range(500)
        }
        hub.announce(["later"])  # when the loop is idle
        await until(lambda: broker.sent[-1] == ["later"])


async def test_an_interrupted_announcement_does_not_affect_the_next(
    table: Table, monkeypatch: pytest.MonkeyPatch
) -> None:
    broker = FakeBroker()
    async with running(table, broker) as hub:
        hub.start()

        def interrupted(*call: Any) -> None:
            raise KeyboardInterrupt

        with monkeypatch.context() as patch:
            patch.setattr(
                hub.publisher, "_loop", type("Loop", (), {"call_soon_threadsafe": interrupted})()
            )
            with pytest.raises(KeyboardInterrupt):
                hub.announce(["a"])
        hub.announce(["b"])
        await until(lambda: broker.sent == [["a", "b"]])


async def test_a_hint_that_could_not_be_sent_does_not_affect_the_next(
    table: Table, quick: None
) -> None:
    broker = FakeBroker()
    async with running(table, broker) as hub:
        hub.start()
        await until(lambda: hub.listening)
        broker.broken = OSError("down")
        hub.announce(["a"])
        await until(lambda: broker.sent == [["a"]])
        broker.broken = None
        hub.announce(["b"])
        await until(lambda: broker.sent[-1] == ["b"])


# Start and stop.


async def test_stop_ends_all_tasks_and_threads_and_may_be_called_twice(table: Table) -> None:
    tasks, threads = asyncio.all_tasks(), set(threading.enumerate())
    hub = Hub(table, LocalBroker(), Timing(), 10)
    await hub.stop()
    stream = make_stream("t")
    hub.subscribe(stream)
    await until(lambda: stream._buffer)
    assert hub.running
    assert len(hub_tasks()) == 6
    await asyncio.gather(hub.stop(), hub.stop())
    await hub.stop()
    assert not hub.running
    assert not hub.listening
    assert asyncio.all_tasks() == tasks
    await until(lambda: set(threading.enumerate()) <= threads)
    assert [name[:13] for name in table.closed_in] == ["toasts-reader"]


async def test_the_thread_of_a_source_that_cannot_close_ends(table: Table) -> None:
    def close() -> None:
        raise OSError("down")

    table.close = close  # type: ignore[method-assign]
    hub = Hub(table, LocalBroker(), Timing(), 10)
    hub.start()
    await hub.run(list)
    assert reader_threads()
    with pytest.raises(OSError, match="down"):
        await hub.stop()
    await until(lambda: not reader_threads())


async def test_a_stopped_hub_starts_again_with_the_next_stream(table: Table) -> None:
    async with running(table, LocalBroker()) as hub:
        first = Client(hub, "t")
        await until(lambda: first.raw)
        await hub.stop()
        with pytest.raises(RuntimeError, match="the hub has stopped"):
            await hub.run(list)
        table.put("t", 1)
        second = Client(hub, "t")
        await until(lambda: second.raw == b"= 1:1\n" and first.raw == b"= \n+ 1:1\n")
        await until(lambda: hub.listening)


async def test_a_stream_that_comes_while_the_hub_stops_is_served(table: Table) -> None:
    broker = LocalBroker()
    async with running(table, broker) as hub:
        hub.start()
        await until(lambda: hub.listening)
        stopping = asyncio.create_task(hub.stop())
        await until(lambda: not hub.running)
        client = Client(hub, "t")
        await stopping
        await until(lambda: client.raw == b"= \n" and hub.listening)
        table.put("t", 1)
        broker.publish(["t"])
        await until(lambda: client.raw == b"= \n+ 1:1\n")


async def test_stop_in_the_middle_of_a_read_waits_for_it_and_loses_no_thread(table: Table) -> None:
    hub = Hub(table, LocalBroker(), Timing(), 10)
    table.go_on.clear()
    hub.subscribe(make_stream("t"))
    await until(table.reading.is_set)
    stopping = asyncio.create_task(hub.stop())
    await until(lambda: not hub_tasks())
    table.go_on.set()
    await asyncio.wait_for(stopping, 5)
    await until(lambda: not reader_threads())
    assert len(table.closed_in) == 1


async def test_a_read_that_hangs_does_not_keep_the_hub_from_stopping(
    table: Table, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker, "CLOSE_TIMEOUT", 0.05)
    hub = Hub(table, LocalBroker(), Timing(), 10)
    table.go_on.clear()
    hub.subscribe(make_stream("t"))
    await until(table.reading.is_set)
    await asyncio.wait_for(hub.stop(), 5)
    assert not hub.running
    table.go_on.set()
    await until(lambda: not reader_threads())


async def test_the_thread_of_a_hub_without_streams_ends(table: Table) -> None:
    async with running(table, LocalBroker(), idle_timeout=0.1) as hub:
        client = Client(hub, "t")
        await until(lambda: client.raw and reader_threads())
        hub.unsubscribe(client.stream)
        await until(lambda: not hub.running, 5)
        await until(lambda: table.closed_in and not reader_threads() and not hub_tasks())
        again = Client(hub, "t")
        await until(lambda: again.raw == b"= \n")


async def test_a_hub_that_starts_again_sets_its_tickers_clock(table: Table) -> None:
    async with running(table, LocalBroker()) as hub:
        hub.ticker.now = -1e9  # it slept
        hub.start()
        assert hub.ticker.now == pytest.approx(asyncio.get_running_loop().time(), abs=5)


async def test_a_hub_with_a_stream_keeps_running(table: Table) -> None:
    ticks: list[float] = []
    async with running(table, LocalBroker(), idle_timeout=0) as hub:
        client = Client(hub, "t")
        tick = hub.ticker.tick
        hub.ticker.tick = lambda now: (ticks.append(now), tick(now))  # type: ignore[assignment, func-returns-value, method-assign]
        await until(lambda: len(ticks) >= 2)
        assert hub.running
        assert not client.over


async def test_the_loops_run_in_a_context_of_their_own(table: Table) -> None:
    """The context of the request that opens the first stream must not be used for the others."""
    request = contextvars.ContextVar[str]("request")
    seen: list[bool] = []
    broker = FakeBroker()
    listen = broker.listen

    async def spy(wake: Wake, publish: Publish) -> None:
        seen.append(request in contextvars.copy_context())
        await listen(wake, publish)

    broker.listen = spy  # type: ignore[method-assign]
    async with running(table, broker) as hub:
        request.set("alice's")
        Client(hub, "t")
        await until(lambda: seen)
        assert seen == [False]
