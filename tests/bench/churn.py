"""What connects and disconnects leave behind in a server, in every phase of a stream."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import httpx

from tests.bench import report
from tests.bench.load import Load, Stats
from tests.bench.machine import Meter
from tests.bench.report import Table
from tests.bench.sites import Population, populated, postgres
from tests.bench.targets import TOASTS, Served
from tests.support.servers import Server

COUNTED = replace(TOASTS, application="tests.bench.counted")
USERS, FAT_USERS = 500, 10
FAT = {"toasts": 200, "length": 2000}
"""A snapshot of about 450 KB, which fills the socket of a client that does not read."""
WARM = 0.2
"""The share of connects before the first census, so that pools and arenas have grown."""
SETTLES_WITHIN = 45.0
"""Seconds. A client that does not read is disconnected after 30."""


@dataclass(frozen=True)
class Phase:
    """When a client disconnects: half of them with a FIN, half with a RST.

    Args:
        name: the name of the phase in load.c.
        ms: the greatest delay in milliseconds, chosen at random.
        share: the share of all connects.
    """

    name: str
    ms: int
    share: float
    fat: bool = False


PHASES = (
    Phase("early", 20, 0.3),  # request sent, perhaps without an answer
    Phase("head", 0, 0.3),  # response started, the state is being read
    Phase("live", 50, 0.3),  # state received
    Phase("stalled", 100, 0.1, fat=True),  # in the middle of a write that is blocked
)


@dataclass(frozen=True)
class Size:
    connects: int = 10_000
    servers: tuple[str, ...] = ("uvicorn", "daphne")


QUICK = Size(connects=200, servers=("uvicorn",))
FULL = Size(connects=100_000)


def run(size: Size) -> Iterator[Table]:
    with postgres() as server, populated(server.create("churn"), USERS) as people:
        people.worker.call("fatten", user_ids=people.user_ids[:FAT_USERS], **FAT)
        rows = [row for kind in size.servers for row in _churned(people, kind, size)]
    yield Table("Churn: what is alive in the server's process", rows, NOTES)
    yield Table("Churn: limits", report.compare(_limits(rows)))


NOTES = (
    "Clients disconnect before the response, at its head, live, or during a write, by FIN or RST.",
    "threads to objects: counted after a warm-up, half-way and at the end. memory: PSS in KB.",
    "A leak grows in the second half as much as in the first. Pools and caches do not.",
    "tasks, objects: of asyncio and of the garbage collector, counted in the process itself.",
)
COUNTS = ("threads", "files", "tasks", "memory", "objects")


def _limits(rows: list[dict[str, Any]]) -> Iterator[tuple[str, float | None, float]]:
    for before, after in zip(rows[::3], rows[2::3], strict=True):
        for name in COUNTS:
            more = 100 * (after[name] / before[name] - 1)
            yield f"{after['server']}: {name} more, %", more, 2.0


def _churned(people: Population, kind: str, size: Size) -> Iterator[dict[str, Any]]:
    with Served(people.url, COUNTED) as served:
        server = served.serve(kind)
        _churn(people, server, int(size.connects * WARM))
        before = _census(server, None)
        yield {"server": kind, "when": "before", **before}
        for when in ("half-way", "after"):
            yield {"server": kind, "when": when, **_half(people, server, size, before)}


def _half(
    people: Population, server: Server, size: Size, before: Mapping[str, Any]
) -> dict[str, Any]:
    connects = size.connects // 2
    started, cpu = time.monotonic(), Meter(server.pid).cpu()
    counted = _churn(people, server, connects)
    seconds, cpu = time.monotonic() - started, Meter(server.pid).cpu() - cpu
    cost = {"connects/s": connects / seconds, "CPU ms each": 1000 * cpu / connects}
    return {**_census(server, before), **counted, **cost}


def _churn(people: Population, server: Server, connects: int) -> dict[str, int]:
    """Run all phases at the same time. Return the numbers of connects and of their ends."""
    with contextlib.ExitStack() as stack:
        loads = [_disconnecting(stack, people, server, phase, connects) for phase in PHASES]
        stats = [load.until(_is_done, 800, step=0.05) for load in loads]
    return {
        name: sum(one[counter] for one in stats)
        for name, counter in {
            "connects": "launched", "disconnected": "left", "ended by server": "ended",
            "failed": "failed", "refused": "refused",
        }.items()
    }  # fmt: skip


def _disconnecting(
    stack: contextlib.ExitStack, people: Population, server: Server, phase: Phase, connects: int
) -> Load:
    cookies = _cookies(people.cookies, phase.fat)
    load = stack.enter_context(Load(server.port, COUNTED.path, cookies, 64))
    load.command("rate", 1000, 12)
    load.command("phase", phase.name, phase.ms)
    load.command("open", max(1, int(connects * phase.share)))
    return load


def _cookies(every: Path, fat: bool) -> Path:
    lines = every.read_text().splitlines()
    chosen = every.with_name("cookies-fat" if fat else "cookies-lean")
    if not chosen.exists():
        chosen.write_text("\n".join(lines[:FAT_USERS] if fat else lines[FAT_USERS:]) + "\n")
    return chosen


def _is_done(stats: Stats) -> bool:
    return not (stats["wanted"] or stats["awaiting"] or stats["open"])


def _census(server: Server, before: Mapping[str, Any] | None) -> dict[str, Any]:
    """Count what is alive, once the counts no longer decrease or are as low as before."""
    deadline = time.monotonic() + SETTLES_WITHIN
    found = _count(server)
    while time.monotonic() < deadline:
        time.sleep(1)
        last, found = found, _count(server)
        quiet = all(found[name] >= last[name] for name in ("threads", "files", "tasks"))
        if quiet and (before is None or found["files"] <= before["files"]):
            break
    return found


def _count(server: Server) -> dict[str, Any]:
    answer = httpx.get(f"{server.url}/-/census", timeout=30).json()
    meter = Meter(server.pid)
    return {
        "threads": meter.threads(), "files": meter.files(), "tasks": answer["tasks"],
        "memory": meter.memory(), "objects": answer["objects"],
    }  # fmt: skip
