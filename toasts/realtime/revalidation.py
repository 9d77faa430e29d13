"""Whether those who listen may still do so."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Iterable
from typing import Any

from .registry import Registry
from .streams.subscription import Subscription

AGAIN = 0.5
"""Seconds until the second look: a logout is announced just before its session is deleted."""
DOUBT = 5.0
"""Seconds for which a doubt about a topic is remembered: longer than letting a stream in takes."""
BATCH = 500
"""Grants per look: the thread that looks is the one that reads states."""
PAUSE = 0.2


class Revalidator:
    """Ends the streams whose right has ended, whenever somebody doubts it.

    Args:
        registry: all who listen.
        revoked: of these grants, those whose right has ended.
        end: called with each listener that has one.
    """

    def __init__(
        self,
        registry: Registry,
        revoked: Callable[[list[Any]], Awaitable[Collection[Any]]],
        end: Callable[[Subscription], None],
    ) -> None:
        self._registry = registry
        self._revoked = revoked
        self._end = end
        self._loop = asyncio.get_running_loop()
        self._asked: set[str] = set()
        self._doubted: dict[str, float] = {}
        self._work = asyncio.Event()

    def doubt(self, names: Collection[str]) -> None:
        """Check the right of whom these names name now, and again half a second later.

        Those too that come within that time: they were let in before the doubt came.
        """
        self._doubted.update(dict.fromkeys(names, self._loop.time()))
        known = {name for name in names if name in self._registry}
        if known:
            self.check(known)
            self._loop.call_later(AGAIN, self.check, known)

    def check(self, names: Iterable[str]) -> None:
        self._asked.update(names)
        self._work.set()

    def check_newcomer(self, name: str) -> None:
        if name in self._doubted:
            self.check([name])

    def forget(self, now: float) -> None:
        """Forget the doubts that are old by now, the loop's time."""
        fresh = {name: since for name, since in self._doubted.items() if now - since < DOUBT}
        self._doubted = fresh

    async def run(self) -> None:
        """Check rights for ever, at a fraction of the time at most."""
        while True:
            await self._work.wait()
            self._work.clear()
            started = self._loop.time()
            await self._look()
            await asyncio.sleep(max(PAUSE, 4 * (self._loop.time() - started)))

    async def _look(self) -> None:
        names, self._asked = self._asked, set()
        grants = {one.grant for name in names for one in self._registry.named(name)}
        if not grants:
            return
        try:
            revoked = await self._judged(list(grants))
        except Exception:
            self.check(names)
            raise
        for listener in list(self._registry) if revoked else ():
            if listener.grant in revoked:
                self._end(listener)

    async def _judged(self, grants: list[Any]) -> set[Any]:
        revoked: set[Any] = set()
        for start in range(0, len(grants), BATCH):
            revoked.update(await self._revoked(grants[start : start + BATCH]))
        return revoked
