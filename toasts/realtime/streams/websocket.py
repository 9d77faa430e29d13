"""A WebSocket as an event stream: its ``send`` takes an event stream's messages.

So both kinds of streams are written, bounded and disconnected by the same code.
"""

from __future__ import annotations

from ..envelope import data_of, envelopes, parse_events
from ..servers.base import ServerAdapter
from ..types import Message, Send

# Codes of our own (RFC 6455, 7.4.2): daphne sends no others for an application. Each is the HTTP
# status of the same meaning, plus 4000.
ROTATED, SIGNED_OUT, SUPERSEDED, RESTARTS = 4000, 4401, 4409, 4503
CLOSE_CODES = {"auth": SIGNED_OUT, "restart": RESTARTS, "superseded": SUPERSEDED}
"""The close code for each reason of a ``bye`` event."""


class WebSocketSend:
    """Takes an event stream's messages, and sends one text message for each event.

    After the last one it closes the connection with a code that tells the reason.

    Args:
        send: the server's, of a connection that was accepted.
        server: the adapter for it.
    """

    def __init__(self, send: Send, server: ServerAdapter) -> None:
        self._inner = send
        server.expose(self, send, websocket=True)

    async def __call__(self, message: Message) -> None:
        body = message.get("body", b"")
        for text in envelopes(body) if body else ():
            await self.text(text)
        if not message.get("more_body", False):
            await self._inner({"type": "websocket.close", "code": _close_code(body)})

    async def text(self, text: str) -> None:
        """Send one text message."""
        await self._inner({"type": "websocket.send", "text": text})


def _close_code(last_bytes: bytes) -> int:
    for event in parse_events(last_bytes):
        if event.type == "bye":
            return CLOSE_CODES.get(data_of(event)["reason"], ROTATED)
    return ROTATED
