"""hypercorn: what is known of its inside.

Its workers get no signal when they are to stop; their parent tells them in another way. But like
every server that stops, they first close the sockets that take connections, and a process can see
that of its own sockets.
"""

from __future__ import annotations

import contextlib
import os
import socket
from collections.abc import Sequence
from typing import Any

from ..types import Send
from .base import Producer, ServerAdapter, forget_long_parts, is_instance_from, lower_limit

CANCEL = 8
"""The error code of a stream that is no longer needed (RFC 9113, section 7)."""
UNREAD_MAX = 64 * 1024
"""Bytes that a client over HTTP/2 may leave unread before its stream pauses."""
DESCRIPTORS = "/dev/fd"
"""Where the system lists the descriptors of a process."""


class HypercornAdapter(ServerAdapter):
    """hypercorn, over HTTP/1.1 and HTTP/2, and WebSockets."""

    def recognises(self, send: Send) -> bool:
        return is_instance_from("hypercorn", getattr(send, "__self__", None))

    def expose(self, wrapper: Any, send: Send, *, websocket: bool = False) -> None:
        wrapper.__self__ = getattr(send, "__self__", None)

    def forget_request(self, send: Send) -> None:
        forget_long_parts(getattr(getattr(send, "__self__", None), "scope", None))

    def attach(self, send: Send, producer: Producer) -> Any:
        """Watch the buffer that a stream has over HTTP/2: `send` does not wait for it."""
        return _buffer_of(getattr(send, "__self__", None))

    def pause_if_unread(self, connection: Any, producer: Producer) -> None:
        if len(connection.buffer) > UNREAD_MAX:
            producer.pauseProducing()

    def has_read(self, connection: Any) -> bool:
        return len(connection.buffer) <= UNREAD_MAX

    def abort(self, send: Send) -> None:
        """Drop the connection. Over HTTP/2, only reset the stream if the client reads others."""
        stream = getattr(send, "__self__", None)
        protocol = _receiver_of(stream)
        transport = getattr(getattr(_receiver_of(protocol), "writer", None), "transport", None)
        if transport is None:
            return
        buffer = _buffer_of(stream)
        if buffer is not None and not transport.get_write_buffer_size():
            with contextlib.suppress(Exception):  # h2's: the stream or its connection has ended
                transport.write(_reset(protocol, stream, buffer))
        else:
            transport.abort()

    def limit_messages(self, send: Send, size: int) -> None:
        lower_limit(getattr(getattr(send, "__self__", None), "buffer", None), "max_length", size)


def _receiver_of(sender: Any) -> Any:
    """Return the object whose method is the ``send`` of another one."""
    return getattr(getattr(sender, "send", None), "__self__", None)


def _buffer_of(stream: Any) -> Any | None:
    """Return hypercorn's buffer of a stream over HTTP/2; None over HTTP/1.1."""
    buffers = getattr(_receiver_of(stream), "stream_buffers", {})
    return buffers.get(getattr(stream, "stream_id", None))


def _reset(protocol: Any, stream: Any, buffer: Any) -> bytes:
    """Reset a stream of HTTP/2, and have its unsent bytes forgotten. Return what to write."""
    protocol.connection.reset_stream(stream.stream_id, CANCEL)
    # Once the application has returned, hypercorn finds it closed, and forgets its buffer.
    buffer.buffer.clear()
    protocol.priority.unblock(stream.stream_id)
    data: bytes = protocol.connection.data_to_send()
    return data


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
