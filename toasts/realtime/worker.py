"""The hub's thread for blocking calls, which is replaced if a call does not return in time.

A connection can be half-open: a router that has lost its state takes every byte, and answers none.
Then a driver waits for ever. No timeout of the socket ends that wait, so the hub measures its
calls. It gives up the thread of a call that takes too long, has its connections ended, and goes on
with a new thread and new connections.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import logging
import threading
from collections.abc import Callable, Iterable
from queue import Empty, SimpleQueue
from time import monotonic
from typing import Any, TypeVar

from .sources import Resources

logger = logging.getLogger("toasts.realtime")
T = TypeVar("T")

CLOSE_TIMEOUT = 5.0
"""Seconds that a thread has to finish its call and to close its connections."""
GIVEN_UP_MAX = 16
"""Threads that were given up and still hang. With so many, the hub waits until one has ended."""
Open = Callable[[bool], Resources]
"""Opens the resources of a thread; see `Source.open`."""


class CallTimeout(Exception):
    """A blocking call did not return in time. Its thread and connections were given up."""


class Call:
    """A call that waits for a thread or runs in it.

    Args:
        run: the blocking function, without arguments.
        timeout: seconds that it may run.
        answer: gets its result or its exception, on the loop.
    """

    __slots__ = ("answer", "run", "started", "timeout")

    def __init__(self, run: Callable[[], Any], timeout: float, answer: asyncio.Future[Any]) -> None:
        self.run = run
        self.timeout = timeout
        self.answer = answer
        self.started: float | None = None

    def time_left(self) -> float:
        """Return the seconds that it may still run."""
        started = self.started
        return self.timeout if started is None else started + self.timeout - monotonic()

    def succeed(self, result: Any) -> None:
        """Answer with a result, unless nobody waits any more."""
        if not self.answer.done():
            self.answer.set_result(result)

    def fail(self, error: BaseException) -> None:
        """Answer with an exception, unless nobody waits any more."""
        if isinstance(error, StopIteration) or not isinstance(error, Exception):
            # No future takes the one, and the others, such as CancelledError, would end the caller.
            cause, error = error, RuntimeError(f"a blocking call raised {type(error).__name__}")
            error.__cause__ = cause
        if not self.answer.done():
            self.answer.set_exception(error)


class WorkerThread:
    """One thread with its resources and the calls that wait for it.

    It is a daemon: a thread that hangs must not keep the process from ending.

    Args:
        loop: the hub's event loop.
        open: opens the resources, in the thread, before its first call.
        is_replacement: whether the thread takes the place of one that was given up.
    """

    def __init__(
        self, loop: asyncio.AbstractEventLoop, open: Open, is_replacement: bool = False
    ) -> None:
        self._loop = loop
        self._open = open
        self._is_replacement = is_replacement
        self._calls: SimpleQueue[Call | None] = SimpleQueue()
        self._resources: Resources | None = None
        self._given_up = False
        self.current: Call | None = None
        """The call that runs now."""
        self.ended: asyncio.Future[None] = loop.create_future()
        """Done when the thread has closed its resources. It may have the exception of that."""
        self._thread = threading.Thread(target=self._run, name="toasts-reader", daemon=True)
        self._thread.start()

    def submit(self, call: Call) -> None:
        """Have a call run after all that were submitted before."""
        self._calls.put(call)

    def end(self) -> None:
        """Have the thread close its resources and end, once it has run the calls that wait."""
        self._calls.put(None)

    def join(self, timeout: float) -> None:
        """Wait for the end of the thread. It blocks.

        Args:
            timeout: the longest wait, in seconds.
        """
        self._thread.join(timeout)

    def is_alive(self) -> bool:
        """Return whether the thread runs."""
        return self._thread.is_alive()

    def give_up(self) -> list[Call]:
        """End whatever blocks the thread, and return the calls that still wait for it."""
        self._given_up = True
        waiting = []
        with contextlib.suppress(Empty):
            while True:
                if (call := self._calls.get_nowait()) is not None:
                    waiting.append(call)
        self.end()
        self.abort()
        return waiting

    def abort(self) -> None:
        """End the thread's connections, so that whatever waits for them fails. Never raises."""
        try:
            if self._resources is not None:
                self._resources.abort()
        except Exception:
            logger.debug("the connections of a thread could not be ended", exc_info=True)

    def _run(self) -> None:
        error: Exception | None = None
        try:
            while not self._given_up and (call := self._calls.get()) is not None:
                self._answer(call)
            del call
            if self._resources is not None:
                self._resources.close()
        except Exception as raised:
            error = raised
        self._tell(self._end, error)

    def _answer(self, call: Call) -> None:
        if call.answer.cancelled():
            return
        call.started = monotonic()
        self.current = call
        try:
            if self._resources is None:
                self._resources = self._open(self._is_replacement)
            self._resources.renew()
            if self._given_up:  # meanwhile: its connections are of no use any more
                raise CallTimeout("the hub has given up its thread")
            result = call.run()
        except BaseException as error:
            self._tell(call.fail, error)
        else:
            self._tell(call.succeed, result)
        self.current = None

    def _tell(self, report: Callable[[Any], None], value: Any) -> None:
        with contextlib.suppress(RuntimeError):  # the loop is closed
            self._loop.call_soon_threadsafe(report, value)

    def _end(self, error: Exception | None) -> None:
        if self.ended.done():
            return
        if error is None or self._given_up:
            self.ended.set_result(None)
        else:
            self.ended.set_exception(error)


