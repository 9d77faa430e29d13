"""The bridge between toasts and the engine: who hears what, this process's hub, announcing."""

from __future__ import annotations

import asyncio
import functools
import logging
import os
import random
from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Any, NamedTuple, Protocol

from ..auth import grants as sessions
from ..conf import conf
from ..realtime.brokers.coalescing import Outbox
from ..realtime.envelope import Rendered
from ..realtime.hub import RECHECK, Hub, Timing
from ..realtime.sources import Kind, Sources
from ..realtime.sse import json_event
from ..realtime.streams.direct import DirectStream, Send
from ..realtime.streams.subscription import Poll, Stream
from . import brokers
from .brokers import make_broker
from .source import PREFIX, TOASTS, topic
from .state import State

logger = logging.getLogger("toasts")


# Who hears what.


class Voice(Protocol):
    """How the states of one kind of topic are said."""

    def snapshot(self, topic: str, active: Any, known: str | None) -> bytes:
        """The whole state as events, or what is enough for who has seen the state named `known`."""


HANDOVER = "toasts.handover"
"""Where a stream's view finds, in the scope, what takes its stream over."""
MARK = "X-Toasts-Handover"
"""The header of the view's answer to that; it never leaves the process."""


class Hearing(NamedTuple):
    """Who hears what on which right: all that a stream or a poll takes over from its request."""

    topic: str
    grant: sessions.Grant | None
    """None: a guest's, which nothing ends."""
    voice: Voice
    holder: str = ""
    """Where the topic is not a user's own: with whose streams this one is counted and ended."""
    translate: Callable[[bytes], bytes] | None = None
    """From events to the form in which this client wants them."""
    receive: Callable[[str], Awaitable[str]] | None = None
    """What becomes of a WebSocket's messages; gives the answer's envelope."""


def toasts_of(held: sessions.Grant) -> Hearing:
    return Hearing(topic(held.user_id), held, TOASTS)


_kinds: dict[str, Kind] = {}


def add_kind(name: str, kind: Kind) -> None:
    """Have topics that begin with this name and a colon read by another source."""
    _kinds[name] = kind


# Hubs: one per event loop.

_hubs: dict[asyncio.AbstractEventLoop, Hub] = {}
_manners: dict[Hub, dict[Voice, Manners]] = {}


def hub() -> Hub:
    """The hub of the running event loop; made at the first call."""
    loop = asyncio.get_running_loop()
    found = _hubs.get(loop)
    if found is None:
        _forget_the_closed()
        _forget_in_children()
        timing = Timing(reconcile=conf.reconcile, sweep=conf.sweep, turns=_turns())
        source = Sources(TOASTS, PREFIX, _kinds)
        found = _hubs[loop] = Hub(source, make_broker(), timing, conf.max_streams_per_user)
    return found


def _turns() -> int:
    return max(1, min(3, int(conf.heartbeat / 5)))


def _quiet() -> float:
    """Seconds after which a stream is pinged at its next turn: a heartbeat, on average."""
    return conf.heartbeat - (_turns() - 1) / 2


def _forget_the_closed() -> None:
    for loop in [loop for loop in list(_hubs) if loop.is_closed()]:
        _manners.pop(_hubs.pop(loop), None)


@functools.cache
def _forget_in_children() -> None:
    if hasattr(os, "register_at_fork"):
        os.register_at_fork(after_in_child=_forget_the_parent)


def _forget_the_parent() -> None:
    # A forked child has the parent's hubs but not their threads and loops.
    _hubs.clear()
    _manners.clear()
    brokers.local.cache_clear()
    _outbox.cache_clear()


