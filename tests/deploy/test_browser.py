"""The site below a path, in Chromium, through nginx with HTTP/2 and TLS."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.async_api import Response, async_playwright

from tests.browser.conftest import FLAGS, HEADLESS, chromium_path
from tests.browser.host import Host
from tests.browser.pages import expect_connection, expect_shown
from tests.deploy.deployment import Deployment

pytestmark = pytest.mark.browser
PAGES = ["/live/demo/messages/", "/live/demo/orders/", "/live/docs/index.md", "/live/demo/toast/"]


async def test_pages_below_a_path_load_completely_and_receive_toasts(
    deploy: Callable[..., Deployment], host: Host
) -> None:
    deployment = deploy(
        "mysite-uvicorn@.service", site="mysite-subdirectory.conf", FORCE_SCRIPT_NAME="/live"
    )
    person = host.person("alice")
    failed: list[str] = []

    def check(response: Response) -> None:
        if response.status >= 400 or not response.url.startswith(f"{deployment.url}/live/"):
            failed.append(f"{response.status} {response.url}")

    async with async_playwright() as playwright:
        path = chromium_path(HEADLESS)
        browser = await playwright.chromium.launch(executable_path=path, args=FLAGS)
        context = await browser.new_context(base_url=deployment.url, ignore_https_errors=True)
        session = {"name": "sessionid", "value": person.session, "url": f"{deployment.url}/live/"}
        await context.add_cookies([session])  # type: ignore[list-item]
        page = await context.new_page()
        page.on("response", check)
        for path in PAGES:
            await page.goto(path)
            await expect_connection(page, "connected", 20)
        protocol = "performance.getEntriesByType('navigation')[0].nextHopProtocol"
        assert await page.evaluate(protocol) == "h2"
        await expect_shown(page, host.toast(person, "hello"), "hello")
        await browser.close()
    assert [line for line in failed if not line.endswith("/favicon.ico")] == []
