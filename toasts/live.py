"""The bridge between toasts and the engine: users to topics, rows to events, this process's hub."""

from __future__ import annotations

import asyncio
import functools
import logging
import os
import random
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping, Sequence
from typing import Any, NamedTuple, Protocol

from django.contrib.auth import get_user_model
from django.contrib.auth.signals import user_logged_out
from django.db import connections, models, transaction
from django.db.models.signals import post_delete, post_save
from django.utils.crypto import salted_hmac

from . import brokers, sessions, state
from .brokers import fresh_connection, make_broker
from .conf import conf
from .realtime.direct import DirectStream, Send
from .realtime.envelope import Rendered
from .realtime.hub import RECHECK, Hub, Timing
from .realtime.outbox import Outbox
from .realtime.sources import Kind, Sources
from .realtime.sse import json_event
from .realtime.subscription import Poll, Stream, difference
from .state import CHANGED, State, cursor, database

logger = logging.getLogger("toasts")

PREFIX = "user:"
RETRY = (1000, 5000)
"""Milliseconds between which a browser's first reconnect is spread."""


def topic(user_id: Any) -> str:
    """The topic of a user's toasts; made on the server, never named by a client."""
    return f"{PREFIX}{user_id}"


def _names(topics: Iterable[str]) -> dict[Any, str]:
    """These topics by their users' primary keys."""
    key = get_user_model()._meta.pk.to_python
    return {key(name[len(PREFIX) :]): name for name in topics}


def name_of(topic: str, active: State) -> str:
    """What a client calls this state of this topic; up to the dot it is the same for all states.

    Tabs tell by that part whose toasts they have. It says nothing to who lacks SECRET_KEY.
    """
    return f"{salted_hmac('toasts', topic).hexdigest()[:16]}.{cursor(active)}"


class ToastSource:
    """The toasts of users, as the engine asks for them."""

    def read(self, topics: Sequence[str]) -> Mapping[str, State]:
        """The active toasts of these topics' users who have any. Blocks."""
        with fresh_connection():
            return state.read(_names(topics))

    def revoked(self, grants: Collection[sessions.Grant]) -> Collection[sessions.Grant]:
        with fresh_connection():
            return sessions.revoked(grants)

    def close(self) -> None:
        connections.close_all()

    def delta(self, topic: str, told: State, active: State) -> bytes:
        if not told and len(active) == 1:  # the first toast, or the only one: most are
            ((key, content),) = active.items()
            return state.event(key, content)
        gone, new = difference(told, active)
        events = [state.event(key, content) for key, content in new]
        if gone:
            events.insert(0, json_event("dismiss", {"ids": gone}, id=CHANGED.decode()))
        return b"".join(events)

    def bye(self, reason: str) -> bytes:
        return json_event("bye", {"reason": reason}, retry=random.randint(*RETRY))

    def snapshot(self, topic: str, active: State, known: str | None = None) -> bytes:
        """All that is active, then the list of it; only the list for who knows this very state."""
        mark = name_of(topic, active)
        parts = [] if known == mark else [state.event(*item) for item in active.items()]
        retry = random.randint(*RETRY)
        parts.append(json_event("sync", {"ids": list(active)}, id=mark, retry=retry))
        return b"".join(parts)


TOASTS = ToastSource()


def read_state(user_id: Any) -> State:
    """A user's active toasts now. Blocks, on the caller's own connection."""
    return state.read({user_id: user_id}).get(user_id, {})


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

    __slots__ = ("_hub", "_voice", "heartbeat", "now", "patience", "ping")

    def __init__(self, hub: Hub, voice: Voice) -> None:
        self._hub = hub
        self._voice = voice
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


# What may end a user's streams.


def connect_signals() -> None:
    post_save.connect(_user_changed, sender=get_user_model(), dispatch_uid="toasts")
    post_delete.connect(_user_changed, sender=get_user_model(), dispatch_uid="toasts")
    if (stored := sessions.stored_model()) is not None:
        post_delete.connect(_session_deleted, sender=stored, dispatch_uid="toasts")
    user_logged_out.connect(_logged_out, dispatch_uid="toasts")


def _user_changed(
    instance: Any, using: str, update_fields: Collection[str] | None = None, **rest: Any
) -> None:
    # A login saves its time and nothing else.
    if update_fields is None or not sessions.RIGHTS.isdisjoint(update_fields):
        _doubt_after_commit(instance.pk, using)


def _session_deleted(instance: models.Model, using: str, **rest: Any) -> None:
    # Old ones are cleared by the thousand; their streams ended when they expired.
    user_id = sessions.owner(instance) if sessions.is_alive(instance) else None
    if user_id is not None:
        _doubt_after_commit(user_id, using)


def _logged_out(user: Any, **rest: Any) -> None:
    if user is not None:
        _doubt_after_commit(user.pk, database())


def _doubt_after_commit(user_id: Any, using: str) -> None:
    connection = transaction.get_connection(using)
    if connection.in_atomic_block or connection.get_autocommit():
        transaction.on_commit(functools.partial(announce_doubt, user_id), using=using)
    # Else the caller commits by hand, and nobody can tell when: the sweep will find out.
