"""Tabs of one browser: which one leads, which one has the focus, and how one crashes."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from playwright.async_api import BrowserContext, Page

from tests.browser.host import Person
from tests.browser.pages import Visitor, tab
from tests.support.servers import Server

NO_LOCKS = "delete Navigator.prototype.locks"


FOCUS_STATE = """
window.focusState = { hidden: false, focused: true };
Object.defineProperty(Document.prototype, "hidden", { get: () => focusState.hidden });
Document.prototype.hasFocus = () => focusState.focused && !focusState.hidden;
window.look = (change) => {
  Object.assign(focusState, change);
  document.dispatchEvent(new Event("visibilitychange"));
  window.dispatchEvent(new Event(focusState.focused ? "focus" : "blur"));
};
"""
"""Lets a test choose which tab has the focus. Without a screen, all pages have it."""


async def browser_of(
    visitor: Visitor, server: Server, person: Person | None, election: str = "locks"
) -> BrowserContext:
    context = await visitor.context(server, person)
    if election == "lease":
        await context.add_init_script(NO_LOCKS)
    return context


async def tabs_of(context: BrowserContext, count: int) -> list[Page]:
    return [await tab(context) for _ in range(count)]


async def leaders(pages: list[Page]) -> list[Page]:
    return [page for page in pages if await page.locator("[data-leader]").count()]


async def leader_of(pages: list[Page], seconds: float = 10) -> Page:
    """Wait until exactly one page leads, and return it."""
    async with asyncio.timeout(seconds):
        while True:
            found = await leaders(pages)
            if len(found) == 1:
                return found[0]
            await asyncio.sleep(0.02)


async def streams(page: Page) -> int:
    """Return how many streams the server has open for this user."""
    answer = await page.request.get("/streams/")
    found: int = (await answer.json())["open"]
    return found


async def crash(page: Page) -> None:
    """Kill the page's process."""
    session = await page.context.new_cdp_session(page)
    crashed = asyncio.Event()
    page.on("crash", lambda _: crashed.set())
    dying = asyncio.ensure_future(session.send("Page.crash"))
    await asyncio.wait_for(crashed.wait(), 10)
    dying.cancel()


async def freeze(page: Page) -> Callable[[], Awaitable[Any]]:
    """Pause all tasks of the page: timers, messages, events. Return a function that resumes it."""
    session = await page.context.new_cdp_session(page)
    paused = asyncio.Event()
    session.on("Debugger.paused", lambda _: paused.set())
    await session.send("Debugger.enable")
    await session.send("Debugger.pause")
    await asyncio.wait_for(paused.wait(), 10)
    return lambda: session.send("Debugger.disable")
