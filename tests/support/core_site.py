"""The site of this repository, run in its own processes, and an HTTP client with forms for it."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

from tests.support.servers import COMMANDS, Server, Site

# The servers of tests.support.servers, but with the application of the site.
KINDS = ("daphne", "uvicorn", "hypercorn", "granian")
COMMANDS.update(
    {
        f"core-{kind}": [part.replace("tests.support.asgi", "core.asgi") for part in COMMANDS[kind]]
        for kind in KINDS
    }
)


DEMO_USERS = """
from django.conf import settings
from django.core.management import call_command
settings.DEBUG = True
call_command('demo_users', stdout=open('/dev/null', 'w'))
"""


class CoreSite(Site):
    """The site with a fresh database and the demo users."""

    def __init__(self, database_url: str, **environment: str) -> None:
        environment = {"DEBUG": "", "SECRET_KEY": "tests", "LOG_LEVEL": "ERROR", **environment}
        super().__init__(
            database_url,
            DJANGO_SETTINGS_MODULE="core.settings",
            DATABASE_URL=database_url,
            **environment,
        )

    def build(self, url: str) -> None:
        super().build(url)
        self.run(DEMO_USERS, DATABASE_URL=url)

    def serve(self, kind: str = "core-daphne", port: int | None = None) -> Server:
        return super().serve(kind, port)


def sqlite_url(folder: Path) -> str:
    return f"sqlite:///{folder / 'site.sqlite3'}"


class Browser(httpx.Client):
    """A client with cookies and forms, but without scripts."""

    def csrf(self, path: str) -> str:
        match = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', self.get(path).text)
        assert match, path
        return match[1]

    def submit(self, path: str, data: dict[str, Any], **headers: str) -> httpx.Response:
        token = self.csrf("/demo/toast/" if path.startswith("/demo/") else path)
        return self.post(path, data={"csrfmiddlewaretoken": token, **data}, headers=headers)

    def toasts(self) -> list[dict[str, Any]]:
        toasts: list[dict[str, Any]] = self.get("/toasts/poll/").raise_for_status().json()["toasts"]
        return toasts

    def await_toast(
        self, wanted: Callable[[dict[str, Any]], bool], seconds: float = 10.0
    ) -> dict[str, Any]:
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if toast := next(filter(wanted, self.toasts()), None):
                return toast
            time.sleep(0.02)
        raise AssertionError(f"not within {seconds} s; the toasts are {self.toasts()}")


@contextmanager
def signed_in(url: str, name: str) -> Iterator[Browser]:
    with Browser(base_url=url, timeout=20) as browser:
        answer = browser.submit("/accounts/login/", {"username": name, "password": name})
        assert answer.status_code == 302, answer.text
        yield browser
