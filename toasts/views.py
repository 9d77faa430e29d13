"""The event stream, and the poll for those whom a stream doesn't reach."""

from __future__ import annotations

from asgiref.sync import sync_to_async
from django.contrib.auth.decorators import login_not_required
from django.core.handlers.asgi import ASGIRequest
from django.http import HttpRequest, HttpResponseBase, JsonResponse
from django.middleware.csrf import get_token
from django.views.decorators.http import require_safe

from .delivery import source
from .delivery.state import as_json
from .delivery.streams import toasts_of
from .html import csrf_header
from .realtime.sse import UNCACHED, known_event_id
from .responses import (
    admit,
    bad,
    bad_cursor,
    bad_wait,
    begin_stream,
    is_cross_site,
    nothing,
    outside_transactions,
    refused,
    seconds_of,
    wait_for_news,
)


@outside_transactions
@login_not_required  # signed out is 204 here: a redirect to a login page would be read as a stream
@require_safe
async def stream(request: HttpRequest) -> HttpResponseBase:
    """``GET /toasts/stream/``: the active toasts of the signed-in user, then what changes.

    Returns:
        200 ``text/event-stream``; 204 to who is signed out (it stops a browser from reconnecting)
        and under WSGI, which can't stream; 400 to a malformed Last-Event-ID; 403 to other sites.
    """
    if is_cross_site(request):
        return refused()
    known = request.headers.get("Last-Event-ID") or request.GET.get("last_event_id")
    if known and not known_event_id(known):
        return bad("last_event_id", "Not an id of this stream; leave the header out.")
    held = await admit(request)
    if held is None or not isinstance(request, ASGIRequest):
        return nothing()
    return begin_stream(request, toasts_of(held), known)


@outside_transactions
@login_not_required
@require_safe
async def poll(request: HttpRequest) -> HttpResponseBase:
    """``GET /toasts/poll/``: the active toasts as JSON, and a cursor that names this state.

    With ``?csrf=1`` the answer has a token in the header of CSRF_HEADER_NAME, for pages whose
    cookie is out of reach (CSRF_COOKIE_HTTPONLY, CSRF_USE_SESSIONS) or not set yet; other origins
    can't read it. With ``?wait=25&cursor=...`` it answers once the state is another one, or after
    the wait, in seconds; under WSGI always at once.

    Returns:
        200 ``{"toasts": [...], "cursor": "..."}``; 204 to who is signed out; 400 with field errors;
        403 to other sites.
    """
    if is_cross_site(request):
        return refused()
    wait, known = request.GET.get("wait", "0"), request.GET.get("cursor", "")
    if (seconds := seconds_of(wait)) is None:
        return bad_wait()
    if known and not known_event_id(known):
        return bad_cursor()
    held = await admit(request)
    if held is None:
        return nothing()
    mine = source.topic(held.user_id)
    state = await sync_to_async(source.read_state)(held.user_id)
    if seconds and known == source.state_id_of(mine, state) and isinstance(request, ASGIRequest):
        news = await wait_for_news(request, toasts_of(held), state, seconds)
        if news is None:
            return nothing()
        state = news
    answer = {"toasts": as_json(state), "cursor": source.state_id_of(mine, state)}
    response = JsonResponse(answer, headers=UNCACHED)
    if "csrf" in request.GET:
        response[csrf_header()] = get_token(request)
    return response
