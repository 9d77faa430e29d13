"""The hub's thread when a call does not come back: nothing waits for it without a bound."""

from __future__ import annotations

import asyncio
import logging
import threading
from typing import Any

import pytest

from tests.conftest import until
from tests.support.memory_source import Client, FakeBroker, Table, running, settled
from toasts.realtime import worker as module
from toasts.realtime.worker import (
    CallTimeout,
    Worker,
    WorkerThread,
    close_threads,
    detach_threads,
)

pytestmark = pytest.mark.usefixtures("fast_ticks", "quick")

REPLACED = "the hub's thread and its database connections are replaced"


def threads() -> list[threading.Thread]:
    return [each for each in threading.enumerate() if each.name == "toasts-reader"]


class HalfOpen(Table):
    """What the first thread asks is never answered, until its connections are ended."""

    def __init__(self) -> None:
        super().__init__()
        self.silent: set[int] = set()
        self.ended = set()
        self.waiting = threading.Event()
        self._shut = threading.Event()

    def fall_silent(self) -> None:
        """Swallow what the threads of this moment ask."""
        self.silent = {each.ident or 0 for each in threads()}

    def abort(self) -> None:
        super().abort()
        self._shut.set()

    def _wait(self) -> None:
        if threading.get_ident() in self.silent:
            self.waiting.set()
            assert self._shut.wait(10), "nobody ended the connection"
            raise OSError("the connection was ended")

    def read(self, topics: Any) -> Any:
        self._wait()
        return super().read(topics)

    def revoked(self, grants: Any) -> Any:
        self._wait()
        return super().revoked(grants)


@pytest.fixture
def half_open() -> HalfOpen:
    return HalfOpen()


async def test_a_read_that_hangs_is_given_up_and_the_streams_get_what_they_missed(
    half_open: HalfOpen, caplog: pytest.LogCaptureFixture
) -> None:
    async with running(half_open, FakeBroker(), call_timeout=0.2) as hub:
        client = Client(hub, "t")
        await until(lambda: client.raw == b"= \n" and settled(hub))
        half_open.fall_silent()
        half_open.put("t", 1)
        hub.wake(["t"])
        await until(lambda: client.raw == b"= \n+ 1:1\n", 5)
        new = Client(hub, "u")
        await until(lambda: new.raw == b"= \n")
        assert half_open.opened == [False, True]
        await until(lambda: half_open.closed_in and len(threads()) == 1)
    assert caplog.text.count(REPLACED) == 1


async def test_calls_that_wait_behind_one_that_hangs_run_in_the_next_thread(
    half_open: HalfOpen,
) -> None:
    async with running(half_open, FakeBroker(), call_timeout=0.2) as hub:
        hub.start()
        await hub.run(list)
        half_open.fall_silent()
        hangs = asyncio.create_task(hub.run(half_open.revoked, []))
        waits = [asyncio.create_task(hub.run(half_open.revoked, [])) for _ in range(3)]
        with pytest.raises(CallTimeout, match="did not answer within"):
            await asyncio.wait_for(hangs, 5)
        assert await asyncio.wait_for(asyncio.gather(*waits), 5) == [[], [], []]


async def test_a_call_whose_caller_has_left_is_given_up_too(half_open: HalfOpen) -> None:
    async with running(half_open, FakeBroker(), call_timeout=0.2) as hub:
        hub.start()
        await hub.run(list)
        half_open.fall_silent()
        left = asyncio.create_task(hub.run(half_open.revoked, []))
        await until(lambda: half_open.waiting.is_set())
        left.cancel()
        assert await asyncio.wait_for(hub.run(half_open.revoked, []), 5) == []


@pytest.mark.parametrize("step", ["read", "revoked", "publish"])
async def test_every_step_of_the_hub_has_a_bound(half_open: HalfOpen, step: str) -> None:
    broker = FakeBroker()

    def publish(hints: Any) -> None:
        half_open._wait()
        broker.sent.append(hints)

    broker.publish = publish  # type: ignore[method-assign]
    async with running(half_open, broker, call_timeout=0.2) as hub:
        client = Client(hub, "t")
        await until(lambda: client.raw == b"= \n" and settled(hub))
        half_open.fall_silent()
        {
            "read": lambda: hub.wake(["t"]),
            "revoked": lambda: hub.revalidator.check(["t"]),
            "publish": lambda: hub.announce(["elsewhere"]),
        }[step]()
        await until(lambda: half_open.aborted, 5)
        half_open.put("t", 1)
        hub.announce(["t"])
        await until(lambda: client.raw == b"= \n+ 1:1\n" and ["t"] in broker.sent, 5)


async def test_the_time_in_which_a_call_waits_for_the_thread_does_not_count(table: Table) -> None:
    async with running(table, FakeBroker(), call_timeout=0.5) as hub:
        hub.start()
        pause = threading.Event()
        results = [hub.run(pause.wait, 0.2) for _ in range(6)]
        assert await asyncio.wait_for(asyncio.gather(*results), 5) == [False] * 6
        assert table.opened == [False]


