"""The client next to other scripts: page swaps, dialogs, navigation, included twice."""

from __future__ import annotations

import pytest
from playwright.async_api import Browser, Page, Request, expect

from tests.browser.host import Host
from tests.browser.pages import (
    Visitor,
    appearances,
    close_button,
    expand,
    expect_connection,
    expect_gone,
    expect_shown,
    region,
    soon,
    tab,
)
from tests.support.servers import ROOT, Server

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]

SWAP = """async (path) => {
  const headers = { "HX-Request": "true", "HX-Boosted": "true" };
  const text = await (await fetch(path, { headers })).text();
  const fresh = new DOMParser().parseFromString(text, "text/html").body;
  document.body.replaceWith(fresh);
  for (const inert of fresh.querySelectorAll("script")) {
    // As page swaps do: a script that was parsed like this does not run.
    const script = document.createElement("script");
    for (const { name, value } of inert.attributes) script.setAttribute(name, value);
    script.async = false;
    const run = new Promise((resolve) => script.addEventListener("load", resolve));
    inert.replaceWith(script);
    await run;
  }
}"""


def streams_of(page: Page) -> list[str]:
    """Return a list that receives the page's requests for streams from now on."""
    streams: list[str] = []

    def note(request: Request) -> None:
        if "/stream/" in request.url:
            streams.append(request.url)

    page.on("request", note)
    return streams


async def test_a_client_that_is_included_twice_starts_once(
    host: Host, server: Server, visitor: Visitor
) -> None:
    alice = host.person()
    page = await (await visitor.context(server, alice)).new_page()
    streams = streams_of(page)
    await page.goto("/twice/")
    await expect_connection(page, "connected")
    pk = host.toast(alice, "once")
    await expect_shown(page, pk, "once")
    await expect(page.locator("script[data-toasts]")).to_have_count(2)
    assert (await region(page).count(), len(streams)) == (1, 1)
    assert await appearances(page) == {str(pk): 1}


@pytest.mark.parametrize("path", ["/form/", "/static/toasts/toasts.d.ts"])
async def test_a_swapped_body_keeps_the_stream_the_toasts_and_their_look(
    host: Host, server: Server, visitor: Visitor, path: str
) -> None:
    alice = host.person()
    page = await visitor.open(server, alice)
    pk = host.toast(alice, "stays", duration=0)
    await expect_shown(page, pk, "stays")
    streams = streams_of(page)
    await page.evaluate(SWAP, path)
    await expect(region(page)).to_have_css("position", "fixed")
    fresh = host.toast(alice, "after the swap")
    await expect_shown(page, fresh, "after the swap")
    await expect_shown(page, pk, "stays")
    assert streams == []
    assert await appearances(page) == {str(pk): 1, str(fresh): 1}


@pytest.mark.parametrize("target", ["body", "main"])
@pytest.mark.parametrize("start", ["/plain/", "/exempt/"])
async def test_a_whole_page_that_htmx_inserts_has_one_client(
    host: Host, server: Server, visitor: Visitor, start: str, target: str
) -> None:
    alice = host.person()
    context = await visitor.context(server, alice)
    page = await tab(context, start, connects=start == "/plain/")
    streams = streams_of(page)
    await page.add_script_tag(path=ROOT / "static/site/vendor/htmx.min.js")
    for _ in range(2):
        await page.evaluate("(target) => htmx.ajax('GET', '/plain/', { target })", target)
        await expect_connection(page, "connected")
    pk = host.toast(alice, "once", duration=0)
    await expect_shown(page, pk, "once")
    assert await region(page).count() == 1
    assert await appearances(page) == {str(pk): 1}
    assert len(streams) == (start == "/exempt/")


async def test_a_region_that_another_script_removes_is_inserted_again(
    host: Host, server: Server, visitor: Visitor
) -> None:
    alice = host.person()
    page = await visitor.open(server, alice)
    pk = host.toast(alice, "stays", duration=0)
    await expect_shown(page, pk, "stays")
    await region(page).evaluate("(region) => region.remove()")
    await expect_shown(page, pk, "stays")
    await close_button(page, pk).click()
    await expect_gone(page, pk)


async def test_toasts_stay_usable_above_a_modal_dialog(
    host: Host, server: Server, visitor: Visitor
) -> None:
    alice = host.person()
    page = await visitor.open(server, alice)
    first, second = (host.toast(alice, text, duration=0) for text in ("first", "second"))
    await expect_shown(page, second, "second")
    await page.evaluate(
        "() => { document.body.append(document.createElement('dialog'));"
        " document.querySelector('dialog').showModal(); }"
    )
    await expand(page)
    await close_button(page, first).click()
    await expect_gone(page, first)
    third = host.toast(alice, "third", duration=0)
    await expect_shown(page, third, "third")
    await page.evaluate("document.querySelector('dialog').close()")
    await expect(page.locator("html > [data-toasts-region]")).to_have_count(1)
    await page.evaluate("document.querySelector('dialog').showModal()")
    await expect(page.locator("dialog > [data-toasts-region]")).to_have_count(1)
    await page.evaluate("document.querySelector('dialog').remove()")
    await expand(page)
    await close_button(page, second).click()
    await soon(lambda: host.is_read(second))
    await expect_shown(page, third, "third")


