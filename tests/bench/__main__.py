"""``python -m tests.bench [NAME ...]``: runs scenarios and prints their tables.

It starts its own PostgreSQL and servers on 127.0.0.1, and stops them at the end.
"""

from __future__ import annotations

import argparse
import dataclasses
import importlib
import json
import os
import sys
import time
from pathlib import Path
from typing import Any

from tests.bench.machine import describe, raise_limits
from tests.bench.report import Report

SCENARIOS = {
    "latency": "time from create_toast in another process to an open page",
    "streams": "cost of an open stream, compared to bare ASGI, django-eventstream and channels",
    "writers": "cost of create_toast, compared to a bare INSERT",
    "pages": "time that the middleware adds to a page under WSGI",
    "boards": "time from a plain INSERT to the boards of many browsers, by a trigger and a feed",
    "churn": "threads, files, tasks and memory that connects and disconnects leave behind",
    "screen": "cost of many toasts, and of the client's start, for the page",
    "tabs": "time of toasts and dismissals in twenty tabs of one browser",
    "storm": "time until all clients are connected again after the server was killed",
}
BUSY = 0.5
"""The load average per core, before the start, above which a warning is printed."""


def parse(arguments: list[str]) -> argparse.Namespace:
    listed = "\n".join(f"  {name:10}{what}" for name, what in SCENARIOS.items())
    parser = argparse.ArgumentParser(
        "python -m tests.bench", epilog=f"scenarios:\n{listed}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )  # fmt: skip
    parser.add_argument("names", nargs="*", metavar="NAME", help="a scenario (default: all)")
    size = parser.add_mutually_exclusive_group()
    size.add_argument("--quick", action="store_true", help="tiny sizes, as a smoke test")
    size.add_argument("--full", action="store_true", help="ten thousand streams; takes an hour")
    parser.add_argument("--streams", type=int, help="number of streams")
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write the results to FILE")
    options = parser.parse_args(arguments)
    for name in options.names:
        if name not in SCENARIOS:
            parser.error(f"unknown scenario {name!r}; choose from: {', '.join(SCENARIOS)}")
    return options


def size_of(scenario: Any, options: argparse.Namespace) -> Any:
    size = scenario.Size()
    if options.quick or options.full:
        size = scenario.QUICK if options.quick else scenario.FULL
    if options.streams and hasattr(size, "streams"):
        size = dataclasses.replace(size, streams=options.streams)
    return size


def parameters(size: Any) -> str:
    """Return the numeric parameters of a scenario as text."""
    values = dataclasses.asdict(size).items()
    return ", ".join(
        f"{name} {value:g}" for name, value in values if isinstance(value, int | float)
    )


def main(arguments: list[str]) -> int:
    options = parse(arguments)
    raise_limits()
    report = Report(describe())
    report.show_machine()
    if os.getloadavg()[0] > BUSY * (os.cpu_count() or 1):
        print("Other processes keep this machine busy: expect noise.\n", flush=True)
    for name in options.names or SCENARIOS:
        scenario = importlib.import_module(f"tests.bench.{name}")
        size, started = size_of(scenario, options), time.monotonic()
        report.add(name, *scenario.run(size))
        print(f"({name}: {time.monotonic() - started:.0f} s; {parameters(size)})\n", flush=True)
    if options.json:
        options.json.write_text(json.dumps(report.as_json(), indent=1, default=str))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
