"""The site with its demos, on either database, and plain SQL next to it."""

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
    """A running site, and a connection for SQL that Django does not run."""

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
        """Return a client in which this user is signed in."""
        return Browser(base_url=self.server.url, cookies=self.sessions[name], timeout=20)

    def sql(self, *statements: str) -> list[Any]:
        """Run the statements in one transaction, and return the rows of the last one."""
        with self._transaction() as run:
            for statement in statements:
                cursor = run(statement)
            rows: list[Any] = cursor.fetchall() if cursor.description else []
        return rows

    @contextmanager
    def _transaction(self) -> Iterator[Any]:
        if self.on_postgres:
            with psycopg.connect(self.url) as postgres:
                yield postgres.execute
        else:
            path = self.url.removeprefix("sqlite:///")
            with closing(sqlite3.connect(path, timeout=10)) as sqlite, sqlite:
                yield sqlite.execute

    @contextmanager
    def hints(self) -> Iterator[Any]:
        """Yield a function that waits for this many hints on the channel, and returns them."""
        with psycopg.connect(self.url, autocommit=True) as connection:
            connection.execute("LISTEN toasts")

            def received(count: int) -> list[str]:
                hints: list[str] = []
                for notification in connection.notifies(timeout=20):
                    message = json.loads(notification.payload)
                    if isinstance(message, list):  # a canary of the server is no list
                        hints += message
                    if len(hints) >= count:
                        break
                return hints

            yield received

    def close(self) -> None:
        self.site.close()


class Stream:
    """The events of a feed's stream, one after the other, without pings."""

    def __init__(self, events: Iterator[Any]) -> None:
        self._events = events

    def next(self, count: int = 1) -> list[Event]:
        """Wait for the next events."""
        events: list[Event] = []
        while len(events) < count:
            event = next(self._events)
            if event.event != "ping":
                text = event.data
                data = json.loads(text) if text.startswith("{") else text
                events.append((event.event, data))
        return events

    def snapshot(self) -> list[Event]:
        """Wait for the events up to the first ``sync``."""
        events = self.next()
        while events[-1][0] != "sync":
            events += self.next()
        return events


@contextmanager
def subscribe(client: httpx.Client, path: str, **parameters: Any) -> Iterator[Stream]:
    with connect_sse(client, "GET", path, params=parameters, timeout=20) as source:
        yield Stream(source.iter_sse())
