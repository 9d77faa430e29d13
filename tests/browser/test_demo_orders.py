"""The order board in several browsers: each transport, each right, each writer."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from playwright.async_api import Locator, Page, expect

from tests.browser.pages import Visitor, region
from tests.browser.test_demo_messages import visit
from tests.support.demos import Demo

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]
PAGE = "/demo/orders/"


def products(page: Page) -> Locator:
    return page.locator("[data-board] tbody tr td:nth-child(2)")


async def choose(page: Page, *labels: str) -> None:
    for label in labels:
        await page.get_by_label(label).check()
    await expect(page.locator("[data-live]")).to_have_text("live")


@pytest.mark.parametrize("database", ["sqlite", "postgres"])
async def test_staff_see_all_orders_and_customers_see_their_own(
    demo_on: Callable[[str], Demo], visitor: Visitor, database: str
) -> None:
    demo = demo_on(database)
    demo.sql("DELETE FROM example_order", "DELETE FROM toasts_toast")
    admin = await visit(visitor, demo, "admin", PAGE)
    alice = await visit(visitor, demo, "alice", PAGE)
    bob = await visit(visitor, demo, "bob", PAGE)
    await expect(bob.get_by_text("No orders yet.")).to_be_visible()
    await choose(alice, "WebSocket")
    await choose(bob, "Long poll", "Signed token")
    await alice.get_by_role("button", name="Pretzel").click()
    await expect(products(alice)).to_have_text(["Pretzel"])
    demo.sql(
        "INSERT INTO example_order (product, price, customer_id, note)"
        f" VALUES ('Cake', 240, {demo.users['bob']}, '{'x' * 20_000}')"
    )
    await expect(products(bob)).to_have_text([f"Cake{'x' * 40}… (20,000 characters)"])
    await expect(products(admin)).to_have_count(2)
    await expect(products(alice)).to_have_text(["Pretzel"])
    toasts = region(admin).locator("[data-toast-message]")
    await expect(toasts.filter(has_text="1 x Pretzel, 1.80 each")).to_have_count(1)
    await expect(toasts.filter(has_text="1 x Cake, 240.00 each")).to_have_count(1)
    assert await region(alice).locator("[data-toast-id]").count() == 0
    demo.sql("UPDATE example_order SET note = '', quantity = 7")
    for page in (alice, bob):
        await expect(page.locator("[data-board] tbody tr td:nth-child(3)")).to_have_text(["7"])
    await expect(products(admin)).to_have_text(["Cake", "Pretzel"])
    await expect(latest(alice)).to_have_text(event_line("UPDATE", "Pretzel", 7))
    demo.sql("DELETE FROM example_order")
    for page in (admin, alice, bob):
        await expect(products(page)).to_have_count(0)
        await expect(page.get_by_text("No orders yet.")).to_be_visible()
    # Each event has the row as the page received it last.
    for page, product in ((alice, "Pretzel"), (admin, "Cake")):
        await expect(latest(page)).to_have_text(event_line("DELETE", product, 7))
    assert visitor.console == []


def latest(page: Page) -> Locator:
    """Return the line of the newest event."""
    return page.locator("[data-wire] li").first


def event_line(action: str, product: str, quantity: int) -> re.Pattern[str]:
    row = rf'{{"product":"{product}","price":"[0-9.]+","quantity":{quantity},.*}}'
    return re.compile(f"^{action} example_order #[0-9]+ {row}$")


async def test_each_transport_shows_the_same_board(
    demo_on: Callable[[str], Demo], visitor: Visitor
) -> None:
    demo = demo_on("sqlite")
    demo.sql("DELETE FROM example_order", "DELETE FROM toasts_toast")
    page = await visit(visitor, demo, "alice", PAGE)
    numbers = iter(range(1, 100))
    expected: list[str] = []
    for by in ("Session cookie", "Signed token"):
        for over in ("Event stream", "WebSocket", "Long poll"):
            await choose(page, by, over)
            product = f"Bread {next(numbers)}"
            demo.sql(
                "INSERT INTO example_order (product, price, customer_id)"
                f" VALUES ('{product}', 1, {demo.users['alice']})"
            )
            expected.insert(0, product)
            await expect(products(page)).to_have_text(expected)
    await page.get_by_label("Paused").check()
    await expect(page.locator("[data-live]")).to_have_text("off")
    demo.sql("DELETE FROM example_order")
    await choose(page, "Event stream")
    await expect(products(page)).to_have_count(0)
    assert visitor.console == []


async def test_the_board_is_a_table_with_accessible_names(
    demo_on: Callable[[str], Demo], visitor: Visitor
) -> None:
    demo = demo_on("sqlite")
    demo.sql(
        "DELETE FROM example_order", "DELETE FROM toasts_toast",
        "INSERT INTO example_order (product, price) VALUES ('Rye', 4)",
    )  # fmt: skip
    page = await visit(visitor, demo, "admin", PAGE)
    table = page.get_by_role("table", name="The newest 50 orders, newest first")
    await expect(table.get_by_role("columnheader")).to_have_text(
        ["Order", "Product", "Qty", "Each", "Total", "Buyer", "Time"]
    )
    await expect(table.get_by_role("rowheader")).to_have_count(1)
    await expect(page.get_by_role("group", name="Transport").get_by_role("radio")).to_have_count(4)
    await page.set_viewport_size({"width": 360, "height": 740})
    assert await page.evaluate("document.documentElement.scrollWidth") == 360
