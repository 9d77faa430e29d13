"""PostgreSQL: hints travel by NOTIFY, to one listening connection per process.

The NOTIFY is never sent in the transaction that writes: it would take a lock of the whole cluster
until that transaction's commit is on disk.
"""

from __future__ import annotations

import asyncio
import itertools
import secrets
import socket
from collections.abc import Callable, Coroutine, Mapping, Sequence
from typing import Any

from psycopg import AsyncConnection, Notify, sql
from psycopg.conninfo import conninfo_to_dict

from .broker import BrokerError, Publish, Wake, pack, unpack

CANARY = "~"
"""A hint that begins so is a listener's own, sent to see whether the channel still carries."""
PREPARED_WITHIN = 5.0
CANARY_WITHIN = 5.0
CANARY_EVERY = 15.0

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

        A ping would not: it passes a pooler that gives LISTEN to another session, and a middlebox
        that acknowledges what it no longer forwards.

        Raises:
            BrokerError: the canary did not come back within 5 s.
            psycopg.Error: the connection failed.
        """
        connection = await AsyncConnection.connect(**self._options(), autocommit=True)
        try:
            await self._within(PREPARED_WITHIN, connection, self._prepare(connection))
            wake(None)
            await self._receive(connection, wake, publish)
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
        self, connection: AsyncConnection[Any], wake: Wake, publish: Publish
    ) -> None:
        node = f"{CANARY}{secrets.token_hex(4)}-"
        for number in itertools.count():
            canary = f"{node}{number}"
            sending = asyncio.create_task(self._send_canary(publish, canary))
            try:
                if not await self._hear(connection, wake, CANARY_WITHIN, canary):
                    raise BrokerError(f"the channel {self.channel!r} carries nothing to us")
            finally:
                sending.cancel()
            await self._hear(connection, wake, CANARY_EVERY - CANARY_WITHIN, None)

    @staticmethod
    async def _send_canary(publish: Publish, canary: str) -> None:
        # Whatever hinders it, the canary's absence says so.
        await asyncio.gather(publish([canary]), return_exceptions=True)

    async def _hear(
        self, connection: AsyncConnection[Any], wake: Wake, seconds: float, canary: str | None
    ) -> bool:
        """Pass hints on for some seconds; whether the canary was among them."""
        heard = False
        async for notify in connection.notifies(timeout=seconds):
            hints = self._hints(notify)
            heard = heard or canary in hints
            wake([hint for hint in hints if not hint.startswith(CANARY)])
        return heard

    def _hints(self, notify: Notify) -> list[str]:
        return unpack(notify.payload) if notify.channel == self.channel else []


def _hang_up(connection: AsyncConnection[Any]) -> None:
    """End the connection at once, from below: whoever waits for the server sees it closed."""
    with socket.fromfd(connection.fileno(), socket.AF_INET, socket.SOCK_STREAM) as below:
        below.shutdown(socket.SHUT_RDWR)
