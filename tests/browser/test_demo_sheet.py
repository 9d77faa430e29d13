"""The shared sheet in several browsers: over an event stream and POST, and over a WebSocket."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from playwright.async_api import Locator, Page, expect

from tests.browser.host import Person
from tests.browser.pages import Visitor
from tests.support.demos import Demo

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]
PAGE = "/demo/sheet/"
# Records each change of a field by script, not by keyboard.
WATCH = """(input) => {
  window.touched = [];
  const { get, set } = Object.getOwnPropertyDescriptor(HTMLInputElement.prototype, "value");
  Object.defineProperty(input, "value", {
    get,
    set(text) {
      window.touched.push(text);
      set.call(this, text);
    },
  });
  new MutationObserver(() => {
    if ("by" in input.closest("td").dataset) window.touched.push("marked");
  }).observe(input.closest("td"), { attributes: true });
}"""


def cell(page: Page, key: str) -> Locator:
    return page.locator(f'[data-cell="{key}"]')


def place(page: Page, key: str) -> Locator:
    return page.locator("td", has=cell(page, key))


def people(page: Page) -> Locator:
    return page.locator("[data-people] li")


async def write(page: Page, key: str, text: str) -> None:
    """Type into a cell, without saving it."""
    await cell(page, key).click()
    await cell(page, key).press("Control+a")
    await page.keyboard.type(text)


async def save(page: Page, key: str, text: str) -> None:
    await write(page, key, text)
    await page.keyboard.press("Enter")


async def visit(visitor: Visitor, demo: Demo, name: str, over: str = "", **options: Any) -> Page:
    person = Person(demo.users[name], demo.sessions[name]["sessionid"])
    page = await visitor.open(demo.server, person, PAGE, **options)
    live = page.locator("[data-live]")
    await expect(live).to_have_text("Live, by event stream")
    if over == "WebSocket":
        await page.get_by_label(over).check()
        await expect(live).to_have_text("Live, by WebSocket")
    return page


@pytest.fixture
def demo(demo_on: Callable[[str], Demo]) -> Demo:
    return fresh(demo_on("sqlite"))


def fresh(demo: Demo) -> Demo:
    demo.sql(
        "UPDATE example_cell SET text = '1.00', by = '', tab = '' WHERE \"column\" = 'price'",
        "DELETE FROM example_visit",
    )
    return demo


each_way = pytest.mark.parametrize("over", ["Event stream", "WebSocket"])
each_database = pytest.mark.parametrize("database", ["sqlite", "postgres"])


@each_database
@each_way
async def test_a_saved_cell_appears_in_the_other_browser_without_an_echo(
    demo_on: Callable[[str], Demo], visitor: Visitor, database: str, over: str
) -> None:
    demo = fresh(demo_on(database))
    alice = await visit(visitor, demo, "alice", over)
    bob = await visit(visitor, demo, "bob", over)
    await cell(alice, "2-price").evaluate(WATCH)
    await save(alice, "2-price", "5.00")
    await expect(cell(bob, "2-price")).to_have_value("5.00")
    await expect(place(bob, "2-price")).to_have_attribute("data-by", "alice")
    # Events are in order: what alice's stream sends about her own change comes before this one.
    await save(bob, "3-price", "6")
    await expect(cell(bob, "3-price")).to_have_value("6.00")
    await expect(cell(alice, "3-price")).to_have_value("6.00")
    await expect(place(alice, "3-price")).to_have_attribute("data-by", "bob")
    assert await alice.evaluate("window.touched") == []
    assert visitor.console == []


@each_database
@each_way
async def test_the_last_save_wins_and_both_users_can_resolve_the_conflict(
    demo_on: Callable[[str], Demo], visitor: Visitor, database: str, over: str
) -> None:
    demo = fresh(demo_on(database))
    alice = await visit(visitor, demo, "alice", over)
    bob = await visit(visitor, demo, "bob", over)
    await write(alice, "4-price", "9.99")
    await save(bob, "4-price", "7")
    conflict = alice.get_by_role("alert")
    await expect(conflict).to_have_text(
        re.compile("Price, €: bob changed this to “7.00” while you edit")
    )
    await expect(cell(alice, "4-price")).to_have_value("9.99")
    await expect(cell(alice, "4-price")).to_have_accessible_description(re.compile("bob changed"))
    await cell(alice, "4-price").press("Enter")
    await expect(conflict).to_have_text(re.compile("bob had changed this to “7.00”.+ saved last"))
    await expect(cell(bob, "4-price")).to_have_value("9.99")
    await conflict.get_by_role("button", name="Take theirs").click()
    await expect(conflict).to_have_count(0)
    for page in (alice, bob):
        await expect(cell(page, "4-price")).to_have_value("7.00")
    await expect(cell(alice, "4-price")).to_be_focused()


async def test_taking_the_other_value_while_editing_saves_nothing(
    demo: Demo, visitor: Visitor
) -> None:
    alice, bob = await visit(visitor, demo, "alice"), await visit(visitor, demo, "bob")
    await write(alice, "4-price", "9.99")
    await save(bob, "4-price", "7")
    await alice.get_by_role("button", name="Take theirs").click()
    await expect(cell(alice, "4-price")).to_have_value("7.00")
    await expect(alice.get_by_role("alert")).to_have_count(0)
    [(text, by)] = demo.sql(
        'SELECT text, by FROM example_cell WHERE "row" = 4 AND "column" = \'price\''
    )
    assert (text, by) == ("7.00", "bob")


@each_way
async def test_an_error_of_the_server_is_shown_at_its_cell_until_it_is_corrected(
    demo: Demo, visitor: Visitor, over: str
) -> None:
    alice = await visit(visitor, demo, "alice", over)
    bob = await visit(visitor, demo, "bob", over)
    price = cell(alice, "5-price")
    await save(alice, "5-price", "<b>cheap")
    error = alice.locator(".cell-note")
    await expect(error).to_have_text("Price, €: Write a price from 0 to 100, such as 4.50.")
    await expect(price).to_have_accessible_description(re.compile("Write a price"))
    await expect(price).to_have_attribute("aria-invalid", "true")
    await expect(price).to_have_value("<b>cheap")
    await expect(cell(bob, "5-price")).to_have_value("1.00")
    await save(alice, "5-price", " 3.5 ")
    await expect(error).to_have_count(0)
    await expect(price).to_have_value("3.50")
    assert await price.get_attribute("aria-invalid") is None
    await expect(cell(bob, "5-price")).to_have_value("3.50")
    visitor.console.clear()  # Chromium's console reports a POST that is refused


@each_database
async def test_visitors_appear_and_disappear_within_seconds(
    demo_on: Callable[[str], Demo], visitor: Visitor, database: str
) -> None:
    demo = fresh(demo_on(database))
    alice = await visit(visitor, demo, "alice")
    await expect(people(alice)).to_have_text(["alice (you)"])
    bob = await visit(visitor, demo, "bob", "WebSocket")
    await expect(people(alice)).to_have_text(["alice (you)", "bob is here"])
    await expect(people(bob)).to_have_text(["alice is here", "bob (you)"])
    await bob.close()
    await expect(people(alice)).to_have_text(["alice (you)"], timeout=5_000)
    await expect(alice.get_by_role("status").filter(has_text="bob has left")).to_have_count(1)


async def test_a_cell_that_could_not_be_saved_is_kept_and_saved_later(
    demo: Demo, visitor: Visitor
) -> None:
    alice, bob = await visit(visitor, demo, "alice"), await visit(visitor, demo, "bob")
    await alice.context.set_offline(True)
    await save(alice, "6-price", "2")
    await expect(alice.locator(".cell-note")).to_have_text(
        re.compile("Not saved. The server can.t be reached.")
    )
    await expect(cell(alice, "6-price")).to_have_value("2")
    await alice.context.set_offline(False)
    await alice.get_by_role("button", name="Try again").click()
    await expect(cell(alice, "6-price")).to_have_value("2.00")
    await expect(cell(bob, "6-price")).to_have_value("2.00")
    await expect(alice.locator(".cell-note")).to_have_count(0)


async def test_the_arrow_keys_move_between_the_cells(demo: Demo, visitor: Visitor) -> None:
    page = await visit(visitor, demo, "alice")
    await cell(page, "1-bread").focus()
    steps = [
        ("Enter", "2-bread"),
        ("Shift+Enter", "1-bread"),
        ("ArrowDown", "2-bread"),
        ("ArrowUp", "1-bread"),
        ("ArrowRight", "1-loaves"),
        ("ArrowLeft", "1-bread"),
        ("Tab", "1-loaves"),
        ("ArrowUp", "1-loaves"),
    ]
    for key, there in steps:
        await page.keyboard.press(key)
        await expect(cell(page, there)).to_be_focused()
    # Within a text, the arrow keys move the cursor in the text.
    await page.keyboard.press("Home")
    await page.keyboard.press("ArrowRight")
    await expect(cell(page, "1-loaves")).to_be_focused()
    await write(page, "1-loaves", "17")
    await page.keyboard.press("Escape")
    await expect(cell(page, "1-loaves")).to_have_value("60")
    name = await cell(page, "3-price").get_attribute("aria-labelledby")
    assert name == "column-price row-3"
    await expect(cell(page, "3-price")).to_have_accessible_name("Price, € 3")


async def test_a_user_who_was_signed_out_is_asked_to_sign_in(demo: Demo, visitor: Visitor) -> None:
    page = await visit(visitor, demo, "alice")
    await page.context.clear_cookies()
    await page.get_by_label("WebSocket").click()  # reconnects, and leaves the page
    await expect(page).to_have_url(re.compile(r"/accounts/login/\?next=/demo/sheet/"))
    visitor.console.clear()


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_the_page_fits_a_narrow_phone(demo: Demo, visitor: Visitor, scheme: Any) -> None:
    narrow = {"width": 360, "height": 740}
    page = await visit(visitor, demo, "alice", viewport=narrow, color_scheme=scheme)
    await save(page, "1-price", "much")
    await expect(page.locator(".cell-note")).to_be_visible()
    assert await page.evaluate("document.documentElement.scrollWidth") == 360
    visitor.console.clear()
