"""Browsers of users, their pages, and what the pages show."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from typing import Any

from playwright.async_api import Browser, BrowserContext, Locator, Page, expect
from playwright.async_api import TimeoutError as TooLate

from tests.browser.host import Person
from tests.support.servers import Server

WATCH = """
window.appearances = {};
window.announced = [];
new MutationObserver((records) => {
  for (const { target, addedNodes } of records) {
    for (const { dataset } of addedNodes)
      if (dataset?.toastId) appearances[dataset.toastId] = (appearances[dataset.toastId] ?? 0) + 1;
    if (target.matches?.("[data-toasts-region] [role=status]") && addedNodes.length)
      announced.push(target.textContent);
  }
}).observe(document, { childList: true, subtree: true });
"""
"""Records what is on the page only briefly: toasts that appeared, and announcements."""
TIME = """(pk) => {
  const line = document.querySelector(`[data-toast-id="${pk}"] i`);
  const [{ currentTime, effect, pending, playState }] = line.getAnimations();
  return [effect.getTiming().duration - currentTime, pending ? "pending" : playState];
}"""
"""Returns a toast's remaining time in milliseconds, and whether it is running or paused."""
DISTURBANCES = ("Failed to load resource", "EventSource's response has a MIME type")
"""Chromium's own console messages about a server that is down or refuses a request."""


class Visitor:
    """Opens pages. At the end, checks that the client has caused no error in any of them."""

    def __init__(self, browser: Browser) -> None:
        self._browser = browser
        self._contexts: list[BrowserContext] = []
        self.errors: list[str] = []
        self.console: list[str] = []

    async def context(
        self, server: Server, person: Person | None, **options: Any
    ) -> BrowserContext:
        """Return a separate browser, signed in as this person."""
        context = await self._browser.new_context(base_url=server.url, **options)
        self._contexts.append(context)
        context.set_default_timeout(10_000)
        await context.add_init_script(WATCH)
        context.on("weberror", lambda error: self.errors.append(str(error.error)))
        context.on("console", self._on_console)
        if person is not None:
            cookie = {"name": "sessionid", "value": person.session, "url": server.url}
            await context.add_cookies([cookie])  # type: ignore[list-item]
        return context

    def _on_console(self, message: Any) -> None:
        favicon = message.location["url"].endswith("/favicon.ico")  # the pages have none
        if message.type in ("error", "warning") and not favicon:
            self.console.append(message.text)

    async def open(
        self, server: Server, person: Person | None, path: str = "/", **options: Any
    ) -> Page:
        """Open a page in a separate browser, and wait until it is connected."""
        return await tab(await self.context(server, person, **options), path, person is not None)

    async def leave(self) -> None:
        for context in self._contexts:
            await context.close()
        assert self.errors == [], self.errors
        unexpected = [text for text in self.console if not text.startswith(DISTURBANCES)]
        assert unexpected == [], unexpected


async def tab(context: BrowserContext, path: str = "/", connects: bool = True) -> Page:
    page = await context.new_page()
    await page.goto(path)
    if connects:
        await expect_connection(page, "connected")
    return page


def region(page: Page) -> Locator:
    return page.locator("[data-toasts-region]")


def toast(page: Page, pk: int | str) -> Locator:
    return region(page).locator(f'[data-toast-id="{pk}"]')


async def expand(page: Page) -> None:
    """Move the pointer to the newest toast, which expands the stack.

    Try again if another toast arrives meanwhile and covers it.
    """
    newest = region(page).locator("[data-state=visible]").first
    async with asyncio.timeout(10):
        while True:
            with contextlib.suppress(TooLate):
                await newest.hover(timeout=1_000)
                break
    await expect(region(page)).to_have_attribute("data-expanded", "")


def close_button(page: Page, pk: int | str) -> Locator:
    return toast(page, pk).locator("[data-toast-close]")


async def expect_connection(page: Page, state: str, seconds: float = 10) -> None:
    await expect(region(page)).to_have_attribute("data-connection", state, timeout=seconds * 1000)


async def expect_shown(page: Page, pk: int | str, message: str) -> None:
    await expect(toast(page, pk).locator("[data-toast-message]")).to_have_text(message)
    await expect(toast(page, pk)).to_have_attribute("data-state", "visible")


async def expect_appeared(page: Page, pk: int | str) -> None:
    """Wait until a toast has appeared, even if it is already gone again."""
    await page.wait_for_function("(pk) => appearances[pk] === 1", arg=str(pk), polling=50)


async def expect_announced(page: Page, text: str) -> None:
    """Wait for an announcement: it is removed after a second."""
    await page.wait_for_function("(text) => announced.some((one) => one.includes(text))", arg=text)


async def expect_time(page: Page, pk: int | str, state: str) -> float:
    """Wait until a toast's time is "running" or "paused". Return the remaining milliseconds."""
    await page.wait_for_function(f"([pk, state]) => ({TIME})(pk)[1] === state", arg=[pk, state])
    left: float = (await page.evaluate(TIME, pk))[0]
    return left


async def expect_gone(page: Page, pk: int | str) -> None:
    await expect(toast(page, pk)).to_have_count(0)


async def appearances(page: Page) -> dict[str, int]:
    found: dict[str, int] = await page.evaluate("window.appearances")
    return found


async def soon(condition: Callable[[], bool], seconds: float = 10) -> None:
    """Wait for a condition that no page shows, with a bound."""
    async with asyncio.timeout(seconds):
        while not condition():  # noqa: ASYNC110  # another process sets no event here
            await asyncio.sleep(0.05)
