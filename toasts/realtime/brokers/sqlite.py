"""SQLite: every commit of any process shows in PRAGMA data_version; that is all the hint."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sqlite3
from collections.abc import Sequence
from pathlib import Path

from .base import BrokerError, Publish, Wake

INTERVAL = 0.02
"""Seconds between two looks, a few microseconds each."""


class SqliteBroker:
    """Watches a database file; what is written needs no announcement.

    Args:
        path: the database file, on a local disk.
    """

    name = "sqlite"

    def __init__(self, path: str) -> None:
        self.path = path

    def publish(self, hints: Sequence[str]) -> None:
        """Nothing to say: the commit itself is what the others see."""

    async def listen(self, wake: Wake, publish: Publish) -> None:
        """Wake everybody with each commit to the file.

        Raises:
            BrokerError: another file stands at the path, or none.
            sqlite3.Error: the file can't be read.
        """
        inode = self._inode()
        with contextlib.closing(self._connect()) as connection:
            seen = _version(connection)
            wake(None)
            rounds = 0
            while True:
                await asyncio.sleep(INTERVAL)
                version = _version(connection)
                if version is not None and version != seen:
                    seen = version
                    wake(None)
                rounds += 1
                if rounds % 50 == 0 and self._inode() != inode:
                    raise BrokerError(f"{self.path} was replaced by another file")

    def _inode(self) -> int:
        try:
            return os.stat(self.path).st_ino
        except FileNotFoundError as error:
            raise BrokerError(f"{self.path} is gone") from error

    def _connect(self) -> sqlite3.Connection:
        # A connection of its own in autocommit: inside a transaction the version never changes, and
        # for one's own commits it doesn't either. No waiting: this runs on the event loop. mode=rw,
        # or looking for a file that is gone would leave an empty one in its place.
        address = Path(self.path).absolute().as_uri() + "?mode=rw"
        connection = sqlite3.connect(address, uri=True, timeout=0, isolation_level=None)
        connection.execute("PRAGMA query_only = 1")
        return connection


def _version(connection: sqlite3.Connection) -> int | None:
    """The file's version for this connection; None while a writer locks it (rollback journal)."""
    try:
        return int(connection.execute("PRAGMA data_version").fetchone()[0])
    except sqlite3.OperationalError as error:
        if getattr(error, "sqlite_errorcode", sqlite3.SQLITE_BUSY) & 0xFF == sqlite3.SQLITE_BUSY:
            return None
        raise
