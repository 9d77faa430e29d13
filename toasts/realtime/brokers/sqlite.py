"""SQLite: each commit of any process changes PRAGMA data_version, and that is the hint."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sqlite3
from collections.abc import Sequence
from pathlib import Path

from .base import BrokerError, Publish, Wake

INTERVAL = 0.02
"""Seconds between two reads of the version. One takes a few microseconds."""


class SqliteBroker:
    """Watches a database file, so writes need no announcement.

    Args:
        path: the database file, on a local disk.
    """

    name = "sqlite"

    def __init__(self, path: str) -> None:
        self.path = path

    def publish(self, hints: Sequence[str]) -> None:
        """Do nothing: the other processes see the commit itself."""

    async def listen(self, wake: Wake, publish: Publish) -> None:
        """Wake all topics with each commit to the file, until it is cancelled.

        Raises:
            BrokerError: the file is gone, or another one is at its path.
            sqlite3.Error: the file can't be read.
        """
        file_id = self._file_id()
        with contextlib.closing(self._connect()) as connection:
            last_version = _version(connection)
            wake(None)
            rounds = 0
            while True:
                await asyncio.sleep(INTERVAL)
                version = _version(connection)
                if version is not None and version != last_version:
                    last_version = version
                    wake(None)
                rounds += 1
                if rounds % 50 == 0 and self._file_id() != file_id:
                    raise BrokerError(f"{self.path} was replaced by another file")

    def _file_id(self) -> tuple[int, int]:
        """Return what tells the file from another one at its path, also on another disk."""
        try:
            found = os.stat(self.path)
            return found.st_dev, found.st_ino
        except FileNotFoundError as error:
            raise BrokerError(f"{self.path} is gone") from error

    def _connect(self) -> sqlite3.Connection:
        # Of its own and in autocommit: the version changes neither inside a transaction nor by the
        # connection's own commits. No timeout: this runs on the event loop. Without mode=rw, SQLite
        # would create a file that is gone.
        address = Path(self.path).absolute().as_uri() + "?mode=rw"
        connection = sqlite3.connect(address, uri=True, timeout=0, isolation_level=None)
        connection.execute("PRAGMA query_only = 1")
        return connection


def _version(connection: sqlite3.Connection) -> int | None:
    """Return the file's version; None while a writer locks it (rollback journal)."""
    try:
        return int(connection.execute("PRAGMA data_version").fetchone()[0])
    except sqlite3.OperationalError as error:
        if getattr(error, "sqlite_errorcode", sqlite3.SQLITE_BUSY) & 0xFF == sqlite3.SQLITE_BUSY:
            return None
        raise
