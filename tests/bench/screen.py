"""Cost of the client for a page: frames and memory with many toasts, tasks at its start."""

from __future__ import annotations

import re
import shutil
import statistics
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from playwright.sync_api import BrowserContext, CDPSession, Page, sync_playwright

from tests.bench import report
from tests.bench.latency import CHROMIUM, PAGE, QUIET
from tests.bench.report import Table
from tests.support.core_site import CoreSite, sqlite_url

TASKS = """
    window.tasks = []; window.shifts = [];
    const watch = (type, take) =>
        new PerformanceObserver((found) => found.getEntries().forEach(take))
            .observe({ type, buffered: true });
    watch("longtask", ({ duration }) => tasks.push(duration));
    watch("layout-shift", ({ value, sources }) => {  // of toasts only
        const ours = ({ node }) => node?.parentElement?.closest("[data-toasts-region]");
        if (sources.some(ours)) shifts.push(value);
    });
"""
EMPTY = "/empty/"
EMPTY_PAGE = '<!doctype html><html lang="en"><title>Only the client</title>{}<p>Text'
CLIENT_TAGS = re.compile(r"<link [^>]*data-toasts>|<script [^>]*data-toasts [^>]*></script>")
FLOOD = """async ({ rate, seconds }) => {
    const frames = [], levels = ["info", "success", "warning", "error"];
    const began = performance.now();
    let shown = 0, last = began;
    while (performance.now() - began < seconds * 1000) {
        const now = await new Promise(requestAnimationFrame);
        frames.push(now - last);
        last = now;
        for (const due = rate * (now - began) / 1000; shown < due; shown++)
            toasts.show({ title: `Toast ${shown}`, message: "A message of usual length",
                level: levels[shown % 4], duration: 0 });
    }
    const elements = document.querySelectorAll("[data-toast-id]").length;
    return { shown, elements, frames, seconds: (performance.now() - began) / 1000 };
}"""


@dataclass(frozen=True)
class Size:
    rate: int = 200
    """Toasts per second."""
    seconds: int = 10
    throttle: int = 4
    """The factor by which the CPU is slowed down for the start."""
    loads: int = 7
    """How often the page is loaded, with and without the client, for the median."""


QUICK = Size(seconds=1, loads=1)
FULL = Size()


def run(size: Size) -> Iterator[Table]:
    with tempfile.TemporaryDirectory(prefix="toasts-bench-") as folder:
        site = CoreSite(sqlite_url(Path(folder)))
        try:
            flood, boots = _measure(site, size)
        finally:
            site.close()
    yield Table("Screen: a page that shows many toasts", [flood], FLOOD_NOTES)
    yield Table(f"Screen: start of the page, CPU {size.throttle} times slower", boots, BOOT_NOTES)
    yield Table("Screen: limits", report.compare(_limits(flood, boots)))


FLOOD_NOTES = (
    "main thread: CPU per frame in milliseconds. heap: growth in KB, after garbage collection.",
    "shifts: the cumulative layout shift.",
)
BOOT_NOTES = (
    "Medians in milliseconds. longest: the longest task; 0 means less than 50.",
    "busy: CPU of all tasks within 1.5 s after the load of the page.",
)


def _limits(
    flood: dict[str, Any], boots: list[dict[str, Any]]
) -> Iterator[tuple[str, float | None, float]]:
    yield "mean time between two frames, ms", 1000 / flood["frames/s"], 20
    yield "elements", flood["elements"], 20
    yield "layout shift", flood["shifts"], 0
    for row in boots:
        if row["client"] == "with":
            yield f"start, {row['page']} page: longest task, ms", row["longest"], 50


def _measure(site: CoreSite, size: Size) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    url, cookies = site.serve().url, site.sessions("alice")["alice"]
    path = next(filter(None, map(shutil.which, CHROMIUM)), None)
    if path is None:
        raise RuntimeError("Chromium is missing; run: .ci/need chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=list(QUIET))
        context = browser.new_context(base_url=url)
        context.add_cookies([{"name": "sessionid", "value": cookies["sessionid"], "url": url}])
        context.add_init_script(TASKS)
        tags = CLIENT_TAGS.findall(context.request.get(url + PAGE).text())
        assert len(tags) == 2, tags
        empty = EMPTY_PAGE.format("".join(tags))
        context.route(f"**{EMPTY}", lambda route: route.fulfill(body=empty))
        flood = _flood(context, size)
        boots = [
            {"page": name, "client": client, **_boot(context, size, path, client == "with")}
            for name, path in {"empty": EMPTY, "demo": PAGE}.items()
            for client in ("with", "without")
        ]
        browser.close()
    return flood, boots


def _open(
    context: BrowserContext, throttle: int, path: str = PAGE, client: bool = True
) -> tuple[Page, CDPSession]:
    page = context.new_page()
    session = context.new_cdp_session(page)
    session.send("Performance.enable", {"timeDomain": "threadTicks"})
    session.send("Emulation.setCPUThrottlingRate", {"rate": throttle})
    if not client:
        session.send("Network.enable")
        session.send("Network.setBlockedURLs", {"urls": ["*/toasts/toasts.*"]})
    page.goto(path)
    return page, session


def _flood(context: BrowserContext, size: Size) -> dict[str, Any]:
    page, session = _open(context, 1)
    page.wait_for_selector("[data-toasts-region][data-connection=connected]", state="attached")
    heap, busy = _heap(session), _busy(session)
    found = page.evaluate(FLOOD, {"rate": size.rate, "seconds": size.seconds})
    busy = _busy(session) - busy
    page.evaluate("toasts.dismissAll()")
    page.wait_for_function("!document.querySelector('[data-toast-id]')")
    row = {
        "toasts": found["shown"],
        "elements": found["elements"],
        "frames/s": len(found["frames"]) / found["seconds"],
        "p95 ms": report.quantile(found["frames"], 0.95),
        "main thread": 1000 * busy / len(found["frames"]),
        "heap": (_heap(session) - heap) / 1024,
        "shifts": sum(page.evaluate("shifts")),
    }
    page.close()
    return row


def _boot(context: BrowserContext, size: Size, path: str, client: bool) -> dict[str, float]:
    longest, busy = [], []
    for _ in range(size.loads):
        page, session = _open(context, size.throttle, path, client)
        # Nothing may use Playwright during the wait, since its scripts count as tasks.
        page.wait_for_timeout(1500)
        busy.append(1000 * _busy(session))
        longest.append(max(page.evaluate("tasks"), default=0.0))
        page.close()
    return {"longest": statistics.median(longest), "busy": statistics.median(busy)}


def _heap(session: CDPSession) -> int:
    session.send("HeapProfiler.collectGarbage")
    used: int = session.send("Runtime.getHeapUsage")["usedSize"]
    return used


def _busy(session: CDPSession) -> float:
    """Return the CPU time of the page's main thread, in seconds."""
    found = session.send("Performance.getMetrics")["metrics"]
    return next(float(one["value"]) for one in found if one["name"] == "TaskDuration")
