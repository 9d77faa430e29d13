"""``python -m tests.bench [NAME ...]``: runs scenarios and prints their tables.

Everything runs on 127.0.0.1, over a PostgreSQL and servers of its own, and ends with it.
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
    "latency": "another process's create_toast to the page's DOM, and to bytes",
    "streams": "what an open stream costs, beside bare ASGI, django-eventstream and channels",
    "writers": "what create_toast costs beside the bare INSERT",
    "boards": "plain INSERTs to the boards of many browsers, by a trigger and a feed",
    "churn": "what connects and disconnects leave behind",
    "screen": "what a flood of toasts, and the client's boot, cost the page",
    "tabs": "toasts and dismissals in twenty tabs of one browser",
    "storm": "how soon all are back after the server was killed",
}
BUSY = 0.5
"""Of a core, on average of a minute, before we start."""


def parse(arguments: list[str]) -> argparse.Namespace:
    listed = "\n".join(f"  {name:10}{what}" for name, what in SCENARIOS.items())
    parser = argparse.ArgumentParser(
        "python -m tests.bench", epilog=f"scenarios:\n{listed}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )  # fmt: skip
    parser.add_argument("names", nargs="*", metavar="NAME", help="a scenario; none: all of them")
    size = parser.add_mutually_exclusive_group()
    size.add_argument("--quick", action="store_true", help="a few of everything, to see it work")
    size.add_argument("--full", action="store_true", help="ten thousand streams; takes an hour")
    parser.add_argument("--streams", type=int, help="how many, instead of the scenario's own")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write what was found there, too")
    options = parser.parse_args(arguments)
    for name in options.names:
        if name not in SCENARIOS:
            parser.error(f"no scenario {name!r}; there are: {', '.join(SCENARIOS)}")
    return options


def size_of(scenario: Any, options: argparse.Namespace) -> Any:
    size = scenario.Size()
    if options.quick or options.full:
        size = scenario.QUICK if options.quick else scenario.FULL
    if options.streams and hasattr(size, "streams"):
        size = dataclasses.replace(size, streams=options.streams)
    return size


def told(size: Any) -> str:
    """A scenario's parameters, those that are numbers."""
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
        print("This machine is busy with other things: expect noise.\n", flush=True)
    for name in options.names or SCENARIOS:
        scenario = importlib.import_module(f"tests.bench.{name}")
        size, started = size_of(scenario, options), time.monotonic()
        report.add(name, *scenario.run(size))
        print(f"({name}: {time.monotonic() - started:.0f} s; {told(size)})\n", flush=True)
    if options.json:
        options.json.write_text(json.dumps(report.as_json(), indent=1, default=str))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
