"""The event stream, and the poll for those whom a stream doesn't reach."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

from asgiref.sync import sync_to_async
from django.contrib.auth.decorators import login_not_required
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
from django.middleware.csrf import get_token
from django.views.decorators.http import require_safe

from . import live
from .conf import conf
from .realtime.sse import HEADERS, UNCACHED, known_event_id
from .release import release_request
from .sessions import Grant, detach, grant
from .state import as_json


def outside_transactions(view: Callable[..., Any]) -> Callable[..., Any]:
    """Take a view out of ATOMIC_REQUESTS: Django refuses a transaction to async views."""
    for alias in connections:
        view = transaction.non_atomic_requests(using=alias)(view)
    return view


@outside_transactions
@login_not_required  # signed out is 204 here: a redirect to a login page would be read as a stream
@require_safe
async def stream(request: HttpRequest) -> HttpResponseBase:
    """``GET /toasts/stream/``: the active toasts of the signed-in user, then what changes.

    Returns:
        200 ``text/event-stream``; 204 to who is signed out (it stops a browser from reconnecting)
        and under WSGI, which can't stream; 400 to a malformed Last-Event-ID; 403 to other sites.
    """
    if _is_cross_site(request):
        return _refused()
    known = request.headers.get("Last-Event-ID") or request.GET.get("last_event_id")
    if known and not known_event_id(known):
        return _bad("last_event_id", "Not an id of this stream; leave the header out.")
    held = await _admit(request)
    if held is None or not isinstance(request, ASGIRequest):
        return _nothing()
    if request.method == "HEAD":
        return HttpResponse(headers=HEADERS)
    handover = request.scope.get("toasts.handover")
    if handover is not None:  # toasts.asgi serves this site
        handover.take(held, known)
        marked = {**HEADERS, "X-Toasts-Handover": "1"}
        return HttpResponse(headers=marked)
    live.hub().served_at(request.scope.get("server"))
    return StreamingHttpResponse(_events(held, known), headers=HEADERS)


async def _events(held: Grant, known: str | None) -> AsyncIterator[bytes]:
    """The bytes of one stream.

    Cleanup is not left to a ``finally`` here: a generator that is never closed never gets there.
    The task that drives it, or the request that this task is part of, always ends.
    """
    task = asyncio.current_task()
    assert task is not None
    mine = live.open_stream(held, known, cut=task.cancel)
    here = live.hub()

    def forget(*rest: Any) -> None:
        here.unsubscribe(mine)
        mine.end(b"")

    await release_request(forget)
    task.add_done_callback(forget)
    here.subscribe(mine)
    # A comment line: the headers leave at once, while the state is still being read.
    yield b": toasts\n"
    while data := await mine.pull():
        yield data
    here.unsubscribe(mine)


@outside_transactions
@login_not_required
@require_safe
async def poll(request: HttpRequest) -> HttpResponseBase:
    """``GET /toasts/poll/``: the active toasts as JSON, and a cursor that names this state.

    With ``?csrf=1`` the answer has a token in its ``X-CSRFToken`` header, for pages whose cookie
    is out of reach (CSRF_COOKIE_HTTPONLY, CSRF_USE_SESSIONS) or not set yet; other origins can't
    read it. With ``?wait=25&cursor=...`` it answers once the state is another one, or after the
    wait, in seconds; under WSGI always at once.

    Returns:
        200 ``{"toasts": [...], "cursor": "..."}``; 204 to who is signed out; 400 with field errors;
        403 to other sites.
    """
    if _is_cross_site(request):
        return _refused()
    wait, known = request.GET.get("wait", "0"), request.GET.get("cursor", "")
    if (seconds := _seconds(wait)) is None:
        return _bad("wait", f"Must be seconds from 0 to {conf.max_wait:g}.")
    if known and not known_event_id(known):
        return _bad("cursor", "Not a cursor of this view; leave it out.")
    held = await _admit(request)
    if held is None:
        return _nothing()
    mine = live.topic(held.user_id)
    state = await sync_to_async(live.read_state)(held.user_id)
    if seconds and known == live.name_of(mine, state) and isinstance(request, ASGIRequest):
        live.hub().served_at(request.scope.get("server"))
        await release_request()
        news = await live.wait_for_news(held, state, seconds)
        if news is None:
            return _nothing()
        state = news
    answer = {"toasts": as_json(state), "cursor": live.name_of(mine, state)}
    response = JsonResponse(answer, headers=UNCACHED)
    if "csrf" in request.GET:
        response["X-CSRFToken"] = get_token(request)
    return response


async def _admit(request: HttpRequest) -> Grant | None:
    """Whom the site's middleware let in, after which the session is left alone."""
    held = await sync_to_async(grant)(request)
    detach(request)
    return held


def _seconds(text: str) -> float | None:
    try:
        seconds = float(text)
    except ValueError:
        return None
    return min(seconds, conf.max_wait) if 0 <= seconds < float("inf") else None


def _is_cross_site(request: HttpRequest) -> bool:
    """Fetch Metadata (W3C): who asks from elsewhere; browsers without it send no such header."""
    origin = request.headers.get("Sec-Fetch-Site", "none")
    return origin not in ("none", "same-origin", *(["same-site"] if conf.allow_same_site else []))


def _refused() -> HttpResponse:
    return HttpResponseForbidden("Another site may not read this.", headers=UNCACHED)


def _nothing() -> HttpResponse:
    return HttpResponse(status=204, headers=UNCACHED)


def _bad(field: str, text: str) -> HttpResponse:
    answer: dict[str, Any] = {field: [text]}
    return JsonResponse(answer, status=400, headers=UNCACHED)
