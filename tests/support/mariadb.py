"""A real MariaDB of the tests' own, of the distribution: never one that happens to run."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any

STARTS_WITHIN = 60.0


def _program(name: str) -> str:
    found = shutil.which(name, path=f"{os.environ['PATH']}:/usr/sbin:/usr/local/sbin")
    if found is None:
        raise RuntimeError(f"{name} is missing for the tests; run: .ci/need mariadb")
    return found


class MariaDBServer:
    """One server on a socket in a temporary folder; `settings` are options of mariadbd."""

    def __init__(self, **settings: Any) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="toasts-mariadb-"))
        self.socket = self.folder / "socket"
        self.settings = {"innodb_flush_log_at_trx_commit": 0, **settings}
        self.process: subprocess.Popen[bytes] | None = None
        # As root, it keeps root's rights: the folder is nobody else's.
        self._as = ["--user=root"] if os.geteuid() == 0 else []
        subprocess.run(
            [
                _program("mariadb-install-db"), "--no-defaults", f"--datadir={self._data}",
                "--auth-root-authentication-method=normal", "--skip-test-db", *self._as,
            ],
            check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip

    @property
    def _data(self) -> Path:
        return self.folder / "data"

    def start(self) -> MariaDBServer:
        options = [f"--{name.replace('_', '-')}={value}" for name, value in self.settings.items()]
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(
                [
                    _program("mariadbd"), "--no-defaults", f"--datadir={self._data}",
                    f"--socket={self.socket}", "--skip-networking", *options, *self._as,
                ],
                stdout=log, stderr=log,
            )  # fmt: skip
        self._await_ready()
        return self

    def _await_ready(self) -> None:
        deadline = time.monotonic() + STARTS_WITHIN
        log = self.folder / "log"
        while "ready for connections" not in log.read_text():
            ended = self.process is None or self.process.poll() is not None
            if ended or time.monotonic() > deadline:
                raise RuntimeError(log.read_text())
            time.sleep(0.05)

    def execute(self, statement: str, database: str | None = None) -> Any:
        import pymysql

        connection = pymysql.connect(
            unix_socket=str(self.socket), user="root", database=database, autocommit=True
        )
        with connection, connection.cursor() as cursor:
            cursor.execute(statement)
            return cursor.fetchall()

    def create(self, name: str) -> str:
        """Create a fresh database, and return its URL."""
        self.execute(f"CREATE DATABASE `{name}` CHARACTER SET utf8mb4")
        return f"mysql://root@{str(self.socket).replace('/', '%2f')}/{name}"

    def remove(self) -> None:
        if self.process is not None:
            self.process.send_signal(signal.SIGKILL)
            self.process.wait(30)
            self.process = None
        shutil.rmtree(self.folder, ignore_errors=True)
