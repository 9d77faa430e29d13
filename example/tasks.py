"""The tasks that the toast demo starts. They report their progress by toasts."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from typing import Any, ParamSpec, TypeVar

from asgiref.sync import ThreadSensitiveContext, sync_to_async
from django.core.exceptions import ObjectDoesNotExist
from django.db import close_old_connections

from toasts import async_create_toast, async_update_toast

P = ParamSpec("P")
T = TypeVar("T")

STEP = 0.5
"""Seconds between two updates of the progress."""


async def report_back(user_id: Any, running: Any, message: str, seconds: float) -> None:
    """Work for `seconds`, with the progress in `running`. Then send `message` as a new toast."""
    async for percent in _progress(seconds):
        await _report(running, progress=percent)
    await _write(async_create_toast, message, user_id, level="success", title="Task finished")
    await _report(running, title="Task done", message="It ran to its end.", duration=4)


async def upload(running: Any, seconds: float) -> None:
    """Work for `seconds`, and show all of it in one toast."""
    async for percent in _progress(seconds):
        await _report(running, progress=percent)
    await _report(
        running,
        level="success",
        title="Upload finished",
        message="holiday.zip is stored.",
        duration=6,
    )


async def _progress(seconds: float) -> AsyncIterator[int]:
    """Yield the percentage that is done every STEP seconds. The last one is 100."""
    loop = asyncio.get_running_loop()
    start = loop.time()
    while (passed := loop.time() - start) < seconds:
        yield int(100 * passed / seconds)
        await asyncio.sleep(min(STEP, seconds - passed))
    yield 100


async def _report(running: Any, **changes: Any) -> None:
    with suppress(ObjectDoesNotExist):  # the toast was deleted, so nobody waits for it
        await _write(async_update_toast, running, **changes)


async def _write(call: Callable[P, Awaitable[T]], *args: P.args, **kwargs: P.kwargs) -> T:
    """Write once, in a thread and with a connection that are released at once."""
    async with ThreadSensitiveContext():
        try:
            return await call(*args, **kwargs)
        finally:
            await sync_to_async(close_old_connections)()
