"""The site with its demos, on either database, and plain SQL beside it."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Any

import httpx
import psycopg
from httpx_sse import connect_sse

from tests.support.core_site import Browser, CoreSite
from tests.support.servers import Server

Event = tuple[str, Any]


class Demo:
    """A running site. Its SQL is run by no Django, on a connection of its own."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.site = CoreSite(url)
        self.server: Server = self.site.serve()
        self.users: dict[str, int] = dict(self.sql("SELECT username, id FROM auth_user"))
        self.sessions = self.site.sessions(*self.users)

    @property
    def on_postgres(self) -> bool:
        return self.url.startswith("postgres")

    def browser(self, name: str) -> Browser:
        """One in which this user is signed in."""
        return Browser(base_url=self.server.url, cookies=self.sessions[name], timeout=20)

    def sql(self, *statements: str) -> list[Any]:
        """Run them in one transaction; what the last one returned."""
        with self._transaction() as run:
            for statement in statements:
                found = run(statement)
            rows: list[Any] = found.fetchall() if found.description else []
        return rows

    @contextmanager
    def _transaction(self) -> Iterator[Any]:
        if self.on_postgres:
            with psycopg.connect(self.url) as connection:
                yield connection.execute
        else:
            path = self.url.removeprefix("sqlite:///")
            with closing(sqlite3.connect(path, timeout=10)) as connection, connection:
                yield connection.execute

    @contextmanager
    def hints(self) -> Iterator[Any]:
        """What is said on the channel meanwhile, as a function that waits for so many hints."""
        with psycopg.connect(self.url, autocommit=True) as connection:
            connection.execute("LISTEN toasts")

            def heard(number: int) -> list[str]:
                found: list[str] = []
                for notification in connection.notifies(timeout=20):
                    said = json.loads(notification.payload)
                    # A canary, of the server's own, is no list.
                    found += [hint for hint in said if isinstance(said, list)]
                    if len(found) >= number:
                        break
                return found

            yield heard

    def close(self) -> None:
        self.site.close()


class Stream:
    """The events of a feed's stream, one after the other."""

    def __init__(self, events: Iterator[Any]) -> None:
        self._events = events

    def next(self, number: int = 1) -> list[Event]:
        found: list[Event] = []
        while len(found) < number:
            event = next(self._events)
            if event.event != "ping":
                text = event.data
                found.append((event.event, json.loads(text) if text[:1] == "{" else text))
        return found

    def snapshot(self) -> list[Event]:
        """Up to the first ``sync``."""
        found = self.next()
        while found[-1][0] != "sync":
            found += self.next()
        return found


@contextmanager
def listening(client: httpx.Client, path: str, **parameters: Any) -> Iterator[Stream]:
    with connect_sse(client, "GET", path, params=parameters, timeout=20) as source:
        yield Stream(source.iter_sse())
