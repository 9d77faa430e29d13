"""A server's ``send`` for a WebSocket, made to look like that of an event stream.

So streams of either kind are written, bounded and cut by the same code.
"""

from __future__ import annotations

from typing import Any

from .envelope import Translated, envelopes, events, value

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
        """None: the client has left."""
        transport = self.transport
        return transport if getattr(transport, "connected", False) else None

    def registerProducer(self, producer: Any, streaming: bool) -> None:
        self.transport.unregisterProducer()
        self.transport.registerProducer(producer, streaming)
        self.producer = producer

    def unregisterProducer(self) -> None:
        self.producer = None
        self.transport.unregisterProducer()
