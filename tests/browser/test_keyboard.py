"""The keyboard: where the focus moves, and what it pauses."""

from __future__ import annotations

import pytest
from playwright.async_api import Page, expect

from tests.browser.host import Host
from tests.browser.pages import (
    Visitor,
    close_button,
    expect_announced,
    expect_gone,
    expect_shown,
    expect_time,
    tab,
    toast,
)
from tests.support.servers import Server

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]


async def focused(page: Page) -> str:
    found: str = await page.evaluate(
        "() => { const { dataset, localName, textContent } = document.activeElement;"
        " return dataset.toastId ?? dataset.toastAction ?? dataset.toastClose ?? localName; }"
    )
    return found


@pytest.mark.parametrize("key", ["F6", "Alt+t"])
async def test_a_key_moves_the_focus_to_the_newest_toast_and_back(
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


async def test_escape_closes_the_focused_toast_and_the_focus_moves_on(
    host: Host, server: Server, visitor: Visitor
) -> None:
    alice = host.person()
    page = await visitor.open(server, alice, "/form/")
    button = page.get_by_role("button", name="Sign out")
    await button.focus()
    old, new = host.toast(alice, "old", duration=0), host.toast(alice, "new", duration=0)
    await expect_shown(page, new, "new")
    await page.keyboard.press("Escape")  # outside of a toast the key has no effect
    await page.keyboard.press("F6")
    await page.keyboard.press("Escape")
    await expect_gone(page, new)
    await expect(toast(page, old)).to_be_focused()
    await page.keyboard.press("Tab")
    await page.keyboard.press("Enter")
    await expect_gone(page, old)
    await expect(button).to_be_focused()


async def test_the_time_is_paused_while_a_toast_has_the_pointer_or_the_focus(
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


async def test_a_site_can_choose_the_key(host: Host, server: Server, visitor: Visitor) -> None:
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


async def test_over_a_modal_dialog_toasts_are_announced_and_the_keys_work(
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
    await expect_announced(page, "Info: above")
    await page.keyboard.press("F6")
    await expect(toast(page, pk)).to_be_focused()
    await page.keyboard.press("Escape")  # closes the toast, not the dialog
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


async def test_the_focused_element_has_a_ring(host: Host, server: Server, visitor: Visitor) -> None:
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


async def test_the_key_still_moves_the_focus_back_after_a_switch_of_windows(
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
    # A browser dispatches this event when its window gets the focus back.
    await toast(page, pk).evaluate(
        "(card) => card.dispatchEvent(new FocusEvent('focusin', { bubbles: true }))"
    )
    await page.keyboard.press("F6")
    await expect(field).to_be_focused()


async def test_closing_a_toast_with_the_mouse_does_not_move_the_focus(
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


async def test_the_bar_is_last_in_tab_order_and_dismissing_all_restores_the_focus(
    host: Host, server: Server, visitor: Visitor
) -> None:
    alice = host.person()
    page = await visitor.open(server, alice, "/form/")
    pks = [host.toast(alice, f"number {number}", duration=0) for number in range(4)]
    await expect_shown(page, pks[-1], "number 3")
    field = page.get_by_role("button", name="Sign out")
    await field.focus()
    await page.keyboard.press("F6")
    for _ in range(5):  # the newest toast's close button, two more, and the bar
        await page.keyboard.press("Tab")
    clear = page.get_by_role("button", name="Dismiss all")
    await expect(clear).to_be_focused()
    await page.keyboard.press("Enter")
    for pk in pks:
        await expect_gone(page, pk)
    await expect(field).to_be_focused()
