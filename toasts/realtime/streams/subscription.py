"""The contract between the hub and the streams and polls that subscribe to its topics."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

State = Mapping[Any, Any]
"""All active items of a topic: content by key, oldest first. Equal content is not sent again."""


def difference(last_sent: State, state: State) -> tuple[list[Any], list[tuple[Any, Any]]]:
    """Compare a state with the one that was sent before it.

    Returns:
        The keys that are gone, and the items that are new or have other content.
    """
    gone = [key for key in last_sent if key not in state]
    return gone, [(key, content) for key, content in state.items() if last_sent.get(key) != content]


class Subscription(Protocol):
    """What the hub asks of a subscription. No method awaits or blocks.

    Attributes:
        topic: the name of the topic.
        grant: what permits it; None: a guest's, which nothing ends.
        opened: the loop's time at which it was opened, in seconds.
        ended: whether it takes nothing more. The hub forgets it then.
    """

    topic: str
    grant: Any
    opened: float
    ended: bool

    def deliver(self, state: State, delta: bytes) -> None:
        """Take a state of the topic.

        Args:
            state: the whole state, for a subscription that has none yet.
            delta: the encoded difference from the state before it; empty if nothing changed.
        """

    def tick(self, now: float) -> None:
        """Check timeouts. The hub calls it every few seconds.

        Args:
            now: the loop's time, in seconds.
        """

    def end(self, last_bytes: bytes) -> None:
        """Send the last bytes and take nothing more. Idempotent."""
