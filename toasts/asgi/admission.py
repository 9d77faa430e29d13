"""Admission: how many requests for streams are in the site's middleware at once.

A storm of reconnects must not take all threads and connections of the site. So a request for a
stream takes one of a few slots while Django works on it. No other request takes one, and none keeps
it for long: whoever occupies the slots keeps all streams of the process waiting.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Any

UntilLeft = Callable[[], Awaitable[Any]]
"""Returns once the client has left. Cancelling it loses nothing."""

SLOT_TIMEOUT = 2.0
"""Seconds after which a request gives its slot back, however long Django still needs."""


class Slots:
    """The slots of one event loop.

    Args:
        count: how many there are.
    """

    def __init__(self, count: int) -> None:
        self._free = count
        self._waiting: deque[asyncio.Future[bool]] = deque()

    async def acquire(self, until_left: UntilLeft) -> bool:
        """Wait for a free slot, as long as the client waits, too.

        Returns:
            False if the client has left meanwhile.
        """
        if self._free:
            self._free -= 1
            return True
        turn: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self._waiting.append(turn)
        leaving = asyncio.ensure_future(until_left())
        leaving.add_done_callback(lambda left: _give_up(turn, left))
        try:
            return await turn
        except asyncio.CancelledError:
            if not turn.cancelled() and turn.result():
                self.release()
            raise
        finally:
            leaving.cancel()

    def release(self) -> None:
        """Give a slot back: to the request that has waited longest, if any waits."""
        while self._waiting:
            turn = self._waiting.popleft()
            if not turn.done():
                turn.set_result(True)
                return
        self._free += 1


def _give_up(turn: asyncio.Future[bool], left: asyncio.Future[Any]) -> None:
    if not left.cancelled():
        left.exception()  # an error of the server's also means that the client has left
    if not turn.done():
        turn.set_result(False)


class Slot:
    """What one request may hold of the slots.

    Args:
        slots: None for a request that needs none.
    """

    __slots__ = ("_acquired", "_slots", "_timer")

    def __init__(self, slots: Slots | None) -> None:
        self._slots = slots
        self._acquired = False
        self._timer: asyncio.TimerHandle | None = None

    async def acquire(self, until_left: UntilLeft) -> bool:
        """Wait for a free slot. Return False if the client has left meanwhile."""
        if self._slots is None:
            return True
        self._acquired = await self._slots.acquire(until_left)
        if self._acquired:
            self._timer = asyncio.get_running_loop().call_later(SLOT_TIMEOUT, self.release)
        return self._acquired

    def release(self) -> None:
        """Give the slot back. Idempotent."""
        if self._acquired and self._slots is not None:
            self._acquired = False
            self._slots.release()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
