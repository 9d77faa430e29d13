"""The bell: it shows the unread count in every tab, and opens the inbox."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from playwright.async_api import Browser, expect

from tests.browser.host import Host
from tests.browser.inbox import (
    SOON,
    at_the_bell,
    bell,
    dismiss,
    expect_count,
    inbox,
    read_button,
    row,
    rows,
)
from tests.browser.pages import Visitor, expect_appeared, expect_gone, soon, tab
from tests.support.servers import Server

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]


async def test_every_tab_updates_the_unread_count_within_a_second(
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


async def test_a_toast_that_is_hidden_here_and_read_elsewhere_is_no_longer_counted(
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


async def test_the_inbox_can_be_opened_read_and_closed_by_keyboard(
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
    await expect(read_button(page, older)).to_be_focused()  # the element that had the focus is gone
    await page.keyboard.press("Space")
    await soon(lambda: host.is_read(older))
    await expect(inbox(page)).to_be_focused()
    await page.keyboard.press("Escape")
    await expect(inbox(page)).to_be_hidden()
    await expect(bell(page)).to_be_focused()


async def test_the_bell_is_empty_after_a_logout(
    host: Host, server: Server, visitor: Visitor
) -> None:
    alice = host.person()
    host.toast(alice, "private", duration=0)
    page = await at_the_bell(visitor, server, alice, 1)
    other = await tab(page.context, "/bell/")
    await expect_count(other, 1)
    await bell(page).click()
    await expect(rows(page)).to_have_count(1)
    host.call("sign_out", alice.session)
    for each in (page, other):
        await expect_count(each, 0)
    await expect(rows(page)).to_have_count(0)
    names = await page.evaluate("Object.keys(localStorage)")
    assert [name for name in names if "unread" in name] == []


async def test_the_bell_ignores_another_site_on_the_same_origin(
    host: Host, server: Server, visitor: Visitor
) -> None:
    page = await at_the_bell(visitor, server, host.person(), 0)
    post = "([site, count]) => new BroadcastChannel(`toasts:unread:${site}`).postMessage(count)"
    await page.evaluate(post, ["/shop/toasts/api/toasts/", 7])
    await page.evaluate(post, ["/toasts/api/toasts/", 3])
    await expect_count(page, 3)


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


async def test_a_copy_of_the_page_has_its_own_bell(
    host: Host, server: Server, visitor: Visitor
) -> None:
    """Turbo copies the body in this way, to show it again."""
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
async def test_the_panel_fits_a_window_of_320_pixels(
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


async def test_the_buttons_are_large_enough(host: Host, server: Server, visitor: Visitor) -> None:
    alice = host.person()
    pk = host.toast(alice, "there", duration=0)
    page = await at_the_bell(visitor, server, alice, 1)
    await bell(page).click()
    readers = inbox(page).get_by_role("button", name="Mark all as read")
    for target in (bell(page), readers, read_button(page, pk)):
        box = await target.bounding_box()
        assert box is not None
        assert min(box["width"], box["height"]) >= 44


@pytest.mark.parametrize("theme", ["light", "dark"])
async def test_the_panel_follows_the_theme_that_a_page_forces(
    host: Host, server: Server, visitor: Visitor, theme: Any
) -> None:
    other: Any = {"light": "dark", "dark": "light"}[theme]
    page = await at_the_bell(visitor, server, host.person(), 0, color_scheme=other)
    await page.evaluate("(theme) => { document.documentElement.dataset.theme = theme }", theme)
    await bell(page).click()
    colour = {"light": "rgb(255, 255, 255)", "dark": "rgb(28, 28, 32)"}[theme]
    await expect(inbox(page)).to_have_css("background-color", colour)
