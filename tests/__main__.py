"""Runs the tests: ``python -m tests``, which is what ``make test`` calls.

The suite runs on SQLite, and then on its own PostgreSQL. Tests that use no database, or start their
own, run once. The client's tests, in Node.js, run at the same time. Further arguments are passed to
pytest, and only pytest runs then::

    python -m tests                 everything
    python -m tests quick           the tests of a minute: SQLite, no server, no browser
    python -m tests coverage        the same, with coverage of the lines and branches of toasts/
    python -m tests matrix          the same, and also on PostgreSQL, for each pair of versions
    python -m tests wide            combinations and sizes that `make test` leaves out
    python -m tests -k name         all tests whose name matches
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

from tests.support import shared
from tests.support.mariadb import MariaDBServer
from tests.support.postgres import PostgresServer

_ANY_DATABASE = """
    browser bench checks/test_checks.py checks/test_middleware.py core deploy
    feeds/test_triggers.py realtime servers asgi/test_routes.py test_bench.py test_docs.py
    test_html.py test_imports.py test_middleware.py test_middleware_in_django.py
    test_middleware_pages.py test_packaging.py test_structure.py test_templatetags.py
    test_validation.py test_validation_links.py triggers
"""
_ON_MARIADB = "api rest feeds/test_model_feed.py models/test_times.py test_admin.py test_users.py"
"""What asks MariaDB the most; a site on it is in tests/servers/test_mariadb.py."""
NONE_SELECTED = 5
IS_ROOT = os.geteuid() == 0
ALL = "not wide" if IS_ROOT else "not wide and not root"
LIGHT = f"not servers and not browser and {ALL}"
ONCE = [f"--ignore=tests/{name}" for name in _ANY_DATABASE.split()]
# Tests with servers and browsers mostly wait, so they run in more processes than there are cores.
LIGHT_WORKERS, WORKERS = 3, 4


def _pytest(selected: str, workers: int, arguments: list[str], **environment: str) -> bool:
    """Return whether the selected tests pass."""
    spread = ["--numprocesses", str(workers), "--dist", "worksteal"]
    command = [sys.executable, "-X", "dev", "-m", "pytest", "-m", selected, *spread, *arguments]
    print("+", *command[3:], flush=True)
    started = time.monotonic()
    code = subprocess.run(command, env={**os.environ, **environment}, check=False).returncode
    print(f"+ {time.monotonic() - started:.0f} s", flush=True)
    # Some of the runs have none of the tests that the arguments select.
    return code == 0 or (code == NONE_SELECTED and bool(arguments))


@contextmanager
def _client_tests() -> Iterator[list[bool]]:
    """Run the client's tests meanwhile. At the end, the list holds whether they passed."""
    process = subprocess.Popen(
        ["npm", "test", "--silent"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    passed: list[bool] = []
    with process:
        yield passed
        output, _ = process.communicate(timeout=300)
    passed.append(process.returncode == 0)
    print("+ npm test", *(output.splitlines()[-8:] if passed[0] else [output]), sep="\n")


def _everything(more: list[str]) -> bool:
    """Run the tests that the arguments select, on both databases."""
    if not IS_ROOT:
        print("Left out, as they need root: the tests of lost packets.", flush=True)
    with _shared_postgres() as server:
        return _pytest(ALL, WORKERS, more) & _on_postgres(server, more) & _on_mariadb(more)


def _on_postgres(server: PostgresServer, more: list[str]) -> bool:
    url = server.url("toasts")
    return _pytest(LIGHT, LIGHT_WORKERS, [*ONCE, *more], TEST_DATABASE_URL=url)


def _on_mariadb(more: list[str]) -> bool:
    server = MariaDBServer(default_time_zone="+05:45", character_set_server="utf8mb4").start()
    try:
        return _pytest(
            LIGHT, LIGHT_WORKERS, [*(f"tests/{name}" for name in _ON_MARIADB.split()), *more],
            TEST_DATABASE_URL=server.create("toasts"),
            DJANGO_SETTINGS_MODULE="tests.support.mariadb_settings",
        )  # fmt: skip
    finally:
        server.remove()


@contextmanager
def _shared_postgres() -> Iterator[PostgresServer]:
    server = PostgresServer(max_connections=400).start()
    os.environ[shared.POSTGRES] = server.address
    try:
        yield server
    finally:
        server.remove()


def main(arguments: list[str]) -> int:
    with shared.shared_folder():
        match arguments:
            case ["quick", *more]:
                passed = _pytest(LIGHT, LIGHT_WORKERS, more)
            case ["coverage", *more]:
                report = ["--cov", "--cov-report=term-missing:skip-covered"]
                passed = _pytest(LIGHT, LIGHT_WORKERS, [*report, *more])
            case ["matrix", *more]:
                with _shared_postgres() as server:
                    passed = _pytest(LIGHT, LIGHT_WORKERS, more) & _on_postgres(server, more)
            case ["wide", *more]:
                with _shared_postgres():
                    passed = _pytest("wide", WORKERS, more)
            case []:
                with _client_tests() as client:
                    passed = _everything([])
                passed &= client == [True]
            case more:
                passed = _everything(more)
    return 0 if passed else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
