"""The status page in several browsers: long polls, and what happens when they fail."""

from __future__ import annotations

import re
import time
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from playwright.async_api import Page, Request, Route, expect

from tests.browser.host import Person
from tests.browser.pages import Visitor, soon
from tests.support.core_site import CoreSite
from tests.support.demos import Demo
from tests.support.servers import Server

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]
PAGE, FEED = "/demo/status/", "**/demo/status/feed/*"


async def visit(
    visitor: Visitor, demo: Demo, name: str | None = None, path: str = PAGE, **options: Any
) -> Page:
    person = Person(demo.users[name], demo.sessions[name]["sessionid"]) if name else None
    page = await visitor.open(demo.server, person, path, **options)
    await expect(page.locator("[data-live]")).to_have_text("Live")
    return page


async def publish(page: Page, service: str, state: str, text: str) -> None:
    await page.get_by_label("Service", exact=True).select_option(label=service)
    await page.get_by_label("State", exact=True).select_option(label=state)
    await page.get_by_role("textbox", name="What happened").fill(text)
    await page.get_by_role("button", name="Publish").click()


def fresh(demo: Demo) -> Demo:
    demo.sql("DELETE FROM example_incident", "UPDATE example_service SET state = 'working'")
    return demo


@pytest.fixture
def demo(demo_on: Callable[[str], Demo]) -> Demo:
    return fresh(demo_on("sqlite"))


@pytest.mark.parametrize("database", ["sqlite", "postgres"])
async def test_a_signed_out_visitor_sees_what_is_published(
    demo_on: Callable[[str], Demo], visitor: Visitor, database: str
) -> None:
    demo = fresh(demo_on(database))
    guest = await visit(visitor, demo)
    await expect(guest.locator("[data-verdict]")).to_have_text("All services are working.")
    await expect(guest.get_by_text("Nothing yet. All is quiet.")).to_be_visible()
    alice = await visit(visitor, demo, "alice")
    await publish(alice, "Payments", "Down", "The <b>bank</b> is closed.")
    for page in (guest, alice):
        await expect(page.locator("[data-verdict]")).to_have_text("Payments: down.")
        service = page.locator("[data-services] li").filter(has_text="Payments")
        await expect(service.locator(".state")).to_have_text("Down")
        await expect(service).to_have_attribute("data-new", "")
        line = page.locator("[data-history] li")
        await expect(line).to_contain_text("The <b>bank</b> is closed.")
        await expect(line).to_contain_text("alice")
        await expect(page.get_by_text("Nothing yet. All is quiet.")).to_be_hidden()
    await expect(alice.get_by_role("textbox", name="What happened")).to_have_value("")
    # Elements that did not change are kept.
    await guest.evaluate("kept = document.querySelector('[data-services] li')")
    await publish(alice, "E-mail", "Slow", "")
    await expect(guest.locator("[data-history] li")).to_have_count(2)
    assert await guest.evaluate("kept === document.querySelector('[data-services] li')")
    assert visitor.console == []


async def test_the_next_poll_starts_at_once_with_the_current_cursor(
    demo: Demo, visitor: Visitor
) -> None:
    guest = await visit(visitor, demo)
    requests: list[tuple[float, Request]] = []

    def note(request: Request) -> None:
        if "/feed/" in request.url:
            requests.append((time.time(), request))

    guest.on("request", note)
    alice = await visit(visitor, demo, "alice")
    await publish(alice, "Website", "Slow", "")
    await expect(guest.locator("[data-verdict]")).to_have_text("Website: slow.")
    shown = time.time()
    await soon(lambda: bool(requests))
    at, request = requests[0]
    assert at - shown < 1
    assert re.search(r"\?wait=25&cursor=\w+\.\w+$", request.url), request.url


async def abort(route: Route) -> None:
    await route.abort()


async def fail(route: Route) -> None:
    await route.fulfill(status=502, body="<h1>Bad gateway</h1>")


async def do_not_wait(route: Route) -> None:
    await route.fulfill(json={"events": [], "cursor": "x"})


@pytest.mark.parametrize("trouble", [abort, fail, do_not_wait])
async def test_after_an_error_the_next_poll_waits_a_few_seconds(
    demo: Demo, visitor: Visitor, trouble: Callable[[Route], Any]
) -> None:
    guest = await visit(visitor, demo)
    requests: list[float] = []

    async def answer(route: Route) -> None:
        requests.append(time.monotonic())
        await trouble(route)

    await guest.route(FEED, answer)
    await guest.reload()
    if trouble is not do_not_wait:
        await expect(guest.locator("[data-live]")).to_have_text("No connection; trying again")
    await soon(lambda: len(requests) == 2)
    assert 2.9 < requests[1] - requests[0] < 7
    await guest.unroute(FEED)
    demo.sql("UPDATE example_service SET state = 'slow' WHERE name = 'Website'")
    await expect(guest.locator("[data-verdict]")).to_have_text("Website: slow.")
    await expect(guest.locator("[data-live]")).to_have_text("Live")
    visitor.console.clear()


@pytest.fixture
async def below(demo: Demo) -> AsyncIterator[Server]:
    """The same site below /live, as behind a proxy that forwards the whole path."""
    site = CoreSite(demo.url, FORCE_SCRIPT_NAME="/live")
    yield site.serve()
    site.close()


async def test_it_works_in_a_subdirectory(demo: Demo, visitor: Visitor, below: Server) -> None:
    context = await visitor.context(below, None)
    page = await context.new_page()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url.removeprefix(below.url)))
    await page.goto(f"/live{PAGE}")
    await expect(page.locator("[data-live]")).to_have_text("Live")
    demo.sql("UPDATE example_service SET state = 'down' WHERE name = 'Website'")
    await expect(page.locator("[data-verdict]")).to_have_text("Website: down.")
    assert any(url.startswith(f"/live{PAGE}feed/?wait=25") for url in asked)
    assert [url for url in asked if not url.startswith("/live/")] == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_the_page_fits_a_narrow_phone(demo: Demo, visitor: Visitor, scheme: Any) -> None:
    narrow = {"width": 360, "height": 740}
    page = await visit(visitor, demo, "alice", viewport=narrow, color_scheme=scheme)
    await publish(page, "Website", "Maintenance", "x" * 200)
    await expect(page.locator("[data-history] li")).to_have_count(1)
    assert await page.evaluate("document.documentElement.scrollWidth") == 360
