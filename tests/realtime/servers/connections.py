"""Stand-ins for the objects that servers bind to their ``send``."""

from __future__ import annotations

from typing import Any


class Transport:
    def __init__(self, verb: str) -> None:
        self.aborted = 0
        setattr(self, verb, self._abort)

    def _abort(self) -> None:
        self.aborted += 1


class Request:
    """A Twisted request, which daphne binds to its `send`."""

    def __init__(self) -> None:
        self.transport = Transport("abortConnection")
        self.channel: object | None = object()
        self.producer: Any = None
        self.unregistered = 0

    def registerProducer(self, producer: Any, streaming: bool) -> None:
        assert streaming
        self.producer = producer

    def unregisterProducer(self) -> None:
        self.unregistered += 1
        self.producer = None


class Channel:
    """The channel of a request over plain TCP. Its transport shows whether it is paused."""

    def __init__(self) -> None:
        self.transport = self
        self.producerPaused = False


class SecureWebSocket:
    """daphne's WebSocket over TLS.

    The transport below it shows whether it is paused. But only the producer that was registered
    when it was paused is notified when the client reads again.
    """

    def __init__(self) -> None:
        self.transport = self
        self.connected = 1
        self.producerPaused = False
        self.producers: list[Any] = ["the HTTP channel"]

    def registerProducer(self, producer: Any, streaming: bool) -> None:
        self.producers.append(producer)

    def unregisterProducer(self) -> None:
        self.producers.pop()


class Cycle:
    """A request of uvicorn, with its method `send`."""

    def __init__(self) -> None:
        self.transport = Transport("abort")

    async def send(self, message: Any) -> None: ...


async def send_to(request: Any, message: Any) -> None: ...


async def wrapped_send(message: Any) -> None: ...
