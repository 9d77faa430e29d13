"""Changes of the leader tab: no toast is lost or shown twice."""

from __future__ import annotations

import os
import time

import pytest
from playwright.async_api import expect

from tests.browser.host import Host
from tests.browser.pages import (
    Visitor,
    appearances,
    close_button,
    expect_gone,
    expect_shown,
    soon,
    tab,
    toast,
)
from tests.browser.tabs import browser_of, crash, freeze, leader_of, tabs_of
from tests.support.servers import Server

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]


KILLS = int(os.environ.get("TOASTS_TEST_KILLS", "10"))
"""How many leaders are killed in a row. Set it to 100 for a thorough run."""


FULL_STORAGE = """
if (location.protocol === "http:" && !localStorage.full) {
  localStorage.full = "1";
  for (let size = 1 << 22; size >= 1; size >>= 1)
    try {
      localStorage[`full${size}`] = "x".repeat(size);
    } catch {}
}
"""
"""Leaves less space than any entry takes. Each size is written once, because writing is slow."""


ENDINGS = {"closed": 2.0, "crashed": 5.0, "frozen": 5.0}


@pytest.mark.parametrize("end", ENDINGS)
async def test_another_tab_takes_over_from_a_leader_that_is_gone(
    host: Host, server: Server, visitor: Visitor, election: str, end: str
) -> None:
    alice = host.person()
    pages = await tabs_of(await browser_of(visitor, server, alice, election), 3)
    leader = await leader_of(pages)
    before = host.toast(alice, "before", duration=0)
    for page in pages:
        await expect_shown(page, before, "before")
    rest = [page for page in pages if page is not leader]
    began = time.monotonic()
    thaw = None
    if end == "closed":
        await leader.close()
    elif end == "crashed":
        await crash(leader)
    else:
        thaw = await freeze(leader)
    meanwhile = host.toast(alice, "meanwhile", duration=0)
    await leader_of(rest, ENDINGS[end])
    print(f"{election}, {end}: {time.monotonic() - began:.2f} s")
    for page in rest:
        await expect_shown(page, meanwhile, "meanwhile")
        assert await appearances(page) == {str(before): 1, str(meanwhile): 1}
    if thaw is not None:
        await thaw()
        await leader_of(pages)
        await expect_shown(leader, meanwhile, "meanwhile")
        assert await appearances(leader) == {str(before): 1, str(meanwhile): 1}


async def test_no_toast_is_lost_or_shown_twice_however_many_leaders_die(
    host: Host, server: Server, visitor: Visitor
) -> None:
    alice = host.person()
    context = await browser_of(visitor, server, alice)
    pages = await tabs_of(context, 2)
    sent: list[int] = []
    for number in range(KILLS):
        leader = await leader_of(pages)
        sent.append(host.toast(alice, f"before {number}", duration=0))
        await crash(leader)
        sent.append(host.toast(alice, f"after {number}", duration=0))
        pages.remove(leader)
        await leader.close()
        await leader_of(pages)
        [other] = pages
        await expect(toast(other, sent[-1])).to_have_count(1)
        ids = await other.evaluate("toasts.list().map(({ id }) => Number(id)).reverse()")
        assert ids == sent
        assert set((await appearances(other)).values()) <= {1}
        pages.append(await tab(context))
        if len(sent) >= 10:
            await other.evaluate("toasts.dismissAll()")
            await soon(lambda: all(map(host.is_read, sent)))
            sent.clear()


async def test_a_dismissal_without_a_leader_is_sent_by_the_next_leader(
    host: Host, server: Server, visitor: Visitor
) -> None:
    alice = host.person()
    pages = await tabs_of(await browser_of(visitor, server, alice), 2)
    leader = await leader_of(pages)
    [other] = [page for page in pages if page is not leader]
    pk = host.toast(alice, "closed", duration=0)
    await expect_shown(other, pk, "closed")
    thaw = await freeze(leader)
    await close_button(other, pk).click()
    await expect_gone(other, pk)
    await soon(lambda: host.is_read(pk))
    await thaw()
    await expect_gone(leader, pk)


async def test_a_dismissal_is_sent_by_any_tab_when_the_storage_is_full(
    host: Host, server: Server, visitor: Visitor, election: str
) -> None:
    alice = host.person()
    context = await browser_of(visitor, server, alice, election)
    await context.add_init_script(FULL_STORAGE)
    pages = await tabs_of(context, 2)
    leader = await leader_of(pages)
    for page in sorted(pages, key=lambda page: page is leader):
        pk = host.toast(alice, "closed", duration=0)
        for each in pages:
            await expect_shown(each, pk, "closed")
        await close_button(page, pk).click()
        for each in pages:
            await expect_gone(each, pk)
        await soon(lambda pk=pk: host.is_read(pk))  # type: ignore[misc]
