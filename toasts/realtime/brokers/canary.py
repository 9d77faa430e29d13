"""Listening for as long as the channel proves, end to end, that it still carries.

A ping would prove nothing: it passes a pooler that gives LISTEN to another session, and a middlebox
that acknowledges what it no longer forwards.
"""

from __future__ import annotations

import asyncio
import itertools
import secrets
from collections.abc import AsyncGenerator, Callable, Collection
from contextlib import aclosing

from .base import BrokerError, Publish, Wake, unpack

CANARY = "~"
"""A hint that begins so is a listener's own, sent to see whether the channel still carries."""
WITHIN = 5.0
"""Seconds that a canary has to come back."""
EVERY = 15.0
"""Seconds from one canary to the next."""

Receive = Callable[[float], AsyncGenerator[str, None]]
"""The messages that come within so many seconds; it ends after that."""

Flock = Callable[[str], Collection[str]]
"""The canaries that together pass every part of the way, each beginning with the given text."""


def alone(canary: str) -> Collection[str]:
    """The flock of a way that has one part."""
    return [canary]


async def listen(
    receive: Receive, wake: Wake, publish: Publish, channel: str, flock: Flock = alone
) -> None:
    """Pass on the hints of what is received, for as long as canaries come back.

    Args:
        receive: the messages, from a listener that is already subscribed.
        wake: what to call with the hints of each message.
        publish: the way by which the canaries are sent: that of every other hint.
        channel: its name, for the error.
        flock: which canaries to send at a time.

    Raises:
        BrokerError: a canary did not come back within 5 s.
    """
    node = f"{CANARY}{secrets.token_hex(4)}-"
    for number in itertools.count():
        canaries = flock(f"{node}{number}")
        sending = asyncio.create_task(_send(publish, canaries))
        try:
            if await _missing(receive, wake, WITHIN, canaries):
                raise BrokerError(f"the channel {channel!r} carries nothing to us")
        finally:
            sending.cancel()
        await _missing(receive, wake, EVERY - WITHIN, ())


async def _send(publish: Publish, canaries: Collection[str]) -> None:
    # Whatever hinders them, their absence says so.
    await asyncio.gather(publish(list(canaries)), return_exceptions=True)


async def _missing(
    receive: Receive, wake: Wake, seconds: float, canaries: Collection[str]
) -> set[str]:
    """Pass hints on for some seconds; which of the canaries were not among them."""
    missing = set(canaries)
    async with aclosing(receive(seconds)) as messages:
        async for message in messages:
            hints = unpack(message)
            if CANARY in message:  # few have one
                missing.difference_update(hints)
                hints = [hint for hint in hints if not hint.startswith(CANARY)]
            wake(hints)
    return missing
