"""Giving back what Django holds for a request, while its response still streams.

Under Django's ASGI handler every request has a thread of its own until its response has ended, and
that thread a database connection as soon as anything was queried. A thousand open streams would be
a thousand of each.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from typing import Any

from asgiref.sync import SyncToAsync, sync_to_async
from django.db import connections


async def release_request(ended: Callable[[], object] | None = None) -> None:
    """Close this request's connections and end its thread.

    To be called as the first step of the response's generator: before that, middleware would only
    take a new thread. What runs in `sync_to_async` afterwards takes one too.

    Args:
        ended: called on this event loop once the server is done with the request. Where Django
            runs the response in a task of its own (up to 6.0), that task never hears that the
            server has cancelled the request: this is how it does.
    """
    await sync_to_async(connections.close_all)()
    # Not asgiref's public API; a version without these names keeps the thread, and nothing breaks.
    held = getattr(SyncToAsync, "thread_sensitive_context", None)
    executors = getattr(SyncToAsync, "context_to_thread_executor", None)
    context = held.get(None) if held is not None else None
    if executors is None or context is None:
        return
    executor = executors.pop(context, None)
    if executor is not None:
        executor.shutdown(wait=False)
    if ended is not None:
        executors[context] = RequestEndHook(ended)


class RequestEndHook(Executor):
    """Stands in for a request's thread: asgiref shuts it down when the request has ended.

    It starts a thread only if asked for work again, as by the closing of the response.
    """

    def __init__(self, ended: Callable[[], object]) -> None:
        self._ended = ended
        self._loop = asyncio.get_running_loop()
        self._thread: ThreadPoolExecutor | None = None

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        if self._thread is None:
            self._thread = ThreadPoolExecutor(max_workers=1)
        return self._thread.submit(fn, *args, **kwargs)

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        with contextlib.suppress(RuntimeError):  # the loop is closed, and the stream with it
            self._loop.call_soon_threadsafe(self._ended)
        if self._thread is not None:
            self._thread.shutdown(wait, cancel_futures=cancel_futures)
