"""PostgreSQL: hints travel by NOTIFY, to one listening connection per process.

The NOTIFY is never sent in the transaction that writes: it would take a lock of the whole cluster
until that transaction's commit is on disk.
"""

from __future__ import annotations

import asyncio
import functools
import socket
from collections.abc import AsyncGenerator, Callable, Coroutine, Mapping, Sequence
from typing import Any

from psycopg import AsyncConnection, sql
from psycopg.conninfo import conninfo_to_dict

from . import canary
from .broker import Publish, Wake, pack

PREPARED_WITHIN = 5.0

LISTENER_OPTIONS = {
    "application_name": "toasts listener",
    "connect_timeout": 5,
    "keepalives_idle": 15,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 15000,
    # A standby can't LISTEN; with several hosts the one that can is found.
    "target_session_attrs": "read-write",
}


class PostgresBroker:
    """LISTEN and NOTIFY on one fixed channel.

    Args:
        conninfo: a connection string for the listener, or libpq's keywords.
        channel: the channel's name.
        notify: sends messages: one statement in a transaction of its own, on a connection of the
            caller's. Blocks, from any thread.
    """

    name = "postgres"

    def __init__(
        self,
        conninfo: str | Mapping[str, Any],
        channel: str,
        notify: Callable[[str, Sequence[str]], None],
    ) -> None:
        self.conninfo = conninfo
        self.channel = channel
        self.notify = notify

    def publish(self, hints: Sequence[str]) -> None:
        """Send the hints in as few messages as fit.

        Raises:
            Exception: the driver's own, when the database can't be reached.
        """
        messages = pack(hints)
        if messages:
            self.notify(self.channel, messages)

    async def listen(self, wake: Wake, publish: Publish) -> None:
        """Hear hints; a canary through the channel shows every 15 s that it still carries.

        Raises:
            BrokerError: the canary did not come back within 5 s.
            psycopg.Error: the connection failed.
        """
        connection = await AsyncConnection.connect(**self._options(), autocommit=True)
        try:
            await self._within(PREPARED_WITHIN, connection, self._prepare(connection))
            wake(None)
            receive = functools.partial(self._receive, connection)
            await canary.listen(receive, wake, publish, self.channel)
        finally:
            # Not close(), which first asks the server to cancel: a dead peer would never answer.
            connection.pgconn.finish()

    def _options(self) -> dict[str, Any]:
        own = self.conninfo
        given = conninfo_to_dict(own) if isinstance(own, str) else dict(own)
        return {**LISTENER_OPTIONS, **given}

    @staticmethod
    async def _within(
        seconds: float, connection: AsyncConnection[Any], step: Coroutine[Any, Any, None]
    ) -> None:
        # Not asyncio.timeout(): psycopg answers a cancellation by asking the server to cancel, too.
        timer = asyncio.get_running_loop().call_later(seconds, _hang_up, connection)
        try:
            await step
        finally:
            timer.cancel()

    async def _prepare(self, connection: AsyncConnection[Any]) -> None:
        await connection.execute(sql.SQL("LISTEN {}").format(sql.Identifier(self.channel)))
        # A listener is idle by trade. The setting exists from PostgreSQL 14 on.
        await connection.execute(
            "SELECT set_config(name, '0', false) FROM pg_settings"
            " WHERE name = 'idle_session_timeout'"
        )

    async def _receive(
        self, connection: AsyncConnection[Any], seconds: float
    ) -> AsyncGenerator[str, None]:
        async for notify in connection.notifies(timeout=seconds):
            if notify.channel == self.channel:
                yield notify.payload


def _hang_up(connection: AsyncConnection[Any]) -> None:
    """End the connection at once, from below: whoever waits for the server sees it closed."""
    with socket.fromfd(connection.fileno(), socket.AF_INET, socket.SOCK_STREAM) as below:
        below.shutdown(socket.SHUT_RDWR)
