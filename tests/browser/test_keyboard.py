"""By keyboard: where the focus goes, and what it stops."""

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


async def test_the_bar_is_the_last_stop_and_dismissing_all_gives_the_focus_back(
    host: Host, server: Server, visitor: Visitor
) -> None:
    alice = host.person()
    page = await visitor.open(server, alice, "/form/")
    pks = [host.toast(alice, f"number {number}", duration=0) for number in range(4)]
    await expect_shown(page, pks[-1], "number 3")
    field = page.get_by_role("button", name="Sign out")
    await field.focus()
    await page.keyboard.press("F6")
    for _ in range(5):  # three close buttons, of which the first is the newest's, and the bar
        await page.keyboard.press("Tab")
    clear = page.get_by_role("button", name="Dismiss all")
    await expect(clear).to_be_focused()
    await page.keyboard.press("Enter")
    for pk in pks:
        await expect_gone(page, pk)
    await expect(field).to_be_focused()
