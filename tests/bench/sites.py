"""A database with many users and sessions, and processes that use it."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.support.postgres import PostgresServer
from tests.support.servers import ROOT, Site


class Worker:
    """A process that runs the jobs of tests.bench.worker, one at a time."""

    def __init__(self, site: Site, module: str = "tests.bench.worker", **environment: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", module],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT,
            env={**site.environment, **environment},
        )  # fmt: skip

    def begin(self, job: str, **arguments: Any) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps([job, arguments]) + "\n")
        self.process.stdin.flush()

    def result(self) -> Any:
        assert self.process.stdout is not None
        answer = self.process.stdout.readline()
        if not answer:
            raise RuntimeError("a worker of the bench failed; its traceback is above")
        return json.loads(answer)

    def call(self, job: str, **arguments: Any) -> Any:
        self.begin(job, **arguments)
        return self.result()

    def close(self) -> None:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        with contextlib.suppress(BrokenPipeError):
            self.process.stdin.close()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait(10)
        self.process.stdout.close()


class Population:
    """A migrated database with users.

    Args:
        url: an empty database.
        users: the number of users, each with a session.
    """

    def __init__(self, url: str, users: int, folder: Path) -> None:
        self.url = url
        self.site = Site(url)
        self.cookies = folder / f"cookies-{users}"
        self.worker = Worker(self.site)
        self.user_ids: list[int] = self.worker.call(
            "populate", users=users, cookies=str(self.cookies)
        )

    def close(self) -> None:
        self.worker.close()


@contextlib.contextmanager
def postgres(**settings: Any) -> Iterator[PostgresServer]:
    server = PostgresServer(**{"max_connections": 200, **settings})
    try:
        yield server.start()
    finally:
        server.remove()


@contextlib.contextmanager
def populated(url: str, users: int) -> Iterator[Population]:
    with tempfile.TemporaryDirectory(prefix="toasts-bench-") as folder:
        population = Population(url, users, Path(folder))
        try:
            yield population
        finally:
            population.close()


def connections(server: PostgresServer, url: str) -> int:
    """Return the number of connections to the database, without ours."""
    name = url.rpartition("/")[2]
    [(count,)] = server.execute(f"SELECT count(*) FROM pg_stat_activity WHERE datname = '{name}'")
    return int(count)
