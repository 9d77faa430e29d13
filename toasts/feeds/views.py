"""The one view of a feed: its event stream, its WebSocket, its poll, and what pages send to it."""

from __future__ import annotations

import functools
import itertools
import json
from collections.abc import Callable, Coroutine, Mapping
from typing import Any

from asgiref.sync import iscoroutinefunction, sync_to_async
from django.contrib.auth.decorators import login_not_required
from django.core.exceptions import ImproperlyConfigured, PermissionDenied, ValidationError
from django.core.handlers.asgi import ASGIRequest
from django.http import HttpRequest, HttpResponse, HttpResponseBase, JsonResponse
from django.views.decorators.http import require_http_methods

from ..auth.grants import Grant, detach, grant
from ..conf import conf
from ..delivery import source
from ..delivery.streams import HANDOVER, SubscriptionRequest
from ..realtime.envelope import envelopes
from ..realtime.sse import UNCACHED, known_event_id
from ..realtime.streams.subscription import State
from ..responses import (
    bad,
    bad_cursor,
    bad_wait,
    begin_stream,
    is_cross_site,
    outside_transactions,
    refused,
    seconds_of,
    wait_for_news,
)
from .events import encode, html_of, html_without_echo, without_echo
from .feed import Feed
from .messages import answer_to, failure
from .source import FEEDS
from .tokens import opened_by
from .topics import FAMILY, TOPIC_MAX, topic_of

_guests = itertools.count(1)


def make_view(feed: Feed) -> Callable[..., Coroutine[Any, Any, HttpResponseBase]]:
    """The view of this feed.

    Raises:
        ImproperlyConfigured: another feed has its name.
    """
    feed = FEEDS.add(feed)

    @outside_transactions
    @login_not_required  # the feed decides; a redirect to a login page would be read as a stream
    @require_http_methods(["GET", "HEAD", "POST"])
    @functools.wraps(feed.topic, assigned=("__module__",), updated=())
    async def view(request: HttpRequest, **kwargs: Any) -> HttpResponseBase:
        try:
            return await _answer(feed, request, kwargs)
        except PermissionDenied as error:
            return _forbidden(str(error))

    view.__name__ = view.__qualname__ = f"feed_{feed.name}"
    view.__doc__ = type(feed).__doc__
    return view


async def _answer(feed: Feed, request: HttpRequest, kwargs: Mapping[str, Any]) -> HttpResponseBase:
    if is_cross_site(request):
        return refused()
    if request.method == "POST":
        return await _post(feed, request, kwargs)
    known = _known(request)
    if known and not known_event_id(known):
        return bad_cursor()
    asked = "text/event-stream" in request.headers.get("Accept", "")
    as_html = request.GET.get("format", "json") == "html"
    if as_html and not (asked and feed.can("render") and not _is_socket(request)):
        return bad("format", "HTML is for event streams, of feeds that define render().")
    held, topic = await _admitted(feed, request, kwargs)
    heard = _hearing(feed, request, held, topic, as_html)
    if asked and isinstance(request, ASGIRequest):
        return begin_stream(request, heard, known or None)
    return await _poll(request, heard, known)


def _is_socket(request: HttpRequest) -> bool:
    scope = getattr(request, "scope", {})
    return getattr(scope.get(HANDOVER), "is_socket", False)


def _known(request: HttpRequest) -> str:
    asked = request.GET.get("cursor") or request.GET.get("last_event_id")
    return request.headers.get("Last-Event-ID") or asked or ""


def _hearing(
    feed: Feed, request: HttpRequest, held: Grant | None, topic: str, as_html: bool
) -> SubscriptionRequest:
    takes = _is_socket(request) and feed.can("receive")  # others need not keep their request
    return SubscriptionRequest(
        topic_of(feed.name, topic),
        held,
        FEEDS,
        # Guests have nothing in common, so nothing to be counted by.
        source.topic(held.user_id) if held is not None else f"guest:{next(_guests)}",
        _form(feed, request, as_html),
        functools.partial(answer_to, feed, request, topic) if takes else None,
    )


