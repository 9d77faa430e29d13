"""Dispatcher those who listen what changed in the states of their topics."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from time import monotonic

from .registry import Topic
from .sources import Source
from .streams.steps import detached_from_task
from .streams.subscription import State, Subscription

logger = logging.getLogger("toasts.realtime")

SLICE = 100
"""Topics that are told what changed between two looks at the clock,"""
TURN = 0.005
"""and seconds of that before other work of the loop has its turn."""
_EMPTY: State = {}


class Dispatcher:
    """Writes to each listener what it lacks of its topic's state.

    Args:
        source: how the states are said.
        failed: called, while the exception is handled, with each listener that raised one.
    """

    def __init__(self, source: Source, failed: Callable[[Subscription], None]) -> None:
        self._source = source
        self._failed = failed

    async def tell(self, topics: Sequence[Topic], states: Mapping[str, State | None]) -> None:
        """Tell the topics' listeners these states, by name, while other work has its turns."""
        began = monotonic()  # not the loop's clock, which stands still meanwhile
        for first in range(0, len(topics), SLICE):
            self._tell(topics[first : first + SLICE], states)
            if monotonic() - began > TURN:
                await asyncio.sleep(0)  # a broadcast must not keep the site's pages waiting
                began = monotonic()

    def _tell(self, topics: Sequence[Topic], states: Mapping[str, State | None]) -> None:
        # First all that differs, then all that is written: a server's `send` empties the
        # processor's caches of everything else.
        news = list(self._differing(topics, states))
        with detached_from_task():
            for topic, state, delta in news:
                topic.told = state
                for listener in tuple(topic.listeners):  # one that fails is dropped
                    try:
                        listener.deliver(state, delta)
                    except Exception:
                        self._failed(listener)

    def _differing(
        self, topics: Sequence[Topic], states: Mapping[str, State | None]
    ) -> Iterator[tuple[Topic, State, bytes]]:
        # Each line here is run for each event of each topic.
        for topic in topics:
            state = states.get(topic.name, _EMPTY)
            if state is None:
                continue
            told = topic.told
            try:
                if told is None or told == state:
                    delta = b""
                else:
                    delta = self._source.delta(topic.name, told, state)
            except Exception:
                # Nothing was told, so the next look tries again; the other topics go on.
                logger.exception("%s can't be told what changed", topic.name)
                continue
            yield topic, state, delta
