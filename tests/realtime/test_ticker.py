"""The ticks of a hub, and which streams each of them visits."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

from tests.conftest import until
from tests.support.memory_source import Client, Table, make_stream, running
from toasts.realtime.brokers.local import LocalBroker

pytestmark = pytest.mark.usefixtures("fast_ticks")


async def test_ticks_ping_a_stream_and_end_it_at_its_max_age(table: Table) -> None:
    async with running(table, LocalBroker()) as hub:
        client = Client(hub, "t", heartbeat=0.3, max_age=0.55)
        await until(lambda: client.over, 4)
        assert client.raw == b"= \nping\nbye rotate\n"
        await until(lambda: hub.subscriptions() == [])


async def test_ticks_abort_a_client_that_never_reads(table: Table) -> None:
    cuts: list[str] = []
    async with running(table, LocalBroker()) as hub:
        hub.subscribe(make_stream("t", abort=lambda: cuts.append("cut"), write_timeout=0.1))
        await until(lambda: cuts, 4)


async def test_a_tick_that_fails_does_not_affect_other_streams(table: Table) -> None:
    def fails() -> None:
        raise ValueError("cut fails")

    async with running(table, LocalBroker()) as hub:
        hub.subscribe(make_stream("t", abort=fails, write_timeout=0))
        client = Client(hub, "t", heartbeat=0.3)
        await until(lambda: client.raw == b"= \nping\n", 4)
        assert hub.subscriptions() == [client.stream]


class Ticked:
    """A listener that records when it is visited."""

    grant, opened, ended = "right", 0.0, False

    def __init__(self, topic: str) -> None:
        self.topic = topic
        self.visits: list[float] = []

    def deliver(self, state: Any, delta: bytes) -> None: ...
    def tick(self, now: float) -> None:
        self.visits.append(now)

    def end(self, last: bytes) -> None: ...


async def test_each_tick_visits_a_part_of_the_streams(table: Table, fast_ticks: None) -> None:
    async with running(table, LocalBroker(), ticks_per_visit=3) as hub:
        listeners = [Ticked(f"t{number}") for number in range(8)]
        for listener in listeners:
            hub.subscribe(listener)
        await until(lambda: all(len(listener.visits) >= 2 for listener in listeners))
        visits = Counter(now for listener in listeners for now in listener.visits)
        assert [visits[now] for now in sorted(visits)][:6] == [3, 3, 2, 3, 3, 2]
