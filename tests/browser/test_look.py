"""The look: the stack, six positions, light and dark, right to left, narrow and zoomed."""

from __future__ import annotations

import re
from itertools import pairwise, product
from typing import Any

import pytest
from playwright.async_api import FloatRect, Locator, Page, expect

from tests.browser.host import Host
from tests.browser.pages import Visitor, expand, region
from tests.support.servers import Server

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]

SHOW = """(messages) => messages.map((message) => toasts.show({ message, duration: 0 }))"""
SETTLED = """() => Promise.all(document.getAnimations()
  .filter(({ effect }) => effect.getTiming().duration < 2000).map(({ finished }) => finished))"""
SHIFTS = """
window.shifts = [];
new PerformanceObserver((list) => shifts.push(...list.getEntries().map(({ value }) => value)))
  .observe({ type: "layout-shift", buffered: true });
"""


async def a_page(host: Host, server: Server, visitor: Visitor, **options: Any) -> Page:
    return await visitor.open(server, host.person(), **options)


async def show(page: Page, *messages: str) -> None:
    await page.evaluate(SHOW, messages)
    await expect(region(page)).to_contain_text(messages[-1])
    await page.evaluate(SETTLED)


def visible(page: Page) -> Locator:
    return region(page).locator("[data-state=visible]")


async def boxes(page: Page) -> list[FloatRect]:
    """Return the boxes of the visible toasts, newest first."""
    await page.evaluate(SETTLED)
    found = [await card.bounding_box() for card in await visible(page).all()]
    return [box for box in found if box is not None]


async def test_three_toasts_are_a_stack_and_each_is_a_step_smaller(
    host: Host, server: Server, visitor: Visitor
) -> None:
    page = await a_page(host, server, visitor)
    await show(page, "one", "two", "three " * 40, "four")
    first, second, third = await boxes(page)
    assert second["width"] / first["width"] == pytest.approx(0.95, abs=0.005)
    assert third["width"] / first["width"] == pytest.approx(0.9, abs=0.005)
    assert first["y"] > second["y"] > third["y"] > first["y"] - first["height"]
    bottom = first["y"] + first["height"]
    assert max(box["y"] + box["height"] for box in (second, third)) <= bottom
    await expect(region(page).locator("[data-state=queued]")).to_have_count(1)
    await expect(page.get_by_role("button", name="+1 more")).to_be_visible()


@pytest.mark.parametrize("by", ["pointer", "keyboard"])
async def test_the_stack_expands_for_pointer_and_focus_and_collapses_after(
    host: Host, server: Server, visitor: Visitor, by: str
) -> None:
    page = await a_page(host, server, visitor)
    await show(page, "one", "two " * 60, "three")
    if by == "pointer":
        await expand(page)
    else:
        await page.keyboard.press("F6")
    await expect(region(page)).to_have_attribute("data-expanded", "")
    cards = await boxes(page)
    assert {round(box["width"]) for box in cards} == {round(cards[0]["width"])}
    for below, above in pairwise(cards):
        assert above["y"] + above["height"] + 12 == pytest.approx(below["y"], abs=1)
    if by == "pointer":
        gap = (cards[0]["y"] + cards[1]["y"] + cards[1]["height"]) / 2
        await page.mouse.move(cards[0]["x"] + 50, gap)  # between two of them: still there
        await expect(region(page)).to_have_attribute("data-expanded", "")
        await page.mouse.move(0, 0)
    else:
        await page.keyboard.press("F6")
    await expect(region(page)).not_to_have_attribute("data-expanded", "")
    assert len({round(box["width"]) for box in await boxes(page)}) == 3


@pytest.mark.parametrize("position", ["bottom-end", "top-start"])
@pytest.mark.parametrize("touch", [False, True])
async def test_the_bar_is_beyond_the_stack_and_appears_with_the_pointer(
    host: Host, server: Server, visitor: Visitor, position: str, touch: bool
) -> None:
    page = await a_page(host, server, visitor, has_touch=touch, is_mobile=touch)
    await region(page).evaluate("(region, at) => { region.dataset.position = at }", position)
    await show(page, *"abcde")
    more = page.get_by_role("button", name="+2 more")
    before = await bar_box(page)
    if not touch:  # a finger does not hover
        await more.hover()
        assert await bar_box(page) == before
    await expand(page)
    last, bar = (await boxes(page))[-1], await bar_box(page)
    above, below = (bar, last) if position == "bottom-end" else (last, bar)
    assert above["y"] + above["height"] + 12 == pytest.approx(below["y"], abs=1)
    await more.click()
    await expect(visible(page)).to_have_count(5)
    await page.get_by_role("button", name="Show fewer").click()
    await expect(visible(page)).to_have_count(3)


