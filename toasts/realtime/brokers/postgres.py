"""PostgreSQL: hints travel by NOTIFY, to one connection of each process that listens.

NOTIFY is never sent in the transaction that writes: it would hold a lock of the whole cluster until
the commit of that transaction is on disk (async.c, PreCommit_Notify).
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

SETUP_TIMEOUT = 5.0
"""Seconds until the connection must listen."""

LISTENER_OPTIONS = {
    "application_name": "toasts listener",
    "connect_timeout": 5,
    "keepalives_idle": 15,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 15000,
    # A standby can't LISTEN. Of several hosts, libpq chooses one that can.
    "target_session_attrs": "read-write",
}


def notify(connection: Connection[Any], channel: str, messages: Sequence[str]) -> bytes:
    """Return the statements that send messages.

    They are NOTIFY and not ``SELECT pg_notify()``, which the server would have to plan.

    Args:
        connection: its encoding is used for quoting.
        channel: the channel's name.
        messages: of at most 8,000 bytes each.
    """
    quoted, encoding = pq.Escaping(connection.pgconn), connection.info.encoding
    name = quoted.escape_identifier(channel.encode(encoding))
    payloads = (quoted.escape_literal(message.encode(encoding)) for message in messages)
    return b"; ".join(b"NOTIFY %b, %b" % (name, payload) for payload in payloads)


class PostgresBroker:
    """LISTEN and NOTIFY on one fixed channel.

    Args:
        conninfo: a connection string for the listening connection, or a callable that returns
            libpq's keywords.
        channel: the channel's name.
        notify: sends messages on this channel in a transaction of its own, on a connection of the
            caller's. It blocks; any thread may call it.
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
        """Send hints in as few messages as possible. Call it from any thread.

        Raises:
            Exception: the driver's own, if the database can't be reached.
        """
        messages = pack(hints)
        if messages:
            self.notify(self.channel, messages)

    async def listen(self, wake: Wake, publish: Publish) -> None:
        """Receive hints until it is cancelled. A canary tests the channel every 15 s.

        Raises:
            BrokerError: the canary did not come back within 5 s.
            psycopg.Error: the connection failed.
        """
        connection = await AsyncConnection.connect(**self._options(), autocommit=True)
        try:
            await _with_timeout(SETUP_TIMEOUT, connection, self._set_up(connection))
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

    async def _set_up(self, connection: AsyncConnection[Any]) -> None:
        await connection.execute(sql.SQL("LISTEN {}").format(sql.Identifier(self.channel)))
        # A connection that listens is idle. The setting exists from PostgreSQL 14 on.
        await connection.execute(
            "SELECT set_config(name, '0', false) FROM pg_settings"
            " WHERE name = 'idle_session_timeout'"
        )

    async def _receive(
        self, connection: AsyncConnection[Any], seconds: float
    ) -> AsyncGenerator[str, None]:
        with Notifications(connection) as notifications:
            timer = asyncio.get_running_loop().call_later(seconds, notifications.stop)
            try:
                while received := await notifications.receive():
                    for channel, payload in received:
                        if channel == self.channel:
                            yield payload
            finally:
                timer.cancel()


async def _with_timeout(
    seconds: float, connection: AsyncConnection[Any], step: Coroutine[Any, Any, None]
) -> None:
    # Not asyncio.timeout(): when psycopg is cancelled, it first asks the server to cancel, too.
    timer = asyncio.get_running_loop().call_later(seconds, _shut_socket, connection)
    try:
        await step
    finally:
        timer.cancel()


def _shut_socket(connection: AsyncConnection[Any]) -> None:
    """End a connection at once, below libpq: whatever waits for the server sees it closed."""
    with socket.fromfd(connection.fileno(), socket.AF_INET, socket.SOCK_STREAM) as copy:
        copy.shutdown(socket.SHUT_RDWR)


class Notifications:
    """The notifications of a connection, which is used for nothing else meanwhile.

    The driver's own generator registers with the loop again for each wait. That costs two and a
    half times as much, and every process pays it for each message of any of them.

    Args:
        connection: it must listen already.
    """

    def __init__(self, connection: AsyncConnection[Any]) -> None:
        self._pgconn = connection.pgconn
        self._socket: int | None = connection.fileno()
        self._encoding = connection.info.encoding
        self._loop = asyncio.get_running_loop()
        self._changed = asyncio.Event()
        self._received: list[tuple[str, str]] = []
        self._error: Exception | None = None
        self._stopped = False

    def __enter__(self) -> Self:
        self._loop.add_reader(self._pgconn.socket, self._read)
        return self

    def __exit__(self, *exception: object) -> None:
        self._remove_reader()

    def _remove_reader(self) -> None:
        # Only once: libpq closes the socket of a lost connection, and another one may get its
        # number.
        if self._socket is not None:
            self._loop.remove_reader(self._socket)
            self._socket = None

    async def receive(self) -> list[tuple[str, str]]:
        """Wait for notifications.

        Returns:
            Their channels and payloads; none after `stop`.

        Raises:
            psycopg.OperationalError: the connection is lost. All that came before was returned.
        """
        while not self._received and not self._stopped:
            self._changed.clear()
            await self._changed.wait()
        if not self._received and self._error is not None:
            raise self._error
        received, self._received = self._received, []
        return received

    def stop(self) -> None:
        """Have `receive` return, after what has come already."""
        self._stopped = True
        self._changed.set()

    def _read(self) -> None:
        try:
            self._pgconn.consume_input()
            self._take()
            if self._pgconn.status != pq.ConnStatus.OK:  # libpq could not parse what it read
                raise OperationalError("the connection is lost")
        except Exception as error:
            self._remove_reader()
            self._error = error
            self.stop()
            with contextlib.suppress(Exception):
                self._take()  # what came before the loss

    def _take(self) -> None:
        while (notify := self._pgconn.notifies()) is not None:
            names = (notify.relname, notify.extra)
            channel, payload = (name.decode(self._encoding, "replace") for name in names)
            self._received.append((channel, payload))
        if self._received:
            self._changed.set()
