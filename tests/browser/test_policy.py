"""The strictest Content-Security-Policy, with Trusted Types, reports no violations."""

from __future__ import annotations

import pytest
from playwright.async_api import Page, expect

from tests.browser.host import Host
from tests.browser.pages import (
    Visitor,
    close_button,
    expand,
    expect_gone,
    expect_shown,
    region,
    soon,
    tab,
    toast,
)
from tests.support.servers import Server

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]
LISTEN = """
window.violations = [];
addEventListener("securitypolicyviolation", ({ violatedDirective, blockedURI, sample }) =>
  violations.push([violatedDirective, blockedURI, sample].join(" ")));
"""


async def violations(page: Page) -> list[str]:
    found: list[str] = await page.evaluate("window.violations")
    # A browser may request the site's icon on its own.
    return [text for text in found if "/favicon.ico" not in text]


async def test_toasts_do_not_violate_a_strict_policy(
    host: Host, server: Server, visitor: Visitor
) -> None:
    alice = host.person()
    context = await visitor.context(server, alice)
    await context.add_init_script(LISTEN)
    page = await tab(context, "/strict/")
    actions = [
        {"name": "open", "label": "Open", "url": "/form/"},
        {"name": "undo", "label": "Undo", "url": ""},
    ]
    rich = {"title": "Title", "level": "warning", "url": "/form/", "progress": 10}
    full = host.toast(alice, "All of it", actions=actions, **rich)
    rest = [host.toast(alice, f"number {number}", duration=0) for number in range(3)]
    await expect_shown(page, rest[-1], "number 2")
    await page.evaluate("toasts.promise(Promise.resolve(), { loading: '...', success: 'Saved' })")
    await expect(region(page)).to_contain_text("Saved")
    short = host.toast(alice, "short", duration=0.2)
    await expect_gone(page, short)
    await close_button(page, rest.pop()).click()
    await close_button(page, rest.pop()).click()
    await close_button(page, rest.pop()).click()
    await expect(toast(page, full).get_by_role("progressbar")).to_be_visible()
    await page.mouse.move(0, 0)  # on the toasts, the pointer would pause their time
    host.call("change", full, progress=100, message="Ready")
    await expect(toast(page, full).locator("[data-toast-message]")).to_have_text("Ready")
    await expect(region(page)).to_have_css("position", "fixed")
    await page.evaluate(
        "() => { document.body.append(document.createElement('dialog'));"
        " document.querySelector('dialog').showModal(); }"
    )
    await expand(page)
    await close_button(page, full).click()
    await soon(lambda: host.is_read(full))
    assert await violations(page) == []
    assert visitor.console == []
    # The policy is in force, and the listener receives its violations.
    with pytest.raises(Exception, match=r"TrustedHTML|Sink type"):
        await page.evaluate("document.createElement('div').innerHTML = '<b>'")
    [violation] = await violations(page)
    assert violation.startswith("require-trusted-types-for")
    visitor.console.clear()


async def test_the_bell_and_the_inbox_do_not_violate_a_strict_policy(
    host: Host, server: Server, visitor: Visitor
) -> None:
    alice = host.person()
    pks = [
        host.toast(alice, f"number {number}", title="Title", url="/form/", level="warning")
        for number in range(21)
    ]
    context = await visitor.context(server, alice)
    await context.add_init_script(LISTEN)
    page = await tab(context, "/strict/")
    inline, panel = page.locator("main > toast-inbox"), page.locator("toast-bell > toast-inbox")
    await inline.get_by_role("button", name="Show earlier").click()
    await expect(inline.get_by_role("listitem")).to_have_count(21)
    await page.locator("toast-bell > button").click()
    await expect(panel.get_by_role("listitem")).to_have_count(20)
    await expect(panel).to_have_css("display", "block")
    await panel.get_by_role("button", name="Mark as read: Title").first.click()
    await soon(lambda: host.is_read(pks[-1]))
    await panel.get_by_role("button", name="Mark all as read").click()
    await soon(lambda: host.is_read(pks[0]))
    await expect(inline.locator('[data-read="true"]')).to_have_count(21)
    assert await violations(page) == []
    assert visitor.console == []
