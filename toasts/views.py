"""The event stream, and the poll for clients that a stream doesn't reach."""

from __future__ import annotations

from django.contrib.auth.decorators import login_not_required
from django.core.handlers.asgi import ASGIRequest
from django.http import HttpRequest, HttpResponse, HttpResponseBase, JsonResponse
from django.middleware.csrf import get_token
from django.views.decorators.http import require_safe

from .auth.grants import Grant
from .delivery.source import read_state, state_id_of, topic
from .delivery.state import ToastState, as_json
from .delivery.streams import toasts_of
from .html import csrf_header
from .realtime.sse import UNCACHED, is_event_id
from .responses import (
    LongPollResponse,
    bad_cursor,
    bad_request,
    bad_wait,
    cross_site_response,
    is_cross_site,
    long_poll,
    no_content,
    outside_transactions,
    parse_wait,
    stream_response,
    stream_view,
    toasts_grant,
    without_renewal,
)


@stream_view
@outside_transactions
@login_not_required  # a redirect to the login page would be read as a stream; signed out is 204
@require_safe
@without_renewal
def stream(request: HttpRequest) -> HttpResponseBase:
    """``GET /toasts/stream/``: the active toasts of the signed-in user, then what changes.

    Returns:
        200 ``text/event-stream``; 204 to a client that is signed out (it stops a browser from
        reconnecting) and under WSGI, which can't stream; 400 for a malformed Last-Event-ID; 403 to
        pages of other sites.
    """
    if is_cross_site(request):
        return cross_site_response()
    last_event_id = request.headers.get("Last-Event-ID") or request.GET.get("last_event_id")
    if last_event_id and not is_event_id(last_event_id):
        return bad_request("last_event_id", "Not an id of this stream; leave the header out.")
    grant = toasts_grant(request)
    if grant is None or not isinstance(request, ASGIRequest):
        return no_content()
    return stream_response(request, toasts_of(grant), last_event_id)


@outside_transactions
@login_not_required
@require_safe
@without_renewal
def poll(request: HttpRequest) -> HttpResponseBase:
    """``GET /toasts/poll/``: the active toasts as JSON, and a cursor that names this state.

    With ``?wait=25&cursor=...`` it answers as soon as the state is another one than the cursor's,
    or after the wait, in seconds. Under WSGI it always answers at once.

    With ``?csrf=1`` the answer has a CSRF token in the header of CSRF_HEADER_NAME. That is for
    pages whose cookie is out of reach (CSRF_COOKIE_HTTPONLY, CSRF_USE_SESSIONS) or not set yet.
    Pages of other origins can't read it.

    Returns:
        200 ``{"toasts": [...], "cursor": "..."}``; 204 to a client that is signed out; 400 with
        errors by field; 403 to pages of other sites.
    """
    if is_cross_site(request):
        return cross_site_response()
    cursor = request.GET.get("cursor", "")
    if (seconds := parse_wait(request.GET.get("wait", "0"))) is None:
        return bad_wait()
    if cursor and not is_event_id(cursor):
        return bad_cursor()
    grant = toasts_grant(request)
    if grant is None:
        return no_content()
    name = topic(grant.user_id, grant.tenant)
    state = read_state(grant.user_id)
    response: HttpResponse
    if seconds and cursor == state_id_of(name, state) and isinstance(request, ASGIRequest):
        response = _long_poll_response(request, grant, state, seconds)
    else:
        response = _poll_response(name, state)
    if "csrf" in request.GET:
        response[csrf_header()] = get_token(request)
    return response


def _poll_response(name: str, state: ToastState) -> HttpResponse:
    answer = {"toasts": as_json(state), "cursor": state_id_of(name, state)}
    return JsonResponse(answer, headers=UNCACHED)


def _long_poll_response(
    request: ASGIRequest, grant: Grant, state: ToastState, seconds: float
) -> LongPollResponse:
    subscription = toasts_of(grant)

    async def answer() -> HttpResponse:
        changed = await long_poll(request, subscription, state, seconds)
        return no_content() if changed is None else _poll_response(subscription.topic, changed)

    return LongPollResponse(answer)
