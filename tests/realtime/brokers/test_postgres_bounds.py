"""The listener and the sender on PostgreSQL: what they wait for, and how old they get."""

from __future__ import annotations

import asyncio
from typing import Any

import psycopg
import pytest

from tests.conftest import until
from tests.support.memory_source import Client, Table, running
from tests.support.middlebox import middlebox
from tests.support.notify_channel import Listener, NotifyChannel
from tests.support.postgres import PostgresServer
from toasts.realtime.brokers import canary
from toasts.realtime.brokers import postgres as module
from toasts.realtime.brokers.base import BrokerError
from toasts.realtime.brokers.postgres import notify

# When a listener counts as listening.


async def test_a_listener_counts_once_its_first_canary_came_back(
    notify_channel: NotifyChannel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(canary, "TIMEOUT", 0.5)
    notify_channel.drops_canaries = True
    listener = Listener(notify_channel, notify_channel.broker())
    await until(notify_channel.listeners)
    await notify_channel.run("SELECT pg_notify(%s, '[\"early\"]')", notify_channel.channel)
    with pytest.raises(BrokerError):
        await asyncio.wait_for(listener.task, 5)
    assert listener.wakes == []


async def test_behind_a_pooler_that_discards_listen_the_hub_reads_every_second(
    notify_channel: NotifyChannel, monkeypatch: pytest.MonkeyPatch, fast_ticks: None
) -> None:
    monkeypatch.setattr(canary, "TIMEOUT", 1.0)
    notify_channel.drops_canaries = True
    table = Table()
    async with running(table, notify_channel.broker(), reconcile=1000) as hub:
        client = Client(hub, "user:1")
        await until(lambda: client.raw == b"= \n")
        for number in range(1, 6):
            assert not hub.listening
            table.put("user:1", number)
            await until(lambda number=number: f"+ {number}:1\n" in client.raw.decode(), 1.0)


# How old a connection gets.


async def test_a_connection_that_listens_is_replaced_and_no_hint_is_missed(
    notify_channel: NotifyChannel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(canary, "AGE", (0.0, 0.0))
    monkeypatch.setattr(canary, "TIMEOUT", 0.5)
    monkeypatch.setattr(canary, "INTERVAL", 0.6)
    async with notify_channel.listening() as listener:
        (before,) = await notify_channel.listeners()

        async def is_replaced() -> bool:
            return before not in await notify_channel.listeners() and listener.wakes.count(None) > 1

        await until(is_replaced)  # None: everything is read again
        assert not listener.task.done()


async def test_a_listener_leaves_a_server_that_became_read_only(
    own_postgres: PostgresServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So an old primary shows itself after a failover: its hints are nobody's any more."""
    monkeypatch.setattr(canary, "TIMEOUT", 0.5)
    monkeypatch.setattr(canary, "INTERVAL", 0.6)
    notify_channel = NotifyChannel(own_postgres.url("postgres"))
    async with notify_channel.listening() as listener:
        own_postgres.execute("ALTER SYSTEM SET default_transaction_read_only = on")
        own_postgres.execute("SELECT pg_reload_conf()")
        with pytest.raises(BrokerError, match="read-only"):
            await asyncio.wait_for(listener.task, 10)


async def test_hints_that_arrive_while_the_server_is_asked_are_not_lost(
    notify_channel: NotifyChannel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(canary, "TIMEOUT", 0.3)
    monkeypatch.setattr(canary, "INTERVAL", 0.3)
    check = module._check_writable

    async def check_with_hint(connection: psycopg.AsyncConnection[object]) -> None:
        notify_channel.notify(notify_channel.channel, ['["meanwhile"]'])
        await check(connection)

    monkeypatch.setattr(module, "_check_writable", check_with_hint)
    async with notify_channel.listening() as listener:
        await until(lambda: listener.received.count("meanwhile") >= 2)
        assert not listener.task.done()


# Sending.


def test_every_message_is_sent_by_one_statement(notify_channel: NotifyChannel) -> None:
    """Whatever is in it: pg_stat_statements would have an entry for each user otherwise."""
    with (
        psycopg.connect(notify_channel.url, autocommit=True) as sender,
        psycopg.connect(notify_channel.url, autocommit=True) as receiver,
    ):
        receiver.execute(f'LISTEN "{notify_channel.channel}"')
        statements = set()
        for payload in ('["user:1"]', '["user:2"]', "\\\"'{},;-- é"):
            notify(sender, notify_channel.channel, [payload])
            found = notify_channel.sql(
                "SELECT query FROM pg_stat_activity WHERE pid = %s", sender.info.backend_pid
            )
            statements.add(found[0][0])
            (received,) = receiver.notifies(timeout=5, stop_after=1)
            assert received.payload == payload
        assert statements == {"SELECT pg_catalog.pg_notify($1, $2)"}


def test_several_messages_are_sent_in_one_transaction(notify_channel: NotifyChannel) -> None:
    payloads = ["plain", "NULL", "{a,b}", 'quoted "text"', "back\\slash\\\\", " spaces ", "é\n"]
    with (
        psycopg.connect(notify_channel.url, autocommit=True) as sender,
        psycopg.connect(notify_channel.url, autocommit=True) as receiver,
    ):
        receiver.execute(f'LISTEN "{notify_channel.channel}"')
        notify(sender, notify_channel.channel, payloads)
        assert [one.payload for one in receiver.notifies(timeout=5, stop_after=7)] == payloads
        assert sender.execute("SELECT 1").fetchone() == (1,)


def test_a_message_that_the_server_refuses_is_an_error(notify_channel: NotifyChannel) -> None:
    with psycopg.connect(notify_channel.url, autocommit=True) as sender:
        with pytest.raises(psycopg.OperationalError, match="payload string too long"):
            notify(sender, notify_channel.channel, ["x" * 8000])
        notify(sender, notify_channel.channel, ["x"])


async def test_a_message_that_nobody_answers_is_given_up(
    notify_channel: NotifyChannel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "SEND_TIMEOUT", 0.3)
    async with middlebox(notify_channel.url) as (box, address):
        sender: psycopg.Connection[Any] = await asyncio.to_thread(
            lambda: psycopg.connect(address, autocommit=True)
        )
        box.silent = True
        send = asyncio.to_thread(notify, sender, notify_channel.channel, ["a"])
        with pytest.raises(psycopg.OperationalError, match=r"no answer to NOTIFY within 0\.3 s"):
            await asyncio.wait_for(send, 5)
        assert sender.closed


def test_a_lost_connection_is_an_error_of_the_driver(notify_channel: NotifyChannel) -> None:
    with psycopg.connect(notify_channel.url, autocommit=True) as sender:
        notify_channel.sql("SELECT pg_terminate_backend(%s, 5000)", sender.info.backend_pid)
        with pytest.raises(psycopg.OperationalError):
            notify(sender, notify_channel.channel, ["a"])
