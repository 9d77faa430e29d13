"""hypercorn: what is known of its inside.

Its workers get no signal when they are to stop; their parent tells them in another way. But like
every server that stops, they first close the sockets that take connections, and a process can see
that of its own sockets.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Sequence
from typing import Any

DESCRIPTORS = "/dev/fd"
"""Where the system lists the descriptors of a process."""


class ListeningSockets:
    """The sockets of this process that accept the connections to one address.

    Args:
        server: ASGI's ``scope["server"]``: host and port; for a Unix socket the path and None, or
            None.
    """

    def __init__(self, server: Sequence[Any] | None) -> None:
        port = server[1] if server else None
        numbers = [number for number in _descriptors() if _listens(number, port)]
        # The number of a closed descriptor is given to the next one that is opened.
        self._inodes = {number: _inode(number) for number in numbers}

    def closed(self) -> bool:
        """Return whether there were any and all are closed: then no connection will come."""
        closed = (_inode(number) != inode for number, inode in self._inodes.items())
        return bool(self._inodes) and all(closed)


def _descriptors() -> list[int]:
    try:
        return [int(name) for name in os.listdir(DESCRIPTORS)]
    except OSError:  # the system has no such folder
        return []


def _inode(number: int) -> int | None:
    try:
        return os.fstat(number).st_ino
    except OSError:
        return None


def _listens(number: int, port: int | None) -> bool:
    """Return whether a descriptor is a socket that listens at a port; None: a Unix socket."""
    kind = socket.SOCK_STREAM | getattr(socket, "SOCK_NONBLOCK", 0)  # lest a default timeout be set
    try:
        one = socket.socket(type=kind, fileno=number)
    except OSError:  # another kind of descriptor
        return False
    try:
        name = one.getsockname() if one.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN) else ()
    except OSError:
        return False
    finally:
        one.detach()  # it stays open: it is the server's
    return name != () and (name[1] if isinstance(name, tuple) else None) == port