async def test_a_read_that_is_slow_gets_more_time_until_it_succeeds(table: Table) -> None:
    """A site's feed may need longer than most: it must not be begun anew for ever."""
    slow = threading.Event()
    read = table.read

    def slowly(topics: Any) -> Any:
        slow.wait(0.7)
        return read(topics)

    table.read = slowly  # type: ignore[method-assign]
    async with running(table, FakeBroker(), call_timeout=0.2) as hub:
        client = Client(hub, "t")
        await until(lambda: client.raw == b"= \n", 10)
        table.put("t", 1)
        opened = len(table.opened)
        hub.wake(["t"])
        await until(lambda: client.raw == b"= \n+ 1:1\n", 5)
        assert len(table.opened) == opened, "the time that it needs was forgotten at once"


async def test_a_database_that_never_answers_is_logged_once(
    half_open: HalfOpen, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING, "toasts.realtime")
    half_open._wait = lambda: threading.Event().wait(1)  # type: ignore[assignment,method-assign]
    async with running(half_open, FakeBroker(), call_timeout=0.1) as hub:
        hub.subscribe(Client(hub, "t").stream)
        await until(lambda: len(half_open.opened) >= 3)
    assert caplog.text.count(REPLACED) == 1


async def test_no_more_than_some_threads_hang_at_once(
    table: Table, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "GIVEN_UP_MAX", 2)
    released = threading.Event()
    worker = Worker(asyncio.get_running_loop(), table.open, 0.01)
    worker.start()
    calls = [asyncio.create_task(worker.call(released.wait, 10)) for _ in range(5)]

    def given_up() -> int:
        worker.check()
        return sum(call.done() for call in calls)

    await until(lambda: given_up() == 2)
    for _ in range(10):
        await asyncio.sleep(0.01)
        assert given_up() == 2
    released.set()
    await asyncio.gather(*calls, return_exceptions=True)
    await close_threads(detach_threads([worker]))
    await until(lambda: not threads())


async def test_a_thread_that_is_given_up_does_not_begin_its_call_late(table: Table) -> None:
    """What hung was the renewal of its connections."""
    renewing, begun = threading.Event(), threading.Event()
    table.renew = lambda: renewing.wait(5)  # type: ignore[assignment,method-assign]
    loop = asyncio.get_running_loop()
    thread = WorkerThread(loop, table.open)
    answer = loop.create_future()
    thread.submit(module.Call(begun.set, 0.1, answer))
    await until(lambda: thread.current)
    assert thread.give_up() == []
    renewing.set()
    # The call may have come after the one that was given up: then nobody else answers it.
    with pytest.raises(CallTimeout):
        await asyncio.wait_for(answer, 5)
    await until(lambda: not thread.is_alive())
    assert not begun.is_set()


async def test_a_hub_that_stops_leaves_nobody_waiting_for_a_call_that_hangs(
    half_open: HalfOpen, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "CLOSE_TIMEOUT", 0.1)
    async with running(half_open, FakeBroker(), call_timeout=100) as hub:
        hub.start()
        await hub.run(list)
        half_open.fall_silent()
        calls = [asyncio.create_task(hub.run(half_open.revoked, [])) for _ in range(2)]
        await asyncio.sleep(0)
        await asyncio.wait_for(hub.stop(), 5)
        answers = await asyncio.wait_for(asyncio.gather(*calls, return_exceptions=True), 5)
        assert [type(answer) for answer in answers] == [CallTimeout] * 2
    await until(lambda: not threads())


def test_the_end_of_the_loop_is_the_end_of_the_thread(table: Table) -> None:
    """As with each asynchronous test of Django's: nothing must stay connected to its database."""

    async def main() -> None:
        from toasts.realtime.hub import Hub
        from toasts.realtime.timing import Timing

        hub = Hub(table, FakeBroker(), Timing(), 10)
        client = Client(hub, "t")
        await until(lambda: client.raw == b"= \n")

    asyncio.run(main())
    assert table.closed_in == ["toasts-reader"]
    assert threads() == []


@pytest.mark.parametrize("error", [StopIteration, asyncio.CancelledError, GeneratorExit])
async def test_what_a_call_may_not_raise_ends_no_loop_and_keeps_nobody_waiting(
    table: Table, error: type[BaseException]
) -> None:
    def fail() -> None:
        raise error

    async with running(table, FakeBroker()) as hub:
        hub.start()
        with pytest.raises(RuntimeError, match=f"raised {error.__name__}$") as caught:
            await asyncio.wait_for(hub.run(fail), 5)
        assert isinstance(caught.value.__cause__, error)


async def test_all_threads_are_closed_although_one_cannot(table: Table) -> None:
    loop = asyncio.get_running_loop()
    workers = [Worker(loop, table.open, 5) for _ in range(2)]
    closing = iter([OSError("it cannot be closed"), None])

    def close() -> None:
        if (error := next(closing)) is not None:
            raise error

    table.close = close  # type: ignore[method-assign]
    for worker in workers:
        worker.start()
        await worker.call(list)
    with pytest.raises(OSError, match="it cannot be closed"):
        await close_threads(detach_threads(workers))
    await until(lambda: not threads())
