"""Streams over WebSockets (RFC 6455), served by the same views as event streams.

The handshake goes through Django as a GET request. So the site's whole middleware sees it, and
whatever signs users in works here, too. Each event is one text message, the same envelope as
everywhere. Messages from the page go to `SubscriptionRequest.receive`.

A browser opens WebSockets to any site, and sends that site's cookies along. So the Origin of the
handshake is checked first. A refusal comes after the opening, as a close code, because a browser
does not show scripts the status of a handshake.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from io import BytesIO
from time import monotonic
from urllib.parse import urlsplit

from django.core.exceptions import DisallowedHost
from django.core.handlers.asgi import ASGIRequest
from django.utils.http import is_same_domain

from ..conf import conf
from ..delivery.hubs import current_hub
from ..delivery.streams import HANDOVER, SubscriptionRequest, start_stream
from ..realtime.servers import server_of
from ..realtime.streams.direct import DirectStream
from ..realtime.streams.websocket import SIGNED_OUT, WebSocketSend
from ..realtime.types import Application, Message, Receive, Scope, Send
from .admission import Slot
from .handover import Handover

BAD, REFUSED, NOT_FOUND, TOO_LARGE, BINARY, FAILED = 4400, 4403, 4404, 4413, 4415, 4500
"""Close codes for private use (RFC 6455, section 7.4.2): the status of HTTP, plus 4000."""
POLL_INTERVAL = 0.05
"""Seconds between two looks whether a page reads again. One that doesn't is cut off before long."""
MESSAGE_MAX = 1024 * 1024
"""Bytes of a message from a page. Servers have limits of their own, some of 16 MiB and more."""
_HANDSHAKE_HEADERS = (b"connection", b"upgrade", b"accept", b"content-length", b"sec-fetch-site")
"""Headers that the GET request does not get.

Sec-Fetch-Site would only repeat the Origin, without regard to CSRF_TRUSTED_ORIGINS.
"""


async def serve(
    django: Application, slot: Slot, scope: Scope, receive: Receive, send: Send
) -> None:
    """Answer the handshake of a WebSocket, and serve its stream until it ends.

    Args:
        django: the site, for its middleware and views.
        slot: of the handshake, on its way through the middleware.
        scope: of the WebSocket (ASGI specification, "WebSocket Connection Scope").
        receive: the server's.
        send: the server's.
    """
    if (await receive())["type"] != "websocket.connect":
        return
    arrived = monotonic()
    request_scope = _as_get_request(scope, send)
    if not _is_trusted_origin(request_scope):
        await _refuse(send, REFUSED)
        return
    handover = SocketHandover(receive)
    await _pass_through(django, slot, request_scope, handover)
    if handover.gone:
        return
    subscription, last_event_id = handover.accepted, handover.last_event_id
    if subscription is None:
        await _refuse(send, handover.code)
        return
    await send({"type": "websocket.accept"})
    current_hub().watch_server(scope.get("server"))
    del scope, request_scope, handover  # kilobytes that are of no more use
    await _serve_stream(subscription, last_event_id, receive, send, arrived)


async def _pass_through(
    django: Application, slot: Slot, scope: Scope, handover: SocketHandover
) -> None:
    """Have Django answer the handshake, unless the client leaves before."""
    if not await slot.acquire(handover.until_left):
        return
    try:
        await django({**scope, HANDOVER: handover}, handover.receive, handover.send)
    finally:
        slot.release()


def _as_get_request(scope: Scope, send: Send) -> Scope:
    scheme = scope.get("scheme") or server_of(send, conf.server_internals).websocket_scheme(send)
    headers = [pair for pair in scope["headers"] if pair[0] not in _HANDSHAKE_HEADERS]
    return {
        **scope,
        "type": "http",
        "http_version": "1.1",
        "method": "GET",
        "scheme": "https" if scheme in ("wss", "https") else "http",
        "headers": [*headers, (b"accept", b"text/event-stream")],
    }


def _is_trusted_origin(scope: Scope) -> bool:
    """Return whether the page that connects is one of this site, or of CSRF_TRUSTED_ORIGINS.

    Programs that are no browsers send no Origin. They have no cookies but their own.
    """
    request = ASGIRequest(scope, BytesIO())
    origin = request.META.get("HTTP_ORIGIN")
    if origin is None:
        return True
    try:
        # The whole origin: scheme, host and port (RFC 6454, section 5).
        own = f"{'https' if request.is_secure() else 'http'}://{request.get_host()}"
        return origin == own or any(_trusts(one, origin) for one in conf.csrf_trusted_origins)
    except (DisallowedHost, ValueError):
        return False


