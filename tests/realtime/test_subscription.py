from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar
from unittest import mock

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from tests.conftest import until
from tests.realtime.memory import PING, ROTATION, make_stream, replay, snapshot
from toasts.realtime import subscription
from toasts.realtime.subscription import Poll, State, Stream

T = TypeVar("T")


def state(*versions: int) -> State:
    return dict(enumerate(versions, 1))


def now() -> float:
    return asyncio.get_running_loop().time()


async def drain(stream: Stream) -> bytes:
    """All that waits now."""
    found = b""
    while stream._buffer:
        found += await stream.pull()
    return found


def overflow(stream: Stream) -> None:
    for _ in range(subscription.BUFFER_EVENTS + 1):
        stream.deliver({}, b"x")


async def test_a_stream_gets_the_state_first_and_then_what_changes() -> None:
    stream = make_stream("t")
    stream.deliver(state(1), b"+ not for me\n")
    assert await stream.pull() == b"= 1:1\n"
    stream.deliver(state(1, 1), b"+ 2:1\n")
    stream.deliver(state(1, 2), b"+ 2:2\n")
    assert await stream.pull() == b"+ 2:1\n+ 2:2\n"


async def test_an_empty_state_is_a_snapshot_too_and_no_change_is_no_bytes() -> None:
    stream = make_stream("t")
    stream.deliver({}, b"")
    stream.deliver({}, b"")
    assert await stream.pull() == b"= \n"
    assert not stream._buffer


async def test_a_waiting_reader_gets_what_comes() -> None:
    stream = make_stream("t")
    reading = asyncio.create_task(stream.pull())
    await until(lambda: stream._reader)
    stream.deliver(state(1), b"")
    stream.deliver(state(1, 1), b"+ 2:1\n")
    assert await asyncio.wait_for(reading, 1) == b"= 1:1\n+ 2:1\n"


async def test_cancelling_a_reader_loses_nothing() -> None:
    stream = make_stream("t")
    reading = asyncio.create_task(stream.pull())
    await until(lambda: stream._reader)
    # In one moment: bytes come, and the reader that they wake is cancelled.
    stream.deliver(state(1), b"")
    reading.cancel()
    with pytest.raises(asyncio.CancelledError):
        await reading
    assert await stream.pull() == b"= 1:1\n"


@pytest.mark.parametrize("events", [1, subscription.BUFFER_EVENTS - 1])
async def test_as_much_as_the_buffer_holds_arrives_whole(events: int) -> None:
    asked: list[Stream] = []
    stream = make_stream("t", asked.append)
    stream.deliver({}, b"")
    for number in range(events):
        stream.deliver({}, b"+ %d:1\n" % number)
    expected = b"= \n" + b"".join(b"+ %d:1\n" % number for number in range(events))
    assert await stream.pull() == expected
    assert asked == []


