"""Loops that run for as long as the process does, whatever happens to them."""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable

logger = logging.getLogger("toasts.realtime")

BACKOFF_MIN = 0.2
STABLE = 10.0
"""Seconds after which a loop that then fails starts again from the shortest back-off."""


async def supervised(run: Callable[[], Awaitable[None]], longest: float) -> None:
    """Run a loop for ever: whatever breaks it is logged, and it starts again after a back-off.

    Args:
        longest: the longest back-off, in seconds.
    """
    loop = asyncio.get_running_loop()
    failures = 0
    while True:
        started = loop.time()
        try:
            await run()
            raise RuntimeError("it returned, though it is to run for ever")
        except Exception as error:
            failures = 1 if loop.time() - started > STABLE else failures + 1
            # Bounded before the power: after an hour of failures it would be too large for a float.
            most = min(longest, BACKOFF_MIN * 2 ** min(failures, 16))
            delay = random.uniform(BACKOFF_MIN, most)
            # The first failure with its traceback; a database that is down would fill the log.
            text, first = "%s failed (%s); again in %.1f s", failures == 1
            logger.warning(text, run.__qualname__, error, delay, exc_info=first)
            await asyncio.sleep(delay)
