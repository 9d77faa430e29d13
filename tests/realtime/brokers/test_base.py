"""The contract of every broker, tested with each of them, and the format of hints."""

from __future__ import annotations

import asyncio
import json
import secrets
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tests.conftest import until
from tests.support.broker_sites import (
    GARBAGE,
    ClusterSite,
    LocalSite,
    PostgresSite,
    RedisSite,
    Site,
    SqliteSite,
)
from tests.support.memory_source import Client, Table, running
from tests.support.notify_channel import NotifyChannel
from toasts.realtime import broker
from toasts.realtime.brokers import base
from toasts.realtime.brokers.base import HINTS_MAX_BYTES, Broker, pack, unpack
from toasts.realtime.brokers.local import LocalBroker
from toasts.realtime.brokers.redis_cluster import redis_broker


@pytest.fixture(params=["local", "sqlite", "postgres", "redis", "redis-cluster"])
def site(request: pytest.FixtureRequest, tmp_path: Path) -> Site:
    if request.param == "local":
        return LocalSite()
    if request.param == "sqlite":
        return SqliteSite(tmp_path / "site.sqlite3")
    channel = f"toasts {secrets.token_hex(4)}"
    if request.param == "redis":
        server = request.getfixturevalue("redis_server")
        return RedisSite([server], redis_broker(server.url, channel))
    if request.param == "redis-cluster":
        cluster = request.getfixturevalue("redis_cluster")
        return ClusterSite(cluster, redis_broker(cluster.url, channel))
    return PostgresSite(request.getfixturevalue("notify_channel"))


class Listener:
    def __init__(self, broker: Broker) -> None:
        self.wakes: list[Any] = []
        self.task = asyncio.create_task(broker.listen(self.wakes.append, self.publish))
        self.broker = broker

    async def publish(self, hints: Sequence[str]) -> None:
        await asyncio.to_thread(self.broker.publish, hints)

    def received(self, hint: str, since: int = 1) -> bool:
        return any(wake is None or hint in wake for wake in self.wakes[since:])

    async def leave(self) -> None:
        self.task.cancel()
        with suppress(asyncio.CancelledError):
            await self.task


# The contract.


async def test_a_listener_is_first_woken_for_all_topics(site: Site) -> None:
    listener = Listener(site.broker)
    await until(lambda: listener.wakes)
    assert listener.wakes[0] is None
    await listener.leave()


async def test_a_hint_of_another_process_wakes(site: Site) -> None:
    listener = Listener(site.broker)
    await until(lambda: listener.wakes)
    await asyncio.to_thread(site.publish, "user:1")
    await until(lambda: listener.received("user:1"))
    since = len(listener.wakes)
    await asyncio.to_thread(site.publish, "user:2")
    await until(lambda: listener.received("user:2", since))
    await listener.leave()


async def test_two_listeners_receive_the_same(site: Site) -> None:
    listeners = [Listener(site.broker), Listener(site.broker)]
    await until(lambda: all(each.wakes for each in listeners))
    await asyncio.to_thread(site.publish, "user:1")
    await until(lambda: all(each.received("user:1") for each in listeners))
    await asyncio.gather(*(each.leave() for each in listeners))


async def test_duplicates_and_garbage_do_no_harm(site: Site) -> None:
    table = Table()
    table.put("user:1", 1)
    async with running(table, site.broker) as hub:
        client = Client(hub, "user:1")
        await until(lambda: client.raw == b"= 1:1\n" and hub.listening)
        await asyncio.to_thread(site.send_garbage)
        for _ in range(2):
            await asyncio.to_thread(site.publish, "user:1")
        table.put("user:1", 2)
        await asyncio.to_thread(site.publish, "user:1")
        await until(lambda: client.raw == b"= 1:1\n+ 2:1\n")
        assert hub.listening


async def test_a_hub_receives_the_hints_of_another_process(site: Site) -> None:
    table = Table()
    async with running(table, site.broker) as hub:
        client = Client(hub, "user:1")
        await until(lambda: client.raw == b"= \n" and hub.listening)
        table.put("user:1", 1)
        await asyncio.to_thread(site.publish, "user:1")
        await until(lambda: client.raw == b"= \n+ 1:1\n")


