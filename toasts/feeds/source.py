"""Feeds, as the engine asks for them: the states of their topics."""

from __future__ import annotations

import functools
import logging
from collections.abc import Mapping, Sequence
from typing import Any

from django.core.exceptions import ImproperlyConfigured
from django.db import InterfaceError, OperationalError, connections

from ..db import database, fresh_connection
from ..delivery.hubs import register_source
from ..delivery.source import state_id_of
from ..realtime.streams.subscription import State
from . import events as wire
from .feed import Feed
from .topics import KIND, parts_of

logger = logging.getLogger("toasts")

ROW_MAX = 256 * 1024
"""Bytes of a row as JSON."""
LOST = (OperationalError, InterfaceError)
FAILURES_MAX = 50
"""Of one feed in one look; what was not read by then waits for the next one."""


class FeedSource:
    """The source of all feeds' topics; keys are the rows' own, contents their JSON."""

    def __init__(self) -> None:
        self._feeds: dict[str, Feed] = {}

    def add(self, feed: Feed) -> Feed:
        """Register a feed; gives the instance that is registered.

        Raises:
            ImproperlyConfigured: another feed has its name.
        """
        known = self._feeds.setdefault(feed.name, feed)
        if _where(known) != _where(feed):
            raise ImproperlyConfigured(
                f"{_where(feed)}: its name {feed.name!r} is that of {_where(known)}, too."
            )
        register_source(KIND, self)
        return known

    def read(self, topics: Sequence[str]) -> Mapping[str, State | None]:
        asked: dict[str, dict[str, str]] = {}
        for full in topics:
            name, topic = parts_of(full)
            asked.setdefault(name, {})[topic] = full
        found: dict[str, State | None] = {}
        for name, names in asked.items():
            states = self._read(self._feeds[name], list(names))
            found.update((full, states.get(topic, {})) for topic, full in names.items())
        return found

    def _read(self, feed: Feed, topics: list[str]) -> Mapping[str, State | None]:
        """In halves, down to what can't be read: the topic of one page must not cost the others."""
        found: dict[str, State | None] = dict.fromkeys(topics)
        waiting = [topics]
        failures: list[tuple[str, Exception]] = []
        while waiting and len(failures) < FAILURES_MAX:
            some = waiting.pop()
            try:
                states = _states(feed, some)
                found.update((topic, states.get(topic, {})) for topic in some)
            except Exception as error:
                if isinstance(error, LOST) and _is_away():  # for all of us
                    raise
                failures.append((some[0], error))
                half = len(some) // 2
                waiting += [some[half:], some[:half]] if half else []
        if failures:
            # The site's own mistake must not keep toasts and other feeds from being read.
            topic, why = failures[-1]
            text = "feed %r can't be read, topic %r; its pages keep what they have"
            logger.error(text, feed.name, topic, exc_info=why)
        return found

    def state(self, topic: str) -> State:
        """A topic's state now. Blocks, on the caller's own connection; raises what `read` does."""
        name, rest = parts_of(topic)
        feed = self._feeds[name]
        return _encoded(feed, feed.read([rest]).get(rest, {}))

    def delta(self, topic: str, told: State, state: State) -> bytes:
        return wire.delta(self._feed(topic), told, state, state_id_of(topic, state))

    def snapshot(self, topic: str, state: State, known: str | None = None) -> bytes:
        return wire.snapshot(self._feed(topic), state, state_id_of(topic, state), known)

    def _feed(self, topic: str) -> Feed:
        return self._feeds[parts_of(topic)[0]]


FEEDS = FeedSource()


def _states(feed: Feed, topics: list[str]) -> Mapping[str, State]:
    try:
        with fresh_connection():
            found = feed.read(topics)
    except LOST:
        if _is_away():
            raise
        with fresh_connection():  # a connection that was lost is made anew
            found = feed.read(topics)
    return {topic: _encoded(feed, rows) for topic, rows in found.items()}


def _is_away() -> bool:
    """Whether the database of the toasts can't be reached; errors alone don't tell: a statement
    that takes too long has the same kind, on SQLite a table that is missing, too."""
    try:
        with fresh_connection(), connections[database()].cursor() as cursor:
            cursor.execute("SELECT 1")
    except LOST:
        return True
    return False


def _where(feed: Feed) -> str:
    return f"{type(feed).__module__}.{type(feed).__qualname__}"


def _encoded(feed: Feed, rows: Mapping[Any, Any]) -> State:
    found = {}
    for key, row in rows.items():
        name = key if isinstance(key, int | str) else str(key)
        text = _json(feed.name, name, row)
        if text:
            found[name] = text
    return found


def _json(feed: str, key: Any, row: Any) -> str:
    try:
        text = wire.encode(row)
    except (TypeError, ValueError, RecursionError) as error:
        _leave_out(feed, key, str(error))
        return ""
    if len(text) > ROW_MAX:
        _leave_out(feed, key, f"it has more than {ROW_MAX} bytes as JSON")
        return ""
    return text


@functools.lru_cache(maxsize=1000)  # once for each: the reconciler meets it again and again
def _leave_out(feed: str, key: Any, why: str) -> None:
    logger.error("feed %r: row %r can't be sent and is left out: %s", feed, key, why)
