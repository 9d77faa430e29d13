"""A Redis Cluster of three nodes: its shards, its moves, its addresses."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tests.conftest import until
from tests.support.memory_source import Client, Table, running
from tests.support.redis_listener import listening, publish_hints, publish_when_connected
from tests.support.redis_server import RedisCluster, RedisServer
from toasts.realtime import hub as hub_module
from toasts.realtime.brokers.redis import RedisBroker
from toasts.realtime.brokers.redis_cluster import SHARDS, ClusterBroker, redis_broker, shard_of


async def test_a_hint_goes_to_one_shard_only_and_every_node_has_shards(
    sharded: RedisBroker, redis_cluster: RedisCluster
) -> None:
    channels = await sharded._channels_by_url()
    assert sorted(len(channels) for channels in channels.values()) != [0, 0, SHARDS]
    assert len(channels) == 3
    assert sum(map(len, channels.values())) == SHARDS
    async with listening(sharded) as listener:
        await until(lambda: len(listener.canaries) == SHARDS)
        before = [int(stats(node)["total_commands_processed"]) for node in redis_cluster.nodes]
        for _ in range(50):
            await publish_hints(sharded, "user:1")
        after = [int(stats(node)["total_commands_processed"]) for node in redis_cluster.nodes]
        grown = sorted(now - then for then, now in zip(before, after, strict=True))
        assert grown[2] >= 50
        assert grown[1] < 25
        await until(lambda: listener.received == ["user:1"] * 50)


def stats(node: RedisServer) -> dict[str, Any]:
    found: dict[str, Any] = node.command("INFO", "stats")
    return found


async def test_every_shard_transmits_hints(sharded: RedisBroker) -> None:
    hints = list(sharded._probes("user:"))
    assert len({shard_of(hint) for hint in hints}) == SHARDS
    async with listening(sharded) as listener:
        await publish_hints(sharded, *hints)
        await until(lambda: sorted(listener.received) == sorted(hints))


def test_the_shard_of_a_hint_is_the_same_in_every_process() -> None:
    """Processes of two releases may run at the same time, so these numbers must not change."""
    assert [shard_of(hint) for hint in ("user:1", "user:2", "!user:1", "é", "\ud800")] == [
        2, 8, 7, 14, 3,
    ]  # fmt: skip


async def test_a_node_that_is_down_at_the_start_is_skipped(
    redis_cluster: RedisCluster, channel: str
) -> None:
    url = redis_cluster.url.replace("//", "//127.0.0.1:1,")
    broker = redis_broker(url, channel)
    async with listening(broker) as listener:
        await publish_hints(broker, "a")
        await until(lambda: listener.received == ["a"])


async def test_listeners_follow_a_slot_that_moves(
    sharded: RedisBroker,
    redis_cluster: RedisCluster,
    channel: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(hub_module, "BACKOFF_MAX", 0.3)  # and the canary is not due yet
    shard = f"{channel}:{{{shard_of('user:1')}}}"
    table = Table()
    async with running(table, sharded) as hub:
        client = Client(hub, "user:1")
        await until(lambda: client.raw == b"= \n" and hub.listening)
        # From here on the publisher knows the old node.
        await until(lambda: publish_when_connected(sharded, "user:1"))
        before = redis_cluster.owner(shard)
        await asyncio.to_thread(redis_cluster.move, shard)
        assert redis_cluster.owner(shard) is not before
        await until(lambda: not hub.listening)
        await until(lambda: hub.listening)
        table.put("user:1", 1)
        await publish_hints(sharded, "user:1")
        await until(lambda: client.raw == b"= \n+ 1:1\n")


async def test_a_node_that_restarts_is_found_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hub_module, "BACKOFF_MAX", 0.3)
    cluster = await asyncio.to_thread(RedisCluster().start)
    try:
        broker = redis_broker(cluster.url, "c")
        table = Table()
        async with running(table, broker) as hub:
            client = Client(hub, "user:1")
            await until(lambda: client.raw == b"= \n" and hub.listening)
            node = cluster.owner(f"c:{{{shard_of('user:1')}}}")
            await asyncio.to_thread(node.stop)
            await until(lambda: not hub.listening)
            table.put("user:1", 1)
            await asyncio.to_thread(node.start)
            await until(lambda: hub.listening, 20)
            await until(lambda: client.raw == b"= \n+ 1:1\n")
            table.put("user:1", 2)
            await publish_hints(broker, "user:1")
            await until(lambda: client.raw == b"= \n+ 1:1\n+ 2:1\n")
    finally:
        cluster.remove()


# Addresses.


@pytest.mark.parametrize(
    ("url", "nodes", "first"),
    [
        ("redis+cluster://one", [("one", 6379)], "redis://one:6379"),
        (
            "rediss+cluster://u:p%40ss@one:7000,two:7001/0?client_name=x",
            [("one", 7000), ("two", 7001)],
            "rediss://u:p%40ss@one:7000/0?client_name=x",
        ),
        ("redis+cluster://[::1]:7000", [("::1", 7000)], "redis://[::1]:7000"),
        (
            "redis+cluster://one,two:7001,[::1]:7002",
            [("one", 6379), ("two", 7001), ("::1", 7002)],
            "redis://one:6379",
        ),
        (
            "REDISS+cluster://u:p@one,[fe80::1]?client_name=x#y",
            [("one", 6379), ("fe80::1", 6379)],
            "rediss://u:p@one:6379?client_name=x#y",
        ),
    ],
)
def test_the_url_of_a_cluster_names_one_or_more_of_its_nodes(
    url: str, nodes: list[tuple[str, int]], first: str
) -> None:
    broker = redis_broker(url, "c")
    assert isinstance(broker, ClusterBroker)
    assert broker._address.nodes == nodes
    assert broker._address.url_of(*nodes[0]) == first


@pytest.mark.parametrize(
    "url",
    ["", "localhost", "http://x", "redis+cluster://", "redis+cluster://a,,b", "unix+cluster:///x"],
)
def test_a_url_of_no_redis_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match="URL"):
        redis_broker(url, "c")
