"""`window.toasts`: what a page's own script can do, and which events it gets."""

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
    expect_announced,
    expect_appeared,
    expect_gone,
    expect_shown,
    region,
    soon,
    toast,
)
from tests.support.servers import Server
from toasts import __version__

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]


async def a_page(host: Host, server: Server, visitor: Visitor, **options: Any) -> Page:
    return await visitor.open(server, host.person(), **options)


def titled(page: Page, title: str) -> Any:
    return region(page).locator("[data-toast-id]").filter(has_text=title)


async def test_a_page_shows_changes_and_dismisses_its_own_toasts(
    host: Host, server: Server, visitor: Visitor
) -> None:
    page = await a_page(host, server, visitor)
    posts: list[str] = []
    page.on("request", lambda request: posts.extend([request.url] * (request.method == "POST")))
    pk = await page.evaluate("toasts.show({ title: 'Saved', message: 'one', level: 'success' })")
    await expect_shown(page, pk, "one")
    await expect(toast(page, pk)).to_have_attribute("data-level", "success")
    await toast(page, pk).evaluate("(element) => (window.first = element)")
    await page.evaluate("(id) => toasts.update(id, { message: 'two', level: 'error' })", pk)
    await expect_shown(page, pk, "two")
    await expect(toast(page, pk)).to_have_attribute("data-level", "error")
    assert await toast(page, pk).evaluate("(element) => element === window.first")
    await page.evaluate("(id) => toasts.dismiss(id)", pk)
    await expect_gone(page, pk)
    await page.evaluate("toasts.update('none', 'x'); toasts.dismiss('none'); toasts.dismissAll()")
    assert await page.evaluate("toasts.list()") == []
    assert posts == []  # the server does not know it


async def test_a_snapshot_does_not_remove_the_pages_own_toasts(
    host: Host, server: Server, visitor: Visitor
) -> None:
    alice = host.person()
    page = await visitor.open(server, alice)
    own = await page.evaluate("toasts.show({ message: 'own', duration: 0 })")
    await page.context.set_offline(True)
    await page.context.set_offline(False)
    pk = host.toast(alice, "the server's", duration=0)
    await expect_shown(page, pk, "the server's")
    await expect_shown(page, own, "own")


@pytest.mark.parametrize("fails", [False, True])
async def test_a_promise_updates_its_toast_until_it_settles(
    host: Host, server: Server, visitor: Visitor, fails: bool
) -> None:
    page = await a_page(host, server, visitor)
    await page.evaluate(
        """() => {
          const work = new Promise((resolve, reject) => Object.assign(window, { resolve, reject }));
          window.same = toasts.promise(() => work, {
            loading: { title: "Upload", message: "Under way" },
            success: (value) => `All ${value} are there`,
            error: { title: "Not saved" },
          });
        }"""
    )
    loading = titled(page, "Under way")
    await expect(loading).to_have_attribute("data-level", "info")
    await expect(loading.get_by_role("progressbar")).to_have_js_property("position", -1)
    await loading.evaluate("(element) => (window.first = element)")
    await page.evaluate("reject(new Error())" if fails else "resolve(7)")
    done = titled(page, "Not saved" if fails else "All 7 are there")
    await expect(done).to_have_attribute("data-level", "error" if fails else "success")
    await expect(done.get_by_role("progressbar")).to_have_count(0)
    assert await done.evaluate("(element) => element === window.first")
    outcome = "same.then((value) => value, (error) => error.name)"
    assert await page.evaluate(outcome) == ("Error" if fails else 7)


async def test_a_promise_function_that_throws_counts_as_failed(
    host: Host, server: Server, visitor: Visitor
) -> None:
    page = await a_page(host, server, visitor)
    found = await page.evaluate(
        """() => toasts.promise(() => { throw new Error("full"); }, {
          loading: "Under way", success: "Saved", error: (error) => `Not saved: ${error.message}`,
        }).catch((error) => error.message)"""
    )
    assert found == "full"
    await expect(titled(page, "Not saved: full")).to_have_attribute("data-level", "error")
    await expect(titled(page, "Under way")).to_have_count(0)


async def test_text_from_the_page_is_escaped_and_links_are_validated(
    host: Host, server: Server, visitor: Visitor
) -> None:
    page = await a_page(host, server, visitor)
    pk = await page.evaluate(
        """toasts.show({ message: "<img src=x onerror=hacked=1>", url: "javascript:hacked=1",
          actions: [{ name: "x", label: "X", url: "java\\tscript:hacked=1" }] })"""
    )
    await expect_shown(page, pk, "<img src=x onerror=hacked=1>")
    assert await toast(page, pk).locator("img, [href], [data-toast-action]").count() == 0


