"""Publishes the hints that threads announce, many in one message."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Sequence

PUBLISH_INTERVAL = 0.002
"""Seconds between two messages: a message costs every process more than the hints in it."""


class HintPublisher:
    """Takes hints from any thread, wakes this process' topics and publishes them to the others.

    Args:
        loop: the hub's event loop.
        wake: wakes topics of this process; called on the loop.
        publish: sends hints to all processes.
    """

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        wake: Callable[[Iterable[str]], None],
        publish: Callable[[Sequence[str]], Awaitable[None]],
    ) -> None:
        self._loop = loop
        self._wake = wake
        self._publish = publish
        self._announced: deque[str] = deque()
        self._scheduled = False
        self._pending: dict[str, None] = {}
        self._work = asyncio.Event()

    def announce(self, hints: Sequence[str]) -> None:
        """Take hints. Call it from any thread."""
        self._announced.extend(hints)
        if not self._scheduled:  # to wake the loop costs more than all the rest
            self._scheduled = True
            try:
                self._loop.call_soon_threadsafe(self._take_announced)
            except BaseException:  # an interrupt, too: or it would never be scheduled again
                self._scheduled = False
                raise

    def _take_announced(self) -> None:
        self._scheduled = False  # first: what comes from now on schedules it again
        hints = [self._announced.popleft() for _ in range(len(self._announced))]
        self._wake(hints)
        self._pending.update(dict.fromkeys(hints))
        self._work.set()

    async def run(self) -> None:
        """Publish hints until cancelled. Hints that arrive during a send are sent together."""
        while True:
            await self._work.wait()
            self._work.clear()
            hints, self._pending = list(self._pending), {}
            if hints:
                await self._publish(hints)
                await asyncio.sleep(PUBLISH_INTERVAL)
