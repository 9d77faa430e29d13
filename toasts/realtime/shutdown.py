"""A server that is told to stop waits for its open responses; streams must not keep it waiting.

uvicorn and granian would wait for ever, and offer an application no earlier sign than the signal
itself: their lifespan shutdown comes after the wait. So the signal's handler is wrapped, once there
are streams, and calls the one it found.
"""

from __future__ import annotations

import contextlib
import os
import signal
import threading
import weakref
from collections.abc import Callable
from types import FrameType
from typing import Any

SIGNALS = (signal.SIGTERM, signal.SIGINT)


class Farewell:
    """A signal handler: has every stream end, then does what the handler before it did."""

    def __init__(self, previous: Any) -> None:
        self.previous = previous
        self.hubs: weakref.WeakSet[Any] = weakref.WeakSet()

    def __call__(self, number: int, frame: FrameType | None) -> None:
        for hub in list(self.hubs):
            with contextlib.suppress(Exception):  # its loop may close just now; the rest must stop
                hub.drain_soon()
        if callable(self.previous):
            self.previous(number, frame)
        elif self.previous == signal.SIG_DFL:
            signal.signal(number, signal.SIG_DFL)
            os.kill(os.getpid(), number)


def on_stop(hub: Any) -> None:
    """Have ``hub.drain_soon()`` called when this process is told to stop.

    Only the main thread may set handlers; elsewhere (a development server's reloader) the process
    ends without waiting for us anyway. The server is expected to have set its own before.
    """
    if threading.current_thread() is not threading.main_thread():
        return
    for number in SIGNALS:
        current: Callable[[int, FrameType | None], Any] | int | None = signal.getsignal(number)
        if current is None or current == signal.SIG_IGN:
            continue  # set by no Python code, so it could not be called; or the process goes on
        if not isinstance(current, Farewell):
            current = Farewell(current)
            signal.signal(number, current)
        current.hubs.add(hub)
