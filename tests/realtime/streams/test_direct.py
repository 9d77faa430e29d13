"""A stream that the hub writes directly, with a `send` that waits, fails or recovers."""

from __future__ import annotations

import asyncio
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.conftest import until
from tests.support.opened_stream import SNAPSHOT, Opened, settle
from toasts.realtime.streams import direct

# Writing.


async def test_the_whole_state_is_sent_first_and_then_only_the_changes() -> None:
    opened = Opened(last_event_id="abc")
    opened.deliver(b"")
    opened.deliver(b"a;")
    opened.deliver(b"")
    opened.deliver(b"b;")
    assert opened.taken == b'all{"state": {}, "last_event_id": "abc"};a;b;'
    assert opened.client.more == [True] * 3


async def test_a_client_that_keeps_up_costs_no_task() -> None:
    opened = Opened()
    before = asyncio.all_tasks()
    for _ in range(10):
        opened.deliver(b"a;")
        assert asyncio.all_tasks() == before


async def test_changes_while_the_client_does_not_read_are_sent_as_one_state() -> None:
    opened = Opened()
    opened.deliver(b"")
    opened.client.block()
    opened.deliver(b"a;")
    for _ in range(100):
        opened.deliver(b"b;")
    opened.client.unblock()
    await settle()
    assert opened.context.resyncs == ["topic"]
    opened.deliver(b"")
    assert opened.taken == SNAPSHOT + b"a;" + SNAPSHOT
    opened.deliver(b"c;")
    assert opened.taken.endswith(SNAPSHOT + b"c;")


async def test_a_slow_client_that_missed_nothing_is_sent_no_state() -> None:
    opened = Opened()
    opened.deliver(b"")
    opened.client.block()
    opened.deliver(b"a;")
    opened.deliver(b"")
    opened.client.unblock()
    await settle()
    assert opened.context.resyncs == []
    opened.deliver(b"b;")
    assert opened.taken == SNAPSHOT + b"a;b;"


async def test_the_last_event_id_is_used_once() -> None:
    opened = Opened(last_event_id="abc")
    opened.client.block()
    opened.deliver(b"")
    opened.deliver(b"a;")
    opened.client.unblock()
    await settle()
    opened.deliver(b"")
    assert opened.taken == b'all{"state": {}, "last_event_id": "abc"};' + SNAPSHOT


@settings(max_examples=100, deadline=None)
@given(st.lists(st.sampled_from(["change", "block", "unblock", "pause", "resume", "turn"])))
def test_after_any_delays_a_client_has_the_state_of_the_hub(steps: list[str]) -> None:
    asyncio.run(_held_up(steps))


async def _held_up(steps: list[str]) -> None:
    opened = Opened()
    context, client = opened.context, opened.client
    for number, step in enumerate([*steps, "unblock", "resume", "turn"]):
        if step == "change":
            context.state["n"] = str(number)
            opened.deliver(b"n=%d;" % number)
        elif step == "block" and client.gate is None:
            client.block()
        elif step == "unblock" and client.gate is not None:
            client.unblock()
        elif step == "pause":
            opened.stream.pauseProducing()
        elif step == "resume":
            opened.stream.resumeProducing()
        await settle()
        if context.resyncs or step == "turn":  # the hub reads again
            context.resyncs.clear()
            opened.deliver(b"")
            await settle()
    opened.stream.close()
    _check_what_came(opened)


def _check_what_came(opened: Opened) -> None:
    shown: str | None = None
    for event in opened.taken.split(b";")[:-1]:
        if event.startswith(b"all"):
            shown = json.loads(event[3:])["state"].get("n")
        else:
            sent = event.partition(b"=")[2].decode()
            assert shown is None or int(sent) > int(shown)  # no event twice or in the wrong order
            shown = sent
    assert shown == opened.context.state.get("n")


# Time.


async def test_an_idle_stream_sends_pings_and_a_busy_one_does_not() -> None:
    opened = Opened()
    opened.stream.tick(opened.now + 14.9)
    assert opened.taken == b""
    opened.stream.tick(opened.now + 15.1)
    assert opened.taken == b"ping;"
    opened.stream.tick(opened.now + 14.9)
    assert opened.taken == b"ping;"


async def test_an_event_delays_the_ping_until_a_heartbeat_after_the_last_tick() -> None:
    opened = Opened()
    opened.deliver(b"")
    opened.context.ticker.now = opened.now + 10
    opened.deliver(b"event;")
    opened.stream.tick(opened.now + 24.9)
    assert b"ping;" not in opened.taken
    opened.stream.tick(opened.now + 25.1)
    assert opened.taken.endswith(b"event;ping;")


async def test_the_write_timeout_counts_from_when_the_client_stopped_reading() -> None:
    opened = Opened()
    opened.context.ticker.now = opened.now - 29  # no tick since
    opened.client.block()
    opened.deliver(b"")
    opened.stream.tick(opened.now + 29)
    assert not opened.stream.ended


async def test_a_stream_at_its_max_age_sends_rotate() -> None:
    opened = Opened(max_age=20)
    opened.stream.tick(opened.now + 20.1)
    assert (opened.taken, opened.client.more, opened.ends) == (b"rotate;", [False], 1)


