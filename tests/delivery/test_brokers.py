"""The broker that the settings choose."""

from __future__ import annotations

import asyncio
import json
import os
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import psycopg
import pytest
from django.db import connection
from django.db.utils import ConnectionHandler
from django.test import override_settings
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from tests.conftest import until
from tests.support.brokers import Cut
from tests.support.postgres import PostgresServer
from toasts.delivery import brokers
from toasts.delivery.connections import database_file
from toasts.realtime.brokers.local import LocalBroker
from toasts.realtime.brokers.postgres import PostgresBroker
from toasts.realtime.brokers.sqlite import SqliteBroker

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("hubs")]


def test_a_forked_child_has_a_local_broker_of_its_own() -> None:
    parents = brokers.local()
    with parents._lock, warnings.catch_warnings():  # as a thread of the parent may hold it
        warnings.simplefilter("ignore", DeprecationWarning)
        child = os.fork()
        if child == 0:
            mine = brokers.local()
            os._exit(0 if mine is not parents and mine._lock.acquire(timeout=1) else 1)
        _, status = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status) == 0
    assert brokers.local() is parents


def test_a_persistent_connection_that_was_closed_is_replaced_before_a_hint_is_sent(
    monkeypatch: pytest.MonkeyPatch, postgres: PostgresServer
) -> None:
    parts = conninfo_to_dict(postgres.url("postgres"))
    connections = _databases(
        monkeypatch,
        ENGINE="django.db.backends.postgresql",
        **{"NAME": parts["dbname"], "USER": parts["user"], "HOST": parts["host"]},
        **{"PORT": parts["port"], "CONN_HEALTH_CHECKS": True, "CONN_MAX_AGE": None},
    )
    persistent = connections["default"]
    with psycopg.connect(postgres.url("postgres"), autocommit=True) as other:
        other.execute("LISTEN toasts")
        persistent.ensure_connection()
        dead = persistent.connection.info.backend_pid
        persistent.close_if_unusable_or_obsolete()  # a request begins
        other.execute("SELECT pg_terminate_backend(%s, 5000)", [dead])
        brokers.make_broker().publish(["user:1"])
        (notify,) = other.notifies(timeout=5, stop_after=1)
    persistent.close()
    assert notify.payload == '["user:1"]'


# Which broker.


def test_the_settings_choose_the_broker(db: None) -> None:
    default = {"sqlite": SqliteBroker, "postgresql": PostgresBroker}[connection.vendor]
    assert type(brokers.make_broker()) is default
    for name, kind in (
        ("auto", default),
        ("local", LocalBroker),
        ("tests.support.brokers.own_broker", LocalBroker),
        ("tests.support.brokers.Cut", Cut),
    ):
        with override_settings(TOASTS_BROKER=name):
            assert type(brokers.make_broker()) is kind
    with override_settings(TOASTS_BROKER="local"):
        assert brokers.make_broker() is brokers.make_broker()


@pytest.mark.parametrize("name", ["nothing", "tests.support.brokers.nothing", "no.such.module", ""])
def test_a_broker_that_can_not_be_imported_is_an_import_error(name: str) -> None:
    with override_settings(TOASTS_BROKER=name), pytest.raises(ImportError):
        brokers.make_broker()


def _databases(monkeypatch: pytest.MonkeyPatch, **settings: Any) -> ConnectionHandler:
    connections = ConnectionHandler({"default": settings})
    monkeypatch.setattr(brokers, "connections", connections)
    return connections


@pytest.mark.parametrize("name", [":memory:", "file:memorydb?mode=memory&cache=shared"])
def test_a_database_in_memory_gets_the_local_broker(
    monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    _databases(monkeypatch, ENGINE="django.db.backends.sqlite3", NAME=name)
    assert type(brokers.make_broker()) is LocalBroker


def test_a_sqlite_file_gets_the_broker_that_watches_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    _databases(monkeypatch, ENGINE="django.db.backends.sqlite3", NAME=tmp_path / "db.sqlite3")
    broker = brokers.make_broker()
    assert isinstance(broker, SqliteBroker)
    assert broker.path == str(tmp_path / "db.sqlite3")


def test_any_other_database_gets_the_local_broker(monkeypatch: pytest.MonkeyPatch) -> None:
    _databases(monkeypatch, ENGINE="django.db.backends.dummy")
    assert type(brokers.make_broker()) is LocalBroker


POSTGRES = {
    "ENGINE": "django.db.backends.postgresql",
    "NAME": "site",
    "USER": "me",
    "PASSWORD": "it's a \\secret",
    "HOST": "db.example",
    "PORT": "6432",
    "OPTIONS": {
        "pool": {"min_size": 2},
        "server_side_binding": True,
        "isolation_level": 2,
        "assume_role": "other",
        "sslmode": "verify-full",
        "prepare_threshold": 5,
        "options": "-c search_path=toasts",
    },
}


def test_the_listener_connects_with_the_options_of_django_that_libpq_knows(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    _databases(monkeypatch, **POSTGRES)
    broker = brokers.make_broker()
    assert isinstance(broker, PostgresBroker)
    assert callable(broker.conninfo)
    assert conninfo_to_dict(make_conninfo(**broker.conninfo())) == {
        "dbname": "site",
        "user": "me",
        "password": "it's a \\secret",
        "host": "db.example",
        "port": "6432",
        "sslmode": "verify-full",
        "client_encoding": "UTF8",
        "options": "-c search_path=toasts",
    }
    assert broker.channel == "toasts"


@override_settings(TOASTS_CHANNEL="another", TOASTS_LISTEN_DSN="postgresql://me@direct:5432/site")
def test_the_listener_can_bypass_a_pooler(monkeypatch: pytest.MonkeyPatch) -> None:
    _databases(monkeypatch, **POSTGRES)
    broker = brokers.make_broker()
    assert isinstance(broker, PostgresBroker)
    assert broker.conninfo == "postgresql://me@direct:5432/site"
    assert broker.channel == "another"


async def test_hints_arrive_on_the_connection_that_bypasses_a_pooler(
    monkeypatch: pytest.MonkeyPatch, postgres: PostgresServer
) -> None:
    dsn = postgres.url("postgres")
    _databases(monkeypatch, **POSTGRES)  # no such host: only the DSN can work
    received: list[Any] = []

    async def publish(hints: Sequence[str]) -> None:
        async with await psycopg.AsyncConnection.connect(dsn, autocommit=True) as sender:
            await sender.execute("SELECT pg_notify('toasts', %s)", [json.dumps(list(hints))])

    with override_settings(TOASTS_LISTEN_DSN=dsn):
        listening = asyncio.create_task(
            brokers.make_broker().listen(lambda hints: received.append(hints), publish)
        )
    try:
        await until(lambda: None in received or listening.done())
        await publish(["user:1"])
        await until(lambda: ["user:1"] in received)
    finally:
        listening.cancel()
        await asyncio.gather(listening, return_exceptions=True)


@pytest.mark.parametrize(
    ("name", "path"),
    [
        ("/srv/site.sqlite3", "/srv/site.sqlite3"),
        ("file:/srv/site.sqlite3?cache=private", "/srv/site.sqlite3"),
        ("file:///srv/my%20site.sqlite3", "/srv/my site.sqlite3"),
        ("file:site.sqlite3", "site.sqlite3"),
    ],
)
def test_the_watched_file_is_the_one_that_the_database_name_means(name: str, path: str) -> None:
    assert database_file(name) == path
