"""Checks of the broker and what it stands on: E002, E003, W007, W008, W009, E014, W016."""

from __future__ import annotations

import re
from datetime import datetime
from difflib import get_close_matches
from importlib import metadata
from typing import Any
from zoneinfo import ZoneInfo

from django.core.checks import CheckMessage, Error, Warning, register
from django.db import connections
from django.utils.module_loading import import_string

from ..conf import conf
from ..db import database
from ..delivery import brokers
from .site import names_asgi

BROKERS = ("auto", "local", "sqlite", "postgres", "redis")
LEAST_PSYCOPG = (3, 2, 4)
LEAST_REDIS = (5,)
LEAST_POOL = 3


@register("toasts")
def check_broker(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    """E002: a broker that is not known, not importable, or not for this database."""
    broker = conf.broker
    wrong = _misfit(broker) if broker in BROKERS else _not_a_factory(broker)
    if not wrong:
        return []
    close = get_close_matches(broker, BROKERS, n=1)
    hint = (
        f"Did you mean {close[0]!r}?"
        if close and close[0] != broker
        else 'Set it to "auto", which fits the database, or to "local", "sqlite", "postgres",'
        ' "redis" or the dotted path of a callable that makes a broker.'
    )
    return [Error(f"TOASTS_BROKER is {broker!r}: {wrong}.", hint=hint, id="toasts.E002")]


def _misfit(broker: str) -> str:
    connection = connections[database()]
    if broker == "postgres" and connection.vendor != "postgresql":
        return f"toasts are kept in a database of kind {connection.vendor}"
    if broker == "sqlite" and connection.vendor != "sqlite":
        return f"toasts are kept in a database of kind {connection.vendor}"
    if broker == "sqlite" and connection.is_in_memory_db():  # type: ignore[attr-defined]
        return "an SQLite database in memory has no file to watch"
    return ""


def _not_a_factory(path: str) -> str:
    try:
        factory = import_string(path)
    except Exception as error:  # a module may raise anything while it is imported
        return f"it is neither a known broker nor importable ({error})"
    return "" if callable(factory) else "what it names cannot be called"


@register("toasts")
def check_psycopg(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    """E003: no driver that can listen. Django itself would be content with psycopg2."""
    if not _listens_to_postgres():
        return []
    try:
        found = metadata.version("psycopg")
    except metadata.PackageNotFoundError:
        wrong = "it is not installed"
    else:
        if tuple(map(int, re.findall(r"\d+", found)[:3])) >= LEAST_PSYCOPG:
            return []
        wrong = f"this is {found}"
    return [
        Error(
            f"To hear of toasts from PostgreSQL, psycopg 3.2.4 or later is needed; {wrong}.",
            hint='Install "django-live-toasts[postgres]", or "psycopg[binary]>=3.2.4".',
            id="toasts.E003",
        )
    ]


@register("toasts")
def check_redis(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    """E014: the broker "redis" without redis-py, or without a URL that it can use."""
    if conf.broker != "redis":
        return []
    if wrong := _wrong_redis():
        hint = 'Install "django-live-toasts[redis]", or "redis>=5".'
    elif wrong := _wrong_redis_url():
        hint = (
            'Set TOASTS_REDIS_URL to "redis://host:6379", "rediss://..." or "unix://...";'
            ' of a cluster, "redis+cluster://host:6379" or "rediss+cluster://...".'
        )
    else:
        return []
    return [Error(f'TOASTS_BROKER is "redis": {wrong}.', hint=hint, id="toasts.E014")]


def _wrong_redis() -> str:
    try:
        found = metadata.version("redis")
    except metadata.PackageNotFoundError:
        return "the package redis is not installed"
    if tuple(map(int, re.findall(r"\d+", found)[:3])) < LEAST_REDIS:
        return f"the package redis must be 5 or later, and this is {found}"
    return ""


def _wrong_redis_url() -> str:
    if not conf.redis_url:
        return "TOASTS_REDIS_URL is not set"
    try:
        brokers.make_broker()
    except ValueError:  # whose text may have a piece of the password in it
        return "TOASTS_REDIS_URL is not the URL of a Redis"
    return ""


def _listens_to_postgres() -> bool:
    if conf.broker == "auto":
        return connections[database()].vendor == "postgresql"
    return conf.broker == "postgres"


@register("toasts")
def check_persistent_connections(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    """W007: persistent connections under ASGI, where the thread that has one soon ends."""
    if not names_asgi():
        return []
    return [
        Warning(
            f"Database {alias!r} has persistent connections (CONN_MAX_AGE is"
            f" {database['CONN_MAX_AGE']}), and the site has an ASGI application: there, each"
            " request may leave a connection behind.",
            hint='Set CONN_MAX_AGE to 0; to reuse connections, use OPTIONS["pool"] (PostgreSQL).',
            id="toasts.W007",
        )
        for alias, database in connections.settings.items()
        if database.get("CONN_MAX_AGE", 0) != 0
    ]


@register("toasts")
def check_sqlite(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    """W008: SQLite whose readers and writers keep each other out."""
    connection = connections[database()]
    if connection.vendor != "sqlite" or connection.is_in_memory_db():  # type: ignore[attr-defined]
        return []
    options = connection.settings_dict["OPTIONS"]
    missing = []
    if not re.search(r"journal_mode\s*=\s*['\"]?wal\b", options.get("init_command") or "", re.I):
        missing.append('"init_command": "PRAGMA journal_mode=WAL"')
    if (options.get("transaction_mode") or "").upper() not in ("IMMEDIATE", "EXCLUSIVE"):
        missing.append('"transaction_mode": "IMMEDIATE"')
    if not missing:
        return []
    return [
        Warning(
            f"The OPTIONS of the SQLite database {connection.alias!r} leave out what keeps readers"
            ' and writers from failing with "database is locked".',
            hint=f"Add to OPTIONS: {', '.join(missing)}.",
            id="toasts.W008",
        )
    ]


@register("toasts")
def check_clock(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    """W016: times in local time beside SQLite's clock, which knows UTC alone."""
    connection = connections[database()]
    if conf.use_tz or connection.vendor != "sqlite" or _is_utc(conf.time_zone):
        return []
    return [
        Warning(
            f"USE_TZ is False and TIME_ZONE is {conf.time_zone!r}, but SQLite's clock is UTC: the"
            " expires_at and visible_from of toasts are off by the hours between the two.",
            hint='Set USE_TZ to True; or TIME_ZONE to "UTC"; or keep toasts in PostgreSQL.',
            id="toasts.W016",
        )
    ]


def _is_utc(name: str) -> bool:
    # Greenwich's summer time, say, makes two dates of one year necessary.
    zone = ZoneInfo(name)
    return not any(datetime(2026, month, 1, tzinfo=zone).utcoffset() for month in (1, 7))


@register("toasts")
def check_pool(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    """W009: a connection pool that the reader of toasts nearly or wholly uses up."""
    connection = connections[database()]
    pool = connection.settings_dict["OPTIONS"].get("pool")
    if connection.vendor != "postgresql" or not isinstance(pool, dict):
        return []  # True stands for psycopg_pool's defaults: four
    size = pool.get("max_size") or pool.get("min_size", 4)
    if size >= LEAST_POOL:
        return []
    return [
        Warning(
            f"The connection pool of database {connection.alias!r} has {size} at most. The reader"
            " of toasts keeps one while streams are open; requests wait for the rest.",
            hint=f'Raise OPTIONS["pool"]["max_size"] to {LEAST_POOL} or more.',
            id="toasts.W009",
        )
    ]
