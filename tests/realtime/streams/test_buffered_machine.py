"""A stream and a client that reads at any time: the state always arrives."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar
from unittest import mock

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from tests.support.memory_source import PING, make_stream, now, replay, snapshot
from toasts.realtime.streams import buffered
from toasts.realtime.streams.buffered import BufferedStream
from toasts.realtime.streams.subscription import State

T = TypeVar("T")


@contextmanager
def small_buffers() -> Iterator[None]:
    with (
        mock.patch.object(buffered, "BUFFER_EVENTS", 4),
        mock.patch.object(buffered, "BUFFER_BYTES", 60),
    ):
        yield


class SlowReader(RuleBasedStateMachine):
    """A hub that writes, and a client that reads at any time and may be cancelled during a read.

    The client must end with exactly the state; if it never fell behind, with exactly the bytes.
    """

    @initialize()
    def open(self) -> None:
        self.small = small_buffers()
        self.small.__enter__()
        self.loop = asyncio.new_event_loop()
        self.rows: dict[int, int] = {}
        self.last_sent: dict[int, int] = {}
        self.asked = False
        self.fell = False
        self.written = self.received = b""
        self.reading: asyncio.Task[bytes] | None = None
        self.stream = self.run(self.make())
        self.run(self.look())

    def run(self, step: Coroutine[Any, Any, T]) -> T:
        return self.loop.run_until_complete(step)

    async def make(self) -> BufferedStream:
        return make_stream("t", self.resync, snapshot=self.snapshot, max_age=1e9, write_timeout=1e9)

    def resync(self, stream: BufferedStream) -> None:
        self.asked = self.fell = True

    def snapshot(self, found: State) -> bytes:
        self.written += snapshot(found)
        return snapshot(found)

    async def look(self) -> None:
        """Do what the hub does with a topic that was woken."""
        gone = [key for key in self.last_sent if key not in self.rows]
        new = [
            f"{key}:{version}"
            for key, version in self.rows.items()
            if self.last_sent.get(key) != version
        ]
        delta = f"- {' '.join(map(str, gone))}\n" if gone else ""
        delta += "".join(f"+ {row}\n" for row in new)
        self.last_sent = dict(self.rows)
        before = self.written
        found = dict(self.rows)
        self.stream.deliver(found, delta.encode())
        if self.written == before:
            self.written += delta.encode()
        await asyncio.sleep(0)

    @rule(key=st.integers(1, 3), version=st.integers(1, 9))
    def change(self, key: int, version: int) -> None:
        self.rows[key] = version
        self.run(self.look())

    @rule(key=st.integers(1, 3))
    def remove(self, key: int) -> None:
        self.rows.pop(key, None)
        self.run(self.look())

    @precondition(lambda self: self.reading is None)
    @rule()
    def start_to_read(self) -> None:
        self.reading = self.loop.create_task(self.stream.pull())
        self.run(asyncio.sleep(0))

    @precondition(lambda self: self.reading is not None)
    @rule(cancelled=st.booleans())
    def take(self, cancelled: bool) -> None:
        assert self.reading is not None
        if cancelled:
            self.reading.cancel()
        self.run(asyncio.sleep(0))
        self.run(asyncio.sleep(0))
        if self.reading.done():
            if not self.reading.cancelled():
                self.received += self.reading.result()
            self.reading = None

    @precondition(lambda self: self.asked)
    @rule()
    def answer_the_resync(self) -> None:
        self.asked = False
        self.run(self.look())

    @rule()
    def idle(self) -> None:
        async def tick() -> None:
            if self.stream._unread_since is None:
                self.written += PING
            self.stream.tick(now() + 1000)

        self.run(tick())

    @invariant()
    def is_bounded(self) -> None:
        assert len(self.stream._buffer) <= 4

    def teardown(self) -> None:
        self.small.__exit__(None, None, None)
        if not hasattr(self, "stream"):
            return
        try:
            self.catch_up()
            assert replay(self.received) == self.rows
            assert self.fell or self.received == self.written
        finally:
            self.loop.close()

    def catch_up(self) -> None:
        while True:
            if self.reading is None:
                self.start_to_read()
            self.take(cancelled=False)
            if self.asked:
                self.answer_the_resync()
            elif self.reading is not None:
                self.take(cancelled=True)
                return


TestSlowReader = SlowReader.TestCase
TestSlowReader.settings = settings(max_examples=150, stateful_step_count=40, deadline=None)
