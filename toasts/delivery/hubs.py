"""The hubs of this process: one for each event loop."""

from __future__ import annotations

import asyncio
import functools
import os

from ..conf import conf
from ..realtime.hub import Hub
from ..realtime.sources import SourceRouter, TopicSource
from ..realtime.timing import Timing
from ..tenants import tenancy
from . import brokers
from .source import PREFIX, TOASTS
from .tenant_router import TenantRouter

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
        reconcile=conf.reconcile, revalidate=conf.sweep, ticks_per_visit=ticks_per_visit()
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


def _forget_closed_loops() -> None:
    for loop in [loop for loop in list(_hubs) if loop.is_closed()]:
        del _hubs[loop]


@functools.cache
def _forget_after_fork() -> None:
    if hasattr(os, "register_at_fork"):
        os.register_at_fork(after_in_child=_forget_all)


def _forget_all() -> None:
    # A forked child has copies of its parent's hubs, but neither their threads nor their loops.
    _hubs.clear()
