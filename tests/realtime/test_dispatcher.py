"""Dispatcher many topics: other work of the loop has its turns meanwhile."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tests.support.memory_source import Table
from toasts.realtime import dispatcher as module
from toasts.realtime.dispatcher import BATCH, Dispatcher
from toasts.realtime.registry import Topic


class Listener:
    def __init__(self, heard: list[str], name: str) -> None:
        self.heard, self.name = heard, name

    def deliver(self, state: Any, delta: bytes) -> None:
        self.heard.append(self.name)


@pytest.mark.parametrize(("turn", "seen"), [(-1.0, BATCH), (1e6, 3 * BATCH)])
async def test_other_work_has_its_turn_when_a_turn_is_over_and_not_before(
    monkeypatch: pytest.MonkeyPatch, turn: float, seen: int
) -> None:
    monkeypatch.setattr(module, "TIME_SLICE", turn)
    heard: list[str] = []
    names = [f"user:{number}" for number in range(3 * BATCH)]
    topics = [Topic(name, (Listener(heard, name),)) for name in names]  # type: ignore[arg-type]
    lengths: list[int] = []
    asyncio.get_running_loop().call_soon(lambda: lengths.append(len(heard)))
    failed: list[Any] = []
    await Dispatcher(Table(), failed.append).dispatch(topics, {name: {1: 1} for name in names})
    await asyncio.sleep(0)
    assert (lengths, heard, failed) == ([seen], names, [])


class Broken(Listener):
    def deliver(self, state: Any, delta: bytes) -> None:
        raise ValueError("deliver")


async def test_whoever_was_not_reached_counts_as_not_told() -> None:
    heard: list[str] = []
    listeners = [Listener(heard, "a"), Broken(heard, "b"), Listener(heard, "c")]
    topics = [Topic(one.name, (one,)) for one in listeners]  # type: ignore[arg-type]
    states = {topic.name: {1: 1} for topic in topics}

    def fail(listener: Any) -> None:
        raise RuntimeError("nor can it be let go")

    with pytest.raises(RuntimeError):
        await Dispatcher(Table(), fail).dispatch(topics, states)
    assert (heard, topics[2].last_sent) == (["a"], None)
    await Dispatcher(Table(), [].append).dispatch(topics, states)
    assert (heard, topics[2].last_sent) == (["a", "a", "c"], {1: 1})
