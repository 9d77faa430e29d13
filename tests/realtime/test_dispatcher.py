"""Dispatching many topics leaves time for other work of the loop."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tests.support.memory_source import Table
from toasts.realtime import dispatcher as module
from toasts.realtime.dispatcher import BATCH, Dispatcher
from toasts.realtime.registry import Topic


class Listener:
    def __init__(self, received: list[str], name: str) -> None:
        self.received, self.name = received, name

    def deliver(self, state: Any, delta: bytes) -> None:
        self.received.append(self.name)


@pytest.mark.parametrize(("turn", "seen"), [(-1.0, BATCH), (1e6, 3 * BATCH)])
async def test_other_work_runs_after_a_time_slice_and_not_before(
    monkeypatch: pytest.MonkeyPatch, turn: float, seen: int
) -> None:
    monkeypatch.setattr(module, "TIME_SLICE", turn)
    received: list[str] = []
    names = [f"user:{number}" for number in range(3 * BATCH)]
    topics = [Topic(name, (Listener(received, name),)) for name in names]  # type: ignore[arg-type]
    lengths: list[int] = []
    asyncio.get_running_loop().call_soon(lambda: lengths.append(len(received)))
    failed: list[Any] = []
    await Dispatcher(Table(), failed.append).dispatch(topics, {name: {1: 1} for name in names})
    await asyncio.sleep(0)
    assert (lengths, received, failed) == ([seen], names, [])


class Broken(Listener):
    def deliver(self, state: Any, delta: bytes) -> None:
        raise ValueError("deliver")


async def test_subscriptions_that_were_skipped_get_the_state_next_time() -> None:
    received: list[str] = []
    listeners = [Listener(received, "a"), Broken(received, "b"), Listener(received, "c")]
    topics = [Topic(one.name, (one,)) for one in listeners]  # type: ignore[arg-type]
    states = {topic.name: {1: 1} for topic in topics}

    def fail(listener: Any) -> None:
        raise RuntimeError("nor can it be let go")

    with pytest.raises(RuntimeError):
        await Dispatcher(Table(), fail).dispatch(topics, states)
    assert (received, topics[2].last_sent) == (["a"], None)
    await Dispatcher(Table(), [].append).dispatch(topics, states)  # type: ignore[arg-type]
    assert (received, topics[2].last_sent) == (["a", "a", "c"], {1: 1})


@pytest.mark.parametrize("internals", [True, False])
async def test_streams_are_written_outside_any_task_unless_that_is_switched_off(
    internals: bool,
) -> None:
    tasks: list[Any] = []

    class TaskListener(Listener):
        def deliver(self, state: Any, delta: bytes) -> None:
            tasks.append(asyncio.current_task())

    topic = Topic("a", (TaskListener([], "a"),))  # type: ignore[arg-type]
    dispatcher = Dispatcher(Table(), [].append, internals)  # type: ignore[arg-type]
    await dispatcher.dispatch([topic], {"a": {1: 1}})
    assert tasks == [None if internals else asyncio.current_task()]
