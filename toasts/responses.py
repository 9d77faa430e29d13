"""What the views of streams and polls have in common."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

from asgiref.sync import sync_to_async
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

from .auth.grants import Grant, detach, grant
from .conf import conf
from .delivery.hubs import current_hub
from .delivery.release import release_request
from .delivery.streams import (
    HANDOVER,
    HANDOVER_HEADER,
    SubscriptionRequest,
    buffered_stream,
    wait_for_change,
)
from .realtime.sse import HEADERS, UNCACHED
from .realtime.streams.subscription import State


def outside_transactions(view: Callable[..., Any]) -> Callable[..., Any]:
    """Take a view out of ATOMIC_REQUESTS: Django refuses a transaction to async views."""
    for alias in connections:
        view = transaction.non_atomic_requests(using=alias)(view)
    return view


def begin_stream(
    request: ASGIRequest, heard: SubscriptionRequest, known: str | None
) -> HttpResponseBase:
    """The answer that is a stream; under `toasts.asgi` it leaves its request."""
    if request.method == "HEAD":
        return HttpResponse(headers=HEADERS)
    handover = request.scope.get(HANDOVER)
    if handover is not None:  # toasts.asgi serves this site
        handover.take(heard, known)
        return HttpResponse(headers={**HEADERS, HANDOVER_HEADER: "1"})
    current_hub().served_at(request.scope.get("server"))
    return StreamingHttpResponse(_events(heard, known), headers=HEADERS)


async def _events(heard: SubscriptionRequest, known: str | None) -> AsyncIterator[bytes]:
    """The bytes of one stream.

    Cleanup is not left to a ``finally`` here: a generator that is never closed never gets there.
    The task that drives it, or the request that this task is part of, always ends.
    """
    task = asyncio.current_task()
    assert task is not None
    mine = buffered_stream(heard, known, cut=task.cancel)
    here = current_hub()

    def forget(*rest: Any) -> None:
        here.unsubscribe(mine)
        mine.end(b"")

    await release_request(forget)
    task.add_done_callback(forget)
    here.subscribe(mine, heard.owner)
    # A comment line: the headers leave at once, while the state is still being read.
    yield b": toasts\n"
    while data := await mine.pull():
        yield heard.translate(data) if heard.translate else data
    here.unsubscribe(mine)


async def wait_for_news(
    request: ASGIRequest, heard: SubscriptionRequest, known: State, seconds: float
) -> State | None:
    """`wait_for_change`, while the request holds no thread and no connection."""
    current_hub().served_at(request.scope.get("server"))
    await release_request()
    return await wait_for_change(heard, known, seconds)


async def admit(request: HttpRequest) -> Grant | None:
    """Whom the site's middleware let in, after which the session is left alone."""
    held = await sync_to_async(grant)(request)
    detach(request)
    return held


def seconds_of(text: str) -> float | None:
    """How long a poll is to wait; None: that is no number of seconds."""
    try:
        seconds = float(text)
    except ValueError:
        return None
    return min(seconds, conf.max_wait) if 0 <= seconds < float("inf") else None


def is_cross_site(request: HttpRequest) -> bool:
    """Fetch Metadata (W3C): who asks from elsewhere; browsers without it send no such header."""
    origin = request.headers.get("Sec-Fetch-Site", "none")
    return origin not in ("none", "same-origin", *(["same-site"] if conf.allow_same_site else []))


def refused() -> HttpResponse:
    return HttpResponseForbidden("Another site may not read this.", headers=UNCACHED)


def nothing() -> HttpResponse:
    return HttpResponse(status=204, headers=UNCACHED)


def bad(field: str, text: str) -> HttpResponse:
    answer: dict[str, Any] = {field: [text]}
    return JsonResponse(answer, status=400, headers=UNCACHED)


def bad_wait() -> HttpResponse:
    return bad("wait", f"Must be seconds from 0 to {conf.max_wait:g}.")


def bad_cursor() -> HttpResponse:
    return bad("cursor", "Not a cursor of this view; leave it out.")
