"""From a request that was let in to a stream or a poll of the engine."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable
from typing import Any, NamedTuple, Protocol

from ..auth.grants import Grant
from ..conf import conf
from ..realtime.envelope import Rendered
from ..realtime.hub import Hub
from ..realtime.sse import json_event
from ..realtime.streams.direct import DirectStream, Send
from ..realtime.streams.subscription import Poll, State, Stream
from .hubs import current_hub, ticks_per_visit
from .source import TOASTS, topic

HANDOVER = "toasts.handover"
"""The key in a request's scope under which its view finds what takes the stream over."""
HANDOVER_HEADER = "X-Toasts-Handover"
"""The header by which the view answers that. It never leaves the process."""


class Encoder(Protocol):
    """How the states of one kind of topic are encoded."""

    def snapshot(self, topic: str, state: Any, last_event_id: str | None) -> bytes:
        """Encode a whole state, or only what a client lacks that has seen `last_event_id`."""


class SubscriptionRequest(NamedTuple):
    """All that a stream or a poll takes over from its request."""

    topic: str
    grant: Grant | None
    """The right to the topic; None: a guest's, which nothing ends."""
    encoder: Encoder
    owner: str = ""
    """Where the topic is not a user's own: with whose streams this one is counted and ended."""
    translate: Callable[[bytes], bytes] | None = None
    """From events to the format that this client asked for."""
    receive: Callable[[str], Awaitable[str]] | None = None
    """Answers a message that comes up a WebSocket with an envelope."""


def toasts_of(grant: Grant) -> SubscriptionRequest:
    """Return the request for the toasts of the user who has this right."""
    return SubscriptionRequest(topic(grant.user_id), grant, TOASTS)


def _heartbeat() -> float:
    """Return the seconds of silence before a visit sends a ping: a heartbeat, on average."""
    return conf.heartbeat - (ticks_per_visit() - 1) / 2


class StreamContext:
    """What the direct streams of one hub and encoder have in common, read once."""

    __slots__ = ("_encoder", "_hub", "heartbeat", "now", "patience", "ping", "turns")

    def __init__(self, hub: Hub, encoder: Encoder) -> None:
        self._hub = hub
        self._encoder = encoder
        self.turns = hub.ticker
        self.now = asyncio.get_running_loop().time
        self.heartbeat = _heartbeat()
        self.patience = conf.write_timeout
        self.ping = json_event("ping", {})

    @property
    def rotation(self) -> bytes:
        return TOASTS.bye("rotate")

    def snapshot(self, topic: str, state: Any, last_event_id: str | None) -> bytes:
        return self._encoder.snapshot(topic, state, last_event_id)

    def resync(self, topic: str) -> None:
        self._hub.wake([topic])


def start_stream(
    request: SubscriptionRequest, last_event_id: str | None, send: Send
) -> DirectStream:
    """Start a stream that the hub itself writes. When it ends, it cancels the running task.

    That task unsubscribes the stream, and asks `ended_the_wait` about the cancellation.
    """
    task = asyncio.current_task()
    assert task is not None
    stream = direct_stream(request, last_event_id, send, over=task.cancel)
    current_hub().subscribe(stream, request.owner)
    return stream


def direct_stream(
    request: SubscriptionRequest, last_event_id: str | None, send: Send, over: Any
) -> DirectStream:
    """Return a stream that the hub itself writes, not yet subscribed."""
    context = _context(current_hub(), request.encoder)
    if request.translate is not None:
        send = Rendered(send, request.translate)
    now = asyncio.get_running_loop().time()
    deadline = now + random.uniform(*conf.max_age)
    return DirectStream(
        request.topic, request.grant, send, context, now, deadline, last_event_id, over
    )


def _context(hub: Hub, encoder: Encoder) -> StreamContext:
    context: StreamContext | None = hub.contexts.get(encoder)
    if context is None:
        context = hub.contexts[encoder] = StreamContext(hub, encoder)
    return context


def buffered_stream(request: SubscriptionRequest, last_event_id: str | None, cut: Any) -> Stream:
    """Return a stream whose bytes somebody pulls, not yet subscribed.

    Args:
        request: what is asked for.
        last_event_id: the id of the state that the client shows already.
        cut: called when the client has not read for `TOASTS_PATIENCE` seconds.
    """
    hub = current_hub()

    def snapshot(state: State) -> bytes:
        # What the client knew at first is no reason to leave toasts out after an overflow.
        nonlocal last_event_id
        first_id, last_event_id = last_event_id, None
        return request.encoder.snapshot(request.topic, state, first_id)

    return Stream(
        topic=request.topic,
        grant=request.grant,
        opened=asyncio.get_running_loop().time(),
        snapshot=snapshot,
        resync=lambda stream: hub.wake([stream.topic]),
        cut=cut,
        ping=json_event("ping", {}),
        rotation=TOASTS.bye("rotate"),
        heartbeat=_heartbeat(),
        lifetime=random.uniform(*conf.max_age),
        patience=conf.write_timeout,
    )


async def wait_for_change(
    request: SubscriptionRequest, state: State, seconds: float
) -> State | None:
    """Return the topic's state as soon as it differs from `state`, or `state` after the wait.

    Returns None if the right to the topic ended meanwhile.
    """
    loop = asyncio.get_running_loop()
    answer: asyncio.Future[State | None] = loop.create_future()
    poll = Poll(request.topic, request.grant, loop.time(), lambda now: now != state, answer)
    hub = current_hub()
    hub.subscribe(poll, request.owner)
    try:
        changed = await asyncio.wait_for(answer, seconds)
    except TimeoutError:
        return state
    finally:
        hub.unsubscribe(poll)
    if changed is None and not await hub.run(hub.source.revoked, [request.grant]):
        return state  # the poll only gave way to others of this user
    return changed
