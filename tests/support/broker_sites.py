"""Brokers of every kind, each with another program that uses the same channel."""

from __future__ import annotations

import asyncio
import json
import sqlite3
import subprocess
import sys
import threading
import zlib
from contextlib import closing
from pathlib import Path
from typing import Any, Protocol

from tests.support.notify_channel import NotifyChannel
from tests.support.redis_server import RedisCluster, RedisServer
from toasts.realtime.brokers.base import Broker
from toasts.realtime.brokers.local import LocalBroker
from toasts.realtime.brokers.redis import RedisBroker
from toasts.realtime.brokers.sqlite import SqliteBroker

GARBAGE = ["", "null", "{}", '{"a": 1}', "7", '"t"', "[", "[1, null, [], {}]", "[" * 7900, "\u2028"]
GARBAGE += ['["", "!", "~", "~0-0", "!!"]', "9" * 7000, '["\\ud800"]', "NaN", "[NaN]", "\\"]

PUBLISHER = """
import psycopg, sys
url, channel, message = sys.argv[1:]
psycopg.connect(url, autocommit=True).execute("SELECT pg_notify(%s, %s)", [channel, message])
"""


REDIS_PUBLISHER = """
import redis, sys
port, *command = sys.argv[1:]
redis.Redis(port=int(port)).execute_command(*command)
"""


class Site(Protocol):
    """A broker, and another program that uses the same channel."""

    @property
    def broker(self) -> Broker: ...

    def publish(self, hint: str) -> None:
        """Publish a hint from outside the broker."""

    def send_garbage(self) -> None:
        """Send messages that none of our brokers would send."""

    async def open_connections(self) -> list[Any]:
        """Return what a listener has open."""


class LocalSite:
    def __init__(self) -> None:
        self.broker = LocalBroker()

    def publish(self, hint: str) -> None:
        thread = threading.Thread(target=self.broker.publish, args=([hint],))
        thread.start()
        thread.join(10)

    def send_garbage(self) -> None:
        self.broker.publish([])
        self.broker.publish(GARBAGE)

    async def open_connections(self) -> list[Any]:
        return list(self.broker._listeners)


class SqliteSite:
    def __init__(self, path: Path) -> None:
        self.path = path
        self.broker = SqliteBroker(str(path))
        with closing(sqlite3.connect(path, isolation_level=None)) as connection:
            connection.execute("PRAGMA journal_mode = wal")
            connection.execute("CREATE TABLE t (id INTEGER PRIMARY KEY)")

    def publish(self, hint: str) -> None:
        code = (
            "import sqlite3, sys; c = sqlite3.connect(sys.argv[1]); "
            "c.execute('INSERT INTO t DEFAULT VALUES'); c.commit(); c.close()"
        )
        subprocess.run([sys.executable, "-c", code, str(self.path)], check=True, timeout=20)

    def send_garbage(self) -> None:
        self.broker.publish(GARBAGE)
        with closing(sqlite3.connect(self.path, isolation_level=None)) as connection:
            connection.execute("CREATE TABLE of_somebody_else (id INTEGER)")

    async def open_connections(self) -> list[Any]:
        with closing(sqlite3.connect(self.path, timeout=0, isolation_level=None)) as connection:
            # This fails while another connection has the file open.
            mode = connection.execute("PRAGMA journal_mode = delete").fetchone()[0]
            return [] if mode == "delete" else [mode]


class PostgresSite:
    def __init__(self, notify_channel: NotifyChannel) -> None:
        self.notify_channel = notify_channel
        self.broker = notify_channel.broker()

    def publish(self, hint: str) -> None:
        arguments = [self.notify_channel.url, self.notify_channel.channel, json.dumps([hint])]
        subprocess.run([sys.executable, "-c", PUBLISHER, *arguments], check=True, timeout=20)

    def send_garbage(self) -> None:
        for message in GARBAGE:
            self.notify_channel.sql(
                "SELECT pg_notify(%s, %s)", self.notify_channel.channel, message
            )

    async def open_connections(self) -> list[Any]:
        return await self.notify_channel.listeners()


class RedisSite:
    verb = "PUBLISH"

    def __init__(self, nodes: list[RedisServer], broker: RedisBroker) -> None:
        self.nodes = nodes
        self.broker = broker

    def place(self, hint: str) -> tuple[RedisServer, str]:
        return self.nodes[0], self.broker.channel

    def publish(self, hint: str) -> None:
        node, channel = self.place(hint)
        words = [str(node.port), self.verb, channel, json.dumps([hint])]
        subprocess.run([sys.executable, "-c", REDIS_PUBLISHER, *words], check=True, timeout=20)

    def send_garbage(self) -> None:
        node, channel = self.place("")
        for message in [*GARBAGE, b"\xff\x00", b'["\xc3"]', "x" * 1_000_000]:
            node.command(self.verb, channel, message)

    async def open_connections(self) -> list[Any]:
        found = await asyncio.gather(*(asyncio.to_thread(node.listeners) for node in self.nodes))
        return [client for clients in found for client in clients]


class ClusterSite(RedisSite):
    verb = "SPUBLISH"

    def __init__(self, cluster: RedisCluster, broker: RedisBroker) -> None:
        super().__init__(cluster.nodes, broker)
        self.cluster = cluster

    def place(self, hint: str) -> tuple[RedisServer, str]:
        channel = f"{self.broker.channel}:{{{zlib.crc32(hint.encode()) % 16}}}"
        return self.cluster.owner(channel), channel
