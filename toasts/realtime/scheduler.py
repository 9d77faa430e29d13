"""Which topics the hub reads next."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from itertools import islice

from .registry import Topic

BATCH = 2000
"""Topics in one read."""
ROUND_BATCH = 500
"""Topics in one read of a round: it is short, so that a topic with a hint waits only briefly."""


PREFIXES_MAX = 50
"""Prefixes that wait at a time, as each is compared with every topic. More of them mean a round."""


class Scheduler:
    """One queue for topics with hints, and one for the regular read of all topics.

    Args:
        loop: its clock sets the pause between two rounds.
        topics: all topics by name.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, topics: Mapping[str, Topic]) -> None:
        self.work = asyncio.Event()
        """Set when there is something to take."""
        self._loop = loop
        self._topics = topics
        self._hinted: dict[Topic, None] = {}
        self._prefixes: dict[str, None] = {}
        self._round: dict[Topic, None] = {}
        self._round_is_next = False
        self._round_requested = False
        self._round_started: float | None = None
        self._next_round_at = 0.0
        self._round_timer: asyncio.TimerHandle | None = None

    @property
    def idle(self) -> bool:
        """Whether no topic waits to be read."""
        waiting = self._hinted or self._round or self._round_requested or self._round_timer
        return self._round_started is None and not waiting

    def add(self, topics: Iterable[Topic]) -> None:
        """Schedule topics."""
        self._hinted.update(dict.fromkeys(topics))
        self.work.set()

    def add_prefix(self, prefix: str) -> None:
        """Schedule all topics whose names begin with a prefix."""
        if len(self._prefixes) >= PREFIXES_MAX:
            self._prefixes.clear()
            self.add_all()
            return
        self._prefixes[prefix] = None
        self.work.set()

    def add_all(self) -> None:
        """Request a round through all topics.

        Rounds take at most half of the time: a broker that can't tell topics apart requests one
        with each commit.
        """
        self._round_requested = True
        if self._round_timer is None and self._round_started is None:
            self._round_timer = self._loop.call_at(self._next_round_at, self._start_round)

    def _start_round(self) -> None:
        self._round_timer = None
        self._round_requested = False
        self._round_started = self._loop.time()
        self._round.update(dict.fromkeys(self._topics.values()))
        self.work.set()

    def take(self) -> list[Topic]:
        """Return the next topics to read; none: all are done for now."""
        self._end_round()
        self._resolve_prefixes()
        hinted = bool(self._hinted) and not (self._round and self._round_is_next)
        self._round_is_next = hinted  # they alternate: endless hints must not starve the round
        queue, size = (self._hinted, BATCH) if hinted else (self._round, ROUND_BATCH)
        # Removed before the read: a hint that comes meanwhile must cause another one.
        topics = _pop(queue, size)
        if hinted and self._round:
            for topic in topics:
                self._round.pop(topic, None)
        return topics

    def _resolve_prefixes(self) -> None:
        if self._prefixes:
            prefixes, self._prefixes = tuple(self._prefixes), {}
            self.add(topic for name, topic in self._topics.items() if name.startswith(prefixes))

    def _end_round(self) -> None:
        """End a round that is through. The next one waits for as long as this one took."""
        if self._round or self._round_started is None:
            return
        self._next_round_at = 2 * self._loop.time() - self._round_started
        self._round_started = None
        if self._round_requested:
            self.add_all()

    def stop(self) -> None:
        """Cancel the timer of the next round."""
        if self._round_timer is not None:
            self._round_timer.cancel()
            self._round_timer = None


def _pop(queue: dict[Topic, None], size: int) -> list[Topic]:
    if len(queue) <= size:
        topics = list(queue)
        queue.clear()
        return topics
    topics = list(islice(queue, size))
    for topic in topics:
        del queue[topic]
    return topics
