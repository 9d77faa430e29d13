"""The shared sheet, served by real processes over one database: on SQLite, and on PostgreSQL."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Iterator
from typing import Any

import httpx
import pytest
from django.core.exceptions import ValidationError

from example.sheet.columns import COLUMNS
from tests.support.core_site import CoreSite
from tests.support.feed_pages import Person, person, stream
from tests.support.servers import Server
from tests.support.websocket_client import WebSocket

FEED = "/demo/sheet/feed/"
ALICE_TAB, BOB_TAB = "a" * 24, "b" * 24


def clean(column: str, typed: str) -> str:
    return COLUMNS[column].clean(typed)


@pytest.mark.parametrize(
    ("column", "typed", "text"),
    [
        ("bread", "  Rye ", "Rye"),
        ("loaves", "0", "0"),
        ("loaves", " 500 ", "500"),
        ("price", "4.5", "4.50"),
        ("price", "1e1", "10.00"),
        ("ready", "6:05", "06:05"),
        ("ready", "23.59", "23:59"),
        ("note", "", ""),
        ("note", "<b>&", "<b>&"),
    ],
)
def test_a_column_formats_what_was_typed(column: str, typed: str, text: str) -> None:
    assert clean(column, typed) == text


@pytest.mark.parametrize(
    ("column", "typed"),
    [
        ("bread", " "),
        ("bread", "x" * 41),
        ("bread", "a\x00"),
        ("loaves", "-1"),
        ("loaves", "501"),
        ("loaves", "1.5"),
        ("loaves", "9" * 400),
        ("price", "NaN"),
        ("price", "1.999"),
        ("price", "100.01"),
        ("ready", "24:00"),
        ("ready", "noon"),
        ("note", "x" * 81),
    ],
)
def test_a_column_refuses_other_input_with_a_hint(column: str, typed: str) -> None:
    with pytest.raises(ValidationError) as refused:
        clean(column, typed)
    assert refused.value.message_dict == {"text": [COLUMNS[column].refusal]}


@pytest.fixture(scope="module")
def sessions(site: CoreSite) -> dict[str, dict[str, str]]:
    return site.sessions("alice", "bob")


@pytest.fixture
async def alice(two: tuple[Server, Server], sessions: Any) -> AsyncIterator[Person]:
    """A client of the first process."""
    async with person(two[0], sessions["alice"]) as client:
        yield client


@pytest.fixture
async def bob(two: tuple[Server, Server], sessions: Any) -> AsyncIterator[Person]:
    """A client of the second process."""
    async with person(two[1], sessions["bob"]) as client:
        yield client


@pytest.fixture(scope="module")
def rows(site: CoreSite) -> Iterator[int]:
    return iter(range(1, 9))  # the sheet has eight rows


@pytest.fixture
def key(rows: Iterator[int]) -> str:
    """The key of a price that no other test has changed."""
    return f"{next(rows)}-price"


pytestmark = pytest.mark.servers


async def save(who: Person, tab: str, key: str, text: Any, version: int = 1) -> httpx.Response:
    data = {"save": key, "text": text, "version": version}
    return await who.post_json(f"{FEED}?origin={tab}", data)


async def send_presence(who: Person, tab: str, is_open: bool) -> httpx.Response:
    return await who.post_json(f"{FEED}?origin={tab}", {"here": is_open})


async def test_a_saved_cell_reaches_another_process_with_its_author_and_tab(
    alice: Person, bob: Person, key: str
) -> None:
    async with stream(bob, FEED) as received:
        answer = await save(alice, ALICE_TAB, key, "5")
        row = {"text": "5.00", "version": 2, "by": "alice", "origin": ALICE_TAB}
        assert (answer.status_code, answer.json()) == (200, {**row, "overwritten": None})
        assert await received.row(key, version=2) == row


@pytest.mark.parametrize(
    ("transport", "key"), [("sse", "2-note"), ("websocket", "3-note"), ("poll", "4-note")]
)
async def test_a_tab_does_not_get_back_what_it_saved(
    alice: Person, two: tuple[Server, Server], sessions: Any, transport: str, key: str
) -> None:
    url = f"{FEED}?origin={ALICE_TAB}"
    if transport == "sse":
        async with stream(alice, url) as received:
            count = len(received.events)
            await save(alice, ALICE_TAB, key, "5")
            assert await received.until(lambda event, data: event == "own") == {"key": key}
            assert "change" not in [event for event, _ in received.events[count:]]
            await save(alice, BOB_TAB, key, "6", version=2)  # another tab
            await received.row(key, version=3)
    elif transport == "websocket":
        cookie = sessions["alice"]["sessionid"]
        for server in two:
            socket = await WebSocket.open(server.port, url, cookie)
            await socket.until("sync")
            socket.send({"data": {"save": key, "text": f"by {server.kind}", "version": 1}})
            events = [(await socket.next())["event"] for _ in range(2)]
            assert sorted(events) == ["own", "reply"]
            await socket.leave()
    else:
        cursor = (await alice.get(FEED)).json()["cursor"]
        query = {"origin": ALICE_TAB, "cursor": cursor, "wait": 20}
        waiting = asyncio.create_task(alice.get(FEED, params=query))
        done, _ = await asyncio.wait([waiting], timeout=0.5)
        assert not done
        await save(alice, ALICE_TAB, key, "5")
        assert [event["event"] for event in (await waiting).json()["events"]] == ["own"]


async def test_the_last_to_save_wins_and_gets_the_text_that_was_overwritten(
    alice: Person, bob: Person, key: str
) -> None:
    await save(bob, BOB_TAB, key, "7")
    answer = (await save(alice, ALICE_TAB, key, "9.99", version=1)).json()
    assert (answer["text"], answer["version"], answer["by"]) == ("9.99", 3, "alice")
    overwritten = {"text": "7.00", "version": 2, "by": "bob", "origin": BOB_TAB}
    assert answer["overwritten"] == overwritten


@pytest.mark.parametrize(
    ("text", "version"), [("9", 2), ("7.00", 1)], ids=["has seen it", "writes the same"]
)
async def test_there_is_no_conflict_if_the_writer(
    alice: Person, bob: Person, key: str, text: str, version: int
) -> None:
    await save(bob, BOB_TAB, key, "7")
    assert (await save(alice, ALICE_TAB, key, text, version)).json()["overwritten"] is None


async def test_a_tab_does_not_conflict_with_itself(alice: Person, key: str) -> None:
    await save(alice, ALICE_TAB, key, "7", version=1)
    assert (await save(alice, ALICE_TAB, key, "8", version=1)).json()["overwritten"] is None


async def test_if_two_save_at_once_the_second_gets_the_text_of_the_first(
    alice: Person, bob: Person, key: str
) -> None:
    both = await asyncio.gather(save(alice, ALICE_TAB, key, "1"), save(bob, BOB_TAB, key, "2"))
    first, last = sorted((answer.json() for answer in both), key=lambda cell: cell["version"])
    assert (first["version"], first["overwritten"]) == (2, None)
    assert (last["version"], last["overwritten"]["by"]) == (3, first["by"])


async def test_saving_the_same_text_changes_nothing(alice: Person) -> None:
    answer = (await save(alice, ALICE_TAB, "1-bread", " Sourdough ")).json()
    assert (answer["text"], answer["version"], answer["by"]) == ("Sourdough", 1, "")


FORMAT = 'Must be {"here": ...} or {"save": ..., "text": ..., "version": ...}.'


@pytest.mark.parametrize(
    ("key", "text", "errors"),
    [
        ("8-loaves", "many", {"text": ["Write a whole number from 0 to 500."]}),
        ("1-colour", "x", {"detail": ["There is no cell '1-colour'."]}),
        ("99-price", "1", {"detail": ["There is no row 99."]}),
        ("9" * 300 + "-price", "1", {"detail": [f"There is no cell '{'9' * 49}."]}),
        ("8-price", 1, {"detail": [FORMAT]}),
    ],
)
async def test_an_invalid_cell_is_refused_with_the_reason(
    alice: Person, key: str, text: Any, errors: Any
) -> None:
    answer = await save(alice, ALICE_TAB, key, text)
    assert (answer.status_code, answer.json()) == (400, errors)


async def test_a_malformed_message_is_refused(alice: Person) -> None:
    messages: list[Any] = [None, [], "x", {}, {"here": 1}, {"save": "8-price"}]
    for data in messages:
        answer = await alice.post_json(f"{FEED}?origin={ALICE_TAB}", data)
        assert (answer.status_code, answer.json()) == (400, {"detail": [FORMAT]}), data


async def test_a_tab_without_a_valid_name_may_not_write(alice: Person) -> None:
    for tab in ("", "short", "x" * 41, "a/b/c/d/e"):
        answer = await send_presence(alice, tab, True)
        assert answer.status_code == 400, tab
        assert answer.json() == {"origin": ["Must name the tab: 8 to 40 of a-z A-Z 0-9 _ -."]}


async def test_a_user_may_not_write_under_the_name_of_another_users_tab(
    alice: Person, bob: Person
) -> None:
    await send_presence(alice, ALICE_TAB, True)
    answer = await save(bob, ALICE_TAB, "8-price", "1")
    assert answer.status_code == 403
    assert answer.json() == {"detail": "This tab is somebody else's."}
    await send_presence(alice, ALICE_TAB, False)


async def presence_key(who: Person) -> str:
    """Return the key of this user's row in the feed."""
    [pk] = re.findall(r'data-me="(\d+)"', (await who.get("/demo/sheet/")).text)
    return f"here-{pk}"