async def test_after_a_sign_in_without_a_reload_the_next_swap_connects(
    host: Host, server: Server, visitor: Visitor
) -> None:
    alice = host.person()
    context = await visitor.context(server, None)
    page = await tab(context, connects=False)
    await expect_connection(page, "signed-out")
    await context.add_cookies([{"name": "sessionid", "value": alice.session, "url": server.url}])
    await page.evaluate(SWAP, "/form/")
    await expect_connection(page, "connected")
    assert await region(page).count() == 1


async def test_the_page_can_follow_and_close_its_toasts(
    host: Host, server: Server, visitor: Visitor
) -> None:
    alice = host.person()
    page = await visitor.open(server, alice)
    await page.evaluate(
        """() => {
          window.events = [];
          for (const name of ["show", "dismiss", "read", "disconnected"])
            document.addEventListener(`toasts:${name}`, ({ detail }) =>
              events.push([name, detail.id ?? detail.toast?.id ?? detail.state, detail.reason]));
        }"""
    )
    pk, other = host.toast(alice, "one", duration=0), host.toast(alice, "two", duration=0)
    await expect_shown(page, other, "two")
    assert await page.evaluate("toasts.state") == "connected"
    assert await page.evaluate("toasts.list().map(({ message }) => message)") == ["two", "one"]
    await page.evaluate("(id) => toasts.dismiss(id)", pk)
    await soon(lambda: host.is_read(pk))
    host.call("dismiss", other)
    await expect_gone(page, other)
    assert await page.evaluate("window.events") == [
        ["show", str(pk), None],
        ["show", str(other), None],
        ["dismiss", str(pk), "user"],
        ["read", str(pk), "user"],
        ["dismiss", str(other), "remote"],
        ["read", str(other), "remote"],
    ]


async def test_the_stream_is_open_again_after_going_back(
    host: Host, server: Server, with_bfcache: Browser
) -> None:
    alice = host.person()
    visitor = Visitor(with_bfcache)
    page = await visitor.open(server, alice, "/form/")
    pk = host.toast(alice, "stays", duration=0)
    await expect_shown(page, pk, "stays")
    await page.evaluate(
        "addEventListener('pageshow', ({ persisted }) => { window.restored = persisted; })"
    )
    streams = streams_of(page)
    await page.get_by_role("link", name="Another page").click()
    await expect_shown(page, pk, "stays")
    meanwhile = host.toast(alice, "meanwhile", duration=0)
    await expect_shown(page, meanwhile, "meanwhile")
    await page.go_back(wait_until="commit")  # a restored page is not loaded again
    await expect(page).to_have_url(f"{server.url}/form/")
    assert await page.evaluate("window.restored")
    await expect_connection(page, "connected")
    await expect_shown(page, meanwhile, "meanwhile")
    await expect_shown(page, pk, "stays")
    after = host.toast(alice, "after", duration=0)
    await expect_shown(page, after, "after")
    assert len(streams) == 2
    await visitor.leave()


async def test_a_follower_tab_follows_again_after_going_back(
    host: Host, server: Server, with_bfcache: Browser
) -> None:
    alice = host.person()
    visitor = Visitor(with_bfcache)
    leader = await visitor.open(server, alice)
    page = await tab(leader.context, "/form/")
    await page.evaluate(
        "addEventListener('pageshow', ({ persisted }) => { window.restored = persisted; })"
    )
    await page.get_by_role("link", name="Another page").click()
    await expect_connection(page, "connected")
    meanwhile = host.toast(alice, "meanwhile", duration=0)
    await expect_shown(page, meanwhile, "meanwhile")
    await page.go_back(wait_until="commit")
    await expect(page).to_have_url(f"{server.url}/form/")
    assert await page.evaluate("window.restored")
    await expect_shown(page, meanwhile, "meanwhile")
    assert await region(page).get_attribute("data-leader") is None
    await visitor.leave()


async def test_a_page_restored_for_the_next_user_shows_no_toasts_of_the_previous_user(
    host: Host, server: Server, with_bfcache: Browser
) -> None:
    alice, bob = host.person("alice"), host.person("bob")
    visitor = Visitor(with_bfcache)
    page = await visitor.open(server, alice, "/form/")
    pk = host.toast(alice, "private", duration=0)
    await expect_shown(page, pk, "private")
    await page.evaluate(
        "addEventListener('pageshow', () => {"
        " window.bared = !document.documentElement.textContent.includes('private'); })"
    )
    await page.get_by_role("link", name="Another page").click()
    await expect_shown(page, pk, "private")
    cookie = {"name": "sessionid", "value": bob.session, "url": server.url}
    await page.context.add_cookies([cookie])  # type: ignore[list-item]
    await page.go_back(wait_until="commit")
    await expect(page).to_have_url(f"{server.url}/form/")
    assert await page.evaluate("window.bared")
    his = host.toast(bob, "his", duration=0)
    await expect_shown(page, his, "his")
    await expect_gone(page, pk)
    assert str(pk) not in await page.evaluate("toasts.list().map(({ id }) => id)")
    await visitor.leave()


async def test_a_tag_written_by_hand_needs_no_more_than_data_toasts(
    host: Host, server: Server, visitor: Visitor
) -> None:
    alice = host.person()
    page = await visitor.open(server, alice, "/by-hand/")
    pk = host.toast(alice, "there", level="success", duration=0)
    await expect_shown(page, pk, "there")
    await expect(page.locator("script[data-toasts]")).to_have_count(1)
    await expect(page.get_by_role("region", name="Notifications (1)")).to_be_visible()
    await close_button(page, pk).click()
    await soon(lambda: host.is_read(pk))
