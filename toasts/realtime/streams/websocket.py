"""A server's WebSocket: a ``send`` that looks like an event stream's, a ``receive`` with a bound.

So streams of either kind are written, bounded and cut by the same code.
"""

from __future__ import annotations

from typing import Any

from ..envelope import Translated, envelopes, events, value
from ..servers.base import consumer, unbounded

# Of our own (RFC 6455, 7.4.2), for daphne sends no others in an application's name: the status of
# HTTP that says as much, plus 4000.
ROTATED, SIGNED_OUT, SUPERSEDED, RESTARTS = 4000, 4401, 4409, 4503
CLOSES = {"auth": SIGNED_OUT, "restart": RESTARTS, "superseded": SUPERSEDED}
"""The close code by the reason of the goodbye."""


class SocketSend(Translated):
    """Takes an event stream's messages, and sends one text message for each event.

    The last one is followed by the close, whose code tells why.

    Args:
        send: the server's, of a connection that is accepted.
    """

    def __init__(self, send: Any) -> None:
        super().__init__(send)
        if self.args:
            self.args = (_Upgraded(self.args[0]),)

    async def __call__(self, message: Any) -> None:
        body = message.get("body", b"")
        for text in envelopes(body) if body else ():
            await self.text(text)
        if not message.get("more_body", False):
            await self.inner({"type": "websocket.close", "code": _code(body)})

    async def text(self, text: str) -> None:
        await self.inner({"type": "websocket.send", "text": text})


def _code(last: bytes) -> int:
    for event in events(last):
        if event.type == "bye":
            return CLOSES.get(value(event)["reason"], ROTATED)
    return ROTATED


class Upstream:
    """What a client sends, read no faster than it is taken: the rest waits at the client.

    Between two messages at most one look at the connection is queued, 64 KiB.

    Args:
        receive: the server's.
        send: the server's.
    """

    __slots__ = ("_is_paused", "_queue", "_receive", "_transport")

    def __init__(self, receive: Any, send: Any) -> None:
        self._receive = receive
        self._queue = unbounded(receive)
        self._transport: Any = getattr(consumer(send), "transport", None)
        self._is_paused = False

    async def next(self) -> Any:
        """The next message; until the one after it is asked for, no more are read."""
        if self._queue is None or self._queue.empty():
            self.resume()
        message = await self._receive()
        if self._queue is not None and self._transport is not None:
            self._transport.pauseProducing()
            self._is_paused = True
        return message

    def resume(self) -> None:
        """Read on: a close that was asked for is answered by the client."""
        if self._is_paused:
            self._is_paused = False
            self._transport.resumeProducing()


class _Upgraded:
    """daphne's connection as a consumer: Twisted has it between two protocols after the upgrade.

    The transport still knows the HTTP channel as its producer, whose business is over.
    """

    def __init__(self, protocol: Any) -> None:
        self._protocol = protocol
        self.producer: Any = None

    @property
    def transport(self) -> Any:
        return self._protocol.transport

    @property
    def channel(self) -> Any:
        """None: the client has left. Else nothing that can be asked whether it holds anything back:
        until a stream is the producer, the HTTP channel is, and TLS tells nobody but its producer
        of the time that the client reads again.
        """
        return True if getattr(self.transport, "connected", False) else None

    def registerProducer(self, producer: Any, streaming: bool) -> None:
        self.transport.unregisterProducer()
        self.transport.registerProducer(producer, streaming)
        self.producer = producer

    def unregisterProducer(self) -> None:
        self.producer = None
        self.transport.unregisterProducer()
