"""What a million open pages would take: ``python -m tests.bench.scale``.

Arithmetic over measured constants, and a small simulation of the minute after everybody was cut
off. No server is started. ``docs/scaling.md`` explains the rows; where a constant comes from stands
beside it. It measures nothing at a million pages: it says which part would give way first.
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
    hint: float = 0.16e-6  # `constants`: a hint for nobody here, unpacked and looked up
    probe: float = 1.4e-6  # `constants`: PostgreSQL, one user's state within a batch
    right: float = 3.0e-6  # `constants`: PostgreSQL, one session and one user within a batch
    listener: float = 30e-6  # `constants`: PostgreSQL, one NOTIFY to one listener


@dataclass(frozen=True)
class Site:
    pages: int
    per_process: int = 10_000
    toasts_an_hour: float = 6  # to each page's user, each dismissed once
    reconcile: float = 5  # TOASTS_RECONCILE, seconds
    sweep: float = 25  # TOASTS_SWEEP, seconds
    lifetime: float = 450  # the mean of TOASTS_ROTATE, seconds
    database_cores: int = 8
    batches: float = 100  # NOTIFYs a second of one writing process at most: the rest gathers

    @property
    def processes(self) -> int:
        return -(-self.pages // self.per_process)


def steady(site: Site, cost: Constants) -> dict[str, float]:
    """Rates a second and cores, all processes together, while nothing special happens."""
    changes = 2 * site.pages * site.toasts_an_hour / 3600  # made, and dismissed
    notifies = min(changes, site.processes * site.batches)
    accepts = site.pages / site.lifetime
    probes = changes + site.pages / site.reconcile + accepts
    rights = site.pages / site.sweep + accepts
    return {
        "processes": site.processes,
        "memory, GB": site.pages * cost.page_bytes / 1e9,
        "changes/s": changes,
        "NOTIFYs/s": notifies,
        "cores: hints heard": changes * cost.hint * site.processes,
        "cores: events, accepts": changes * cost.event + accepts * cost.accept,
        "database cores: NOTIFY": notifies * cost.listener * site.processes,
        "database cores: states": probes * cost.probe,
        "database cores: rights": rights * cost.right,
    }


@dataclass(frozen=True)
class Storm:
    served: float  # seconds until 99.9% are back
    lookups: float  # sessions, users and states a second at the peak
    waited: float  # seconds that the slowest 1% waited


def storm(site: Site, cost: Constants, restarted: float, spread: float, seed: int = 1) -> Storm:
    """The pages of some processes are cut off at once and come back to all the others and them.

    Args:
        restarted: which share of all processes restarts at this moment.
        spread: seconds over which the clients come back (the server's ``retry`` and the client's
            full jitter).
    """
    rng = random.Random(seed)
    sample = 20_000
    weight = site.pages * restarted / sample
    arrivals = sorted(rng.uniform(0, spread) for _ in range(sample))
    # Accepts a second: a fifth of each server process, half of the database are left to the pages.
    capacity = min(
        site.processes * 0.8 / cost.accept,
        site.database_cores * 0.5 / (cost.right + cost.probe),
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
        "10,000,000, slower looks": Site(10_000_000, reconcile=60, sweep=120),
    }
    rows = {name: steady(site, cost) for name, site in sites.items()}
    print(f"{'':26}" + "".join(f"{name:>26}" for name in rows))
    for label in next(iter(rows.values())):
        print(f"{label:26}" + "".join(f"{row[label]:26,.2f}" for row in rows.values()))
    print("\nAfter a restart (share at once, spread in s): back after s, lookups/s, slowest 1% s")
    for name, site in sites.items():
        for restarted, spread in ((1.0, 5.0), (1.0, 30.0), (0.1, 5.0)):
            found = storm(site, cost, restarted, spread)
            print(
                f"{name:26}{restarted:6.0%} {spread:5.0f} s: {found.served:8.1f}"
                f"{found.lookups:14,.0f}{found.waited:10.1f}"
            )


if __name__ == "__main__":
    main()
