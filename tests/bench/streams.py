"""Cost of an open stream: memory, threads, connections, CPU, and latency."""

from __future__ import annotations

import statistics
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from tests.bench import report
from tests.bench.load import Load, count
from tests.bench.machine import Meter
from tests.bench.report import Table
from tests.bench.sites import Population, Worker, connections, populated, postgres
from tests.bench.targets import BARE, CHANNELS, EVENTSTREAM, TOASTS, Served, Target
from tests.support.postgres import PostgresServer

KB, ACCEPT, IDLE, EVENT = "KB/stream", "accept ms", "idle %", "us/event"
COLUMNS = (KB, ACCEPT, EVENT, "p50 ms", "p99 ms")
WARM = 0.05
"""The share of streams that opens first, so that imports and pools do not count."""
PRODUCERS = 2


@dataclass(frozen=True)
class Size:
    streams: int = 2000
    idle: float = 30.0
    """Seconds: twice the heartbeat."""
    rounds: int = 5
    rate: float = 500.0
    """Toasts to single users per second."""
    seconds: float = 10.0
    servers: tuple[str, ...] = ("uvicorn", "daphne")
    baselines: tuple[tuple[str, Target], ...] = (
        ("uvicorn", BARE),
        ("daphne", BARE),
        ("uvicorn", EVENTSTREAM),
        ("uvicorn", CHANNELS),
    )


QUICK = Size(
    streams=40, idle=1.0, rounds=2, rate=50.0, seconds=1.0, servers=("uvicorn",),
    baselines=(("uvicorn", BARE), ("uvicorn", EVENTSTREAM), ("uvicorn", CHANNELS)),
)  # fmt: skip
FULL = Size(streams=10_000, seconds=20.0)


def run(size: Size) -> Iterator[Table]:
    runs = [(server, TOASTS) for server in size.servers] + list(size.baselines)
    with postgres() as server, populated(server.create("streams"), size.streams) as people:
        rows = [Measurement(server, people, kind, target, size).row() for kind, target in runs]
    ours = {row["server"]: row for row in rows if row["target"] == TOASTS.name}
    theirs = [row for row in rows if row["target"] != TOASTS.name]
    yield Table("Streams: cost of idle streams and of events in the server's process", rows, NOTES)
    compared = report.ratios(theirs, ours, COLUMNS)
    yield Table("Streams: ratio to each baseline (below 1 is less)", compared)
    yield Table("Streams: limits", report.compare(limits(ours, theirs)))


NOTES = (
    "KB/stream: proportional set size. threads+: increase since the first few streams. db:",
    "connections. accept ms: CPU of connect, authentication and first state. idle: % of a core,",
    "with pings. us/event: CPU per delivered event, in the server's process, of one event to all",
    "streams; median of the rounds. all received ms: from the commit to the last stream.",
    "p50, p99: from the commit to the client, toasts to single users.",
    "For baselines, the time starts with the request to publish instead of the commit. They store",
    "and read nothing. The CPU of PostgreSQL is not included. It runs without fsync.",
)


def limits(ours: dict[str, Any], theirs: list[Any]) -> Iterator[tuple[str, float | None, float]]:
    for server, most_kb in (("uvicorn", 12.0), ("daphne", 15.0)):
        row = ours.get(server)
        if row is None:
            continue
        yield f"{server}: KB per idle stream", row[KB], most_kb
        yield f"{server}: accept, ms CPU", row[ACCEPT], 0.6
        yield f"{server}: more threads", row["threads+"], 0
        yield f"{server}: database connections", row["db"], 2
        yield f"{server}: idle, % of a core", row[IDLE], 3.0
        yield f"{server}: p50 ms", row["p50 ms"], 5.0
        yield f"{server}: p99 ms", row["p99 ms"], 25.0
        for other in theirs:
            if other["server"] == server and other["target"] == BARE.name:
                yield f"{server}: us/event, ratio to bare ASGI", row[EVENT] / other[EVENT], 1.3
            if other["server"] == server and other["target"] == EVENTSTREAM.name:
                share = row[EVENT] / other[EVENT]
                yield f"{server}: us/event, ratio to django-eventstream", share, 1 / 7


