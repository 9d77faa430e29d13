"""Runs everything: ``python -m tests``, which is what ``make test`` calls.

The suite runs twice, on SQLite and on a PostgreSQL of its own. What asks no database, or brings its
own along, runs once. Further arguments go to pytest.

Some tests hold real servers and browsers to bounds in seconds, while others keep the processors
busy: the few that failed so are run once more by themselves, and must pass then.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.support.postgres import PostgresServer

_ANY_DATABASE = """
    browser bench checks/test_checks.py checks/test_middleware.py core deploy
    feeds/test_triggers.py realtime servers asgi/test_routes.py test_bench.py test_docs.py
    test_html.py test_middleware.py test_middleware_in_django.py test_middleware_pages.py
    test_packaging.py test_templatetags.py test_validation.py triggers
"""
SOME_FAILED, NONE_SELECTED = 1, 5
FEW = 3
"""Failures that may be the machine's; more are not."""
ALONE = "not servers and not browser"
ONCE = [f"--ignore=tests/{name}" for name in _ANY_DATABASE.split()]


def _spread(processes: int) -> list[str]:
    # Most of the time is spent waiting: more processes than cores share two cores well.
    return ["--numprocesses", str(processes), "--dist", "worksteal"]


def _pytest(arguments: list[str], **environment: str) -> int:
    with tempfile.TemporaryDirectory() as folder:
        failures = Path(folder) / "failures"
        environment["TESTS_FAILURES"] = str(failures)
        code = _run(arguments, environment)
        failed = failures.read_text().splitlines() if code == SOME_FAILED else []
        if 0 < len(failed) <= FEW:
            print("+ Once more, by themselves:", *failed, flush=True)
            code = _run(failed, environment)
    # Who asks for a few tests by name will find none of them in some of the runs.
    return 0 if code == NONE_SELECTED and sys.argv[1:] else code


def _run(arguments: list[str], environment: dict[str, str]) -> int:
    command = [sys.executable, "-X", "dev", "-m", "pytest", *arguments]
    print("+", *command[3:], flush=True)
    return subprocess.run(command, env={**os.environ, **environment}, check=False).returncode


def main() -> int:
    more = sys.argv[1:]
    failed = _pytest(["-m", ALONE, *_spread(3), *more])
    # These start processes of their own and hold some of them to a second or two.
    failed |= _pytest(["-m", f"not ({ALONE})", *_spread(2), *more])
    server = PostgresServer().start()
    try:
        here = {"TEST_DATABASE_URL": server.url("toasts")}
        failed |= _pytest(["-m", ALONE, *ONCE, *_spread(3), *more], **here)
    finally:
        server.remove()
    return failed


if __name__ == "__main__":
    sys.exit(main())
