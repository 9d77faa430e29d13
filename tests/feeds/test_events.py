"""What a page wrote itself is not told to it, on no transport; to all others it is."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlencode

import pytest
from django.test import AsyncClient

from tests.conftest import until
from tests.feeds.test_feed import told
from tests.feeds.test_websockets import Socket
from tests.support.asgi_connections import Connection, make_application
from tests.support.feeds_site import Notes
from toasts.delivery.hubs import current_hub
from toasts.feeds.events import without_echo

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("hubs"),
    pytest.mark.urls("tests.support.feeds_site"),
]
NOTES = "/feeds/notes/"
ME = 'my "tab" \u00e9'


@pytest.fixture(autouse=True)
def rows(db: None) -> Iterator[dict[int, Any]]:
    Notes.rows.clear()
    Notes.rows[1] = {"text": "old", "origin": ME}
    yield Notes.rows
    Notes.rows.clear()


def query(**more: str) -> dict[str, str]:
    return {"origin": ME, **more}


def encoded(**more: str) -> bytes:
    return urlencode(query(**more)).encode()


def page(**more: str) -> Connection:
    accept = (b"accept", b"text/event-stream")
    return Connection(
        make_application(), None, [accept], path=NOTES, query_string=encoded(**more)
    ).start()  # fmt: skip


async def write(*notes: tuple[int, str], origin: str = "") -> None:
    address = f"{NOTES}?{urlencode({'origin': origin})}"
    answer = await AsyncClient().post(address, json.dumps(notes), content_type="application/json")
    assert answer.status_code == 200


def row(key: int, action: str, text: str, origin: str = "") -> dict[str, Any]:
    return {"key": key, "action": action, "row": {"text": text, "origin": origin}}


async def test_a_stream_gets_only_the_keys_of_rows_that_its_own_page_wrote() -> None:
    mine = page()
    other = Connection(
        make_application(),
        None,
        [(b"accept", b"text/event-stream")],
        path=NOTES,
        query_string=b"origin=x",
    ).start()
    for stream in (mine, other):
        assert await told(stream, "change") == [row(1, "SELECT", "old", ME)]
        await told(stream, "sync")
    await write((1, "new"), (2, "newer"), origin=ME)
    assert await told(mine, "own", 2) == [{"key": 1}, {"key": 2}]
    assert (await told(other, "change", 3))[1:] == [
        row(1, "UPDATE", "new", ME), row(2, "INSERT", "newer", ME),
    ]  # fmt: skip
    await write((2, f'"origin":"{ME}"'), origin="other")
    assert (await told(mine, "change", 2))[1:] == [row(2, "UPDATE", f'"origin":"{ME}"', "other")]
    assert mine.kinds() == ["change", "sync", "own", "own", "change"]
    for stream in (mine, other):
        await stream.leave()


async def test_the_id_of_an_own_event_is_the_id_of_the_state() -> None:
    mine = page()
    await told(mine, "sync")
    await write((1, "new"), origin=ME)
    await told(mine, "own")
    cursor = (await AsyncClient().get(NOTES)).json()["cursor"]
    assert mine.body.decode().endswith(f'event: own\ndata: {{"key":1}}\nid: {cursor}\n\n')
    await mine.leave()


async def test_a_page_that_reconnects_gets_its_own_rows_too() -> None:
    await write((1, "mine"), origin=ME)
    mine = page()
    assert await told(mine, "change") == [row(1, "SELECT", "mine", ME)]
    await mine.leave()


async def test_there_is_no_echo_as_html_either() -> None:
    mine = page(format="html")
    await until(lambda: b"event: sync" in mine.body)
    await write((1, "new"), origin=ME)
    await until(lambda: b"event: own" in mine.body)
    assert b"<li>new</li>" not in mine.body
    await write((1, "theirs"))
    await until(lambda: b"<li>theirs</li>" in mine.body)
    await mine.leave()


async def test_a_websocket_gets_the_answer_and_no_echo() -> None:
    socket = Socket("nobody")
    socket.scope |= {"path": NOTES, "query_string": encoded()}
    socket.start()
    await until(lambda: "sync" in socket.events_told())
    text = json.dumps({"data": [[1, "new"]]})
    socket.events.put_nowait({"type": "websocket.receive", "text": text})
    await until(lambda: {"own", "reply"} <= set(socket.events_told()))
    assert socket.events_told().count("change") == 1  # the SELECT at the beginning
    await write((1, "theirs"))
    await until(lambda: socket.messages()[-1].get("data") == row(1, "UPDATE", "theirs"))
    await socket.leave()


async def test_a_waiting_poll_gets_only_the_key_of_its_own_row() -> None:
    client = AsyncClient()
    cursor = (await client.get(NOTES, query())).json()["cursor"]
    waiting = asyncio.create_task(client.get(NOTES, query(cursor=cursor, wait="20")))
    await until(lambda: current_hub().listeners())
    await write((1, "new"), origin=ME)
    answer = (await waiting).json()
    assert answer["events"] == [{"event": "own", "data": {"key": 1}, "id": answer["cursor"]}]
    late = (await client.get(NOTES, query(cursor=cursor))).json()
    assert late["events"][0]["data"] == row(1, "SELECT", "new", ME)


def test_events_without_the_name_of_the_page_are_not_parsed() -> None:
    data = b"no events at all, and that shows"
    assert without_echo(ME, data) is data
