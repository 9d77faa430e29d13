"""A server that is told to stop waits for its open responses; streams must not keep it waiting.

uvicorn and granian would wait for ever, and offer an application no earlier sign than the signal
itself: their lifespan shutdown comes after the wait. So the signal's handler is wrapped, once there
are streams, and calls the one it found.

hypercorn's workers get no signal, their parent tells them otherwise. But like every server that
stops, they first close the sockets that take connections, and a process can see that of its own.
"""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import threading
import weakref
from collections.abc import Callable, Sequence
from types import FrameType
from typing import Any

SIGNALS = (signal.SIGTERM, signal.SIGINT)
LAST_WORDS = 1.0
"""Seconds for its farewells that a process has which the signal would end at once."""
DESCRIPTORS = "/dev/fd"
"""Where the system lists a process's own."""


class SignalHandler:
    """A signal handler: has every stream end, then does what the handler before it did."""

    def __init__(self, previous: Any) -> None:
        self.previous = previous
        self.hubs: weakref.WeakSet[Any] = weakref.WeakSet()
        self.process = os.getpid()

    def __call__(self, number: int, frame: FrameType | None) -> None:
        parting = self._drain()
        if callable(self.previous):
            self.previous(number, frame)
        elif self.previous == signal.SIG_DFL:
            signal.signal(number, signal.SIG_DFL)  # a second one does not wait
            _end(number, LAST_WORDS if parting else 0)

    def _drain(self) -> bool:
        """Whether there is somebody to say goodbye to."""
        parting = False
        # A forked child has its parent's hubs: not its to drain.
        for hub in list(self.hubs) if self.process == os.getpid() else ():
            with contextlib.suppress(Exception):  # its loop may close just now; the rest must stop
                parting |= hub.drain_soon()
        return parting


def _end(number: int, seconds: float) -> None:
    if not seconds:
        os.kill(os.getpid(), number)
        return
    timer = threading.Timer(seconds, os.kill, [os.getpid(), number])
    timer.daemon = True  # the process may end by itself before
    timer.start()


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
        if not isinstance(current, SignalHandler) or current.process != os.getpid():
            current = SignalHandler(current)
            signal.signal(number, current)
        current.hubs.add(hub)


class ListeningSockets:
    """The sockets of this process that take the connections to one address.

    Args:
        server: ASGI's ``scope["server"]``: host and port; path and None, or None, of a Unix socket.
    """

    def __init__(self, server: Sequence[Any] | None) -> None:
        port = server[1] if server else None
        try:
            numbers = [int(name) for name in os.listdir(DESCRIPTORS)]
        except OSError:  # not on this system
            numbers = []
        # By what they are, too: the number of a closed one is given to the next that is opened.
        self._found = {number: _identity(number) for number in numbers if _accepts(number, port)}

    def closed(self) -> bool:
        """Whether there were any, and all are gone: no other connection will ever come."""
        gone = (_identity(number) != one for number, one in self._found.items())
        return bool(self._found) and all(gone)


def _identity(number: int) -> int | None:
    try:
        return os.fstat(number).st_ino
    except OSError:
        return None


def _accepts(number: int, port: int | None) -> bool:
    """Whether this descriptor is a socket that listens at this port; None: a Unix socket."""
    kind = socket.SOCK_STREAM | getattr(socket, "SOCK_NONBLOCK", 0)  # lest a default timeout be set
    try:
        one = socket.socket(type=kind, fileno=number)
    except OSError:  # something else than a socket
        return False
    try:
        name = one.getsockname() if one.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN) else ()
    except OSError:
        return False
    finally:
        one.detach()  # it is the server's
    return name != () and (name[1] if isinstance(name, tuple) else None) == port
