"""Giving back what Django holds for a request, while its response still streams.

Under Django's ASGI handler every request has a thread of its own until its response has ended, and
that thread a database connection as soon as anything was queried. A thousand open streams would be
a thousand of each.
"""

from __future__ import annotations

from asgiref.sync import SyncToAsync, sync_to_async
from django.db import connections


async def release_request() -> None:
    """Close this request's connections and end its thread.

    To be called as the first step of the response's generator: before that, middleware would only
    take a new thread. What runs in `sync_to_async` afterwards takes one too.
    """
    await sync_to_async(connections.close_all)()
    # Not asgiref's public API; a version without these names keeps the thread, and nothing breaks.
    held = getattr(SyncToAsync, "thread_sensitive_context", None)
    executors = getattr(SyncToAsync, "context_to_thread_executor", None)
    context = held.get(None) if held is not None else None
    executor = executors.pop(context, None) if executors is not None and context else None
    if executor is not None:
        executor.shutdown(wait=False)
