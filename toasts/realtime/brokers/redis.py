"""Redis: hints travel by PUBLISH; on a cluster by SPUBLISH, on channels spread over its nodes.

Redis keeps no hint for whoever is away. None needs to be kept: who comes back looks everything up.
"""

from __future__ import annotations

import asyncio
import os
import threading
import time
from collections.abc import AsyncGenerator, Collection, Mapping, Sequence
from typing import Any

import redis
import redis.asyncio
import redis.asyncio.cluster
import redis.asyncio.retry
import redis.cluster
from redis.backoff import NoBackoff
from redis.exceptions import RedisClusterException
from redis.retry import Retry

from . import canary
from .base import BrokerError, Publish, Wake, pack
from .redis_cluster import SHARDS, Address, by_shard, is_cluster, one_for_each_shard

PREPARED_WITHIN = 5.0
READ_FOR = 60.0
"""Seconds of one read; after it comes the next. The canary tells when nothing can come."""
QUEUE = 1000
"""Messages that wait for the event loop; beyond it they wait in Redis' own bounded buffer."""
CONNECTIONS = 8
"""Of the publishing threads of a process; further threads wait for one."""
PATIENCE = 1.0
"""Seconds for each step of publishing: who publishes has just committed, and waits."""
SPENT_ON_FAILURES = 2.0
"""Seconds after which a failing publisher lets the rest of its hints go."""
_FAILURES = (redis.RedisError, RedisClusterException)

# RESP 2: every server speaks it, and on it nothing but what was subscribed to comes unasked.
_COMMON: Mapping[str, Any] = {"protocol": 2, "socket_keepalive": True}
_PUBLISHER = {**_COMMON, "socket_timeout": PATIENCE, "socket_connect_timeout": PATIENCE}
_POOL = {"max_connections": CONNECTIONS, "timeout": PATIENCE}


class RedisBroker:
    """Publish and subscribe on one channel of one server.

    Args:
        url: ``redis://``, ``rediss://`` or ``unix://``, with the options of redis-py.
        channel: the channel's name. Channels are common to all databases of a server.
    """

    name = "redis"
    _verb = "SUBSCRIBE"

    def __init__(self, url: str, channel: str) -> None:
        self.url = url
        self.channel = channel
        self._clients: dict[int, Any] = {}
        self._locks: dict[int, threading.Lock] = {}

    def publish(self, hints: Sequence[str]) -> None:
        """Send the hints in as few messages as fit.

        Raises:
            redis.RedisError: the server can't be reached within a second, or refuses.
        """
        messages = pack(hints)
        if messages:
            with self._publisher().pipeline(transaction=False) as pipeline:
                for message in messages:
                    pipeline.publish(self.channel, message)
                pipeline.execute()

    def _publisher(self) -> Any:
        # By process: a forked child must neither talk on its parent's sockets nor wait for a lock
        # that a thread of its parent holds.
        process = os.getpid()
        if process not in self._clients:
            lock = self._locks.setdefault(process, threading.Lock())
            if not lock.acquire(timeout=PATIENCE):
                raise BrokerError("another thread still tries to reach Redis")
            try:
                if process not in self._clients:
                    self._clients = {process: self._make_publisher()}
            finally:
                lock.release()
        return self._clients[process]

    def _make_publisher(self) -> Any:
        # No second try: the pool itself replaces a connection that the server closed meanwhile.
        options = {**_PUBLISHER, **_POOL, "retry": Retry(NoBackoff(), 0)}
        pool = redis.BlockingConnectionPool.from_url(self.url, **options)
        return redis.Redis(connection_pool=pool)

    async def listen(self, wake: Wake, publish: Publish) -> None:
        """Hear hints; canaries show every 15 s that every channel still carries.

        Raises:
            BrokerError: a canary did not come back within 5 s, or a channel moved.
            redis.RedisError: a connection failed.
            TimeoutError: the server did not answer within 5 s.
        """
        ears = RedisListener(self._verb)
        try:
            async with asyncio.timeout(PREPARED_WITHIN):
                for url, channels in (await self._places()).items():
                    await ears.open(url, channels)
            wake(None)
            await canary.listen(ears.receive, wake, publish, self.channel, self._flock)
        finally:
            await ears.close()

    async def _places(self) -> dict[str, list[str]]:
        """Where to hear which channels: URLs of servers."""
        return {self.url: [self.channel]}

    def _flock(self, name: str) -> Collection[str]:
        return [name]


