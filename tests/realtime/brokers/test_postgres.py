"""The listener on a real PostgreSQL, and how it behaves as a guest in the database."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from urllib.parse import quote

import psycopg
import pytest

from tests.conftest import until
from tests.support.memory_source import Client, Table, running
from tests.support.notify_channel import NotifyChannel, until_nobody_listens
from toasts.realtime.brokers.base import HINTS_MAX_BYTES
from toasts.realtime.brokers.canary import CANARY
from toasts.realtime.brokers.postgres import Notifications, PostgresBroker

# Publishing and listening.


async def test_three_thousand_hints_arrive_in_few_messages(notify_channel: NotifyChannel) -> None:
    hints = [f"user:{number}" for number in range(3000)]
    async with notify_channel.listening() as listener:
        await asyncio.to_thread(notify_channel.broker().publish, hints)
        await until(lambda: len(listener.received) >= 3000)
        assert listener.received == hints
    messages = [message for message in notify_channel.sent if CANARY not in message]
    assert len(messages) == 5
    assert all(len(message.encode()) <= HINTS_MAX_BYTES for message in messages)


async def test_any_text_is_transmitted(notify_channel: NotifyChannel) -> None:
    hints = [
        "user:é",
        "\U0001f600",
        'a"b\\c',
        "\u2028",
        "line\nbreak",
        "nul\0",
        "'; DROP TABLE x",
    ]
    async with notify_channel.listening() as listener:
        await asyncio.to_thread(notify_channel.broker().publish, hints)
        await until(lambda: len(listener.received) >= len(hints))
        assert listener.received == hints


async def test_publishing_no_hints_opens_no_connection() -> None:
    def notify(channel: str, messages: Sequence[str]) -> None:
        raise AssertionError("called")

    PostgresBroker("", "c", notify).publish([])


async def test_messages_on_other_channels_are_not_received(notify_channel: NotifyChannel) -> None:
    async with notify_channel.listening() as listener:
        await notify_channel.run("SELECT pg_notify('another', '[\"a\"]')")
        await notify_channel.run("SELECT pg_notify(%s, '[\"b\"]')", notify_channel.channel)
        await until(lambda: listener.received)
        assert listener.received == ["b"]


async def test_a_notify_is_received_after_its_commit_and_not_after_a_rollback(
    notify_channel: NotifyChannel,
) -> None:
    def publish() -> None:
        with psycopg.connect(notify_channel.url) as connection:
            connection.execute(
                "SELECT pg_notify(%s, '[\"rolled back\"]')", [notify_channel.channel]
            )
            connection.rollback()
            connection.execute("SELECT pg_notify(%s, '[\"committed\"]')", [notify_channel.channel])

    async with notify_channel.listening() as listener:
        await asyncio.to_thread(publish)
        await until(lambda: listener.received)
        assert listener.received == ["committed"]


@pytest.mark.parametrize("scheme", ["postgres", "postgresql"])
async def test_the_listener_takes_a_url(notify_channel: NotifyChannel, scheme: str) -> None:
    plain = notify_channel.url.replace("postgres:", f"{scheme}:", 1)
    address = f"{plain}?sslmode=disable&application_name={quote(notify_channel.name)}"
    async with notify_channel.listening(notify_channel.broker(address)) as listener:
        await asyncio.to_thread(notify_channel.broker().publish, ["a"])
        await until(lambda: listener.received == ["a"])
        assert len(await notify_channel.listeners()) == 1


async def test_the_listener_takes_keywords(notify_channel: NotifyChannel) -> None:
    keywords = psycopg.conninfo.conninfo_to_dict(notify_channel.url)
    async with notify_channel.listening(notify_channel.broker(lambda: keywords)) as listener:
        await asyncio.to_thread(notify_channel.broker().publish, ["a"])
        await until(lambda: listener.received == ["a"])


async def test_a_channel_may_have_any_name(notify_channel: NotifyChannel) -> None:
    notify_channel.channel = 'Toasts "of" é; --'
    async with notify_channel.listening() as listener:
        await asyncio.to_thread(notify_channel.broker().publish, ["a"])
        await until(lambda: listener.received == ["a"])


async def test_a_server_that_cannot_be_reached_is_an_error_at_once(
    notify_channel: NotifyChannel,
) -> None:
    address = psycopg.conninfo.make_conninfo(notify_channel.url, port=1)
    with pytest.raises(psycopg.OperationalError):
        await asyncio.wait_for(
            notify_channel.broker(address).listen(print, notify_channel.publish), 5
        )


async def test_notifications_between_two_waits_are_received_with_the_next(
    notify_channel: NotifyChannel,
) -> None:
    async with await psycopg.AsyncConnection.connect(
        notify_channel.url, autocommit=True
    ) as connection:
        await connection.execute(f'LISTEN "{notify_channel.channel}"')
        for payloads in (["one", "two"], ["three"]):
            notify_channel.notify(notify_channel.channel, payloads)
            with Notifications(connection) as notifications:
                arrived = await asyncio.wait_for(notifications.receive(), 5)
                assert arrived == [(notify_channel.channel, payload) for payload in payloads]
                notifications.stop()
                assert await asyncio.wait_for(notifications.receive(), 5) == []


async def test_notifications_before_a_lost_connection_are_received(
    notify_channel: NotifyChannel,
) -> None:
    async with await psycopg.AsyncConnection.connect(
        notify_channel.url, autocommit=True
    ) as connection:
        await connection.execute(f'LISTEN "{notify_channel.channel}"')
        with Notifications(connection) as notifications:
            notify_channel.notify(notify_channel.channel, ["last words"])
            await notify_channel.run("SELECT pg_terminate_backend(%s)", connection.info.backend_pid)
            last = await asyncio.wait_for(notifications.receive(), 5)
            assert last == [(notify_channel.channel, "last words")]
            with pytest.raises(psycopg.OperationalError):
                await asyncio.wait_for(notifications.receive(), 5)


async def test_a_payload_of_another_encoding_is_no_error(notify_channel: NotifyChannel) -> None:
    async with notify_channel.listening() as listener:
        await notify_channel.run(
            r"SELECT pg_notify(%s, convert_from('\xe9', 'LATIN1'))", notify_channel.channel
        )
        await asyncio.to_thread(notify_channel.broker().publish, ["a"])
        await until(lambda: listener.received == ["a"])


# How the listener behaves as a guest in the database.


async def test_one_connection_listens_and_it_is_idle_outside_any_transaction(
    notify_channel: NotifyChannel,
) -> None:
    async with notify_channel.listening() as listener:
        await until(lambda: notify_channel.sent)  # a canary went through
        (row,) = await notify_channel.listeners("state, xact_start, backend_xmin")
        assert row == ("idle", None, None)
        await asyncio.to_thread(notify_channel.broker().publish, ["a"])
        await until(lambda: listener.received)
        (row,) = await notify_channel.listeners("state, xact_start, backend_xmin")
        assert row == ("idle", None, None)
    await until_nobody_listens(notify_channel)


async def test_the_listener_does_not_block_the_servers_queue(
    notify_channel: NotifyChannel,
) -> None:
    """A listener in a transaction would block the queue of the cluster, until commits fail."""
    message = '["' + "x" * 6000 + '"]'
    async with notify_channel.listening() as listener:
        await notify_channel.run(
            "SELECT pg_notify(%s, %s || n) FROM generate_series(1, 2000) n",
            notify_channel.channel,
            message,
        )
        await until(lambda: len(listener.wakes) > 2000)

        async def empty() -> bool:
            return await notify_channel.run("SELECT pg_notification_queue_usage()") == [(0.0,)]

        await until(empty)


async def test_the_listener_outlives_a_limit_on_idle_sessions(
    notify_channel: NotifyChannel,
) -> None:
    name = (await notify_channel.run("SELECT current_database()"))[0][0]
    await notify_channel.run(f"ALTER DATABASE {name} SET idle_session_timeout = '100ms'")
    try:
        async with notify_channel.listening() as listener:
            (before,) = await notify_channel.listeners("pid, state_change")
            asyncio.get_running_loop().call_later(0.4, listener.wake, ["0.4 s are over"])
            await until(lambda: listener.received)
            assert await notify_channel.listeners("pid, state_change") == [before]
            assert not listener.task.done()
    finally:
        await notify_channel.run(f"ALTER DATABASE {name} RESET idle_session_timeout")


async def test_no_message_of_an_unprivileged_role_ends_the_connection(
    notify_channel: NotifyChannel,
) -> None:
    await notify_channel.run("DROP ROLE IF EXISTS stranger")
    await notify_channel.run("CREATE ROLE stranger LOGIN")
    table = Table()
    forged = ["[" * 7999, "null", '"x"', '{"a":1}', '[1,null,["x"]]', '["~0-0","~"]', "9" * 7999]
    forged += ["", '["user:1", "!user:1", "!", "nobody"]' * 2, '["!user:1","user:1"]', "\\ud800"]
    async with running(table, notify_channel.broker()) as hub:
        client = Client(hub, "user:1")
        await until(lambda: client.raw == b"= \n" and hub.listening)
        before = await notify_channel.listeners()
        for message in forged:
            await asyncio.to_thread(
                notify_channel.sql,
                "SELECT pg_notify(%s, %s)",
                notify_channel.channel,
                message,
                role="stranger",
            )
        table.put("user:1", 1)
        await asyncio.to_thread(notify_channel.broker().publish, ["user:1"])
        await until(lambda: client.raw == b"= \n+ 1:1\n")
        assert await notify_channel.listeners() == before
        assert hub.subscriptions() == [client.stream]
