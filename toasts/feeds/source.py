"""The feeds as a source of the engine: the states of their topics, and how these are encoded."""

from __future__ import annotations

import functools
import logging
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from django.core.exceptions import ImproperlyConfigured
from django.db import InterfaceError, OperationalError, connections

from ..db import database, fresh_connection
from ..delivery.hubs import register_source
from ..delivery.source import state_id_of
from ..realtime.streams.subscription import State
from . import events
from .topics import KIND, parts_of, topic_of

if TYPE_CHECKING:
    from .feed import Feed

logger = logging.getLogger("toasts")

ROW_MAX = 256 * 1024
"""Bytes of a row as JSON."""
CONNECTION_ERRORS = (OperationalError, InterfaceError)
FAILURES_MAX = 50
"""Failed reads of one feed at a time. The topics that are left wait for the next read."""


class FeedSource:
    """The source of all feeds' topics. Keys are the keys of the rows, contents their JSON."""

    def __init__(self) -> None:
        self._feeds: dict[str, Feed] = {}

    def add(self, feed: Feed) -> Feed:
        """Register a feed, and return the instance that is registered for its class.

        Raises:
            ImproperlyConfigured: another feed has its name.
        """
        registered = self._feeds.setdefault(feed.name, feed)
        if _dotted_path(registered) != _dotted_path(feed):
            raise ImproperlyConfigured(
                f"{_dotted_path(feed)}: its name {feed.name!r} is that of"
                f" {_dotted_path(registered)}, too."
            )
        register_source(KIND, self)
        return registered

    def read(self, topics: Sequence[str]) -> Mapping[str, State | None]:
        """Return the states of these topics. None: the topic can't be read now. Blocks."""
        by_feed: dict[str, dict[str, str]] = {}
        for engine_topic in topics:
            name, topic = parts_of(engine_topic)
            by_feed.setdefault(name, {})[topic] = engine_topic
        found: dict[str, State | None] = {}
        for name, engine_topics in by_feed.items():
            states = _read_feed(self._feeds[name], list(engine_topics))
            found.update((engine_topics[topic], state) for topic, state in states.items())
        return found

    def state(self, topic: str) -> State:
        """Return a topic's state now. Blocks, and uses the caller's own database connection.

        Raises:
            Exception: whatever the feed's `read` raises.
        """
        name, own_topic = parts_of(topic)
        feed = self._feeds[name]
        return _encoded(feed, feed.read([own_topic]).get(own_topic, {}))

    def delta(self, topic: str, last_sent: State, state: State) -> bytes:
        """Encode the changes between two states of a topic."""
        return events.delta(self._feed(topic), last_sent, state, state_id_of(topic, state))

    def group_of(self, topic: str) -> str:
        """Return the group of all topics of a feed."""
        return f"{KIND}:{parts_of(topic)[0]}"

    def has_prefix(self, prefix: str) -> bool:
        """Return whether the prefix is that of all topics of a registered feed."""
        name = prefix.removeprefix(f"{KIND}:").removesuffix(":")
        return name in self._feeds and prefix == topic_of(name, "")

    def snapshot(self, topic: str, state: State, last_event_id: str | None = None) -> bytes:
        """Encode a whole state, or only its keys for a client that has this very state."""
        state_id = state_id_of(topic, state)
        return events.snapshot(self._feed(topic), state, state_id, last_event_id)

    def _feed(self, topic: str) -> Feed:
        return self._feeds[parts_of(topic)[0]]


FEEDS = FeedSource()
"""The one source of this process."""


def _read_feed(feed: Feed, topics: list[str]) -> Mapping[str, State | None]:
    failures: list[tuple[str, Exception]] = []
    states = _read_in_halves(feed, topics, failures)
    if failures:
        # A mistake in one feed must not keep the toasts and other feeds from being read.
        topic, error = failures[-1]
        text = "feed %r can't be read, topic %r; its pages keep what they have"
        logger.error(text, feed.name, topic, exc_info=error)
    return states


def _read_in_halves(
    feed: Feed, topics: list[str], failures: list[tuple[str, Exception]]
) -> dict[str, State | None]:
    """Read the topics together. If that fails, read each half, down to the topics that fail.

    So a topic that can't be read costs no other topic its state.
    """
    if len(failures) >= FAILURES_MAX:
        return dict.fromkeys(topics)
    try:
        return _states(feed, topics)
    except Exception as error:
        if isinstance(error, CONNECTION_ERRORS) and _database_is_down():
            raise  # nothing can be read now, of any feed
        failures.append((topics[0], error))
    half = len(topics) // 2
    if not half:
        return dict.fromkeys(topics)
    first = _read_in_halves(feed, topics[:half], failures)
    return first | _read_in_halves(feed, topics[half:], failures)


def _states(feed: Feed, topics: list[str]) -> dict[str, State | None]:
    try:
        with fresh_connection():
            found = feed.read(topics)
    except CONNECTION_ERRORS:
        if _database_is_down():
            raise
        with fresh_connection():  # the connection was lost, and a new one can be opened
            found = feed.read(topics)
    return {topic: _encoded(feed, found.get(topic, {})) for topic in topics}


def _database_is_down() -> bool:
    """Return whether the database of the toasts can't be reached.

    The error alone doesn't show it: a statement that takes too long raises the same class, and on
    SQLite so does a missing table.
    """
    try:
        with fresh_connection(), connections[database()].cursor() as cursor:
            cursor.execute("SELECT 1")
    except CONNECTION_ERRORS:
        return True
    return False


def _dotted_path(feed: Feed) -> str:
    return f"{type(feed).__module__}.{type(feed).__qualname__}"


def _encoded(feed: Feed, rows: Mapping[Any, Any]) -> State:
    state = {}
    for row_key, row in rows.items():
        key = row_key if isinstance(row_key, int | str) else str(row_key)
        text = _encoded_row(feed.name, key, row)
        if text:
            state[key] = text
    return state


def _encoded_row(feed: str, key: Any, row: Any) -> str:
    """Return a row's JSON. Empty: it can't be sent, which is logged."""
    try:
        text = events.encode_json(row)
    except (TypeError, ValueError, RecursionError) as error:
        _log_left_out(feed, key, str(error))
        return ""
    if len(text) > ROW_MAX:
        _log_left_out(feed, key, f"it has more than {ROW_MAX} bytes as JSON")
        return ""
    return text


@functools.lru_cache(maxsize=1000)  # logs each row once, however often the reconciler reads it
def _log_left_out(feed: str, key: Any, reason: str) -> None:
    logger.error("feed %r: row %r can't be sent and is left out: %s", feed, key, reason)
