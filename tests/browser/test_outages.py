"""Servers that crash, networks that fail, and proxies that block streams."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.async_api import Route

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
from tests.support.servers import Server

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]
STREAM = "**/toasts/stream/"


@pytest.mark.parametrize("database", ["sqlite", "postgres"])
async def test_the_page_shows_toasts_of_an_outage_once(
    host_on: Callable[[str], Host], visitor: Visitor, database: str
) -> None:
    host = host_on(database)
    alice = host.person()
    server = host.serve("uvicorn")
    page = await visitor.open(server, alice)
    before = host.toast(alice, "before", duration=0)
    goes = host.toast(alice, "goes", duration=0)
    await expect_shown(page, goes, "goes")
    server.kill()
    await expect_connection(page, "offline")
    meanwhile = host.toast(alice, "meanwhile", duration=0)
    host.call("dismiss", goes)
    server.start()
    await expect_connection(page, "connected", 30)
    await expect_shown(page, meanwhile, "meanwhile")
    await expect_shown(page, before, "before")
    await expect_gone(page, goes)
    after = host.toast(alice, "after", duration=0)
    await expect_shown(page, after, "after")
    assert await appearances(page) == {str(pk): 1 for pk in (before, goes, meanwhile, after)}
    server.kill()


async def test_a_dismissal_during_an_outage_is_sent_after_it(
    host: Host, own_server: Server, visitor: Visitor
) -> None:
    alice = host.person()
    page = await visitor.open(own_server, alice)
    pk = host.toast(alice, "closed", duration=0)
    await expect_shown(page, pk, "closed")
    own_server.kill()
    await close_button(page, pk).click()
    await expect_gone(page, pk)
    assert not host.is_read(pk)
    own_server.start()
    await expect_connection(page, "connected", 30)
    await soon(lambda: host.is_read(pk))
    assert await appearances(page) == {str(pk): 1}


async def test_a_dismissal_during_an_outage_is_sent_by_the_next_page(
    host: Host, own_server: Server, visitor: Visitor
) -> None:
    alice = host.person()
    page = await visitor.open(own_server, alice)
    pk, other = host.toast(alice, "closed", duration=0), host.toast(alice, "other", duration=0)
    await expect_shown(page, pk, "closed")
    own_server.kill()
    await expand(page)
    await close_button(page, pk).click()
    await expect_gone(page, pk)
    next_page = await page.context.new_page()
    await page.close()
    own_server.start()
    await next_page.goto("/")
    await expect_shown(next_page, other, "other")
    await soon(lambda: host.is_read(pk))
    assert await appearances(next_page) == {str(other): 1}


async def test_the_page_is_offline_without_a_network_and_reconnects(
    host: Host, server: Server, visitor: Visitor
) -> None:
    alice = host.person()
    page = await visitor.open(server, alice)
    await page.context.set_offline(True)
    await expect_connection(page, "offline")
    pk = host.toast(alice, "meanwhile")
    await page.context.set_offline(False)
    await expect_connection(page, "connected")
    await expect_shown(page, pk, "meanwhile")
    assert await appearances(page) == {str(pk): 1}


async def refuse(route: Route) -> None:
    await route.fulfill(status=503, body="no")


async def cut(route: Route) -> None:
    await route.abort("connectionreset")


async def misread(route: Route) -> None:
    await route.fulfill(status=200, content_type="text/html", body="<p>Welcome to our proxy")


async def swallow(route: Route) -> None:
    """Act as a proxy that forwards the request and holds the answer back."""


@pytest.mark.parametrize("obstacle", [refuse, cut, misread, swallow])
async def test_the_page_polls_while_streams_are_blocked(
    host: Host, server: Server, visitor: Visitor, obstacle: Any
) -> None:
    alice = host.person()
    context = await visitor.context(server, alice)
    await context.route(STREAM, obstacle)
    page = await tab(context, connects=False)
    await expect_connection(page, "polling", 15)
    assert await region(page).get_attribute("data-leader") is None
    first = host.toast(alice, "first", duration=0)
    await expect_shown(page, first, "first")
    host.call("change", first, message="changed")
    await expect_shown(page, first, "changed")
    await close_button(page, first).click()
    await soon(lambda: host.is_read(first))
    await context.unroute(STREAM)
    await page.evaluate("dispatchEvent(new Event('online'))")
    await expect_connection(page, "connected")
    second = host.toast(alice, "second")
    await expect_shown(page, second, "second")
    assert await appearances(page) == {str(first): 1, str(second): 1}


@pytest.fixture
def wsgi_server(host: Host) -> Iterator[Server]:
    server = host.serve("wsgi")
    yield server
    server.kill()


async def test_the_page_polls_under_wsgi(host: Host, wsgi_server: Server, visitor: Visitor) -> None:
    alice = host.person()
    early = host.toast(alice, "early", duration=0)
    page = await tab(await visitor.context(wsgi_server, alice), connects=False)
    await expect_shown(page, early, "early")
    await expect_connection(page, "polling")
    late = host.toast(alice, "late", duration=0)
    await page.evaluate("dispatchEvent(new Event('online'))")  # otherwise it polls every 10 to 15 s
    await expect_shown(page, late, "late")
    await close_button(page, late).click()
    await soon(lambda: host.is_read(late))
    assert await appearances(page) == {str(early): 1, str(late): 1}


async def test_the_page_reconnects_after_a_server_stopped(
    host: Host, own_server: Server, visitor: Visitor
) -> None:
    alice = host.person()
    page = await visitor.open(own_server, alice)
    own_server.kill(signal.SIGTERM)
    own_server.start()
    await expect_connection(page, "connected", 30)
    pk = host.toast(alice, "new server")
    await expect_shown(page, pk, "new server")
