"""The parts of the bell and the inbox."""

from __future__ import annotations

from typing import Any

from playwright.async_api import Locator, Page, expect

from tests.browser.host import Person
from tests.browser.pages import Visitor
from tests.support.servers import Server

SOON = 3000  # milliseconds; an idle machine takes less than one second


def bell(page: Page) -> Locator:
    return page.locator("toast-bell > button")


def inbox(page: Page) -> Locator:
    return page.get_by_role("region", name="Inbox")


def rows(page: Page) -> Locator:
    return inbox(page).get_by_role("listitem")


def row(page: Page, pk: int) -> Locator:
    return inbox(page).locator(f'[data-id="{pk}"]')


def read_button(page: Page, pk: int) -> Locator:
    return row(page, pk).get_by_role("button")


async def expect_count(page: Page, count: int, timeout: float = 10_000) -> None:
    await expect(bell(page)).to_have_accessible_name(f"Inbox: {count} unread", timeout=timeout)


async def dismiss(page: Page, pk: int) -> None:
    await page.evaluate("(id) => toasts.dismiss(id)", pk)


async def at_the_bell(
    visitor: Visitor, server: Server, person: Person, count: int, **options: Any
) -> Page:
    page = await visitor.open(server, person, "/bell/", **options)
    await expect_count(page, count)
    return page
