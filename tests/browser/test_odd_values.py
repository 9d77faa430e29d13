"""Invalid values of toasts, from the page's own script."""

from __future__ import annotations

import pytest
from playwright.async_api import Page, expect

from tests.browser.host import Host
from tests.browser.pages import (
    Visitor,
    close_button,
    expect_gone,
    expect_shown,
    region,
    soon,
    tab,
    toast,
)
from tests.browser.tabs import browser_of, leader_of, tabs_of
from tests.support.servers import Server

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]

ODD_PROGRESS = ("0 / 0", "1 / 0", "'50%'", "-1", "1000", "{}", "Symbol()")
ODD_TOASTS = (
    *(f"{{ message: 'odd', progress: {value} }}" for value in ODD_PROGRESS),
    "{ message: 'odd', duration: -1 }",
    "{ message: 'odd', duration: 0 / 0 }",
    "{ message: 'odd', duration: '5s' }",
    "{ message: Symbol('odd'), title: null, key: Symbol() }",
    "{ message: 'odd', level: 'toString' }",
    "{ message: 'odd', created_at: 'yesterday' }",
    "{ message: 'odd', actions: [null, { name: Symbol() }, 5], url: {} }",
    "(() => { const data = {}; data.data = data; return { message: 'odd', data } })()",
    "{ message: 'odd', data: 10n, duration: 1 / 0 }",
)


async def expect_all_well(host: Host, person: object, pages: list[Page]) -> None:
    """Expect that a toast appears in all tabs and leaves all, by the server and by the user."""
    by_server = host.toast(person, "by the server", duration=0)  # type: ignore[arg-type]
    for page in pages:
        await expect_shown(page, by_server, "by the server")
    host.call("dismiss", by_server)
    for page in pages:
        await expect_gone(page, by_server)
    by_hand = host.toast(person, "by hand", duration=0)  # type: ignore[arg-type]
    for page in pages:
        await expect_shown(page, by_hand, "by hand")
    await close_button(pages[0], by_hand).click()
    for page in pages:
        await expect_gone(page, by_hand)
    await soon(lambda: host.is_read(by_hand))


async def test_a_toast_with_an_invalid_value_does_not_affect_others(
    host: Host, server: Server, visitor: Visitor
) -> None:
    alice = host.person()
    pages = await tabs_of(await browser_of(visitor, server, alice), 2)
    for odd in ODD_TOASTS:
        pk = await pages[0].evaluate(f"toasts.show({odd})")
        await expect(toast(pages[0], pk)).to_have_count(1)
        level = await toast(pages[0], pk).get_attribute("data-level")
        assert level == "info", odd
        await pages[0].evaluate("(id) => toasts.dismiss(id)", pk)
        await expect_gone(pages[0], pk)
    await pages[0].evaluate(f"[{','.join(ODD_TOASTS)}].forEach(toasts.show)")
    await pages[0].evaluate("toasts.dismissAll()")
    await expect(region(pages[0]).locator("[data-toast-id]")).to_have_count(0)
    await expect_all_well(host, alice, pages)


async def test_an_invalid_change_stays_in_its_page(
    host: Host, server: Server, visitor: Visitor
) -> None:
    alice = host.person()
    context = await browser_of(visitor, server, alice)
    pages = await tabs_of(context, 2)
    leader = await leader_of(pages)
    pk = host.toast(alice, "whole", duration=0, progress=10)
    for page in pages:
        await expect_shown(page, pk, "whole")
    changes = [f"{{ progress: {value} }}" for value in ODD_PROGRESS]
    changes += ["{ duration: -1 }", "{ level: 'constructor' }", "{ data: () => 1, message: 'own' }"]
    for change in changes:
        await leader.evaluate(f"toasts.update({pk}, {change})")
    await expect_shown(leader, pk, "own")
    third = await tab(context)  # which the leader tells what is active
    await expect_shown(third, pk, "whole")
    await expect(toast(third, pk).get_by_role("progressbar")).to_have_attribute("value", "10")
    await expect_all_well(host, alice, [third, *pages])


async def test_a_card_that_cannot_be_shown_does_not_affect_others(
    host: Host, server: Server, visitor: Visitor
) -> None:
    alice = host.person()
    page = await visitor.open(server, alice)
    await page.evaluate(
        """() => {
          window.failures = [];
          const note = (event) => { failures.push(event.type); event.preventDefault(); };
          for (const type of ["error", "unhandledrejection"]) addEventListener(type, note);
          const { animate } = Element.prototype;
          Element.prototype.animate = function (...rest) {
            if (this.closest("[data-toast-id]").textContent.includes("broken")) throw Error("no");
            return animate.apply(this, rest);
          };
          toasts.subscribe((list) => { if (list.length) throw Error("the page's own"); });
        }"""
    )
    broken = host.toast(alice, "broken", duration=30)
    await expect_shown(page, broken, "broken")
    other = host.toast(alice, "whole", duration=0)
    await expect_shown(page, other, "whole")
    await close_button(page, other).click()
    await expect_gone(page, other)
    await close_button(page, broken).click()
    await expect_gone(page, broken)
    await soon(lambda: host.is_read(broken) and host.is_read(other))
    assert set(await page.evaluate("failures")) == {"unhandledrejection"}
