"""Which streams of this process subscribe to which topics, and which state they were sent last.

Its methods are plain functions without an await inside: nothing can come between their steps, so
they need no lock.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from .streams.subscription import State, Subscription

Group = tuple[Subscription, ...] | dict[Subscription, None]
"""Subscriptions, the oldest first. A small group is a tuple, which takes less memory."""
TUPLE_MAX = 8
"""Subscriptions in a group that is a tuple."""


@dataclass(slots=True, eq=False)
class Topic:
    """A topic with at least one subscription.

    Args:
        name: its name.
        subscriptions: the oldest first.
        last_sent: the state that its subscriptions were sent last; None: none yet.
    """

    name: str
    subscriptions: Group = ()
    last_sent: State | None = None


class Registry:
    """Topics with their subscriptions. A topic is removed with its last subscription."""

    def __init__(self) -> None:
        self.topics: dict[str, Topic] = {}
        """By name."""
        self._groups: dict[str, dict[Subscription, None]] = {}
        self._owners: dict[Subscription, str] = {}
        self._others: dict[Subscription, str] = {}
        """Of the few that depend on another user, too, the name of that user."""
        self._dependent: dict[str, dict[Subscription, None]] = {}
        """The same, by that name."""

    def __iter__(self) -> Iterator[Subscription]:
        return (each for topic in self.topics.values() for each in topic.subscriptions)

    def __contains__(self, name: str) -> bool:
        return name in self.topics or name in self._groups or name in self._dependent

    def add(self, subscription: Subscription, owner: str, also: str = "") -> None:
        """Add a subscription.

        Args:
            subscription: the subscription.
            owner: the user to count it for; empty: the topic belongs to one user.
            also: another name to find it by.
        """
        topic = self.topics.get(subscription.topic)
        if topic is None:
            topic = self.topics[subscription.topic] = Topic(subscription.topic)
        topic.subscriptions = _with(topic.subscriptions, subscription)
        if owner:
            self._owners[subscription] = owner
            self._groups.setdefault(owner, {})[subscription] = None
        if also:
            self._others[subscription] = also
            self._dependent.setdefault(also, {})[subscription] = None

    def group(self, subscription: Subscription) -> Group:
        """Return the subscriptions that share its limit: its owner's, or its topic's."""
        owner = self._owners.get(subscription)
        if owner is not None:
            return self._groups[owner]
        return self.topics[subscription.topic].subscriptions

    def owner_or_topic(self, subscription: Subscription) -> str:
        """Return the name under which the subscriptions of the same user are found."""
        return self._owners.get(subscription, subscription.topic)

    def remove(self, subscription: Subscription) -> None:
        """Remove a subscription. Idempotent."""
        topic = self.topics.get(subscription.topic)
        if topic is None or subscription not in topic.subscriptions:
            return
        topic.subscriptions = _without(topic.subscriptions, subscription)
        if not topic.subscriptions:
            del self.topics[subscription.topic]
        _discard(self._groups, self._owners.pop(subscription, None), subscription)
        _discard(self._dependent, self._others.pop(subscription, None), subscription)

    def find(self, name: str) -> list[Subscription]:
        """Return the subscriptions of the topic, the owner or the other user of this name."""
        topic = self.topics.get(name)
        return [
            *(topic.subscriptions if topic is not None else ()),
            *self._groups.get(name, ()),
            *self._dependent.get(name, ()),
        ]


def _discard(
    groups: dict[str, dict[Subscription, None]], name: str | None, subscription: Subscription
) -> None:
    if name is not None:
        del groups[name][subscription]
        if not groups[name]:
            del groups[name]


def _with(group: Group, subscription: Subscription) -> Group:
    if isinstance(group, tuple):
        larger = (*group, subscription)
        return larger if len(larger) <= TUPLE_MAX else dict.fromkeys(larger)
    group[subscription] = None
    return group


def _without(group: Group, subscription: Subscription) -> Group:
    if isinstance(group, tuple):
        return tuple(other for other in group if other is not subscription)
    del group[subscription]
    return group
