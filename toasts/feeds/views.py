"""The one view of a feed: its event stream, its WebSocket, its poll and its POST."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from django.contrib.auth.decorators import login_not_required
from django.core.exceptions import PermissionDenied
from django.core.handlers.asgi import ASGIRequest
from django.http import HttpRequest, HttpResponseBase
from django.views.decorators.http import require_http_methods

from ..delivery.streams import HANDOVER, SubscriptionRequest
from ..realtime.sse import CONTENT_TYPE, is_event_id
from ..responses import (
    bad_cursor,
    bad_request,
    cross_site_response,
    forbidden,
    is_cross_site,
    outside_transactions,
    stream_response,
    stream_view,
    without_renewal,
)
from .access import Access, authorize, owner_of
from .events import html_of, html_without_echo, without_echo
from .messages import answer_message, answer_post
from .polls import answer_poll
from .source import FEEDS
from .topics import topic_of

if TYPE_CHECKING:
    from .feed import Feed

FORMATS = ("json", "html")
ORIGIN_MAX = 100
"""Characters of a page's name for itself. Each of its streams keeps it."""


def make_view(feed: Feed) -> Callable[..., HttpResponseBase]:
    """Return the view of this feed.

    Raises:
        ImproperlyConfigured: another feed has its name.
    """
    feed = FEEDS.add(feed)

    @stream_view
    @outside_transactions
    @login_not_required  # the feed decides; a client would read a login page as a stream
    @require_http_methods(["GET", "HEAD", "POST"])
    @without_renewal
    @functools.wraps(feed.topic, assigned=("__module__",), updated=())
    def view(request: HttpRequest, **kwargs: Any) -> HttpResponseBase:
        if is_cross_site(request):
            return cross_site_response()
        try:
            return _respond(feed, request, kwargs)
        except PermissionDenied as error:
            return forbidden(str(error))

    view.__name__ = view.__qualname__ = f"feed_{feed.name}"
    view.__doc__ = type(feed).__doc__
    return view


def _respond(feed: Feed, request: HttpRequest, kwargs: Mapping[str, Any]) -> HttpResponseBase:
    if len(request.GET.get("origin", "")) > ORIGIN_MAX:
        return bad_request("origin", f"Must be at most {ORIGIN_MAX} characters.")
    if request.method == "POST":
        access = authorize(feed, request, kwargs)
        return answer_post(feed, request, access.topic)
    last_event_id = _last_event_id(request)
    if last_event_id and not is_event_id(last_event_id):
        return bad_cursor()
    is_stream = CONTENT_TYPE in request.headers.get("Accept", "")
    if _format(request) not in FORMATS:
        return bad_request("format", f"Must be {' or '.join(FORMATS)}.")
    if _wants_html(request) and not (is_stream and _can_send_html(feed, request)):
        return bad_request("format", "HTML is for event streams, of feeds that define render().")
    subscription = _subscription(feed, request, authorize(feed, request, kwargs))
    if is_stream and isinstance(request, ASGIRequest):
        return stream_response(request, subscription, last_event_id or None)
    return answer_poll(request, subscription, last_event_id)


def _last_event_id(request: HttpRequest) -> str:
    parameters = request.GET.get("cursor") or request.GET.get("last_event_id")
    return request.headers.get("Last-Event-ID") or parameters or ""


def _format(request: HttpRequest) -> str:
    return request.GET.get("format") or "json"


def _wants_html(request: HttpRequest) -> bool:
    return _format(request) == "html"


def _can_send_html(feed: Feed, request: HttpRequest) -> bool:
    return feed.can("render") and not _is_websocket(request)


def _is_websocket(request: HttpRequest) -> bool:
    scope = getattr(request, "scope", {})
    return getattr(scope.get(HANDOVER), "is_socket", False)


def _subscription(feed: Feed, request: HttpRequest, access: Access) -> SubscriptionRequest:
    # Only what handles messages keeps the request alive.
    takes_messages = _is_websocket(request) and feed.can("receive")
    return SubscriptionRequest(
        topic=topic_of(feed.name, access.topic, access.tenant),
        grant=access.grant,
        encoder=FEEDS,
        owner=owner_of(request, access.grant),
        translate=_translation(feed, request),
        receive=(
            functools.partial(answer_message, feed, request, access.topic, tenant=access.tenant)
            if takes_messages
            else None
        ),
    )


def _translation(feed: Feed, request: HttpRequest) -> Callable[[bytes], bytes] | None:
    """Return the function that puts events into the format of this page. None: they fit as is."""
    as_html = _wants_html(request)
    origin = request.GET.get("origin", "")
    if origin and feed.can("receive"):  # where pages can't write, there is no echo
        if as_html:
            return functools.partial(html_without_echo, feed, origin)
        return functools.partial(without_echo, origin)
    return functools.partial(html_of, feed) if as_html else None