async def test_listeners_are_called_for_each_change_until_they_unsubscribe(
    host: Host, server: Server, visitor: Visitor
) -> None:
    alice = host.person()
    page = await visitor.open(server, alice)
    await page.evaluate(
        """() => {
          window.events = [];
          window.ends = ["show", "dismiss", "read"].map((name) =>
            toasts.on(name, ({ toast, reason }) => events.push([name, toast.message, reason])));
        }"""
    )
    pk = host.toast(alice, "read", duration=0)
    await expect_shown(page, pk, "read")
    await close_button(page, pk).click()
    await expect_gone(page, pk)
    await page.evaluate("toasts.show({ message: 'short', duration: 0.05 })")
    await page.mouse.move(0, 0)
    await page.wait_for_function("events.length === 5")
    await page.evaluate("ends.forEach((end) => end()); toasts.show('unheard')")
    assert await page.evaluate("events") == [
        ["show", "read", None],
        ["dismiss", "read", "user"],
        ["read", "read", "user"],
        ["show", "short", None],
        ["dismiss", "short", "timeout"],
    ]


async def test_a_muted_page_shows_and_announces_nothing_until_it_is_unmuted(
    host: Host, server: Server, visitor: Visitor
) -> None:
    alice = host.person()
    page = await visitor.open(server, alice)
    await page.clock.install()
    await page.evaluate("toasts.mute()")
    pk = host.toast(alice, "held", duration=0.2)
    await page.wait_for_function("toasts.list().length === 1", polling=50)
    await page.clock.run_for(5_000)
    assert await appearances(page) == {}
    assert await page.evaluate("announced") == []
    await page.evaluate("toasts.mute(false)")
    await expect_appeared(page, pk)
    await expect_announced(page, "held")
    await expect_gone(page, pk)


async def test_toasts_with_the_same_key_are_one_card_with_their_number(
    host: Host, server: Server, visitor: Visitor
) -> None:
    alice = host.person()
    page = await visitor.open(server, alice)
    cards = region(page).locator("[data-toast-id]")
    rest = host.toast(alice, "another", duration=0)
    ids = [host.toast(alice, f"mail {n}", key="mail", duration=0) for n in range(3)]
    await expect_shown(page, ids[2], "mail 2")
    await expect(cards).to_have_count(2)
    await expect(toast(page, ids[2]).locator("[data-toast-count]")).to_have_text("\u00d73")
    await expect(toast(page, rest).locator("[data-toast-count]")).to_be_empty()
    host.call("dismiss", ids[2])  # the one before it is now the newest
    await expect_shown(page, ids[1], "mail 1")
    await expect(toast(page, ids[1]).locator("[data-toast-count]")).to_have_text("\u00d72")
    await expand(page)
    await close_button(page, ids[1]).click()
    await expect(cards).to_have_count(1)
    await soon(lambda: all(map(host.is_read, ids)))
    assert not host.is_read(rest)


async def test_a_thousand_unread_toasts_take_twenty_elements_at_most(
    host: Host, server: Server, visitor: Visitor
) -> None:
    page = await a_page(host, server, visitor)
    await page.evaluate(
        "() => { for (let n = 0; n < 1000; n++) toasts.show({ message: `${n}`, duration: 0 }) }"
    )
    await expect(page.get_by_role("button", name="+997 more")).to_be_visible()
    cards = region(page).locator("[data-toast-id]")
    await expect(cards).to_have_count(20)
    await expect(region(page).locator("[data-state=visible]")).to_have_count(3)
    await expect(region(page)).to_have_accessible_name("Notifications (1000)")
    await page.get_by_role("button", name="+997 more").click()
    await expect(region(page).locator("[data-state=visible]")).to_have_count(20)
    await page.get_by_role("button", name="Dismiss all").click()
    await expect(cards).to_have_count(0)
    assert await page.evaluate("toasts.list().length") == 0


async def test_a_page_can_subscribe_to_its_toasts_and_read_the_version(
    host: Host, server: Server, visitor: Visitor
) -> None:
    page = await visitor.open(server, host.person())
    assert await page.evaluate("toasts.version") == __version__
    await page.evaluate(
        """() => {
          window.lists = [];
          window.end = toasts.subscribe((list) => lists.push(list.map(({ message }) => message)));
          toasts.show("one");
          toasts.show("two");
          end();
          toasts.show("three");
        }"""
    )
    assert await page.evaluate("lists") == [[], ["one"], ["two", "one"]]
