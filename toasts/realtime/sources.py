"""Where the states of topics come from, and how they are encoded."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any, Protocol

from .streams.subscription import State

MAIN_GROUP = ""
"""The group of most topics."""


class Resources(Protocol):
    """What a thread of the hub holds, such as database connections."""

    def renew(self) -> None:
        """Replace what is too old to be used. The thread calls it before each of its jobs."""

    def close(self) -> None:
        """Give everything back. The thread calls it at its end."""

    def abort(self) -> None:
        """End at once what the thread waits for. The thread itself does not call it: it hangs."""


class TopicSource(Protocol):
    """Reads and encodes the topics of one kind."""

    def read(self, topics: Sequence[str]) -> Mapping[str, State | None]:
        """Read the states of topics, by name. It blocks: it runs in the hub's thread.

        Returns:
            The states. A topic that is missing has an empty one; None: it can't be read now, and
            its subscriptions keep what they have.
        """

    def delta(self, topic: str, last_sent: State, state: State) -> bytes:
        """Encode the difference between two states of a topic that differ."""

    def group_of(self, topic: str) -> str:
        """Return the group of a topic: those that may be slow together; see `MAIN_GROUP`."""

    def has_prefix(self, prefix: str) -> bool:
        """Return whether a hint may wake all topics whose names begin so."""


class Source(TopicSource, Protocol):
    """Reads and encodes all topics of a hub, and checks rights.

    `open`, `read` and `revoked` run in the hub's thread, the others on its event loop.
    """

    def open(self, is_replacement: bool) -> Resources:
        """Prepare the calling thread for its jobs.

        Args:
            is_replacement: whether it takes the place of a thread that did not come back.
        """

    def revoked(self, grants: Collection[Any]) -> Collection[Any]:
        """Return those of these grants that have ended. It blocks."""

    def take_signed(self, text: str) -> Sequence[str]:
        """Take a signed hint. Return the topics or owners whose streams it ends."""

    def bye(self, reason: str) -> bytes:
        """Encode the last event of a stream.

        Args:
            reason: ``auth``, ``restart``, ``rotate`` or ``superseded``.
        """


class SourceRouter:
    """Asks the source that a topic's name chooses: by the part before its first colon.

    Args:
        main: the source of all other topics; it also checks rights and encodes `bye`.
        prefix: how most topics of the main source begin, so that they are recognised faster.
        others: the other sources by name; it may grow while the router is used.
    """

    def __init__(self, main: Source, prefix: str, others: Mapping[str, TopicSource]) -> None:
        self._main = main
        self._prefix = prefix
        self._others = others

    def _source_of(self, topic: str) -> TopicSource:
        return self._others.get(topic.partition(":")[0], self._main)

    def read(self, topics: Sequence[str]) -> Mapping[str, State | None]:
        """Read the states of topics, each from its source."""
        main = [topic for topic in topics if topic.startswith(self._prefix)]
        if len(main) == len(topics):  # the common case, ten thousand at a time
            return self._main.read(topics)
        by_source: dict[TopicSource, list[str]] = {self._main: main} if main else {}
        for topic in topics:
            if not topic.startswith(self._prefix):
                by_source.setdefault(self._source_of(topic), []).append(topic)
        states: dict[str, State | None] = {}
        for source, names in by_source.items():
            states.update(source.read(names))
        return states

    def revoked(self, grants: Collection[Any]) -> Collection[Any]:
        """Ask the main source, except about guests: they have no grant that could end."""
        return self._main.revoked([grant for grant in grants if grant is not None])

    def take_signed(self, text: str) -> Sequence[str]:
        """Pass a signed hint to the main source."""
        return self._main.take_signed(text)

    def open(self, is_replacement: bool) -> Resources:
        """Prepare the calling thread for all sources."""
        return self._main.open(is_replacement)

    def delta(self, topic: str, last_sent: State, state: State) -> bytes:
        """Encode a difference by the topic's source."""
        source = self._main if topic.startswith(self._prefix) else self._source_of(topic)
        return source.delta(topic, last_sent, state)

    def group_of(self, topic: str) -> str:
        """Ask the source of the topic."""
        if topic.startswith(self._prefix):
            return MAIN_GROUP
        return self._source_of(topic).group_of(topic)

    def has_prefix(self, prefix: str) -> bool:
        """Ask the source that the prefix chooses. It must be named whole, with its colon."""
        kind, colon, _ = prefix.partition(":")
        return bool(colon) and self._others.get(kind, self._main).has_prefix(prefix)

    def bye(self, reason: str) -> bytes:
        """Encode the last event of a stream by the main source."""
        return self._main.bye(reason)