async def test_a_listener_that_is_cancelled_leaves_nothing_behind(site: Site) -> None:
    before = asyncio.all_tasks()
    listener = Listener(site.broker)
    await until(lambda: listener.wakes)
    await asyncio.wait_for(listener.leave(), 2)
    wakes = list(listener.wakes)
    await until(lambda: asyncio.all_tasks() == before)

    async def gone() -> bool:
        return not await site.open_connections()

    await until(gone)
    await asyncio.to_thread(site.broker.publish, ["user:1"])
    await asyncio.sleep(0)
    assert listener.wakes == wakes


async def test_it_can_be_listened_to_again(site: Site) -> None:
    for _ in range(2):
        listener = Listener(site.broker)
        await until(lambda: listener.wakes)  # noqa: B023
        await asyncio.to_thread(site.publish, "user:1")
        await until(lambda: listener.received("user:1"))  # noqa: B023
        await listener.leave()


async def test_publishing_without_a_listener_is_fine(site: Site) -> None:
    await asyncio.to_thread(site.broker.publish, ["user:1"])
    await asyncio.to_thread(site.broker.publish, [])


async def test_two_hubs_of_one_site_receive_each_others_hints(
    notify_channel: NotifyChannel,
) -> None:
    table = Table()
    async with (
        running(table, notify_channel.broker()) as here,
        running(table, notify_channel.broker()) as there,
    ):
        clients = [Client(here, "user:1"), Client(there, "user:1")]
        await until(
            lambda: all(each.raw for each in clients) and here.listening and there.listening
        )
        table.put("user:1", 1)
        here.announce(["user:1"])
        await until(lambda: all(each.raw == b"= \n+ 1:1\n" for each in clients))


# The local broker.


def test_a_closed_loop_does_not_keep_hints_from_other_loops() -> None:
    broker = LocalBroker()
    received: list[Any] = []
    closed, open_ = asyncio.new_event_loop(), asyncio.new_event_loop()
    closed.close()
    broker._listeners = {received.append: closed, (lambda hints: received.append(hints)): open_}
    try:
        broker.publish(["a"])
        open_.run_until_complete(asyncio.sleep(0))
    finally:
        open_.close()
    assert received == [["a"]]


# Packing.


hints = st.lists(st.text(max_size=40) | st.text(min_size=200, max_size=1000), max_size=60)


@given(hints)
@example(["\0", "\ud800", "\U0001f600", '"', "\\", "\u2028", "~", "!"])
@example([f"user:{number}" for number in range(5000)])
def test_packing_loses_no_hint_and_keeps_the_order(given: list[str]) -> None:
    messages = pack(given)
    received = [hint for message in messages for hint in unpack(message)]
    # JSON joins two halves of a surrogate pair that are next to each other.
    assert received == [json.loads(json.dumps(hint)) for hint in dict.fromkeys(given)]
    assert all(len(message.encode()) <= HINTS_MAX_BYTES for message in messages)
    assert all(message.isascii() for message in messages)


@given(hints, st.integers(2, 300))
def test_no_message_is_larger_than_its_bound(given: list[str], limit: int) -> None:
    messages = pack(given, limit)
    assert all(2 < len(message) <= limit for message in messages)
    fitting = {hint for hint in given if len(json.dumps(hint)) + 2 <= limit}
    assert {hint for message in messages for hint in unpack(message)} == {
        json.loads(json.dumps(hint)) for hint in fitting
    }


def test_as_few_messages_as_fit() -> None:
    assert pack([]) == []
    assert pack(["a", "b", "a"]) == ['["a","b"]']
    assert pack(["a", "b", "c"], 10) == ['["a","b"]', '["c"]']
    assert len(pack(f"user:{number}" for number in range(3000))) == 5


def test_a_hint_that_is_too_long_is_left_out_alone() -> None:
    assert pack(["a", "x" * 7000, "b"]) == ['["a","b"]']


@pytest.mark.parametrize("message", GARBAGE)
def test_garbage_is_no_hint(message: str) -> None:
    assert all(isinstance(hint, str) for hint in unpack(message))


@given(st.text())
def test_no_message_raises(message: str) -> None:
    assert isinstance(unpack(message), list)


def test_hints_that_are_no_text_are_left_out() -> None:
    assert unpack('["a", 1, null, ["b"], {"c": 1}, "d"]') == ["a", "d"]


def test_the_helpers_for_brokers_are_imported_from_one_module() -> None:
    assert (broker.Broker, broker.BrokerError) == (base.Broker, base.BrokerError)
    assert (broker.pack, broker.unpack) == (base.pack, base.unpack)
    assert broker.LocalBroker is LocalBroker
