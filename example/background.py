"""Work that outlives the request which started it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine
from contextvars import Context
from typing import Any

logger = logging.getLogger(__name__)

_running: set[asyncio.Task[None]] = set()


def start(work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
    """Run `work` in this process's event loop, whatever becomes of the request.

    A restart of the process ends it: work that must not be lost belongs into a task queue, which
    calls ``create_toast()`` just the same.
    """
    # An empty context: nothing of the request, its language or its thread, lives on in the work.
    task = asyncio.get_running_loop().create_task(work, context=Context())
    _running.add(task)  # the loop itself holds tasks weakly
    task.add_done_callback(_finished)
    return task


def _finished(task: asyncio.Task[None]) -> None:
    _running.discard(task)
    if not task.cancelled() and (error := task.exception()):
        logger.error("A background task failed.", exc_info=error)
