"""Redis: hints travel by PUBLISH.

Redis keeps no hint for a process that is not connected. It need not: a process that connects again
reads everything.
"""

from __future__ import annotations

import asyncio
import inspect
import os
import threading
from collections.abc import AsyncGenerator, Callable, Collection, Mapping, Sequence
from typing import Any

import redis
import redis.asyncio
import redis.asyncio.connection
import redis.asyncio.retry
import redis.connection
from redis.backoff import NoBackoff
from redis.retry import Retry

from . import canary
from .base import HINTS_MAX_BYTES, BrokerError, Publish, Wake, pack

SETUP_TIMEOUT = 5.0
"""Seconds until all channels must be subscribed."""
READ_TIMEOUT = 60.0
"""Seconds of one read; after it comes the next. The canary finds out whether messages arrive."""
QUEUE_SIZE = 1000
"""Messages that wait for the event loop; more of them wait in Redis' own bounded buffer."""
CONNECTIONS = 8
"""Connections of the publishing threads of a process; further threads wait for one."""
PUBLISH_TIMEOUT = 1.0
"""Seconds for each step of publishing: the thread that publishes has just committed, and waits."""

# RESP 2: every server speaks it, and sends nothing unasked but the messages of subscriptions.
COMMON_OPTIONS: Mapping[str, Any] = {"protocol": 2, "socket_keepalive": True}
PUBLISHER_OPTIONS: Mapping[str, Any] = {
    **COMMON_OPTIONS,
    "socket_timeout": PUBLISH_TIMEOUT,
    "socket_connect_timeout": PUBLISH_TIMEOUT,
    "max_connections": CONNECTIONS,
    "timeout": PUBLISH_TIMEOUT,
}


def unnamed(client: Callable[..., Any]) -> dict[str, None]:
    """Return the options by which a client of redis-py does not send its name and version.

    A user with only the rights that the guide names may not send them, and the server would log
    two denials for each connection (ACL LOG).

    Args:
        client: the class that takes the options.
    """
    if "driver_info" in inspect.signature(client).parameters:
        return {"driver_info": None}
    return {"lib_name": None, "lib_version": None}  # before redis-py 7.2


class RedisBroker:
    """Publish and subscribe on one channel of one server.

    Args:
        url: ``redis://``, ``rediss://`` or ``unix://``, with the options of redis-py.
        channel: the channel's name. All databases of a server share their channels.
    """

    name = "redis"
    _subscribe_command = "SUBSCRIBE"

    def __init__(self, url: str, channel: str) -> None:
        self.url = url
        self.channel = channel
        self._clients: dict[int, Any] = {}
        self._locks: dict[int, threading.Lock] = {}

    def publish(self, hints: Sequence[str]) -> None:
        """Send hints in as few messages as possible. Call it from any thread.

        Raises:
            redis.RedisError: the server can't be reached within a second, or refuses.
            BrokerError: another thread tries to reach it and has not succeeded within a second.
        """
        messages = pack(hints)
        if messages:
            with self._publisher().pipeline(transaction=False) as pipeline:
                for message in messages:
                    pipeline.publish(self.channel, message)
                pipeline.execute()

    def _publisher(self) -> Any:
        # One for each process: a forked child must neither use its parent's connections nor wait
        # for a lock that a thread of its parent holds.
        process = os.getpid()
        if process not in self._clients:
            lock = self._locks.setdefault(process, threading.Lock())
            if not lock.acquire(timeout=PUBLISH_TIMEOUT):
                raise BrokerError("another thread still tries to reach Redis")
            try:
                if process not in self._clients:
                    self._clients = {process: self._make_publisher()}
            finally:
                lock.release()
        return self._clients[process]

    def _make_publisher(self) -> Any:
        # No retry: the pool itself replaces a connection that the server closed meanwhile.
        retry = Retry(NoBackoff(), 0)
        options = {**PUBLISHER_OPTIONS, **unnamed(redis.connection.AbstractConnection)}
        pool = redis.BlockingConnectionPool.from_url(self.url, **options, retry=retry)
        return redis.Redis(connection_pool=pool)

    async def listen(self, wake: Wake, publish: Publish) -> None:
        """Receive hints until it is cancelled. Canaries test every channel every 15 s.

        Raises:
            BrokerError: a canary did not come back within 5 s, or a channel moved.
            redis.RedisError: a connection failed.
            TimeoutError: the server did not answer within 5 s.
        """
        while True:
            await self._listen_once(wake, publish)

    async def _listen_once(self, wake: Wake, publish: Publish) -> None:
        """Receive hints on new connections, until these have reached their greatest age."""
        listener = RedisListener(self._subscribe_command)
        try:
            async with asyncio.timeout(SETUP_TIMEOUT):
                for url, channels in (await self._channels_by_url()).items():
                    await listener.subscribe(url, channels)
            await canary.listen(listener.receive, wake, publish, self.channel, self._probes)
        finally:
            await listener.close()

    async def _channels_by_url(self) -> dict[str, list[str]]:
        """Return the channels to subscribe to, by the URLs of their servers."""
        return {self.url: [self.channel]}

    def _probes(self, canary: str) -> Collection[str]:
        return [canary]


