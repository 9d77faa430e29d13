"""Redis servers that stop, come back, or accept messages without delivering them."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import RedisError

from tests.conftest import until
from tests.support.memory_source import Client, Table, running
from tests.support.redis_listener import behind_middlebox, kill_listeners, listening, publish_hints
from tests.support.redis_server import RedisCluster, RedisServer
from toasts.realtime import hub as hub_module
from toasts.realtime.brokers import canary
from toasts.realtime.brokers import redis as module
from toasts.realtime.brokers.base import BrokerError
from toasts.realtime.brokers.redis import RedisBroker
from toasts.realtime.brokers.redis_cluster import SHARDS, redis_broker


async def test_a_client_that_is_killed_is_an_error_at_once(
    broker: RedisBroker, redis_server: RedisServer
) -> None:
    async with listening(broker) as listener:
        kill_listeners(redis_server)
        with pytest.raises(RedisConnectionError):
            await asyncio.wait_for(listener.task, 2)
        assert listener.wakes[1:] == [wake for wake in listener.wakes[1:] if wake == []]
    assert redis_server.listeners() == []


async def test_one_killed_client_of_a_cluster_ends_them_all(
    sharded: RedisBroker, redis_cluster: RedisCluster
) -> None:
    async with listening(sharded) as listener:
        kill_listeners(redis_cluster.nodes[1])
        with pytest.raises(RedisConnectionError):
            await asyncio.wait_for(listener.task, 2)
    await until(lambda: not any(node.listeners() for node in redis_cluster.nodes))


@pytest.mark.parametrize("kind", ["one server", "cluster"])
async def test_the_hub_connects_again_and_reads_what_it_missed(
    kind: str, broker: RedisBroker, sharded: RedisBroker,
    redis_server: RedisServer, redis_cluster: RedisCluster, quick: None,
) -> None:  # fmt: skip
    each = broker if kind == "one server" else sharded
    nodes = [redis_server] if kind == "one server" else redis_cluster.nodes
    table = Table()
    async with running(table, each) as hub:
        client = Client(hub, "user:1")
        await until(lambda: client.raw == b"= \n" and hub.listening)
        table.put("user:1", 1)  # and no hint is published
        await asyncio.to_thread(kill_listeners, *nodes)
        await until(lambda: client.raw == b"= \n+ 1:1\n")
        await until(lambda: hub.listening)
        table.put("user:1", 2)
        await publish_hints(each, "user:1")
        await until(lambda: client.raw == b"= \n+ 1:1\n+ 2:1\n")


async def test_the_hub_survives_a_restart_of_the_server(
    own_server: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hub_module, "BACKOFF_MAX", 0.3)
    broker = redis_broker(own_server.url, "c")
    table = Table()
    async with running(table, broker) as hub:
        client = Client(hub, "user:1")
        await until(lambda: client.raw == b"= \n" and hub.listening)
        await publish_hints(
            broker, "user:1"
        )  # so that the publisher has a connection that the restart closes
        await asyncio.to_thread(own_server.stop)
        await until(lambda: not hub.listening)
        # No listener receives this, and the hub continues all the same.
        hub.announce(["user:2"])
        table.put("user:1", 1)
        await asyncio.to_thread(own_server.start)
        await until(lambda: hub.listening)
        await until(lambda: client.raw == b"= \n+ 1:1\n")
        table.put("user:1", 2)
        await publish_hints(broker, "user:1")
        await until(lambda: client.raw == b"= \n+ 1:1\n+ 2:1\n")


async def test_a_connection_that_the_server_closed_meanwhile_loses_no_hint(
    own_server: RedisServer,
) -> None:
    broker = redis_broker(own_server.url, "c")
    await publish_hints(broker, "before")
    await asyncio.to_thread(own_server.stop)
    await asyncio.to_thread(own_server.start)
    async with listening(broker) as listener:
        await publish_hints(broker, "after")
        await until(lambda: listener.received == ["after"])


async def test_a_channel_that_transmits_nothing_is_detected(
    broker: RedisBroker, redis_server: RedisServer, short_redis_bounds: None
) -> None:
    async with listening(broker) as listener:
        listener.drops = None
        with pytest.raises(BrokerError, match=r"^no hint arrives any more on the channel 'toasts"):
            await asyncio.wait_for(listener.task, 15)
    await until(lambda: not redis_server.listeners())


async def test_one_shard_that_transmits_nothing_is_detected(
    sharded: RedisBroker, short_redis_bounds: None
) -> None:
    async with listening(sharded) as listener:
        await until(lambda: len(listener.canaries) >= 2 * SHARDS)
        assert not listener.task.done()
        listener.drops = set(sharded._probes(listener.canaries[-1].split("-")[0] + "-2")[4:5])  # type: ignore[index]
        with pytest.raises(BrokerError, match="no hint arrives any more"):
            await asyncio.wait_for(listener.task, 15)


async def test_canaries_are_sent_for_ever_and_wake_no_topic(
    broker: RedisBroker, short_redis_bounds: None
) -> None:
    async with listening(broker) as first, listening(broker) as second:
        await until(lambda: len(first.canaries) >= 3 and len(second.canaries) >= 3)
        assert not first.task.done()
        assert not second.task.done()
        assert first.received == second.received == []
    sent = first.canaries + second.canaries
    assert len(set(sent)) == len(sent)


async def test_a_flood_of_messages_does_not_hide_a_missing_canary() -> None:
    listener = module.RedisListener("SUBSCRIBE")
    listener._messages.put_nowait("x")
    async with asyncio.timeout(5):
        async for message in listener.receive(0.1):
            listener._messages.put_nowait(message)  # so that there is always another


async def test_a_middlebox_that_swallows_everything_is_detected(
    redis_server: RedisServer, channel: str, short_redis_bounds: None
) -> None:
    async with (
        behind_middlebox(redis_server) as (box, url),
        listening(redis_broker(url, channel)) as listener,
    ):
        await publish_hints(redis_broker(redis_server.url, channel), "a")
        await until(lambda: listener.received == ["a"])
        box.silent = True
        with pytest.raises(BrokerError, match="no hint arrives any more"):
            await asyncio.wait_for(listener.task, 15)


async def test_a_middlebox_that_falls_silent_before_the_listen_is_detected(
    redis_server: RedisServer, channel: str, short_redis_bounds: None
) -> None:
    async with behind_middlebox(redis_server) as (box, url):
        box.silent = True
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(redis_broker(url, channel).listen(print, ignore), 5)


async def ignore(hints: Sequence[str]) -> None:
    """Publish nothing."""


async def test_behind_a_silent_middlebox_a_listener_still_ends_at_once(
    redis_server: RedisServer, channel: str
) -> None:
    async with (
        behind_middlebox(redis_server) as (box, url),
        listening(redis_broker(url, channel)) as listener,
    ):
        box.silent = True
        started = asyncio.get_running_loop().time()
        await listener.end()
        assert listener.task.cancelled()
        assert asyncio.get_running_loop().time() - started < 1


async def test_a_writer_waits_seconds_at_most_for_a_redis_that_does_not_answer(
    redis_server: RedisServer, channel: str
) -> None:
    async with behind_middlebox(redis_server) as (box, url):
        broker = redis_broker(url, channel)
        await publish_hints(broker, "a")
        box.silent = True
        started = asyncio.get_running_loop().time()
        with pytest.raises(RedisError):
            await publish_hints(broker, "b")
        assert asyncio.get_running_loop().time() - started < 3


async def test_a_connection_sends_no_command_that_the_guide_does_not_name(
    own_server: RedisServer, channel: str
) -> None:
    """Such as redis-py's name: servers up to 7.0 don't know it, later ones log each refusal."""

    def refused() -> int:
        found = own_server.command("INFO", "errorstats")
        return sum(int(error["count"]) for error in found.values())

    before = refused()
    own = refused() - before  # the connection that asks sends its name, too
    broker = redis_broker(own_server.url, channel)
    async with listening(broker) as listener:
        await publish_hints(broker, "a")
        await until(lambda: listener.received == ["a"])
    assert refused() == before + 2 * own


async def test_a_message_that_no_process_of_the_site_sends_is_not_even_parsed(
    redis_server: RedisServer, broker: RedisBroker
) -> None:
    huge = '["forged' + '","forged' * 100_000 + '"]'
    async with listening(broker) as listener:
        redis_server.command("PUBLISH", broker.channel, huge)
        await publish_hints(broker, "a")
        await until(lambda: listener.received)
        assert listener.received == ["a"]


async def test_connections_that_listen_are_replaced_and_no_hint_is_missed(
    broker: RedisBroker, redis_server: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(canary, "AGE", (0.0, 0.0))
    monkeypatch.setattr(canary, "TIMEOUT", 0.5)
    monkeypatch.setattr(canary, "INTERVAL", 0.6)
    async with listening(broker) as listener:
        await until(lambda: listener.wakes.count(None) >= 2)  # None: everything is read again
        assert not listener.task.done()
        assert len(redis_server.listeners()) == 1
