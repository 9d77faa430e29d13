"""A long poll: it waits for one change of a topic."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from .subscription import State


@dataclass(eq=False, slots=True)
class LongPoll:
    """Waits once for a state that satisfies a predicate.

    Args:
        topic: the topic it subscribes to.
        grant: what permits it; the revalidator checks it.
        opened: the loop's time at which it was opened, in seconds.
        predicate: whether a state answers the poll.
        answer: resolves to that state, or to None when the hub ends the poll.
    """

    topic: str
    grant: Any
    opened: float
    predicate: Callable[[State], bool]
    answer: asyncio.Future[State | None]
    ended: bool = False

    def deliver(self, state: State, delta: bytes) -> None:
        """Answer the poll if the state satisfies the predicate."""
        if not self.answer.done() and self.predicate(state):
            self.answer.set_result(state)

    def tick(self, now: float) -> None:
        """Do nothing: the request itself bounds the wait of a poll."""

    def end(self, last_bytes: bytes) -> None:
        """Answer the poll with None. Idempotent."""
        self.ended = True
        if not self.answer.done():
            self.answer.set_result(None)
