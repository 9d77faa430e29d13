"""Free a request's thread and database connections while its response still streams.

Under Django's own ASGI handler, each request has a thread until its response has ended. That thread
has a database connection as soon as anything was queried. A thousand open streams would hold a
thousand of each.

What is known of the inside of asgiref is in this module alone.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from typing import Any

from asgiref.sync import SyncToAsync, sync_to_async
from django.db import connections

from ..conf import conf


async def release_request_resources(on_request_end: Callable[[], object] | None = None) -> None:
    """Close this request's database connections, and end its thread.

    Call it as the first step of the response's generator: if it were called before, middleware
    would only take a new thread. `sync_to_async` takes a new one afterwards, too.

    The thread is found in a dictionary of asgiref that is not its public API. In a version without
    it, and with TOASTS_SERVER_INTERNALS off, the thread stays until the response has ended.
    Up to Django 5.2, a request that the server cancels without ``http.disconnect`` then keeps its
    subscription until the stream's next write fails.

    Args:
        on_request_end: called on this event loop once the server is done with the request. Up to
            Django 6.0 the response runs in a task of its own, which does not learn that the server
            has cancelled the request. This tells it.
    """
    await sync_to_async(connections.close_all)()
    executors = _executors_by_request()
    context = _current_request()
    if executors is None or context is None:
        return
    executor = executors.pop(context, None)
    if executor is not None:
        executor.shutdown(wait=False)
    if on_request_end is not None:
        executors[context] = RequestEndHook(on_request_end)


def _executors_by_request() -> Any | None:
    """Return asgiref's threads by request, or None if they can't or may not be found."""
    if not conf.server_internals:
        return None
    return getattr(SyncToAsync, "context_to_thread_executor", None)


def _current_request() -> Any | None:
    """Return what asgiref has the thread of the current request under, if there is a request."""
    context = getattr(SyncToAsync, "thread_sensitive_context", None)
    return context.get(None) if context is not None else None


class RequestEndHook(Executor):
    """Takes the place of a request's thread, which asgiref shuts down when the request has ended.

    It starts a thread only if it gets work, such as the closing of the response.

    Args:
        on_request_end: called on the running event loop at the shutdown.
    """

    def __init__(self, on_request_end: Callable[[], object]) -> None:
        self._on_request_end = on_request_end
        self._loop = asyncio.get_running_loop()
        self._thread: ThreadPoolExecutor | None = None

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        if self._thread is None:
            self._thread = ThreadPoolExecutor(max_workers=1)
        return self._thread.submit(fn, *args, **kwargs)

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        with contextlib.suppress(RuntimeError):  # the loop is closed, and the stream with it
            self._loop.call_soon_threadsafe(self._on_request_end)
        if self._thread is not None:
            self._thread.shutdown(wait, cancel_futures=cancel_futures)
