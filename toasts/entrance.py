"""What stands before Django's ASGI handler: it takes the streams over from their requests.

A stream's request runs through the site's whole middleware, like any other. Then it is left behind:
the response is closed, ``request_finished`` is sent, its thread and connection are given back and
the request is freed. What stays is one waiting call, and the hub that owns ``send``.
"""

from __future__ import annotations

import asyncio
import weakref
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from django.urls import NoReverseMatch, reverse

from . import live
from .admission import Doorkeeper, session_key, stock_site
from .conf import conf
from .realtime.sse import HEADERS
from .sessions import Grant

Message = MutableMapping[str, Any]
Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]

HANDOVER = "toasts.handover"
"""Where the stream view finds, in the scope, what takes its stream over."""
MARK = b"x-toasts-handover"
_START = {
    "type": "http.response.start",
    "status": 200,
    "headers": [(name.lower().encode(), value.encode()) for name, value in HEADERS.items()],
}


class Entrance:
    """An ASGI application around Django's."""

    def __init__(self, django: Application) -> None:
        self._django = django
        self._doors: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, Door] = (
            weakref.WeakKeyDictionary()
        )
        try:
            self._path = reverse("toasts:stream")
        except NoReverseMatch:  # a check says so
            self._path = ""
        self._stock = stock_site()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"] != self._path or scope.get("root_path"):
            await self._django(scope, receive, send)
            return
        grant, known = await self._admit(scope, receive, send)
        if grant is not None:
            await _stream(grant, known, receive, send)

    async def _admit(
        self, scope: Scope, receive: Receive, send: Send
    ) -> tuple[Grant | None, str | None]:
        """Have the request answered up to its body; a grant, if that is a stream."""
        door = self._door()
        key = session_key(scope) if self._stock else None
        if key is not None and (grant := await door.keeper.ask(key)) is not None:
            await send(dict(_START))
            return grant, None
        # A storm of reconnects must not take all threads and connections of the site.
        async with door.width:
            handover = scope[HANDOVER] = Handover(receive, send)
            await self._django(scope, handover.receive, handover.send)
            del scope[HANDOVER]
        return (handover.grant, handover.known) if handover.holds else (None, None)

    def _door(self) -> Door:
        loop = asyncio.get_running_loop()
        if loop not in self._doors:
            self._doors[loop] = Door()
        return self._doors[loop]


class Door:
    """The entrance of one event loop."""

    def __init__(self) -> None:
        self.keeper = Doorkeeper(live.hub())
        self.width = asyncio.Semaphore(conf.max_admissions)


class Handover:
    """One request on its way through Django; takes the stream over if the view says so."""

    __slots__ = ("_receive", "_send", "gone", "grant", "known", "started")

    def __init__(self, receive: Receive, send: Send) -> None:
        self._receive = receive
        self._send = send
        self.grant: Grant | None = None
        self.known: str | None = None
        self.started = False
        self.gone = False

    def take(self, grant: Grant, known: str | None) -> None:
        """Called by the view; holds if its response, marked so, is the one that is sent."""
        self.grant = grant
        self.known = known

    async def receive(self) -> Message:
        message = await self._receive()
        # Django listens too, while it works: it may be the one who hears that the client left.
        self.gone = self.gone or message["type"] == "http.disconnect"
        return message

    async def send(self, message: Message) -> None:
        if self.started:
            return  # the empty body of the view's response
        if self.grant is not None and message["type"] == "http.response.start":
            headers = message["headers"]
            if any(name.lower() == MARK for name, _ in headers):
                self.started = True
                dropped = (MARK, b"content-length")
                kept = [pair for pair in headers if pair[0].lower() not in dropped]
                message = {**message, "headers": kept}
            else:
                self.grant = None  # a middleware put another response in its place
        await self._send(message)

    @property
    def holds(self) -> bool:
        """Whether the stream's response was begun, and its client is still there."""
        return self.grant is not None and self.started and not self.gone


async def _stream(grant: Grant, known: str | None, receive: Receive, send: Send) -> None:
    """Wait for the client to leave, while the hub writes."""
    task = asyncio.current_task()
    assert task is not None
    stream = live.direct_stream(grant, known, send, over=task.cancel)
    here = live.hub()
    here.subscribe(stream)
    try:
        while (await receive())["type"] != "http.disconnect":
            pass
    except asyncio.CancelledError:
        # The hub ended the stream by cancelling this wait; anybody else's cancel goes on.
        if not stream.ended or task.uncancel():
            raise
    finally:
        here.unsubscribe(stream)
        stream.close()
