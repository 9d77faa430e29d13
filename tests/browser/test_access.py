"""Accessibility: screen readers, small screens, the dark scheme, touch."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.async_api import expect

from tests.browser.host import Host
from tests.browser.pages import (
    Visitor,
    appearances,
    close_button,
    expand,
    expect_announced,
    expect_gone,
    expect_shown,
    expect_time,
    region,
    tab,
    toast,
)
from tests.support.servers import Server

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]


async def test_the_region_exists_before_the_first_toast_and_announces_each_politely(
    host: Host, server: Server, visitor: Visitor
) -> None:
    alice = host.person()
    page = await visitor.open(server, alice)
    status = region(page).get_by_role("status")
    await expect(page.get_by_role("region", name="Notifications")).to_have_count(1)
    await expect(status).to_have_count(1)
    await expect(status).to_be_empty()
    await status.evaluate(
        "(status) => { window.texts = [];"
        " new MutationObserver(() => texts.push(status.textContent))"
        ".observe(status, { childList: true }); }"
    )
    host.toast(alice, "It is ready.", title="Export", level="success")
    await page.wait_for_function("texts.length === 2")  # announced, and then removed
    assert await page.evaluate("texts") == [
        "Success: Export. It is ready..\nPress F6 to reach the notifications.",
        "",
    ]


async def test_everything_has_a_role_and_a_name(
    host: Host, server: Server, visitor: Visitor
) -> None:
    alice = host.person()
    page = await visitor.open(server, alice)
    action = {"name": "open", "label": "Open it", "url": "/form/"}
    pk = host.toast(
        alice, "x" * 100, title="Export", level="error", url="/form/", actions=[action], progress=5
    )
    await expect(toast(page, pk)).to_match_aria_snapshot(
        """
        - listitem:
          - time
          - 'link /Error: Export x+/'
          - progressbar "Export"
          - link "Open it"
          - 'button "Dismiss: Export"'
        """
    )


LUMINANCE = """(element) => {
  const card = element.closest("[data-toast-id]");
  const light = (colour) => {
    const [r, g, b] = colour.match(/[\\d.]+/g).map((part) => {
      const c = part / 255;
      return c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const pair = [getComputedStyle(element).color, getComputedStyle(card).backgroundColor].map(light);
  return (Math.max(...pair) + 0.05) / (Math.min(...pair) + 0.05);
}"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_text_and_icons_have_enough_contrast(
    host: Host, server: Server, visitor: Visitor, scheme: Any
) -> None:
    alice = host.person()
    page = await visitor.open(server, alice, color_scheme=scheme)
    for level in ("info", "success", "warning", "error"):
        pk = host.toast(alice, "message", title="title", level=level, duration=0)
        await expect_shown(page, pk, "message")
        parts = {"[data-toast-title]": 4.5, "[data-toast-message]": 4.5, "[data-toast-close]": 4.5}
        for selector, least in {**parts, "svg": 3}.items():
            contrast = await toast(page, pk).locator(selector).first.evaluate(LUMINANCE)
            assert contrast >= least, (level, selector, contrast)
    background = await toast(page, pk).evaluate("(card) => getComputedStyle(card).backgroundColor")
    assert (background == "rgb(255, 255, 255)") == (scheme == "light")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("position", ["bottom-end", "top-start", "bottom-center"])
async def test_nothing_overflows_at_320_pixels(
    host: Host, server: Server, visitor: Visitor, scheme: Any, position: str
) -> None:
    alice = host.person()
    narrow = {"width": 320, "height": 480}
    page = await visitor.open(server, alice, color_scheme=scheme, viewport=narrow)
    await region(page).evaluate("(region, at) => { region.dataset.position = at; }", position)
    actions = [{"name": str(n), "label": "A long label " * 3, "url": ""} for n in range(3)]
    for _ in range(3):
        pk = host.toast(
            alice, "Donaudampfschifffahrt" * 20, title="https://" + "x" * 150, actions=actions
        )
        await expect(toast(page, pk)).to_have_attribute("data-state", "visible")
    assert await page.evaluate("document.documentElement.scrollWidth") == 320
    assert await region(page).evaluate("(region) => region.scrollWidth <= region.clientWidth")
    for part in await region(page).locator("[data-toast-id], button, [data-toast-title]").all():
        box = await part.bounding_box()
        if box is not None:  # a queued toast has none
            assert box["x"] >= 0
            assert box["x"] + box["width"] <= 320, await part.evaluate("(part) => part.outerHTML")
    await expand(page)
    await close_button(page, pk).click()  # the click scrolls to it
    await expect_gone(page, pk)


async def test_every_button_is_large_enough_for_touch(
    host: Host, server: Server, visitor: Visitor
) -> None:
    alice = host.person()
    phone = {"width": 390, "height": 800}
    page = await visitor.open(server, alice, viewport=phone, has_touch=True, is_mobile=True)
    actions = [{"name": "undo", "label": "Undo", "url": ""}]
    pk = host.toast(alice, "News", actions=actions)
    await expect_shown(page, pk, "News")
    await toast(page, pk).evaluate(
        "(toast) => Promise.all(toast.getAnimations({ subtree: true }).map((one) => one.finished))"
    )
    for button in await toast(page, pk).get_by_role("button").all():
        box = await button.bounding_box()
        assert box is not None
        assert min(box["width"], box["height"]) >= 44
    await close_button(page, pk).tap()
    await expect_gone(page, pk)


async def test_a_hidden_tab_neither_shows_nor_announces_toasts(
    host: Host, server: Server, visitor: Visitor
) -> None:
    alice = host.person()
    page = await tab(await visitor.context(server, alice))
    await page.clock.install()
    await page.evaluate(
        "() => { Object.defineProperty(document, 'hidden', { value: true, configurable: true });"
        " document.dispatchEvent(new Event('visibilitychange')); }"
    )
    pk = host.toast(alice, "later", duration=60)
    await page.wait_for_function(
        "toasts.list().length === 1", polling=50
    )  # the page has received it
    await page.clock.run_for(5_000)
    assert await appearances(page) == {}
    assert await page.evaluate("announced") == []
    await page.evaluate(
        "() => { delete document.hidden; document.dispatchEvent(new Event('visibilitychange')); }"
    )
    await expect_shown(page, pk, "later")
    await expect_announced(page, "Info: later")
    await expect_time(page, pk, "running")


async def test_twenty_toasts_in_a_second_cause_three_announcements_at_most(
    host: Host, server: Server, visitor: Visitor
) -> None:
    page = await visitor.open(server, host.person())
    await page.clock.install()
    await page.clock.pause_at(await page.evaluate("Date.now() + 1000"))
    for number in range(20):  # exactly a second, by the page's clock
        await page.evaluate("(n) => toasts.show({ message: `number ${n}`, duration: 0 })", number)
        await page.clock.run_for(50)
    await page.clock.run_for(5_000)
    announced: list[str] = await page.evaluate("announced")
    assert 1 <= len(announced) <= 3
    assert any("new notifications" in text for text in announced)
