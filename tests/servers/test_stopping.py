"""What happens to open streams and waiting polls when a real server stops."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import httpx
import pytest

from tests.conftest import until
from tests.support.postgres import free_port
from tests.support.servers import ROOT, Server, Site

pytestmark = pytest.mark.servers

BYE = re.compile(rb'event: bye\ndata: \{"reason":"restart"\}\nretry: (\d+)\n\n')
GRACEFUL_TIMEOUT = 3.0
"""The default of hypercorn."""
WITHIN = {"daphne": 2.0, "uvicorn": 2.0, "granian": 2.0, "hypercorn": GRACEFUL_TIMEOUT}
TRIES = 3
"""A busy machine may be slow once. A server that waits for its streams is slow each time."""


def how_many(kind: str, handler: str) -> int:
    """Return the number of streams. Django's own handler takes 20 times as long to open one."""
    if handler == "django":
        return 100
    return 300 if kind == "hypercorn" else 1000


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    database = tmp_path_factory.mktemp("site") / "site.sqlite3"
    site = Site(f"sqlite:///{database}", TOASTS_MAX_STREAMS_PER_USER="2000")
    site.users("alice")
    yield site
    site.close()


@pytest.fixture(scope="module")
def session(site: Site) -> str:
    return site.sessions("alice")["alice"]["sessionid"]


class Tab:
    """A raw connection, which is cheap enough for a thousand of them."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    @classmethod
    async def open(cls, port: int, session: str, path: str = "/toasts/stream/") -> Tab:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        head = f"GET {path} HTTP/1.1\r\nHost: localhost\r\nCookie: sessionid={session}\r\n\r\n"
        writer.write(head.encode())
        return cls(reader, writer)

    async def snapshot(self) -> Tab:
        await self._reader.readuntil(b"event: sync")
        return self

    async def rest(self) -> bytes:
        return await self._reader.read()

    async def close(self) -> None:
        self._writer.close()
        with suppress(OSError):
            await self._writer.wait_closed()


@asynccontextmanager
async def tabs(port: int, session: str, count: int) -> AsyncIterator[list[Tab]]:
    """Open this many streams, and wait for each snapshot."""
    few = asyncio.Semaphore(100)  # no more than the backlog of a server

    async def opened() -> Tab:
        async with few:
            return await (await Tab.open(port, session)).snapshot()

    mine = await asyncio.gather(*(opened() for _ in range(count)))
    try:
        yield mine
    finally:
        await asyncio.gather(*(tab.close() for tab in mine))


async def stopped(server: Server, to: str = "parent") -> float:
    """Send SIGTERM, and return the seconds until the process has ended."""
    process = server.process
    assert process is not None
    started = time.monotonic()
    if to == "parent":
        process.terminate()
    else:
        os.killpg(process.pid, signal.SIGTERM)
    await asyncio.to_thread(process.wait, 30)
    return time.monotonic() - started


async def bye_events(
    site: Site, session: str, kind: str, count: int, to: str = "parent"
) -> tuple[float, list[int]]:
    """Stop a server with this many streams. Return the seconds, and the `retry` of each bye."""
    for _ in range(TRIES):
        server = site.serve(kind)
        async with tabs(server.port, session, count) as mine:
            reading = asyncio.gather(*(tab.rest() for tab in mine))
            took = await stopped(server, to)
            found = [BYE.search(rest) for rest in await reading]
        if took < WITHIN[kind]:
            break
    return took, [int(match[1]) for match in found if match]


@pytest.mark.parametrize("handler", ["toasts", "django"])
@pytest.mark.parametrize("kind", ["daphne", "uvicorn", "granian", "hypercorn"])
async def test_a_server_that_stops_sends_a_bye_event_to_a_thousand_streams_and_ends(
    site: Site, session: str, kind: str, handler: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(site.environment, "TEST_HANDLER", handler)
    count = how_many(kind, handler)
    took, retries = await bye_events(site, session, kind, count)
    assert took < WITHIN[kind]
    assert len(retries) == count
    assert min(retries) >= 1000
    assert max(retries) <= 5000
    assert len(set(retries)) > count / 2  # the reconnects are spread


async def test_a_worker_that_gets_the_signal_with_its_parent_sends_bye_events_too(
    site: Site, session: str
) -> None:
    # systemd does so. hypercorn's worker has no handler of its own, and would end at once.
    took, retries = await bye_events(site, session, "hypercorn", 50, to="group")
    assert took < GRACEFUL_TIMEOUT
    assert len(retries) == 50


@pytest.mark.parametrize("kind", ["uvicorn", "hypercorn"])
async def test_a_poll_that_waits_is_answered_when_its_server_stops(
    site: Site, session: str, kind: str
) -> None:
    server = site.serve(kind)
    cookies = {"sessionid": session}
    async with httpx.AsyncClient(base_url=server.url, cookies=cookies, timeout=30) as client:
        now = (await client.get("/toasts/poll/")).json()
        ask = {"wait": "25", "cursor": now["cursor"]}
        waiting = asyncio.create_task(client.get("/toasts/poll/", params=ask))
        for _ in range(3):  # when these are answered, the first poll is waiting
            assert (await client.get("/toasts/poll/")).json() == now
        assert await stopped(server) < WITHIN[kind]
        assert (await waiting).json() == now


# The development server.

STREAMS_OPEN = 100


class DevelopmentServer:
    """``manage.py runserver`` of this repository's site, which reloads when its settings change."""

    def __init__(self, process: asyncio.subprocess.Process, url: str, settings: Path) -> None:
        self._process = process
        self._url = url
        self._settings = settings
        self._touched = time.time()

    async def answers(self) -> None:
        async def there() -> bool:
            async with httpx.AsyncClient(base_url=self._url, timeout=5) as client:
                with suppress(httpx.TransportError):
                    return (await client.get("/toasts/poll/")).status_code == 204
            return False

        await until(there, 30)

    async def noticed(self) -> None:
        """Change a file until the server reports that it reloads."""
        saw = asyncio.create_task(self._await_output("reloading"))
        while not saw.done():
            self._touched += 1  # the server compares the times of files once a second
            os.utime(self._settings, (self._touched, self._touched))
            await asyncio.wait([saw], timeout=0.5)
        saw.result()

    async def _await_output(self, text: str) -> None:
        assert self._process.stdout is not None
        async for line in self._process.stdout:
            if text in line.decode():
                return
        raise AssertionError(f"it ended without {text}")


