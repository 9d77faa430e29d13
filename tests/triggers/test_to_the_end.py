"""A plain INSERT, from the table to an open page."""

from __future__ import annotations

import asyncio
import time

import pytest

from tests.support.postgres import PostgresServer
from tests.support.servers import stream, until_event
from tests.support.trigger_database import Database

pytestmark = pytest.mark.servers


async def test_a_plain_insert_reaches_an_open_stream_at_once(postgres: PostgresServer) -> None:
    database = Database(postgres, postgres.create("to_the_end"), TOASTS_RECONCILE="600")
    try:
        ids = database.site.users("alice")
        cookies = database.site.sessions("alice")
        await asyncio.to_thread(database.run, "install")
        server = await asyncio.to_thread(database.site.serve)
        async with stream(server, cookies["alice"]) as listener:
            await until_event(listener, "sync")
            insert = "INSERT INTO toasts_toast (user_id, message) VALUES (%s, 'by hand')"
            started = time.monotonic()
            await asyncio.to_thread(database.writer.execute, insert, [ids["alice"]])
            toast = await until_event(listener, "toast")
            assert time.monotonic() - started < 2
            assert toast["message"] == "by hand"
            await asyncio.to_thread(
                database.writer.execute, "UPDATE toasts_toast SET read_at = now()"
            )
            assert await until_event(listener, "dismiss") == {"ids": [toast["id"]]}
    finally:
        database.close()
