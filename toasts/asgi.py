"""Django's ASGI application, with event streams that outlive their request for free.

In a project's ``asgi.py``::

    from toasts.asgi import get_asgi_application

    application = get_asgi_application()

A stream's request runs through the site's whole middleware, like any other. Then it is left behind:
the response is closed, ``request_finished`` is sent, its thread and connection are given back and
the request is freed. What stays is this call, waiting for the client to leave.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from typing import TYPE_CHECKING, Any

from django.core.asgi import get_asgi_application as django_application

if TYPE_CHECKING:
    from .sessions import Grant

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[MutableMapping[str, Any], Receive, Send], Awaitable[None]]

HANDOVER = "toasts.handover"
"""Where the stream view finds, in the scope, what takes its stream over."""
MARK = b"x-toasts-handover"


def get_asgi_application() -> Application:
    """The ASGI callable to give to the server, in place of Django's own."""
    django = django_application()

    async def application(scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await django(scope, receive, send)
            return
        handover = scope[HANDOVER] = Handover(receive, send)
        await django(scope, handover.receive, handover.send)
        del scope[HANDOVER]
        grant, known = handover.grant, handover.known
        if grant is None or not handover.started or handover.gone:
            return
        del handover
        await _stream(grant, known, receive, send)

    return application


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


async def _stream(grant: Grant, known: str | None, receive: Receive, send: Send) -> None:
    """Wait for the client to leave, while the hub writes."""
    from . import live  # models, which exist only once the application was made

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
