"""Requests that reach the services of docs/deploy through nginx."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.conftest import until
from tests.deploy.deployment import Deployment
from tests.deploy.files import SERVICES
from tests.deploy.visits import websocket

pytestmark = pytest.mark.servers
ECHO = "tests.deploy.echo:application"
FORGED = {
    "X-Forwarded-For": "203.0.113.9",
    "X-Forwarded-Proto": "gopher",
    "Daphne-Root-Path": "/elsewhere",
}


@pytest.fixture(params=SERVICES)
def echo(request: Any, deploy: Callable[..., Deployment]) -> Deployment:
    return deploy(request.param, application=ECHO)


async def test_forged_proxy_headers_of_a_browser_are_replaced_by_nginx(
    echo: Deployment,
) -> None:
    async with echo.client(http2=True) as browser:
        answer = (await browser.get("/a%20b/?c=d", headers=FORGED)).json()
    assert answer["client"][0] == "127.0.0.1"
    assert answer["scheme"] == "https"
    assert (answer["path"], answer["root_path"]) == ("/a b/", "")
    assert answer["headers"]["host"] == echo.url.removeprefix("https://")
    assert answer["headers"]["x-forwarded-for"] == "127.0.0.1"


async def test_a_websocket_stays_open_for_several_messages(echo: Deployment) -> None:
    async with websocket(echo, "/socket/") as socket:
        for text in ("one", "two", "x" * 100_000):
            await socket.send(text)
            assert await socket.receive() == text


async def test_the_site_is_notified_when_a_browser_disconnects(echo: Deployment) -> None:
    async with echo.client() as other:
        async with echo.client(http2=True) as one, one.stream("GET", "/wait/") as answer:
            await anext(answer.aiter_bytes())
            assert await _left(other) == set()
        await until(lambda: _left(other))


async def _left(browser: httpx.AsyncClient) -> set[int]:
    """Return the ids of the processes from which a client has disconnected."""
    answers = [(await browser.get("/left/")).json() for _ in range(4)]
    return {process for process, count in answers if count}


@pytest.mark.parametrize(
    ("unit", "options", "without"),
    [
        ("mysite-daphne@.service", "--proxy-headers", ""),
        ("mysite-uvicorn@.service", "--forwarded-allow-ips '*'", ""),
        ("mysite-gunicorn.service", "--forwarded-allow-ips '*'", ""),
    ],
    ids=SERVICES,
)
async def test_without_its_option_a_server_ignores_proxy_headers(
    deploy: Callable[..., Deployment], unit: str, options: str, without: str
) -> None:
    bare = deploy(unit, application=ECHO, changed={options: without})
    async with bare.client() as browser:
        answer = (await browser.get("/")).json()
    assert answer["scheme"] == "http"
    assert answer["headers"]["x-forwarded-proto"] == "https"


async def test_a_process_starts_again_after_it_was_killed(
    echo: Deployment,
) -> None:
    for process in echo.processes:
        await asyncio.to_thread(process.stop, signal.SIGKILL)
    async with echo.client() as browser:
        assert (await browser.get("/")).status_code == 502
        for process in echo.processes:
            process.start()
            await asyncio.to_thread(process.await_ready)
        assert (await browser.get("/")).status_code == 200


# The status of a POST that is in progress when its server stops. nginx does not repeat a POST.
ENDS = {
    "mysite-uvicorn@.service": 200,
    "mysite-daphne@.service": 502,
    "mysite-gunicorn.service": 200,
}


@pytest.mark.parametrize("unit", SERVICES)
async def test_a_post_in_progress_when_its_server_stops(
    deploy: Callable[..., Deployment], tmp_path: Path, unit: str
) -> None:
    echo = deploy(unit, application=ECHO, ECHO_FOLDER=str(tmp_path))
    async with echo.client() as browser:
        slow = asyncio.create_task(browser.post("/slow/"))
        await until((tmp_path / "begun").exists)
        for process in echo.processes:
            process.send_signal(signal.SIGTERM)
        await until(lambda: not any(process.accepts() for process in echo.processes))
        (tmp_path / "go on").touch()
        assert (await slow).status_code == ENDS[unit]
