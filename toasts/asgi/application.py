"""The ASGI application around Django's: it takes the streams over from their requests.

The request for a stream runs through the site's whole middleware, like any other. Then the response
is closed, ``request_finished`` is sent, the thread and the database connection are given back, and
the request is freed. What stays is one waiting call, and the hub, which writes to ``send``.
"""

from __future__ import annotations

import asyncio
from time import monotonic
from typing import NamedTuple

from django.core.handlers.asgi import get_script_prefix

from ..auth.batch import SessionBatcher
from ..conf import conf
from ..delivery.hubs import current_hub
from ..delivery.streams import HANDOVER, SubscriptionRequest, start_stream, toasts_of
from ..realtime.streams.direct import DirectStream
from ..realtime.types import Application, Message, Receive, Scope, Send
from .admission import Slot, Slots
from .fast_path import parse_fast_path, uses_default_auth
from .handover import HttpHandover
from .routes import leads_to_stream, stream_addresses
from .site_headers import Headers, stream_headers
from .websocket import serve

BODY_PARTS_MAX = 100
"""How many messages the body of a request for a stream may come in."""


class Admission(NamedTuple):
    """A request that was let in: what its stream is to carry."""

    subscription: SubscriptionRequest
    last_event_id: str | None


class StreamApplication:
    """An ASGI application that serves streams itself, and passes everything else to Django's.

    Args:
        django: Django's own ASGI application.
    """

    def __init__(self, django: Application) -> None:
        self._django = django
        self._loop_states: dict[asyncio.AbstractEventLoop, LoopState] = {}
        self._addresses = stream_addresses()
        self._uses_default_auth = uses_default_auth()
        self._headers = {secure: stream_headers(secure) for secure in (False, True)}
        """Those of a stream that does not pass through the middleware, by whether TLS is used."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one connection (ASGI specification, "Applications")."""
        # While a stream lives, this is its only coroutine, without a closure and without anything
        # of its request: what is kept here, ten thousand open pages keep.
        stream = await self._open(scope, receive, send)
        if stream is None:
            return
        del scope, send
        parts, kind = 0, "http.request"
        try:
            while not stream.finished and kind == "http.request" and parts < BODY_PARTS_MAX:
                kind = (await receive())["type"]
                parts += 1
            if kind != "http.disconnect":
                stream.end(b"")  # a server that tells anything else may tell it forever
        except asyncio.CancelledError:
            if not stream.caused_cancellation():
                raise
        finally:
            current_hub().unsubscribe(stream)
            stream.close()

    async def _open(self, scope: Scope, receive: Receive, send: Send) -> DirectStream | None:
        """Start the stream that is asked for; answer anything else, and return None."""
        if scope["type"] == "websocket":
            slot = self._slot(scope)
            await serve(self._django, slot, scope, receive, send)
            return None
        if not self._may_be_stream(scope):
            await self._django(scope, receive, send)
            return None
        arrived = monotonic()
        admission = await self._via_fast_path(scope, send)
        if admission is None:
            admission = await self._via_django(scope, receive, send)
        if admission is None:
            return None
        current_hub().watch_server(scope.get("server"))
        return start_stream(*admission, send, arrived)

    def _may_be_stream(self, scope: Scope) -> bool:
        """Return whether the request is at a stream's address, or asks as every EventSource does.

        A site's feeds may be at any address.
        """
        if scope["type"] != "http":
            return False
        return _path_info(scope) in self._addresses or _accepts_event_stream(scope)

    async def _via_fast_path(self, scope: Scope, send: Send) -> Admission | None:
        """Begin the response if the session alone shows who the user is.

        Returns:
            None if Django has to answer.
        """
        if not (self._uses_default_auth and self._addresses.get(_path_info(scope))):
            return None
        request = parse_fast_path(scope)
        if request is None:
            return None
        grant = await self._loop_state().sessions.authenticate(request.session_key, request.tenant)
        if grant is None:
            return None
        await send(_response_start(self._headers[request.secure]))
        return Admission(toasts_of(grant), request.last_event_id)

    async def _via_django(self, scope: Scope, receive: Receive, send: Send) -> Admission | None:
        """Have Django answer the request, of a stream up to its body.

        Returns:
            None if it was no stream, or if the client has left.
        """
        first = await receive()
        # A client that is slow to send its body may not occupy a slot meanwhile.
        may_stream = scope["method"].upper() == "GET" and not first.get("more_body")
        slot = self._slot(scope) if may_stream else Slot(None)
        handover = scope[HANDOVER] = HttpHandover(first, receive, send, slot.release)
        if not await slot.acquire(handover.receive_next):
            return None
        try:
            await self._django(scope, handover.receive, handover.send)
        finally:
            slot.release()
            del scope[HANDOVER]
        subscription = handover.accepted
        if subscription is None or handover.start is None:
            return None
        await send(handover.start)
        return Admission(subscription, handover.last_event_id)

    def _slot(self, scope: Scope) -> Slot:
        """Return the slot for a request; only those for streams need one."""
        path = _path_info(scope)
        needed = path in self._addresses or leads_to_stream(path)
        return Slot(self._loop_state().slots if needed else None)

    def _loop_state(self) -> LoopState:
        loop = asyncio.get_running_loop()
        if loop not in self._loop_states:
            for closed in [other for other in self._loop_states if other.is_closed()]:
                del self._loop_states[closed]
            self._loop_states[loop] = LoopState()
        return self._loop_states[loop]


def _path_info(scope: Scope) -> str:
    path: str = scope["path"]
    return path.removeprefix(get_script_prefix(scope))


def _accepts_event_stream(scope: Scope) -> bool:
    accepted = (value for name, value in scope.get("headers", ()) if name == b"accept")
    return any(b"text/event-stream" in value for value in accepted)


def _response_start(headers: Headers) -> Message:
    # A new list each time: an application around this one may add headers of its own to it.
    return {"type": "http.response.start", "status": 200, "headers": list(headers)}


class LoopState:
    """What the application keeps for one event loop."""

    def __init__(self) -> None:
        self.sessions = SessionBatcher(current_hub)
        self.slots = Slots(conf.admission_limit)
