"""The poll of a feed, for clients that no stream reaches."""

from __future__ import annotations

from django.core.handlers.asgi import ASGIRequest
from django.http import HttpRequest, HttpResponse

from ..delivery import source
from ..delivery.streams import SubscriptionRequest
from ..realtime.envelope import envelopes
from ..realtime.sse import UNCACHED
from ..realtime.streams.subscription import State
from ..responses import LongPollResponse, bad_wait, forbidden, long_poll, parse_wait
from .source import FEEDS


def answer_poll(
    request: HttpRequest, subscription: SubscriptionRequest, cursor: str
) -> HttpResponse:
    """Answer ``{"events": [...], "cursor": "..."}``.

    With ``?wait=SECONDS`` it answers as soon as the state is another than the cursor's.

    Args:
        request: the request.
        subscription: what it may poll.
        cursor: the id of the state that the client has. Empty: it has none.

    Returns:
        The whole state, if the client has another one. The changes, if it waited for them. Else
        no events. 403 if the grant ends while the poll waits.
    """
    seconds = parse_wait(request.GET.get("wait", "0"))
    if seconds is None:
        return bad_wait()
    topic = subscription.topic
    state = FEEDS.state(topic)
    if cursor != source.state_id_of(topic, state):
        return _response(subscription, state, FEEDS.snapshot(topic, state))
    if seconds and isinstance(request, ASGIRequest):
        return _long_poll_response(request, subscription, state, seconds)
    return _response(subscription, state, b"")


def _long_poll_response(
    request: ASGIRequest, subscription: SubscriptionRequest, state: State, seconds: float
) -> LongPollResponse:
    async def answer() -> HttpResponse:
        new_state = await long_poll(request, subscription, state, seconds)
        if new_state is None:
            return forbidden()
        is_same = new_state == state
        changes = b"" if is_same else FEEDS.delta(subscription.topic, state, new_state)
        return _response(subscription, new_state, changes)

    return LongPollResponse(answer)


def _response(subscription: SubscriptionRequest, state: State, events: bytes) -> HttpResponse:
    if subscription.translate is not None:
        events = subscription.translate(events)
    cursor = source.state_id_of(subscription.topic, state)
    return HttpResponse(
        f'{{"events":[{",".join(envelopes(events))}],"cursor":"{cursor}"}}',
        headers={**UNCACHED, "Content-Type": "application/json"},
    )
