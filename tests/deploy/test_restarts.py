"""Restarts of processes and of nginx under load: no toast is lost or shown twice."""

from __future__ import annotations

import asyncio
import signal
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import httpx
import pytest

from tests.browser.host import Host
from tests.conftest import until
from tests.deploy.deployment import Deployment
from tests.servers.test_chaos import open_pages
from tests.support.open_pages import Page

pytestmark = pytest.mark.servers
PEOPLE, TABS = 10, 3
HTTP = {"site": "mysite-http.conf", "changed": {"HTTPS=1": "HTTPS=0"}}

EXPECTED = {("GET", 200), ("POST", 404)}
# A process may stop after it has accepted a POST and before it has read it. nginx sends other
# requests to the next process, but no POST, which may have been processed already.
UNREAD_POST = {("POST", 502)}


class Load:
    """Open pages, a writer of toasts, and a user who requests other pages."""

    def __init__(self, deployment: Deployment, host: Host) -> None:
        self._url, self._port, self._host = deployment.url, deployment.nginx.http, host
        self._people = [host.person("visitor") for _ in range(PEOPLE)]
        self._sent: dict[int, set[int]] = {person.pk: set() for person in self._people}
        self._going = True
        self.answers: Counter[tuple[str, int]] = Counter()
        self.pages = [
            (person.pk, Page(self._port, person.session))
            for person in self._people
            for _ in range(TABS)
        ]

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Run the load. At the end, check that each page has received every toast once."""
        async with open_pages([page for _, page in self.pages]):
            tasks = [asyncio.create_task(work()) for work in (self._write, self._click)]
            await self._some_more()
            yield
            await self._some_more()
            self._going = False
            await asyncio.gather(*tasks)
            await until(self._all_arrived, 30)
            assert all(set(page.shown.values()) == {1} for _, page in self.pages)

    async def _some_more(self) -> None:
        enough = self._written() + 20
        await until(lambda: self._written() > enough, 30)

    def _written(self) -> int:
        return sum(map(len, self._sent.values()))

    async def _write(self) -> None:
        number = 0
        while self._going:
            person = self._people[number % PEOPLE]
            sent = await asyncio.to_thread(self._host.toast, person, f"number {number}")
            self._sent[person.pk].add(sent)
            number += 1
            await asyncio.sleep(0.01)

    async def _click(self) -> None:
        session = {"sessionid": self._people[0].session}
        # nginx closes idle connections when it is reloaded. A browser sends the request again.
        # httpx does not.
        no_keep_alive = httpx.Limits(max_keepalive_connections=0)
        async with httpx.AsyncClient(
            base_url=self._url, cookies=session, timeout=30, limits=no_keep_alive
        ) as client:
            token = (await client.get("/toasts/poll/?csrf=1")).headers["X-CSRFToken"]
            headers = {"X-CSRFToken": token, "Origin": self._url}
            while self._going:
                for answer in (
                    await client.get("/demo/toast/"),
                    await client.post("/toasts/api/toasts/0/read/", headers=headers),
                ):
                    self.answers[answer.request.method, answer.status_code] += 1

    async def clicks(self) -> None:
        """Wait until the requests that were sent before are answered."""
        enough = self.answers.total() + 4
        await until(lambda: self.answers.total() > enough, 30)

    def _all_arrived(self) -> bool:
        return all(set(page.shown) == self._sent[pk] for pk, page in self.pages)


async def restart_in_turn(deployment: Deployment, load: Load) -> None:
    for process in deployment.processes:
        await asyncio.to_thread(process.stop)
        process.start()
        await asyncio.to_thread(process.await_ready)
        # nginx sends a request to each process once. So a request that this process has refused
        # must be answered before the other process stops.
        await load.clicks()


async def reload_workers(deployment: Deployment, load: Load) -> None:
    """Have gunicorn replace its workers. Its socket stays open."""
    [process] = deployment.processes
    old = process.workers()
    process.send_signal(signal.SIGHUP)
    await until(lambda: len(process.workers()) == 2 and not old & process.workers(), 20)


@pytest.mark.parametrize(
    "unit",
    [
        "mysite-daphne@.service",
        "mysite-gunicorn.service",
        pytest.param("mysite-uvicorn@.service", marks=pytest.mark.wide),
    ],
)
async def test_a_rolling_restart_under_load_loses_no_toast(
    deploy: Callable[..., Deployment], host: Host, unit: str
) -> None:
    deployment = deploy(unit, **HTTP)
    load = Load(deployment, host)
    async with load.running():
        await (reload_workers if unit == "mysite-gunicorn.service" else restart_in_turn)(
            deployment, load
        )
    assert load.answers.keys() - UNREAD_POST == EXPECTED
    assert load.answers["POST", 502] <= 2
    assert all(page.opened >= 2 for _, page in load.pages)


async def test_a_reload_of_nginx_ends_no_stream(
    deploy: Callable[..., Deployment], host: Host
) -> None:
    deployment = deploy("mysite-uvicorn@.service", **HTTP)
    load = Load(deployment, host)
    async with load.running():
        old = deployment.nginx.workers()
        deployment.nginx.reload()
        await until(lambda: deployment.nginx.workers() - old)
    assert load.answers.keys() == EXPECTED
    assert all(page.opened == 1 for _, page in load.pages)
