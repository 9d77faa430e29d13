"""Cost of create_toast for its caller, compared to the same INSERT without an announcement."""

from __future__ import annotations

import contextlib
import statistics
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from tests.bench import report
from tests.bench.report import Table
from tests.bench.sites import Population, Worker, populated, postgres

T = TypeVar("T")
MODULE = "tests.bench.writing"
FLUSH = {"fsync": "on", "commit_delay": 2000, "commit_siblings": 0, "max_connections": 400}
"""Each commit waits 2 ms for others to flush with, as on a cloud disk."""


@dataclass(frozen=True)
class Size:
    connections: int = 64
    processes: int = 4
    seconds: float = 2.0
    rounds: int = 5
    users: int = 10_000
    """The users of the bulk functions."""


QUICK = Size(connections=8, processes=2, seconds=0.3, rounds=2, users=200)
FULL = Size(seconds=5.0, rounds=9)


@dataclass(frozen=True)
class Way:
    """A way to write toasts, and the kind of process that does it."""

    name: str
    how: str
    hub: bool = False
    silent: bool = False


BASE = Way("Toast.save(), no announcement", "save")
SILENT = Way("create_toast, a broker that publishes nothing", "create", silent=True)
BASES = (("to save()", BASE), ("to silent", SILENT))
WAYS = (
    BASE,
    SILENT,
    Way("create_toast, in a worker's process", "create"),
    Way("create_toast, in a server's process", "create", hub=True),
)


def run(size: Size) -> Iterator[Table]:
    with postgres(**FLUSH) as server, populated(server.create("writers"), size.users) as people:
        singles = _singles(people, size)
        bulk = _bulk(people, size)
    yield Table(f"Writers: {size.connections} connections, PostgreSQL", singles, NOTES)
    yield Table(f"Writers: one toast to each of {size.users} users", bulk, BULK_NOTES)
    yield Table("Writers: limits", report.compare(_limits(singles, bulk)))


NOTES = (
    "commit_delay=2000, commit_siblings=0, fsync=on. Medians over several rounds.",
    "us/toast: CPU of the writers. to save(): ratio of toasts/s to the bare INSERT of the round.",
    "to silent: ratio to create_toast with a broker that publishes nothing.",
    "Writers and PostgreSQL share the cores of this machine.",
)
BULK_NOTES = (
    "create_toasts takes a queryset and creates its rows a thousand at a time. bulk_create gets a",
    "list of all rows, and batch_size=1000. Both include the time to build the rows.",
)


def _limits(singles: list[Any], bulk: list[Any]) -> Iterator[tuple[str, float | None, float]]:
    for row in singles[2:]:
        for name, _ in BASES:
            yield f"{row['way']}: decrease of toasts/s {name}, %", 100 * (1 - row[name]), 10
    yield "create_toasts, ratio to bulk_create", bulk[1]["ratio"], 1.3


@contextlib.contextmanager
def _all_workers(people: Population, size: Size) -> Iterator[Mapping[Way, list[Worker]]]:
    """Yield the processes of each way, connected and waiting."""
    # The cookie of a user who gets no toasts.
    cookie = people.cookies.read_text().splitlines()[-1]
    workers = {way: _workers(way, people, size) for way in WAYS}
    try:
        for way, own in workers.items():
            for worker in own:
                worker.result()  # of start_threads
                if way.hub and not worker.call("serve_a_page", cookie=cookie):
                    raise RuntimeError("the stream in the writers' process got no snapshot")
        yield workers
    finally:
        for own in workers.values():
            for worker in own:
                worker.close()


def _workers(way: Way, people: Population, size: Size) -> list[Worker]:
    silent = {"DJANGO_SETTINGS_MODULE": "tests.bench.silent_settings"} if way.silent else {}
    threads = size.connections // size.processes
    workers = [Worker(people.site, MODULE, **silent) for _ in range(size.processes)]
    for worker in workers:
        worker.begin("start_threads", user_ids=people.user_ids[:100], threads=threads)
    return workers


def _singles(people: Population, size: Size) -> list[dict[str, Any]]:
    found: dict[Way, list[dict[str, float]]] = {way: [] for way in WAYS}
    with _all_workers(people, size) as workers:
        for round in range(size.rounds + 1):
            for way in _rotated(WAYS, round):
                measured = _write(workers[way], way, size.seconds)
                if round:  # the first warms up
                    found[way].append(measured)
    return [
        {**_row(way, measured), **{name: _ratio(measured, found[base]) for name, base in BASES}}
        for way, measured in found.items()
    ]


def _rotated(ways: Sequence[T], round: int) -> list[T]:
    """Return the ways in the order of this round: each comes first in turn."""
    first = round % len(ways)
    return [*ways[first:], *ways[:first]]


def _write(workers: list[Worker], way: Way, seconds: float) -> dict[str, float]:
    for worker in workers:
        worker.begin("write", how=way.how, seconds=seconds)
    results = [worker.result() for worker in workers]
    written = sum(result["written"] for result in results)
    return {
        "rate": sum(result["written"] / result["seconds"] for result in results),
        "cpu": 1e6 * sum(result["cpu"] for result in results) / max(1, written),
    }


def _row(way: Way, measured: list[dict[str, float]]) -> dict[str, Any]:
    return {
        "way": way.name,
        "toasts/s": statistics.median(one["rate"] for one in measured),
        "us/toast": statistics.median(one["cpu"] for one in measured),
    }


def _ratio(measured: list[dict[str, float]], base: list[dict[str, float]]) -> float:
    """Return the median over the rounds of the ratio of the rates."""
    pairs = zip(measured, base, strict=True)
    return statistics.median(mine["rate"] / other["rate"] for mine, other in pairs)


def _bulk(people: Population, size: Size) -> list[dict[str, Any]]:
    worker = Worker(people.site, MODULE)
    names = ("bulk_create", "create_toasts")
    found: dict[str, list[float]] = {name: [] for name in names}
    try:
        for round in range(size.rounds + 1):
            for name in _rotated(names, round):
                seconds = worker.call("many", how=name, user_ids=people.user_ids)
                if round:
                    found[name].append(seconds)
    finally:
        worker.close()
    base = found["bulk_create"]
    return [
        {
            "way": name,
            "seconds": statistics.median(seconds),
            "ratio": statistics.median(
                mine / other for mine, other in zip(seconds, base, strict=True)
            ),
        }
        for name, seconds in found.items()
    ]
