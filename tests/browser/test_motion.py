"""Motion: entrance, exit, the stack, swipes, and the time of a toast."""

from __future__ import annotations

import time
from typing import Any

import pytest
from playwright.async_api import CDPSession, Page, expect

from tests.browser.host import Host
from tests.browser.pages import (
    TIME,
    Visitor,
    expect_gone,
    expect_shown,
    expect_time,
    region,
    toast,
)
from tests.browser.test_look import SETTLED
from tests.support.servers import Server

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]

FRAMES = 100
"""Milliseconds by which the time of an animation, which is that of a frame, may differ."""
WATCH = """() => {
  window.moved = {};
  document.addEventListener("transitionrun", ({ target, propertyName }) => {
    for (const { effect } of target.getAnimations())
      if (target.closest("[data-toasts-region]"))
        moved[propertyName] = Math.max(moved[propertyName] ?? 0, effect.getTiming().duration);
  });
}"""


async def a_page(host: Host, server: Server, visitor: Visitor, **options: Any) -> Page:
    return await visitor.open(server, host.person(), **options)


async def show(page: Page, **rest: Any) -> str:
    pk: str = await page.evaluate("(options) => toasts.show(options)", {"message": "x", **rest})
    await expect(toast(page, pk)).to_have_attribute("data-state", "visible")
    await page.evaluate(SETTLED)
    return pk


@pytest.mark.parametrize("motion", ["no-preference", "reduce"])
async def test_only_transform_and_opacity_are_animated_and_briefly(
    host: Host, server: Server, visitor: Visitor, motion: Any
) -> None:
    page = await a_page(host, server, visitor, reduced_motion=motion)
    await page.evaluate(WATCH)
    first, _ = await show(page, duration=0), await show(page, duration=9, message="more " * 50)
    await toast(page, first).page.keyboard.press("F6")
    await page.evaluate(SETTLED)
    await page.keyboard.press("Escape")
    await expect(region(page).locator("[data-toast-id]")).to_have_count(1)
    moved = await page.evaluate("moved")
    assert moved.keys() == ({"opacity"} if motion == "reduce" else {"opacity", "transform"})
    assert min(moved.values()) >= 200
    assert max(moved.values()) <= 400
    lines = "[...document.querySelectorAll('i')].flatMap((line) => line.getAnimations())"
    frames = await page.evaluate(f"{lines}.flatMap(({{ effect }}) => effect.getKeyframes())")
    assert motion != "reduce" or frames == []


PATH = """(id) => {
  const card = document.querySelector(`[data-toast-id="${id}"]`);
  window.path = [];
  const look = () => {
    if (!card.isConnected) return;
    path.push(Math.round(card.getBoundingClientRect().x));
    requestAnimationFrame(look);
  };
  look();
}"""


class Finger:
    """Sends touches as input of the browser, which recognizes gestures as on a phone."""

    def __init__(self, page: Page, session: CDPSession) -> None:
        self._page, self._session = page, session

    async def _send(self, kind: str, moment: float, *point: float) -> None:
        points = [{"x": point[0], "y": point[1]}] if point else []
        event = {"type": kind, "touchPoints": points, "timestamp": moment}
        await self._session.send("Input.dispatchTouchEvent", event)

    async def drag(self, pk: str, x: float, y: float = 0, *, seconds: float = 0.08) -> None:
        box = await toast(self._page, pk).bounding_box()
        assert box is not None
        left, top = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
        began = time.time()
        await self._send("touchStart", began, left, top)
        for part in (0.25, 0.5, 0.75, 1):
            moment = began + part * seconds
            await self._send("touchMove", moment, left + x * part, top + y * part)
        await self._send("touchEnd", began + seconds)


async def phone(host: Host, server: Server, visitor: Visitor) -> tuple[Page, Finger]:
    size = {"width": 390, "height": 700}
    page = await a_page(host, server, visitor, viewport=size, has_touch=True, is_mobile=True)
    return page, Finger(page, await page.context.new_cdp_session(page))


@pytest.mark.parametrize("way", [-1, 1])
async def test_a_toast_can_be_swiped_to_either_side(
    host: Host, server: Server, visitor: Visitor, way: int
) -> None:
    page, finger = await phone(host, server, visitor)
    far, flick = await show(page, duration=0), await show(page, duration=0)
    await finger.drag(flick, way * 60)
    await expect_gone(page, flick)
    await finger.drag(far, way * 150, seconds=0.6)
    await expect_gone(page, far)


@pytest.mark.parametrize("way", [-1, 1])
async def test_the_last_toast_leaves_on_the_side_of_the_swipe(
    host: Host, server: Server, visitor: Visitor, way: int
) -> None:
    page, finger = await phone(host, server, visitor)
    pk = await show(page, duration=0)
    await page.evaluate(PATH, pk)
    await finger.drag(pk, way * 150)
    await expect_gone(page, pk)
    path = await page.evaluate("path")
    assert len(path) > 3
    assert sorted(path, reverse=way < 0) == path
    assert abs(path[-1] - path[0]) > 200


