"""What stands before Django's ASGI handler: it takes the streams over from their requests.

A stream's request runs through the site's whole middleware, like any other. Then it is left behind:
the response is closed, ``request_finished`` is sent, its thread and connection are given back and
the request is freed. What stays is one waiting call, and the hub that owns ``send``.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from django.core.handlers.asgi import get_script_prefix

from ..auth.batch import SessionBatcher, parse_fast_path, uses_default_auth
from ..conf import conf
from ..delivery.hubs import current_hub
from ..delivery.streams import (
    HANDOVER,
    HANDOVER_HEADER,
    SubscriptionRequest,
    start_stream,
    toasts_of,
)
from ..realtime.sse import HEADERS
from ..realtime.streams.direct import DirectStream
from .routes import stream_addresses
from .websocket import serve

Message = MutableMapping[str, Any]
Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]

MARK = HANDOVER_HEADER.lower().encode()
_HEADERS = tuple((name.lower().encode(), value.encode()) for name, value in HEADERS.items())


class StreamApplication:
    """An ASGI application around Django's."""

    def __init__(self, django: Application) -> None:
        self._django = django
        self._doors: dict[asyncio.AbstractEventLoop, Door] = {}
        self._addresses = stream_addresses()
        self._stock = uses_default_auth()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        # No further coroutine below this one while a stream lives, no closure, nothing of its
        # request: what is held here, ten thousand open pages hold.
        stream = await self._enter(scope, receive, send)
        if stream is None:
            return
        del scope, send
        try:
            while not stream.finished and (await receive())["type"] != "http.disconnect":
                pass
        except asyncio.CancelledError:
            if not stream.ended_the_wait():
                raise
        finally:
            current_hub().unsubscribe(stream)
            stream.close()

    async def _enter(self, scope: Scope, receive: Receive, send: Send) -> DirectStream | None:
        """Answer whatever is no stream; begin what is one, which the hub then writes."""
        if scope["type"] == "websocket":
            await serve(self._django, self._door().width, scope, receive, send)
            return None
        path = _path_info(scope) if scope["type"] == "http" else ""
        if path not in self._addresses and not _asks_for_a_stream(scope):
            await self._django(scope, receive, send)
            return None
        door = self._door()
        asked = parse_fast_path(scope) if self._stock and self._addresses.get(path) else None
        grant = await door.keeper.ask(asked.session_key) if asked is not None else None
        if asked is not None and grant is not None:
            await send(_start())
            heard: SubscriptionRequest | None = toasts_of(grant)
            known = asked.known
        else:
            heard, known = await self._long_way(door, scope, receive, send)
        if heard is None:
            return None
        current_hub().served_at(scope.get("server"))
        return start_stream(heard, known, send)

    async def _long_way(
        self, door: Door, scope: Scope, receive: Receive, send: Send
    ) -> tuple[SubscriptionRequest | None, str | None]:
        """Have Django answer the request up to its body; what it is to hear, if it is a stream."""
        first = await receive()
        # A storm of reconnects must not take all threads and connections of the site. Who is slow
        # to send a body has no right to one of the few places, and takes no thread meanwhile.
        place = Place(None if first.get("more_body") else door.width)
        handover = scope[HANDOVER] = Handover(first, receive, send, place.leave)
        await place.take()
        try:
            await self._django(scope, handover.receive, handover.send)
        finally:
            place.leave()
        del scope[HANDOVER]
        return (handover.heard, handover.known) if handover.holds else (None, None)

    def _door(self) -> Door:
        loop = asyncio.get_running_loop()
        if loop not in self._doors:
            for closed in [other for other in self._doors if other.is_closed()]:
                del self._doors[closed]
            self._doors[loop] = Door()
        return self._doors[loop]


def _path_info(scope: Scope) -> str:
    path: str = scope["path"]
    return path.removeprefix(get_script_prefix(scope))


def _asks_for_a_stream(scope: Scope) -> bool:
    """As every EventSource does: a site's feeds may be at any address."""
    asked = (value for name, value in scope.get("headers", ()) if name == b"accept")
    return scope["type"] == "http" and any(b"text/event-stream" in value for value in asked)


def _start() -> Message:
    # Anew each time: an application around this one may add headers of its own to the list.
    return {"type": "http.response.start", "status": 200, "headers": list(_HEADERS)}


class Door:
    """The entrance of one event loop."""

    def __init__(self) -> None:
        self.keeper = SessionBatcher(current_hub)
        self.width = asyncio.Semaphore(conf.admission_limit)


class Place:
    """One of the few. Another response than ours leaves it as it begins: it may last for ever."""

    def __init__(self, width: asyncio.Semaphore | None) -> None:
        self._width = width

    async def take(self) -> None:
        if self._width is not None:
            await self._width.acquire()

    def leave(self) -> None:
        """Idempotent."""
        width, self._width = self._width, None
        if width is not None:
            width.release()


class Handover:
    """One request on its way through Django; takes the stream over if the view says so."""

    __slots__ = ("_begun", "_first", "_receive", "_send", "gone", "heard", "known", "started")

    def __init__(
        self, first: Message, receive: Receive, send: Send, begun: Callable[[], None]
    ) -> None:
        self._begun = begun
        self._first: Message | None = first
        self._receive = receive
        self._send = send
        self.heard: SubscriptionRequest | None = None
        self.known: str | None = None
        self.started = False
        self.gone = False

    def take(self, heard: SubscriptionRequest, known: str | None) -> None:
        """Called by the view; holds if its response, marked so, is the one that is sent."""
        self.heard = heard
        self.known = known

    async def receive(self) -> Message:
        message, self._first = self._first, None
        message = message or await self._receive()
        # Django listens too, while it works: it may be the one who hears that the client left.
        self.gone = self.gone or message["type"] == "http.disconnect"
        return message

    async def send(self, message: Message) -> None:
        if self.started:
            return  # the empty body of the view's response
        if self.heard is not None and message["type"] == "http.response.start":
            headers = message["headers"]
            if any(name.lower() == MARK for name, _ in headers):
                self.started = True
                dropped = (MARK, b"content-length")
                kept = [pair for pair in headers if pair[0].lower() not in dropped]
                message = {**message, "headers": kept}
            else:
                self.heard = None  # a middleware put another response in its place
        if not self.started:
            self._begun()
        await self._send(message)

    @property
    def holds(self) -> bool:
        """Whether the stream's response was begun, and its client is still there."""
        return self.heard is not None and self.started and not self.gone