class RedisListener:
    """Subscribed connections, one for each server, and their messages in one queue.

    Args:
        subscribe_command: ``SUBSCRIBE``, or ``SSUBSCRIBE`` on a cluster.
    """

    def __init__(self, subscribe_command: str) -> None:
        self._subscribe_command = subscribe_command
        self._messages: asyncio.Queue[str | Exception] = asyncio.Queue(QUEUE_SIZE)
        self._connections: list[Any] = []
        self._readers: list[asyncio.Task[None]] = []

    async def subscribe(self, url: str, channels: Sequence[str]) -> None:
        """Subscribe to channels of one server, on a connection of their own."""
        # No retry: it would subscribe again silently, and the messages in between would be lost.
        retry = redis.asyncio.retry.Retry(NoBackoff(), 0)
        options = {**COMMON_OPTIONS, **unnamed(redis.asyncio.connection.AbstractConnection)}
        pool = redis.asyncio.ConnectionPool.from_url(url, **options, retry=retry)
        connection = pool.make_connection()  # type: ignore[no-untyped-call]
        self._connections.append(connection)
        await connection.connect()
        for channel in channels:
            await connection.send_command(self._subscribe_command, channel)
            await self._wait_for_confirmation(connection)
        self._readers.append(asyncio.create_task(self._read(connection)))

    async def _wait_for_confirmation(self, connection: Any) -> None:
        while True:
            # Earlier messages may be dropped: the hub reads everything once it listens.
            kind, *_ = await connection.read_response()
            if _text(kind).upper() == self._subscribe_command:
                return

    async def _read(self, connection: Any) -> None:
        try:
            while True:
                response = await connection.read_response(timeout=READ_TIMEOUT)
                if response is not None:
                    await self._take(*response)
        except Exception as error:
            await self._messages.put(error)

    async def _take(self, kind: Any, channel: Any, data: Any) -> None:
        if _text(kind) in ("message", "smessage"):
            if len(data) <= HINTS_MAX_BYTES:  # a longer one is none of ours
                await self._messages.put(_text(data))
        else:  # a cluster sends it when a channel's slot moves to another node
            raise BrokerError(f"the server ended the subscription of {_text(channel)!r}")

    async def receive(self, seconds: float) -> AsyncGenerator[str, None]:
        """Yield the messages that arrive within `seconds`.

        Raises:
            Exception: what ended one of the connections.
        """
        clock = asyncio.get_running_loop().time
        end = clock() + seconds
        while clock() < end:
            try:
                async with asyncio.timeout_at(end):
                    message = await self._messages.get()
            except TimeoutError:
                return
            if isinstance(message, Exception):
                raise message
            yield message

    async def close(self) -> None:
        """Close all connections at once."""
        for reader in self._readers:
            reader.cancel()
        await asyncio.gather(*self._readers, return_exceptions=True)
        for connection in self._connections:
            await connection.disconnect(nowait=True)  # a dead peer would never answer


def _text(value: Any) -> str:
    # It is text already where the URL asks for decode_responses.
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)
