"""What the processes of a test run share: a PostgreSQL, and databases that are migrated once."""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg

FOLDER, POSTGRES = "TESTS_SHARED", "TESTS_POSTGRES"
"""Environment variables: the run's folder, and the address of its PostgreSQL."""
SQLITE = "sqlite:///"


@contextmanager
def shared_folder() -> Iterator[None]:
    """Create the run's folder, unless the parent process has created it."""
    if FOLDER in os.environ:
        yield
        return
    with tempfile.TemporaryDirectory(prefix="toasts-shared-") as folder:
        os.environ[FOLDER] = folder
        try:
            yield
        finally:
            del os.environ[FOLDER]


def fill(url: str, kind: str, build: Callable[[str], None]) -> None:
    """Fill the empty database at `url` with tables of this kind.

    Args:
        url: the database. A database with tables is left as it is.
        kind: a name for the result of `build`.
        build: migrates the database at a URL. It is called once per run and kind, for a template
            that is then copied.
    """
    if url.startswith("mysql:"):
        build(url)
        return
    if not _is_empty(url):
        return
    if FOLDER not in os.environ or (template := _template(url, kind)) is None:
        build(url)
        return
    ready = Path(os.environ[FOLDER]) / f"{kind}.{url.partition(':')[0]}.ready"
    with ready.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not ready.exists():
            _create(template)
            build(template)
            ready.touch()  # a template that is incomplete is created again
        _copy(template, url)  # PostgreSQL copies no database that has connections


def _template(url: str, kind: str) -> str | None:
    """Return the URL of the run's template, or None if this database cannot be copied from one."""
    if "?" in url:  # it has its own schema or user
        return None
    if url.startswith(SQLITE):
        return f"{SQLITE}{os.environ[FOLDER]}/{kind}.sqlite3"
    shared = os.environ.get(POSTGRES)
    return f"{shared}/template_{kind}" if shared and url.startswith(f"{shared}/") else None


def _is_empty(url: str) -> bool:
    if url.startswith(SQLITE):
        path = Path(url.removeprefix(SQLITE))
        return not path.exists() or not path.stat().st_size
    try:
        with psycopg.connect(_plain(url), autocommit=True) as connection:
            found = connection.execute("SELECT to_regclass('django_migrations')").fetchone()
    except psycopg.OperationalError:  # there is no such database
        return True
    return found == (None,)


def _create(url: str) -> None:
    if url.startswith(SQLITE):
        Path(url.removeprefix(SQLITE)).unlink(missing_ok=True)
    else:
        _recreate(url, "template1")


def _copy(template: str, url: str) -> None:
    if url.startswith(SQLITE):
        shutil.copy(template.removeprefix(SQLITE), url.removeprefix(SQLITE))
    else:
        _recreate(url, template.rpartition("/")[2])


def _recreate(url: str, template: str) -> None:
    server, _, name = url.rpartition("/")
    with psycopg.connect(f"{server}/postgres", autocommit=True) as connection:
        connection.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)'.encode())
        connection.execute(f'CREATE DATABASE "{name}" TEMPLATE "{template}"'.encode())


def _plain(url: str) -> str:
    return url.partition("?")[0]
