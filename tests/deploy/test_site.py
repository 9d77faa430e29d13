"""The site behind nginx, with each service of docs/deploy, as a browser sees it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from tests.browser.host import Host
from tests.deploy.deployment import Deployment
from tests.deploy.files import SERVICES
from tests.deploy.visits import attribute, sign_in, stream, until_event
from tests.support.postgres import free_port

pytestmark = pytest.mark.servers


@pytest.fixture(params=SERVICES)
def site(request: Any, deployed: Callable[[str], Deployment]) -> Deployment:
    return deployed(request.param)


def cookies(host: Host, name: str) -> tuple[Any, dict[str, str]]:
    person = host.person(name)
    return person, {"sessionid": person.session}


async def test_a_page_receives_toasts_after_a_sign_in_over_http_2(
    site: Deployment, host: Host
) -> None:
    user, _ = host.call("sign_in", f"in {site.folder.name}")
    async with site.client(http2=True) as browser:
        page = await sign_in(browser, f"in {site.folder.name}")
        assert page.http_version == "HTTP/2"
        assert all(cookie.secure for cookie in browser.cookies.jar)
        assert len(browser.cookies.jar) == 2
        script = await browser.get(attribute(page, "src"))
        assert script.status_code == 200
        assert script.headers["Content-Type"].startswith("text/javascript")
        async with stream(browser, attribute(page, "data-stream-url")) as events:
            await until_event(events, "sync")
            host.call("create_toast", "hello", user)
            assert (await until_event(events, "toast"))["message"] == "hello"


async def test_plain_http_is_redirected_to_https(site: Deployment) -> None:
    async with httpx.AsyncClient() as browser:
        answer = await browser.get(f"http://localhost:{site.nginx.http}/demo/toast/?a=b")
    assert answer.status_code == 308
    assert answer.headers["Location"] == f"{site.url}/demo/toast/?a=b"


async def test_events_one_second_apart_arrive_one_second_apart(
    site: Deployment, host: Host
) -> None:
    alice, signed_in = cookies(host, "alice")
    sent: list[float] = []

    async def receive(*, http2: bool) -> None:
        received: list[float] = []
        async with site.client(cookies=signed_in, http2=http2) as one, stream(one) as events:
            await until_event(events, "sync")
            subscribed.release()
            for number in range(3):
                assert (await until_event(events, "toast"))["message"] == str(number)
                received.append(time.monotonic())
        assert received[0] < sent[1] < received[1] < sent[2]
        assert received[2] - received[0] == pytest.approx(2, abs=0.7)

    subscribed = asyncio.Semaphore(0)
    receivers = [asyncio.create_task(receive(http2=http2)) for http2 in (False, True)]
    async with asyncio.timeout(10):
        for _ in receivers:
            await subscribed.acquire()
    start = time.monotonic()
    for number in range(3):
        await asyncio.sleep(start + number - time.monotonic())
        sent.append(time.monotonic())
        host.toast(alice, str(number))
    await asyncio.gather(*receivers)


async def test_silence_of_25_seconds_ends_neither_long_polls_nor_streams(
    deployed: Callable[[str], Deployment], host: Host
) -> None:
    _, signed_in = cookies(host, "alice")

    async def poll(browser: httpx.AsyncClient) -> None:
        cursor = (await browser.get("/toasts/poll/")).json()["cursor"]
        start = time.monotonic()
        answer = await browser.get("/toasts/poll/", params={"wait": "25", "cursor": cursor})
        assert answer.json()["cursor"] == cursor
        assert time.monotonic() - start == pytest.approx(25, abs=3)

    async def listen(browser: httpx.AsyncClient) -> None:
        async with stream(browser) as events:
            await until_event(events, "sync")
            start = time.monotonic()
            await until_event(events, "ping", 20)
            assert time.monotonic() - start == pytest.approx(15, abs=3)

    async def visit(unit: str) -> None:
        async with deployed(unit).client(cookies=signed_in, http2=True) as browser:
            await asyncio.gather(poll(browser), listen(browser))

    await asyncio.gather(*map(visit, SERVICES))


async def test_without_a_database_a_poll_without_a_session_is_still_answered(
    deploy: Callable[..., Deployment],
) -> None:
    dead = f"postgres://nobody@127.0.0.1:{free_port()}/nothing"
    url = "postgresql://mysite@127.0.0.1:5432/mysite"
    deployment = deploy("mysite-uvicorn@.service", changed={url: dead})
    async with deployment.client() as browser:
        assert (await browser.get("/toasts/poll/")).status_code == 204
        cookie = {"Cookie": f"sessionid={'a' * 32}"}
        assert (await browser.get("/admin/", headers=cookie)).status_code == 500