class Measurement:
    """The measurement of one target on one server."""

    def __init__(
        self, server: PostgresServer, people: Population, kind: str, target: Target, size: Size
    ) -> None:
        self.postgres, self.people, self.kind = server, people, kind
        self.target, self.size = target, size
        self.streams = min(size.streams, target.most or size.streams)
        self.user_ids = people.user_ids[: self.streams]

    def row(self) -> dict[str, Any]:
        people, path = self.people, self.target.path
        with Served(people.url, self.target) as served:
            server = served.serve(self.kind)
            self.port, self.meter = server.port, Meter(server.pid)
            with Load(server.port, path, people.cookies, self.streams + 1) as load:
                self.load = load
                row = {"target": self.target.name, "server": self.kind, "streams": self.streams}
                return {**row, **self._opened(), **self._idle(), **self._deliveries(served)}

    def _opened(self) -> dict[str, Any]:
        warm = max(1, int(self.streams * WARM))
        self.load.command("rate", 1000, 32)
        self.load.open(warm, self.target.ready)
        time.sleep(1)
        memory, threads = self.meter.memory(), self.meter.threads()
        cpu, more = self.meter.cpu(), self.streams - warm
        self.load.open(more, self.target.ready, 600)
        accept = (self.meter.cpu() - cpu) / more
        time.sleep(1)
        return {
            KB: (self.meter.memory() - memory) / more,
            "threads+": self.meter.threads() - threads,
            ACCEPT: 1000 * accept,
        }

    def _idle(self) -> dict[str, Any]:
        db = connections(self.postgres, self.people.url)
        # Half of the time is enough for baselines.
        seconds = self.size.idle if self.target is TOASTS else self.size.idle / 2
        started, cpu = time.monotonic(), self.meter.cpu()
        time.sleep(seconds)
        share = (self.meter.cpu() - cpu) / (time.monotonic() - started)
        return {"db": db, IDLE: 100 * share}

    def _deliveries(self, served: Served) -> dict[str, Any]:
        workers = [Worker(served) for _ in range(PRODUCERS)]
        try:
            for worker in workers:
                worker.call("ready")
            return {**self._broadcasts(workers[0]), **self._singles(workers)}
        finally:
            for worker in workers:
                worker.close()

    def _broadcasts(self, worker: Worker) -> dict[str, Any]:
        costs, lasting = [], []
        for _ in range(self.size.rounds):
            self.load.command("reset")
            if self.target is TOASTS:  # the seconds for writing the rows do not count
                worker.call("begin_broadcast", user_ids=self.user_ids)
            cpu = self.meter.cpu()
            [(_, committed)] = self._broadcast(worker)
            stats = self._until("toast", self.streams)
            time.sleep(0.05)
            costs.append((self.meter.cpu() - cpu) / self.streams)
            lasting.append((stats["events"]["toast"]["last"] - committed) / 1e6)
            self._forget(worker)
        return {
            EVENT: 1e6 * statistics.median(costs),
            "all received ms": statistics.median(lasting),
        }

    def _until(self, event: str, number: int) -> dict[str, Any]:
        return self.load.until(lambda now: count(now, event) >= number, 120)

    def _broadcast(self, worker: Worker) -> Any:
        if self.target is TOASTS:
            return worker.call("commit_broadcast")
        return worker.call("publish", port=self.port, to=None)

    def _forget(self, worker: Worker) -> None:
        if self.target is TOASTS:
            worker.call("forget")
            self._until("dismiss", self.streams)

    def _singles(self, workers: list[Worker]) -> dict[str, Any]:
        self.load.command("reset")
        pace = {"rate": self.size.rate / len(workers), "seconds": self.size.seconds}
        started = time.monotonic()
        for worker in workers:
            if self.target is TOASTS:
                worker.begin("paced", user_ids=self.user_ids, **pace)
            else:
                to = range(self.streams) if self.target.by_number else self.user_ids
                worker.begin("publish_paced", port=self.port, to=list(to), **pace)
        published = dict(pair for worker in workers for pair in worker.result())
        seconds = time.monotonic() - started
        self._until("toast", len(published))
        waits = [(arrival - published[stamp]) / 1e6 for stamp, arrival in self.load.samples()]
        shown = report.quantiles(waits)
        return {
            "p50 ms": shown["p50"], "p99 ms": shown["p99"], "toasts/s": len(published) / seconds,
            "load CPU s": self.load.stats()["cpu"],
        }  # fmt: skip
