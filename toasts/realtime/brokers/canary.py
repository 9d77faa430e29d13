"""Listens to a channel, and tests it with messages to itself.

A ping would prove nothing: it passes a connection pooler that gives LISTEN to another session, and
a middlebox that acknowledges what it no longer forwards.
"""

from __future__ import annotations

import asyncio
import itertools
import random
import secrets
from collections.abc import AsyncGenerator, Awaitable, Callable, Collection
from contextlib import aclosing

from .base import BrokerError, Publish, Wake, unpack

CANARY = "~"
"""The prefix of a hint that a listener sends to itself to test the channel."""
TIMEOUT = 5.0
"""Seconds that a canary has to come back."""
INTERVAL = 15.0
"""Seconds from one canary to the next."""
AGE = (300.0, 600.0)
"""Seconds, least and most, after which a connection that listens is replaced."""

MessageSource = Callable[[float], AsyncGenerator[str, None]]
"""Yields the messages that arrive within the given seconds, then ends."""

Check = Callable[[], Awaitable[None]]
"""Raises if a connection is of no use any more."""

Probes = Callable[[str], Collection[str]]
"""Returns canaries that together pass every part of the channel. Each begins with the text."""


def single_probe(canary: str) -> Collection[str]:
    """Return the probes of a channel that has one part."""
    return [canary]


async def always(*_: object) -> None:
    """Check nothing: for a channel whose end can't be on the wrong server."""


async def listen(
    receive: MessageSource,
    wake: Wake,
    publish: Publish,
    channel: str,
    probes: Probes = single_probe,
    check: Check = always,
) -> None:
    """Pass on the hints of all messages, for as long as the canaries come back.

    Nothing counts before the first canary came back. Then `wake` is called with None: whatever was
    announced before must be read.

    Args:
        receive: yields the messages of a connection that is already subscribed.
        wake: called with the hints of each message.
        publish: sends the canaries, in the same way as all other hints.
        channel: the channel's name, for the error.
        probes: returns the canaries to send each time.
        check: called before each canary. It raises if the connection is of no use any more.

    Returns:
        After 5 to 10 minutes. The caller then connects again, as nobody else ends a connection to
        a server that is no longer the right one.

    Raises:
        BrokerError: a canary did not come back within 5 s.
    """
    clock = asyncio.get_running_loop().time
    node, end = f"{CANARY}{secrets.token_hex(4)}-", clock() + random.uniform(*AGE)
    passing = _Passing(receive, wake)
    for number in itertools.count():
        await check()
        canaries = probes(f"{node}{number}")
        sending = asyncio.create_task(_send(publish, canaries))
        try:
            if await passing.missing(TIMEOUT, canaries):
                raise BrokerError(f"no hint arrives any more on the channel {channel!r}")
        finally:
            sending.cancel()
        await passing.missing(INTERVAL - TIMEOUT, ())
        if clock() >= end:
            return


async def _send(publish: Publish, canaries: Collection[str]) -> None:
    # If it fails, the canaries do not come back, and that is the error.
    await asyncio.gather(publish(list(canaries)), return_exceptions=True)


class _Passing:
    """Passes on hints, once canaries came back for the first time."""

    def __init__(self, receive: MessageSource, wake: Wake) -> None:
        self._receive = receive
        self._wake = wake
        self._is_proven = False

    async def missing(self, seconds: float, canaries: Collection[str]) -> set[str]:
        """Pass on hints for some seconds, and return the canaries that did not come back."""
        missing = set(canaries)
        async with aclosing(self._receive(seconds)) as messages:
            async for message in messages:
                hints = unpack(message)
                if CANARY in message:  # few have one
                    missing.difference_update(hints)
                    hints = [hint for hint in hints if not hint.startswith(CANARY)]
                    self._prove(not missing)
                if self._is_proven:
                    self._wake(hints)
        return missing

    def _prove(self, all_came_back: bool) -> None:
        if all_came_back and not self._is_proven:
            self._is_proven = True
            self._wake(None)
