"""Handover: how a view gives its stream to the ASGI application around Django.

The application puts a `Handover` into the request's scope. The view calls `Handover.take`, and
answers with an empty response that has the header HANDOVER_HEADER. Once that response has come
back through the middleware, the application serves the stream, and the request is over.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..delivery.streams import HANDOVER_HEADER, SubscriptionRequest
from ..realtime.types import Message, Receive, Send

HEADER = HANDOVER_HEADER.lower().encode()


class Handover:
    """One request on its way through Django. A subclass for each protocol sends the response."""

    __slots__ = ("confirmed", "last_event_id", "subscription")

    is_socket = False

    def __init__(self) -> None:
        self.subscription: SubscriptionRequest | None = None
        self.last_event_id: str | None = None
        self.confirmed = False

    def take(self, subscription: SubscriptionRequest, last_event_id: str | None) -> None:
        """Take the stream over. The view calls this; it holds if the view's own response is sent.

        Args:
            subscription: what the stream is to carry.
            last_event_id: the id of the last event that the client has seen.
        """
        self.subscription = subscription
        self.last_event_id = last_event_id

    def confirm(self, start: Message) -> bool:
        """Return whether a response is the view's own, and not one of a middleware in its place.

        Args:
            start: the message ``http.response.start``.
        """
        has_header = any(name.lower() == HEADER for name, _ in start["headers"])
        self.confirmed = has_header and self.subscription is not None
        return self.confirmed

    @property
    def accepted(self) -> SubscriptionRequest | None:
        """What the application is to serve; None if the response was another one."""
        return self.subscription if self.confirmed else None


class HttpHandover(Handover):
    """A handover whose response goes to the client, unless it is the view's own.

    Args:
        first: the first message of the request, which was received already.
        receive: the server's.
        send: the server's.
        on_other_response: called when a response begins that is not the view's own.
    """

    __slots__ = ("_first", "_gone", "_on_other_response", "_receive", "_send", "start")

    def __init__(
        self, first: Message, receive: Receive, send: Send, on_other_response: Callable[[], object]
    ) -> None:
        super().__init__()
        self.start: Message | None = None
        """The start of the view's own response. The application sends it: Django waits for no
        client that does not read."""
        self._first: Message | None = first
        self._receive = receive
        self._send = send
        self._on_other_response = on_other_response
        self._gone = False

    async def receive(self) -> Message:
        message, self._first = self._first, None
        return message or await self.receive_next()

    async def receive_next(self) -> Message:
        """Receive what follows the first message."""
        message = await self._receive()
        # Django also receives while it works, so it may be the one to learn that the client left.
        self._gone = self._gone or message["type"] == "http.disconnect"
        return message

    async def send(self, message: Message) -> None:
        if self.confirmed:
            return  # the empty body of the view's response
        if message["type"] == "http.response.start" and self.confirm(message):
            self.start = {**message, "headers": _stream_headers(message)}
            return
        self._on_other_response()
        await self._send(message)

    @property
    def accepted(self) -> SubscriptionRequest | None:
        return None if self._gone else super().accepted


def _stream_headers(start: Message) -> list[Any]:
    """Return the headers of the view's response, less what is true of its empty body alone."""
    dropped = (HEADER, b"content-length")
    return [pair for pair in start["headers"] if pair[0].lower() not in dropped]
