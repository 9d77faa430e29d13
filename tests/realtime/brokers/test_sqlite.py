"""The watcher on real files, with writers in this process and in another one."""

from __future__ import annotations

import asyncio
import os
import sqlite3
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, closing, suppress
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import until
from tests.support.memory_source import Client, Table, running
from toasts.realtime import hub as hub_module
from toasts.realtime import supervision
from toasts.realtime.brokers import sqlite
from toasts.realtime.brokers.base import BrokerError
from toasts.realtime.brokers.sqlite import SqliteBroker

WRITER = """
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1], timeout=10, isolation_level=None)
print("ready", flush=True)
for line in sys.stdin:
    connection.execute(line)
    print("done", flush=True)
"""


class OtherProcess:
    """A second process that has the file open and runs statements."""

    def __init__(self, path: Path) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", WRITER, str(path)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self._expect("ready")

    def _expect(self, answer: str) -> None:
        assert self.process.stdout is not None
        assert self.process.stdout.readline().strip() == answer

    def run(self, *statements: str) -> None:
        assert self.process.stdin is not None
        for statement in statements:
            self.process.stdin.write(statement + "\n")
            self.process.stdin.flush()
            self._expect("done")

    def end(self) -> None:
        self.process.communicate(timeout=10)


@pytest.fixture(params=["wal", "delete"])
def file(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A database in the journal mode that we recommend, and in SQLite's default."""
    path = tmp_path / "with #odd?name%20é.sqlite3"
    create(path, request.param)
    return path


def create(path: Path, mode: str = "wal") -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute(f"PRAGMA journal_mode = {mode}")
        connection.execute("CREATE TABLE toast (id INTEGER PRIMARY KEY)")


@pytest.fixture
def elsewhere(file: Path) -> Iterator[OtherProcess]:
    process = OtherProcess(file)
    yield process
    process.end()


@pytest.fixture
def looks(monkeypatch: pytest.MonkeyPatch) -> list[int | None]:
    """The results of the watcher's checks, which are frequent here."""
    seen: list[int | None] = []
    original = sqlite._version

    def spy(connection: sqlite3.Connection) -> int | None:
        seen.append(original(connection))
        return seen[-1]

    monkeypatch.setattr(sqlite, "_version", spy)
    monkeypatch.setattr(sqlite, "INTERVAL", 0.002)
    return seen


async def no_publish(hints: Any) -> None:
    """Publish nothing, for a broker that does not need it."""


class Watch:
    def __init__(self, path: Path) -> None:
        self.wakes: list[Any] = []
        listening = SqliteBroker(str(path)).listen(self.wakes.append, no_publish)
        self.task = asyncio.create_task(listening)


@asynccontextmanager
async def watching(path: Path) -> AsyncIterator[Watch]:
    watch = Watch(path)
    await until(lambda: watch.wakes)
    assert watch.wakes == [None]
    try:
        yield watch
    finally:
        watch.task.cancel()
        with suppress(asyncio.CancelledError, BrokerError, sqlite3.Error):
            await watch.task


async def looked(looks: list[int | None], times: int = 5) -> None:
    target = len(looks) + times
    await until(lambda: len(looks) >= target)


def open_descriptors(path: Path) -> list[str]:
    found = []
    for each in os.listdir("/proc/self/fd"):
        with suppress(OSError):
            found.append(os.readlink(f"/proc/self/fd/{each}"))
    return [name for name in found if name.startswith(str(path))]


async def test_a_commit_of_another_process_wakes_within_a_moment(
    file: Path, elsewhere: OtherProcess
) -> None:
    async with watching(file) as watch:
        for number in range(2, 5):
            elsewhere.run("INSERT INTO toast DEFAULT VALUES")
            await until(lambda number=number: len(watch.wakes) == number, 1)
    assert set(watch.wakes) == {None}


async def test_a_commit_of_this_process_wakes_too(file: Path) -> None:
    async with watching(file) as watch:
        with closing(sqlite3.connect(file)) as connection:
            connection.execute("INSERT INTO toast DEFAULT VALUES")
            assert watch.wakes == [None]
            connection.commit()
            await until(lambda: len(watch.wakes) == 2, 1)


async def test_a_rollback_or_a_read_wakes_no_topic(
    file: Path, elsewhere: OtherProcess, looks: list[int | None]
) -> None:
    async with watching(file) as watch:
        elsewhere.run("BEGIN IMMEDIATE", "INSERT INTO toast DEFAULT VALUES")
        await looked(looks)
        elsewhere.run("ROLLBACK")
        await looked(looks)
        elsewhere.run("SELECT count(*) FROM toast")
        await looked(looks)
        assert watch.wakes == [None]
        elsewhere.run("INSERT INTO toast DEFAULT VALUES")
        await until(lambda: len(watch.wakes) == 2)


async def test_an_open_transaction_wakes_no_topic_before_its_commit(
    file: Path, elsewhere: OtherProcess, looks: list[int | None]
) -> None:
    async with watching(file) as watch:
        elsewhere.run("BEGIN IMMEDIATE", "INSERT INTO toast DEFAULT VALUES")
        await looked(looks)
        assert watch.wakes == [None]
        elsewhere.run("COMMIT")
        await until(lambda: len(watch.wakes) == 2, 1)


async def test_the_watcher_waits_for_a_writer_with_an_exclusive_lock(
    tmp_path: Path, looks: list[int | None]
) -> None:
    file = tmp_path / "rollback.sqlite3"
    create(file, "delete")
    other = OtherProcess(file)
    async with watching(file) as watch:
        other.run("BEGIN EXCLUSIVE", "INSERT INTO toast DEFAULT VALUES")
        await looked(looks)
        assert looks[-1] is None, "the file is locked: there is nothing to be seen"
        assert not watch.task.done()
        assert watch.wakes == [None]
        other.run("COMMIT")
        await until(lambda: len(watch.wakes) == 2, 1)
    other.end()


async def test_a_listener_that_starts_while_a_writer_locks_is_woken_by_its_commit(
    tmp_path: Path,
) -> None:
    file = tmp_path / "rollback.sqlite3"
    create(file, "delete")
    other = OtherProcess(file)
    other.run("BEGIN EXCLUSIVE", "INSERT INTO toast DEFAULT VALUES")
    async with watching(file) as watch:
        other.run("COMMIT")
        await until(lambda: len(watch.wakes) == 2, 1)
    other.end()


async def test_the_watcher_holds_no_lock(file: Path, elsewhere: OtherProcess) -> None:
    async with watching(file):
        with closing(sqlite3.connect(file, timeout=0, isolation_level=None)) as connection:
            for _ in range(200):
                connection.execute("INSERT INTO toast DEFAULT VALUES")
                await asyncio.sleep(0)


async def test_the_watcher_closes_its_file_when_it_is_cancelled(file: Path) -> None:
    async with watching(file):
        assert open_descriptors(file)
    assert open_descriptors(file) == []


async def test_a_file_that_replaces_the_old_one_is_noticed(
    file: Path, tmp_path: Path, looks: list[int | None]
) -> None:
    create(tmp_path / "new")
    async with watching(file) as watch:
        (tmp_path / "new").rename(file)
        with pytest.raises(BrokerError, match="was replaced by another file"):
            await asyncio.wait_for(watch.task, 5)
    assert open_descriptors(file) == []


async def test_a_file_that_vanishes_is_noticed(file: Path, looks: list[int | None]) -> None:
    async with watching(file) as watch:
        os.unlink(file)
        with pytest.raises(BrokerError, match=r"sqlite3 is gone$"):
            await asyncio.wait_for(watch.task, 5)


async def test_a_missing_file_is_an_error_and_is_not_created(tmp_path: Path) -> None:
    path = tmp_path / "missing.sqlite3"
    with pytest.raises(BrokerError, match=r"missing\.sqlite3 is gone$"):
        await SqliteBroker(str(path)).listen(lambda hints: None, no_publish)
    assert not path.exists()


async def test_a_file_that_is_no_database_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "text"
    path.write_bytes(b"no database at all, " * 100)
    with pytest.raises(sqlite3.DatabaseError, match="not a database"):
        await SqliteBroker(str(path)).listen(lambda hints: None, no_publish)


async def test_the_watcher_never_writes(file: Path) -> None:
    with closing(SqliteBroker(str(file))._connect()) as connection:
        with pytest.raises(sqlite3.OperationalError, match="readonly"):
            connection.execute("DELETE FROM toast")
        assert not connection.in_transaction


async def test_the_hub_continues_with_the_new_file(
    file: Path, tmp_path: Path, looks: list[int | None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(supervision, "BACKOFF_MIN", 0.01)
    monkeypatch.setattr(hub_module, "BACKOFF_MAX", 0.05)
    table = Table()
    async with running(table, SqliteBroker(str(file))) as hub:
        client = Client(hub, "t")
        await until(lambda: client.raw == b"= \n" and hub.listening)
        os.unlink(file)
        await until(lambda: not hub.listening)
        create(tmp_path / "new")
        (tmp_path / "new").rename(file)
        # The hub sees the rows of the new file, and further changes.
        table.put("t", 1)
        await until(lambda: hub.listening and client.shown == {1: 1})
        table.put("t", 2)
        with closing(sqlite3.connect(file, isolation_level=None)) as connection:
            connection.execute("INSERT INTO toast DEFAULT VALUES")
        await until(lambda: client.shown == {1: 1, 2: 1}, 2)
