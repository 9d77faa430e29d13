"""Runs everything: ``python -m tests``, which is what ``make test`` calls.

The suite runs twice, on SQLite and on a PostgreSQL of its own. What asks no database, or brings its
own along, runs once. Further arguments go to pytest.
"""

from __future__ import annotations

import os
import subprocess
import sys

from tests.postgres import PostgresServer

_ANY_DATABASE = """
    browser bench deploy realtime triggers test_addresses.py test_bench.py test_chaos.py
    test_checks.py test_checks_middleware.py test_content.py test_core.py test_core_docs.py
    test_core_settings.py test_docs.py test_html.py test_middleware.py test_middleware_in_django.py
    test_middleware_pages.py test_packaging.py test_feeds_triggers.py test_servers.py
    test_servers_slow_clients.py test_several_servers.py test_templatetags.py
"""
NONE_SELECTED = 5
ALONE = "not servers and not browser"
ONCE = [f"--ignore=tests/{name}" for name in _ANY_DATABASE.split()]


def _spread(processes: int) -> list[str]:
    # Most of the time is spent waiting: more processes than cores share two cores well.
    return ["--numprocesses", str(processes), "--dist", "worksteal"]


def _pytest(arguments: list[str], **environment: str) -> int:
    command = [sys.executable, "-X", "dev", "-m", "pytest", *arguments]
    print("+", *command[3:], flush=True)
    code = subprocess.run(command, env={**os.environ, **environment}, check=False).returncode
    # Who asks for a few tests by name will find none of them in some of the runs.
    return 0 if code == NONE_SELECTED and sys.argv[1:] else code


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
