"""How the processes of a site tell each other that something may have changed: the contract.

A hint names a topic and carries no text. It can be forged, duplicated or lost, and nothing bad
follows: a process that receives one reads the topic's state.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Protocol

Wake = Callable[[Iterable[str] | None], None]
"""Called with the hints that were received, or with None: everything may have changed."""

Publish = Callable[[Sequence[str]], Awaitable[None]]
"""Sends hints to all processes."""

HINTS_MAX_BYTES = 7000
"""Below PostgreSQL's limit of 8,000 for a payload (NAMEDATALEN and BLCKSZ, async.c)."""


class BrokerError(Exception):
    """The connection between the processes is broken, and the hub is to listen again."""


class Broker(Protocol):
    """Carries hints between the processes of a site.

    Attributes:
        name: a word for logs and checks.
    """

    name: str

    def publish(self, hints: Sequence[str]) -> None:
        """Send hints to every process that listens. It blocks; call it from any thread.

        Raises:
            Exception: the hints could not be sent.
        """

    async def listen(self, wake: Wake, publish: Publish) -> None:
        """Receive hints until it is cancelled.

        Args:
            wake: called with None once the broker listens, as earlier hints were missed, and then
                with the hints of each message.
            publish: the hub's own way to send hints, for a broker that tests its channel end to
                end.

        Raises:
            Exception: the connection is lost. The hub calls `listen` again after a back-off.
        """


def pack(hints: Iterable[str], limit: int = HINTS_MAX_BYTES) -> list[str]:
    """Return hints as messages, without duplicates.

    A hint that is too long for a message is left out, so that the others still go.

    Args:
        hints: the hints.
        limit: the greatest length of a message, in bytes.

    Returns:
        JSON arrays of ASCII.
    """
    messages: list[str] = []
    parts: list[str] = []
    size = 2
    for part in dict.fromkeys(json.dumps(hint) for hint in hints):
        if len(part) + 2 > limit:
            continue
        if size + len(part) + 1 > limit and parts:
            messages.append(f"[{','.join(parts)}]")
            parts, size = [], 2
        parts.append(part)
        size += len(part) + 1
    return [*messages, f"[{','.join(parts)}]"] if parts else messages


def unpack(message: str) -> list[str]:
    """Return the hints of a message; none of a message of another kind, as anyone may send one."""
    try:
        hints = json.loads(message)
    except (ValueError, RecursionError):  # the latter: thousands of open brackets
        return []
    if not isinstance(hints, list):
        return []
    return [hint for hint in hints if isinstance(hint, str)]
