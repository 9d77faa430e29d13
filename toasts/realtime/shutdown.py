"""Ends the streams when the server is told to stop, because servers wait for open responses.

uvicorn and granian would wait forever, and tell an application nothing before: their lifespan
shutdown comes after the wait. So, once there are streams, the handler of the stop signal is wrapped
in one that ends them and then calls it.
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
GRACE = 1.0
"""Seconds for the last bytes of the streams, where the signal would end the process at once."""


class SignalHandler:
    """Ends every stream, then does what the handler before it did.

    Args:
        previous: that handler, as ``signal.getsignal()`` returns it.
    """

    def __init__(self, previous: Any) -> None:
        self.previous = previous
        self.hubs: weakref.WeakSet[Any] = weakref.WeakSet()
        self.process = os.getpid()

    def __call__(self, number: int, frame: FrameType | None) -> None:
        had_streams = self._drain()
        if callable(self.previous):
            self.previous(number, frame)
        elif self.previous == signal.SIG_DFL:
            signal.signal(number, signal.SIG_DFL)  # a second signal does not wait
            _kill_after(GRACE if had_streams else 0, number)

    def _drain(self) -> bool:
        """End the streams of all hubs, and return whether there were any."""
        had_streams = False
        # A forked child has a copy of its parent's hubs: it must not drain them.
        for hub in list(self.hubs) if self.process == os.getpid() else ():
            with contextlib.suppress(Exception):  # its loop may close just now; the rest must stop
                had_streams |= hub.drain_soon()
        return had_streams


def _kill_after(seconds: float, number: int) -> None:
    if not seconds:
        os.kill(os.getpid(), number)
        return
    timer = threading.Timer(seconds, os.kill, [os.getpid(), number])
    timer.daemon = True  # the process may end by itself before
    timer.start()


def on_stop(hub: Any) -> None:
    """Have ``hub.drain_soon()`` called when this process gets SIGTERM or SIGINT.

    Only the main thread can set signal handlers. In another thread (a development server's
    reloader) it does nothing: there, the process does not wait for streams. The server must have
    set its own handlers before.
    """
    if threading.current_thread() is not threading.main_thread():
        return
    for number in SIGNALS:
        current: Callable[[int, FrameType | None], Any] | int | None = signal.getsignal(number)
        if current is None or current == signal.SIG_IGN:
            continue  # no Python code set it, so it can't be called; or the process goes on
        if not isinstance(current, SignalHandler) or current.process != os.getpid():
            current = SignalHandler(current)
            signal.signal(number, current)
        current.hubs.add(hub)
