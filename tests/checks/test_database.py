"""The checks of the database settings."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connections

from tests.support.checks import ids, reported
from toasts.checks import broker, database

PRAGMAS = "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; PRAGMA busy_timeout=5000"

# W007


@pytest.mark.parametrize(
    ("age", "found"),
    [(0, []), (60, ["toasts.W007"]), (None, ["toasts.W007"])],
)
def test_persistent_connections_under_asgi_are_reported(
    keep_in: Any, age: int | None, found: list[str]
) -> None:
    keep_in("postgresql", CONN_MAX_AGE=age)
    assert ids(database.check_persistent_connections) == found


def test_persistent_connections_under_wsgi_are_fine(settings: Any, keep_in: Any) -> None:
    del settings.ASGI_APPLICATION
    keep_in("postgresql", CONN_MAX_AGE=60)
    assert ids(database.check_persistent_connections) == []


# W008


def test_sqlite_with_djangos_defaults_lacks_both_options(keep_in: Any) -> None:
    keep_in("sqlite3")
    number, message, hint = reported(database.check_sqlite)
    assert number == "toasts.W008"
    assert '"database is locked"' in message
    assert hint == (
        f'Add to OPTIONS: "init_command": "{PRAGMAS}", "transaction_mode": "IMMEDIATE".'
    )


@pytest.mark.parametrize(
    ("wal", "mode", "missing"),
    [
        ("PRAGMA journal_mode=WAL;", "IMMEDIATE", None),
        ("pragma synchronous=1; pragma journal_mode = wal", "immediate", None),
        ("PRAGMA journal_mode='wal'", "EXCLUSIVE", None),
        ("PRAGMA journal_mode=WAL", "DEFERRED", '"transaction_mode": "IMMEDIATE"'),
        ("PRAGMA journal_mode=WAL", None, '"transaction_mode": "IMMEDIATE"'),
        ("PRAGMA journal_mode=delete", "IMMEDIATE", f'"init_command": "{PRAGMAS}"'),
        (None, "IMMEDIATE", f'"init_command": "{PRAGMAS}"'),
    ],
)
def test_the_hint_names_the_options_that_are_missing(
    keep_in: Any, wal: str | None, mode: str | None, missing: str | None
) -> None:
    keep_in("sqlite3", OPTIONS={"init_command": wal, "transaction_mode": mode})
    hints = [message.hint for message in database.check_sqlite(None)]
    assert hints == ([f"Add to OPTIONS: {missing}."] if missing else [])


@pytest.mark.parametrize(("engine", "name"), [("sqlite3", ":memory:"), ("postgresql", "site")])
def test_only_a_sqlite_file_needs_the_options(keep_in: Any, engine: str, name: str) -> None:
    keep_in(engine, NAME=name)
    assert ids(database.check_sqlite) == []


# W009


@pytest.mark.parametrize(
    ("pool", "size"),
    [
        ({"min_size": 1, "max_size": 2}, 2),
        ({"min_size": 1}, 1),
        ({"max_size": 1}, 1),
        ({"min_size": 2, "max_size": 3}, None),
        ({"min_size": 4}, None),
        ({"timeout": 5}, None),
        (True, None),
        (False, None),
        (None, None),
    ],
)
def test_a_pool_that_is_too_small_is_reported(keep_in: Any, pool: Any, size: int | None) -> None:
    keep_in("postgresql", OPTIONS={"pool": pool})
    messages = database.check_pool(None)
    assert [message.id for message in messages] == (["toasts.W009"] if size else [])
    assert all(f"has at most {size} connections" in message.msg for message in messages)


# E018


class UsersElsewhere:
    def db_for_write(self, model: Any, **hints: Any) -> str | None:
        return "other" if model._meta.label == "auth.User" else None


def test_toasts_and_users_in_two_databases_are_an_error(keep_in: Any, settings: Any) -> None:
    keep_in("sqlite3")
    settings.DATABASE_ROUTERS = [UsersElsewhere()]
    number, message, hint = reported(database.check_one_database)
    assert number == "toasts.E018"
    assert "written to the database 'default', but users to 'other'" in message
    assert "DATABASE_ROUTERS" in hint


def test_two_names_of_one_database_are_accepted(
    settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(connections.settings, "other", connections.settings["default"])
    settings.DATABASE_ROUTERS = [UsersElsewhere()]
    assert ids(database.check_one_database) == []


def test_toasts_and_users_routed_together_are_accepted(keep_in: Any) -> None:
    keep_in("sqlite3")
    assert ids(database.check_one_database) == []


class RoutesByContext:
    """A router that knows a tenant's database only while the tenant is current."""

    def db_for_write(self, model: Any, **hints: Any) -> str:
        raise LookupError("no tenant is current")


@pytest.mark.parametrize(
    "check",
    [
        database.check_sqlite,
        database.check_clock,
        database.check_pool,
        database.check_one_database,
        broker.check_broker,
    ],
)
def test_a_router_that_knows_no_database_yet_fails_no_check(settings: Any, check: Any) -> None:
    settings.DATABASE_ROUTERS = [RoutesByContext()]
    assert ids(check) == []
