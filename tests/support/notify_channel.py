"""A NOTIFY channel of a real PostgreSQL, to publish on and to list the listeners of."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Any

import psycopg
from psycopg.conninfo import make_conninfo

from tests.conftest import until
from toasts.realtime.brokers.canary import CANARY
from toasts.realtime.brokers.postgres import PostgresBroker, notify


class NotifyChannel:
    def __init__(self, url: str) -> None:
        self.url = url
        self.channel = f"toasts {secrets.token_hex(4)}"
        # Each test has its own name: the server may still list listeners of the previous test.
        self.name = f"listener of {self.channel}"
        self.sent: list[str] = []
        self.drops_canaries = False

    def broker(self, conninfo: Any = None) -> PostgresBroker:
        conninfo = conninfo or make_conninfo(self.url, application_name=self.name)
        return PostgresBroker(conninfo, self.channel, self.notify)

    def notify(self, channel: str, messages: Sequence[str]) -> None:
        """Send messages in a transaction, as a host project's connection does."""
        if self.drops_canaries:
            messages = [message for message in messages if CANARY not in message]
        self.sent += messages
        with psycopg.connect(self.url, autocommit=True) as connection:
            if messages:
                notify(connection, channel, messages)

    def sql(self, statement: str, *parameters: Any, role: str = "postgres") -> list[Any]:
        with psycopg.connect(self.url, autocommit=True, user=role) as connection:
            cursor = connection.execute(statement, parameters or None)
            return cursor.fetchall() if cursor.description else []

    async def run(self, statement: str, *parameters: Any) -> list[Any]:
        return await asyncio.to_thread(self.sql, statement, *parameters)

    async def listeners(self, columns: str = "pid") -> list[Any]:
        """Return this channel's listening connections, as the server lists them."""
        return await self.run(
            f"SELECT {columns} FROM pg_stat_activity WHERE application_name = %s", self.name
        )

    async def publish(self, hints: Sequence[str]) -> None:
        """Publish as the hub publishes a broker's canaries."""
        await asyncio.to_thread(self.broker().publish, hints)

    @asynccontextmanager
    async def listening(self, broker: PostgresBroker | None = None) -> AsyncIterator[Listener]:
        listener = Listener(self, broker or self.broker())
        try:
            await until(lambda: listener.wakes or listener.task.done())
            yield listener
        finally:
            await listener.end()


class Listener:
    """A running listen() of a broker, and what it received."""

    def __init__(self, notify_channel: NotifyChannel, broker: PostgresBroker) -> None:
        self.wakes: list[list[str] | None] = []
        self.task = asyncio.create_task(broker.listen(self.wake, notify_channel.publish))

    def wake(self, hints: Iterable[str] | None) -> None:
        self.wakes.append(None if hints is None else list(hints))

    @property
    def received(self) -> list[str]:
        return [hint for hints in self.wakes for hint in hints or ()]

    async def end(self) -> None:
        self.task.cancel()
        with suppress(asyncio.CancelledError, Exception):
            await self.task


async def until_nobody_listens(notify_channel: NotifyChannel) -> None:
    async def no_listener() -> bool:
        return not await notify_channel.listeners()

    await until(no_listener)
