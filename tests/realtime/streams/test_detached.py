"""Running the first step of a `send` without a task, and the other steps in a task."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import pytest
import uvloop

from toasts.realtime.streams.detached import start


class Awaitable_:
    """An awaitable of a server in another language: no coroutine, only `__await__`."""

    def __init__(self, future: asyncio.Future[None] | None) -> None:
        self.future = future

    def __await__(self) -> Iterator[Any]:
        return Steps(self.future)


class Steps:
    """An iterator that is no generator, so that no exception can be thrown into it."""

    def __init__(self, future: asyncio.Future[None] | None) -> None:
        self.future = future

    def __iter__(self) -> Steps:
        return self

    def __next__(self) -> Any:
        if self.future is None or self.future.done():
            raise StopIteration
        self.future._asyncio_future_blocking = True
        return self.future


async def _nothing() -> None:
    """End at once."""


async def _suspends(times: int) -> None:
    for _ in range(times):
        await asyncio.sleep(0)


async def _waits() -> None:
    done = asyncio.Event()
    asyncio.get_running_loop().call_later(0.001, done.set)
    await done.wait()


async def _locks() -> None:
    lock = asyncio.Lock()
    await lock.acquire()
    asyncio.get_running_loop().call_later(0.001, lock.release)
    async with lock:
        await asyncio.sleep(0)


async def _puts() -> None:
    queue: asyncio.Queue[int] = asyncio.Queue(1)
    queue.put_nowait(1)
    asyncio.get_running_loop().call_later(0.001, queue.get_nowait)
    await queue.put(2)
    assert queue.get_nowait() == 2


async def _has_a_timeout() -> None:
    async with asyncio.timeout(5):
        await asyncio.sleep(0.001)


def _foreign() -> Awaitable[None]:
    future = asyncio.get_running_loop().create_future()
    asyncio.get_running_loop().call_later(0.001, future.set_result, None)
    return Awaitable_(future)  # type: ignore[return-value]


def _done_before_it_is_taken() -> Awaitable[None]:
    future = asyncio.get_running_loop().create_future()
    asyncio.get_running_loop().call_soon(future.set_result, None)
    return Awaitable_(future)  # type: ignore[return-value]


LOOPS = {"asyncio": asyncio.new_event_loop, "uvloop": uvloop.new_event_loop}


@pytest.fixture(params=list(LOOPS.values()), ids=list(LOOPS))
def run(request: Any) -> Callable[[Any], Any]:
    def run(main: Any) -> Any:
        with asyncio.Runner(loop_factory=request.param) as runner:
            return runner.run(main)

    return run


@pytest.mark.parametrize("make", [_nothing, lambda: Awaitable_(None)])
def test_a_send_that_ends_at_once_needs_no_task(run: Any, make: Any) -> None:
    async def main() -> None:
        assert start(make()) is None

    run(main())


@pytest.mark.parametrize(
    "make",
    [
        lambda: _suspends(1), lambda: _suspends(3), _waits, _locks, _puts, _has_a_timeout,
        _foreign, _done_before_it_is_taken,
    ],
)  # fmt: skip
def test_a_send_that_waits_continues_in_a_task(run: Any, make: Any) -> None:
    async def main() -> None:
        rest = start(make())
        assert rest is not None
        await asyncio.wait_for(asyncio.create_task(rest), 5)

    run(main())


def test_an_error_of_a_send_is_raised_to_its_caller(run: Any) -> None:
    async def fail(suspensions: int) -> None:
        await _suspends(suspensions)
        raise OSError("gone")

    async def main() -> None:
        with pytest.raises(OSError, match="gone"):
            start(fail(0))
        for suspensions in (1, 3):
            rest = start(fail(suspensions))
            with pytest.raises(OSError, match="gone"):
                await asyncio.create_task(rest)

    run(main())


def test_a_send_that_is_cancelled_may_await_in_its_cleanup(run: Any) -> None:
    sent: list[str] = []

    async def tidy() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            await _suspends(2)
            await asyncio.sleep(0.001)
            sent.append("tidy")

    async def main() -> None:
        task = asyncio.create_task(start(tidy()))
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert sent == ["tidy"]

    run(main())


def test_a_send_that_ignores_a_cancellation_ends_normally(run: Any) -> None:
    sent: list[str] = []

    async def stubborn() -> None:
        for _ in range(2):
            try:
                await asyncio.sleep(5)
            except asyncio.CancelledError:
                sent.append("no")

    async def main() -> None:
        task = asyncio.create_task(start(stubborn()))
        for _ in range(2):
            await asyncio.sleep(0)
            task.cancel()
        await task
        assert sent == ["no", "no"]

    run(main())


def test_a_send_that_is_cancelled_before_its_task_starts_is_closed(run: Any) -> None:
    sent: list[str] = []

    async def waits() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            sent.append("closed")

    async def main() -> None:
        task = asyncio.create_task(start(waits()))
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert sent == ["closed"]

    run(main())


def test_a_foreign_awaitable_can_be_cancelled(run: Any) -> None:
    async def main() -> None:
        future = asyncio.get_running_loop().create_future()
        task = asyncio.create_task(start(Awaitable_(future)))  # type: ignore[arg-type]
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert future.cancelled()

    run(main())


def test_a_timeout_around_send_never_cancels_the_task_that_writes(run: Any) -> None:
    async def hasty() -> None:
        async with asyncio.timeout(0.01):
            await asyncio.Event().wait()

    async def main() -> None:
        application = asyncio.create_task(asyncio.Event().wait())
        await asyncio.sleep(0)
        rest = asyncio.create_task(start(hasty(), application))
        assert asyncio.current_task() is not application
        await asyncio.wait([application], timeout=5)
        assert application.cancelled()  # the stream's own application
        assert asyncio.current_task().cancelling() == 0  # type: ignore[union-attr]
        rest.cancel()
        await asyncio.wait([rest])

    run(main())


async def test_the_task_that_writes_is_always_current_again() -> None:
    me = asyncio.current_task()
    application = asyncio.create_task(asyncio.Event().wait())
    seen: list[Any] = []

    async def send(fail: bool) -> None:
        seen.append(asyncio.current_task())
        if fail:
            raise OSError("gone")

    start(send(False), application)
    assert asyncio.current_task() is me
    with pytest.raises(OSError, match="gone"):
        start(send(True), application)
    assert asyncio.current_task() is me
    assert seen == [application, application]
    application.cancel()


def test_asyncio_lets_a_task_be_left_and_entered() -> None:
    from asyncio.tasks import _enter_task, _leave_task

    async def main() -> None:
        loop, task = asyncio.get_running_loop(), asyncio.current_task()
        assert task is not None
        _leave_task(loop, task)
        assert asyncio.current_task() is None
        _enter_task(loop, task)
        assert asyncio.current_task() is task

    asyncio.run(main())
