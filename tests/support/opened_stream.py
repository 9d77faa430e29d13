"""A direct stream and its client."""

from __future__ import annotations

import asyncio
import json
from typing import Any

from toasts.realtime.streams.direct import DirectStream


class Clock:
    def __init__(self) -> None:
        self.now = asyncio.get_running_loop().time()


class Context:
    """Takes the place of a hub: has the state, and records the requests for a resync."""

    heartbeat, write_timeout = 15.0, 30.0
    ping = b"ping;"
    rotate_event = b"rotate;"

    def __init__(self, internals: bool = True) -> None:
        self.state: dict[str, str] = {}
        self.internals = internals
        self.now = asyncio.get_running_loop().time
        self.ticker = Clock()
        self.resyncs: list[str] = []

    def snapshot(self, topic: str, state: Any, last_event_id: str | None) -> bytes:
        content = {"state": state, "last_event_id": last_event_id}
        return b"all" + json.dumps(content).encode() + b";"

    def resync(self, topic: str) -> None:
        self.resyncs.append(topic)


class Client:
    """The receiver of `send`. It takes bytes at once, or when it is unblocked."""

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
    """A stream that is open, its context and its client.

    Args:
        last_event_id: the id of the state that the client shows already.
        send: a server's `send`, instead of the client's.
        max_age: in seconds.
        internals: whether the stream may use the internals of servers.
    """

    def __init__(
        self,
        last_event_id: str | None = None,
        send: Any = None,
        max_age: float = 600,
        internals: bool = True,
    ) -> None:
        self.context, self.client = Context(internals), Client()
        self.ends = 0
        """How often the stream has called `on_end`."""
        self.stream = DirectStream(
            "topic",
            None,
            send or self.client.send,
            self.context,
            max_age=max_age,
            on_end=self._count,
            last_event_id=last_event_id,
        )
        self.now = self.stream.opened
        self.stream._application_task = None  # the task that ends it is the hub, not this test

    def _count(self) -> None:
        self.ends += 1

    def deliver(self, delta: bytes) -> None:
        self.stream.deliver(self.context.state, delta)

    @property
    def taken(self) -> bytes:
        return b"".join(self.client.taken)

    @staticmethod
    async def settle() -> None:
        """Let the tasks that are ready run."""
        await settle()


SNAPSHOT = b'all{"state": {}, "last_event_id": null};'


async def settle() -> None:
    for _ in range(5):
        await asyncio.sleep(0)
