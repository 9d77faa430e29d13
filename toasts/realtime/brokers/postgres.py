"""PostgreSQL: hints travel by NOTIFY, to one listening connection per process.

The NOTIFY is never sent in the transaction that writes: it would take a lock of the whole cluster
until that transaction's commit is on disk.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import socket
from collections.abc import AsyncGenerator, Callable, Coroutine, Mapping, Sequence
from typing import Any, Self

from psycopg import AsyncConnection, Connection, OperationalError, pq, sql
from psycopg.conninfo import conninfo_to_dict

from . import canary
from .base import Publish, Wake, pack

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


def notify(connection: Connection[Any], channel: str, messages: Sequence[str]) -> bytes:
    """The statements that send these messages: of NOTIFY, which the server need not plan."""
    quoted, encoding = pq.Escaping(connection.pgconn), connection.info.encoding
    name = quoted.escape_identifier(channel.encode(encoding))
    payloads = (quoted.escape_literal(message.encode(encoding)) for message in messages)
    return b"; ".join(b"NOTIFY %b, %b" % (name, payload) for payload in payloads)


class PostgresBroker:
    """LISTEN and NOTIFY on one fixed channel.

    Args:
        conninfo: a connection string for the listener, or what gives libpq's keywords.
        channel: the channel's name.
        notify: sends messages in a transaction of its own, on a connection of the caller's. Blocks,
            from any thread.
    """

    name = "postgres"

    def __init__(
        self,
        conninfo: str | Callable[[], Mapping[str, Any]],
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
        given = conninfo_to_dict(own) if isinstance(own, str) else own()
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
        with Notifications(connection) as notifications:
            timer = asyncio.get_running_loop().call_later(seconds, notifications.end)
            try:
                while arrived := await notifications.arrived():
                    for channel, payload in arrived:
                        if channel == self.channel:
                            yield payload
            finally:
                timer.cancel()


class Notifications:
    """What a connection is notified of, which meanwhile is used for nothing else.

    The driver's own generator asks the loop anew for each wait. That costs two and a half times as
    much, and every process pays it for whatever any of them says.
    """

    def __init__(self, connection: AsyncConnection[Any]) -> None:
        self._pgconn = connection.pgconn
        self._socket: int | None = connection.fileno()
        self._encoding = connection.info.encoding
        self._loop = asyncio.get_running_loop()
        self._news = asyncio.Event()
        self._found: list[tuple[str, str]] = []
        self._error: Exception | None = None
        self._over = False

    def __enter__(self) -> Self:
        self._loop.add_reader(self._pgconn.socket, self._read)
        return self

    def __exit__(self, *exception: object) -> None:
        self._unwatch()

    def _unwatch(self) -> None:
        # Once: of a lost connection libpq closes the socket, and its number may be another's next.
        if self._socket is not None:
            self._loop.remove_reader(self._socket)
            self._socket = None

    async def arrived(self) -> list[tuple[str, str]]:
        """Channels and payloads, once there are any; none: it was told to `end`.

        Raises:
            psycopg.OperationalError: the connection is lost, and all that came before is taken.
        """
        while not self._found and not self._over:
            self._news.clear()
            await self._news.wait()
        if not self._found and self._error is not None:
            raise self._error
        found, self._found = self._found, []
        return found

    def end(self) -> None:
        self._over = True
        self._news.set()

    def _read(self) -> None:
        try:
            self._pgconn.consume_input()
            self._take()
            if self._pgconn.status != pq.ConnStatus.OK:  # libpq made nothing of what it read
                raise OperationalError("the connection is lost")
        except Exception as error:
            self._unwatch()
            self._error = error
            self.end()
            with contextlib.suppress(Exception):
                self._take()  # what came before it was lost

    def _take(self) -> None:
        while (notify := self._pgconn.notifies()) is not None:
            names = (notify.relname, notify.extra)
            channel, payload = (name.decode(self._encoding, "replace") for name in names)
            self._found.append((channel, payload))
        if self._found:
            self._news.set()


def _hang_up(connection: AsyncConnection[Any]) -> None:
    """End the connection at once, from below: whoever waits for the server sees it closed."""
    with socket.fromfd(connection.fileno(), socket.AF_INET, socket.SOCK_STREAM) as below:
        below.shutdown(socket.SHUT_RDWR)
