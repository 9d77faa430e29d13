"""What the views of streams and polls have in common."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import AsyncIterator, Awaitable, Callable
from time import monotonic
from typing import Any

import django
from django.core.exceptions import RequestAborted
from django.core.handlers.asgi import ASGIRequest
from django.db import connections, transaction
from django.http import (
    HttpRequest,
    HttpResponse,
    HttpResponseBase,
    HttpResponseForbidden,
    JsonResponse,
    StreamingHttpResponse,
)
from django.template.response import SimpleTemplateResponse

from .auth.grants import Grant, request_grant
from .auth.sessions import prevent_renewal
from .conf import conf
from .delivery.hubs import current_hub
from .delivery.request_resources import release_request_resources
from .delivery.source import has_toasts
from .delivery.streams import (
    HANDOVER,
    HANDOVER_HEADER,
    SubscriptionRequest,
    buffered_stream,
    wait_for_change,
)
from .realtime.sse import HEADERS, UNCACHED
from .realtime.streams.subscription import State
from .tenants import require_tenancy


def outside_transactions(view: Callable[..., Any]) -> Callable[..., Any]:
    """Take a view out of ATOMIC_REQUESTS: it only reads, and a stream would keep a connection."""
    for alias in connections:
        view = transaction.non_atomic_requests(using=alias)(view)
    return view


def stream_view(view: Callable[..., Any]) -> Callable[..., Any]:
    """Mark a view as one that serves streams. Decorators that keep its attributes keep the mark."""
    view.serves_streams = True  # type: ignore[attr-defined]
    return view


def serves_streams(view: Callable[..., Any]) -> bool:
    """Return whether a view has the mark of `stream_view`."""
    return getattr(view, "serves_streams", False) is True


def without_renewal(view: Callable[..., Any]) -> Callable[..., Any]:
    """Keep a view's responses from renewing the session (see `prevent_renewal`).

    The request notes when its view began: whatever the view finds out about rights is newer.
    """

    @functools.wraps(view)
    def wrapped(request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        request.toasts_arrived = monotonic()  # type: ignore[attr-defined]
        response = view(request, *args, **kwargs)
        prevent_renewal(request, response)
        return response

    return wrapped


def stream_response(
    request: ASGIRequest, subscription: SubscriptionRequest, last_event_id: str | None
) -> HttpResponseBase:
    """Return the response of a stream. Under `toasts.asgi` the stream leaves its request.

    Args:
        request: the request for the stream.
        subscription: what the stream is to carry.
        last_event_id: the id of the last event that the client has seen.
    """
    require_tenancy(subscription.topic)
    if request.method == "HEAD":
        return HttpResponse(headers=HEADERS)
    handover = request.scope.get(HANDOVER)
    if handover is not None:  # toasts.asgi serves this site
        handover.take(subscription, last_event_id)
        return HttpResponse(headers={**HEADERS, HANDOVER_HEADER: "1"})
    abortion = Abortion()
    server = request.scope.get("server")
    arrived = getattr(request, "toasts_arrived", monotonic())
    parts = _stream_bytes(subscription, last_event_id, abortion, server, arrived)
    return AbortableResponse(parts, abortion)


class Abortion:
    """Ends the request of a stream whose client does not read."""

    def __init__(self) -> None:
        self.happened = False
        self.task: asyncio.Task[Any] | None = None
        """The one that Django answers the request in."""

    def __call__(self) -> None:
        if self.task is not None:
            self.happened = True
            self.task.cancel()

    def become_disconnect(self) -> None:
        """Turn the cancellation at hand into what Django itself raises for a lost client.

        Since Django 6.1 the task is the server's own. A cancellation of it would be an error of the
        application. Up to Django 6.0 it is Django's, which expects to be cancelled.

        Raises:
            RequestAborted: this has ended the request.
        """
        if self.happened and self.task is not None and django.VERSION >= (6, 1):
            self.task.uncancel()
            raise RequestAborted


class AbortableResponse(StreamingHttpResponse):
    """The response of a stream under Django's own handler.

    Args:
        parts: the bytes.
        abortion: of its request.
    """

    def __init__(self, parts: AsyncIterator[bytes], abortion: Abortion) -> None:
        super().__init__(parts, headers=HEADERS)
        self._abortion = abortion

    def __aiter__(self) -> AsyncIterator[bytes]:
        return _AbortableParts(super().__aiter__(), self._abortion)


class _AbortableParts:
    """The parts of a response, which the handler closes in any case, also when it is cancelled."""

    def __init__(self, parts: Any, abortion: Abortion) -> None:
        self._parts = parts
        self._abortion = abortion

    def __aiter__(self) -> _AbortableParts:
        return self

    async def __anext__(self) -> bytes:
        part: bytes = await anext(self._parts)
        return part

    async def aclose(self) -> None:
        await self._parts.aclose()
        self._abortion.become_disconnect()


async def _stream_bytes(
    subscription: SubscriptionRequest,
    last_event_id: str | None,
    abortion: Abortion,
    server: Any,
    arrived: float,
) -> AsyncIterator[bytes]:
    """Yield the bytes of one stream.

    Cleanup is not left to a ``finally`` here: a generator that is never closed never gets there.
    But the task that drives it, or the request that this task is part of, always ends.
    """
    task = abortion.task = asyncio.current_task()
    assert task is not None
    stream = buffered_stream(subscription, last_event_id, abort=abortion)
    hub = current_hub()
    hub.watch_server(server)

    def unsubscribe(*rest: Any) -> None:
        hub.unsubscribe(stream)
        stream.end(b"")

    await release_request_resources(unsubscribe)
    task.add_done_callback(unsubscribe)
    hub.subscribe(stream, subscription.owner, subscription.impersonator, arrived)
    # A comment line, so that the headers leave at once, while the state is still being read.
    yield b": toasts\n"
    while data := await stream.pull():
        yield subscription.translate(data) if subscription.translate else data
    hub.unsubscribe(stream)


class LongPollResponse(SimpleTemplateResponse):
    """The response of a long poll. Django's ASGI handler awaits it when the view has returned.

    So the view itself is synchronous, and needs no event loop under WSGI, where no poll waits. The
    handler treats the response as one of a template, which may be rendered later.

    Args:
        answer: waits, and returns the response whose status, headers and content this one gets.
    """

    def __init__(self, answer: Callable[[], Awaitable[HttpResponse]]) -> None:
        super().__init__("")  # the name of no template
        self._answer = answer

    async def render(self) -> HttpResponse:  # type: ignore[override]  # the handler awaits it
        """Wait, and return the complete response."""
        if not self.is_rendered:
            answer = await self._answer()
            self.status_code = answer.status_code
            for name, value in answer.items():
                self.headers[name] = value
            self.content = answer.content
        response: HttpResponse = self
        for callback in self._post_render_callbacks:  # type: ignore[attr-defined]
            response = callback(response) or response
        return response


async def long_poll(
    request: ASGIRequest, subscription: SubscriptionRequest, state: State, seconds: float
) -> State | None:
    """Wait for a change of the topic, without holding a thread or a database connection.

    Args:
        request: the request that waits.
        subscription: what it waits for.
        state: the state that the client has.
        seconds: how long to wait at most.

    Returns:
        The new state, or `state` after the wait; None if the grant has ended.
    """
    require_tenancy(subscription.topic)
    current_hub().watch_server(request.scope.get("server"))
    await release_request_resources()
    return await wait_for_change(subscription, state, seconds)


def toasts_grant(request: HttpRequest) -> Grant | None:
    """Return the grant that the site's middleware gave to this request. Blocks.

    Returns:
        None if no user is signed in, or if the tenant has no toasts.
    """
    grant = request_grant(request)
    return grant if grant is not None and has_toasts(grant.tenant) else None


def parse_wait(text: str) -> float | None:
    """Return the seconds that a poll is to wait, at most TOASTS_MAX_WAIT; None: not a number."""
    try:
        seconds = float(text)
    except ValueError:
        return None
    return min(seconds, conf.max_wait) if 0 <= seconds < float("inf") else None


def is_cross_site(request: HttpRequest) -> bool:
    """Return whether a page of another site sends the request (W3C, Fetch Metadata).

    Browsers without Fetch Metadata send no such header, and are let in.
    """
    site = request.headers.get("Sec-Fetch-Site", "none")
    return site not in ("none", "same-origin", *(["same-site"] if conf.allow_same_site else []))


def cross_site_response() -> HttpResponse:
    """Return the 403 for a page of another site."""
    return HttpResponseForbidden("Another site may not read this.", headers=UNCACHED)


def forbidden(reason: str = "") -> HttpResponse:
    """Return the 403 of a feed, as JSON, with its reason."""
    detail = reason or "You may not listen here."
    return JsonResponse({"detail": detail}, status=403, headers=UNCACHED)


def no_content() -> HttpResponse:
    """Return a 204. It stops a browser's EventSource from reconnecting (WHATWG HTML, 9.2.3)."""
    return HttpResponse(status=204, headers=UNCACHED)


def bad_request(field: str, text: str) -> HttpResponse:
    """Return the 400 for one bad parameter, as JSON: a list of texts by field."""
    errors: dict[str, Any] = {field: [text]}
    return JsonResponse(errors, status=400, headers=UNCACHED)


def bad_wait() -> HttpResponse:
    """Return the 400 for a bad ``wait``."""
    return bad_request("wait", f"Must be seconds from 0 to {conf.max_wait:g}.")


def bad_cursor() -> HttpResponse:
    """Return the 400 for a malformed ``cursor``."""
    return bad_request("cursor", "Not a cursor of this view; leave it out.")