def open_stream(heard: Hearing, known: str | None, cut: Any) -> Stream:
    """A stream of which somebody pulls bytes, not yet subscribed.

    Args:
        heard: what by whom.
        known: the cursor of the state that the client already shows.
        cut: called when the client has not read for `TOASTS_PATIENCE` seconds.
    """
    here = hub()

    def snapshot(active: State) -> bytes:
        # What the client knew at first is no reason to leave toasts out after an overflow.
        nonlocal known
        mark, known = known, None
        return heard.voice.snapshot(heard.topic, active, mark)

    return Stream(
        topic=heard.topic,
        grant=heard.grant,
        opened=asyncio.get_running_loop().time(),
        snapshot=snapshot,
        resync=lambda stream: here.wake([stream.topic]),
        cut=cut,
        ping=json_event("ping", {}),
        rotation=TOASTS.bye("rotate"),
        heartbeat=_quiet(),
        lifetime=random.uniform(*conf.rotate),
        patience=conf.patience,
    )


class Manners:
    """What the direct streams of one hub and voice have in common, read once."""

    __slots__ = ("_hub", "_voice", "heartbeat", "now", "patience", "ping", "turns")

    def __init__(self, hub: Hub, voice: Voice) -> None:
        self._hub = hub
        self._voice = voice
        self.turns = hub.turns
        self.now = asyncio.get_running_loop().time
        self.heartbeat = _quiet()
        self.patience = conf.patience
        self.ping = json_event("ping", {})

    @property
    def rotation(self) -> bytes:
        return TOASTS.bye("rotate")

    def snapshot(self, topic: str, active: Any, known: str | None) -> bytes:
        return self._voice.snapshot(topic, active, known)

    def resync(self, topic: str) -> None:
        self._hub.wake([topic])


def begin_stream(heard: Hearing, known: str | None, send: Send) -> DirectStream:
    """A stream that the hub itself writes from now on; when it ends, the running task's wait does.

    That task unsubscribes it, and asks it of a cancellation whether it `ended_the_wait`.
    """
    task = asyncio.current_task()
    assert task is not None
    stream = direct_stream(heard, known, send, over=task.cancel)
    hub().subscribe(stream, heard.holder)
    return stream


def direct_stream(heard: Hearing, known: str | None, send: Send, over: Any) -> DirectStream:
    """A stream that the hub itself writes to, not yet subscribed."""
    here, voice = hub(), heard.voice
    voices = _manners.setdefault(here, {})
    manners = voices.get(voice)
    if manners is None:
        manners = voices[voice] = Manners(here, voice)
    if heard.translate is not None:
        send = Rendered(send, heard.translate)
    now = asyncio.get_running_loop().time()
    deadline = now + random.uniform(*conf.rotate)
    return DirectStream(heard.topic, heard.grant, send, manners, now, deadline, known, over)


async def wait_for_news(heard: Hearing, known: State, seconds: float) -> State | None:
    """The topic's state once it is another than `known`, or that at the end of the wait.

    Returns None when the right to it ended meanwhile.
    """
    loop = asyncio.get_running_loop()
    answer: asyncio.Future[State | None] = loop.create_future()
    poll = Poll(heard.topic, heard.grant, loop.time(), lambda now: now != known, answer)
    here = hub()
    here.subscribe(poll, heard.holder)
    try:
        news = await asyncio.wait_for(answer, seconds)
    except TimeoutError:
        return known
    finally:
        here.unsubscribe(poll)
    if news is None and not await here.run(here.source.revoked, [heard.grant]):
        return known  # it had to give way to others of this user
    return news


# Announcing.


@functools.cache
def _outbox() -> Outbox:
    _forget_in_children()
    return Outbox(lambda hints: make_broker().publish(hints))


def announce(user_ids: Iterable[Any]) -> None:
    """Tell every process that these users may have something new. After COMMIT; never raises."""
    announce_topics([topic(user_id) for user_id in user_ids])


def announce_doubt(user_id: Any) -> None:
    """Have every process check at once whether this user's streams may go on. Never raises."""
    announce_topics([RECHECK + topic(user_id)])


def announce_topics(hints: Sequence[str]) -> None:
    """Tell every process that these topics may have something new. After COMMIT; never raises."""
    # A lost hint costs seconds, until the reconciler looks; an error here would cost the caller a
    # write that is already committed.
    try:
        running = [found for found in list(_hubs.values()) if found.running]
        for found in running:
            found.announce(hints)
        if not running:
            _outbox().publish(hints)
    except Exception:
        logger.exception("toasts could not be announced; streams find them within seconds")
