"""Who listens to what in this process, and what they were told.

Its methods are plain functions without an await inside: nothing can come between their steps, so
they need no lock.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from .streams.subscription import State, Subscription

Group = tuple[Subscription, ...] | dict[Subscription, None]
"""Listeners, the oldest first: a tuple while they are few, which is the case ten thousand times."""
FEW = 8


@dataclass(slots=True, eq=False)
class Topic:
    name: str
    listeners: Group = ()
    told: State | None = None
    """What its streams were told; None: nothing yet."""


class Registry:
    """Topics with their listeners; a topic goes with its last one."""

    def __init__(self) -> None:
        self.topics: dict[str, Topic] = {}
        self._held: dict[str, dict[Subscription, None]] = {}
        self._holders: dict[Subscription, str] = {}

    def __iter__(self) -> Iterator[Subscription]:
        return (listener for topic in self.topics.values() for listener in topic.listeners)

    def __contains__(self, name: str) -> bool:
        return name in self.topics or name in self._held

    def add(self, listener: Subscription, holder: str) -> None:
        """Add a listener.

        Args:
            holder: whose it is; empty: the topic is its listeners' own.
        """
        topic = self.topics.get(listener.topic)
        if topic is None:
            topic = self.topics[listener.topic] = Topic(listener.topic)
        topic.listeners = _with(topic.listeners, listener)
        if holder:
            self._holders[listener] = holder
            self._held.setdefault(holder, {})[listener] = None

    def crowd(self, listener: Subscription) -> Group:
        """Those with whom this listener is counted: its holder's, or its topic's."""
        holder = self._holders.get(listener)
        return self.topics[listener.topic].listeners if holder is None else self._held[holder]

    def remove(self, listener: Subscription) -> None:
        """Idempotent."""
        topic = self.topics.get(listener.topic)
        if topic is None or listener not in topic.listeners:
            return
        topic.listeners = _without(topic.listeners, listener)
        if not topic.listeners:
            del self.topics[listener.topic]
        holder = self._holders.pop(listener, None)
        if holder is not None:
            del self._held[holder][listener]
            if not self._held[holder]:
                del self._held[holder]

    def named(self, name: str) -> list[Subscription]:
        """The listeners of a topic or of a holder: those whose right is doubted by this name."""
        topic = self.topics.get(name)
        return [*(topic.listeners if topic is not None else ()), *self._held.get(name, ())]


def _with(crowd: Group, listener: Subscription) -> Group:
    if isinstance(crowd, tuple):
        more = (*crowd, listener)
        return more if len(more) <= FEW else dict.fromkeys(more)
    crowd[listener] = None
    return crowd


def _without(crowd: Group, listener: Subscription) -> Group:
    if isinstance(crowd, tuple):
        return tuple(other for other in crowd if other is not listener)
    del crowd[listener]
    return crowd
