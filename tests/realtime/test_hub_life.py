"""The hub when things break, and its beginning and end."""

from __future__ import annotations

import asyncio
import contextvars
import logging
import threading
from collections import Counter
from types import SimpleNamespace
from typing import Any

import pytest

from tests.conftest import until
from tests.realtime.memory import Client, Table, Telephone, make_stream, running, settled
from toasts.realtime import hub as hub_module
from toasts.realtime import supervision
from toasts.realtime.broker import BrokerError, LocalBroker, Publish, Wake
from toasts.realtime.hub import Hub, Timing


class Deaf(Telephone):
    """Never gets through, and never says so."""

    async def listen(self, wake: Wake, publish: Publish) -> None:
        self.calls += 1
        await asyncio.Event().wait()


def reader_threads() -> list[threading.Thread]:
    return [each for each in threading.enumerate() if each.name.startswith("toasts-reader")]


def hub_tasks() -> list[asyncio.Task[Any]]:
    return [task for task in asyncio.all_tasks() if task.get_name().startswith("toasts_")]


pytestmark = pytest.mark.usefixtures("fast_ticks")

# When things break.


async def test_a_read_that_failed_is_tried_again_and_the_streams_live_on(
    table: Table, quick: None
) -> None:
    async with running(table, LocalBroker()) as hub:
        client = Client(hub, "t")
        await until(lambda: client.raw and hub.listening)
        table.failing = OSError("the database is away")
        table.put("t", 1)
        before = len(table.reads)
        hub.wake(["t"])
        await until(lambda: len(table.reads) >= before + 3)
        assert not client.over
        table.failing = None
        await until(lambda: client.raw == b"= \n+ 1:1\n")


async def test_a_broken_listener_is_called_again_and_all_is_looked_up_anew(
    table: Table, quick: None
) -> None:
    phone = Telephone()
    async with running(table, phone) as hub:
        client = Client(hub, "t")
        await until(lambda: client.raw and hub.listening)
        phone.cut(BrokerError("the connection is lost"))
        await until(lambda: phone.calls >= 4)
        assert not hub.listening
        # While it was deaf, something came; no hint will ever tell.
        table.put("t", 1)
        phone.broken = None
        await until(lambda: hub.listening)
        await until(lambda: client.raw == b"= \n+ 1:1\n")


