"""Running the steps of somebody else's coroutine, without a task of its own.

asyncio's documentation has `_enter_task` and `_leave_task` for whoever does that ("Extending
asyncio", Task lifetime support).
"""

from __future__ import annotations

import asyncio
import contextlib
from asyncio.tasks import _enter_task, _leave_task
from collections.abc import Awaitable, Coroutine, Generator, Iterator
from typing import Any


@contextlib.contextmanager
def detached_from_task() -> Iterator[None]:
    """Be no task for a while: hosts then take turns without one who steps in between them."""
    loop, task = asyncio.get_running_loop(), asyncio.current_task()
    if task is None:
        yield
        return
    _leave_task(loop, task)
    try:
        yield
    finally:
        _enter_task(loop, task)


def start(awaitable: Awaitable[None], host: asyncio.Task[Any] | None = None) -> Any:
    """Run an awaitable up to its first wait, without a task.

    Args:
        awaitable: what a server's ``send`` returned.
        host: the task that it is to find itself in meanwhile. A ``send`` that is wrapped in a
            timeout would, when the time is up, cancel the task that it began in: that must not be
            the hub's.

    Returns:
        None when it ended at once; else a coroutine that is the rest of it, for a task.
    """
    if host is None:
        return _first(awaitable)
    loop = host.get_loop()
    guest = asyncio.current_task(loop)
    if guest is host:
        return _first(awaitable)
    if guest is not None:
        _leave_task(loop, guest)
    _enter_task(loop, host)
    try:
        return _first(awaitable)
    finally:
        _leave_task(loop, host)
        if guest is not None:
            _enter_task(loop, guest)


def _first(awaitable: Awaitable[None]) -> Any:
    steps = awaitable.__await__()
    try:
        waits_for = next(steps)
    except StopIteration:
        return None
    return Rest(steps, waits_for)


class Rest(Coroutine[Any, None, None]):
    """The steps that are left, for a task; the future that the first one yielded goes to it."""

    __slots__ = ("_steps", "_waits_for")

    def __init__(self, steps: Generator[Any, Any, None], waits_for: Any) -> None:
        self._steps = steps
        self._waits_for: tuple[()] | tuple[Any] = (waits_for,)

    def send(self, value: None) -> Any:
        if self._waits_for:
            (waits_for,), self._waits_for = self._waits_for, ()
            return waits_for
        return next(self._steps)

    def throw(self, error: Any, *rest: Any) -> Any:
        self._waits_for = ()
        if hasattr(self._steps, "throw"):
            return self._steps.throw(error, *rest)
        raise error  # an iterator of another language, which needs no cleaning up

    def close(self) -> None:
        if hasattr(self._steps, "close"):
            self._steps.close()

    def __await__(self) -> Generator[Any, Any, None]:
        raise TypeError("it is for a task")
