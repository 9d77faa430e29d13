"""Reads the states of topics, in the hub's thread."""

from __future__ import annotations

import asyncio
from time import monotonic

from .dispatcher import Dispatcher
from .registry import Topic
from .scheduler import Scheduler
from .sources import Source
from .worker import CallTimeout, Worker

READ_TIMEOUT_MAX = 120.0
"""Seconds that a read may take at most."""


class Reader:
    """Reads the topics that the scheduler gives, and passes their states to the dispatcher.

    Args:
        worker: makes the calls.
        source: is read.
        scheduler: tells which topics come next.
        dispatcher: delivers their states.
    """

    def __init__(
        self, worker: Worker, source: Source, scheduler: Scheduler, dispatcher: Dispatcher
    ) -> None:
        self._worker = worker
        self._source = source
        self._scheduler = scheduler
        self._dispatcher = dispatcher
        self._timeout = worker.timeout

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
        names, started = [topic.name for topic in topics], monotonic()
        try:
            states = await self._worker.call(self._source.read, names, timeout=self._timeout)
        except Exception as error:
            self._scheduler.add(topics)
            if isinstance(error, CallTimeout):
                # A site's own feed may be slow, and would never be read otherwise.
                self._timeout = min(2 * self._timeout, READ_TIMEOUT_MAX)
            raise
        self._timeout = min(
            max(self._worker.timeout, 2 * (monotonic() - started)), READ_TIMEOUT_MAX
        )
        await self._dispatcher.dispatch(topics, states)