@pytest.mark.parametrize(
    "deltas",
    [
        pytest.param([b"x"] * subscription.BUFFER_EVENTS, id="too many events"),
        pytest.param([b"x" * (subscription.BUFFER_BYTES // 2)] * 2, id="too many bytes"),
        pytest.param([b"x" * (subscription.BUFFER_BYTES + 1)], id="one event too large"),
    ],
)
async def test_a_client_that_fell_behind_gets_the_whole_state_anew(deltas: list[bytes]) -> None:
    asked: list[Stream] = []
    stream = make_stream("t", asked.append)
    stream.deliver({}, b"")
    for delta in deltas:
        stream.deliver({}, delta)
    assert not stream._buffer, "what waited is dropped at once"
    assert asked == [], "nothing is read for a client that doesn't read"
    reading = asyncio.create_task(stream.pull())
    await until(lambda: asked)
    assert asked == [stream]
    stream.deliver(state(5), b"+ 1:5\n")
    assert await asyncio.wait_for(reading, 1) == b"= 1:5\n"


async def test_a_fallen_stream_keeps_nothing_until_it_is_read() -> None:
    stream = make_stream("t")
    stream.deliver({}, b"")
    overflow(stream)
    for _ in range(1000):
        stream.deliver(state(1), b"y" * 1000)
    assert stream._size == 0


async def test_what_was_read_no_longer_counts() -> None:
    asked: list[Stream] = []
    stream = make_stream("t", asked.append)
    stream.deliver({}, b"")
    assert await stream.pull() == b"= \n"
    half = b"x" * (subscription.BUFFER_BYTES // 2 + 1)
    for _ in range(4):
        stream.deliver({}, half)
        assert await stream.pull() == half
    assert asked == []


async def test_who_reads_again_is_not_cut_while_the_state_is_looked_up() -> None:
    cuts: list[str] = []
    asked: list[Stream] = []
    stream = make_stream("t", asked.append, cut=lambda: cuts.append("cut"), patience=30)
    stream.deliver({}, b"")
    overflow(stream)
    reading = asyncio.create_task(stream.pull())
    await until(lambda: asked)
    stream.tick(now() + 31)
    assert cuts == []
    assert await asyncio.wait_for(reading, 1) == PING


async def test_a_state_larger_than_the_buffer_is_still_sent() -> None:
    stream = make_stream("t", snapshot=lambda state: b"s" * (2 * subscription.BUFFER_BYTES))
    stream.deliver({}, b"")
    assert len(await stream.pull()) == 2 * subscription.BUFFER_BYTES


async def test_an_idle_stream_is_pinged_and_a_busy_one_is_not() -> None:
    stream = make_stream("t", heartbeat=15)
    stream.deliver({}, b"")
    await drain(stream)
    born = stream._last_write
    stream.tick(born + 14.9)
    assert await drain(stream) == b""
    stream.tick(born + 15.001)
    assert await drain(stream) == PING


async def test_a_stream_that_waits_for_its_state_is_not_pinged_as_if_it_were_old() -> None:
    stream = make_stream("t", heartbeat=10)
    stream.tick(stream.opened + 1)
    stream.deliver({}, b"")
    assert await stream.pull() == b"= \n"


async def test_a_client_that_does_not_read_is_not_pinged() -> None:
    stream = make_stream("t", heartbeat=15)
    stream.deliver({}, b"")
    stream.tick(now() + 20)
    assert await drain(stream) == b"= \n"


async def test_a_stream_of_old_age_is_told_to_reconnect_and_ends() -> None:
    stream = make_stream("t", lifetime=300)
    stream.deliver({}, b"")
    await drain(stream)
    stream.tick(stream.opened + 300)
    assert await drain(stream) == PING
    assert not stream.ended
    stream.tick(stream.opened + 300.1)
    assert stream.ended
    assert await stream.pull() == ROTATION
    assert await stream.pull() == b""


async def test_a_client_that_never_reads_is_cut_after_the_patience() -> None:
    cuts: list[str] = []
    stream = make_stream("t", cut=lambda: cuts.append("cut"), patience=30)
    stream.deliver({}, b"")
    stream.tick(now() + 29)
    assert cuts == []
    stream.tick(now() + 31)
    assert cuts == ["cut"]


async def test_an_overflow_does_not_renew_the_patience() -> None:
    cuts: list[str] = []
    stream = make_stream("t", cut=lambda: cuts.append("cut"), patience=30)
    stream.deliver({}, b"")
    overflow(stream)
    stream.tick(now() + 31)
    assert cuts == ["cut"]


async def test_a_client_that_reads_is_not_cut() -> None:
    cuts: list[str] = []
    stream = make_stream("t", cut=lambda: cuts.append("cut"), patience=30, lifetime=1e9)
    stream.deliver({}, b"")
    await drain(stream)
    stream.tick(now() + 31)  # pings
    await drain(stream)
    stream.tick(now() + 62)
    assert cuts == []


async def test_a_client_that_never_reads_its_farewell_is_cut_too() -> None:
    cuts: list[str] = []
    stream = make_stream("t", cut=lambda: cuts.append("cut"), patience=0.01)
    stream.end(b"bye auth\n")
    await until(lambda: cuts)


async def test_a_client_that_stops_in_the_middle_of_its_farewell_is_cut_too() -> None:
    cuts: list[str] = []
    stream = make_stream("t", cut=lambda: cuts.append("cut"), patience=0.01)
    stream.end(b"bye auth\n")
    assert await stream.pull() == b"bye auth\n"
    await until(lambda: cuts)


async def test_who_has_read_its_farewell_is_not_cut() -> None:
    cuts: list[str] = []
    late = asyncio.Event()
    stream = make_stream("t", cut=lambda: cuts.append("cut"), patience=0.01)
    stream.end(b"bye auth\n")
    assert [await stream.pull(), await stream.pull()] == [b"bye auth\n", b""]
    asyncio.get_running_loop().call_later(0.02, late.set)
    await late.wait()
    assert cuts == []


async def test_the_end_comes_once_and_after_all_that_waits() -> None:
    stream = make_stream("t")
    stream.deliver(state(1), b"")
    stream.end(b"bye auth\n")
    stream.end(b"bye restart\n")
    stream.deliver(state(1, 1), b"+ 2:1\n")
    stream.tick(now() + 1000)
    assert await stream.pull() == b"= 1:1\nbye auth\n"
    assert await stream.pull() == b""
    assert await stream.pull() == b""


async def test_a_waiting_reader_hears_of_the_end() -> None:
    stream = make_stream("t")
    reading = asyncio.create_task(stream.pull())
    await until(lambda: stream._reader)
    stream.end(b"bye auth\n")
    assert await asyncio.wait_for(reading, 1) == b"bye auth\n"


async def test_a_fallen_stream_that_ends_says_so_and_asks_for_nothing_more() -> None:
    asked: list[Stream] = []
    stream = make_stream("t", asked.append)
    stream.deliver({}, b"")
    overflow(stream)
    stream.end(b"bye auth\n")
    assert [await stream.pull(), await stream.pull()] == [b"bye auth\n", b""]
    assert asked == []


def make_poll(known: State) -> Poll:
    answer: asyncio.Future[State | None] = asyncio.get_running_loop().create_future()
    return Poll("t", "right", now(), lambda found: found != known, answer)


async def test_a_poll_waits_for_news_and_answers_once() -> None:
    poll = make_poll(state(1))
    poll.deliver(state(1), b"")
    poll.tick(now() + 1000)
    assert not poll.answer.done()
    poll.deliver(state(2), b"")
    poll.deliver(state(3), b"")
    poll.end(b"bye auth\n")
    assert await poll.answer == state(2)


async def test_a_poll_whose_right_ended_answers_nothing() -> None:
    poll = make_poll(state(1))
    poll.end(b"bye auth\n")
    poll.end(b"bye auth\n")
    poll.deliver(state(2), b"")
    assert poll.ended
    assert await poll.answer is None


async def test_a_poll_that_was_given_up_takes_whatever_still_comes() -> None:
    poll = make_poll(state(1))
    poll.answer.cancel()
    poll.deliver(state(2), b"")
    poll.end(b"bye auth\n")


@contextmanager
def small_buffers() -> Iterator[None]:
    with (
        mock.patch.object(subscription, "BUFFER_EVENTS", 4),
        mock.patch.object(subscription, "BUFFER_BYTES", 60),
    ):
        yield


class SlowReader(RuleBasedStateMachine):
    """A hub that writes and a client that reads when it likes, if at all, and gives up half-way.

    The client must end with exactly the state; if it never fell behind, with exactly the bytes.
    """

    @initialize()
    def open(self) -> None:
        self.small = small_buffers()
        self.small.__enter__()
        self.loop = asyncio.new_event_loop()
        self.rows: dict[int, int] = {}
        self.told: dict[int, int] = {}
        self.asked = False
        self.fell = False
        self.written = self.received = b""
        self.reading: asyncio.Task[bytes] | None = None
        self.stream = self.run(self.make())
        self.run(self.look())

    def run(self, step: Coroutine[Any, Any, T]) -> T:
        return self.loop.run_until_complete(step)

    async def make(self) -> Stream:
        return make_stream("t", self.resync, snapshot=self.snapshot, lifetime=1e9, patience=1e9)

    def resync(self, stream: Stream) -> None:
        self.asked = self.fell = True

    def snapshot(self, found: State) -> bytes:
        self.written += snapshot(found)
        return snapshot(found)

    async def look(self) -> None:
        """What the hub does with a topic that woke."""
        gone = [key for key in self.told if key not in self.rows]
        new = [
            f"{key}:{version}"
            for key, version in self.rows.items()
            if self.told.get(key) != version
        ]
        delta = f"- {' '.join(map(str, gone))}\n" if gone else ""
        delta += "".join(f"+ {row}\n" for row in new)
        self.told = dict(self.rows)
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
            if self.stream._waiting_since is None:
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