def _form(feed: Feed, request: HttpRequest, as_html: bool) -> Callable[[bytes], bytes] | None:
    """In which form this page wants what all are told; None: just so."""
    origin = request.GET.get("origin", "")
    if origin and feed.can("receive"):  # where no page writes there is no echo
        if as_html:
            return functools.partial(html_without_echo, feed, origin)
        return functools.partial(without_echo, origin)
    return functools.partial(html_of, feed) if as_html else None


async def _admitted(
    feed: Feed, request: HttpRequest, kwargs: Mapping[str, Any]
) -> tuple[Grant | None, str]:
    """On what right the request may hear what.

    Raises:
        PermissionDenied: it may not.
    """
    decide: Any = feed.topic
    if iscoroutinefunction(decide):
        held = await sync_to_async(_holder)(feed, request)
        topic = await decide(request, **kwargs)
    else:  # in one go: each way into a thread and back takes its time
        held, topic = await sync_to_async(_decided)(feed, request, kwargs)
    detach(request)
    if topic is None:
        raise PermissionDenied
    if not isinstance(topic, str) or len(topic) > TOPIC_MAX or topic == FAMILY:
        raise ImproperlyConfigured(
            f"Feed {feed.name!r}: topic() must return None or a text of at most {TOPIC_MAX}"
            f" characters, other than {FAMILY!r}, not {topic!r:.300}."
        )
    return held, topic


def _decided(feed: Feed, request: HttpRequest, kwargs: Mapping[str, Any]) -> tuple[Any, Any]:
    return _holder(feed, request), feed.topic(request, **kwargs)


def _holder(feed: Feed, request: HttpRequest) -> Grant | None:
    text = request.GET.get("token") or _bearer(request)
    if not text:
        return grant(request)
    opened = opened_by(text, feed.name, conf.token_age)
    if opened is None:
        raise PermissionDenied("The token is not, or no longer, good for this feed.")

    async def auser() -> Any:
        return opened.user

    request.user, request.auser = opened.user, auser
    return opened.grant


def _bearer(request: HttpRequest) -> str:
    scheme, _, text = request.headers.get("Authorization", "").partition(" ")
    return text.strip() if scheme.lower() == "bearer" else ""


def _forbidden(why: str) -> HttpResponse:
    return JsonResponse({"detail": why or "You may not listen here."}, status=403, headers=UNCACHED)


async def _poll(request: HttpRequest, heard: SubscriptionRequest, known: str) -> HttpResponseBase:
    """``{"events": [...], "cursor": "..."}``: nothing for who knows this state, else all of it.

    Who waited from one state to the next is told what changed, as on a stream.
    """
    seconds = seconds_of(request.GET.get("wait", "0"))
    if seconds is None:
        return bad_wait()
    state = await sync_to_async(FEEDS.state)(heard.topic)
    if known != source.state_id_of(heard.topic, state):
        return _polled(heard, state, FEEDS.snapshot(heard.topic, state))
    news: State | None = state
    if seconds and isinstance(request, ASGIRequest):
        news = await wait_for_news(request, heard, state, seconds)
    if news is None:
        raise PermissionDenied
    return _polled(heard, news, b"" if news == state else FEEDS.delta(heard.topic, state, news))


def _polled(heard: SubscriptionRequest, state: State, said: bytes) -> HttpResponse:
    if heard.translate is not None:
        said = heard.translate(said)
    mark = source.state_id_of(heard.topic, state)
    return HttpResponse(
        f'{{"events":[{",".join(envelopes(said))}],"cursor":"{mark}"}}',
        headers={**UNCACHED, "Content-Type": "application/json"},
    )


async def _post(feed: Feed, request: HttpRequest, kwargs: Mapping[str, Any]) -> HttpResponseBase:
    _, topic = await _admitted(feed, request, kwargs)
    if not feed.can("receive"):
        return HttpResponse(status=405, headers={**UNCACHED, "Allow": "GET, HEAD"})
    try:
        data = json.loads(request.body)
    except (ValueError, RecursionError):
        return bad("detail", "Not JSON.")
    receive: Any = feed.receive
    if not iscoroutinefunction(receive):
        receive = sync_to_async(receive)
    try:
        answer = await receive(request, topic, data)
    except ValidationError as error:
        return JsonResponse(failure(error), status=400, headers=UNCACHED)
    body = encode(answer)
    return HttpResponse(body, headers={**UNCACHED, "Content-Type": "application/json"})
