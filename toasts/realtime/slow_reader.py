"""Reads what is slow in a thread of its own, so that nothing else has to wait for it."""

from __future__ import annotations

import asyncio
import logging
from itertools import islice
from time import monotonic

from .dispatcher import Dispatcher
from .registry import Topic
from .sources import Source
from .worker import CallTimeout, Worker

logger = logging.getLogger("toasts.realtime")

SLOW = 1.0
"""Seconds. A group whose read takes longer is slow; below a quarter of it, it is fast again."""
STAY, STAY_MAX = 30.0, 3600.0
"""Seconds that a group stays slow at least: twice as long each time, as it keeps others waiting."""
BATCH = 500
"""Topics in one read at most."""
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
        self._stays: dict[str, float] = {}
        self._fast_from: dict[str, float] = {}
        self._timeouts: dict[str, float] = {}
        self._sizes: dict[str, int] = {}
        """How many topics of a group one read takes: fewer after one that hung."""
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
        self._stays[group] = min(2 * self._stays.get(group, STAY / 2), STAY_MAX)
        self._fast_from[group] = monotonic() + self._stays[group]

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

    def expect_answers(self) -> None:
        """Wait no longer than at first: the way to the database works again."""
        self._timeouts.clear()
        self._worker.shorten()

    async def run(self) -> None:
        """Read topics until cancelled."""
        while True:
            if not self._waiting:
                self._work.clear()
                await self._work.wait()
            started = monotonic()
            try:
                await self._read_next()
            except Exception:
                await asyncio.sleep(monotonic() - started)
                raise
            await asyncio.sleep(monotonic() - started)

    async def _read_next(self) -> None:
        group, topics = self._pop()
        if not topics:
            return
        names, started = [topic.name for topic in topics], monotonic()
        timeout = self._timeouts.get(group, self._worker.timeout)
        self._worker.start()
        try:
            states = await self._worker.call(self._source.read, names, timeout=timeout)
        except Exception as error:
            self._add(group, topics)
            if isinstance(error, CallTimeout):
                self._timeouts[group] = min(2 * timeout, READ_TIMEOUT_MAX)
                self._sizes[group] = max(1, len(topics) // 2)
            raise
        seconds = monotonic() - started
        await self._dispatcher.dispatch(topics, states)
        self._note(group, seconds)

    def _pop(self) -> tuple[str, list[Topic]]:
        """Return a group, and some of its topics. The other groups come before the rest of it."""
        group = next(iter(self._waiting))
        waiting = self._waiting.pop(group)
        topics = list(islice(waiting, self._sizes.get(group, BATCH)))
        for topic in topics:
            del waiting[topic]
        if waiting:
            self._waiting[group] = waiting
        return group, [topic for topic in topics if topic.subscriptions]

    def _note(self, group: str, seconds: float) -> None:
        """Keep how long a read took. A group that is fast again is left to the others' reader."""
        self._timeouts[group] = min(max(self._worker.timeout, 2 * seconds), READ_TIMEOUT_MAX)
        self._sizes[group] = min(2 * self._sizes.get(group, BATCH), BATCH)
        is_fast = seconds < SLOW / 4 and monotonic() >= self._fast_from[group]
        # What waits here must not be overtaken by the same topic's state of the other reader.
        if is_fast and group not in self._waiting:
            self.groups.discard(group)
            self._timeouts.pop(group, None)
            self._sizes.pop(group, None)