async def test_visitors_of_one_process_appear_in_another(alice: Person, bob: Person) -> None:
    key = await presence_key(alice)
    async with stream(bob, FEED) as received:
        await send_presence(alice, ALICE_TAB, True)
        assert await received.row(key) == {"name": "alice"}
        count = len(received.events)
        # A second tab of the same user changes nothing, when it opens and when it closes.
        await send_presence(alice, "c" * 24, True)
        await send_presence(alice, "c" * 24, False)
        await send_presence(alice, ALICE_TAB, False)
        await received.removed(key)
        events = [event for event, _ in received.events[count:] if event != "ping"]
        assert events == ["remove"]


async def test_a_visitor_without_heartbeats_disappears_without_an_announcement(
    alice: Person, bob: Person, site: CoreSite
) -> None:
    key = await presence_key(alice)
    await send_presence(alice, ALICE_TAB, True)
    async with stream(bob, FEED) as received:
        await received.row(key)
        site.run(
            "from datetime import timedelta\nfrom django.db.models import F\n"
            "from example.models import Visit\n"
            "Visit.objects.update(until=F('until') - timedelta(seconds=19))"
        )
        await received.removed(key)  # a second later, when this process reads the database next


async def test_a_guest_gets_neither_page_nor_feed(two: tuple[Server, Server]) -> None:
    async with httpx.AsyncClient(base_url=two[0].url) as guest:
        page = await guest.get("/demo/sheet/")
        assert page.status_code == 302
        assert page.headers["Location"] == "/accounts/login/?next=/demo/sheet/"
        assert (await guest.get(FEED)).status_code == 403


async def test_the_page_shows_the_cells_without_script_and_has_nothing_inline(
    alice: Person,
) -> None:
    text = (await alice.get("/demo/sheet/")).text
    assert len(re.findall("data-cell=", text)) == 40
    assert 'data-cell="2-bread" data-version="1" value="Rye, whole grain"' in text
    assert not re.search(r"<script>|<style|style=|\son\w+=", text)


async def test_a_poll_returns_the_cells_in_the_order_of_the_sheet(alice: Person) -> None:
    events = (await alice.get(FEED)).json()["events"]
    keys = [event["data"]["key"] for event in events if event["event"] == "change"]
    assert keys[:6] == ["1-bread", "1-loaves", "1-price", "1-ready", "1-note", "2-bread"]
