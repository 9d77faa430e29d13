"""The time until a toast of another process is in an open page, as bytes and in the DOM."""

from __future__ import annotations

import contextlib
import shutil
import tempfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from playwright.sync_api import Page, sync_playwright

from tests.bench import report
from tests.bench.load import Load, count
from tests.bench.report import Table
from tests.bench.sites import Worker, postgres
from tests.bench.targets import TOASTS, Served
from tests.support.core_site import CoreSite

SITE = replace(TOASTS, application="core.asgi", settings="core.settings")
PAGE = "/demo/toast/"
CHROMIUM = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
QUIET = (
    "--no-sandbox", "--disable-gpu", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
)  # fmt: skip
WATCH = """
    window.arrived = {};
    new MutationObserver((changes) => {
        const now = performance.timeOrigin + performance.now();
        for (const change of changes) for (const node of change.addedNodes) {
            const card = node.nodeType === 1 &&
                (node.closest("[data-toast-id]") ?? node.querySelector("[data-toast-id]"));
            const stamp = card && /t=(\\d{16,})/.exec(card.textContent)?.[1];
            if (stamp) window.arrived[stamp] ??= now;
        }
    }).observe(document.documentElement, { childList: true, subtree: true });
"""


@dataclass(frozen=True)
class Size:
    toasts: int = 1000
    databases: tuple[str, ...] = ("PostgreSQL", "SQLite")
    servers: tuple[str, ...] = ("daphne", "uvicorn")
    pause: tuple[float, float] = (0.005, 0.025)
    """The range of the random pause between two toasts, in seconds."""


QUICK = Size(toasts=25, databases=("PostgreSQL",), servers=("daphne",))
FULL = Size()


def run(size: Size) -> Iterator[Table]:
    rows = [row for database in size.databases for row in _on(database, size)]
    yield Table("Latency: from the commit of another process to an open page", rows, NOTES)
    yield Table("Latency: limits", report.compare(_limits(rows)))


NOTES = (
    "Milliseconds. bytes: at a client that only reads. DOM: [data-toast-id] in a real Chromium.",
    "The time starts at the commit in the creating process. Everything runs on one machine.",
)


def _limits(rows: list[dict[str, Any]]) -> Iterator[tuple[str, float | None, float]]:
    for row in rows:
        if row["to"] == "DOM":
            what = f"{row['database']}, {row['server']}, DOM"
            yield f"{what}: p50 ms", row["p50"], 20 if row["database"] == "PostgreSQL" else 50
            if row["database"] == "PostgreSQL":
                yield f"{what}: p99 ms", row["p99"], 100
        yield f"{row['database']}, {row['server']}, {row['to']}: lost toasts", row["lost"], 0


def _on(database: str, size: Size) -> Iterator[dict[str, Any]]:
    with database_of(database) as url:
        site = CoreSite(url)
        cookies = site.sessions("alice")["alice"]
        for kind in size.servers:
            with Served(url, SITE, **own(site)) as served, worker_of(served) as worker:
                port = served.serve(kind).port
                user_id = worker.call("key_of", name="alice")
                job = {"user_id": user_id, "toasts": size.toasts, "pause": size.pause}
                named = {"database": database, "server": kind}
                yield {**named, "to": "bytes", **_to_bytes(port, cookies, worker, job)}
                yield {**named, "to": "DOM", **_to_page(port, cookies, worker, job)}


def own(site: CoreSite) -> dict[str, str]:
    names = ("DATABASE_URL", "SECRET_KEY", "DEBUG", "LOG_LEVEL")
    return {name: site.environment[name] for name in names}


@contextlib.contextmanager
def database_of(kind: str) -> Iterator[str]:
    if kind == "PostgreSQL":
        with postgres() as server:
            yield server.create("latency")
    else:
        with tempfile.TemporaryDirectory(prefix="toasts-bench-") as folder:
            yield f"sqlite:///{folder}/site.sqlite3"


@contextlib.contextmanager
def worker_of(served: Served) -> Iterator[Worker]:
    worker = Worker(served)
    try:
        yield worker
    finally:
        worker.close()


def _row(published: list[tuple[int, int]], arrived: Mapping[int, float]) -> dict[str, Any]:
    """Return the quantiles of the latency, and how many toasts were lost.

    Args:
        published: the stamp and the commit of each toast, in nanoseconds.
        arrived: the arrival by stamp, in nanoseconds.
    """
    waits = [
        (arrived[stamp] - committed) / 1e6 for stamp, committed in published if stamp in arrived
    ]
    return {
        **report.quantiles(waits),
        "toasts": len(published),
        "lost": len(published) - len(waits),
    }


def _to_bytes(
    port: int, cookies: dict[str, str], worker: Worker, job: dict[str, Any]
) -> dict[str, Any]:
    with tempfile.NamedTemporaryFile("w") as file:
        file.write(f"sessionid={cookies['sessionid']}\n")
        file.flush()
        with Load(port, SITE.path, Path(file.name), 1) as load:
            load.open(1, SITE.ready)
            load.command("reset")
            published = worker.call("one_by_one", **job)
            with contextlib.suppress(TimeoutError):  # some are lost, and the row counts them
                load.until(lambda stats: count(stats, "toast") >= len(published), 10)
            return _row(published, dict(load.samples()))


def _to_page(
    port: int, cookies: dict[str, str], worker: Worker, job: dict[str, Any]
) -> dict[str, Any]:
    with _open_page(f"http://127.0.0.1:{port}", cookies) as page:
        published = worker.call("one_by_one", **job)
        deadline = time.monotonic() + 10
        while len(arrived := _arrived(page)) < len(published) and time.monotonic() < deadline:
            time.sleep(0.1)
        return _row(published, arrived)


@contextlib.contextmanager
def _open_page(url: str, cookies: dict[str, str]) -> Iterator[Page]:
    path = next(filter(None, map(shutil.which, CHROMIUM)), None)
    if path is None:
        raise RuntimeError("Chromium is missing; run: .ci/need chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=list(QUIET))
        context = browser.new_context(base_url=url)
        context.add_cookies([{"name": "sessionid", "value": cookies["sessionid"], "url": url}])
        page = context.new_page()
        page.goto(PAGE)
        page.wait_for_selector("[data-toasts-region][data-connection=connected]", state="attached")
        page.evaluate(WATCH)
        yield page
        browser.close()


def _arrived(page: Page) -> dict[int, float]:
    """Return the time of arrival by stamp, in nanoseconds. The browser's unit is milliseconds."""
    found: dict[str, float] = page.evaluate("window.arrived")
    return {int(stamp): 1e6 * moment for stamp, moment in found.items()}
