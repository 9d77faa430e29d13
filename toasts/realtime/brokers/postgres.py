"""PostgreSQL: hints travel by NOTIFY, to one connection of each process that listens.

NOTIFY is never sent in the transaction that writes: it would hold a lock of the whole cluster until
the commit of that transaction is on disk (async.c, PreCommit_Notify).
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import select
import socket
from collections.abc import AsyncGenerator, Callable, Coroutine, Mapping, Sequence
from time import monotonic
from typing import Any, Self

from psycopg import AsyncConnection, Connection, OperationalError, pq, sql
from psycopg.conninfo import conninfo_to_dict

from . import canary
from .base import BrokerError, Publish, Wake, pack

SETUP_TIMEOUT = 5.0
"""Seconds until the connection must listen, and must answer a question."""
SEND_TIMEOUT = 5.0
"""Seconds that the server has to take messages."""
SEND_ONE = b"SELECT pg_catalog.pg_notify($1, $2)"
SEND_MANY = b"SELECT pg_catalog.pg_notify($1, one) FROM pg_catalog.unnest($2::text[]) AS one"

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


def notify(connection: Connection[Any], channel: str, messages: Sequence[str]) -> None:
    """Send messages, in one transaction.

    All are sent by the same statement: NOTIFY with its text in it would fill pg_stat_statements
    with an entry for each user. Below the driver's cursors, it costs less than NOTIFY with them.

    Args:
        connection: used by no other thread meanwhile. It is closed if the server does not answer.
        channel: the channel's name.
        messages: one or more, of at most 8,000 bytes each.

    Raises:
        psycopg.OperationalError: the server refuses, or does not answer within 5 s.
    """
    encoding = connection.info.encoding
    name = channel.encode(encoding)
    if len(messages) == 1:
        _execute(connection, SEND_ONE, [name, messages[0].encode(encoding)])
    else:
        _execute(connection, SEND_MANY, [name, _array(messages).encode(encoding)])


def _array(texts: Sequence[str]) -> str:
    """Return texts as a literal of PostgreSQL's text[] ("Array Input and Output Syntax")."""
    quoted = (text.replace("\\", "\\\\").replace('"', '\\"') for text in texts)
    return "{" + ",".join(f'"{text}"' for text in quoted) + "}"


def _execute(connection: Connection[Any], statement: bytes, values: Sequence[bytes]) -> None:
    pgconn, end = connection.pgconn, monotonic() + SEND_TIMEOUT
    try:
        pgconn.send_query_params(statement, values)
        while pgconn.flush():
            _wait(pgconn.socket, end, for_write=True)
            pgconn.consume_input()
        while pgconn.is_busy():
            _wait(pgconn.socket, end)
            pgconn.consume_input()
    except TimeoutError as error:
        connection.close()  # the answer may still come
        raise OperationalError(f"no answer to NOTIFY within {SEND_TIMEOUT:g} s") from error
    refusals = []
    while (result := pgconn.get_result()) is not None:  # or the connection stays busy
        if result.status != pq.ExecStatus.TUPLES_OK:
            refusals.append(result.error_message.decode("utf-8", "replace").strip())
    if refusals:
        raise OperationalError(refusals[0])


def _wait(number: int, end: float, for_write: bool = False) -> None:
    """Wait for a socket.

    Args:
        number: its file descriptor.
        end: until when, by the monotonic clock.
        for_write: whether to wait until it takes bytes, too.

    Raises:
        TimeoutError: nothing happened.
    """
    seconds = max(0.0, end - monotonic())
    if hasattr(select, "poll"):
        poll = select.poll()
        poll.register(number, select.POLLIN | (select.POLLOUT if for_write else 0))
        is_ready = bool(poll.poll(seconds * 1000))
    else:  # Windows
        is_ready = any(select.select([number], [number] if for_write else [], [], seconds))
    if not is_ready:
        raise TimeoutError


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
            BrokerError: the canary did not come back within 5 s, or the server is read-only.
            psycopg.Error: the connection failed.
        """
        while True:
            connection = await AsyncConnection.connect(**self._options(), autocommit=True)
            try:
                await self._listen_on(connection, wake, publish)
            finally:
                # Not close(), which first asks the server to cancel: a dead peer would never
                # answer.
                connection.pgconn.finish()

    async def _listen_on(
        self, connection: AsyncConnection[Any], wake: Wake, publish: Publish
    ) -> None:
        """Receive hints on one connection, until it has reached its greatest age."""
        await _with_timeout(SETUP_TIMEOUT, connection, self._set_up(connection))
        early: list[str] = []  # what arrives while the server is asked something
        connection.add_notify_handler(lambda notify: early.append(notify.payload))
        receive = functools.partial(self._receive, connection, early)
        check = functools.partial(_check_writable, connection)
        await canary.listen(receive, wake, publish, self.channel, check=check)

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
        self, connection: AsyncConnection[Any], early: list[str], seconds: float
    ) -> AsyncGenerator[str, None]:
        while early:
            yield early.pop(0)
        with Notifications(connection) as notifications:
            timer = asyncio.get_running_loop().call_later(seconds, notifications.stop)
            try:
                while received := await notifications.receive():
                    for channel, payload in received:
                        if channel == self.channel:
                            yield payload
            finally:
                timer.cancel()


async def _check_writable(connection: AsyncConnection[Any]) -> None:
    """Raise BrokerError if this server takes no writes: its successor has the hints of others."""

    async def ask() -> None:
        cursor = await connection.execute("SHOW transaction_read_only")  # a standby: on, too
        if await cursor.fetchone() != ("off",):
            raise BrokerError("the server is read-only, as after a failover")

    await _with_timeout(SETUP_TIMEOUT, connection, ask())


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
