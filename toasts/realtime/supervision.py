"""Loops that run for as long as the process does, whatever breaks them."""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable

logger = logging.getLogger("toasts.realtime")

BACKOFF_MIN = 0.2
"""Seconds of the shortest back-off."""
STABLE = 10.0
"""Seconds after which a loop that then fails starts again from the shortest back-off."""


async def supervised(run: Callable[[], Awaitable[None]], backoff_max: float) -> None:
    """Run a loop until cancelled. If it fails, log why and restart it after a random back-off.

    Args:
        run: the loop.
        backoff_max: the longest back-off, in seconds.
    """
    loop = asyncio.get_running_loop()
    failures = 0
    while True:
        started = loop.time()
        try:
            await run()
            raise RuntimeError("it returned, though it must run forever")
        except Exception as error:
            failures = 1 if loop.time() - started > STABLE else failures + 1
            delay = _backoff(failures, backoff_max)
            # The first failure with its traceback; a database that is down would fill the log.
            text, is_first = "%s failed (%s); it starts again in %.1f s.", failures == 1
            logger.warning(text, run.__qualname__, error, delay, exc_info=is_first)
            await asyncio.sleep(delay)


def _backoff(failures: int, longest: float) -> float:
    # The exponent is bounded: after an hour of failures the power would not fit into a float.
    return random.uniform(BACKOFF_MIN, min(longest, BACKOFF_MIN * 2 ** min(failures, 16)))
