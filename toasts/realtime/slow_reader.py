"""Reads what is slow in a thread of its own, so that nothing else has to wait for it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from time import monotonic
from typing import Any, TypeVar

from .dispatcher import Dispatcher
from .registry import Topic
from .sources import Source
from .worker import CallTimeout, Worker

T = TypeVar("T")
logger = logging.getLogger("toasts.realtime")

SLOW = 1.0
"""Seconds. A group whose read takes longer is slow, until one takes less than a quarter of it."""
READ_TIMEOUT_MAX = 120.0
"""Seconds that a read may take at most."""


class SlowReader:
    """Reads the topics of slow groups, one group at a time, in at most half of its time.

    Its thread and connection exist only once a group has been slow.

    Args:
        worker: makes the calls. It is started when it is needed.
        source: is read.
        dispatcher: delivers the states.
    """

    def __init__(self, worker: Worker, source: Source, dispatcher: Dispatcher) -> None:
        self.groups: set[str] = set()
        """The groups that are slow. The main one is never among them."""
        self._worker = worker
        self._source = source
        self._dispatcher = dispatcher
        self._waiting: dict[str, dict[Topic, None]] = {}
        self._timeouts: dict[str, float] = {}
        self._work = asyncio.Event()

    def adopt(self, group: str, seconds: float) -> None:
        """Read a group here from now on.

        Args:
            group: the group.
            seconds: how long a read of it has taken.
        """
        text = "A read of %s took %.1f s. It is read in a thread of its own until it is faster."
        logger.warning(text, group, seconds)
        self.groups.add(group)

    def take_over(self, topics: list[Topic]) -> list[Topic]:
        """Take those of the topics that are of slow groups, and return the others."""
        others = []
        for topic in topics:
            group = self._source.group_of(topic.name)
            if group in self.groups:
                self._add(group, [topic])
            else:
                others.append(topic)
        return others

    def _add(self, group: str, topics: list[Topic]) -> None:
        self._waiting.setdefault(group, {}).update(dict.fromkeys(topics))
        self._work.set()

    async def run(self) -> None:
        """Read topics until cancelled."""
        while True:
            await self._work.wait()
            self._work.clear()
            while self._waiting:
                started = monotonic()
                await self._read_next()
                await asyncio.sleep(monotonic() - started)

    async def call(self, job: Callable[..., T], *args: Any, timeout: float | None = None) -> T:
        """Call a blocking function in the thread, as `Worker.call` does."""
        self._worker.start()
        return await self._worker.call(job, *args, timeout=timeout)

    async def _read_next(self) -> None:
        group = next(iter(self._waiting))
        topics = [topic for topic in self._waiting.pop(group) if topic.subscriptions]
        if not topics:
            return
        names, started = [topic.name for topic in topics], monotonic()
        timeout = self._timeouts.get(group, self._worker.timeout)
        try:
            states = await self.call(self._source.read, names, timeout=timeout)
        except Exception as error:
            self._add(group, topics)  # at the end: the other groups come first
            if isinstance(error, CallTimeout):
                self._timeouts[group] = min(2 * timeout, READ_TIMEOUT_MAX)
            raise
        seconds = monotonic() - started
        await self._dispatcher.dispatch(topics, states)
        self._note(group, seconds)

    def _note(self, group: str, seconds: float) -> None:
        """Keep how long a read took. A group that is fast again is left to the others' reader."""
        self._timeouts[group] = min(max(self._worker.timeout, 2 * seconds), READ_TIMEOUT_MAX)
        # What waits here must not be overtaken by the same topic's state of the other reader.
        if seconds < SLOW / 4 and group not in self._waiting:
            self.groups.discard(group)
            del self._timeouts[group]
