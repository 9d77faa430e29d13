"""A stream from which a reader pulls bytes."""

from __future__ import annotations

import asyncio

import pytest

from tests.conftest import until
from tests.support.memory_source import PING, ROTATION, make_stream, now, state
from toasts.realtime.streams import buffered
from toasts.realtime.streams.buffered import BufferedStream


async def drain(stream: BufferedStream) -> bytes:
    """Return everything that waits now."""
    found = b""
    while stream._buffer:
        found += await stream.pull()
    return found


def overflow(stream: BufferedStream) -> None:
    for _ in range(buffered.BUFFER_EVENTS + 1):
        stream.deliver({}, b"x")


async def test_a_stream_gets_the_state_first_and_then_the_changes() -> None:
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


async def test_a_waiting_reader_gets_new_bytes() -> None:
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
    # In the same iteration of the loop, bytes arrive and the reader that they wake is cancelled.
    stream.deliver(state(1), b"")
    reading.cancel()
    with pytest.raises(asyncio.CancelledError):
        await reading
    assert await stream.pull() == b"= 1:1\n"


@pytest.mark.parametrize("events", [1, buffered.BUFFER_EVENTS - 1])
async def test_as_much_as_the_buffer_holds_arrives_unchanged(events: int) -> None:
    asked: list[BufferedStream] = []
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
        pytest.param([b"x"] * buffered.BUFFER_EVENTS, id="too many events"),
        pytest.param([b"x" * (buffered.BUFFER_BYTES // 2)] * 2, id="too many bytes"),
        pytest.param([b"x" * (buffered.BUFFER_BYTES + 1)], id="one event too large"),
    ],
)
async def test_a_client_that_fell_behind_gets_the_whole_state_again(deltas: list[bytes]) -> None:
    asked: list[BufferedStream] = []
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


async def test_an_overflowed_stream_keeps_nothing_until_it_is_read() -> None:
    stream = make_stream("t")
    stream.deliver({}, b"")
    overflow(stream)
    for _ in range(1000):
        stream.deliver(state(1), b"y" * 1000)
    assert stream._size == 0


async def test_bytes_that_were_read_no_longer_count() -> None:
    asked: list[BufferedStream] = []
    stream = make_stream("t", asked.append)
    stream.deliver({}, b"")
    assert await stream.pull() == b"= \n"
    half = b"x" * (buffered.BUFFER_BYTES // 2 + 1)
    for _ in range(4):
        stream.deliver({}, half)
        assert await stream.pull() == half
    assert asked == []


async def test_a_client_that_reads_again_is_not_aborted_while_the_state_is_read() -> None:
    cuts: list[str] = []
    asked: list[BufferedStream] = []
    stream = make_stream("t", asked.append, abort=lambda: cuts.append("cut"), write_timeout=30)
    stream.deliver({}, b"")
    overflow(stream)
    reading = asyncio.create_task(stream.pull())
    await until(lambda: asked)
    stream.tick(now() + 31)
    assert cuts == []
    assert await asyncio.wait_for(reading, 1) == PING


async def test_a_state_larger_than_the_buffer_is_still_sent() -> None:
    stream = make_stream("t", snapshot=lambda state: b"s" * (2 * buffered.BUFFER_BYTES))
    stream.deliver({}, b"")
    assert len(await stream.pull()) == 2 * buffered.BUFFER_BYTES


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


async def test_a_stream_at_its_max_age_sends_rotate_and_ends() -> None:
    stream = make_stream("t", max_age=300)
    stream.deliver({}, b"")
    await drain(stream)
    stream.tick(stream.opened + 300)
    assert await drain(stream) == PING
    assert not stream.ended
    stream.tick(stream.opened + 300.1)
    assert stream.ended
    assert await stream.pull() == ROTATION
    assert await stream.pull() == b""


async def test_a_client_that_never_reads_is_aborted_after_the_write_timeout() -> None:
    cuts: list[str] = []
    stream = make_stream("t", abort=lambda: cuts.append("cut"), write_timeout=30)
    stream.deliver({}, b"")
    stream.tick(now() + 29)
    assert cuts == []
    stream.tick(now() + 31)
    assert cuts == ["cut"]


async def test_an_overflow_does_not_restart_the_write_timeout() -> None:
    cuts: list[str] = []
    stream = make_stream("t", abort=lambda: cuts.append("cut"), write_timeout=30)
    stream.deliver({}, b"")
    overflow(stream)
    stream.tick(now() + 31)
    assert cuts == ["cut"]


async def test_a_client_that_reads_is_not_aborted() -> None:
    cuts: list[str] = []
    stream = make_stream("t", abort=lambda: cuts.append("cut"), write_timeout=30, max_age=1e9)
    stream.deliver({}, b"")
    await drain(stream)
    stream.tick(now() + 31)  # pings
    await drain(stream)
    stream.tick(now() + 62)
    assert cuts == []


async def test_a_client_that_never_reads_the_last_bytes_is_aborted() -> None:
    cuts: list[str] = []
    stream = make_stream("t", abort=lambda: cuts.append("cut"), write_timeout=0.01)
    stream.end(b"bye auth\n")
    await until(lambda: cuts)


async def test_a_client_that_stops_in_the_middle_of_the_last_bytes_is_aborted() -> None:
    cuts: list[str] = []
    stream = make_stream("t", abort=lambda: cuts.append("cut"), write_timeout=0.01)
    stream.end(b"bye auth\n")
    assert await stream.pull() == b"bye auth\n"
    await until(lambda: cuts)


async def test_a_client_that_has_read_the_last_bytes_is_not_aborted() -> None:
    cuts: list[str] = []
    late = asyncio.Event()
    stream = make_stream("t", abort=lambda: cuts.append("cut"), write_timeout=0.01)
    stream.end(b"bye auth\n")
    assert [await stream.pull(), await stream.pull()] == [b"bye auth\n", b""]
    asyncio.get_running_loop().call_later(0.02, late.set)
    await late.wait()
    assert cuts == []


async def test_the_last_bytes_are_sent_once_and_after_everything_that_waits() -> None:
    stream = make_stream("t")
    stream.deliver(state(1), b"")
    stream.end(b"bye auth\n")
    stream.end(b"bye restart\n")
    stream.deliver(state(1, 1), b"+ 2:1\n")
    stream.tick(now() + 1000)
    assert await stream.pull() == b"= 1:1\nbye auth\n"
    assert await stream.pull() == b""
    assert await stream.pull() == b""


async def test_a_waiting_reader_gets_the_last_bytes() -> None:
    stream = make_stream("t")
    reading = asyncio.create_task(stream.pull())
    await until(lambda: stream._reader)
    stream.end(b"bye auth\n")
    assert await asyncio.wait_for(reading, 1) == b"bye auth\n"


async def test_an_overflowed_stream_that_ends_sends_its_last_bytes_and_no_state() -> None:
    asked: list[BufferedStream] = []
    stream = make_stream("t", asked.append)
    stream.deliver({}, b"")
    overflow(stream)
    stream.end(b"bye auth\n")
    assert [await stream.pull(), await stream.pull()] == [b"bye auth\n", b""]
    assert asked == []
