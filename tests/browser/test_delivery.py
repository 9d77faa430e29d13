"""Toasts from create_toast in another process to the page, on both databases and two servers."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from playwright.async_api import Page, expect

from tests.browser.host import Host
from tests.browser.pages import (
    Visitor,
    appearances,
    close_button,
    expect_appeared,
    expect_gone,
    expect_shown,
    region,
    soon,
    tab,
    toast,
)
from tests.support.servers import Server

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]
DATABASES = ("sqlite", "postgres")
KINDS = ("daphne", "uvicorn")


@pytest.fixture(params=[f"{database}-{kind}" for database in DATABASES for kind in KINDS])
def place(
    request: Any, host_on: Callable[[str], Host], server_of: Callable[[str, str], Server]
) -> tuple[Host, Server]:
    database, kind = request.param.split("-")
    return host_on(database), server_of(database, kind)


async def record_network(page: Page) -> list[str]:
    """Return a list that receives all bodies and stream events of this page from now on."""
    received: list[str] = []
    session = await page.context.new_cdp_session(page)
    await session.send("Network.enable")
    session.on("Network.eventSourceMessageReceived", lambda event: received.append(event["data"]))

    async def keep(response: Any) -> None:
        if "text/event-stream" not in response.headers.get("content-type", ""):
            received.append(await response.text())

    page.on("response", keep)
    return received


async def test_only_its_user_sees_a_toast_of_another_process(
    place: tuple[Host, Server], visitor: Visitor
) -> None:
    host, server = place
    alice, bob = host.person("alice"), host.person("bob")
    hers, his = await visitor.open(server, alice), await visitor.open(server, bob)
    received = await record_network(hers)
    for_bob = host.toast(bob, "bob's secret")
    await expect_shown(his, for_bob, "bob's secret")
    for_alice = host.toast(alice, "alice's own")
    await expect_shown(hers, for_alice, "alice's own")
    assert "alice's own" in " ".join(received)
    assert "bob's secret" not in " ".join(received)
    assert "bob's secret" not in await hers.content()
    assert await appearances(hers) == {str(for_alice): 1}
    assert await appearances(his) == {str(for_bob): 1}


async def test_a_toast_closed_in_one_tab_is_removed_from_the_other_and_read(
    place: tuple[Host, Server], visitor: Visitor
) -> None:
    host, server = place
    alice = host.person()
    first = await visitor.open(server, alice)
    second = await tab(first.context)
    pk = host.toast(alice, "in both", level="error")
    await expect_shown(first, pk, "in both")
    await expect_shown(second, pk, "in both")
    await close_button(first, pk).click()
    await expect_gone(first, pk)
    await expect_gone(second, pk)
    await soon(lambda: host.is_read(pk))
    await first.reload()
    fresh = host.toast(alice, "after", level="error")
    await expect_shown(first, fresh, "after")
    assert await appearances(first) == {str(fresh): 1}


async def test_a_toast_of_a_script_that_ends_at_once_is_shown(
    place: tuple[Host, Server], visitor: Visitor
) -> None:
    host, server = place
    alice = host.person()
    page = await visitor.open(server, alice)
    pk = host.run(
        "import sys\nfrom toasts import create_toast\n"
        "print(create_toast('hello', int(sys.argv[1])).pk)",
        str(alice.pk),
    )
    await expect_shown(page, pk, "hello")


SHAPES = {
    "info": "M12 16v-5m0-3.5v.01",
    "success": "m8 12.5 3 3 5.5-6.5",
    "warning": "M12 7.5v5.5m0 3.5v.01",
    "error": "m8.5 8.5 7 7m0-7-7 7",
}


@pytest.mark.parametrize("level", SHAPES)
async def test_each_level_has_a_name_and_an_icon(
    host: Host, server: Server, visitor: Visitor, level: str
) -> None:
    alice = host.person()
    page = await visitor.open(server, alice)
    pk = host.toast(alice, "News", level=level)
    await expect_shown(page, pk, "News")
    await expect(toast(page, pk)).to_have_attribute("data-level", level)
    await expect(toast(page, pk)).to_contain_text(f"{level.capitalize()}: News")
    icon = toast(page, pk).locator("svg").first
    drawn = await icon.locator("path").get_attribute("d")
    assert drawn == SHAPES[level]
    colour = await icon.evaluate("(icon) => getComputedStyle(icon).color")
    tone = await region(page).evaluate(
        "(region, level) => { const probe = document.createElement('i');"
        " probe.style.color = `var(--toasts-${level})`; region.append(probe);"
        " const { color } = getComputedStyle(probe); probe.remove(); return color; }",
        level,
    )
    assert colour == tone


async def test_text_is_escaped(host: Host, server: Server, visitor: Visitor) -> None:
    alice = host.person()
    page = await visitor.open(server, alice)
    evil = '<img src=x onerror="window.hacked=1"><script>window.hacked=1</script>&amp; \u202ert'
    action = {"name": "b", "label": evil[:40], "url": "/next/?a=<b>"}
    pk = host.toast(alice, evil, title=evil, actions=[action])
    await expect(toast(page, pk).locator("[data-toast-message]")).to_have_text(evil)
    await expect(toast(page, pk).locator("[data-toast-title]")).to_have_text(evil)
    await expect(toast(page, pk).locator("[data-toast-action]")).to_have_text(evil[:40])
    await expect(toast(page, pk).locator("img, script, b")).to_have_count(0)
    assert await page.evaluate("window.hacked") is None


async def test_an_invalid_url_written_by_plain_sql_is_no_link(
    host: Host, server: Server, visitor: Visitor
) -> None:
    alice = host.person()
    page = await visitor.open(server, alice)
    actions = json.dumps([{"name": "x", "label": "X", "url": "javascript:window.hacked=1"}])
    pk = host.call("insert", alice.pk, "evil", "java\tscript:window.hacked=1", actions)
    await expect_shown(page, pk, "evil")
    await expect(toast(page, pk).locator("a, [data-toast-action]")).to_have_count(0)


async def test_title_actions_link_and_progress_are_shown(
    host: Host, server: Server, visitor: Visitor
) -> None:
    alice = host.person()
    page = await visitor.open(server, alice)
    actions = [
        {"name": "open", "label": "Open the page", "url": "/form/?from=toast"},
        {"name": "later", "label": "Later", "url": ""},
    ]
    pk = host.toast(alice, "Done", title="Export", actions=actions, progress=40)
    await expect(toast(page, pk).locator("[data-toast-title]")).to_have_text("Export")
    await expect(toast(page, pk).get_by_role("progressbar")).to_have_js_property("value", 40)
    later = toast(page, pk).locator("[data-toast-action=later]")
    await expect(later).to_have_role("button")
    await toast(page, pk).locator("[data-toast-action=open]").click()
    await expect(page).to_have_url(f"{server.url}/form/?from=toast")
    await soon(lambda: host.is_read(pk))


async def test_an_action_without_a_link_dispatches_an_event_and_dismisses(
    host: Host, server: Server, visitor: Visitor
) -> None:
    alice = host.person()
    page = await visitor.open(server, alice)
    await page.evaluate(
        "window.actions = [];"
        "document.addEventListener('toasts:action', ({ detail }) => actions.push(detail))"
    )
    pk = host.toast(alice, "Deleted", actions=[{"name": "undo", "label": "Undo", "url": ""}])
    await toast(page, pk).get_by_role("button", name="Undo").click()
    await expect_gone(page, pk)
    assert await page.evaluate("window.actions") == [{"id": str(pk), "name": "undo"}]
    await soon(lambda: host.is_read(pk))


async def test_update_toast_changes_the_same_element(
    host: Host, server: Server, visitor: Visitor
) -> None:
    alice = host.person()
    page = await visitor.open(server, alice)
    pk = host.toast(alice, "0 of 2", progress=0)
    await expect_shown(page, pk, "0 of 2")
    await toast(page, pk).evaluate("(element) => (window.first = element)")
    host.call("change", pk, message="2 of 2", level="success", progress=100, title="Ready")
    await expect_shown(page, pk, "2 of 2")
    await expect(toast(page, pk)).to_have_attribute("data-level", "success")
    await expect(toast(page, pk).locator("[data-toast-title]")).to_have_text("Ready")
    assert await toast(page, pk).evaluate("(element) => element === window.first")
    assert await appearances(page) == {str(pk): 1}


async def test_dismiss_toast_removes_it_from_the_page(
    host: Host, server: Server, visitor: Visitor
) -> None:
    alice = host.person()
    page = await visitor.open(server, alice)
    pk, other = host.toast(alice, "goes"), host.toast(alice, "stays")
    await expect_shown(page, pk, "goes")
    host.call("dismiss", pk)
    await expect_gone(page, pk)
    await expect_shown(page, other, "stays")


async def test_an_undismissed_toast_survives_reload_and_navigation(
    host: Host, server: Server, visitor: Visitor
) -> None:
    alice = host.person()
    page = await visitor.open(server, alice)
    pk = host.toast(alice, "stays", duration=0)
    await expect_shown(page, pk, "stays")
    for path in ("/", "/form/"):
        await page.goto(path)
        await expect_shown(page, pk, "stays")
        assert await appearances(page) == {str(pk): 1}
    assert not host.is_read(pk)


async def test_a_toast_whose_time_is_over_stays_unread_but_is_not_shown_again(
    host: Host, server: Server, visitor: Visitor
) -> None:
    alice = host.person()
    page = await visitor.open(server, alice)
    pk = host.toast(alice, "short", duration=0.3)
    await expect_appeared(page, pk)
    await expect_gone(page, pk)
    assert not host.is_read(pk)
    await page.reload()
    later = host.toast(alice, "later")
    await expect_shown(page, later, "later")
    assert await appearances(page) == {str(later): 1}
    other = await tab(page.context)
    await expect_shown(other, later, "later")
    assert await appearances(other) == {str(later): 1}
    elsewhere = await visitor.open(server, alice)
    await expect_appeared(elsewhere, pk)


async def test_toasts_that_do_not_fit_wait_in_a_queue(
    host: Host, server: Server, visitor: Visitor
) -> None:
    alice = host.person()
    page = await visitor.open(server, alice)
    ids = [host.toast(alice, f"number {number}", duration=0) for number in range(5)]
    await expect_shown(page, ids[4], "number 4")
    for pk in ids[:2]:
        await expect(toast(page, pk)).to_have_attribute("data-state", "queued")
        await expect(toast(page, pk)).to_be_hidden()
    await close_button(page, ids[4]).click()
    await expect_shown(page, ids[1], "number 1")
    await expect(toast(page, ids[0])).to_have_attribute("data-state", "queued")
    await page.evaluate("toasts.dismissAll()")
    await expect(region(page).locator("[data-toast-id]")).to_have_count(0)
    await soon(lambda: all(map(host.is_read, ids)))