async def bar_box(page: Page) -> FloatRect:
    more = page.get_by_role("button", name="+2 more")
    await more.hover(trial=True)  # only waits until it stops moving
    box = await more.bounding_box()
    assert box is not None
    return box


async def test_the_stack_stays_expanded_on_the_way_to_the_bar(
    host: Host, server: Server, visitor: Visitor
) -> None:
    page = await a_page(host, server, visitor)
    await show(page, *"abcd")
    await expand(page)
    last = (await boxes(page))[-1]
    await page.mouse.move(last["x"] + 30, last["y"] + 5)
    await page.mouse.move(last["x"] + 30, last["y"] - 6)  # between the last toast and the bar
    await expect(region(page)).to_have_attribute("data-expanded", "")
    await page.get_by_role("button", name="Dismiss all").click()
    await expect(region(page).locator("[data-toast-id]")).to_have_count(0)


async def test_two_toasts_can_be_dismissed_at_once_and_one_needs_no_bar(
    host: Host, server: Server, visitor: Visitor
) -> None:
    page = await a_page(host, server, visitor)
    await show(page, "one")
    await expand(page)
    clear = page.get_by_role("button", name="Dismiss all")
    await expect(clear).to_be_hidden()
    await show(page, "two")
    await expect(clear).to_be_visible()
    await expect(page.get_by_role("button", name="more")).to_be_hidden()


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("on", ["html", "[data-toasts-region]"])
async def test_a_page_can_force_a_theme(
    host: Host, server: Server, visitor: Visitor, theme: Any, on: str
) -> None:
    other: Any = {"light": "dark", "dark": "light"}[theme]
    page = await a_page(host, server, visitor, color_scheme=other)
    await show(page, "one")
    await expect(region(page)).to_have_css("color-scheme", "light dark")
    await page.locator(on).evaluate("(node, theme) => { node.dataset.theme = theme }", theme)
    colour = {"light": "rgb(255, 255, 255)", "dark": "rgb(28, 28, 32)"}[theme]
    await expect(visible(page)).to_have_css("background-color", colour)


async def test_a_site_can_choose_the_colour_of_the_focus(
    host: Host, server: Server, visitor: Visitor
) -> None:
    page = await a_page(host, server, visitor)
    await page.evaluate(
        "document.documentElement.style.setProperty('--toasts-focus', 'rgb(1, 2, 3)')"
    )
    await show(page, "one")
    await page.keyboard.press("F6")
    await expect(visible(page)).to_have_css("outline-color", "rgb(1, 2, 3)")


@pytest.mark.parametrize("direction", ["ltr", "rtl"])
async def test_a_toast_appears_at_the_configured_position(
    host: Host, server: Server, visitor: Visitor, direction: str
) -> None:
    page = await a_page(host, server, visitor, viewport={"width": 1000, "height": 600})
    await page.evaluate("(dir) => { document.documentElement.dir = dir }", direction)
    await show(page, "one", "two")
    await page.keyboard.press("F6")
    for along, across in product(["top", "bottom"], ["start", "center", "end"]):
        await region(page).evaluate("(r, at) => { r.dataset.position = at }", f"{along}-{across}")
        first, second = await boxes(page)
        left = {"start": 24, "center": 316, "end": 608}[across]
        assert first["x"] == pytest.approx(left if direction == "ltr" else 632 - left, abs=1)
        assert (first["y"] < second["y"]) == (along == "top")
        edge = first["y"] if along == "top" else 600 - first["y"] - first["height"]
        assert edge == pytest.approx(24, abs=1)


async def test_a_site_can_change_the_look_by_custom_properties(
    host: Host, server: Server, visitor: Visitor
) -> None:
    page = await a_page(host, server, visitor)
    await page.evaluate(
        """() => {
          const { style } = document.documentElement;
          const values = [["width", "300px"], ["bg", "rgb(1, 2, 3)"], ["radius", "2px"]];
          for (const [name, value] of values)
            style.setProperty(`--toasts-${name}`, value);
        }"""
    )
    await show(page, "one")
    await expect(visible(page)).to_have_css("background-color", "rgb(1, 2, 3)")
    await expect(visible(page)).to_have_css("border-radius", "2px")
    assert (await boxes(page))[0]["width"] == 300


