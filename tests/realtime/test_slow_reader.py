"""A group of topics that is slow to read keeps no other topic waiting."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Mapping, Sequence

import pytest

from tests.conftest import until
from tests.support.memory_source import Client, FakeBroker, Table, running, settled
from toasts.realtime import reader, slow_reader
from toasts.realtime.brokers.local import LocalBroker
from toasts.realtime.streams.subscription import State

pytestmark = pytest.mark.usefixtures("fast_ticks", "quick")


class Partly(Table):
    """A table that does not answer for some groups."""

    def __init__(self) -> None:
        super().__init__()
        self.blocked: set[str] = set()
        self.delay = 0.0
        """Seconds after which it answers for a blocked group; 0: never."""
        self._waits: list[threading.Event] = []

    def read(self, topics: Sequence[str]) -> Mapping[str, State]:
        if self.blocked & {self.group_of(topic) for topic in topics}:
            self.hang()
        return super().read(topics)

    def hang(self) -> None:
        """Wait until the connection is ended."""
        wait = threading.Event()
        self._waits.append(wait)
        if wait.wait(self.delay or 10):
            raise OSError("the connection was ended")

    def abort(self) -> None:
        super().abort()
        for wait in self._waits:
            wait.set()


@pytest.fixture
def partly() -> Partly:
    return Partly()


async def test_a_group_that_hangs_delays_the_others_no_longer_than_its_first_reads(
    partly: Partly, caplog: pytest.LogCaptureFixture
) -> None:
    async with running(partly, LocalBroker(), call_timeout=0.3) as hub:
        toasts, feed, other = (Client(hub, name) for name in ("t", "feed/a", "other/b"))
        await until(lambda: toasts.raw and feed.raw and other.raw)
        partly.blocked = {"feed"}
        partly.put("feed/a", 1)
        hub.wake(["t", "feed/a", "other/b"])
        await until(lambda: hub.slow_reader.groups == {"feed"})
        for number in range(3):
            partly.put("t", number)
            partly.put("other/b", number)
            hub.wake(["t", "feed/a", "other/b"])
            expected = dict.fromkeys(range(number + 1), 1)
            await until(lambda: toasts.shown == expected and other.shown == expected, 1)  # noqa: B023
        assert feed.raw == b"= \n"
        partly.blocked = set()
        await until(lambda: feed.shown == {1: 1})
    assert "A read of feed took" in caplog.text


async def test_a_slow_group_gets_more_time_until_it_is_read(partly: Partly) -> None:
    async with running(partly, LocalBroker(), call_timeout=0.2) as hub:
        feed = Client(hub, "feed/a")
        await until(lambda: feed.raw)
        partly.blocked, partly.delay = {"feed"}, 1.0
        hub.slow_reader.adopt("feed", 1)
        partly.put("feed/a", 1)
        hub.wake(["feed/a"])
        await until(lambda: feed.shown == {1: 1})


async def test_a_group_that_is_fast_again_is_read_with_the_others_after_a_while(
    partly: Partly, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(slow_reader, "STAY", 0.4)
    async with running(partly, LocalBroker()) as hub:
        feed = Client(hub, "feed/a")
        await until(lambda: feed.raw and settled(hub))
        hub.slow_reader.adopt("feed", 1)
        partly.put("feed/a", 1)
        hub.wake(["feed/a"])
        await until(lambda: feed.shown == {1: 1})
        assert hub.slow_reader.groups == {"feed"}

        async def is_with_the_others() -> bool:
            hub.wake(["feed/a"])
            await asyncio.sleep(0.02)
            return not hub.slow_reader.groups

        await until(is_with_the_others)
        hub.slow_reader.adopt("feed", 1)
        assert hub.slow_reader._stays == {"feed": 0.8}


async def test_a_slow_read_of_several_groups_shows_which_one_is_slow(
    partly: Partly, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reader, "SLOW", 0.1)
    monkeypatch.setattr(slow_reader, "SLOW", 0.1)
    async with running(partly, LocalBroker()) as hub:
        clients = [Client(hub, name) for name in ("t", "feed/a", "other/b")]
        await until(lambda: all(client.raw for client in clients) and settled(hub))
        partly.blocked, partly.delay = {"feed"}, 0.2
        hub.wake(["t", "feed/a", "other/b"])
        await until(lambda: hub.scheduler.idle and not hub.scheduler.work.is_set())
        hub.wake(["t", "feed/a", "other/b"])
        await until(lambda: hub.slow_reader.groups == {"feed"})


async def test_a_group_that_fails_keeps_no_other_group_waiting(partly: Partly) -> None:
    async with running(partly, LocalBroker()) as hub:
        toasts, other = Client(hub, "t"), Client(hub, "other/b")
        await until(lambda: toasts.raw and other.raw)
        hub.reader._careful_until = float("inf")
        read = partly.read

        def fail(topics: Sequence[str]) -> Mapping[str, State]:
            if any(topic.startswith("feed/") for topic in topics):
                raise OSError("the database of this tenant is down")
            return read(topics)

        partly.read = fail  # type: ignore[method-assign]
        Client(hub, "feed/a")
        partly.put("other/b", 1)
        hub.wake(["feed/a", "other/b"])
        await until(lambda: other.shown == {1: 1})


async def test_when_the_broker_is_back_a_read_waits_no_longer_than_at_first(
    partly: Partly,
) -> None:
    """The way has swallowed the question: however long it may wait, no answer will come."""
    broker = FakeBroker()
    async with running(partly, broker, call_timeout=0.2) as hub:
        client = Client(hub, "t")
        await until(lambda: client.raw and hub.listening)
        broker.cut(OSError("the way swallows everything"))
        await until(lambda: not hub.listening)
        partly.blocked = {""}
        partly.put("t", 1)
        hub.wake(["t"])
        await until(lambda: hub.reader._timeout > 6, 20)
        before = len(partly._waits)
        await until(lambda: len(partly._waits) > before)  # it hangs, and may for 6.4 seconds
        partly.blocked = set()
        broker.broken = None
        await until(lambda: client.shown == {1: 1}, 3)


async def test_a_main_read_that_needs_long_is_read_next_to_a_feed_that_does_not(
    partly: Partly,
) -> None:
    async with running(partly, LocalBroker(), call_timeout=0.3) as hub:
        toasts, feed = Client(hub, "t"), Client(hub, "feed/a")
        await until(lambda: toasts.raw and feed.raw)
        partly.blocked, partly.delay = {""}, 0.8
        for number in range(3):
            partly.put("t", number)
            partly.put("feed/a", number)
            hub.wake(["t", "feed/a"])
            expected = dict.fromkeys(range(number + 1), 1)
            await until(lambda: toasts.shown == feed.shown == expected)  # noqa: B023


async def test_a_large_slow_group_is_read_in_parts(
    partly: Partly, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(slow_reader, "READ_TIMEOUT_MAX", 0.5)
    read = partly.read

    def slowly(topics: Sequence[str]) -> Mapping[str, State]:
        time.sleep(0.02 * len(topics))
        return read(topics)

    async with running(partly, LocalBroker(), call_timeout=0.3) as hub:
        clients = [Client(hub, f"feed/{number}") for number in range(60)]
        await until(lambda: all(client.raw for client in clients))
        partly.read = slowly  # type: ignore[method-assign]
        for number in range(60):
            partly.put(f"feed/{number}", 1)
        hub.wake([f"feed/{number}" for number in range(60)])
        await until(lambda: all(client.shown == {1: 1} for client in clients), 20)


async def test_a_group_whose_read_fails_slowly_is_read_apart(
    partly: Partly, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As of a database that cannot be reached: the driver gives up before the hub does."""
    monkeypatch.setattr(reader, "SLOW", 0.1)
    read = partly.read

    def fail(topics: Sequence[str]) -> Mapping[str, State]:
        if any(topic.startswith("dead/") for topic in topics):
            time.sleep(0.2)
            if not any(topic.startswith("other/") for topic in topics):
                raise OSError("the connection timed out")
            return {topic: None for topic in topics if topic.startswith("dead/")}  # type: ignore[misc]
        return read(topics)

    async with running(partly, LocalBroker()) as hub:
        clients = [Client(hub, name) for name in ("t", "other/a", "dead/a")]
        await until(lambda: all(client.raw for client in clients))
        partly.read = fail  # type: ignore[method-assign]
        hub.wake(["t", "other/a", "dead/a"])
        await until(lambda: hub.reader._careful_until > 0)
        hub.wake(["t", "other/a", "dead/a"])
        await until(lambda: hub.slow_reader.groups == {"dead"})


async def test_when_the_broker_is_back_slow_groups_are_read_soon_too(partly: Partly) -> None:
    broker = FakeBroker()
    async with running(partly, broker, call_timeout=0.2) as hub:
        feed = Client(hub, "feed/a")
        await until(lambda: feed.raw and hub.listening)
        broker.cut(OSError("the way swallows everything"))
        await until(lambda: not hub.listening)
        partly.blocked = {"feed"}
        partly.put("feed/a", 1)
        hub.wake(["feed/a"])
        await until(lambda: hub.slow_reader._timeouts.get("feed", 0) > 6, 30)
        before = len(partly._waits)
        await until(lambda: len(partly._waits) > before, 20)  # it hangs, and may for 6.4 seconds
        partly.blocked = set()
        broker.broken = None
        await until(lambda: feed.shown == {1: 1}, 4)
