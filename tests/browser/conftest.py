from __future__ import annotations

import shutil
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import Browser, async_playwright, expect

from tests.browser.firefox import executable
from tests.browser.host import Host
from tests.browser.pages import Visitor
from tests.support.postgres import PostgresServer
from tests.support.servers import Server

HEADLESS = "chromium-headless-shell"
"""The same browser without windows, where a page takes a quarter of the time."""
NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
FLAGS = [
    "--no-sandbox",  # the tests may run as root
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
ADVICE = (
    f"No Chromium on PATH (looked for {', '.join(NAMES)}). Run `make test`, or install it: "
    "`apt-get install chromium`, `brew install --cask chromium`."
)
expect.set_options(timeout=10_000)


def chromium_path(*preferred: str) -> str:
    """Return the path of the first of these programs, or else of any Chromium."""
    path = next(filter(None, map(shutil.which, (*preferred, *NAMES))), None)
    assert path, ADVICE
    return path


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def browser() -> AsyncIterator[Browser]:
    async with async_playwright() as playwright:
        path = chromium_path(HEADLESS)
        browser = await playwright.chromium.launch(executable_path=path, args=FLAGS)
        yield browser
        await browser.close()


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def firefox(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Browser]:
    """Stock Firefox, driven by WebDriver BiDi."""
    async with async_playwright() as playwright:
        browser = await playwright.firefox.launch(
            executable_path=executable(tmp_path_factory.mktemp("firefox")), channel="moz-firefox"
        )
        yield browser
        await browser.close()


@pytest_asyncio.fixture(loop_scope="session")
async def with_bfcache() -> AsyncIterator[Browser]:
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=chromium_path(),
            args=FLAGS,
            ignore_default_args=["--disable-back-forward-cache"],
        )
        yield browser
        await browser.close()


@pytest.fixture(scope="session")
def host_on(
    postgres: PostgresServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Callable[[str], Host]]:
    """Return a function that provides the project on a kind of database, one for all tests."""
    hosts: dict[str, Host] = {}

    def host_on(database: str) -> Host:
        if database not in hosts:
            if database == "postgres":
                url = postgres.create("browser")
            else:
                url = f"sqlite:///{tmp_path_factory.mktemp('browser')}/site.sqlite3"
            hosts[database] = Host(url)
        return hosts[database]

    yield host_on
    for host in hosts.values():
        host.close()


@pytest.fixture(scope="session")
def server_of(host_on: Callable[[str], Host]) -> Callable[[str, str], Server]:
    """Return a function that starts a server once and keeps it for all tests."""
    servers: dict[tuple[str, str], Server] = {}

    def server_of(database: str, kind: str) -> Server:
        if (database, kind) not in servers:
            servers[database, kind] = host_on(database).serve(kind)
        return servers[database, kind]

    return server_of


@pytest.fixture
def host(host_on: Callable[[str], Host]) -> Host:
    return host_on("sqlite")


@pytest.fixture
def server(server_of: Callable[[str, str], Server]) -> Server:
    return server_of("sqlite", "daphne")


@pytest.fixture
def own_server(host: Host) -> Iterator[Server]:
    """A server that a test may kill."""
    server = host.serve("uvicorn")
    yield server
    server.kill()


@pytest_asyncio.fixture(loop_scope="session")
async def visitor(browser: Browser) -> AsyncIterator[Visitor]:
    visitor = Visitor(browser)
    yield visitor
    await visitor.leave()


@pytest.fixture(params=["locks", "lease"])
def election(request: Any) -> str:
    """How the leader is chosen: with Web Locks, or without them."""
    name: str = request.param
    return name
