"""daphne: what is known of its inside, and of Twisted's below it.

Its ``send`` is a partial of ``Server.handle_reply`` with the request, a Twisted ``IConsumer``. It
never waits: a consumer tells its producer instead when the client stops reading. Its ``receive`` is
the ``get`` of a queue without a bound.
"""

from __future__ import annotations

import asyncio
from typing import Any

from ..types import Message, Receive, Send
from .base import (
    KEPT_MAX,
    Producer,
    ServerAdapter,
    WebSocketReceiver,
    is_instance_from,
    lower_limit,
    size_of,
)


class DaphneAdapter(ServerAdapter):
    """daphne, over HTTP and WebSockets, with and without TLS."""

    def recognises(self, send: Send) -> bool:
        return consumer_of(send) is not None

    def sends_without_task(self, send: Send) -> bool:
        server = getattr(getattr(send, "func", None), "__self__", None)
        return is_instance_from("daphne", server)

    def expose(self, wrapper: Any, send: Send, *, websocket: bool = False) -> None:
        consumer = consumer_of(send)
        wrapper.args = (WebSocketConsumer(consumer) if websocket else consumer,)

    def forget_request(self, send: Send) -> None:
        consumer: Any = consumer_of(send)
        headers = getattr(consumer, "clean_headers", None)
        if headers is not None and len(consumer.uri) + size_of(headers) > KEPT_MAX:
            _forget_long_parts(consumer)

    def attach(self, send: Send, producer: Producer) -> Any:
        consumer = consumer_of(send)
        if consumer is None or consumer.channel is None:  # None: the client has left
            return None
        if _is_paused(consumer) is not None:
            return consumer
        consumer.registerProducer(producer, True)
        return None

    def pause_if_unread(self, connection: Any, producer: Producer) -> None:
        # Registered only now: Twisted keeps 1.5 KB for each producer (two dictionaries that outgrow
        # their class).
        if connection.producer is None and _is_paused(connection):
            connection.registerProducer(producer, True)
            producer.pauseProducing()

    def detach(self, send: Send, producer: Producer) -> None:
        consumer = consumer_of(send)
        if consumer is None or consumer.producer is not producer:
            return
        if consumer.channel is not None:
            consumer.unregisterProducer()
        consumer.producer = None  # no cycle of references where the connection is gone already

    def abort(self, send: Send) -> None:
        abort = getattr(getattr(consumer_of(send), "transport", None), "abortConnection", None)
        if callable(abort):
            abort()

    def limit_messages(self, send: Send, size: int) -> None:
        lower_limit(consumer_of(send), "maxMessagePayloadSize", size)

    def websocket_scheme(self, send: Send) -> str:
        """Return what daphne knows, but does not tell: by the proxy's header, or by the connection.

        Its scopes of WebSockets have no scheme.
        """
        protocol = consumer_of(send)
        transport = getattr(protocol, "transport", None)
        own = "https" if hasattr(transport, "getPeerCertificate") else "http"
        return getattr(protocol, "client_scheme", None) or own

    def websocket_receiver(self, receive: Receive, send: Send) -> WebSocketReceiver:
        queue = _unbounded_queue(receive)
        transport = getattr(consumer_of(send), "transport", None)
        if queue is None or transport is None:
            return WebSocketReceiver(receive)
        return PausingReceiver(receive, queue, transport)


def consumer_of(send: Any) -> Any | None:
    """Return the Twisted consumer that is bound into a ``send``.

    Its ``channel`` is None once the client has left.
    """
    for bound in getattr(send, "args", ()):
        if hasattr(bound, "registerProducer"):
            return bound
    return None


def _forget_long_parts(request: Any) -> None:
    """Empty what daphne and Twisted keep of a request, each in its own form."""
    request.uri = request.path[:KEPT_MAX]  # for daphne's log
    request.query_string = b""
    request.clean_headers.clear()
    request.args.clear()
    request.received_cookies.clear()
    for name, _ in list(request.requestHeaders.getAllRawHeaders()):
        request.requestHeaders.removeHeader(name)


def _is_paused(consumer: Any) -> bool | None:
    """Return whether more was written than the client reads.

    None: it cannot be asked (a WebSocket, HTTP/2); it only tells a producer.
    """
    transport = getattr(consumer.channel, "transport", None)
    paused: bool | None = getattr(transport, "producerPaused", None)
    return paused


def _unbounded_queue(receive: Any) -> asyncio.Queue[Any] | None:
    queue = getattr(receive, "__self__", None)
    return queue if isinstance(queue, asyncio.Queue) and queue.maxsize <= 0 else None


class PausingReceiver(WebSocketReceiver):
    """Has daphne read no faster than messages are taken, so that the rest waits at the client.

    daphne itself reads on, however little of its queue is taken. Between two messages the queue
    holds at most what one read of the connection gives, 64 KiB.
    """

    __slots__ = ("_is_paused", "_queue", "_transport")

    def __init__(self, receive: Receive, queue: asyncio.Queue[Any], transport: Any) -> None:
        super().__init__(receive)
        self._queue = queue
        self._transport = transport
        self._is_paused = False

    async def next(self) -> Message:
        if self._queue.empty():
            self.resume()
        message = await self._receive()
        self._transport.pauseProducing()
        self._is_paused = True
        return message

    def resume(self) -> None:
        if self._is_paused:
            self._is_paused = False
            self._transport.resumeProducing()


class WebSocketConsumer:
    """daphne's WebSocket as a consumer: after the upgrade, Twisted has it between two protocols.

    The transport still has the HTTP channel for its producer, which is of no use any more.
    """

    def __init__(self, protocol: Any) -> None:
        self._protocol = protocol
        self.producer: Any = None

    @property
    def transport(self) -> Any:
        return self._protocol.transport

    @property
    def channel(self) -> Any:
        """None once the client has left; else nothing that can be asked whether it is paused.

        Until a stream is the producer, the HTTP channel is, and TLS tells only its producer when
        the client reads again.
        """
        return True if getattr(self.transport, "connected", False) else None

    def registerProducer(self, producer: Any, streaming: bool) -> None:
        self.transport.unregisterProducer()
        self.transport.registerProducer(producer, streaming)
        self.producer = producer

    def unregisterProducer(self) -> None:
        self.producer = None
        self.transport.unregisterProducer()
