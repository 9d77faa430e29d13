"""Background work that goes on after the request that started it has ended."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine
from contextvars import Context
from typing import Any

logger = logging.getLogger(__name__)

_running: set[asyncio.Task[None]] = set()


def start(work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
    """Run `work` in the event loop of this process, independently of the request.

    It ends when the process restarts. Work that must not be lost belongs in a task queue, whose
    tasks can call ``create_toast()``, too.
    """
    # An empty context, so that the work doesn't inherit the request's language or thread.
    task = asyncio.get_running_loop().create_task(work, context=Context())
    _running.add(task)  # the loop keeps only a weak reference
    task.add_done_callback(_finished)
    return task


def _finished(task: asyncio.Task[None]) -> None:
    _running.discard(task)
    if not task.cancelled() and (error := task.exception()):
        logger.error("A background task failed.", exc_info=error)