@pytest.fixture
async def development(tmp_path: Path) -> AsyncIterator[tuple[DevelopmentServer, Site, int]]:
    settings = tmp_path / "own_settings.py"
    settings.write_text("from core.settings import *\nTOASTS_MAX_STREAMS_PER_USER = 2000\n")
    url = f"sqlite:///{tmp_path}/site.sqlite3"
    site = Site(
        url, DJANGO_SETTINGS_MODULE="own_settings", PYTHONPATH=f"{tmp_path}{os.pathsep}{ROOT}",
        DATABASE_URL=url, DEBUG="1",
    )  # fmt: skip
    port = free_port()
    process = await asyncio.create_subprocess_exec(
        sys.executable, "manage.py", "runserver", f"127.0.0.1:{port}",
        env=site.environment, cwd=ROOT, start_new_session=True,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip
    yield DevelopmentServer(process, f"http://127.0.0.1:{port}", settings), site, port
    os.killpg(process.pid, signal.SIGKILL)
    await process.communicate()


async def test_runserver_reloads_within_a_second_with_streams_open(
    development: tuple[DevelopmentServer, Site, int],
) -> None:
    server, site, port = development
    site.users("alice")
    session = site.sessions("alice")["alice"]["sessionid"]
    took: list[float] = []
    while not took or (
        took[-1] > 1 and len(took) < 3
    ):  # a busy machine is slow once, not each time
        await server.answers()
        async with tabs(port, session, STREAMS_OPEN) as mine:
            await server.noticed()
            started = time.monotonic()
            await asyncio.gather(*(tab.rest() for tab in mine))  # until the old process has ended
            took.append(time.monotonic() - started)
        await server.answers()
    assert min(took) <= 1, took
