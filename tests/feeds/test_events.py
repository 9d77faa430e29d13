"""No echo: on every transport a page gets everything but the rows that it wrote itself."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlencode

import pytest
from django.test import AsyncClient

from tests.conftest import until
from tests.support.asgi_connections import Connection
from tests.support.feed_connections import FeedSocket, data_of, subscribe
from tests.support.feeds_site import Notes
from toasts.delivery.hubs import current_hub
from toasts.feeds.events import without_echo

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("hubs"),
    pytest.mark.urls("tests.support.feeds_site"),
]
NOTES = "/feeds/notes/"
ORIGIN = 'my "tab" \u00e9'


@pytest.fixture(autouse=True)
def rows(db: None) -> Iterator[dict[int, Any]]:
    Notes.rows.clear()
    Notes.rows[1] = {"text": "old", "origin": ORIGIN}
    yield Notes.rows
    Notes.rows.clear()


def query(**more: str) -> dict[str, str]:
    return {"origin": ORIGIN, **more}


def encoded(**more: str) -> bytes:
    return urlencode(query(**more)).encode()


def open_page(**more: str) -> Connection:
    return subscribe(None, NOTES, query_string=encoded(**more))


async def write_notes(*notes: tuple[int, str], origin: str = "") -> None:
    url = f"{NOTES}?{urlencode({'origin': origin})}"
    answer = await AsyncClient().post(url, json.dumps(notes), content_type="application/json")
    assert answer.status_code == 200


def row(key: int, action: str, text: str, origin: str = "") -> dict[str, Any]:
    return {"key": key, "action": action, "row": {"text": text, "origin": origin}}


async def test_a_stream_gets_only_the_keys_of_rows_that_its_own_page_wrote() -> None:
    own_page = open_page()
    other_page = subscribe(None, NOTES, query_string=b"origin=x")
    for stream in (own_page, other_page):
        assert await data_of(stream, "change") == [row(1, "SELECT", "old", ORIGIN)]
        await data_of(stream, "sync")
    await write_notes((1, "new"), (2, "newer"), origin=ORIGIN)
    assert await data_of(own_page, "own", 2) == [{"key": 1}, {"key": 2}]
    assert (await data_of(other_page, "change", 3))[1:] == [
        row(1, "UPDATE", "new", ORIGIN), row(2, "INSERT", "newer", ORIGIN),
    ]  # fmt: skip
    await write_notes((2, f'"origin":"{ORIGIN}"'), origin="other")
    assert (await data_of(own_page, "change", 2))[1:] == [
        row(2, "UPDATE", f'"origin":"{ORIGIN}"', "other")
    ]
    assert own_page.kinds() == ["change", "sync", "own", "own", "change"]
    for stream in (own_page, other_page):
        await stream.leave()


async def test_the_id_of_an_own_event_is_the_id_of_the_state() -> None:
    own_page = open_page()
    await data_of(own_page, "sync")
    await write_notes((1, "new"), origin=ORIGIN)
    await data_of(own_page, "own")
    cursor = (await AsyncClient().get(NOTES)).json()["cursor"]
    assert own_page.body.decode().endswith(f'event: own\ndata: {{"key":1}}\nid: {cursor}\n\n')
    await own_page.leave()


async def test_a_page_that_reconnects_gets_its_own_rows_too() -> None:
    await write_notes((1, "mine"), origin=ORIGIN)
    own_page = open_page()
    assert await data_of(own_page, "change") == [row(1, "SELECT", "mine", ORIGIN)]
    await own_page.leave()


async def test_there_is_no_echo_as_html_either() -> None:
    own_page = open_page(format="html")
    await until(lambda: b"event: sync" in own_page.body)
    await write_notes((1, "new"), origin=ORIGIN)
    await until(lambda: b"event: own" in own_page.body)
    assert b"<li>new</li>" not in own_page.body
    await write_notes((1, "theirs"))
    await until(lambda: b"<li>theirs</li>" in own_page.body)
    await own_page.leave()


async def test_a_websocket_gets_the_answer_and_no_echo() -> None:
    socket = FeedSocket(None, NOTES, query_string=encoded())
    socket.start()
    await until(lambda: "sync" in socket.event_types())
    socket.send_text(json.dumps({"data": [[1, "new"]]}))
    await until(lambda: {"own", "reply"} <= set(socket.event_types()))
    assert socket.event_types().count("change") == 1  # the SELECT at the beginning
    await write_notes((1, "theirs"))
    await until(lambda: socket.envelopes()[-1].get("data") == row(1, "UPDATE", "theirs"))
    await socket.leave()


async def test_a_waiting_poll_gets_only_the_key_of_its_own_row() -> None:
    client = AsyncClient()
    cursor = (await client.get(NOTES, query())).json()["cursor"]
    waiting = asyncio.create_task(client.get(NOTES, query(cursor=cursor, wait="20")))
    await until(lambda: current_hub().subscriptions())
    await write_notes((1, "new"), origin=ORIGIN)
    answer = (await waiting).json()
    assert answer["events"] == [{"event": "own", "data": {"key": 1}, "id": answer["cursor"]}]
    late = (await client.get(NOTES, query(cursor=cursor))).json()
    assert late["events"][0]["data"] == row(1, "SELECT", "new", ORIGIN)


def test_events_without_the_name_of_the_page_are_not_parsed() -> None:
    data = b"these are no events"
    assert without_echo(ORIGIN, data) is data
