"""Sessions: logout anywhere, signed-out visitors, another user in the same browser."""

from __future__ import annotations

import pytest
from playwright.async_api import expect

from tests.browser.host import Host, Person
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
    toast,
)
from tests.support.servers import Server

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]


async def test_logout_in_another_tab_empties_the_page(
    host: Host, server: Server, visitor: Visitor
) -> None:
    alice = host.person()
    page = await visitor.open(server, alice)
    pk = host.toast(alice, "private", duration=0)
    await expect_shown(page, pk, "private")
    other = await tab(page.context, "/form/")
    await other.get_by_role("button", name="Sign out").click()
    await expect_connection(page, "signed-out")
    await expect(region(page).locator("[data-toast-id]")).to_have_count(0)
    assert "private" not in await page.content()
    await expect_connection(other, "signed-out")
    assert not host.is_read(pk)


async def test_logout_in_another_process_empties_the_page(
    host: Host, server: Server, visitor: Visitor
) -> None:
    alice = host.person()
    page = await visitor.open(server, alice)
    pk = host.toast(alice, "private", duration=0)
    await expect_shown(page, pk, "private")
    assert host.call("sign_out", alice.session) == 302
    await expect_connection(page, "signed-out")
    await expect(region(page).locator("[data-toast-id]")).to_have_count(0)
    assert await region(page).get_attribute("data-leader") is None


async def test_the_page_of_a_signed_out_visitor_makes_no_further_requests(
    server: Server, visitor: Visitor
) -> None:
    requests: list[str] = []
    context = await visitor.context(server, None)
    context.on("request", lambda request: requests.append(request.url))
    page = await tab(context, connects=False)
    await expect_connection(page, "signed-out")
    assert visitor.console == []
    assert [url.removeprefix(server.url) for url in requests if "/toasts/" in url][2:] == [
        "/toasts/stream/",
        "/toasts/poll/",
    ]


async def test_the_next_user_sees_no_toasts_of_the_previous_user(
    host: Host, server: Server, visitor: Visitor
) -> None:
    alice, bob = host.person("alice"), host.person("bob")
    page = await visitor.open(server, alice)
    hers = host.toast(alice, "hers", duration=0)
    his = host.toast(bob, "his", duration=0)
    await expect_shown(page, hers, "hers")
    await close_button(page, hers).click()
    await page.context.add_cookies([{"name": "sessionid", "value": bob.session, "url": server.url}])
    await page.goto("/")
    await expect_shown(page, his, "his")
    assert await appearances(page) == {str(his): 1}


CSRF = ["httponly", "sessions", "names", "names httponly"]


@pytest.mark.parametrize("csrf", CSRF)
async def test_a_site_that_hides_its_csrf_token_can_dismiss(
    host: Host, visitor: Visitor, csrf: str
) -> None:
    alice: Person = host.person()
    server = host.with_environment(TEST_CSRF=csrf).serve("daphne")
    try:
        page = await visitor.open(server, alice)
        ids = [host.toast(alice, f"number {number}", duration=0) for number in range(2)]
        for pk in ids:
            await expect(toast(page, pk)).to_be_visible()
            await expand(page)
            await close_button(page, pk).click()
            await expect_gone(page, pk)
            await soon(lambda pk=pk: host.is_read(pk))  # type: ignore[misc]
    finally:
        server.kill()


async def test_a_token_that_is_refused_is_replaced(
    host: Host, server: Server, visitor: Visitor
) -> None:
    alice = host.person()
    page = await visitor.open(server, alice, "/form/")
    # The page's script finds this cookie before the server's, and the browser does not send it.
    await page.evaluate("document.cookie = `csrftoken=${'a'.repeat(32)}; path=/form`")
    pk = host.toast(alice, "closed", duration=0)
    await expect_shown(page, pk, "closed")
    async with page.expect_response(lambda response: response.status == 403):
        await close_button(page, pk).click()
    await soon(lambda: host.is_read(pk))
