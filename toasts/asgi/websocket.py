"""Streams over WebSockets (RFC 6455), for the same views: the handshake is asked for as a GET.

The site's whole middleware sees that GET, so whatever signs its users in does so here, too. Each
event is one text message, the same envelope as everywhere. What the page sends up goes to
`SubscriptionRequest.receive`.

Browsers open WebSockets to any site, with its cookies: so the handshake's Origin is checked first.
Refusals are told after the opening, by a close code: a browser shows no status of a handshake.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
from collections.abc import Awaitable, Callable, MutableMapping
from io import BytesIO
from typing import Any
from urllib.parse import urlsplit

from django.core.exceptions import DisallowedHost
from django.core.handlers.asgi import ASGIRequest
from django.utils.http import is_same_domain

from ..conf import conf
from ..delivery.hubs import current_hub
from ..delivery.streams import HANDOVER, HANDOVER_HEADER, SubscriptionRequest, start_stream
from ..realtime.streams.websocket import SIGNED_OUT, SocketSend, Upstream

logger = logging.getLogger("toasts")

Message = MutableMapping[str, Any]
Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]

BAD, REFUSED, NOT_FOUND, TOO_LARGE, BINARY, FAILED = 4400, 4403, 4404, 4413, 4415, 4500
"""Close codes: the status of HTTP, plus 4000."""
MARK = HANDOVER_HEADER.lower().encode()
BREATH = 0.05
"""Seconds between two looks whether a page reads again; one that doesn't is cut before long."""
MESSAGE_MAX = 1024 * 1024
"""Bytes of a message that a page sends; servers have limits too, above which they just hang up."""
# Of the handshake alone; Sec-Fetch-Site says what the Origin says, and knows nobody who is trusted.
_LEFT_OUT = (b"connection", b"upgrade", b"accept", b"content-length", b"sec-fetch-site")


async def serve(
    django: Application, width: asyncio.Semaphore, scope: Scope, receive: Receive, send: Send
) -> None:
    """Answer a WebSocket's handshake, and be its stream.

    Args:
        django: the site, for its middleware and views.
        width: how many handshakes go through the middleware at once.
    """
    if (await receive())["type"] != "websocket.connect":
        return
    asked = _as_request(scope)
    if not _is_of_this_site(asked):
        await _close(send, REFUSED)
        return
    handover = SocketHandover()
    async with width:
        await django({**asked, HANDOVER: handover}, handover.receive, handover.send)
    heard, known = handover.heard, handover.known
    if heard is None:
        await _close(send, handover.code)
        return
    await send({"type": "websocket.accept"})
    current_hub().served_at(scope.get("server"))
    del scope, asked, handover  # kilobytes that nobody asks for again
    await _stream(heard, known, receive, send)


def _as_request(scope: Scope) -> Scope:
    headers = [pair for pair in scope["headers"] if pair[0] not in _LEFT_OUT]
    return {
        **scope,
        "type": "http",
        "http_version": "1.1",
        "method": "GET",
        "scheme": "https" if scope.get("scheme") in ("wss", "https") else "http",
        "headers": [*headers, (b"accept", b"text/event-stream")],
    }


def _is_of_this_site(asked: Scope) -> bool:
    """Whether the page that connects is one of this site, or of one that CSRF checks trust, too.

    Programs that are no browsers send no Origin: they have no cookies that are not theirs.
    """
    request = ASGIRequest(asked, BytesIO())
    origin = request.META.get("HTTP_ORIGIN")
    if origin is None:
        return True
    try:
        parts = urlsplit(origin)
        # A proxy that ends TLS may not say so; where it is known, a page without TLS is another's.
        schemes = ("https",) if request.is_secure() else ("http", "https")
        if parts.netloc == request.get_host() and parts.scheme in schemes:
            return True
    except (DisallowedHost, ValueError):
        return False
    return any(_trusts(trusted, parts) for trusted in conf.csrf_trusted_origins)


def _trusts(trusted: str, origin: Any) -> bool:
    by = urlsplit(trusted)
    domain = by.netloc.removeprefix("*")
    return bool(by.scheme == origin.scheme and is_same_domain(origin.netloc, domain))


class SocketHandover:
    """A handshake on its way through Django: what the view hands over, or else its status."""

    is_socket = True

    def __init__(self) -> None:
        self.heard: SubscriptionRequest | None = None
        self.known: str | None = None
        self.code = FAILED
        self._begun = False

    def take(self, heard: SubscriptionRequest, known: str | None) -> None:
        """Called by the view; holds if its response, marked so, is the one that comes back."""
        self.heard = heard
        self.known = known

    async def receive(self) -> Message:
        if self._begun:
            await asyncio.Event().wait()  # for a client that leaves: we see it soon enough
        self._begun = True
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(self, message: Message) -> None:
        if message["type"] != "http.response.start":
            return
        if not any(name.lower() == MARK for name, _ in message["headers"]):
            self.heard = None
            self.code = _code(message["status"])


def _code(status: int) -> int:
    if status in (204, 401) or 300 <= status < 400:  # a redirect leads to the login page
        return SIGNED_OUT
    return {403: REFUSED, 404: NOT_FOUND}.get(status, BAD if status < 500 else FAILED)


async def _close(send: Send, code: int) -> None:
    await send({"type": "websocket.accept"})
    await send({"type": "websocket.close", "code": code})


async def _stream(
    heard: SubscriptionRequest, known: str | None, receive: Receive, send: Send
) -> None:
    """Take what the page sends, while the hub writes."""
    socket, upstream = SocketSend(send), Upstream(receive, send)
    stream = start_stream(heard, known, socket)
    try:
        while not stream.finished:
            # Who reads no answers is asked for no more questions.
            while stream.blocked:  # noqa: ASYNC110 (a server's transport says when it changes)
                await asyncio.sleep(BREATH)
            message = await upstream.next()
            if message["type"] == "websocket.disconnect":
                break
            code = await _take(message, heard, socket)
            if code is not None:
                stream.close()
                await send({"type": "websocket.close", "code": code})
                break
    except asyncio.CancelledError:
        if not stream.ended_the_wait():
            raise
    finally:
        current_hub().unsubscribe(stream)
        stream.close()
        upstream.resume()


async def _take(message: Message, heard: SubscriptionRequest, socket: SocketSend) -> int | None:
    """Have a page's message answered; a close code if it is none that can be."""
    text = message.get("text")
    if text is None:
        return BINARY
    if len(text) > MESSAGE_MAX or len(text.encode()) > MESSAGE_MAX:
        return TOO_LARGE
    if heard.receive is None:
        answer = json.dumps({"event": "error", "data": {"detail": "This stream takes nothing."}})
    else:
        answer = await heard.receive(text)
    with contextlib.suppress(Exception):  # the server's: the client has left, as comes next
        await socket.text(answer)
    return None
