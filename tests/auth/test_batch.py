"""Who is looked up together, and who need not wait for others."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from toasts.auth import batch
from toasts.auth.batch import SessionBatcher


class Looks:
    """In the hub's place: nobody is let in, but it is known who was looked up with whom."""

    def __init__(self) -> None:
        self.looks: list[list[str]] = []

    def start(self) -> None:
        """It runs."""

    async def run(self, look_up: Any, keys: list[str]) -> dict[str, Any]:
        self.looks.append(keys)
        await asyncio.sleep(0)
        return {}


def make_batcher(
    monkeypatch: pytest.MonkeyPatch, gather: float, gap: float = batch.BURST_GAP
) -> tuple[SessionBatcher, list[list[str]]]:
    """A doorkeeper with these bounds, and its looks."""
    monkeypatch.setattr(batch, "GATHER_TIME", gather)
    monkeypatch.setattr(batch, "BURST_GAP", gap)
    hub: Any = Looks()
    return SessionBatcher(lambda: hub), hub.looks


async def test_a_single_session_is_looked_up_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    batcher, looks = make_batcher(monkeypatch, gather=3600)
    await asyncio.wait_for(batcher.authenticate("a"), 5)
    assert looks == [["a"]]


async def test_a_session_that_comes_after_a_burst_is_looked_up_at_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    batcher, looks = make_batcher(monkeypatch, gather=3600, gap=0)
    for key in "ab":
        await asyncio.wait_for(batcher.authenticate(key), 5)
    assert looks == [["a"], ["b"]]


async def test_sessions_that_come_in_a_burst_are_looked_up_together(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    batcher, looks = make_batcher(monkeypatch, gather=0.2, gap=3600)
    asking = []
    for number in range(10):
        asking.append(asyncio.create_task(batcher.authenticate(str(number))))
        for _ in range(5):  # so that the first look is over before the last has come
            await asyncio.sleep(0)
    await asyncio.wait_for(asyncio.gather(*asking), 5)
    assert looks[0] == ["0"]
    assert [key for look in looks for key in look] == [str(number) for number in range(10)]
    assert len(looks) == 2
