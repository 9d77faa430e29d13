"""The listener against a real PostgreSQL, and its manners as a guest there."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from urllib.parse import quote

import psycopg
import pytest

from tests.conftest import until
from tests.support.memory_source import Client, Table, running
from tests.support.notify_channel import Line, until_nobody_listens
from toasts.realtime.brokers.base import HINTS_MAX_BYTES
from toasts.realtime.brokers.canary import CANARY
from toasts.realtime.brokers.postgres import Notifications, PostgresBroker

# Speaking and hearing.


async def test_three_thousand_hints_arrive_in_few_messages(line: Line) -> None:
    hints = [f"user:{number}" for number in range(3000)]
    async with line.listening() as ear:
        await asyncio.to_thread(line.broker().publish, hints)
        await until(lambda: len(ear.heard) >= 3000)
        assert ear.heard == hints
    spoken = [message for message in line.sent if CANARY not in message]
    assert len(spoken) == 5
    assert all(len(message.encode()) <= HINTS_MAX_BYTES for message in spoken)


async def test_any_text_travels(line: Line) -> None:
    hints = ["user:é", "\U0001f600", 'a"b\\c', "\u2028", "line\nbreak", "nul\0", "'; DROP TABLE x"]
    async with line.listening() as ear:
        await asyncio.to_thread(line.broker().publish, hints)
        await until(lambda: len(ear.heard) >= len(hints))
        assert ear.heard == hints


async def test_nothing_to_say_opens_no_connection() -> None:
    def notify(channel: str, messages: Sequence[str]) -> None:
        raise AssertionError("called")

    PostgresBroker("", "c", notify).publish([])


async def test_other_channels_are_not_heard(line: Line) -> None:
    async with line.listening() as ear:
        await line.run("SELECT pg_notify('another', '[\"a\"]')")
        await line.run("SELECT pg_notify(%s, '[\"b\"]')", line.channel)
        await until(lambda: ear.heard)
        assert ear.heard == ["b"]


async def test_what_is_rolled_back_is_not_heard_and_what_is_committed_is(line: Line) -> None:
    def speak() -> None:
        with psycopg.connect(line.url) as connection:
            connection.execute("SELECT pg_notify(%s, '[\"rolled back\"]')", [line.channel])
            connection.rollback()
            connection.execute("SELECT pg_notify(%s, '[\"committed\"]')", [line.channel])

    async with line.listening() as ear:
        await asyncio.to_thread(speak)
        await until(lambda: ear.heard)
        assert ear.heard == ["committed"]


@pytest.mark.parametrize("scheme", ["postgres", "postgresql"])
async def test_the_listener_takes_a_url(line: Line, scheme: str) -> None:
    plain = line.url.replace("postgres:", f"{scheme}:", 1)
    address = f"{plain}?sslmode=disable&application_name={quote(line.name)}"
    async with line.listening(line.broker(address)) as ear:
        await asyncio.to_thread(line.broker().publish, ["a"])
        await until(lambda: ear.heard == ["a"])
        assert len(await line.listeners()) == 1


async def test_the_listener_takes_keywords(line: Line) -> None:
    keywords = psycopg.conninfo.conninfo_to_dict(line.url)
    async with line.listening(line.broker(lambda: keywords)) as ear:
        await asyncio.to_thread(line.broker().publish, ["a"])
        await until(lambda: ear.heard == ["a"])


async def test_a_channel_may_have_any_name(line: Line) -> None:
    line.channel = 'Toasts "of" é; --'
    async with line.listening() as ear:
        await asyncio.to_thread(line.broker().publish, ["a"])
        await until(lambda: ear.heard == ["a"])


async def test_who_cannot_be_reached_is_an_error_at_once(line: Line) -> None:
    address = psycopg.conninfo.make_conninfo(line.url, port=1)
    with pytest.raises(psycopg.OperationalError):
        await asyncio.wait_for(line.broker(address).listen(print, line.publish), 5)


async def test_what_comes_between_two_waits_is_heard_with_the_next(line: Line) -> None:
    async with await psycopg.AsyncConnection.connect(line.url, autocommit=True) as connection:
        await connection.execute(f'LISTEN "{line.channel}"')
        for payloads in (["one", "two"], ["three"]):
            line.notify(line.channel, payloads)
            with Notifications(connection) as notifications:
                arrived = await asyncio.wait_for(notifications.arrived(), 5)
                assert arrived == [(line.channel, payload) for payload in payloads]
                notifications.end()
                assert await asyncio.wait_for(notifications.arrived(), 5) == []


async def test_what_came_before_the_connection_was_lost_is_heard(line: Line) -> None:
    async with await psycopg.AsyncConnection.connect(line.url, autocommit=True) as connection:
        await connection.execute(f'LISTEN "{line.channel}"')
        with Notifications(connection) as notifications:
            line.notify(line.channel, ["last words"])
            await line.run("SELECT pg_terminate_backend(%s)", connection.info.backend_pid)
            last = await asyncio.wait_for(notifications.arrived(), 5)
            assert last == [(line.channel, "last words")]
            with pytest.raises(psycopg.OperationalError):
                await asyncio.wait_for(notifications.arrived(), 5)


async def test_a_payload_of_another_encoding_is_no_error(line: Line) -> None:
    async with line.listening() as ear:
        await line.run(r"SELECT pg_notify(%s, convert_from('\xe9', 'LATIN1'))", line.channel)
        await asyncio.to_thread(line.broker().publish, ["a"])
        await until(lambda: ear.heard == ["a"])


# The manners of a guest in the database.


async def test_one_connection_listens_and_it_is_idle_outside_any_transaction(line: Line) -> None:
    async with line.listening() as ear:
        await until(lambda: line.sent)  # a canary went through
        (row,) = await line.listeners("state, xact_start, backend_xmin")
        assert row == ("idle", None, None)
        await asyncio.to_thread(line.broker().publish, ["a"])
        await until(lambda: ear.heard)
        (row,) = await line.listeners("state, xact_start, backend_xmin")
        assert row == ("idle", None, None)
    await until_nobody_listens(line)


async def test_the_servers_queue_is_not_held(line: Line) -> None:
    """A listener in a transaction would keep every message of the cluster, until commits fail."""
    message = '["' + "x" * 6000 + '"]'
    async with line.listening() as ear:
        await line.run(
            "SELECT pg_notify(%s, %s || n) FROM generate_series(1, 2000) n", line.channel, message
        )
        await until(lambda: len(ear.wakes) > 2000)

        async def empty() -> bool:
            return await line.run("SELECT pg_notification_queue_usage()") == [(0.0,)]

        await until(empty)


async def test_the_listener_outlives_a_limit_on_idle_sessions(line: Line) -> None:
    name = (await line.run("SELECT current_database()"))[0][0]
    await line.run(f"ALTER DATABASE {name} SET idle_session_timeout = '100ms'")
    try:
        async with line.listening() as ear:
            (before,) = await line.listeners("pid, state_change")
            asyncio.get_running_loop().call_later(0.4, ear.wake, ["0.4 s are over"])
            await until(lambda: ear.heard)
            assert await line.listeners("pid, state_change") == [before]
            assert not ear.task.done()
    finally:
        await line.run(f"ALTER DATABASE {name} RESET idle_session_timeout")


async def test_whatever_an_unprivileged_role_says_the_same_connection_goes_on(line: Line) -> None:
    await line.run("DROP ROLE IF EXISTS stranger")
    await line.run("CREATE ROLE stranger LOGIN")
    table = Table()
    forged = ["[" * 7999, "null", '"x"', '{"a":1}', '[1,null,["x"]]', '["~0-0","~"]', "9" * 7999]
    forged += ["", '["user:1", "!user:1", "!", "nobody"]' * 2, '["!user:1","user:1"]', "\\ud800"]
    async with running(table, line.broker()) as hub:
        client = Client(hub, "user:1")
        await until(lambda: client.raw == b"= \n" and hub.listening)
        before = await line.listeners()
        for message in forged:
            await asyncio.to_thread(
                line.sql, "SELECT pg_notify(%s, %s)", line.channel, message, role="stranger"
            )
        table.put("user:1", 1)
        await asyncio.to_thread(line.broker().publish, ["user:1"])
        await until(lambda: client.raw == b"= \n+ 1:1\n")
        assert await line.listeners() == before
        assert hub.subscriptions() == [client.stream]
