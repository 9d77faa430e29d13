"""Where the states come from: one source, or several, and a topic's beginning names its own."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any, Protocol

from .streams.subscription import State


class Source(Protocol):
    """Where the state comes from and how it is said.

    `read`, `revoked` and `close` run in the hub's thread, the others on its loop.
    """

    def read(self, topics: Sequence[str]) -> Mapping[str, State | None]:
        """The topics' states; none: empty; None: it can't be read now, what was told stands."""

    def revoked(self, grants: Collection[Any]) -> Collection[Any]:
        """Of these grants, those whose right has ended."""

    def close(self) -> None:
        """Give back what the thread holds."""

    def delta(self, topic: str, told: State, state: State) -> bytes:
        """What those need who were told `told`, now that it is `state`; the two differ."""

    def bye(self, reason: str) -> bytes: ...


class Kind(Protocol):
    """The source of the topics of one kind; `read` runs in the hub's thread."""

    def read(self, topics: Sequence[str]) -> Mapping[str, State | None]: ...
    def delta(self, topic: str, told: State, state: State) -> bytes: ...


class Sources:
    """A source of several kinds of topics: what is before the first colon tells which is asked.

    Args:
        main: asked for whatever no other is for; it also judges the rights and says goodbye.
        prefix: how the topics begin that are surely the main one's: they are told at a glance.
        others: by kind; may grow while it is used.
    """

    def __init__(self, main: Source, prefix: str, others: Mapping[str, Kind]) -> None:
        self._main = main
        self._prefix = prefix
        self._others = others

    def _of(self, topic: str) -> Kind:
        return self._others.get(topic.partition(":")[0], self._main)

    def read(self, topics: Sequence[str]) -> Mapping[str, State | None]:
        main = [topic for topic in topics if topic.startswith(self._prefix)]
        if len(main) == len(topics):  # ten thousand at a time are not sorted for nothing
            return self._main.read(topics)
        asked: dict[Kind, list[str]] = {self._main: main} if main else {}
        for topic in topics:
            if not topic.startswith(self._prefix):
                asked.setdefault(self._of(topic), []).append(topic)
        found: dict[str, State | None] = {}
        for kind, names in asked.items():
            found.update(kind.read(names))
        return found

    def revoked(self, grants: Collection[Any]) -> Collection[Any]:
        # A guest has no grant: nothing is there to end.
        return self._main.revoked([grant for grant in grants if grant is not None])

    def close(self) -> None:
        self._main.close()

    def delta(self, topic: str, told: State, state: State) -> bytes:
        main = topic.startswith(self._prefix)
        return (self._main if main else self._of(topic)).delta(topic, told, state)

    def bye(self, reason: str) -> bytes:
        return self._main.bye(reason)
