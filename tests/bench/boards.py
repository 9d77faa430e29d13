"""Orders inserted by plain SQL and announced by a trigger, on the boards of many browsers."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import psycopg

from tests.bench import report
from tests.bench.load import Load, count
from tests.bench.machine import Meter
from tests.bench.report import Table
from tests.bench.sites import populated, postgres
from tests.bench.targets import TOASTS, Served, Target

BOARDS = Target("boards", "tests.support.asgi", "tests.settings", "/feeds/orders/")
TRIGGERS = """
from django.db import connection
from toasts.feeds.triggers import InstallFeedTriggers
with connection.schema_editor() as editor:
    InstallFeedTriggers("orders", "orders", ["all"]).database_forwards("x", editor, None, None)
"""
TABLE = "CREATE TABLE orders (id bigserial PRIMARY KEY, product text, price int)"
INSERT = "INSERT INTO orders (product, price) VALUES (%s, 5)"
P99 = 200.0
"""Milliseconds."""


@dataclass(frozen=True)
class Size:
    streams: int = 200
    rate: float = 500.0
    """Rows per second, each in its own transaction."""
    seconds: float = 10.0
    servers: tuple[str, ...] = ("uvicorn", "daphne")


QUICK = Size(streams=10, rate=50.0, seconds=1.0, servers=("uvicorn",))
FULL = Size(seconds=30.0)


def run(size: Size) -> Iterator[Table]:
    with (
        postgres() as server,
        populated(server.create("boards"), size.streams) as people,
        psycopg.connect(people.url, autocommit=True) as writer,
    ):
        writer.execute(TABLE)
        people.site.run(TRIGGERS)
        rows = [_measured(people, writer, kind, size) for kind in size.servers]
    yield Table("Boards: from the commit of a plain INSERT to every open board", rows, NOTES)
    limits = ((f"{row['server']}: p99 ms", row["p99"], P99) for row in rows)
    yield Table("Boards: limits", report.compare(limits))


NOTES = (
    "Milliseconds, over all rows and boards. One feed of the newest 100 rows, one server process.",
    "accept ms: CPU to open a board. toasts' ms: CPU to open a stream of toasts by the fast path.",
    "CPU %: of a core, in the server's process. skipped: rows that newer ones had displaced before",
    "they were sent. A feed sends the current rows (200 ms of them, at 500 rows/s), and is no log.",
)


def _measured(people: Any, writer: Any, kind: str, size: Size) -> dict[str, Any]:
    with Served(people.url, BOARDS, TEST_URLS="tests.bench.boards_site") as served:
        server = served.serve(kind)
        meter = Meter(server.pid)
        with Load(server.port, TOASTS.path, people.cookies, size.streams + 1) as load:
            toasts = _open(load, meter, size)
        with Load(server.port, BOARDS.path, people.cookies, size.streams + 1) as load:
            accepted = _open(load, meter, size)
            load.command("reset")
            started, cpu = time.monotonic(), meter.cpu()
            published = _write(writer, size)
            seconds, spent = time.monotonic() - started, meter.cpu() - cpu
            with contextlib.suppress(TimeoutError):  # some rows were skipped
                load.until(lambda now: count(now, "change") >= len(published) * size.streams, 20)
            waits = [(arrival - published[stamp]) / 1e6 for stamp, arrival in load.samples()]
    return {
        "server": kind, "boards": size.streams, "accept ms": accepted, "toasts' ms": toasts,
        "rows/s": len(published) / seconds,
        **report.quantiles(waits), "CPU %": 100 * spent / seconds,
        "skipped": len(published) * size.streams - len(waits),
    }  # fmt: skip


def _open(load: Load, meter: Meter, size: Size) -> float:
    """Open all streams. Return the server's CPU time for each, in milliseconds."""
    before = meter.cpu()
    load.command("rate", 1000, 32)
    load.open(size.streams, BOARDS.ready)
    return 1000 * (meter.cpu() - before) / size.streams


def _write(writer: Any, size: Size) -> dict[int, int]:
    """Insert rows at the rate. Return the time of each commit by the stamp in the row."""
    published, due = {}, time.monotonic()
    for _ in range(int(size.rate * size.seconds)):
        time.sleep(max(0.0, due - time.monotonic()))
        due += 1 / size.rate
        stamp = time.time_ns()
        writer.execute(INSERT, [f"t={stamp}"])
        published[stamp] = time.time_ns()
    return published
