"""Run the first steps of a coroutine without a task of its own.

This is the only module that uses ``_enter_task`` and ``_leave_task``, which asyncio's documentation
has for that ("Extending asyncio", "Task lifetime support").
"""

from __future__ import annotations

import asyncio
import contextlib
from asyncio.tasks import _enter_task, _leave_task
from collections.abc import Awaitable, Coroutine, Generator, Iterator
from typing import Any

from ..servers import granian


@contextlib.contextmanager
def detached_from_task() -> Iterator[None]:
    """Run a block outside any task, so that `start` has no task to leave and enter each time."""
    loop, task = asyncio.get_running_loop(), asyncio.current_task()
    if task is None:
        yield
        return
    _leave_task(loop, task)
    try:
        yield
    finally:
        _enter_task(loop, task)


def start(awaitable: Awaitable[None], task: asyncio.Task[Any] | None = None) -> Any:
    """Run an awaitable up to its first wait.

    Args:
        awaitable: what a server's ``send`` returned.
        task: the task that is current meanwhile. A ``send`` inside ``asyncio.timeout()`` cancels,
            when the time is up, the task that it began in: that must not be the hub's.

    Returns:
        None if it ended; else a coroutine for its remaining steps, to be run in a task.
    """
    if task is None:
        return _first_step(awaitable)
    loop = task.get_loop()
    current = asyncio.current_task(loop)
    if current is task:
        return _first_step(awaitable)
    if current is not None:
        _leave_task(loop, current)
    _enter_task(loop, task)
    try:
        return _first_step(awaitable)
    finally:
        _leave_task(loop, task)
        if current is not None:
            _enter_task(loop, current)


async def start_later(awaitable: Awaitable[None]) -> None:
    """Run a whole awaitable: what a task is given where `start` must not be used."""
    await awaitable


def _first_step(awaitable: Awaitable[None]) -> Any:
    steps = awaitable.__await__()
    try:
        future = next(steps)
    except StopIteration:
        return None
    return RemainingSteps(steps, future)


class RemainingSteps(Coroutine[Any, None, None]):
    """The steps of a coroutine after its first one, for a task.

    Args:
        steps: the coroutine's.
        future: what the first step yielded: the task is to wait for it.
    """

    __slots__ = ("_future", "_steps")

    def __init__(self, steps: Generator[Any, Any, None], future: Any) -> None:
        self._steps = steps
        self._future: tuple[()] | tuple[Any] = (future,)

    def send(self, value: None) -> Any:
        """Run the next step."""
        if self._future:
            (future,), self._future = self._future, ()
            return future
        return next(self._steps)

    def throw(self, error: Any, *rest: Any) -> Any:
        """Throw an exception into the steps."""
        self._future = ()
        return granian.throw(self._steps, error, *rest)

    def close(self) -> None:
        """Close the steps."""
        granian.close(self._steps)

    def __await__(self) -> Generator[Any, Any, None]:
        raise TypeError("run these steps in a task; they can't be awaited")
