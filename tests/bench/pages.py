"""What ToastMiddleware, and the one for WSGI, add to the time of a page under WSGI."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from tests.bench import report
from tests.bench.report import Table
from tests.support.servers import ROOT

WAYS = {
    "no client": [],
    "ToastMiddleware, adapted": ["toasts.middleware.ToastMiddleware"],
    "WSGIToastMiddleware": ["toasts.middleware.WSGIToastMiddleware"],
}
"""The end of MIDDLEWARE, by the name of the row."""
CHAIN = [
    "django.middleware.security.SecurityMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]
"""What `startproject` writes: all of it synchronous under WSGI."""


@dataclass(frozen=True)
class Size:
    pages: int = 200
    rounds: int = 15


QUICK = Size(pages=20, rounds=2)
FULL = Size(pages=400, rounds=40)

NOTES = (
    "CPU of one thread in WSGIHandler, with the middleware of startproject and a view that returns",
    "a small page; the least of rounds that take turns. of adapted: the time added, beside that of",
    "ToastMiddleware, for which Django starts an event loop with each page.",
)


def run(size: Size) -> Iterator[Table]:
    rows = _measured(size)
    bare, adapted = rows[0]["ms/page"], rows[1]["ms/page"]
    for row in rows[1:]:
        row["added ms"] = row["ms/page"] - bare
        row["of adapted"] = row["added ms"] / (adapted - bare)
    yield Table("Pages under WSGI", rows, NOTES)
    limits = [("WSGIToastMiddleware: added, of adapted", rows[2]["of adapted"], 0.1)]
    yield Table("Pages: limits", report.compare(limits))


def _measured(size: Size) -> list[dict[str, Any]]:
    """Measure in a process of its own: this one must not load Django."""
    done = subprocess.run(
        [sys.executable, "-m", __name__, str(size.pages), str(size.rounds)],
        env={**os.environ, "DJANGO_SETTINGS_MODULE": "tests.settings"},
        cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True,
    )  # fmt: skip
    found: dict[str, float] = json.loads(done.stdout)
    return [{"way": way, "ms/page": 1000 * seconds} for way, seconds in found.items()]


def _measure(pages: int, rounds: int) -> dict[str, float]:
    """Return the seconds that a page takes, by way."""
    visits = {way: _site(middleware) for way, middleware in WAYS.items()}
    found: dict[str, list[float]] = {way: [] for way in WAYS}
    for _ in range(rounds):
        for way, visit in visits.items():
            started = time.process_time()
            for _ in range(pages):
                visit()
            found[way].append((time.process_time() - started) / pages)
    return {way: min(seconds) for way, seconds in found.items()}


def _site(middleware: list[str]) -> Callable[[], None]:
    """Return a function that visits a page of a site with this middleware."""
    from django.conf import settings
    from django.core.handlers.wsgi import WSGIHandler
    from django.test import RequestFactory

    settings.MIDDLEWARE = [*CHAIN, *middleware]
    handler = WSGIHandler()
    environ = RequestFactory().get("/page/").environ

    def start_response(status: str, headers: list[tuple[str, str]], error: Any = None, /) -> Any:
        assert status == "200 OK"

    def visit() -> None:
        response = handler(dict(environ), start_response)
        content = b"".join(response)
        response.close()
        assert (b"data-toasts" in content) is bool(middleware)

    visit()
    return visit


def main() -> None:
    import django
    from django.conf import settings

    django.setup()
    settings.ROOT_URLCONF = "tests.support.html_site"
    print(json.dumps(_measure(*map(int, sys.argv[1:]))))


if __name__ == "__main__":
    main()