class Worker:
    """Makes the blocking calls of a hub, one at a time, and measures them.

    Args:
        loop: the hub's event loop.
        open: opens the resources of a thread, in the thread.
        timeout: seconds that a call may run. That it waits for the thread does not count.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, open: Open, timeout: float) -> None:
        self.timeout = timeout
        self._loop = loop
        self._open = open
        self._thread: WorkerThread | None = None
        self._given_up: list[WorkerThread] = []
        self._answers = True

    def start(self) -> None:
        """Get a thread, unless there is one."""
        if self._thread is None:
            self._thread = WorkerThread(self._loop, self._open)

    def detach(self) -> WorkerThread | None:
        """Give away the thread, for `close_threads`. The next `start` gets another one."""
        thread, self._thread = self._thread, None
        return thread

    async def call(self, job: Callable[..., T], *args: Any, timeout: float | None = None) -> T:
        """Call a blocking function in the thread.

        Args:
            job: the function.
            args: its arguments.
            timeout: seconds that it may run; None: as long as the worker's calls may.

        Raises:
            RuntimeError: there is no thread, as the hub has stopped.
            CallTimeout: the function did not return in time.
        """
        if self._thread is None:
            raise RuntimeError("the hub has stopped")
        answer: asyncio.Future[T] = self._loop.create_future()
        self._thread.submit(Call(functools.partial(job, *args), timeout or self.timeout, answer))
        result = await answer
        self._answers = True
        return result

    def check(self) -> None:
        """Replace the thread if its call has taken too long. The hub calls it every second."""
        self._given_up = [thread for thread in self._given_up if thread.is_alive()]
        for given_up in self._given_up:
            given_up.abort()  # it may have connected again
        thread = self._thread
        if thread is None or len(self._given_up) >= GIVEN_UP_MAX:
            return
        call = thread.current
        if call is not None and call.time_left() <= 0:
            self._replace(thread, call)

    def shorten(self) -> None:
        """Let the call that runs now take no longer than calls may take."""
        call = self._thread.current if self._thread is not None else None
        if call is not None:
            call.timeout = min(call.timeout, self.timeout)

    def _replace(self, thread: WorkerThread, call: Call) -> None:
        self._log(call)
        self._given_up.append(thread)
        self._thread = WorkerThread(self._loop, self._open, is_replacement=True)
        for waiting in thread.give_up():
            self._thread.submit(waiting)
        call.fail(CallTimeout(f"the database did not answer within {call.timeout:g} s"))

    def _log(self, call: Call) -> None:
        # Once, until a call succeeds: a database that stays away would fill the log.
        level = logging.WARNING if self._answers else logging.DEBUG
        self._answers = False
        text = "No answer within %g s: the hub's thread and its database connections are replaced."
        logger.log(level, text, call.timeout)


def detach_threads(workers: Iterable[Worker]) -> list[WorkerThread]:
    """Take the threads of workers away, for `close_threads`."""
    threads = [worker.detach() for worker in workers]
    return [thread for thread in threads if thread is not None]


async def close_threads(threads: Iterable[WorkerThread]) -> None:
    """Close the resources of detached threads, and end them. Threads that hang are given up.

    Raises:
        Exception: the resources of one could not be closed. Those of the others are closed.
    """
    threads = list(threads)
    for thread in threads:
        thread.end()
    errors = await asyncio.gather(*map(_until_closed, threads), return_exceptions=True)
    for error in errors:
        if error is not None:
            raise error


async def _until_closed(thread: WorkerThread) -> None:
    try:
        await asyncio.wait_for(asyncio.shield(thread.ended), CLOSE_TIMEOUT)
    except TimeoutError:
        logger.warning("The hub's database connection did not close within %g s.", CLOSE_TIMEOUT)
        for call in [thread.current, *thread.give_up()]:
            if call is not None:
                call.fail(CallTimeout("the hub has stopped"))
