"""Rows of plain SQL that cannot be read or sent do not keep other toasts from being sent."""

from __future__ import annotations

import asyncio
import json

import pytest
from asgiref.sync import sync_to_async
from django.contrib.auth.models import User
from django.db import connection

from tests.conftest import signed_in
from tests.support.streams import POLL, StreamReader
from toasts import async_create_toasts
from toasts.delivery import state

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("hubs")]


def _insert(user: User, **columns: str) -> None:
    """Insert a toast by plain SQL. The values are SQL."""
    values = {"user_id": str(user.pk), **columns}
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO toasts_toast ({', '.join(values)}) VALUES ({', '.join(values.values())})"
        )


ON_SQLITE = {
    "half of a surrogate pair": {"data": """'{"a": "\\ud800"}'"""},
    "half of a surrogate pair in an action": {"actions": """'["\\udfff"]'"""},
    "actions that are no list": {"actions": "'5'"},
    "actions of null": {"actions": "'null'"},
    "data that is no object": {"data": """'"text"'"""},
    "a number that JSON can't express": {"duration": "9e999"},
    "a number in the data that overflows": {"data": """'{"a": 1e999}'"""},
    "text that is not UTF-8": {"title": "CAST(x'ff' AS TEXT)"},
    "bytes for text": {"title": "x'00ff'"},
    "a date out of range": {"expires_at": "'9999-99-99 00:00:00'"},
    "a word for a date": {"expires_at": "'tomorrow'"},
    "a number for a date": {"created_at": "5"},
    "a list nested too deeply": {"data": f"'{'[' * 900}{']' * 900}'"},
}
ON_POSTGRES = {
    "an infinite date": {"expires_at": "'infinity'"},
    "an ancient date": {"created_at": "'4713-01-01 00:00:00 BC'"},
    "NaN": {"duration": "'NaN'"},
    "an infinite number": {"duration": "'Infinity'"},
    "actions that are no list": {"actions": "'5'"},
    "actions of null": {"actions": "'null'"},
    "data that is no object": {"data": """'"text"'"""},
    "a number in the data that overflows": {"data": """'{"a": 1e999}'"""},
}


ROWS = ON_POSTGRES if connection.vendor == "postgresql" else ON_SQLITE


@pytest.mark.parametrize("columns", ROWS.values(), ids=ROWS)
async def test_no_row_of_plain_sql_keeps_other_toasts_from_being_sent(
    alice: User, bob: User, columns: dict[str, str]
) -> None:
    state._log_left_out.cache_clear()
    client, other = await signed_in(alice), await signed_in(bob)
    streams = [await StreamReader.open(client), await StreamReader.open(other)]
    for stream in streams:
        await stream.until("sync")
    await sync_to_async(_insert)(alice, message="'unreadable'", **columns)
    await async_create_toasts("good", [alice, bob])
    for stream in streams:
        await until_message(stream, "good")
    snapshot = await (await StreamReader.open(client)).until("sync")
    assert "good" in [event.data.get("message") for event in snapshot]
    polled = await client.get(POLL)
    assert polled.status_code == 200
    json.loads(polled.content, parse_constant=pytest.fail)
    assert "good" in [toast["message"] for toast in polled.json()["toasts"]]


async def until_message(stream: StreamReader, message: str) -> None:
    async with asyncio.timeout(5):
        while (await stream.next()).data.get("message") != message:
            pass
