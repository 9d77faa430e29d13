"""Makes a stream or a long poll of the engine from a request that was let in."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable
from typing import Any, NamedTuple, Protocol

from ..auth.grants import Grant
from ..conf import conf
from ..realtime.envelope import TranslatedSend
from ..realtime.hub import Hub
from ..realtime.servers import server_of
from ..realtime.sse import json_event
from ..realtime.streams.buffered import BufferedStream
from ..realtime.streams.direct import DirectStream
from ..realtime.streams.long_poll import LongPoll
from ..realtime.streams.subscription import State
from ..realtime.types import Send
from .hubs import current_hub, ticks_per_visit
from .source import TOASTS, owner_name, topic

HANDOVER = "toasts.handover"
"""The key in a request's scope under which its view finds what takes the stream over."""
HANDOVER_HEADER = "X-Toasts-Handover"
"""The header by which the view answers that. It never leaves the process."""


class Encoder(Protocol):
    """Encodes the states of topics of one kind."""

    def snapshot(self, topic: str, state: Any, last_event_id: str | None) -> bytes:
        """Encode a whole state, or only what a client lacks that has seen `last_event_id`."""


class SubscriptionRequest(NamedTuple):
    """All that a stream or a poll takes over from its request.

    Args:
        topic: the topic to subscribe to.
        grant: the permission to open it; None: a guest's stream, which nothing ends.
        encoder: encodes the topic's states.
        owner: whose the stream is, where the topic is not a user's own: it is counted and ended
            with the others of this name.
        translate: turns the bytes of events into the format that the client asked for.
        receive: answers a message that comes over a WebSocket with an envelope.
    """

    topic: str
    grant: Grant | None
    encoder: Encoder
    owner: str = ""
    translate: Callable[[bytes], bytes] | None = None
    receive: Callable[[str], Awaitable[str]] | None = None

    @property
    def impersonator(self) -> str:
        """The name of the user whose session it is, while that user acts as another one."""
        grant = self.grant
        if grant is None or grant.owner_id == grant.user_id:
            return ""
        return owner_name(grant.owner_id, grant.tenant)


def toasts_of(grant: Grant) -> SubscriptionRequest:
    """Return the request for the toasts of the user of this grant."""
    name, owner = topic(grant.user_id, grant.tenant), owner_name(grant.user_id, grant.tenant)
    return SubscriptionRequest(name, grant, TOASTS, owner if owner != name else "")


class StreamContext:
    """What the direct streams of one hub and encoder share. It reads the settings once.

    Args:
        hub: the hub.
        encoder: encodes the states of their topics.
    """

    __slots__ = (
        "_encoder", "_hub", "heartbeat", "internals", "now", "ping", "ticker", "write_timeout",
    )  # fmt: skip

    def __init__(self, hub: Hub, encoder: Encoder) -> None:
        self._hub = hub
        self._encoder = encoder
        self.internals = hub.internals
        self.ticker = hub.ticker
        self.now = asyncio.get_running_loop().time
        self.heartbeat = _heartbeat()
        self.write_timeout = conf.write_timeout
        self.ping = json_event("ping", {})

    @property
    def rotate_event(self) -> bytes:
        """The bytes that tell a client to reconnect, with another delay each time."""
        return TOASTS.bye("rotate")

    def snapshot(self, topic: str, state: Any, last_event_id: str | None) -> bytes:
        """Encode a whole state, or only what a client lacks that has seen `last_event_id`."""
        return self._encoder.snapshot(topic, state, last_event_id)

    def resync(self, topic: str) -> None:
        """Have the topic's state delivered again."""
        self._hub.wake([topic])


def _heartbeat() -> float:
    """Return the seconds of silence before a ping, so that pings come on time on average."""
    return conf.heartbeat - (ticks_per_visit() - 1) / 2


def start_stream(
    request: SubscriptionRequest, last_event_id: str | None, send: Send, arrived: float
) -> DirectStream:
    """Start a stream that the hub writes itself. When it ends, it cancels the running task.

    That task unsubscribes the stream, and asks `caused_cancellation` about the cancellation.

    Args:
        request: what is asked for.
        last_event_id: the id of the state that the client shows already.
        send: the server's; the start of the response was sent already.
        arrived: when the request arrived, by `time.monotonic`.
    """
    task = asyncio.current_task()
    assert task is not None
    hub = current_hub()
    if request.translate is not None:
        send = TranslatedSend(send, server_of(send, hub.internals), request.translate)
    stream = DirectStream(
        request.topic,
        request.grant,
        send,
        _context(hub, request.encoder),
        max_age=random.uniform(*conf.max_age),
        on_end=task.cancel,
        last_event_id=last_event_id,
    )
    hub.subscribe(stream, request.owner, request.impersonator, arrived)
    return stream


def _context(hub: Hub, encoder: Encoder) -> StreamContext:
    context: StreamContext | None = hub.contexts.get(encoder)
    if context is None:
        context = hub.contexts[encoder] = StreamContext(hub, encoder)
    return context


def buffered_stream(
    request: SubscriptionRequest, last_event_id: str | None, abort: Callable[[], object]
) -> BufferedStream:
    """Return a stream whose bytes a reader pulls. It is not subscribed yet.

    Args:
        request: what is asked for.
        last_event_id: the id of the state that the client shows already.
        abort: called when the client has not read for `TOASTS_PATIENCE` seconds.
    """
    hub = current_hub()
    return BufferedStream(
        topic=request.topic,
        grant=request.grant,
        opened=asyncio.get_running_loop().time(),
        snapshot=_Snapshots(request, last_event_id).snapshot,
        resync=lambda stream: hub.wake([stream.topic]),
        abort=abort,
        ping=json_event("ping", {}),
        rotate_event=TOASTS.bye("rotate"),
        heartbeat=_heartbeat(),
        max_age=random.uniform(*conf.max_age),
        write_timeout=conf.write_timeout,
    )


class _Snapshots:
    """Encodes states for one client: only the first one by what the client shows already.

    After an overflow it is unknown what the client shows.
    """

    def __init__(self, request: SubscriptionRequest, last_event_id: str | None) -> None:
        self._request = request
        self._last_event_id = last_event_id

    def snapshot(self, state: State) -> bytes:
        """Encode the whole state. The first call omits what the client already shows."""
        last_event_id, self._last_event_id = self._last_event_id, None
        return self._request.encoder.snapshot(self._request.topic, state, last_event_id)


async def wait_for_change(
    request: SubscriptionRequest, state: State, seconds: float
) -> State | None:
    """Wait for a state of the topic that differs from another one.

    Args:
        request: what is asked for.
        state: the state that the client has.
        seconds: the longest wait.

    Returns:
        The new state; `state` after the wait; None if the grant ended meanwhile.
    """
    loop = asyncio.get_running_loop()
    answer: asyncio.Future[State | None] = loop.create_future()
    poll = LongPoll(request.topic, request.grant, loop.time(), lambda new: new != state, answer)
    hub = current_hub()
    hub.subscribe(poll, request.owner, request.impersonator)
    try:
        changed = await asyncio.wait_for(answer, seconds)
    except TimeoutError:
        return state
    finally:
        hub.unsubscribe(poll)
    if changed is None and not await hub.run(hub.source.revoked, [request.grant]):
        return state  # the poll was only superseded by others of this user
    return changed