def _trusts(trusted: str, origin: str) -> bool:
    """Return whether an entry of CSRF_TRUSTED_ORIGINS covers an origin, as for Django's forms.

    Raises:
        ValueError: one of them is no URL.
    """
    if "*" not in trusted:
        return origin == trusted
    pattern, found = urlsplit(trusted), urlsplit(origin)
    domain = pattern.netloc.removeprefix("*")
    return found.scheme == pattern.scheme and is_same_domain(found.netloc, domain)


class SocketHandover(Handover):
    """A handover whose response is not sent. Its status becomes a close code.

    Args:
        receive: the server's.
    """

    __slots__ = ("_has_begun", "_receive", "_refused", "code", "gone")

    is_socket = True

    def __init__(self, receive: Receive) -> None:
        super().__init__()
        self.code = FAILED
        self.gone = False
        """Whether the client has left."""
        self._receive = receive
        self._refused = asyncio.Event()
        self._has_begun = False

    async def until_left(self) -> None:
        """Wait until the client has left. It can send nothing before its handshake is answered."""
        await self._receive()
        self.gone = True

    async def receive(self) -> Message:
        if self._has_begun:
            await self._until_over()
            return {"type": "http.disconnect"}
        self._has_begun = True
        return {"type": "http.request", "body": b"", "more_body": False}

    async def _until_over(self) -> None:
        """Wait until nobody needs the response: the client has left, or its status is known."""
        waits = [asyncio.ensure_future(wait) for wait in (self.until_left(), self._refused.wait())]
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()

    async def send(self, message: Message) -> None:
        if self._refused.is_set():
            await asyncio.sleep(0)  # a body without an end ends here
        elif message["type"] == "http.response.start" and not self.confirm(message):
            self.code = _close_code(message["status"])
            self._refused.set()


def _close_code(status: int) -> int:
    if status in (204, 401) or 300 <= status < 400:  # a redirect leads to the login page
        return SIGNED_OUT
    return {403: REFUSED, 404: NOT_FOUND}.get(status, BAD if status < 500 else FAILED)


async def _refuse(send: Send, code: int) -> None:
    await send({"type": "websocket.accept"})
    await send({"type": "websocket.close", "code": code})


async def _serve_stream(
    subscription: SubscriptionRequest,
    last_event_id: str | None,
    receive: Receive,
    send: Send,
    arrived: float,
) -> None:
    """Answer what the page sends, while the hub writes to the stream."""
    server = server_of(send, conf.server_internals)
    server.limit_messages(send, MESSAGE_MAX)
    socket, receiver = WebSocketSend(send, server), server.websocket_receiver(receive, send)
    stream = start_stream(subscription, last_event_id, socket, arrived)
    code: int | None = None
    try:
        while code is None and not stream.finished:
            await _until_unblocked(stream)
            message = await receiver.next()
            if message["type"] == "websocket.disconnect":
                break
            code = await _answer(message, subscription, socket)
            await asyncio.sleep(0)  # the other streams' turn, however much one page sends
        if code is not None:
            stream.close()
            await send({"type": "websocket.close", "code": code})
    except asyncio.CancelledError:
        if not stream.caused_cancellation():
            raise
    finally:
        current_hub().unsubscribe(stream)
        stream.close()
        receiver.resume()


async def _until_unblocked(stream: DirectStream) -> None:
    """Wait while the page does not read: a page that reads no answers may ask no more."""
    while stream.blocked:  # noqa: ASYNC110 (only the server's transport knows when it changes)
        await asyncio.sleep(POLL_INTERVAL)


async def _answer(
    message: Message, subscription: SubscriptionRequest, socket: WebSocketSend
) -> int | None:
    """Answer a message of the page.

    Returns:
        A close code if it can't be answered.
    """
    text = message.get("text")
    if text is None:
        return BINARY
    if len(text) > MESSAGE_MAX or len(text.encode(errors="surrogatepass")) > MESSAGE_MAX:
        return TOO_LARGE
    if subscription.receive is None:
        answer = json.dumps({"event": "error", "data": {"detail": "This stream takes nothing."}})
    else:
        answer = await subscription.receive(text)
    with contextlib.suppress(Exception):  # the server's: the client has left, as comes next
        await socket.text(answer)
    return None
