"""While servers crash, no toast is lost, shown twice, or shown to another user."""

from __future__ import annotations

import asyncio
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from tests.conftest import until
from tests.support.open_pages import Page
from tests.support.postgres import PostgresServer
from tests.support.servers import Site

pytestmark = [pytest.mark.servers, pytest.mark.timeout(300)]

WRITERS = 8
# Users, toasts, and the seconds that a writer waits after each toast. The wait makes sure that the
# smaller size is not finished before the crash.
SIZES = [(50, 1_000, 0.04), pytest.param(200, 10_000, 0.0, marks=pytest.mark.wide)]

# Repeats each toast until it was stored. If the answer to a commit is lost, there is one toast
# more, so the test compares with the table.
WRITER = """
import random, sys, time
from django.db import Error, connection
from toasts import create_toast
count, rest, *users = int(sys.argv[1]), float(sys.argv[2]), *map(int, sys.argv[3:])
deadline = time.monotonic() + 200
while count and time.monotonic() < deadline:
    user = random.choice(users)
    try:
        create_toast(f"for user {user}", user)
        count -= 1
        time.sleep(rest)
    except Error:
        connection.close()
        time.sleep(0.05)
sys.exit(1 if count else 0)
"""
READ = """
import json
from toasts.models import Toast
rows = list(Toast.objects.values_list("user_id", "id"))
print(json.dumps(rows))
"""


@asynccontextmanager
async def open_pages(pages: list[Page]) -> AsyncIterator[None]:
    tasks = [asyncio.create_task(page.live()) for page in pages]
    try:
        await asyncio.gather(*(asyncio.wait_for(page.synced.wait(), 60) for page in pages))
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)


async def _storm(
    site: Site, users: int, toasts: int, rest: float, postgres: PostgresServer | None = None
) -> None:
    names = [f"user{number}" for number in range(users)]
    ids, cookies = site.users(*names), site.sessions(*names)
    servers = [site.serve(), site.serve()]
    pages = {
        ids[name]: Page(servers[number % 2].port, cookies[name]["sessionid"])
        for number, name in enumerate(names)
    }
    async with open_pages(list(pages.values())):
        writers = [
            site.spawn(WRITER, str(toasts // WRITERS), str(rest), *map(str, ids.values()))
            for _ in range(WRITERS)
        ]

        def received() -> int:
            return sum(len(page.toasts) for page in pages.values())

        await until(lambda: received() > toasts * 0.2, 120)
        servers[0].kill()
        servers[0].start()
        if postgres is not None:
            await until(lambda: received() > toasts * 0.5, 120)
            await asyncio.to_thread(postgres.restart)
        await asyncio.gather(*(asyncio.to_thread(_ended_well, writer) for writer in writers))
        stored: dict[int, set[int]] = {user_id: set() for user_id in pages}
        for user_id, toast_id in await asyncio.to_thread(site.run, READ):
            stored[user_id].add(toast_id)
        assert sum(map(len, stored.values())) >= toasts
        await until(lambda: all(set(page.toasts) == stored[pk] for pk, page in pages.items()), 30)
        for user_id, page in pages.items():
            assert {toast["message"] for toast in page.toasts.values()} == {f"for user {user_id}"}
            assert set(page.shown.values()) == {1}
    assert (
        sum(page.opened for page in pages.values()) >= users * 1.5
    )  # the pages of the killed server reconnected


def _ended_well(writer: subprocess.Popen[str]) -> None:
    writer.communicate(timeout=200)
    assert writer.returncode == 0


@pytest.mark.parametrize(("users", "toasts", "rest"), SIZES)
async def test_no_toast_is_lost_when_a_server_is_killed_and_postgres_restarts(
    users: int, toasts: int, rest: float
) -> None:
    postgres = PostgresServer().start()
    site = Site(postgres.create("storm"))
    try:
        await _storm(site, users, toasts, rest, postgres)
    finally:
        site.close()
        postgres.remove()


@pytest.mark.parametrize(("users", "toasts", "rest"), SIZES)
async def test_no_toast_is_lost_when_a_server_on_sqlite_is_killed(
    tmp_path: Path, users: int, toasts: int, rest: float
) -> None:
    site = Site(f"sqlite:///{tmp_path}/storm.sqlite3")
    try:
        await _storm(site, users, toasts, rest)
    finally:
        site.close()
