"""Redis Cluster: hints travel by SPUBLISH, on channels spread over the shards of the cluster."""

from __future__ import annotations

import re
import time
import zlib
from collections.abc import Collection, Sequence
from typing import Any
from urllib.parse import urlsplit

import redis
import redis.asyncio
import redis.asyncio.cluster
import redis.cluster
import redis.connection
from redis.backoff import NoBackoff
from redis.exceptions import RedisClusterException
from redis.retry import Retry

from .base import BrokerError, pack
from .redis import COMMON_OPTIONS, PUBLISHER_OPTIONS, RedisBroker, unnamed

SHARDS = 16
"""Channels of a site on a cluster. All processes of the site must agree on it."""
FAILURE_BUDGET = 2.0
"""Seconds after which a publisher that fails drops the rest of its hints."""
_CLUSTER = "+cluster"
_END_OF_NETLOC = re.compile("[/?#]")
_FAILURES = (redis.RedisError, RedisClusterException)


def redis_broker(url: str, channel: str) -> RedisBroker:
    """Return the broker for the URL of a server or of a cluster.

    Args:
        url: as `RedisBroker` or `ClusterBroker` takes it.
        channel: the channel's name.

    Raises:
        ValueError: it is not the URL of a Redis server or cluster.
    """
    if url.partition("://")[0].lower().endswith(_CLUSTER):
        return ClusterBroker(url, channel)
    redis.ConnectionPool.from_url(url)  # it does not connect yet, and raises for a wrong URL
    return RedisBroker(url, channel)


class ClusterAddress:
    """The URL of a cluster, parsed.

    Args:
        url: as `ClusterBroker` takes it.

    Raises:
        ValueError: it is not the URL of a cluster.
    """

    def __init__(self, url: str) -> None:
        # The hosts are taken apart first: urlsplit() refuses a list of them in which an IPv6
        # address is not the first (Python 3.14, and security releases of older ones).
        scheme, _, rest = url.partition("://")
        netloc = _END_OF_NETLOC.split(rest, maxsplit=1)[0]
        userinfo, at, hosts = netloc.rpartition("@")
        self._userinfo = userinfo + at
        self._scheme, self._tail = scheme.lower().removesuffix(_CLUSTER), rest[len(netloc) :]
        nodes = [urlsplit(f"//{host}") for host in hosts.split(",")]
        if self._scheme not in ("redis", "rediss") or not all(node.hostname for node in nodes):
            raise ValueError("the URL of a cluster is redis+cluster://host:port[,host:port ...]")
        self.nodes = [(str(node.hostname), node.port or 6379) for node in nodes]
        """Host and port of each node in the URL."""

    def url_of(self, host: str, port: int) -> str:
        """Return the URL of one node."""
        node = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
        return f"{self._scheme}://{self._userinfo}{node}{self._tail}"


class ClusterBroker(RedisBroker):
    """Publish and subscribe on a Redis Cluster, 7.0 or later. A hint goes to one shard only.

    Args:
        url: ``redis+cluster://`` or ``rediss+cluster://``, with one or more of the cluster's nodes:
            ``redis+cluster://user:password@one:6379,two:6379``.
        channel: what the names of the channels begin with.

    Raises:
        ValueError: it is not the URL of a cluster.
    """

    _subscribe_command = "SSUBSCRIBE"

    def __init__(self, url: str, channel: str) -> None:
        super().__init__(url, channel)
        self._address = ClusterAddress(url)

    def publish(self, hints: Sequence[str]) -> None:
        """Send each hint to its shard. Call it from any thread.

        Raises:
            redis.RedisError: a shard can't be reached, or refuses. The others got their hints,
                unless 2 s have passed with shards that failed.
            redis.exceptions.RedisClusterException: no node can be reached.
        """
        shards = by_shard(hints)
        if not shards:
            return
        publisher, deadline = self._publisher(), time.monotonic() + FAILURE_BUDGET
        failure: Exception | None = None
        for shard, hints_of_shard in shards.items():
            try:
                for message in pack(hints_of_shard):
                    publisher.spublish(self._channel(shard), message)
            except _FAILURES as error:
                failure = error
                if time.monotonic() > deadline:
                    break
        if failure is not None:
            raise failure

    def _channel(self, shard: int) -> str:
        return f"{self.channel}:{{{shard}}}"  # only the part in braces chooses the slot

    def _make_publisher(self) -> Any:
        nodes = [
            redis.cluster.ClusterNode(*node)  # type: ignore[no-untyped-call]
            for node in self._address.nodes
        ]
        return redis.RedisCluster.from_url(
            self._address.url_of(*self._address.nodes[0]),
            startup_nodes=nodes,
            connection_pool_class=redis.BlockingConnectionPool,
            retry=Retry(NoBackoff(), 2),
            **PUBLISHER_OPTIONS,
            **unnamed(redis.connection.AbstractConnection),
        )

    async def _channels_by_url(self) -> dict[str, list[str]]:
        nodes = [redis.asyncio.cluster.ClusterNode(*node) for node in self._address.nodes]
        url = self._address.url_of(*self._address.nodes[0])
        cluster = redis.asyncio.RedisCluster.from_url(
            url, startup_nodes=nodes, **COMMON_OPTIONS, **unnamed(redis.asyncio.RedisCluster)
        )
        found: dict[str, list[str]] = {}
        try:
            await cluster.initialize()
            for channel in map(self._channel, range(SHARDS)):
                node = cluster.get_node_from_key(channel)
                if node is None:
                    raise BrokerError(f"no node of the cluster has the slot of {channel!r}")
                url = self._address.url_of(node.host, int(node.port))
                found.setdefault(url, []).append(channel)
        finally:
            await cluster.aclose()
        return found

    def _probes(self, canary: str) -> Collection[str]:
        return one_for_each_shard(canary)


def shard_of(hint: str) -> int:
    """Return the number of the shard that a hint goes to."""
    return zlib.crc32(hint.encode("utf-8", "backslashreplace")) % SHARDS


def by_shard(hints: Sequence[str]) -> dict[int, list[str]]:
    """Return hints by the numbers of their shards."""
    shards: dict[int, list[str]] = {}
    for hint in hints:
        shards.setdefault(shard_of(hint), []).append(hint)
    return shards


def one_for_each_shard(prefix: str) -> Collection[str]:
    """Return texts that begin with a prefix, one for each shard."""
    # A hint's text chooses its shard, so texts are tried until each shard has one.
    found: dict[int, str] = {}
    attempt = 0
    while len(found) < SHARDS:
        text = f"{prefix}-{attempt}"
        found.setdefault(shard_of(text), text)
        attempt += 1
    return list(found.values())
