"""The bell and the inbox: every tab counts what is unread; what was missed is found again."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from playwright.async_api import Browser, Locator, Page, Route, expect

from tests.browser.host import Host, Person
from tests.browser.pages import (
    Visitor,
    expect_appeared,
    expect_gone,
    soon,
    tab,
)
from tests.support.servers import Server

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]
SOON = 3000  # milliseconds; within one second, where a machine has nothing else to do


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


async def test_every_tab_counts_what_is_unread_within_a_second(
    host: Host, server: Server, visitor: Visitor
) -> None:
    alice = host.person()
    first = host.toast(alice, "before", duration=0)
    context = await visitor.context(server, alice)
    tabs = [await tab(context, "/bell/") for _ in range(3)]
    for page in tabs:
        await expect_count(page, 1)
        await expect(bell(page)).to_have_attribute("data-count", "1")

    async def soon_in_all(count: int) -> None:
        await asyncio.gather(*(expect_count(page, count, SOON) for page in tabs))

    second = host.toast(alice, "after", duration=0)
    await soon_in_all(2)
    await dismiss(tabs[0], first)
    await soon_in_all(1)
    host.call("dismiss", second)
    await soon_in_all(0)


async def test_what_hid_by_itself_is_found_again_and_read_there_for_all_tabs(
    host: Host, server: Server, visitor: Visitor
) -> None:
    alice = host.person()
    context = await visitor.context(server, alice)
    page, other = [await tab(context, "/bell/") for _ in range(2)]
    pk = host.toast(alice, "missed", duration=0.2)
    for seen in (other, page):
        await seen.bring_to_front()
        await expect_count(seen, 1)
        await expect_gone(seen, pk)
    await bell(page).click()
    await expect(row(page, pk)).to_contain_text("missed")
    await read_button(page, pk).click()
    await asyncio.gather(*(expect_count(seen, 0, SOON) for seen in (page, other)))
    assert host.is_read(pk)
    await expect(row(page, pk)).to_have_attribute("data-read", "true")
    await expect(read_button(page, pk)).to_have_count(0)


async def test_what_hid_here_and_is_read_elsewhere_is_counted_no_more(
    host: Host, server: Server, visitor: Visitor
) -> None:
    alice = host.person()
    page = await at_the_bell(visitor, server, alice, 0)
    pk = host.toast(alice, "missed", duration=0.2)
    await expect_appeared(page, pk)
    await expect_gone(page, pk)
    await expect_count(page, 1)
    host.call("dismiss", pk)
    await expect_count(page, 0)


async def test_the_inbox_follows_while_it_is_open(
    host: Host, server: Server, visitor: Visitor
) -> None:
    alice = host.person()
    page = await visitor.open(server, alice, "/inbox/")
    await expect(inbox(page).get_by_role("status")).to_have_text("Nothing here yet.")
    pk = host.toast(alice, "one", duration=0)
    await expect(row(page, pk)).to_contain_text("one", timeout=SOON)
    newer = host.toast(alice, "two", title="Title", level="error")
    await expect(rows(page).first).to_contain_text("Title")
    await expect(rows(page).first).to_contain_text("error")
    await dismiss(page, pk)
    await expect(row(page, pk)).to_have_attribute("data-read", "true", timeout=SOON)
    await expect(row(page, newer)).to_have_attribute("data-read", "false")


async def test_all_are_read_at_once(host: Host, server: Server, visitor: Visitor) -> None:
    alice = host.person()
    pks = [host.toast(alice, f"number {number}", duration=0) for number in range(4)]
    page = await at_the_bell(visitor, server, alice, 4)
    await bell(page).click()
    await inbox(page).get_by_role("button", name="Mark all as read").click()
    await expect_count(page, 0, SOON)
    assert all(host.is_read(pk) for pk in pks)
    await expect(inbox(page).locator('[data-read="true"]')).to_have_count(4)
    await expect(inbox(page).get_by_role("button")).to_have_count(0)
    for pk in pks:
        await expect_gone(page, pk)


async def test_earlier_ones_are_loaded_on_demand(
    host: Host, server: Server, visitor: Visitor
) -> None:
    alice = host.person()
    for number in range(45):
        host.toast(alice, f"number {number}")
    page = await at_the_bell(visitor, server, alice, 45)
    await bell(page).click()
    more = inbox(page).get_by_role("button", name="Show earlier")
    for count in (20, 40):
        await expect(rows(page)).to_have_count(count)
        await more.click()
    await expect(rows(page)).to_have_count(45)
    await expect(rows(page).last).to_contain_text("number 0")
    await expect(more).to_have_count(0)


async def test_the_keyboard_opens_reads_and_comes_back(
    host: Host, server: Server, visitor: Visitor
) -> None:
    alice = host.person()
    older, newer = (host.toast(alice, text, duration=0) for text in ("older", "newer"))
    page = await at_the_bell(visitor, server, alice, 2)
    await bell(page).focus()
    await page.keyboard.press("Enter")
    await expect(inbox(page)).to_be_focused()
    await expect(rows(page)).to_have_count(2)
    for name in ("Mark all as read", "Mark as read: newer"):
        await page.keyboard.press("Tab")
        await expect(inbox(page).get_by_role("button", name=name)).to_be_focused()
    await page.keyboard.press("Enter")
    await soon(lambda: host.is_read(newer))
    await expect(read_button(page, older)).to_be_focused()  # its own is gone
    await page.keyboard.press("Space")
    await soon(lambda: host.is_read(older))
    await expect(inbox(page)).to_be_focused()
    await page.keyboard.press("Escape")
    await expect(inbox(page)).to_be_hidden()
    await expect(bell(page)).to_be_focused()


async def test_a_row_that_has_the_focus_keeps_it_while_others_come(
    host: Host, server: Server, visitor: Visitor
) -> None:
    alice = host.person()
    pk = host.toast(alice, "stays", duration=0)
    page = await at_the_bell(visitor, server, alice, 1)
    await bell(page).click()
    await read_button(page, pk).focus()
    await read_button(page, pk).evaluate("(button) => { window.known = button; }")
    fresh = host.toast(alice, "fresh", duration=0)
    await expect(row(page, fresh)).to_have_count(1)
    await expect(read_button(page, pk)).to_be_focused()
    assert await read_button(page, pk).evaluate("(button) => button === window.known")


async def test_the_number_is_said_politely_and_not_with_every_page(
    host: Host, server: Server, visitor: Visitor
) -> None:
    alice = host.person()
    host.toast(alice, "before", duration=0)
    page = await at_the_bell(visitor, server, alice, 1)
    voice = page.locator("toast-bell > [role=status]")
    await expect(voice).to_have_text("")
    host.toast(alice, "after", duration=0)
    await expect(voice).to_have_text("2 unread")


async def test_what_cannot_be_loaded_is_said_and_can_be_tried_again(
    host: Host, server: Server, visitor: Visitor
) -> None:
    alice = host.person()
    pk = host.toast(alice, "there", duration=0)
    page = await at_the_bell(visitor, server, alice, 1)
    held: list[Route] = []
    await page.route("**/toasts/api/toasts/?page_size=20", lambda route: held.append(route))
    await bell(page).click()
    status = inbox(page).get_by_role("status")
    await expect(status).to_have_text("Loading…")
    await soon(lambda: bool(held))
    await held[0].fulfill(status=503)
    await expect(status).to_have_text("Not loaded.")
    await page.unroute("**/toasts/api/toasts/?page_size=20")
    await inbox(page).get_by_role("button", name="Try again").click()
    await expect(row(page, pk)).to_contain_text("there")
    await expect(status).to_have_text("")
    visitor.console.clear()  # the browser tells of the 503


async def test_text_is_text_and_a_script_is_no_link(
    host: Host, server: Server, visitor: Visitor
) -> None:
    alice = host.person()
    actions = '[{"name": "x", "label": "<b>x</b>", "url": "javascript:alert(1)"}]'
    pk = host.call(
        "insert", alice.pk, "<img src=x onerror=alert(1)>", "javascript:alert(1)", actions
    )
    page = await visitor.open(server, alice, "/inbox/")
    await expect(row(page, pk)).to_contain_text("<img src=x onerror=alert(1)>")
    await expect(row(page, pk)).to_contain_text("<b>x</b>")
    await expect(row(page, pk).get_by_role("link")).to_have_count(0)
    await expect(row(page, pk).locator("img")).to_have_count(0)


async def test_a_link_reads_its_toast_on_the_way(
    host: Host, server: Server, visitor: Visitor
) -> None:
    alice = host.person()
    pk = host.toast(alice, "there", url="/form/", duration=0)
    page = await visitor.open(server, alice, "/form/")  # which sets the CSRF cookie
    await page.goto("/inbox/")
    await row(page, pk).get_by_role("link", name="there").click()
    await expect(page).to_have_url(f"{server.url}/form/")
    await soon(lambda: host.is_read(pk))


@pytest.mark.parametrize("hidden", ["httponly", "sessions"])
async def test_where_scripts_cannot_read_the_csrf_token_the_inbox_asks_for_it(
    host: Host, visitor: Visitor, hidden: str
) -> None:
    server = host.but(TEST_CSRF=hidden).serve("uvicorn")
    alice = host.person()
    pk = host.toast(alice, "there", duration=0)
    page = await visitor.open(server, alice, "/inbox/")
    await read_button(page, pk).click()
    await soon(lambda: host.is_read(pk))
    server.kill()


async def test_who_is_signed_out_leaves_nothing_behind(
    host: Host, server: Server, visitor: Visitor
) -> None:
    alice = host.person()
    host.toast(alice, "private", duration=0)
    page = await at_the_bell(visitor, server, alice, 1)
    await bell(page).click()
    await expect(rows(page)).to_have_count(1)
    host.call("leave", alice.session)
    await expect_count(page, 0)
    await expect(rows(page)).to_have_count(0)


async def test_a_page_from_the_back_forward_cache_starts_empty(
    host: Host, server: Server, with_bfcache: Browser
) -> None:
    alice, bob = host.person(), host.person("bob")
    host.toast(alice, "private", duration=0)
    visitor = Visitor(with_bfcache)
    page = await at_the_bell(visitor, server, alice, 1)
    await page.evaluate(
        """addEventListener("pageshow", ({ persisted }) => {
          window.restored = persisted;
          window.found = document.querySelector("toast-bell").textContent;
        })"""
    )
    await bell(page).click()
    await expect(rows(page)).to_have_count(1)
    await page.evaluate("location = '/form/'")
    await expect(page).to_have_url(f"{server.url}/form/")
    await page.context.add_cookies([{"name": "sessionid", "value": bob.session, "url": server.url}])
    await page.go_back(wait_until="commit")
    await expect(page).to_have_url(f"{server.url}/bell/")
    assert await page.evaluate("window.restored")
    assert "private" not in await page.evaluate("window.found")
    await expect_count(page, 0)
    host.toast(bob, "for bob", duration=0)
    await expect_count(page, 1)
    await visitor.leave()


async def test_a_copy_of_the_page_has_a_bell_of_its_own(
    host: Host, server: Server, visitor: Visitor
) -> None:
    """As Turbo makes one of the body, to show it again."""
    alice = host.person()
    page = await at_the_bell(visitor, server, alice, 0)
    await page.evaluate("document.body.replaceWith(document.body.cloneNode(true))")
    pk = host.toast(alice, "fresh", duration=0)
    await expect_count(page, 1)
    await bell(page).click()
    await expect(row(page, pk)).to_have_count(1)
    await expect(bell(page)).to_have_count(1)


@pytest.mark.parametrize("direction", ["ltr", "rtl"])
@pytest.mark.parametrize("side", ["start", "end"])
async def test_the_panel_is_in_a_window_of_320_pixels(
    host: Host, server: Server, visitor: Visitor, direction: str, side: str
) -> None:
    alice = host.person()
    host.toast(alice, "long" * 50, title="title" * 20, duration=0)
    size: Any = {"width": 320, "height": 480}
    page = await at_the_bell(visitor, server, alice, 1, viewport=size)
    await page.evaluate(
        "([direction, side]) => { document.documentElement.dir = direction;"
        " document.querySelector('header').style.textAlign = side; }",
        [direction, side],
    )
    await bell(page).click()
    await expect(rows(page)).to_have_count(1)
    box = await inbox(page).bounding_box()
    assert box is not None
    assert box["x"] >= 0
    assert box["x"] + box["width"] <= 320
    assert box["y"] + box["height"] <= 480
    assert await page.evaluate("document.documentElement.scrollWidth") == 320
    assert (
        await inbox(page).evaluate("({ scrollWidth, clientWidth }) => scrollWidth - clientWidth")
        == 0
    )


async def test_what_is_pressed_is_large_enough(
    host: Host, server: Server, visitor: Visitor
) -> None:
    alice = host.person()
    pk = host.toast(alice, "there", duration=0)
    page = await at_the_bell(visitor, server, alice, 1)
    await bell(page).click()
    readers = inbox(page).get_by_role("button", name="Mark all as read")
    for target in (bell(page), readers, read_button(page, pk)):
        box = await target.bounding_box()
        assert box is not None
        assert min(box["width"], box["height"]) >= 44
