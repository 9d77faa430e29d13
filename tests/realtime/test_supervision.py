"""Tasks that must end."""

from __future__ import annotations

import asyncio

import pytest

from tests.conftest import until
from tests.support.memory_source import FakeBroker, Table, running
from toasts.realtime import supervision
from toasts.realtime.brokers.base import Publish, Wake
from toasts.realtime.supervision import end_tasks


class Deaf(FakeBroker):
    """Loses the first cancellation, as asyncio.wait_for() may before Python 3.12."""

    def __init__(self) -> None:
        super().__init__()
        self.lost = asyncio.Event()

    async def listen(self, wake: Wake, publish: Publish) -> None:
        wake(None)
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            self.lost.set()
        await asyncio.Event().wait()


@pytest.fixture(autouse=True)
def _soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(supervision, "CANCEL_AGAIN", 0.01)


async def test_the_hub_stops_though_its_listener_loses_a_cancellation() -> None:
    broker = Deaf()
    async with running(Table(), broker) as hub:
        hub.start()
        await until(lambda: hub.listening)
        await asyncio.wait_for(hub.stop(), 5)
        assert broker.lost.is_set()
        assert not [task for task in asyncio.all_tasks() if task.get_name().startswith("toasts_")]


async def test_a_task_that_never_ends_is_left_alone_and_named(
    caplog: pytest.LogCaptureFixture,
) -> None:
    told_to_end = asyncio.Event()

    async def stubborn() -> None:
        while not told_to_end.is_set():
            try:
                await told_to_end.wait()
            except asyncio.CancelledError:
                continue

    task = asyncio.create_task(stubborn(), name="toasts_stubborn")
    await asyncio.sleep(0)
    await asyncio.wait_for(end_tasks([task]), 5)
    assert caplog.messages == ["toasts_stubborn did not end when cancelled, and goes on."]
    told_to_end.set()
    await task


async def test_no_task_is_no_wait() -> None:
    await asyncio.wait_for(end_tasks([]), 5)
