"""What create_toast costs whoever calls it, beside the same INSERT without any announcement."""

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
"""Each commit waits 2 ms for others to flush with it, as on a disk of a cloud."""


@dataclass(frozen=True)
class Size:
    connections: int = 64
    processes: int = 4
    seconds: float = 2.0
    rounds: int = 5
    users: int = 10_000
    """Of the bulk."""


QUICK = Size(connections=8, processes=2, seconds=0.3, rounds=2, users=200)
FULL = Size(seconds=5.0, rounds=9)


@dataclass(frozen=True)
class Way:
    """A way to write, and in what kind of process."""

    name: str
    how: str
    hub: bool = False
    silent: bool = False


BASE = Way("Toast.save(), no announcement", "save")
SILENT = Way("create_toast, a broker that is silent", "create", silent=True)
BESIDE = (("to save()", BASE), ("to silent", SILENT))
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
    yield Table("Writers: bars", report.against(_bars(singles, bulk)))


NOTES = (
    "commit_delay=2000, commit_siblings=0, fsync=on; medians over rounds that take turns.",
    "us/toast: CPU of the writers. to save(): toasts/s beside the bare INSERT in the same round;",
    "to silent: beside create_toast without its announcement, which is what announcing costs.",
    "Writers and PostgreSQL share this machine's processors, which limit as much as the disk.",
)
BULK_NOTES = (
    "create_toasts takes a queryset and makes its rows by the thousand; bulk_create gets a list",
    "of all rows, and batch_size=1000. Making the rows is part of both.",
)


def _bars(singles: list[Any], bulk: list[Any]) -> Iterator[tuple[str, float | None, float]]:
    for row in singles[2:]:
        for name, _ in BESIDE:
            yield f"{row['way']}: toasts/s lost {name}, %", 100 * (1 - row[name]), 10
    yield "create_toasts, times bulk_create", bulk[1]["ratio"], 1.3


@contextlib.contextmanager
def _crews(people: Population, size: Size) -> Iterator[Mapping[Way, list[Worker]]]:
    """For each way its processes, connected and waiting."""
    # Of a user to whom nobody writes.
    cookie = people.cookies.read_text().splitlines()[-1]
    crews = {way: _crew(way, people, size) for way in WAYS}
    try:
        for way, crew in crews.items():
            for worker in crew:
                worker.result()  # of hire
                if way.hub and not worker.call("serve_a_page", cookie=cookie):
                    raise RuntimeError("the page in the writers' process got no answer")
        yield crews
    finally:
        for crew in crews.values():
            for worker in crew:
                worker.close()


def _crew(way: Way, people: Population, size: Size) -> list[Worker]:
    silent = {"DJANGO_SETTINGS_MODULE": "tests.bench.silent_settings"} if way.silent else {}
    crew = [Worker(people.site, MODULE, **silent) for _ in range(size.processes)]
    for worker in crew:
        worker.begin(
            "hire", user_ids=people.user_ids[:100], threads=size.connections // size.processes
        )
    return crew


def _singles(people: Population, size: Size) -> list[dict[str, Any]]:
    found: dict[Way, list[dict[str, float]]] = {way: [] for way in WAYS}
    with _crews(people, size) as crews:
        for round in range(size.rounds + 1):
            for way in _turn(WAYS, round):
                measured = _write(crews[way], way, size.seconds)
                if round:  # the first warms up
                    found[way].append(measured)
    return [
        {**_row(way, measured), **{name: _ratio(measured, found[base]) for name, base in BESIDE}}
        for way, measured in found.items()
    ]


def _turn(ways: Sequence[T], round: int) -> list[T]:
    """Each begins a round in turn: nobody always follows the same one."""
    first = round % len(ways)
    return [*ways[first:], *ways[:first]]


def _write(crew: list[Worker], way: Way, seconds: float) -> dict[str, float]:
    for worker in crew:
        worker.begin("write", how=way.how, seconds=seconds)
    results = [worker.result() for worker in crew]
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
    """Of the rates, round by round."""
    pairs = zip(measured, base, strict=True)
    return statistics.median(mine["rate"] / other["rate"] for mine, other in pairs)


def _bulk(people: Population, size: Size) -> list[dict[str, Any]]:
    worker = Worker(people.site, MODULE)
    names = ("bulk_create", "create_toasts")
    found: dict[str, list[float]] = {name: [] for name in names}
    try:
        for round in range(size.rounds + 1):
            for name in _turn(names, round):
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
