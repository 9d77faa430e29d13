"""Runs everything: ``python -m tests``, which is what ``make test`` calls.

The suite runs twice, on SQLite and on a PostgreSQL of its own; what starts server processes or a
browser brings its own databases along and runs once. Further arguments go to pytest.
"""

from __future__ import annotations

import os
import subprocess
import sys

from tests.postgres import PostgresServer


def _pytest(arguments: list[str], **environment: str) -> int:
    command = [sys.executable, "-X", "dev", "-m", "pytest", *arguments]
    print("+", *command[3:], flush=True)
    return subprocess.run(command, env={**os.environ, **environment}, check=False).returncode


def main() -> int:
    more = sys.argv[1:]
    failed = _pytest(more)
    server = PostgresServer().start()
    try:
        here = {"TEST_DATABASE_URL": server.url("toasts")}
        failed |= _pytest(["-m", "not servers and not browser", *more], **here)
    finally:
        server.remove()
    return failed


if __name__ == "__main__":
    sys.exit(main())
