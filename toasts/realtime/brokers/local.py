"""A broker for a single process: for tests, and for one process on any database."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Sequence

from .base import Publish, Wake


class LocalBroker:
    """Reaches the hubs of this process only."""

    name = "local"

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._listeners: dict[Wake, asyncio.AbstractEventLoop] = {}

    def publish(self, hints: Sequence[str]) -> None:
        """Wake every hub of this process. Call it from any thread."""
        with self._lock:
            listeners = list(self._listeners.items())
        for wake, loop in listeners:
            with contextlib.suppress(RuntimeError):  # its loop was closed
                loop.call_soon_threadsafe(wake, list(hints))

    async def listen(self, wake: Wake, publish: Publish) -> None:
        """Wait for hints until it is cancelled."""
        with self._lock:
            self._listeners[wake] = asyncio.get_running_loop()
        try:
            wake(None)
            await asyncio.Event().wait()
        finally:
            with self._lock:
                self._listeners.pop(wake, None)
