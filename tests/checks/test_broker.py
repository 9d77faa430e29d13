"""The checks of the broker and of what it needs."""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.db.utils import load_backend

from tests.support.checks import ids, reported
from toasts.checks import broker as checks

# E002


def not_callable_in_a_module() -> None: ...


A_NUMBER = 7


@pytest.mark.parametrize("broker", ["auto", "local", f"{__name__}.not_callable_in_a_module"])
def test_a_known_or_importable_broker_is_accepted(settings: Any, broker: str) -> None:
    settings.TOASTS_BROKER = broker
    assert ids(checks.check_broker) == []


@pytest.mark.parametrize(
    ("broker", "message", "hint"),
    [
        ("postgresql", "neither a known broker nor importable", "Did you mean 'postgres'?"),
        ("rabbit", "neither a known broker nor importable", 'Set it to "auto"'),
        ("no.such.module", "(No module named 'no')", 'Set it to "auto"'),
        (f"{__name__}.Missing", 'does not define a "Missing"', 'Set it to "auto"'),
        (f"{__name__}.A_NUMBER", "the object of that name cannot be called", 'Set it to "auto"'),
    ],
)
def test_a_broker_that_cannot_be_created_is_an_error(
    settings: Any, broker: str, message: str, hint: str
) -> None:
    settings.TOASTS_BROKER = broker
    number, problem, hint_given = reported(checks.check_broker)
    assert number == "toasts.E002"
    assert problem.startswith(f"TOASTS_BROKER is {broker!r}: ")
    assert message in problem
    assert hint_given.startswith(hint)


@pytest.mark.parametrize(
    ("broker", "engine", "name", "message"),
    [
        ("postgres", "sqlite3", "file", "the database of toasts is sqlite"),
        ("sqlite", "postgresql", "site", "the database of toasts is postgresql"),
        ("sqlite", "sqlite3", ":memory:", "an SQLite database in memory has no file to watch"),
    ],
)
def test_a_broker_for_another_database_is_an_error(
    settings: Any, keep_in: Any, broker: str, engine: str, name: str, message: str
) -> None:
    settings.TOASTS_BROKER = broker
    keep_in(engine, NAME=name)
    assert reported(checks.check_broker)[:2] == (
        "toasts.E002",
        f"TOASTS_BROKER is {broker!r}: {message}.",
    )


@pytest.mark.parametrize(("broker", "engine"), [("postgres", "postgresql"), ("sqlite", "sqlite3")])
def test_a_broker_for_the_database_is_accepted(
    settings: Any, keep_in: Any, broker: str, engine: str
) -> None:
    settings.TOASTS_BROKER = broker
    keep_in(engine)
    assert ids(checks.check_broker) == []


# E003


@pytest.fixture
def psycopg_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Install the metadata of a psycopg in front of the real one."""
    return functools.partial(install, "psycopg", tmp_path, monkeypatch)


def install(name: str, path: Path, monkeypatch: pytest.MonkeyPatch, version: str) -> None:
    folder = path / f"{name}-{version}.dist-info"
    folder.mkdir()
    (folder / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
    monkeypatch.syspath_prepend(str(path))


@pytest.mark.parametrize("version", ["3.2.3", "3.2", "3.1.20", "2.9.10"])
def test_an_old_psycopg_is_an_error(keep_in: Any, psycopg_is: Any, version: str) -> None:
    keep_in("postgresql")
    psycopg_is(version)
    assert reported(checks.check_psycopg) == (
        "toasts.E003",
        f"To receive hints from PostgreSQL, psycopg 3.2.4 or later is needed; this is {version}.",
        'Install "django-live-toasts[postgres]", or "psycopg[binary]>=3.2.4".',
    )


@pytest.mark.parametrize("version", ["3.2.4", "3.3.0.dev1", "3.10.0", "4"])
def test_a_newer_psycopg_is_accepted(keep_in: Any, psycopg_is: Any, version: str) -> None:
    keep_in("postgresql")
    psycopg_is(version)
    assert ids(checks.check_psycopg) == []


def test_no_psycopg_is_an_error(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.TOASTS_BROKER = "postgres"
    monkeypatch.setattr(sys, "path", [])
    number, message, _ = reported(checks.check_psycopg)
    assert number == "toasts.E003"
    assert message.endswith("it is not installed.")


@pytest.mark.parametrize("broker", ["auto", "local", "sqlite"])
def test_no_psycopg_is_needed_on_sqlite(
    settings: Any, keep_in: Any, monkeypatch: pytest.MonkeyPatch, broker: str
) -> None:
    settings.TOASTS_BROKER = broker
    keep_in("sqlite3")
    load_backend("django.db.backends.sqlite3")  # which Django would import on first use
    monkeypatch.setattr(sys, "path", [])
    assert ids(checks.check_psycopg) == []


# E014


@pytest.fixture
def redis_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Install the metadata of a redis-py in front of the real one."""
    return functools.partial(install, "redis", tmp_path, monkeypatch)


