"""How processes tell each other that something may be new: a contract, and its smallest keeper.

A hint names a topic, never text. It can be forged, doubled or lost, and nothing bad follows: who
gets one looks the state up for himself.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import threading
from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Protocol

Wake = Callable[[Iterable[str] | None], None]
"""Called with the hints that came, or with None: everything may have changed."""

Publish = Callable[[Sequence[str]], Awaitable[None]]

HINTS_MAX_BYTES = 7000
"""Below PostgreSQL's 8,000 for a payload (NAMEDATALEN and BLCKSZ, async.c)."""


class BrokerError(Exception):
    """The way between the processes is broken; the listener is to connect anew."""


class Broker(Protocol):
    """Carries hints between the processes of a site."""

    name: str

    def publish(self, hints: Sequence[str]) -> None:
        """Tell every listening process. Blocks; from any thread; raises when it can't."""

    async def listen(self, wake: Wake, publish: Publish) -> None:
        """Hear hints until cancelled.

        Calls ``wake(None)`` once it is listening, since what was said before went unheard, and
        then ``wake(hints)`` for each message. ``publish`` is the hub's own way to say something,
        for brokers that prove their channel end to end.

        Raises:
            Exception: the connection is lost; the hub calls again after a back-off.
        """


def pack(hints: Iterable[str], limit: int = HINTS_MAX_BYTES) -> list[str]:
    """The hints as messages, JSON arrays of at most `limit` bytes each, without doubles.

    A hint that alone is longer is left out: it may be lost, but must not take the others along.
    """
    messages: list[str] = []
    parts: list[str] = []
    size = 2
    for part in dict.fromkeys(json.dumps(hint) for hint in hints):
        if len(part) + 2 > limit:
            continue
        if size + len(part) + 1 > limit and parts:
            messages.append(f"[{','.join(parts)}]")
            parts, size = [], 2
        parts.append(part)
        size += len(part) + 1
    return [*messages, f"[{','.join(parts)}]"] if parts else messages


def unpack(message: str) -> list[str]:
    """The hints of a message; none of one that is not ours: anyone may write to a channel."""
    try:
        hints = json.loads(message)
    except (ValueError, RecursionError):  # the latter: thousands of open brackets
        return []
    if not isinstance(hints, list):
        return []
    return [hint for hint in hints if isinstance(hint, str)]


class LocalBroker:
    """Reaches the streams of this process alone: for tests, and for one process on any database."""

    name = "local"

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._listeners: dict[Wake, asyncio.AbstractEventLoop] = {}

    def publish(self, hints: Sequence[str]) -> None:
        with self._lock:
            listeners = list(self._listeners.items())
        for wake, loop in listeners:
            with contextlib.suppress(RuntimeError):  # its loop was closed
                loop.call_soon_threadsafe(wake, list(hints))

    async def listen(self, wake: Wake, publish: Publish) -> None:
        with self._lock:
            self._listeners[wake] = asyncio.get_running_loop()
        try:
            wake(None)
            await asyncio.Event().wait()
        finally:
            with self._lock:
                self._listeners.pop(wake, None)
