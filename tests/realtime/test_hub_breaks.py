"""The hub when things break."""

from __future__ import annotations

import asyncio
import logging
from types import SimpleNamespace

import pytest

from tests.conftest import until
from tests.support.memory_source import Client, FakeBroker, Table, running, settled
from toasts.realtime import hub as hub_module
from toasts.realtime import supervision
from toasts.realtime.brokers.base import BrokerError, Publish, Wake
from toasts.realtime.brokers.local import LocalBroker


class Hanging(FakeBroker):
    """Never connects, and never fails."""

    async def listen(self, wake: Wake, publish: Publish) -> None:
        self.calls += 1
        await asyncio.Event().wait()


pytestmark = pytest.mark.usefixtures("fast_ticks")


async def test_a_read_that_failed_is_repeated_and_the_streams_stay_open(
    table: Table, quick: None
) -> None:
    async with running(table, LocalBroker()) as hub:
        client = Client(hub, "t")
        await until(lambda: client.raw and hub.listening)
        table.failing = OSError("the database is down")
        table.put("t", 1)
        before = len(table.reads)
        hub.wake(["t"])
        await until(lambda: len(table.reads) >= before + 3)
        assert not client.over
        table.failing = None
        await until(lambda: client.raw == b"= \n+ 1:1\n")


async def test_a_broken_broker_listens_again_and_everything_is_read(
    table: Table, quick: None
) -> None:
    broker = FakeBroker()
    async with running(table, broker) as hub:
        client = Client(hub, "t")
        await until(lambda: client.raw and hub.listening)
        broker.cut(BrokerError("the connection is lost"))
        await until(lambda: broker.calls >= 4)
        assert not hub.listening
        # Something changes while the broker does not listen, so no hint comes.
        table.put("t", 1)
        broker.broken = None
        await until(lambda: hub.listening)
        await until(lambda: client.raw == b"= \n+ 1:1\n")


async def test_the_back_off_grows_with_jitter_and_has_a_bound(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    delays: list[float] = []
    done = asyncio.Event()

    async def nap(seconds: float) -> None:
        delays.append(seconds)
        if len(delays) == 2000:
            done.set()
            await asyncio.Event().wait()

    async def fails() -> None:
        raise OSError("down")

    caplog.set_level(logging.CRITICAL, "toasts.realtime")
    fast = SimpleNamespace(get_running_loop=asyncio.get_running_loop, sleep=nap)
    monkeypatch.setattr(supervision, "asyncio", fast)
    task = asyncio.create_task(supervision.supervised(fails, hub_module.BACKOFF_MAX))
    # Two thousand failures are hours without a database: no number may outgrow them.
    await until(lambda: done.is_set() or task.done())
    assert not task.done(), task.exception()
    task.cancel()
    least, most = supervision.BACKOFF_MIN, hub_module.BACKOFF_MAX
    assert all(least <= delay <= most for delay in delays)
    assert all(delay <= least * 2 ** (number + 1) for number, delay in enumerate(delays[:5]))
    assert len(set(delays)) > 1000
    assert max(delays) > 0.9 * most


async def test_a_loop_that_returns_is_a_failure_and_starts_again(
    quick: None, caplog: pytest.LogCaptureFixture
) -> None:
    runs: list[float] = []

    async def returns() -> None:
        runs.append(asyncio.get_running_loop().time())

    task = asyncio.create_task(supervision.supervised(returns, hub_module.BACKOFF_MAX))
    await until(lambda: len(runs) >= 3)
    task.cancel()
    assert "returns failed (it returned, though it must run forever)" in caplog.text


async def test_only_the_first_failure_is_logged_with_its_traceback(
    table: Table, quick: None, caplog: pytest.LogCaptureFixture
) -> None:
    broker = FakeBroker()
    broker.broken = BrokerError("no answer")
    async with running(table, broker) as hub:
        Client(hub, "t")
        await until(lambda: broker.calls >= 4)
    records = [
        each for each in caplog.records if each.message.startswith("Hub._listen failed (no answer")
    ]
    assert [bool(record.exc_info) for record in records[:3]] == [True, False, False]


async def test_the_reconciler_finds_changes_without_a_hint(table: Table) -> None:
    async with running(table, FakeBroker(), reconcile=0.1) as hub:
        client = Client(hub, "t")
        await until(lambda: client.raw == b"= \n" and hub.listening)
        table.put("t", 1)
        await until(lambda: client.raw == b"= \n+ 1:1\n", 4)


async def test_a_hub_whose_broker_does_not_listen_reads_every_second(table: Table) -> None:
    async with running(table, Hanging(), reconcile=1000) as hub:
        client = Client(hub, "t")
        await until(lambda: client.raw == b"= \n")
        table.put("t", 1)
        await until(lambda: client.raw == b"= \n+ 1:1\n", 3)


async def test_a_hub_whose_broker_listens_reads_no_more_than_it_is_set_to(table: Table) -> None:
    ticks: list[float] = []
    async with running(table, FakeBroker(), reconcile=1000) as hub:
        client = Client(hub, "t")
        await until(lambda: client.raw == b"= \n" and settled(hub))
        hub.ticker.tick = ticks.append  # type: ignore[assignment, method-assign]
        before = len(table.reads)
        await until(lambda: len(ticks) >= 2)
        assert len(table.reads) == before
