"""Listens to a channel, and tests it with messages to itself.

A ping would prove nothing: it passes a connection pooler that gives LISTEN to another session, and
a middlebox that acknowledges what it no longer forwards.
"""

from __future__ import annotations

import asyncio
import itertools
import secrets
from collections.abc import AsyncGenerator, Callable, Collection
from contextlib import aclosing

from .base import BrokerError, Publish, Wake, unpack

CANARY = "~"
"""The prefix of a hint that a listener sends to itself to test the channel."""
TIMEOUT = 5.0
"""Seconds that a canary has to come back."""
INTERVAL = 15.0
"""Seconds from one canary to the next."""

MessageSource = Callable[[float], AsyncGenerator[str, None]]
"""Yields the messages that arrive within the given seconds, then ends."""

Probes = Callable[[str], Collection[str]]
"""Returns canaries that together pass every part of the channel. Each begins with the text."""


def single_probe(canary: str) -> Collection[str]:
    """Return the probes of a channel that has one part."""
    return [canary]


async def listen(
    receive: MessageSource,
    wake: Wake,
    publish: Publish,
    channel: str,
    probes: Probes = single_probe,
) -> None:
    """Pass on the hints of all messages, for as long as the canaries come back.

    Args:
        receive: yields the messages of a connection that is already subscribed.
        wake: called with the hints of each message.
        publish: sends the canaries, in the same way as all other hints.
        channel: the channel's name, for the error.
        probes: returns the canaries to send each time.

    Raises:
        BrokerError: a canary did not come back within 5 s.
    """
    node = f"{CANARY}{secrets.token_hex(4)}-"
    for number in itertools.count():
        canaries = probes(f"{node}{number}")
        sending = asyncio.create_task(_send(publish, canaries))
        try:
            if await _missing(receive, wake, TIMEOUT, canaries):
                raise BrokerError(f"no hint arrives any more on the channel {channel!r}")
        finally:
            sending.cancel()
        await _missing(receive, wake, INTERVAL - TIMEOUT, ())


async def _send(publish: Publish, canaries: Collection[str]) -> None:
    # If it fails, the canaries do not come back, and that is the error.
    await asyncio.gather(publish(list(canaries)), return_exceptions=True)


async def _missing(
    receive: MessageSource, wake: Wake, seconds: float, canaries: Collection[str]
) -> set[str]:
    """Pass on hints for some seconds, and return the canaries that did not come back."""
    missing = set(canaries)
    async with aclosing(receive(seconds)) as messages:
        async for message in messages:
            hints = unpack(message)
            if CANARY in message:  # few have one
                missing.difference_update(hints)
                hints = [hint for hint in hints if not hint.startswith(CANARY)]
            wake(hints)
    return missing
