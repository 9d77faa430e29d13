"""The ticking of listeners: in turns, each once in so many ticks."""

from __future__ import annotations

from collections.abc import Callable

from .registry import Registry
from .streams.subscription import Subscription


class Ticker:
    """Visits each listener once in so many ticks.

    Args:
        registry: all who listen.
        turns: so many.
        failed: called, while the exception is handled, with each listener that raised one.
        now: the loop's time, seconds.
    """

    def __init__(
        self,
        registry: Registry,
        turns: int,
        failed: Callable[[Subscription], None],
        now: float,
    ) -> None:
        self.now = now
        """The loop's time at the last tick: near enough for who writes ten thousand times."""
        self._registry = registry
        self._turns = turns
        self._failed = failed
        self._waiting: list[Subscription] = []
        self._share = 0

    def tick(self, now: float) -> None:
        """Visit those whose turn it is, and forget those that have ended."""
        self.now = now
        if not self._waiting:
            self._waiting = list(self._registry)
            self._share = -(-len(self._waiting) // self._turns)
        for listener in self._waiting[: self._share]:
            try:
                listener.tick(now)
            except Exception:
                self._failed(listener)
            if listener.ended:
                self._registry.remove(listener)
        del self._waiting[: self._share]

    def stop(self) -> None:
        self._waiting.clear()
