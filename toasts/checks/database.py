"""Checks of the database settings: W007, W008, W009, W016, E018."""

from __future__ import annotations

import re
from typing import Any

from django.contrib.auth import get_user_model
from django.core.checks import CheckMessage, Error, Warning, register
from django.db import connections, router

from ..db import database
from .site import database_alias, names_asgi

LEAST_POOL = 3
SQLITE_PRAGMAS = "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; PRAGMA busy_timeout=5000"
PSYCOPG_POOL_MIN_SIZE = 4
"""The default min_size of psycopg_pool, which is also its default max_size."""


@register("toasts")
def check_persistent_connections(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    """W007: connections persist under ASGI, where the thread that holds one soon ends."""
    if not names_asgi():
        return []
    return [
        Warning(
            f"Database {alias!r} has persistent connections (CONN_MAX_AGE is"
            f" {settings['CONN_MAX_AGE']}), and the site has an ASGI application. Under ASGI each"
            " request may leave a connection open.",
            hint='Set CONN_MAX_AGE to 0. To reuse connections, use OPTIONS["pool"] (PostgreSQL).',
            id="toasts.W007",
        )
        for alias, settings in connections.settings.items()
        if settings.get("CONN_MAX_AGE", 0) != 0
    ]


@register("toasts")
def check_sqlite(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    """W008: readers and writers of SQLite block each other."""
    connection = connections[database_alias()]
    if connection.vendor != "sqlite" or connection.is_in_memory_db():  # type: ignore[attr-defined]
        return []
    missing = _missing_options(connection.settings_dict["OPTIONS"])
    if not missing:
        return []
    return [
        Warning(
            f"The OPTIONS of the SQLite database {connection.alias!r} lack what prevents"
            ' "database is locked" errors between readers and writers.',
            hint=f"Add to OPTIONS: {', '.join(missing)}.",
            id="toasts.W008",
        )
    ]


def _missing_options(options: dict[str, Any]) -> list[str]:
    missing = []
    if not re.search(r"journal_mode\s*=\s*['\"]?wal\b", options.get("init_command") or "", re.I):
        missing.append(f'"init_command": "{SQLITE_PRAGMAS}"')
    if (options.get("transaction_mode") or "").upper() not in ("IMMEDIATE", "EXCLUSIVE"):
        missing.append('"transaction_mode": "IMMEDIATE"')
    return missing


@register("toasts")
def check_clock(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    """W016: on MySQL and MariaDB, the clock is in the session's zone, and toasts are in UTC."""
    connection = connections[database_alias()]
    if connection.vendor != "mysql" or _sets_utc(connection.settings_dict["OPTIONS"]):
        return []
    return [
        Warning(
            f"The database {connection.alias!r} is {connection.display_name}, and its sessions have"
            " the server's time zone. If that is not UTC, the times of toasts are off by the"
            " difference.",
            hint="""Add to OPTIONS: "init_command": "SET time_zone = '+00:00'".""",
            id="toasts.W016",
        )
    ]


def _sets_utc(options: dict[str, Any]) -> bool:
    command = options.get("init_command") or ""
    return bool(re.search(r"\btime_zone\s*=\s*['\"](\+00:00|utc)['\"]", command, re.I))


@register("toasts")
def check_pool(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    """W009: the connection pool is so small that the reader of toasts uses most of it."""
    connection = connections[database_alias()]
    pool = connection.settings_dict["OPTIONS"].get("pool")
    if connection.vendor != "postgresql" or not isinstance(pool, dict):
        return []  # True stands for psycopg_pool's defaults, which are large enough
    size = pool.get("max_size") or pool.get("min_size", PSYCOPG_POOL_MIN_SIZE)
    if size >= LEAST_POOL:
        return []
    return [
        Warning(
            f"The connection pool of database {connection.alias!r} has at most {size} connections."
            " The reader of toasts keeps one while streams are open; requests share the rest.",
            hint=f'Raise OPTIONS["pool"]["max_size"] to {LEAST_POOL} or more.',
            id="toasts.W009",
        )
    ]


@register("toasts")
def check_one_database(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    """E018: toasts and users are in two databases."""
    try:
        toasts, users = database(), router.db_for_write(get_user_model())
    except LookupError:  # each tenant has a database, and none is current now
        return []
    if _server_and_name(toasts) == _server_and_name(users):
        return []
    return [
        Error(
            f"Toasts are written to the database {toasts!r}, but users to {users!r}. The user of a"
            " toast is a foreign key, which can't lead into another database: no toast can be"
            " created, or nobody gets it.",
            hint="Have DATABASE_ROUTERS route the app toasts to the database of the users.",
            id="toasts.E018",
        )
    ]


def _server_and_name(alias: str) -> tuple[Any, ...]:
    # Two aliases may name one database, such as one through a connection pooler.
    settings = connections.settings[alias]
    return tuple(settings.get(name) for name in ("ENGINE", "HOST", "PORT", "NAME"))
