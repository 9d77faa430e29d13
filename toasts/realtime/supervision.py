"""Loops that run for as long as the process does, whatever breaks them."""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable, Collection

logger = logging.getLogger("toasts.realtime")

BACKOFF_MIN = 0.2
"""Seconds of the shortest back-off."""
STABLE = 10.0
"""Seconds after which a loop that then fails starts again from the shortest back-off."""
CANCEL_AGAIN = 0.5
"""Seconds that a cancelled task has to end before it is cancelled once more."""
CANCEL_ATTEMPTS = 20
"""How often a task is cancelled before it is left alone."""


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


async def end_tasks(tasks: Collection[asyncio.Task[None]]) -> None:
    """Cancel tasks, and wait for 10 s at most until they have ended.

    A task that goes on is cancelled again. Before Python 3.12, ``asyncio.wait_for()`` loses a
    cancellation that arrives together with the result (CPython issue 86296). psycopg calls it up to
    its release 3.2, and brokers of other people may.
    """
    pending = set(tasks)
    for _ in range(CANCEL_ATTEMPTS):
        if not pending:
            return
        for task in pending:
            task.cancel()
        _, pending = await asyncio.wait(pending, timeout=CANCEL_AGAIN)
    if pending:
        names = sorted(task.get_name() for task in pending)
        logger.error("%s did not end when cancelled, and goes on.", ", ".join(names))


def _backoff(failures: int, longest: float) -> float:
    # The exponent is bounded: after an hour of failures the power would not fit into a float.
    return random.uniform(BACKOFF_MIN, min(longest, BACKOFF_MIN * 2 ** min(failures, 16)))