async def test_the_back_off_grows_with_jitter_and_has_a_bound(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    delays: list[float] = []
    done = asyncio.Event()

    async def nap(seconds: float) -> None:
        delays.append(seconds)
        if len(delays) == 2000:
            done.set()
            await asyncio.Event().wait()

    async def fails() -> None:
        raise OSError("away")

    caplog.set_level(logging.CRITICAL, "toasts.realtime")
    fast = SimpleNamespace(get_running_loop=asyncio.get_running_loop, sleep=nap)
    monkeypatch.setattr(supervision, "asyncio", fast)
    task = asyncio.create_task(supervision.supervised(fails, hub_module.BACKOFF_MAX))
    # Two thousand failures are hours without a database: no number may outgrow them.
    await until(lambda: done.is_set() or task.done())
    assert not task.done(), task.exception()
    task.cancel()
    least, most = supervision.BACKOFF_MIN, hub_module.BACKOFF_MAX
    assert all(least <= delay <= most for delay in delays)
    assert all(delay <= least * 2 ** (number + 1) for number, delay in enumerate(delays[:5]))
    assert len(set(delays)) > 1000
    assert max(delays) > 0.9 * most


async def test_a_loop_that_returns_is_a_failure_and_starts_again(
    quick: None, caplog: pytest.LogCaptureFixture
) -> None:
    runs: list[float] = []

    async def returns() -> None:
        runs.append(asyncio.get_running_loop().time())

    task = asyncio.create_task(supervision.supervised(returns, hub_module.BACKOFF_MAX))
    await until(lambda: len(runs) >= 3)
    task.cancel()
    assert "returns failed (it returned, though it is to run for ever)" in caplog.text


async def test_only_the_first_failure_is_logged_with_its_traceback(
    table: Table, quick: None, caplog: pytest.LogCaptureFixture
) -> None:
    phone = Telephone()
    phone.broken = BrokerError("nobody answers")
    async with running(table, phone) as hub:
        Client(hub, "t")
        await until(lambda: phone.calls >= 4)
    records = [
        each for each in caplog.records if each.message.startswith("Hub._listen failed (nobody")
    ]
    assert [bool(record.exc_info) for record in records[:3]] == [True, False, False]


async def test_the_reconciler_finds_what_no_hint_told(table: Table) -> None:
    async with running(table, Telephone(), reconcile=0.1) as hub:
        client = Client(hub, "t")
        await until(lambda: client.raw == b"= \n" and hub.listening)
        table.put("t", 1)
        await until(lambda: client.raw == b"= \n+ 1:1\n", 4)


async def test_a_deaf_hub_looks_every_second_whatever_its_setting(table: Table) -> None:
    async with running(table, Deaf(), reconcile=1000) as hub:
        client = Client(hub, "t")
        await until(lambda: client.raw == b"= \n")
        table.put("t", 1)
        await until(lambda: client.raw == b"= \n+ 1:1\n", 3)


async def test_a_hearing_hub_leaves_the_database_alone_between_its_looks(table: Table) -> None:
    ticks: list[float] = []
    async with running(table, Telephone(), reconcile=1000) as hub:
        client = Client(hub, "t")
        await until(lambda: client.raw == b"= \n" and settled(hub))
        hub.turns.tick = ticks.append  # type: ignore[method-assign]
        before = len(table.reads)
        await until(lambda: len(ticks) >= 2)
        assert len(table.reads) == before


# Announcing.


async def test_what_another_thread_announces_is_heard_here_and_sent_on(table: Table) -> None:
    phone = Telephone()
    async with running(table, phone) as hub:
        client = Client(hub, "t")
        await until(lambda: client.raw == b"= \n")
        table.put("t", 1)
        thread = threading.Thread(target=hub.announce, args=(["t", "elsewhere"],))
        thread.start()
        await until(lambda: client.raw == b"= \n+ 1:1\n")
        await until(lambda: phone.sent == [["t", "elsewhere"]])
        thread.join(5)


async def test_what_is_announced_in_one_moment_travels_together_and_without_doubles(
    table: Table,
) -> None:
    phone = Telephone()
    async with running(table, phone) as hub:
        hub.start()
        for number in range(1000):
            hub.announce([f"t{number % 10}"])
        await until(lambda: phone.sent)
        assert phone.sent == [[f"t{number}" for number in range(10)]]


async def test_a_hint_that_could_not_be_sent_keeps_nothing_from_the_next(
    table: Table, quick: None
) -> None:
    phone = Telephone()
    async with running(table, phone) as hub:
        hub.start()
        await until(lambda: hub.listening)
        phone.broken = OSError("away")
        hub.announce(["a"])
        await until(lambda: phone.sent == [["a"]])
        phone.broken = None
        hub.announce(["b"])
        await until(lambda: phone.sent[-1] == ["b"])


# Its life.


async def test_stop_leaves_neither_task_nor_thread_and_may_come_twice(table: Table) -> None:
    tasks, threads = asyncio.all_tasks(), set(threading.enumerate())
    hub = Hub(table, LocalBroker(), Timing(), 10)
    await hub.stop()
    stream = make_stream("t")
    hub.subscribe(stream)
    await until(lambda: stream._buffer)
    assert hub.running
    assert len(hub_tasks()) == 5
    await asyncio.gather(hub.stop(), hub.stop())
    await hub.stop()
    assert not hub.running
    assert not hub.listening
    assert asyncio.all_tasks() == tasks
    await until(lambda: set(threading.enumerate()) <= threads)
    assert [name[:13] for name in table.closed_in] == ["toasts-reader"]


async def test_a_source_that_cannot_close_still_gives_its_thread_back(table: Table) -> None:
    def close() -> None:
        raise OSError("away")

    table.close = close  # type: ignore[method-assign]
    hub = Hub(table, LocalBroker(), Timing(), 10)
    hub.start()
    await hub.run(list)
    assert reader_threads()
    with pytest.raises(OSError, match="away"):
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


async def test_a_read_that_hangs_keeps_nobody_from_stopping(
    table: Table, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hub_module, "CLOSES_WITHIN", 0.05)
    hub = Hub(table, LocalBroker(), Timing(), 10)
    table.go_on.clear()
    hub.subscribe(make_stream("t"))
    await until(table.reading.is_set)
    await asyncio.wait_for(hub.stop(), 5)
    assert not hub.running
    table.go_on.set()
    await until(lambda: not reader_threads())


async def test_a_hub_without_listeners_gives_back_its_thread(table: Table) -> None:
    async with running(table, LocalBroker(), linger=0.1) as hub:
        client = Client(hub, "t")
        await until(lambda: client.raw and reader_threads())
        hub.unsubscribe(client.stream)
        await until(lambda: not hub.running, 5)
        await until(lambda: table.closed_in and not reader_threads() and not hub_tasks())
        again = Client(hub, "t")
        await until(lambda: again.raw == b"= \n")


async def test_a_hub_with_a_listener_stays(table: Table) -> None:
    ticks: list[float] = []
    async with running(table, LocalBroker(), linger=0) as hub:
        client = Client(hub, "t")
        tick = hub.turns.tick
        hub.turns.tick = lambda now: (ticks.append(now), tick(now))  # type: ignore
        await until(lambda: len(ticks) >= 2)
        assert hub.running
        assert not client.over


async def test_pings_and_rotation_come_with_the_ticks(table: Table) -> None:
    async with running(table, LocalBroker()) as hub:
        client = Client(hub, "t", heartbeat=0.3, lifetime=0.55)
        await until(lambda: client.over, 4)
        assert client.raw == b"= \nping\nbye rotate\n"
        await until(lambda: hub.listeners() == [])


async def test_a_client_that_never_reads_is_cut_by_the_ticks(table: Table) -> None:
    cuts: list[str] = []
    async with running(table, LocalBroker()) as hub:
        hub.subscribe(make_stream("t", cut=lambda: cuts.append("cut"), patience=0.1))
        await until(lambda: cuts, 4)


async def test_a_listener_whose_tick_fails_stops_no_clock(table: Table) -> None:
    def fails() -> None:
        raise ValueError("cut fails")

    async with running(table, LocalBroker()) as hub:
        hub.subscribe(make_stream("t", cut=fails, patience=0))
        client = Client(hub, "t", heartbeat=0.3)
        await until(lambda: client.raw == b"= \nping\n", 4)
        assert hub.listeners() == [client.stream]


async def test_the_loops_run_in_a_context_of_their_own(table: Table) -> None:
    """The request that opens the first stream must not lend what is its own to all the others."""
    request = contextvars.ContextVar[str]("request")
    seen: list[bool] = []
    phone = Telephone()
    listen = phone.listen

    async def spy(wake: Wake, publish: Publish) -> None:
        seen.append(request in contextvars.copy_context())
        await listen(wake, publish)

    phone.listen = spy  # type: ignore[method-assign]
    async with running(table, phone) as hub:
        request.set("alice's")
        Client(hub, "t")
        await until(lambda: seen)
        assert seen == [False]


class Ticked:
    """A listener that notes when it is visited."""

    grant, opened, ended = "right", 0.0, False

    def __init__(self, topic: str) -> None:
        self.topic = topic
        self.visits: list[float] = []

    def deliver(self, state: Any, delta: bytes) -> None: ...
    def tick(self, now: float) -> None:
        self.visits.append(now)

    def end(self, last: bytes) -> None: ...


async def test_each_listener_has_its_turn_and_no_tick_visits_all(
    table: Table, fast_ticks: None
) -> None:
    async with running(table, LocalBroker(), turns=3) as hub:
        listeners = [Ticked(f"t{number}") for number in range(8)]
        for listener in listeners:
            hub.subscribe(listener)
        await until(lambda: all(len(listener.visits) >= 2 for listener in listeners))
        visits = Counter(now for listener in listeners for now in listener.visits)
        assert [visits[now] for now in sorted(visits)][:6] == [3, 3, 2, 3, 3, 2]