@pytest.mark.parametrize("paused", [False, True])
async def test_a_client_that_does_not_read_is_aborted_after_the_write_timeout(paused: bool) -> None:
    opened = Opened()
    if paused:
        opened.stream.pauseProducing()
    else:
        opened.client.block()
        opened.deliver(b"")
    opened.stream.tick(opened.now + 29)
    assert (opened.ends, opened.stream.ended) == (0, False)
    opened.stream.tick(opened.now + 31)
    assert (opened.ends, opened.stream.ended) == (1, True)
    opened.stream.tick(opened.now + 62)
    await settle()
    assert (opened.ends, opened.taken) == (1, b"")


async def test_a_paused_stream_sends_nothing_and_asks_for_the_state_when_it_resumes() -> None:
    opened = Opened()
    opened.deliver(b"")
    opened.stream.pauseProducing()
    opened.deliver(b"a;")
    opened.deliver(b"b;")
    opened.stream.tick(opened.now + 20)  # no ping either
    assert opened.taken == SNAPSHOT
    opened.stream.resumeProducing()
    assert opened.context.resyncs == ["topic"]
    opened.deliver(b"")
    assert opened.taken == SNAPSHOT * 2
    opened.stream.stopProducing()
    assert opened.ends == 0


async def test_a_resumed_stream_that_missed_nothing_or_has_ended_asks_for_nothing() -> None:
    opened = Opened()
    opened.deliver(b"")
    opened.stream.pauseProducing()
    opened.stream.resumeProducing()
    opened.stream.pauseProducing()
    opened.deliver(b"a;")
    opened.stream.close()
    opened.stream.resumeProducing()
    assert opened.context.resyncs == []


# The end.


async def test_the_last_bytes_are_sent_once_and_on_end_is_called_once() -> None:
    opened = Opened()
    opened.stream.end(b"bye;")
    opened.stream.end(b"bye again;")
    opened.deliver(b"a;")
    opened.stream.tick(opened.now + 100)
    assert (opened.taken, opened.client.more, opened.ends) == (b"bye;", [False], 1)


async def test_a_blocked_stream_that_ends_sends_its_last_bytes_when_the_client_reads() -> None:
    opened = Opened()
    opened.client.block()
    opened.deliver(b"")
    opened.stream.end(b"bye;")
    opened.deliver(b"a;")
    await settle()
    assert (opened.ends, opened.stream.ended) == (0, True)
    opened.client.unblock()
    await settle()
    assert (opened.taken, opened.client.more, opened.ends) == (SNAPSHOT + b"bye;", [True, False], 1)


@pytest.mark.parametrize("first", [b"a;", b""], ids=["an event", "the last bytes"])
async def test_a_stream_that_ends_and_is_never_read_is_closed_after_a_second(
    first: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(direct, "CLOSE_TIMEOUT", 0.05)
    opened = Opened()
    opened.client.block()
    if first:
        opened.deliver(first)
    opened.stream.end(b"bye;")
    await until(lambda: opened.ends)
    await settle()
    assert (opened.ends, opened.taken) == (1, b"")
    assert asyncio.all_tasks() == {asyncio.current_task()}


@pytest.mark.parametrize("ended", [False, True])
async def test_a_closed_stream_makes_no_calls_and_cancels_its_send(
    ended: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(direct, "CLOSE_TIMEOUT", 0.01)
    opened = Opened()
    opened.client.block()
    opened.deliver(b"")
    if ended:
        opened.stream.end(b"bye;")
    for _ in range(2):
        opened.stream.close()
    await until(lambda: asyncio.all_tasks() == {asyncio.current_task()})
    await asyncio.sleep(0.02)
    opened.deliver(b"a;")
    assert (opened.ends, opened.taken, opened.stream.ended) == (0, b"", True)


@pytest.mark.parametrize("fault", [OSError(), RuntimeError(), asyncio.CancelledError()])
@pytest.mark.parametrize("later", [False, True])
@pytest.mark.parametrize("last", [False, True])
async def test_a_send_that_fails_ends_it_once(
    fault: BaseException, later: bool, last: bool
) -> None:
    opened = Opened()
    opened.client.fault = fault
    if later:
        opened.client.block()
    (opened.stream.end if last else opened.deliver)(b"a;")
    if later:
        opened.client.unblock()
        await settle()
    assert (opened.ends, opened.stream.ended) == (1, True)
    opened.deliver(b"b;")
    opened.stream.end(b"bye;")
    await settle()
    assert (opened.ends, opened.taken) == (1, b"")


# Without the internals of servers and asyncio.


async def test_without_internals_each_write_is_a_task_and_nothing_is_lost() -> None:
    opened = Opened(internals=False)
    before = asyncio.all_tasks()
    opened.deliver(b"")
    assert len(asyncio.all_tasks() - before) == 1
    opened.deliver(b"a;")  # the client has not taken the state yet
    await settle()
    assert opened.context.resyncs == ["topic"]
    opened.deliver(b"")
    await settle()
    opened.stream.end(b"bye;")
    await settle()
    assert opened.taken == SNAPSHOT * 2 + b"bye;"
    assert (opened.ends, asyncio.all_tasks()) == (1, before)


async def test_without_internals_a_send_that_fails_ends_the_stream_once() -> None:
    opened = Opened(internals=False)
    opened.client.fault = OSError()
    opened.deliver(b"")
    await settle()
    assert (opened.ends, opened.stream.ended) == (1, True)