async def test_a_swipe_whose_toast_is_dismissed_meanwhile_has_no_effect(
    host: Host, server: Server, visitor: Visitor
) -> None:
    page = await a_page(host, server, visitor)
    held, other = await show(page, duration=0), await show(page, duration=0)
    await toast(page, other).get_by_role("button").click()
    await expect_gone(page, other)
    box = await toast(page, held).bounding_box()
    assert box is not None
    await page.mouse.move(box["x"] + 200, box["y"] + 10)
    await page.mouse.down()
    await page.mouse.move(box["x"] + 250, box["y"] + 10, steps=3)
    await page.evaluate("(id) => toasts.dismiss(id)", held)
    await expect_gone(page, held)
    await page.mouse.move(0, 0)
    await page.mouse.up()
    again = await show(page, duration=0)
    await toast(page, again).get_by_role("button").click()
    await expect_gone(page, again)
    last = await show(page, duration=0)
    await toast(page, last).hover()
    assert visitor.console == []


async def test_the_time_of_the_next_toast_runs_after_the_last_was_swiped(
    host: Host, server: Server, visitor: Visitor
) -> None:
    page, finger = await phone(host, server, visitor)
    last = await show(page, duration=0)
    await finger.drag(last, 150)
    await expect_gone(page, last)
    pk = await show(page, duration=60)
    await expect_time(page, pk, "running")
    await expect(region(page)).not_to_have_attribute("data-expanded", "")


@pytest.mark.parametrize("move", [(50, 0), (70, 100), (70, -100)])
async def test_a_movement_that_is_no_swipe_leaves_the_toast_in_place(
    host: Host, server: Server, visitor: Visitor, move: tuple[float, float]
) -> None:
    page, finger = await phone(host, server, visitor)
    pk = await show(page, duration=0, url="/form/")
    await page.evaluate(SETTLED)
    before = await toast(page, pk).bounding_box()
    await finger.drag(pk, *move, seconds=0.6)
    await page.evaluate(SETTLED)
    await expect(toast(page, pk)).to_have_attribute("data-state", "visible")
    # The height of a collapsed stack is rounded to whole pixels.
    assert await toast(page, pk).bounding_box() == pytest.approx(before, abs=0.5)
    assert page.url.endswith("/")  # and its link was not clicked


async def test_a_toast_can_be_swiped_with_the_mouse_beside_its_text(
    host: Host, server: Server, visitor: Visitor
) -> None:
    page = await a_page(host, server, visitor)
    pk = await show(page, duration=0)
    box = await toast(page, pk).bounding_box()
    assert box is not None
    await page.mouse.move(box["x"] + 200, box["y"] + 10)
    await page.mouse.down()
    await page.mouse.move(box["x"] + 330, box["y"] + 14, steps=5)
    assert (await toast(page, pk).bounding_box() or box)["x"] == pytest.approx(
        box["x"] + 130, abs=2
    )
    await page.mouse.up()
    await expect_gone(page, pk)


async def test_a_pause_keeps_the_time_that_is_left(
    host: Host, server: Server, visitor: Visitor
) -> None:
    page = await a_page(host, server, visitor)
    pk = await show(page, duration=60)
    pauses = [
        ("document.querySelector('[data-toast-id]').focus({ focusVisible: true })",
         "document.activeElement.blur()"),
        ("document.body.append(document.createElement('dialog'));"
         " document.querySelector('dialog').showModal()",
         "document.querySelector('dialog').remove()"),
        ("Object.defineProperty(document, 'hasFocus', { value: () => false, configurable: true });"
         " dispatchEvent(new Event('blur'))",
         "delete document.hasFocus; dispatchEvent(new Event('focus'))"),
        ("Object.defineProperty(document, 'hidden', { value: true, configurable: true });"
         " document.dispatchEvent(new Event('visibilitychange'))",
         "delete document.hidden; document.dispatchEvent(new Event('visibilitychange'))"),
    ]  # fmt: skip
    for stop, go in pauses:
        await page.evaluate(stop)
        left = await expect_time(page, pk, "paused")
        await page.evaluate("() => new Promise((done) => setTimeout(done, 150))")
        assert await expect_time(page, pk, "paused") == left
        began = time.monotonic()
        await page.evaluate(go)
        after = await expect_time(page, pk, "running")
        assert left - 1000 * (time.monotonic() - began) - FRAMES <= after <= left


async def test_a_queued_toast_keeps_its_remaining_time(
    host: Host, server: Server, visitor: Visitor
) -> None:
    page = await a_page(host, server, visitor)
    old = await show(page, duration=60)
    ids = [await show(page, duration=0) for _ in range(3)]
    await expect(toast(page, old)).to_have_attribute("data-state", "queued")
    left = await expect_time(page, old, "paused")
    began = time.monotonic()
    await page.evaluate("(id) => toasts.dismiss(id)", ids[0])
    await expect_shown(page, old, "x")
    after = await expect_time(page, old, "running")
    assert left - 1000 * (time.monotonic() - began) - FRAMES <= after <= left


async def test_a_change_restarts_the_time(host: Host, server: Server, visitor: Visitor) -> None:
    page = await a_page(host, server, visitor)
    pk = await show(page, duration=60)
    await page.wait_for_function(f"(pk) => ({TIME})(pk)[0] < 59_800", arg=pk)
    began = time.monotonic()
    await page.evaluate("(id) => toasts.update(id, 'y')", pk)
    await expect_shown(page, pk, "y")
    after = await expect_time(page, pk, "running")
    assert after >= 60_000 - 1000 * (time.monotonic() - began) - FRAMES
