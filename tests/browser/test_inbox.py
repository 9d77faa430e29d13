"""The inbox: toasts that were missed can be found and read there."""

from __future__ import annotations

import asyncio

import pytest
from playwright.async_api import Route, expect

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
from tests.browser.pages import Visitor, expect_gone, soon, tab
from tests.support.servers import Server

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]


async def test_a_toast_whose_time_is_over_can_be_read_in_the_inbox_for_all_tabs(
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


async def test_the_open_inbox_is_updated(host: Host, server: Server, visitor: Visitor) -> None:
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


async def test_all_toasts_are_marked_read_at_once(
    host: Host, server: Server, visitor: Visitor
) -> None:
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


async def test_earlier_toasts_are_loaded_on_demand(
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


async def test_a_row_keeps_the_focus_while_others_arrive(
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


async def test_the_count_is_announced_politely_and_not_on_every_page(
    host: Host, server: Server, visitor: Visitor
) -> None:
    alice = host.person()
    host.toast(alice, "before", duration=0)
    page = await at_the_bell(visitor, server, alice, 1)
    status = page.locator("toast-bell > [role=status]")
    await expect(status).to_have_text("")
    host.toast(alice, "after", duration=0)
    await expect(status).to_have_text("2 unread")


async def test_a_failed_load_shows_an_error_and_can_be_retried(
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
    visitor.console.clear()  # the browser reports the 503


async def test_text_is_escaped_and_a_script_url_is_no_link(
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


async def test_following_a_link_marks_its_toast_read(
    host: Host, server: Server, visitor: Visitor
) -> None:
    alice = host.person()
    pk = host.toast(alice, "there", url="/form/", duration=0)
    page = await visitor.open(server, alice, "/form/")  # this sets the CSRF cookie
    await page.goto("/inbox/")
    await row(page, pk).get_by_role("link", name="there").click()
    await expect(page).to_have_url(f"{server.url}/form/")
    await soon(lambda: host.is_read(pk))


@pytest.mark.parametrize("csrf", ["httponly", "sessions", "names", "names httponly"])
async def test_the_inbox_finds_the_csrf_token_in_every_configuration(
    host: Host, visitor: Visitor, csrf: str
) -> None:
    server = host.with_environment(TEST_CSRF=csrf).serve("uvicorn")
    alice = host.person()
    pk = host.toast(alice, "there", duration=0)
    page = await visitor.open(server, alice, "/inbox/")
    await read_button(page, pk).click()
    await soon(lambda: host.is_read(pk))
    server.kill()
