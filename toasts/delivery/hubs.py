"""The hubs of this process: one for each event loop."""

from __future__ import annotations

import asyncio
import functools
import logging
import os

from ..conf import conf
from ..realtime.hub import Hub
from ..realtime.sources import SourceRouter, TopicSource
from ..realtime.timing import Timing
from ..realtime.worker import CLOSE_TIMEOUT
from ..tenants import tenancy
from . import brokers
from .source import PREFIX, TOASTS
from .tenant_router import TenantRouter

logger = logging.getLogger("toasts")
STOP_TIMEOUT = 15.0
"""Seconds that a hub on a loop of another thread has to stop."""
_hubs: dict[asyncio.AbstractEventLoop, Hub] = {}
_sources: dict[str, TopicSource] = {}


def register_source(kind: str, source: TopicSource) -> None:
    """Register the source for topics that begin with `kind:`.

    Args:
        kind: the part of the name before its first colon.
        source: reads and encodes them.
    """
    _sources[kind] = source


def current_hub() -> Hub:
    """Return the hub of the running event loop. The first call creates it.

    Raises:
        ImportError, ValueError: those of `brokers.make_broker`.
    """
    loop = asyncio.get_running_loop()
    hub = _hubs.get(loop)
    if hub is None:
        _forget_closed_loops()
        _forget_after_fork()
        hub = _hubs[loop] = _make_hub()
    return hub


def _make_hub() -> Hub:
    timing = Timing(
        reconcile=brokers.reconcile_interval(),
        revalidate=conf.sweep,
        ticks_per_visit=ticks_per_visit(),
    )
    router = SourceRouter if tenancy() is None else TenantRouter
    return Hub(
        router(TOASTS, PREFIX, _sources),
        brokers.make_broker(),
        timing,
        conf.max_streams_per_user,
        conf.server_internals,
    )


def running_hubs() -> list[Hub]:
    """Return the hubs whose loops run. Call it from any thread."""
    return [hub for hub in list(_hubs.values()) if hub.running]


def ticks_per_visit() -> int:
    """Return how many ticks, of a second each, the hub takes to tick every stream once."""
    return max(1, min(3, int(conf.heartbeat / 5)))


def stop_all() -> None:
    """Stop all hubs of this process, and wait until their threads have closed their connections.

    A hub that can't be stopped is logged, and the others are stopped all the same.
    """
    while _hubs:
        loop, hub = _hubs.popitem()
        try:
            _stop(loop, hub)
        except Exception:
            logger.exception("A hub did not stop within %g s.", STOP_TIMEOUT)


def _stop(loop: asyncio.AbstractEventLoop, hub: Hub) -> None:
    if loop.is_running() and not _is_running_here(loop):
        asyncio.run_coroutine_threadsafe(hub.stop(), loop).result(STOP_TIMEOUT)
    elif loop.is_running() or loop.is_closed() or _is_running_here():
        _stop_blocking(hub)
    else:
        loop.run_until_complete(hub.stop())


def _stop_blocking(hub: Hub) -> None:
    """Stop a hub whose event loop can't be waited for: it is closed, or runs the caller.

    On a loop that runs, the hub's tasks end as soon as the caller lets it.
    """
    tasks, threads = hub.halt()
    for task in tasks:
        if not task.get_loop().is_closed():
            task.cancel()
    for thread in threads:
        thread.end()
    for thread in threads:
        thread.join(CLOSE_TIMEOUT)


def _is_running_here(loop: asyncio.AbstractEventLoop | None = None) -> bool:
    """Return whether this loop, or any, runs the caller."""
    try:
        return asyncio.get_running_loop() is (loop or asyncio.get_running_loop())
    except RuntimeError:
        return False


def _forget_closed_loops() -> None:
    for loop in [loop for loop in list(_hubs) if loop.is_closed()]:
        if (hub := _hubs.pop(loop, None)) is not None:  # another thread may do the same
            _stop_blocking(hub)


@functools.cache
def _forget_after_fork() -> None:
    if hasattr(os, "register_at_fork"):
        os.register_at_fork(after_in_child=_forget_all)


def _forget_all() -> None:
    # A forked child has copies of its parent's hubs, but neither their threads nor their loops.
    _hubs.clear()
