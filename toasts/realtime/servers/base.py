"""What the engine asks of a server beyond ASGI.

ASGI has no word for a client that has stopped reading where ``send`` never waits (daphne), nor for
disconnecting it. Where a server is unknown, or something wraps its ``send``, streams still work,
but such a client is disconnected only at the stream's maximum age.
"""

from __future__ import annotations

from collections.abc import Iterable
from operator import itemgetter
from typing import Any, Protocol

from ..types import Message, Receive, Send

KEPT_MAX = 4096
"""Bytes of a request that may stay in memory with its stream."""
PART_MAX = 1024
"""Bytes of the path, of the query and of all headers that stay if the request is longer."""
_VALUE = itemgetter(1)


class Producer(Protocol):
    """Twisted's ``IPushProducer``, by its names: it is told when a client stops reading."""

    def pauseProducing(self) -> None:
        """Record that the client has stopped reading."""

    def resumeProducing(self) -> None:
        """Record that the client reads again."""

    def stopProducing(self) -> None:
        """Record that the connection is lost."""


class WebSocketReceiver:
    """Receives the messages of a WebSocket one by one.

    Args:
        receive: the server's.
    """

    __slots__ = ("_receive",)

    def __init__(self, receive: Receive) -> None:
        self._receive = receive

    async def next(self) -> Message:
        """Wait for the next message and return it."""
        return await self._receive()

    def resume(self) -> None:
        """Have the server read on, so that it sees the client's answer to a close."""


class ServerAdapter:
    """The answers for a server of which nothing but ASGI is known.

    Adapters hold no state: one serves all connections. Each takes the server's ``send``.
    """

    def recognises(self, send: Send) -> bool:
        """Return whether this ``send`` is one of this server."""
        return False

    def sends_without_task(self, send: Send) -> bool:
        """Return whether this ``send`` never asks for the current task.

        Then the hub may run its steps in no task at all.
        """
        return False

    def expose(self, wrapper: Any, send: Send, *, websocket: bool = False) -> None:
        """Let `recognises` recognise a callable that wraps this ``send``.

        Args:
            wrapper: the callable.
            websocket: whether the connection was upgraded.
        """

    def forget_request(self, send: Send) -> None:
        """Have the server forget the long parts of a request whose response has begun.

        It keeps the request as long as the response lasts, perhaps for many minutes.
        """

    def attach(self, send: Send, producer: Producer) -> Any:
        """Have the server tell a producer when the client stops reading.

        Returns:
            The connection, if `pause_if_unread` must be called after each write; else None.
        """

    def pause_if_unread(self, connection: Any, producer: Producer) -> None:
        """Pause the producer if the client has not read what was just written."""

    def has_read(self, connection: Any) -> bool:
        """Return whether the client has read again. Asked of servers that tell no producer."""
        return False

    def detach(self, send: Send, producer: Producer) -> None:
        """Undo `attach`. Idempotent."""

    def abort(self, send: Send) -> None:
        """Drop the connection at once, with all bytes that wait."""

    def limit_messages(self, send: Send, size: int) -> None:
        """Have the server refuse messages of a WebSocket that exceed a size, before they are whole.

        Args:
            send: the server's.
            size: in bytes.
        """

    def websocket_scheme(self, send: Send) -> str:
        """Return the scheme of a WebSocket whose scope has none: ``ws``, unless more is known."""
        return "ws"

    def websocket_receiver(self, receive: Receive, send: Send) -> WebSocketReceiver:
        """Return what reads the messages of this WebSocket."""
        return WebSocketReceiver(receive)


def size_of(headers: Iterable[tuple[bytes, bytes]] | None) -> int:
    """Return how many bytes the values of headers have. It runs for each new stream."""
    return sum(map(len, map(_VALUE, headers or ())))


def forget_long_parts(scope: Any) -> bool:
    """Empty the long parts of the scope that a server keeps, if they exceed KEPT_MAX together.

    Returns:
        Whether they did.
    """
    if type(scope) is not dict:
        return False
    headers = scope.get("headers")
    # The path is a part of the raw path.
    address = len(scope.get("raw_path") or b"") + len(scope.get("query_string") or b"")
    if address + size_of(headers) <= KEPT_MAX:
        return False
    for name in ("path", "raw_path", "query_string"):
        if len(scope.get(name) or b"") > PART_MAX:
            scope[name] = scope[name][:0]
    if isinstance(headers, list) and size_of(headers) > PART_MAX:
        headers.clear()  # other objects of the server have the same list
    return True


def lower_limit(holder: Any, name: str, limit: int) -> None:
    """Lower a limit that an object of a server has, if it has one of this name.

    Args:
        holder: the object; it may be None.
        name: of the attribute. Its values 0 and None mean that there is no limit.
        limit: the new value.
    """
    current = getattr(holder, name, limit)
    if not current or current > limit:
        setattr(holder, name, limit)


def is_instance_from(package: str, value: object) -> bool:
    """Return whether the class of a value belongs to a package. It is not imported for that."""
    return type(value).__module__.partition(".")[0] == package
