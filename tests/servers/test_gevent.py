"""gunicorn with gevent's workers: all requests share one thread, in which no event loop can run."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.support.servers import Site

pytestmark = pytest.mark.servers

PATHS = ("/page/", "/toasts/poll/", "/toasts/api/toasts/", "/toasts/api/toasts/count/", "/users/")
TOGETHER = 8


@pytest.fixture
def site(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Site]:
    site = Site(
        f"sqlite:///{tmp_path}/site.sqlite3",
        DJANGO_SETTINGS_MODULE="tests.support.wsgi_settings",
        TOAST_MIDDLEWARE=f"toasts.middleware.{request.param}",
    )
    yield site
    site.close()


@pytest.mark.parametrize(
    ("site", "has_client"),
    [("WSGIToastMiddleware", True), ("ToastMiddleware", False)],
    indirect=["site"],
)
async def test_pages_polls_and_the_api_work_side_by_side(site: Site, has_client: bool) -> None:
    site.users("alice")
    [cookies] = site.sessions("alice").values()
    server = site.serve("gevent")
    limits = httpx.Limits(max_connections=TOGETHER)
    async with httpx.AsyncClient(
        base_url=server.url, cookies=cookies, timeout=20, limits=limits
    ) as client:
        answers = await asyncio.gather(*(client.get(path) for path in PATHS * TOGETHER))
        stream = await client.get("/toasts/stream/")
    assert {answer.status_code for answer in answers} == {200}
    assert stream.status_code == 204
    pages = [answer.text for answer in answers if answer.url.path == "/page/"]
    assert ["data-toasts" in page for page in pages] == [has_client] * TOGETHER