NO_URL = (
    "toasts.E014",
    'TOASTS_BROKER is "redis": TOASTS_REDIS_URL is not set.',
    'Set TOASTS_REDIS_URL to "redis://host:6379", "rediss://..." or "unix://..."; for a cluster,'
    ' to "redis+cluster://host:6379" or "rediss+cluster://...".',
)


def test_redis_without_a_url_is_an_error(settings: Any) -> None:
    settings.TOASTS_BROKER = "redis"
    assert reported(checks.check_redis) == NO_URL


@pytest.mark.parametrize(
    "url",
    [
        "localhost:6379",
        "http://localhost",
        "redis://:pass/word@host:6379",
        "redis://host:port",
        "redis+cluster://",
        "redis+cluster://one,",
        "http+cluster://one",
        "redis+cluster://one:port",
        "unix+cluster:///run/redis.sock",
    ],
)
def test_an_invalid_redis_url_is_an_error_that_does_not_show_the_password(
    settings: Any, url: str
) -> None:
    settings.TOASTS_BROKER = "redis"
    settings.TOASTS_REDIS_URL = url
    number, message, hint = reported(checks.check_redis)
    assert (number, hint) == (NO_URL[0], NO_URL[2])
    assert message == 'TOASTS_BROKER is "redis": TOASTS_REDIS_URL is not the URL of a Redis.'


@pytest.mark.parametrize(
    "url",
    [
        "redis://host",
        "rediss://user:secret@host:6380/3?client_name=site",
        "unix:///run/redis.sock",
        "redis+cluster://one,two:7001,[::1]:7002",
        "rediss+cluster://user:secret@one:7000",
    ],
)
def test_the_urls_of_redis_are_accepted_and_nothing_connects(settings: Any, url: str) -> None:
    settings.TOASTS_BROKER = "redis"
    settings.TOASTS_REDIS_URL = url
    assert ids(checks.check_redis) == ids(checks.check_broker) == []


@pytest.mark.parametrize("version", ["4.6.0", "5.0.4"])  # whose cluster needs more rights
def test_an_old_redis_is_an_error(settings: Any, redis_is: Any, version: str) -> None:
    settings.TOASTS_BROKER = "redis"
    settings.TOASTS_REDIS_URL = "redis://host"
    redis_is(version)
    assert reported(checks.check_redis) == (
        "toasts.E014",
        'TOASTS_BROKER is "redis": the package redis must be 5.0.8 or later,'
        f" and this is {version}.",
        'Install "django-live-toasts[redis]", or "redis>=5.0.8".',
    )


def test_no_redis_is_an_error(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.TOASTS_BROKER = "redis"
    settings.TOASTS_REDIS_URL = "redis://host"
    monkeypatch.setattr(sys, "path", [])
    _, message, _ = reported(checks.check_redis)
    assert message == 'TOASTS_BROKER is "redis": the package redis is not installed.'


def test_no_redis_is_needed_otherwise(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "path", [])
    assert ids(checks.check_redis) == []
