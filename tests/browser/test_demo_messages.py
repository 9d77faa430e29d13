"""The message stream between two browsers, by EventSource and by htmx, under its strict policy."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from playwright.async_api import Locator, Page, expect

from tests.browser.host import Person
from tests.browser.pages import Visitor
from tests.support.demos import Demo

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]
PAGE = "/demo/messages/"


async def visit(visitor: Visitor, demo: Demo, name: str, path: str) -> Page:
    person = Person(demo.users[name], demo.sessions[name]["sessionid"])
    page = await visitor.open(demo.server, person, path)
    for light in await page.locator("[data-live]").all():
        await expect(light).to_have_text("live")
    return page


def lists(page: Page) -> list[Locator]:
    return [page.locator(f"[data-by-{kind}] li p") for kind in ("eventsource", "htmx")]


@pytest.mark.parametrize("database", ["sqlite", "postgres"])
async def test_both_lists_show_messages_of_others_and_of_plain_sql(
    demo_on: Callable[[str], Demo], visitor: Visitor, database: str
) -> None:
    demo = demo_on(database)
    demo.sql("DELETE FROM example_message", "INSERT INTO example_message (text) VALUES ('old')")
    alice = await visit(visitor, demo, "alice", PAGE)
    bob = await visit(visitor, demo, "bob", PAGE)
    await alice.get_by_role("textbox", name="Message").fill("hello <b>bob</b>")
    await alice.get_by_role("button", name="Send").click()
    await expect(alice.get_by_role("textbox", name="Message")).to_have_value("")
    for found in lists(alice) + lists(bob):
        await expect(found).to_have_text(["hello <b>bob</b>", "old"])
    demo.sql("UPDATE example_message SET text = 'older' WHERE text = 'old'")
    demo.sql("INSERT INTO example_message (text) VALUES ('from SQL')")
    for found in lists(bob):
        await expect(found).to_have_text(["from SQL", "hello <b>bob</b>", "older"])
    news = re.compile("^(plain SQL: from SQL|2 new messages)$")  # two at once are counted
    await expect(bob.locator("[data-news]")).to_have_text(news)
    demo.sql("DELETE FROM example_message WHERE text LIKE 'hello%'")
    for found in lists(alice) + lists(bob):
        await expect(found).to_have_text(["from SQL", "older"])
    assert visitor.console == []


async def test_a_list_that_reconnects_has_every_message_once(
    demo_on: Callable[[str], Demo], visitor: Visitor
) -> None:
    demo = demo_on("sqlite")
    demo.sql(
        "DELETE FROM example_message", "INSERT INTO example_message (text) VALUES ('a'), ('b')"
    )
    page = await visit(visitor, demo, "alice", PAGE)
    for found in lists(page):
        await expect(found).to_have_text(["b", "a"])
    demo.server.kill()
    for light in await page.locator("[data-live]").all():
        await expect(light).to_have_text("connecting")
    demo.sql("DELETE FROM example_message WHERE text = 'a'")
    demo.sql("INSERT INTO example_message (text) VALUES ('c')")
    demo.server.start()
    for found in lists(page):
        await expect(found).to_have_text(["c", "b"], timeout=30_000)
    visitor.console.clear()  # the browser's own messages about a server that is down
