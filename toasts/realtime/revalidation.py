"""Checks whether the rights of the open streams still stand."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Awaitable, Callable, Collection, Iterable
from typing import Any

from .registry import Registry
from .streams.subscription import Subscription

SECOND_CHECK_AFTER = 0.5
"""Seconds until a recheck is repeated: a logout is announced just before its session is deleted."""
LATER = 0.6
"""Seconds until a later recheck: a request that changes a password saves its session at its end."""
RECHECK_MEMORY = 5.0
"""Seconds for which a recheck is remembered: opening a stream takes less."""
RECHECKS_MAX = 1000
"""Rechecks that are remembered at a time. More of them count as a recheck of everybody."""
BATCH = 500
"""Grants in one check: the thread that checks them also reads states."""
PAUSE = 0.2
"""Least seconds between two checks."""


class Revalidator:
    """Ends the streams whose grants have ended.

    Args:
        registry: all subscriptions.
        revoked: returns those of some grants that have ended.
        end: called with each subscription that has such a grant, and the reason.
    """

    def __init__(
        self,
        registry: Registry,
        revoked: Callable[[list[Any]], Awaitable[Collection[Any]]],
        end: Callable[[Subscription, str], None],
    ) -> None:
        self._registry = registry
        self._revoked = revoked
        self._end = end
        self._loop = asyncio.get_running_loop()
        self._pending: dict[str, bool] = {}
        """Names to check, and whether what is found to have ended is ended at once."""
        self._rechecks: dict[str, float] = {}
        self._all_rechecked = -math.inf
        self._later: set[str] = set()
        self._work = asyncio.Event()

    def recheck(self, name: str) -> None:
        """Check the subscriptions of a topic or an owner now, and again half a second later.

        Those that are opened shortly after are checked, too: their request was let in before.
        """
        now = self._loop.time()
        if name not in self._rechecks and len(self._rechecks) >= RECHECKS_MAX:
            self._recheck_all(now)
            return
        self._rechecks[name] = now
        if name in self._registry:
            self.check([name])
            self._loop.call_later(SECOND_CHECK_AFTER, self.check, [name])

    def _recheck_all(self, now: float) -> None:
        # Anybody may forge hints, so that many of them must not cost more than one of each.
        if now - self._all_rechecked >= PAUSE:
            self._all_rechecked = now
            self.check(self._registry.topics)
            self._loop.call_later(SECOND_CHECK_AFTER, self.check, self._registry.topics)

    def recheck_later(self, name: str) -> None:
        """Check the subscriptions of a topic or an owner when the change is complete.

        Those that are opened until then, or shortly after, are checked, too.
        """
        is_full = len(self._later) >= RECHECKS_MAX and name not in self._registry
        if name in self._later or is_full:
            return
        self._later.add(name)
        self._loop.call_later(LATER, self._recheck_now, name)

    def _recheck_now(self, name: str) -> None:
        self._later.discard(name)
        if len(self._rechecks) < RECHECKS_MAX:
            self._rechecks[name] = self._loop.time()
        self.check([name])

    def check(self, names: Iterable[str]) -> None:
        """Check the subscriptions of these topics and owners soon."""
        self._pending.update(dict.fromkeys(names, True))
        self._work.set()

    def check_all(self) -> None:
        """Check all subscriptions soon. Those whose rights have ended are checked once more, later.

        Nobody has said that a right has ended, and a change may be half done: a request that
        changes a password saves the user, and its session only at its end.
        """
        for name in self._registry.topics:
            self._pending.setdefault(name, False)
        self._work.set()

    def check_new(self, *names: str) -> None:
        """Check topics or owners that have a new subscription, if they were rechecked just now."""
        all_rechecked = self._loop.time() - self._all_rechecked < RECHECK_MEMORY
        if found := [name for name in names if name in self._rechecks or all_rechecked]:
            self.check(found)

    def forget_rechecks(self, now: float) -> None:
        """Forget the rechecks that are old.

        Args:
            now: the loop's time, in seconds.
        """
        self._rechecks = {
            name: since for name, since in self._rechecks.items() if now - since < RECHECK_MEMORY
        }

    async def run(self) -> None:
        """Check grants until cancelled, using at most a fifth of the time."""
        while True:
            await self._work.wait()
            self._work.clear()
            started = self._loop.time()
            await self._check_pending()
            await asyncio.sleep(max(PAUSE, 4 * (self._loop.time() - started)))

    async def _check_pending(self) -> None:
        names, self._pending = self._pending, {}
        at_once: dict[Any, bool] = {}
        for name, is_certain in names.items():
            for each in self._registry.find(name):
                at_once[each.grant] = at_once.get(each.grant, False) or is_certain
        if not at_once:
            return
        try:
            revoked = await self._find_revoked(list(at_once))
        except Exception:
            for name, is_certain in names.items():
                self._pending[name] = self._pending.get(name, False) or is_certain
            self._work.set()
            raise
        for subscription in list(self._registry) if revoked else ():
            if subscription.grant in revoked:
                self._end_or_check_later(subscription, at_once[subscription.grant])

    def _end_or_check_later(self, subscription: Subscription, at_once: bool) -> None:
        if at_once:
            self._end(subscription, "auth")
        else:
            self.recheck_later(self._registry.owner_or_topic(subscription))

    async def _find_revoked(self, grants: list[Any]) -> set[Any]:
        revoked: set[Any] = set()
        for start in range(0, len(grants), BATCH):
            revoked.update(await self._revoked(grants[start : start + BATCH]))
        return revoked