class ClusterBroker(RedisBroker):
    """The same on a Redis Cluster (7.0 or later): a hint goes to one shard of the cluster alone.

    Args:
        url: ``redis+cluster://`` or ``rediss+cluster://``, with one or more of the cluster's nodes:
            ``redis+cluster://user:password@one:6379,two:6379``.
        channel: what the channels' names begin with.
    """

    _verb = "SSUBSCRIBE"

    def __init__(self, url: str, channel: str) -> None:
        super().__init__(url, channel)
        address = Address(url)
        self._nodes, self._url_of = address.nodes, address.url_of

    def publish(self, hints: Sequence[str]) -> None:
        """Send each hint to its shard.

        Raises:
            redis.RedisError: a shard can't be reached, or refuses. The others have heard, unless
                seconds have passed with those that can't.
            redis.exceptions.RedisClusterException: no node can be reached.
        """
        shards = by_shard(hints)
        if not shards:
            return
        publisher, deadline = self._publisher(), time.monotonic() + SPENT_ON_FAILURES
        failure: Exception | None = None
        for shard, some in shards.items():
            try:
                for message in pack(some):
                    publisher.spublish(self._channel(shard), message)
            except _FAILURES as error:
                failure = error
                if time.monotonic() > deadline:
                    break
        if failure is not None:
            raise failure

    def _channel(self, shard: int) -> str:
        return f"{self.channel}:{{{shard}}}"  # the braces: only what is in them chooses the slot

    def _make_publisher(self) -> Any:
        nodes = [
            redis.cluster.ClusterNode(*node)  # type: ignore[no-untyped-call]
            for node in self._nodes
        ]
        return redis.RedisCluster.from_url(
            self._url_of(*self._nodes[0]),
            startup_nodes=nodes,
            connection_pool_class=redis.BlockingConnectionPool,
            retry=Retry(NoBackoff(), 2),
            **_PUBLISHER,
            **_POOL,
        )

    async def _places(self) -> dict[str, list[str]]:
        cluster = redis.asyncio.RedisCluster.from_url(
            self._url_of(*self._nodes[0]),
            startup_nodes=[redis.asyncio.cluster.ClusterNode(*node) for node in self._nodes],
            **_COMMON,
        )
        places: dict[str, list[str]] = {}
        try:
            await cluster.initialize()
            for channel in map(self._channel, range(SHARDS)):
                node = cluster.get_node_from_key(channel)
                if node is None:
                    raise BrokerError(f"no node of the cluster has the slot of {channel!r}")
                places.setdefault(self._url_of(node.host, int(node.port)), []).append(channel)
        finally:
            await cluster.aclose()
        return places

    def _flock(self, name: str) -> Collection[str]:
        return one_for_each_shard(name)


def make(url: str, channel: str) -> RedisBroker:
    """The broker for this URL.

    Raises:
        ValueError: it is not the URL of a Redis server or cluster.
    """
    if is_cluster(url):
        return ClusterBroker(url, channel)
    redis.ConnectionPool.from_url(url)  # connects to nothing yet; says what is wrong with the URL
    return RedisBroker(url, channel)


class RedisListener:
    """Connections that hear, one per server, and what they heard, in one queue."""

    def __init__(self, verb: str) -> None:
        self._verb = verb
        self._heard: asyncio.Queue[str | Exception] = asyncio.Queue(QUEUE)
        self._connections: list[Any] = []
        self._readers: list[asyncio.Task[None]] = []

    async def open(self, url: str, channels: Sequence[str]) -> None:
        """Hear these channels on a connection of their own."""
        # No retry: it would subscribe anew without a word, and what was said meanwhile be lost.
        options = {**_COMMON, "retry": redis.asyncio.retry.Retry(NoBackoff(), 0)}
        pool = redis.asyncio.ConnectionPool.from_url(url, **options)
        connection = pool.make_connection()  # type: ignore[no-untyped-call]
        self._connections.append(connection)
        await connection.connect()
        for channel in channels:
            await connection.send_command(self._verb, channel)
            await self._confirmation(connection)
        self._readers.append(asyncio.create_task(self._read(connection)))

    async def _confirmation(self, connection: Any) -> None:
        while True:
            # Hints that come before are as good as unheard: all is looked up once we listen.
            kind, *_ = await connection.read_response()
            if _text(kind).upper() == self._verb:
                return

    async def _read(self, connection: Any) -> None:
        try:
            while True:
                said = await connection.read_response(timeout=READ_FOR)
                if said is not None:
                    await self._take(*said)
        except Exception as error:
            await self._heard.put(error)

    async def _take(self, kind: Any, channel: Any, data: Any) -> None:
        if _text(kind) in ("message", "smessage"):
            await self._heard.put(_text(data))
        else:  # a cluster says so when a channel's slot goes to another node
            raise BrokerError(f"the server ended the subscription of {_text(channel)!r}")

    async def receive(self, seconds: float) -> AsyncGenerator[str, None]:
        """What is heard within so many seconds.

        Raises:
            Exception: what ended one of the connections.
        """
        clock = asyncio.get_running_loop().time
        end = clock() + seconds
        while clock() < end:
            try:
                async with asyncio.timeout_at(end):
                    heard = await self._heard.get()
            except TimeoutError:
                return
            if isinstance(heard, Exception):
                raise heard
            yield heard

    async def close(self) -> None:
        for reader in self._readers:
            reader.cancel()
        await asyncio.gather(*self._readers, return_exceptions=True)
        for connection in self._connections:
            await connection.disconnect(nowait=True)  # a dead peer would never take leave


def _text(value: Any) -> str:
    # Text already, where the URL asks for decode_responses.
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)
