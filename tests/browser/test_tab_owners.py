"""Tabs whose user signs out, signs in or changes."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import pytest

from tests.browser.host import Host
from tests.browser.pages import (
    Visitor,
    appearances,
    close_button,
    expect_connection,
    expect_gone,
    expect_shown,
    soon,
    tab,
)
from tests.browser.tabs import browser_of, streams, tabs_of
from tests.support.servers import Server

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]


async def test_a_logout_in_one_tab_empties_all_tabs(
    host: Host, server: Server, visitor: Visitor, election: str
) -> None:
    alice = host.person()
    context = await browser_of(visitor, server, alice, election)
    pages = await tabs_of(context, 3)
    pk = host.toast(alice, "private", duration=0)
    for page in pages:
        await expect_shown(page, pk, "private")
    assert host.call("sign_out", alice.session) == 302
    began = time.monotonic()
    for page in pages:
        await expect_gone(page, pk)
    assert time.monotonic() - began < 2
    asked: list[str] = []
    for page in pages:
        await expect_connection(page, "signed-out")
        page.on("request", lambda request: asked.append(request.url))
        await page.evaluate("dispatchEvent(new Event('online'))")
        await page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    await asyncio.sleep(3)  # nothing may happen, so there is no condition to wait for
    assert asked == []


async def test_the_next_user_of_a_browser_sees_no_toasts_of_tabs_that_are_still_open(
    host: Host, server: Server, visitor: Visitor, election: str
) -> None:
    alice, bob = host.person("alice"), host.person("bob")
    context = await browser_of(visitor, server, alice, election)
    hers = await tabs_of(context, 2)
    secret = host.toast(alice, "alice's", duration=0)
    for page in hers:
        await expect_shown(page, secret, "alice's")
    # Alice does not sign out, so her session and the leader's stream continue.
    await context.add_cookies([{"name": "sessionid", "value": bob.session, "url": server.url}])
    his = await tab(context)
    pk = host.toast(bob, "bob's", duration=0)
    for page in (his, *hers):
        await expect_shown(page, pk, "bob's")
        await expect_gone(page, secret)
    assert await appearances(his) == {str(pk): 1}
    assert await streams(his) == 1
    await soon(lambda: not host.is_read(secret))


async def test_after_a_sign_in_in_one_tab_the_signed_out_tabs_connect(
    host: Host, server: Server, visitor: Visitor
) -> None:
    alice = host.person()
    context = await browser_of(visitor, server, None)
    old = [await tab(context, connects=False) for _ in range(2)]
    for page in old:
        await expect_connection(page, "signed-out")
    cookie = {"name": "sessionid", "value": alice.session, "url": server.url}
    await context.add_cookies([cookie])  # type: ignore[list-item]
    fresh = await tab(context)
    pk = host.toast(alice, "hello", duration=0)
    for page in (fresh, *old):
        await expect_shown(page, pk, "hello")


async def test_a_pending_dismissal_survives_the_session_and_is_sent_for_its_user_only(
    host: Host, server: Server, visitor: Visitor
) -> None:
    alice, bob = host.person("alice"), host.person("bob")
    page = await visitor.open(server, alice)
    context = page.context
    pk = host.toast(alice, "closed", duration=0)
    await expect_shown(page, pk, "closed")
    sent: list[Any] = []

    def note(request: Any) -> None:
        if "read-all" in request.url:
            sent.append(request)

    context.on("request", note)
    await context.route("**/read-all/", lambda route: route.fulfill(status=403))
    await close_button(page, pk).click()
    await soon(lambda: len(sent) == 2)
    await context.unroute("**/read-all/")

    def signed_in_as(session: str) -> Any:
        return [{"name": "sessionid", "value": session, "url": server.url}]

    await context.add_cookies(signed_in_as(bob.session))
    await page.goto("/")
    his = host.toast(bob, "his", duration=0)
    await expect_shown(page, his, "his")
    assert len(sent) == 2
    await context.add_cookies(signed_in_as(alice.session))
    await page.goto("/")
    await soon(lambda: host.is_read(pk))
    assert not host.is_read(his)
