"""For everybody: by keyboard, by ear, on small screens, in the dark."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.async_api import Page, expect

from tests.browser.host import Host
from tests.browser.pages import (
    Visitor,
    appearances,
    close_button,
    expand,
    expect_gone,
    expect_said,
    expect_shown,
    expect_time,
    region,
    tab,
    toast,
)
from tests.support.servers import Server

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]


async def test_the_region_is_there_before_the_first_toast_and_says_each_politely(
    host: Host, server: Server, visitor: Visitor
) -> None:
    alice = host.person()
    page = await visitor.open(server, alice)
    voice = region(page).get_by_role("status")
    await expect(page.get_by_role("region", name="Notifications")).to_have_count(1)
    await expect(voice).to_have_count(1)
    await expect(voice).to_be_empty()
    await voice.evaluate(
        "(voice) => { window.heard = []; new MutationObserver(() => heard.push(voice.textContent))"
        ".observe(voice, { childList: true }); }"
    )
    host.toast(alice, "It is ready.", title="Export", level="success")
    await page.wait_for_function("heard.length === 2")  # said, and then taken back
    assert await page.evaluate("heard") == [
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


async def focused(page: Page) -> str:
    found: str = await page.evaluate(
        "() => { const { dataset, localName, textContent } = document.activeElement;"
        " return dataset.toastId ?? dataset.toastAction ?? dataset.toastClose ?? localName; }"
    )
    return found


@pytest.mark.parametrize("key", ["F6", "Alt+t"])
async def test_a_key_leads_to_the_newest_toast_and_back(
    host: Host, server: Server, visitor: Visitor, key: str
) -> None:
    alice = host.person()
    page = await visitor.open(server, alice, "/form/")
    await page.get_by_role("button", name="Sign out").focus()
    old = host.toast(alice, "old", duration=0)
    new = host.toast(alice, "new", actions=[{"name": "undo", "label": "Undo", "url": ""}])
    await expect_shown(page, new, "new")
    assert await focused(page) == "button"  # a toast never takes the focus
    await page.keyboard.press(key)
    assert await focused(page) == str(new)
    await page.keyboard.press("Tab")
    assert await focused(page) == "undo"
    await page.keyboard.press("Tab")
    await expect(close_button(page, new)).to_be_focused()
    await page.keyboard.press("Tab")
    await expect(close_button(page, old)).to_be_focused()
    await page.keyboard.press(key)
    await expect(page.get_by_role("button", name="Sign out")).to_be_focused()


async def test_escape_closes_the_focused_toast_and_the_focus_goes_on_and_home(
    host: Host, server: Server, visitor: Visitor
) -> None:
    alice = host.person()
    page = await visitor.open(server, alice, "/form/")
    button = page.get_by_role("button", name="Sign out")
    await button.focus()
    old, new = host.toast(alice, "old", duration=0), host.toast(alice, "new", duration=0)
    await expect_shown(page, new, "new")
    await page.keyboard.press("Escape")  # not in a toast: not the toasts' key
    await page.keyboard.press("F6")
    await page.keyboard.press("Escape")
    await expect_gone(page, new)
    await expect(toast(page, old)).to_be_focused()
    await page.keyboard.press("Tab")
    await page.keyboard.press("Enter")
    await expect_gone(page, old)
    await expect(button).to_be_focused()


async def test_time_stands_still_while_pointer_or_focus_is_on_a_toast(
    host: Host, server: Server, visitor: Visitor
) -> None:
    alice = host.person()
    page = await visitor.open(server, alice)
    held = host.toast(alice, "held", duration=60)
    await toast(page, held).hover()
    pk = host.toast(alice, "with it", duration=60)
    await expect_shown(page, pk, "with it")
    left = [await expect_time(page, one, "paused") for one in (held, pk)]
    await page.keyboard.press("F6")
    await page.mouse.move(0, 0)
    assert left == [await expect_time(page, one, "paused") for one in (held, pk)]
    await page.keyboard.press("F6")
    for one in (held, pk):
        await expect_time(page, one, "running")


LUMINANCE = """(element) => {
  const card = element.closest("[data-toast-id]");
  const light = (colour) => {
    const [r, g, b] = colour.match(/[\\d.]+/g).map((part) => {
      const c = part / 255;
      return c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const [own, around] = [element, card].map((one) => getComputedStyle(one));
  // The badge is a shape of its own colour.
  const colour = element.localName === "data" ? own.backgroundColor : own.color;
  const pair = [colour, around.backgroundColor].map(light);
  return (Math.max(...pair) + 0.05) / (Math.min(...pair) + 0.05);
}"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_text_and_icons_stand_out_from_the_card(
    host: Host, server: Server, visitor: Visitor, scheme: Any
) -> None:
    alice = host.person()
    page = await visitor.open(server, alice, color_scheme=scheme)
    for level in ("info", "success", "warning", "error"):
        pk = host.toast(alice, "message", title="title", level=level, duration=0)
        await expect_shown(page, pk, "message")
        parts = {"[data-toast-title]": 4.5, "[data-toast-message]": 4.5, "[data-toast-close]": 4.5}
        for selector, least in {**parts, "data": 3}.items():
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
        if box is not None:  # what is queued has none
            assert box["x"] >= 0
            assert box["x"] + box["width"] <= 320, await part.evaluate("(part) => part.outerHTML")
    await expand(page)
    await close_button(page, pk).click()  # scrolls to it
    await expect_gone(page, pk)


async def test_a_finger_finds_every_button(host: Host, server: Server, visitor: Visitor) -> None:
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


async def test_in_a_hidden_tab_nothing_pops_up_or_is_said(
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
    await page.wait_for_function("toasts.list().length === 1", polling=50)  # it is known, though
    await page.clock.run_for(5_000)
    assert await appearances(page) == {}
    assert await page.evaluate("said") == []
    await page.evaluate(
        "() => { delete document.hidden; document.dispatchEvent(new Event('visibilitychange')); }"
    )
    await expect_shown(page, pk, "later")
    await expect_said(page, "Info: later")
    await expect_time(page, pk, "running")


async def test_a_site_chooses_the_key(host: Host, server: Server, visitor: Visitor) -> None:
    alice = host.person()
    context = await visitor.context(server, alice)
    await context.add_init_script(
        "new MutationObserver((_, observer) => {"
        " const script = document.querySelector('script[data-toasts]');"
        " if (script) { script.dataset.hotkey = 'alt+ctrl+KeyJ'; observer.disconnect(); } })"
        ".observe(document, { childList: true, subtree: true })"
    )
    page = await tab(context)
    pk = host.toast(alice, "news", duration=0)
    await expect_shown(page, pk, "news")
    await page.keyboard.press("F6")
    assert await focused(page) == "body"
    await page.keyboard.press("Control+Alt+j")
    assert await focused(page) == str(pk)
    await page.keyboard.press("Control+Alt+j")
    assert await focused(page) == "body"


async def test_over_a_modal_dialog_toasts_are_said_and_the_keys_work(
    host: Host, server: Server, visitor: Visitor
) -> None:
    alice = host.person()
    page = await visitor.open(server, alice)
    await page.evaluate(
        "() => { const dialog = document.createElement('dialog');"
        " dialog.append(document.createElement('input')); document.body.append(dialog);"
        " dialog.showModal(); }"
    )
    pk = host.toast(alice, "above", duration=0)
    await expect_said(page, "Info: above")
    await page.keyboard.press("F6")
    await expect(toast(page, pk)).to_be_focused()
    await page.keyboard.press("Escape")  # the toast's, not the dialog's
    await expect_gone(page, pk)
    await expect(page.get_by_role("textbox")).to_be_focused()
    await expect(page.locator("dialog[open]")).to_have_count(1)


async def test_the_focus_stays_on_a_toast_while_a_dialog_opens_and_closes(
    host: Host, server: Server, visitor: Visitor
) -> None:
    alice = host.person()
    page = await visitor.open(server, alice)
    pk = host.toast(alice, "stays", duration=0)
    await expect_shown(page, pk, "stays")
    await page.evaluate(
        "() => { document.body.append(document.createElement('dialog'));"
        " document.querySelector('dialog').showModal(); }"
    )
    await page.keyboard.press("F6")
    await expect(toast(page, pk)).to_be_focused()
    await page.evaluate("document.querySelector('dialog').remove()")
    await expect_shown(page, pk, "stays")
    assert await page.locator("html > [data-toasts-region]").count() == 1


async def test_twenty_in_a_second_are_three_announcements_at_most(
    host: Host, server: Server, visitor: Visitor
) -> None:
    page = await visitor.open(server, host.person())
    await page.clock.install()
    await page.clock.pause_at(await page.evaluate("Date.now() + 1000"))
    for number in range(20):  # by the page's clock: it takes exactly a second
        await page.evaluate("(n) => toasts.show({ message: `number ${n}`, duration: 0 })", number)
        await page.clock.run_for(50)
    await page.clock.run_for(5_000)
    said: list[str] = await page.evaluate("said")
    assert 1 <= len(said) <= 3
    assert any("new notifications" in text for text in said)


async def test_what_has_the_focus_has_a_ring(host: Host, server: Server, visitor: Visitor) -> None:
    alice = host.person()
    page = await visitor.open(server, alice)
    actions = [
        {"name": "open", "label": "Open", "url": "/form/"},
        {"name": "undo", "label": "Undo", "url": ""},
    ]
    pk = host.toast(alice, "News", url="/form/", actions=actions)
    await expect_shown(page, pk, "News")
    await page.keyboard.press("F6")
    for _ in range(5):  # the toast, its link, two actions, the close button
        ring = "getComputedStyle(document.activeElement).outlineStyle"
        assert await page.evaluate(ring) == "solid", await focused(page)
        await page.keyboard.press("Tab")


async def test_an_action_is_followed_while_text_of_the_page_is_selected(
    host: Host, server: Server, visitor: Visitor
) -> None:
    alice = host.person()
    page = await visitor.open(server, alice)
    pk = host.toast(alice, "News", actions=[{"name": "go", "label": "Go", "url": "/form/"}])
    await expect_shown(page, pk, "News")
    await page.evaluate("getSelection().selectAllChildren(document.querySelector('h1'))")
    await toast(page, pk).get_by_role("link", name="Go").click()
    await page.wait_for_url("**/form/")


async def test_after_a_look_at_another_window_the_key_still_leads_back(
    host: Host, server: Server, visitor: Visitor
) -> None:
    alice = host.person()
    page = await visitor.open(server, alice, "/form/")
    pk = host.toast(alice, "News", duration=0)
    await expect_shown(page, pk, "News")
    field = page.get_by_role("button", name="Sign out")
    await field.focus()
    await page.keyboard.press("F6")
    await expect(toast(page, pk)).to_be_focused()
    # As a browser tells it whose window gets the focus back.
    await toast(page, pk).evaluate(
        "(card) => card.dispatchEvent(new FocusEvent('focusin', { bubbles: true }))"
    )
    await page.keyboard.press("F6")
    await expect(field).to_be_focused()


async def test_closed_with_the_mouse_a_toast_leaves_the_focus_where_it_was(
    host: Host, server: Server, visitor: Visitor
) -> None:
    alice = host.person()
    page = await visitor.open(server, alice, "/form/")
    button = page.get_by_role("button", name="Sign out")
    await button.focus()
    pk = host.toast(alice, "x", duration=0, actions=[{"name": "a", "label": "A", "url": ""}])
    await toast(page, pk).get_by_role("button", name="A", exact=True).click()
    await expect_gone(page, pk)
    await expect(button).to_be_focused()
