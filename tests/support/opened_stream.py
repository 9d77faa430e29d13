"""A direct stream with its client, for the tests."""

from __future__ import annotations

import asyncio
import json
from typing import Any

from toasts.realtime.streams.direct import DirectStream


class Book:
    """What a hub would be: the state, and who wants it again."""

    heartbeat, patience = 15.0, 30.0
    ping = b"ping;"
    rotation = b"rotate;"

    class Ticker:
        def __init__(self) -> None:
            self.now = asyncio.get_running_loop().time()

    def __init__(self) -> None:
        self.state: dict[str, str] = {}
        self.now = asyncio.get_running_loop().time
        self.turns = self.Ticker()
        self.resyncs: list[str] = []

    def snapshot(self, topic: str, state: Any, known: str | None) -> bytes:
        return b"all" + json.dumps({"state": state, "known": known}).encode() + b";"

    def resync(self, topic: str) -> None:
        self.resyncs.append(topic)


class Client:
    """The other end of `send`: takes bytes at once, or once it is let go."""

    def __init__(self) -> None:
        self.taken: list[bytes] = []
        self.more: list[bool] = []
        self.gate: asyncio.Event | None = None
        self.fault: BaseException | None = None

    async def send(self, message: Any) -> None:
        if self.gate is not None:
            await self.gate.wait()
        if self.fault is not None:
            raise self.fault
        self.taken.append(message["body"])
        self.more.append(message["more_body"])

    def block(self) -> None:
        self.gate = asyncio.Event()

    def unblock(self) -> None:
        assert self.gate is not None
        self.gate.set()
        self.gate = None


class Opened:
    def __init__(self, known: str | None = None, send: Any = None, lifetime: float = 600) -> None:
        self.book, self.client = Book(), Client()
        self.over = 0
        self.now = asyncio.get_running_loop().time()
        self.stream = DirectStream(
            "topic", None, send or self.client.send, self.book, self.now,
            self.now + lifetime, known, self._count,
        )  # fmt: skip
        self.stream._host = None  # the hub's, not this test, is the task that ends it

    def _count(self) -> None:
        self.over += 1

    def news(self, delta: bytes) -> None:
        self.stream.deliver(self.book.state, delta)

    @property
    def taken(self) -> bytes:
        return b"".join(self.client.taken)


SNAPSHOT = b'all{"state": {}, "known": null};'


async def settle() -> None:
    for _ in range(5):
        await asyncio.sleep(0)
