"""All pages reconnect at once, after the server was killed and started again."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import httpx

from tests.bench import report
from tests.bench.load import Load, count
from tests.bench.machine import Meter
from tests.bench.report import Table
from tests.bench.sites import Population, populated, postgres
from tests.bench.targets import TOASTS, Served
from tests.support.servers import Server

RETRY = (1000, 5000)
"""The range of the reconnect delay in milliseconds, as in the stream's ``retry``."""
PAGES = ("/", "/toasts/poll/")
"""One page without a query, and one with a session, a user and a query."""
PAGES_PER_SECOND = 20.0


@dataclass(frozen=True)
class Size:
    streams: int = 2000
    servers: tuple[str, ...] = ("uvicorn", "daphne")
    down: float = 1.0
    """Seconds between the end and the start of the server."""


QUICK = Size(streams=40, servers=("uvicorn",), down=0.2)
FULL = Size(streams=10_000)


def run(size: Size) -> Iterator[Table]:
    with postgres() as server, populated(server.create("storm"), size.streams) as people:
        rows = [_storm(people, kind, size) for kind in size.servers]
    yield Table("Storm: all streams reconnect after kill -9 and a restart", rows, NOTES)
    yield Table("Storm: limits", report.compare(_limits(rows)))


NOTES = (
    "Each reconnects 1 to 5 s after it was disconnected or refused. served s: from the first",
    "response of the new server to the last stream's state. accept ms: CPU for each stream.",
    "pages: GETs of two views meanwhile.",
)


def _limits(rows: list[dict[str, Any]]) -> Iterator[tuple[str, float | None, float]]:
    for row in rows:
        yield f"{row['server']}: {row['streams']} served within, s", row["served s"], 15
        yield f"{row['server']}: pages' p99 ms", row["page p99 ms"], 500
        yield f"{row['server']}: pages that failed", row["page errors"], 0


def _storm(people: Population, kind: str, size: Size) -> dict[str, Any]:
    with Served(people.url, TOASTS) as served:
        server = served.serve(kind)
        with Load(server.port, TOASTS.path, people.cookies, size.streams + 1) as load:
            load.command("rate", 1000, 32)
            load.open(size.streams, TOASTS.ready, 600)
            return {
                "server": kind,
                "streams": size.streams,
                **_restarted(load, server, people, size),
            }


def _restarted(load: Load, server: Server, people: Population, size: Size) -> dict[str, Any]:
    # From now on there is no limit: each client connects as soon as its delay is over.
    load.command("rate", 10_000, size.streams)
    load.command("retry", *RETRY)
    load.command("reset")
    server.kill()
    time.sleep(size.down)
    server.start()
    cookie = people.cookies.read_text().splitlines()[0]
    meter, started = Meter(server.pid), time.monotonic()
    cpu = meter.cpu()
    with Visitor(server.url, cookie) as visitor:
        stats = load.until(lambda now: _all_back(now, size.streams), 300)
        seconds = time.monotonic() - started
    cpu = meter.cpu() - cpu
    served = stats["events"][TOASTS.ready]["last"] - stats["first_head"]
    return {
        "served s": served / 1e9, "watched s": seconds, "accept ms": 1000 * cpu / size.streams,
        "failed": stats["failed"], "refused": stats["refused"], **visitor.row(),
    }  # fmt: skip


def _all_back(stats: dict[str, Any], streams: int) -> bool:
    return bool(stats["open"] == streams and count(stats, TOASTS.ready) >= streams)


class Visitor:
    """A client that requests pages at a steady rate during the reconnects."""

    def __init__(self, url: str, cookie: str) -> None:
        self.url, self.headers = url, {"Cookie": cookie}
        self.waits: list[float] = []
        self.errors = 0
        self.over = threading.Event()
        self.thread = threading.Thread(target=self._visit)

    def __enter__(self) -> Visitor:
        self.thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self.over.set()
        self.thread.join(60)

    def _visit(self) -> None:
        with httpx.Client(base_url=self.url, headers=self.headers, timeout=30) as client:
            for number in range(100_000):
                if self.over.is_set() and self.waits:
                    return
                started = time.monotonic()
                self._get(client, PAGES[number % len(PAGES)])
                self.over.wait(max(0.0, started + 1 / PAGES_PER_SECOND - time.monotonic()))

    def _get(self, client: httpx.Client, path: str) -> None:
        started = time.monotonic()
        try:
            failed = client.get(path).status_code >= 500
        except httpx.TransportError:
            failed = True
        self.errors += failed
        self.waits.append(1000 * (time.monotonic() - started))

    def row(self) -> dict[str, Any]:
        found = report.quantiles(self.waits)
        return {
            "pages": len(self.waits), "page p50 ms": found["p50"], "page p99 ms": found["p99"],
            "page errors": self.errors,
        }  # fmt: skip
