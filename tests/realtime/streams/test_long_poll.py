"""A poll that waits for one change."""

from __future__ import annotations

import asyncio

from tests.support.memory_source import now, state
from toasts.realtime.streams.long_poll import LongPoll
from toasts.realtime.streams.subscription import State


def make_poll(current: State) -> LongPoll:
    answer: asyncio.Future[State | None] = asyncio.get_running_loop().create_future()
    return LongPoll("t", "right", now(), lambda found: found != current, answer)


async def test_a_poll_waits_for_a_change_and_answers_once() -> None:
    poll = make_poll(state(1))
    poll.deliver(state(1), b"")
    poll.tick(now() + 1000)
    assert not poll.answer.done()
    poll.deliver(state(2), b"")
    poll.deliver(state(3), b"")
    poll.end(b"bye auth\n")
    assert await poll.answer == state(2)


async def test_a_poll_whose_grant_ended_answers_nothing() -> None:
    poll = make_poll(state(1))
    poll.end(b"bye auth\n")
    poll.end(b"bye auth\n")
    poll.deliver(state(2), b"")
    assert poll.ended
    assert await poll.answer is None


async def test_a_poll_that_was_cancelled_ignores_later_deliveries() -> None:
    poll = make_poll(state(1))
    poll.answer.cancel()
    poll.deliver(state(2), b"")
    poll.end(b"bye auth\n")
