"""Which topics are to be looked up next."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from itertools import islice

from .registry import Topic

BATCH = 2000
"""Topics per look."""
DUE_BATCH = 500
"""Those that no hint named, per look: one that a hint names waits for a short look at most."""


class Scheduler:
    """Topics that hints named, and in between those whose turn it only is.

    Args:
        loop: whose clock it goes by.
        topics: all there are, by name.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, topics: Mapping[str, Topic]) -> None:
        self.work = asyncio.Event()
        """Set when there is something to take."""
        self._loop = loop
        self._topics = topics
        self._named: dict[Topic, None] = {}
        self._families: dict[str, None] = {}
        self._due: dict[Topic, None] = {}
        self._turn_of_the_due = False
        self._all_asked = False
        self._round_began: float | None = None
        self._next_round_after = 0.0
        self._next_round: asyncio.TimerHandle | None = None

    @property
    def empty(self) -> bool:
        waiting = self._named or self._due or self._all_asked or self._next_round
        return self._round_began is None and not waiting

    def add(self, topics: Iterable[Topic]) -> None:
        self._named.update(dict.fromkeys(topics))
        self.work.set()

    def add_family(self, begin: str) -> None:
        """All topics whose names begin so."""
        self._families[begin] = None
        self.work.set()

    def add_all(self) -> None:
        # A watcher that can't tell users apart says "all" with each commit: reading everything may
        # take half of the time at most.
        self._all_asked = True
        if self._next_round is None and self._round_began is None:
            self._next_round = self._loop.call_at(self._next_round_after, self._begin_round)

    def _begin_round(self) -> None:
        self._next_round = None
        self._all_asked = False
        self._round_began = self._loop.time()
        self._due.update(dict.fromkeys(self._topics.values()))
        self.work.set()

    def take(self) -> list[Topic]:
        """The next topics to look up; none: all is done for now."""
        self._end_round()
        self._resolve_families()
        named = bool(self._named) and not (self._due and self._turn_of_the_due)
        self._turn_of_the_due = named  # each its turn: hints without end must not starve the rest
        queue, most = (self._named, BATCH) if named else (self._due, DUE_BATCH)
        # Taken off before the look: a hint that comes meanwhile must cause another one.
        topics = _taken(queue, most)
        if named and self._due:
            for topic in topics:
                self._due.pop(topic, None)
        return topics

    def _resolve_families(self) -> None:
        if self._families:
            begins, self._families = tuple(self._families), {}
            self.add(topic for name, topic in self._topics.items() if name.startswith(begins))

    def _end_round(self) -> None:
        """When all have had their turn: as long a pause as it took, before the next round."""
        if self._due or self._round_began is None:
            return
        self._next_round_after = 2 * self._loop.time() - self._round_began
        self._round_began = None
        if self._all_asked:
            self.add_all()

    def stop(self) -> None:
        if self._next_round is not None:
            self._next_round.cancel()
            self._next_round = None


def _taken(queue: dict[Topic, None], most: int) -> list[Topic]:
    if len(queue) <= most:
        topics = list(queue)
        queue.clear()
        return topics
    topics = list(islice(queue, most))
    for topic in topics:
        del queue[topic]
    return topics
