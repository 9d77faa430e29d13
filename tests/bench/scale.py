"""Estimates the cost of a million open pages: ``python -m tests.bench.scale``.

The estimate is arithmetic over measured constants, and a small simulation of the minute after all
pages were disconnected. No server is started. ``docs/scaling.md`` explains the rows. The comment of
each constant names its source. The result shows which part would reach its limit first.
"""

from __future__ import annotations

import argparse
import random
from dataclasses import dataclass


@dataclass(frozen=True)
class Constants:
    """CPU seconds on one core of the machine that docs/scaling.md names."""

    page_bytes: float = 11_000  # `streams`: memory per idle stream, uvicorn
    accept: float = 0.6e-3  # `streams`: CPU per accept
    event: float = 16e-6  # `streams`: CPU per delivered event
    hint: float = 0.16e-6  # `constants`: a hint that concerns no user of the process
    state: float = 1.4e-6  # `constants`: PostgreSQL, one user's state within a batch
    session: float = 3.0e-6  # `constants`: PostgreSQL, one session and one user within a batch
    notify: float = 30e-6  # `constants`: PostgreSQL, one NOTIFY to one listener


@dataclass(frozen=True)
class Site:
    pages: int
    per_process: int = 10_000
    toasts_an_hour: float = 6  # to the user of each page, who dismisses each once
    reconcile: float = 5  # TOASTS_RECONCILE, seconds
    sweep: float = 25  # TOASTS_SWEEP, seconds
    lifetime: float = 450  # the mean of TOASTS_ROTATE, seconds
    database_cores: int = 8
    batches: float = 100  # NOTIFYs per second of one writing process at most; more are combined

    @property
    def processes(self) -> int:
        return -(-self.pages // self.per_process)


def steady(site: Site, cost: Constants) -> dict[str, float]:
    """Return rates per second and cores of all processes together, in normal operation."""
    changes = 2 * site.pages * site.toasts_an_hour / 3600  # created and dismissed
    notifies = min(changes, site.processes * site.batches)
    accepts = site.pages / site.lifetime
    states = changes + site.pages / site.reconcile + accepts
    sessions = site.pages / site.sweep + accepts
    return {
        "processes": site.processes,
        "memory, GB": site.pages * cost.page_bytes / 1e9,
        "changes/s": changes,
        "NOTIFYs/s": notifies,
        "cores: received hints": changes * cost.hint * site.processes,
        "cores: events, accepts": changes * cost.event + accepts * cost.accept,
        "database cores: NOTIFY": notifies * cost.notify * site.processes,
        "database cores: states": states * cost.state,
        "database cores: sessions": sessions * cost.session,
    }


@dataclass(frozen=True)
class Storm:
    served: float  # seconds until 99.9 % are connected
    lookups: float  # sessions, users and states per second at the peak
    waited: float  # seconds that the slowest 1 % waited


def storm(site: Site, cost: Constants, restarted: float, spread: float, seed: int = 1) -> Storm:
    """Simulate a restart: the pages of some processes reconnect to all processes.

    Args:
        restarted: the share of all processes that restart at once.
        spread: the seconds over which the clients reconnect (the server's ``retry`` and the
            client's full jitter).
    """
    rng = random.Random(seed)
    sample = 20_000
    weight = site.pages * restarted / sample
    arrivals = sorted(rng.uniform(0, spread) for _ in range(sample))
    # Accepts per second. A fifth of each process and half of the database are left to the pages.
    capacity = min(
        site.processes * 0.8 / cost.accept,
        site.database_cores * 0.5 / (cost.session + cost.state),
    )
    free, done, waits = 0.0, [], []
    for arrival in arrivals:
        free = max(free, arrival) + weight / capacity
        done.append(free)
        waits.append(free - arrival)
    last = done[int(sample * 0.999)]
    return Storm(
        last, 3 * site.pages * restarted / max(last, 1.0), sorted(waits)[int(sample * 0.99)]
    )


def main() -> None:
    argparse.ArgumentParser(description=__doc__).parse_args()
    cost = Constants()
    sites = {
        "10,000": Site(10_000),
        "100,000": Site(100_000),
        "1,000,000": Site(1_000_000),
        "10,000,000": Site(10_000_000),
        "10,000,000, rarer reads": Site(10_000_000, reconcile=60, sweep=120),
    }
    rows = {name: steady(site, cost) for name, site in sites.items()}
    print(f"{'':26}" + "".join(f"{name:>26}" for name in rows))
    for label in next(iter(rows.values())):
        print(f"{label:26}" + "".join(f"{row[label]:26,.2f}" for row in rows.values()))
    print("\nAfter a restart (share, spread in s): all served after s, lookups/s, slowest 1 % in s")
    for name, site in sites.items():
        for restarted, spread in ((1.0, 5.0), (1.0, 30.0), (0.1, 5.0)):
            found = storm(site, cost, restarted, spread)
            print(
                f"{name:26}{restarted:6.0%} {spread:5.0f} s: {found.served:8.1f}"
                f"{found.lookups:14,.0f}{found.waited:10.1f}"
            )


if __name__ == "__main__":
    main()
