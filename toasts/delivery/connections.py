"""The database connections of a hub's thread: bounded in age, checked, and ended from outside.

A request's connection lives as long as the request. That of a hub lives as long as the process,
while the database fails over to another server or an operator restores a file.
"""

from __future__ import annotations

import contextlib
import logging
import os
import random
import socket
from time import monotonic
from typing import Any
from urllib.parse import unquote, urlsplit

from django.core.exceptions import ImproperlyConfigured
from django.db import DatabaseError, InterfaceError, connections

from ..tenants import home_database

logger = logging.getLogger("toasts")

CONNECTION_AGE = (300.0, 600.0)
"""Seconds, least and most, after which a connection is replaced."""
CHECK_INTERVAL = 5.0
"""Seconds between two checks whether the server accepts writes."""
POSTGRES_OPTIONS = {
    "connect_timeout": 5,
    "keepalives_idle": 15,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 15000,
}
"""libpq's, so that neither a dead server nor a dead router is waited for. A site's own win."""


class HubConnections:
    """All database connections of the thread that creates it.

    Args:
        is_replacement: Whether the thread takes the place of one that did not come back. A site's
            pool may hold more of the connection that it waited for, so it gets one of its own.
    """

    def __init__(self, is_replacement: bool = False) -> None:
        self._connections = _all_connections()
        self._main: Any = connections[home_database()]
        self._path = _path(self._main)
        for connection in self._connections:
            if connection.vendor == "postgresql":
                _set_own_options(connection, use_pool=not is_replacement)
        self._note_opening()

    def renew(self) -> None:
        """Close connections that are too old, or lead to where nothing new arrives."""
        if self._main.connection is None:
            self._note_opening()
        elif self._is_outdated():
            self.close()
            self._note_opening()

    def close(self) -> None:
        """Close the connections."""
        for connection in self._connections:
            connection.close()

    def abort(self) -> None:
        """End the connections below the driver. Any thread may call it."""
        for connection in self._connections:
            _shut_down(connection.connection)

    def _note_opening(self) -> None:
        # Before the connection opens: one that opens meanwhile is at worst replaced too early.
        self._file = _file_id(self._path)
        self._expires = monotonic() + random.uniform(*CONNECTION_AGE)
        self._next_check = monotonic() + CHECK_INTERVAL

    def _is_outdated(self) -> bool:
        now = monotonic()
        if now >= self._expires or self._was_replaced():
            return True
        if now < self._next_check or self._main.vendor != "postgresql":
            return False
        self._next_check = now + CHECK_INTERVAL
        return not self._accepts_writes()

    def _was_replaced(self) -> bool:
        """Return whether another file is now where the SQLite database was opened."""
        if not self._path:
            return False
        # None: the file is gone for now. SQLite would create an empty one.
        return _file_id(self._path) not in (None, self._file)

    def _accepts_writes(self) -> bool:
        try:
            with self._main.cursor() as cursor:
                # A standby answers "on", too.
                cursor.execute("SHOW transaction_read_only")
                is_read_only = cursor.fetchone() == ("on",)
        except (DatabaseError, InterfaceError):
            return False
        if is_read_only:
            logger.warning(
                "The database server of toasts is read-only, as after a failover; the hub connects"
                " again."
            )
            self._main.connection.close()  # or a pool would give it again
            _set_own_options(self._main, use_pool=False)
        return not is_read_only


def _set_own_options(connection: Any, use_pool: bool) -> None:
    """Give a connection options that hold for this thread only."""
    options = connection.settings_dict["OPTIONS"]
    if options.get("pool") and use_pool:
        return
    own = {**POSTGRES_OPTIONS, **options}
    own.pop("pool", None)
    connection.close()  # to the pool that it came from
    connection.settings_dict = {**connection.settings_dict, "OPTIONS": own}


def _all_connections() -> list[Any]:
    """Return this thread's connections, without those whose driver is not installed here."""
    found = []
    for alias in connections:
        with contextlib.suppress(ImproperlyConfigured):
            found.append(connections[alias])
    return found


def database_file(name: str) -> str:
    """Return the file of a SQLite database. Its name may be a URI (SQLite, "URI Filenames")."""
    return unquote(urlsplit(name).path) if name.startswith("file:") else name


def _path(connection: Any) -> str:
    """Return the path of a SQLite database's file; empty for any other database."""
    if connection.vendor != "sqlite" or connection.is_in_memory_db():
        return ""
    return database_file(str(connection.settings_dict["NAME"]))


def _file_id(path: str) -> tuple[int, int] | None:
    """Return what tells a file from another one at its path; None: there is no file."""
    try:
        found = os.stat(path)
    except OSError:
        return None
    return found.st_dev, found.st_ino


def _shut_down(driver: Any) -> None:
    """Shut down the socket of a driver's connection, for which another thread may wait.

    That thread may close the connection at the same time, and the number of its socket may then be
    another's. So the socket is duplicated first, and used if the connection still has it.
    """
    with contextlib.suppress(Exception):  # the driver has no socket, or it is closed
        number = driver.fileno()
        with socket.socket(fileno=os.dup(number)) as copy:
            if driver.fileno() == number:
                copy.shutdown(socket.SHUT_RDWR)
