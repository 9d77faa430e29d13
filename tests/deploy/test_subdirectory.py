"""The site below the path /live/, configured in each possible way."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from tests.browser.host import Host
from tests.deploy.deployment import Deployment
from tests.deploy.visits import attribute, sign_in, stream, until_event

pytestmark = pytest.mark.servers
UVICORN, DAPHNE = "mysite-uvicorn@.service", "mysite-daphne@.service"
BELOW = {"site": "mysite-subdirectory.conf"}


async def _use(browser: httpx.AsyncClient, host: Host, name: str) -> httpx.Response:
    """Sign in and receive a toast, with the URLs from the pages. Return one of the pages."""
    user, _ = host.call("sign_in", name)
    page = await sign_in(browser, name, "/live")
    links = re.findall(r'(?:href|action)="(/.*?)"', page.text)
    assert "/live/demo/toast/" in links
    assert [link for link in links if not link.startswith(("/live/", "/static/"))] == []
    for name in ("data-poll-url", "data-api-url"):
        assert (await browser.get(attribute(page, name))).status_code == 200
    async with stream(browser, attribute(page, "data-stream-url")) as events:
        await until_event(events, "sync")
        host.call("create_toast", "hello", user)
        assert (await until_event(events, "toast"))["message"] == "hello"
    return page


@pytest.mark.parametrize("unit", [UVICORN, DAPHNE])
async def test_the_setting_prefixes_pages_client_static_files_and_cookies(
    deploy: Callable[..., Deployment], host: Host, unit: str
) -> None:
    deployment = deploy(unit, FORCE_SCRIPT_NAME="/live", **BELOW)
    async with deployment.client() as browser:
        page = await _use(browser, host, f"moved with {unit}")
        files = re.findall(r'(?:href|src)="(\S*?/static/.*?)"', page.text)
        assert attribute(page, "src") in files
        for file in files:
            assert file.startswith("/live/static/")
            assert (await browser.get(file)).status_code == 200, file
        assert {cookie.path for cookie in browser.cookies.jar} == {"/live/"}
        assert (await browser.get("/live")).headers["Location"].endswith("/live/")
        assert (await browser.get("/live/nothing/")).status_code == 404


# uvicorn prepends the root path to the path of the request. daphne does not.
ROOT_PATHS: dict[str, dict[str, Any]] = {
    UVICORN: {
        "--lifespan off": "--root-path /live --lifespan off",
        "proxy_pass http://mysite;": "proxy_pass http://mysite/;",
    },
    DAPHNE: {"--proxy-headers": "--root-path /live --proxy-headers"},
}


@pytest.mark.parametrize("unit", ROOT_PATHS)
async def test_the_servers_root_path_prefixes_pages_and_client_but_not_static_files(
    deploy: Callable[..., Deployment], host: Host, unit: str
) -> None:
    deployment = deploy(unit, changed=ROOT_PATHS[unit], **BELOW)
    async with deployment.client() as browser:
        page = await _use(browser, host, f"root path of {unit}")
        # The settings are loaded before the first request, and do not know the root path.
        assert attribute(page, "src") == "/static/toasts/toasts.js"


@pytest.mark.parametrize("unit", ROOT_PATHS)
async def test_the_setting_and_the_root_path_can_be_combined(
    deploy: Callable[..., Deployment], host: Host, unit: str
) -> None:
    deployment = deploy(unit, changed=ROOT_PATHS[unit], FORCE_SCRIPT_NAME="/live", **BELOW)
    async with deployment.client() as browser:
        page = await _use(browser, host, f"both with {unit}")
        assert (await browser.get(attribute(page, "src"))).status_code == 200
