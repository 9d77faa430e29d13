"""The connections of a hub's thread: when they are replaced, and how they are ended."""

from __future__ import annotations

import asyncio
import os
import shutil
import sqlite3
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.db import connections
from django.db.utils import OperationalError

from tests.conftest import until
from tests.support.middlebox import Middlebox
from tests.support.postgres import PostgresServer
from toasts.delivery import connections as module
from toasts.delivery.connections import HubConnections

KeepIn = Callable[..., None]


@pytest.fixture
def keep_toasts_in(keep_in: KeepIn, django_db_blocker: Any) -> Iterator[KeepIn]:
    """As `keep_in`, for tests that connect."""
    with django_db_blocker.unblock():
        yield keep_in
        for connection in connections.all(initialized_only=True):
            # The driver's connection: Django keeps that of a database in memory.
            if connection.alias == "other" and connection.connection is not None:
                connection.connection.close()


@pytest.fixture
def on_postgres_server(postgres: PostgresServer, keep_toasts_in: KeepIn) -> PostgresServer:
    """The toasts are in a PostgreSQL."""
    keep_toasts_in(
        "postgresql", NAME="postgres", USER="postgres", HOST="127.0.0.1", PORT=postgres.port
    )
    return postgres


def ask(statement: str = "SELECT pg_backend_pid()") -> Any:
    with connections["other"].cursor() as cursor:
        cursor.execute(statement)
        return cursor.fetchone()[0]


def test_a_connection_is_kept_until_its_greatest_age(
    on_postgres_server: PostgresServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = HubConnections()
    before = ask()
    own.renew()
    assert ask() == before
    monkeypatch.setattr(module, "monotonic", lambda: 1e9)
    own.renew()
    assert ask() != before


def test_a_connection_to_a_server_that_became_read_only_is_replaced(
    on_postgres_server: PostgresServer,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr(module, "CHECK_INTERVAL", 0)
    own = HubConnections()
    before = ask()
    own.renew()
    assert ask() == before
    ask("SELECT set_config('default_transaction_read_only', 'on', false)")
    own.renew()
    assert ask() != before
    assert caplog.text.count("is read-only, as after a failover") == 1


def test_a_connection_that_was_lost_is_replaced(
    on_postgres_server: PostgresServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "CHECK_INTERVAL", 0)
    own = HubConnections()
    before = ask()
    on_postgres_server.execute(f"SELECT pg_terminate_backend({before}, 5000)")
    own.renew()
    assert ask() != before


def test_a_standby_or_dead_server_is_not_waited_for_without_a_bound(
    on_postgres_server: PostgresServer,
) -> None:
    HubConnections()
    parameters = connections["other"].get_connection_params()
    assert parameters["connect_timeout"] == 5
    assert parameters["tcp_user_timeout"] == 15000
    assert "connect_timeout" not in connections.settings["other"]["OPTIONS"]


def test_the_sites_own_options_win(postgres: PostgresServer, keep_toasts_in: KeepIn) -> None:
    keep_toasts_in("postgresql", NAME="postgres", OPTIONS={"connect_timeout": 2})
    HubConnections()
    assert connections["other"].get_connection_params()["connect_timeout"] == 2


def test_a_thread_in_place_of_one_that_hung_does_not_use_the_pool(
    postgres: PostgresServer, keep_toasts_in: KeepIn
) -> None:
    keep_toasts_in("postgresql", NAME="postgres", OPTIONS={"pool": {"max_size": 4}})
    connection = connections["other"]
    HubConnections()
    assert connection.settings_dict["OPTIONS"]["pool"] == {"max_size": 4}
    HubConnections(is_replacement=True)
    assert "pool" not in connection.settings_dict["OPTIONS"]


async def test_a_thread_that_waits_for_a_swallowed_answer_is_set_free(
    postgres: PostgresServer, keep_toasts_in: KeepIn
) -> None:
    box, threads = Middlebox(postgres.port), {}
    errors: list[Exception] = []
    connected, go_on = threading.Event(), threading.Event()

    def job() -> None:
        threads["own"] = HubConnections()
        ask()
        connected.set()
        go_on.wait(10)
        try:
            ask()
        except OperationalError as error:
            errors.append(error)
        threads["own"].close()

    async with box.open() as port:
        keep_toasts_in(
            "postgresql", NAME="postgres", USER="postgres", HOST="127.0.0.1", PORT=port,
            OPTIONS={"sslmode": "disable"},
        )  # fmt: skip
        thread = threading.Thread(target=job)
        thread.start()
        assert await asyncio.to_thread(connected.wait, 10)
        await box.fail("forget")
        go_on.set()
        await until(lambda: box.withheld)
        threads["own"].abort()
        await asyncio.to_thread(thread.join, 5)
        assert not thread.is_alive()
        assert len(errors) == 1
        threads["own"].abort()  # nothing is left to end


# SQLite.


def _database(path: Path, value: str) -> None:
    path.unlink(missing_ok=True)
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE one (value text)")
    connection.execute("INSERT INTO one VALUES (?)", [value])
    connection.commit()
    connection.close()


READ = "SELECT value FROM one"


@pytest.mark.parametrize("name", ["{}", "file:{}?mode=rwc"])
def test_a_file_that_was_replaced_is_opened_again(
    tmp_path: Path, keep_toasts_in: KeepIn, name: str
) -> None:
    path, backup = tmp_path / "db.sqlite3", tmp_path / "backup"
    _database(path, "old")
    _database(backup, "restored")
    keep_toasts_in(
        "sqlite3", NAME=name.format(path), OPTIONS={"uri": True} if "file:" in name else {}
    )
    own = HubConnections()
    assert ask(READ) == "old"
    own.renew()
    driver = connections["other"].connection
    own.renew()
    assert connections["other"].connection is driver
    os.replace(backup, path)
    own.renew()
    assert ask(READ) == "restored"


def test_while_a_file_is_gone_no_empty_one_is_made(tmp_path: Path, keep_toasts_in: KeepIn) -> None:
    path = tmp_path / "db.sqlite3"
    _database(path, "old")
    shutil.copy(path, tmp_path / "backup")
    keep_toasts_in("sqlite3", NAME=path)
    own = HubConnections()
    assert ask(READ) == "old"
    path.unlink()
    own.renew()
    assert ask(READ) == "old"
    assert not path.exists()
    _database(path, "restored")
    own.renew()
    assert ask(READ) == "restored"


def test_a_database_in_memory_is_kept(keep_toasts_in: KeepIn) -> None:
    keep_toasts_in("sqlite3", NAME=":memory:")
    own = HubConnections()
    ask("SELECT 1")
    driver = connections["other"].connection
    own.renew()
    assert connections["other"].connection is driver
    own.abort()
    assert ask("SELECT 1") == 1


def test_an_engine_that_is_not_installed_keeps_no_hub_from_starting(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    complete = connections.configure_settings({"default": {}, "odd": {"ENGINE": "no.such.engine"}})
    monkeypatch.setitem(connections.settings, "odd", complete["odd"])
    assert HubConnections()._connections
