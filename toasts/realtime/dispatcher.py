"""Delivers the states of topics to their subscriptions."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from time import monotonic

from .registry import Topic
from .sources import Source
from .streams.detached import detached_from_task
from .streams.subscription import State, Subscription

logger = logging.getLogger("toasts.realtime")

BATCH = 100
"""Topics between two looks at the clock."""
TIME_SLICE = 0.005
"""Seconds after which other work of the event loop comes first."""
_EMPTY: State = {}


class Dispatcher:
    """Delivers to each subscription what it lacks of its topic's state.

    Args:
        source: encodes the differences between states.
        failed: called, while the exception is handled, with each subscription that raised one.
        internals: whether to use what is known of asyncio's inside.
    """

    def __init__(
        self, source: Source, failed: Callable[[Subscription], None], internals: bool = True
    ) -> None:
        self._source = source
        self._failed = failed
        self._detached = detached_from_task if internals else contextlib.nullcontext

    async def dispatch(self, topics: Sequence[Topic], states: Mapping[str, State | None]) -> None:
        """Deliver states to the subscriptions of topics, and let other work run in between.

        Args:
            topics: the topics.
            states: their states by name; none: empty; None: unknown, so nothing is delivered.
        """
        started = monotonic()  # not the loop's clock, which stands still meanwhile
        for first in range(0, len(topics), BATCH):
            self._deliver(topics[first : first + BATCH], states)
            if monotonic() - started > TIME_SLICE:
                await asyncio.sleep(0)  # a broadcast must not keep the site's pages waiting
                started = monotonic()

    def _deliver(self, topics: Sequence[Topic], states: Mapping[str, State | None]) -> None:
        # All comparisons first, then all writes: a server's `send` empties the processor's caches.
        changes = list(self._changes(topics, states))
        with self._detached():
            for topic, state, delta in changes:
                topic.last_sent = state
                for subscription in tuple(topic.subscriptions):  # one that fails is dropped
                    try:
                        subscription.deliver(state, delta)
                    except Exception:
                        self._failed(subscription)

    def _changes(
        self, topics: Sequence[Topic], states: Mapping[str, State | None]
    ) -> Iterator[tuple[Topic, State, bytes]]:
        # Each line here runs for each event of each topic.
        for topic in topics:
            state = states.get(topic.name, _EMPTY)
            if state is None:
                continue
            last_sent = topic.last_sent
            try:
                if last_sent is None or last_sent == state:
                    delta = b""
                else:
                    delta = self._source.delta(topic.name, last_sent, state)
            except Exception:
                # Nothing was sent, so the next read tries again; the other topics go on.
                logger.exception("The changes of %s could not be encoded.", topic.name)
                continue
            yield topic, state, delta
