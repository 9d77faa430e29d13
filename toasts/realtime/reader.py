"""Reads the states of topics, in the hub's thread."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Iterable
from time import monotonic

from .dispatcher import Dispatcher
from .registry import Topic
from .scheduler import Scheduler
from .slow_reader import READ_TIMEOUT_MAX, SLOW, SlowReader
from .sources import MAIN_GROUP, Source
from .worker import CallTimeout, Worker

CAREFUL_TIME = 60.0
"""Seconds for which the groups are read one by one, after a read of several was slow."""


class Reader:
    """Reads the topics that the scheduler gives, and passes their states to the dispatcher.

    All topics are read at once. If that takes too long, the reader finds out which group of topics
    is to blame, and leaves it to the slow reader: a feed of the site's own, or a tenant's database.

    Args:
        worker: makes the calls.
        source: is read.
        scheduler: tells which topics come next.
        dispatcher: delivers their states.
        slow: reads the groups that are slow.
    """

    def __init__(
        self,
        worker: Worker,
        source: Source,
        scheduler: Scheduler,
        dispatcher: Dispatcher,
        slow: SlowReader,
    ) -> None:
        self._worker = worker
        self._source = source
        self._scheduler = scheduler
        self._dispatcher = dispatcher
        self._slow = slow
        self._timeout = worker.timeout
        self._careful_until = -math.inf

    async def run(self) -> None:
        """Read topics until cancelled."""
        while True:
            await self._scheduler.work.wait()
            self._scheduler.work.clear()
            await asyncio.sleep(0)  # what woke in the same moment joins
            while topics := self._scheduler.take():
                await self._read([topic for topic in topics if topic.subscriptions])

    def expect_answers(self) -> None:
        """Wait no longer than at first: the way to the database works again.

        A read that was sent on a way that swallows everything never gets an answer. Meanwhile the
        time that a read may take has grown.
        """
        self._timeout = self._worker.timeout
        self._worker.shorten()
        self._slow.expect_answers()

    async def _read(self, topics: list[Topic]) -> None:
        if self._slow.groups:
            topics = self._slow.take_over(topics)
        if monotonic() < self._careful_until:
            await self._read_groups(self._by_group(topics))
        elif topics:
            await self._read_together(topics)

    def _by_group(self, topics: Iterable[Topic]) -> dict[str, list[Topic]]:
        """Return the topics by group, the main one first."""
        groups: dict[str, list[Topic]] = {}
        for topic in topics:
            groups.setdefault(self._source.group_of(topic.name), []).append(topic)
        return dict(sorted(groups.items(), key=lambda item: item[0] != MAIN_GROUP))

    async def _read_groups(self, groups: dict[str, list[Topic]]) -> None:
        """Read groups one by one. One that fails keeps no other waiting."""
        error: Exception | None = None
        while groups:
            group = next(iter(groups))
            try:
                await self._read_together(groups.pop(group), group == MAIN_GROUP)
            except Exception as caught:
                error = caught
            if group in self._slow.groups:  # since now: what woke meanwhile comes first
                self._scheduler.add(topic for topics in groups.values() for topic in topics)
                return
        if error is not None:
            raise error

    async def _read_together(self, topics: list[Topic], has_main: bool = True) -> None:
        """Read topics in one call.

        Args:
            topics: the topics.
            has_main: whether the main group is among them, whose reads may take longer and longer.
        """
        names, started = [topic.name for topic in topics], monotonic()
        timeout = self._timeout if has_main else self._worker.timeout
        try:
            states = await self._worker.call(self._source.read, names, timeout=timeout)
        except Exception as error:
            self._scheduler.add(topics)
            seconds = monotonic() - started
            if isinstance(error, CallTimeout) or seconds > SLOW:
                self._blame(topics, seconds, isinstance(error, CallTimeout))
            raise
        seconds = monotonic() - started
        if has_main:
            self._timeout = min(max(self._worker.timeout, 2 * seconds), READ_TIMEOUT_MAX)
        if seconds > SLOW:
            self._blame(topics, seconds)
        await self._dispatcher.dispatch(topics, states)

    def _blame(self, topics: list[Topic], seconds: float, has_hung: bool = False) -> None:
        """Take measures against a slow read of these topics."""
        groups = {self._source.group_of(topic.name) for topic in topics}
        if len(groups) > 1:
            self._careful_until = monotonic() + CAREFUL_TIME
        elif groups != {MAIN_GROUP}:
            self._slow.adopt(groups.pop(), seconds)
        elif has_hung:  # it may need the time, and would never be read otherwise
            self._timeout = min(2 * self._timeout, READ_TIMEOUT_MAX)
