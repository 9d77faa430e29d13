"""Reads the states of topics, in a thread of its own that keeps one database connection."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from .dispatcher import Dispatcher
from .registry import Topic
from .scheduler import Scheduler
from .sources import Source

logger = logging.getLogger("toasts.realtime")
T = TypeVar("T")

READER_CLOSE_TIMEOUT = 5.0
"""Seconds that the thread has to close its connection."""


class Reader:
    """Reads the topics that the scheduler gives, and passes their states to the dispatcher.

    Args:
        loop: the hub's event loop.
        source: read in the thread.
        scheduler: tells which topics come next.
        dispatcher: delivers their states.
    """

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        source: Source,
        scheduler: Scheduler,
        dispatcher: Dispatcher,
    ) -> None:
        self._loop = loop
        self._source = source
        self._scheduler = scheduler
        self._dispatcher = dispatcher
        self._thread: ThreadPoolExecutor | None = None

    def start(self) -> None:
        """Get a thread."""
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="toasts-reader")

    def detach_thread(self) -> ThreadPoolExecutor | None:
        """Give up the thread, for `close`. The next `start` gets another one."""
        thread, self._thread = self._thread, None
        return thread

    async def close(self, thread: ThreadPoolExecutor) -> None:
        """Close the connection of a thread, and end the thread."""
        closing = self._loop.run_in_executor(thread, self._source.close)
        try:
            # A thread that hangs in the database must not keep the process from ending.
            await asyncio.wait_for(closing, READER_CLOSE_TIMEOUT)
        except TimeoutError:
            text = "The hub's database connection did not close within %g s."
            logger.warning(text, READER_CLOSE_TIMEOUT)
        finally:
            thread.shutdown(wait=False)

    async def call(self, job: Callable[..., T], *args: Any) -> T:
        """Call a blocking function in the thread.

        Raises:
            RuntimeError: there is no thread, as the hub has stopped.
        """
        if self._thread is None:
            raise RuntimeError("the hub has stopped")
        return await self._loop.run_in_executor(self._thread, job, *args)

    async def run(self) -> None:
        """Read topics until cancelled."""
        while True:
            await self._scheduler.work.wait()
            self._scheduler.work.clear()
            await asyncio.sleep(0)  # what woke in the same moment joins
            while topics := self._scheduler.take():
                await self._read([topic for topic in topics if topic.subscriptions])

    async def _read(self, topics: list[Topic]) -> None:
        if not topics:
            return
        try:
            states = await self.call(self._source.read, [topic.name for topic in topics])
        except Exception:
            self._scheduler.add(topics)
            raise
        await self._dispatcher.dispatch(topics, states)