async def test_everything_can_be_reached_at_a_zoom_of_400_percent(
    host: Host, server: Server, visitor: Visitor
) -> None:
    page = await a_page(host, server, visitor, viewport={"width": 320, "height": 256})
    await show(page, *("A long text that needs some room on such a page. " * 3 for _ in range(3)))
    await page.keyboard.press("F6")
    for _ in range(3):
        await page.keyboard.press("Tab")
        close = page.locator(":focus")
        await page.evaluate(SETTLED)
        box = await close.bounding_box()
        assert box is not None
        assert 0 <= box["y"] <= 256 - box["height"]
    assert await page.evaluate("document.documentElement.scrollWidth") == 320


async def test_forced_colours_keep_edges_icons_and_the_countdown(
    host: Host, server: Server, visitor: Visitor
) -> None:
    page = await a_page(host, server, visitor, forced_colors="active")
    await page.evaluate(
        "toasts.show({ message: 'x', duration: 99, actions: [{ name: 'a', label: 'A' }] })"
    )
    await expect(visible(page)).to_have_css("border-top-style", "solid")
    await expect(page.get_by_role("button", name="A", exact=True)).to_have_css(
        "border-top-style", "solid"
    )
    ground = await visible(page).evaluate("(card) => getComputedStyle(card).backgroundColor")
    await expect(visible(page).locator("i")).not_to_have_css("background-color", ground)


async def test_the_text_of_a_toast_can_be_selected_with_the_mouse(
    host: Host, server: Server, visitor: Visitor
) -> None:
    page = await a_page(host, server, visitor)
    await page.evaluate("toasts.show({ message: 'Error 0x80070005', url: '/', duration: 0 })")
    message = region(page).locator("[data-toast-message]")
    await expect(message).to_be_visible()
    await page.evaluate(SETTLED)
    box = await message.bounding_box()
    assert box is not None
    await page.mouse.move(box["x"] + 1, box["y"] + box["height"] / 2)
    await page.mouse.down()
    await page.mouse.move(box["x"] + box["width"], box["y"] + box["height"] / 2, steps=8)
    assert await page.evaluate("getSelection().toString()") == "Error 0x80070005"
    await page.mouse.up()
    await expect(visible(page)).to_have_count(1)


async def test_the_time_and_level_of_a_toast_are_in_its_text(
    host: Host, server: Server, visitor: Visitor
) -> None:
    alice = host.person()
    page = await visitor.open(server, alice)
    host.toast(alice, "News", level="warning", duration=0)
    await expect(visible(page)).to_contain_text(re.compile(r"\d:\d\d.*Warning: News"))
    old = "{ message: 'x', created_at: '2020-02-03T04:05:06Z' }"
    await page.evaluate(f"toasts.show({old})")
    await expect(region(page).locator("time").first).to_have_text(re.compile(r"20"))


async def test_toasts_cause_no_layout_shift(host: Host, server: Server, visitor: Visitor) -> None:
    alice = host.person()
    context = await visitor.context(server, alice)
    await context.add_init_script(SHIFTS)
    page = await context.new_page()
    await page.goto("/form/")
    for number in range(4):
        host.toast(alice, f"number {number}", duration=0)
    await expect(visible(page)).to_have_count(3)
    await expand(page)
    await page.evaluate(SETTLED)
    await page.mouse.move(0, 0)
    await page.evaluate(SETTLED)
    assert await page.evaluate("shifts") == []


@pytest.mark.parametrize("position", ["bottom-end", "top-start"])
async def test_a_toast_behind_others_is_closed_by_its_button(
    host: Host, server: Server, visitor: Visitor, position: str
) -> None:
    page = await a_page(host, server, visitor)
    await region(page).evaluate("(node, value) => (node.dataset.position = value)", position)
    await show(page, "the oldest", "one of more " * 12, "the newest")
    for message in ("the oldest", "one of more", "the newest"):
        await page.mouse.move(640, 360)
        card = region(page).get_by_role("listitem").filter(has_text=message)
        await card.locator("[data-toast-close]").click()
        await expect(card).to_have_count(0)


@pytest.mark.parametrize("position", ["bottom-end", "top-end"])
async def test_a_pointer_between_two_toasts_keeps_the_stack_expanded(
    host: Host, server: Server, visitor: Visitor, position: str
) -> None:
    page = await a_page(host, server, visitor)
    await region(page).evaluate("(node, value) => (node.dataset.position = value)", position)
    await show(page, "one", "two")
    await expand(page)
    first, second = sorted(await boxes(page), key=lambda box: box["y"])
    middle = (first["y"] + first["height"] + second["y"]) / 2
    await page.mouse.move(first["x"] + first["width"] / 2, middle)
    hit = "([x, y]) => !!document.elementFromPoint(x, y).closest('[data-toasts-region]')"
    assert await page.evaluate(hit, [first["x"] + first["width"] / 2, middle])
    await expect(region(page)).to_have_attribute("data-expanded", "")
