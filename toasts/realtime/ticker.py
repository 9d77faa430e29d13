"""Ticks the subscriptions of a hub, a part of them with each tick of the hub."""

from __future__ import annotations

from collections.abc import Callable

from .registry import Registry
from .streams.subscription import Subscription


class Interval:
    """Measures whether an interval has passed.

    Args:
        now: the loop's time, in seconds.
    """

    def __init__(self, now: float) -> None:
        self._last = now

    def passed(self, now: float, seconds: float) -> bool:
        """Return whether `seconds` have passed; if so, restart."""
        if now - self._last < seconds:
            return False
        self._last = now
        return True


class Ticker:
    """Ticks each subscription once in some ticks of the hub.

    Ten thousand subscriptions are in no processor's cache, so each tick takes a part of them.

    Args:
        registry: all subscriptions.
        ticks_per_visit: the number of ticks.
        failed: called, while the exception is handled, with a subscription that raised one.
        now: the loop's time, in seconds.
    """

    def __init__(
        self,
        registry: Registry,
        ticks_per_visit: int,
        failed: Callable[[Subscription], None],
        now: float,
    ) -> None:
        self.now = now
        """The loop's time at the last tick, in seconds. It is exact enough for a ping."""
        self._registry = registry
        self._ticks_per_visit = ticks_per_visit
        self._failed = failed
        self._pending: list[Subscription] = []
        self._batch_size = 0

    def tick(self, now: float) -> None:
        """Tick the next part of the subscriptions, and remove those that have ended.

        Args:
            now: the loop's time, in seconds.
        """
        self.now = now
        if not self._pending:
            self._pending = list(self._registry)
            self._batch_size = -(-len(self._pending) // self._ticks_per_visit)
        for subscription in self._pending[: self._batch_size]:
            try:
                subscription.tick(now)
            except Exception:
                self._failed(subscription)
            if subscription.ended:
                self._registry.remove(subscription)
        del self._pending[: self._batch_size]

    def stop(self) -> None:
        """Forget the subscriptions that are still to be ticked."""
        self._pending.clear()
