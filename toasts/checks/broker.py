"""Checks of TOASTS_BROKER and of what the broker needs: E002, E003, E014."""

from __future__ import annotations

import re
from difflib import get_close_matches
from importlib import metadata
from typing import Any

from django.core.checks import CheckMessage, Error, register
from django.db import connections
from django.utils.module_loading import import_string

from ..conf import conf
from ..delivery import brokers
from .site import database_alias

BROKERS = ("auto", "local", "sqlite", "postgres", "redis")
LEAST_PSYCOPG = (3, 2, 4)
LEAST_REDIS = (5, 0, 8)


@register("toasts")
def check_broker(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    """E002: the broker is unknown, can't be imported, or is not for this database."""
    broker = conf.broker
    problem = _database_problem(broker) if broker in BROKERS else _factory_problem(broker)
    if not problem:
        return []
    return [Error(f"TOASTS_BROKER is {broker!r}: {problem}.", hint=_hint(broker), id="toasts.E002")]


def _database_problem(broker: str) -> str:
    connection = connections[database_alias()]
    wanted = {"postgres": "postgresql", "sqlite": "sqlite"}.get(broker, connection.vendor)
    if connection.vendor != wanted:
        return f"the database of toasts is {connection.vendor}"
    if broker == "sqlite" and connection.is_in_memory_db():  # type: ignore[attr-defined]
        return "an SQLite database in memory has no file to watch"
    return ""


def _factory_problem(path: str) -> str:
    try:
        factory = import_string(path)
    except Exception as error:  # a module may raise anything while it is imported
        return f"it is neither a known broker nor importable ({error})"
    return "" if callable(factory) else "the object of that name cannot be called"


def _hint(broker: str) -> str:
    close = get_close_matches(broker, BROKERS, n=1)
    if close and close[0] != broker:
        return f"Did you mean {close[0]!r}?"
    return (
        'Set it to "auto", which fits the database, or to "local", "sqlite", "postgres", "redis"'
        " or the dotted path of a callable that returns a broker."
    )


@register("toasts")
def check_psycopg(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    """E003: psycopg can't listen, or is not installed. Django itself also works with psycopg2."""
    if not _uses_postgres():
        return []
    version = _version("psycopg")
    if version is not None and _numbers(version) >= LEAST_PSYCOPG:
        return []
    problem = "it is not installed" if version is None else f"this is {version}"
    return [
        Error(
            f"To receive hints from PostgreSQL, psycopg 3.2.4 or later is needed; {problem}.",
            hint='Install "django-live-toasts[postgres]", or "psycopg[binary]>=3.2.4".',
            id="toasts.E003",
        )
    ]


def _uses_postgres() -> bool:
    if conf.broker == "auto":
        return connections[database_alias()].vendor == "postgresql"
    return conf.broker == "postgres"


@register("toasts")
def check_redis(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    """E014: the broker is redis, and redis-py is missing or TOASTS_REDIS_URL can't be used."""
    if conf.broker != "redis":
        return []
    if problem := _redis_problem():
        hint = 'Install "django-live-toasts[redis]", or "redis>=5.0.8".'
    elif problem := _redis_url_problem():
        hint = (
            'Set TOASTS_REDIS_URL to "redis://host:6379", "rediss://..." or "unix://...";'
            ' for a cluster, to "redis+cluster://host:6379" or "rediss+cluster://...".'
        )
    else:
        return []
    return [Error(f'TOASTS_BROKER is "redis": {problem}.', hint=hint, id="toasts.E014")]


def _redis_problem() -> str:
    version = _version("redis")
    if version is None:
        return "the package redis is not installed"
    if _numbers(version) < LEAST_REDIS:
        return f"the package redis must be 5.0.8 or later, and this is {version}"
    return ""


def _redis_url_problem() -> str:
    if not conf.redis_url:
        return "TOASTS_REDIS_URL is not set"
    try:
        brokers.make_broker()
    except ValueError:  # its text may hold a part of the password
        return "TOASTS_REDIS_URL is not the URL of a Redis"
    return ""


def _version(distribution: str) -> str | None:
    try:
        return metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return None


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(map(int, re.findall(r"\d+", version)[:3]))
