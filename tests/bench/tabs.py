"""Many tabs of one browser: toasts of another process, and dismissals in one of the tabs."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from playwright.sync_api import BrowserContext, Page, sync_playwright

from tests.bench import report
from tests.bench.latency import (
    CHROMIUM,
    PAGE,
    QUIET,
    SITE,
    WATCH,
    database_of,
    own,
    worker_of,
)
from tests.bench.report import Table
from tests.bench.sites import Worker
from tests.bench.targets import Served
from tests.support.core_site import CoreSite

HIDDEN = """
    Object.defineProperty(document, "hidden", { value: true });
    document.hasFocus = () => false;
    document.dispatchEvent(new Event("visibilitychange"));
    window.dispatchEvent(new Event("blur"));
"""
"""Makes a page behave as in the background. Without a screen, all pages are in front."""
WATCH_GOING = """
    window.gone = {};
    const now = () => performance.timeOrigin + performance.now();
    document.addEventListener("toasts:dismiss", ({ detail }) => { gone[detail.id] = [now()]; });
    new MutationObserver((records) => {
        for (const { target: { dataset } } of records)
            if (dataset.state === "leaving") gone[dataset.toastId][1] ??= now();
    }).observe(document, { subtree: true, attributeFilter: ["data-state"] });
"""
NEWEST = "(id) => toasts.list()[0]?.id === id"
DISMISS = """() => {
    const [{ id }] = toasts.list(), now = performance.timeOrigin + performance.now();
    toasts.dismiss(id);
    return [id, now];
}"""


@dataclass(frozen=True)
class Size:
    tabs: int = 20
    toasts: int = 40
    """How many toasts are created, and how many are dismissed."""
    pause: tuple[float, float] = (0.1, 0.3)
    """The range of the random pause between two toasts, in seconds."""


QUICK = Size(tabs=3, toasts=3)
FULL = Size(toasts=200)


def run(size: Size) -> Iterator[Table]:
    with database_of("PostgreSQL") as url:
        rows = list(_measure(CoreSite(url), url, size))
    yield Table(f"Tabs: {size.tabs} of one browser", rows, NOTES)
    yield Table("Tabs: limits", report.compare(_limits(rows)))


NOTES = (
    "Milliseconds. shown: from the commit in another process to the element in the tab in front.",
    "received: from a dismissal in one tab to the event in another. drawn: until its card leaves.",
    "one in front: the others are in the background, as usual. all in front: all of them draw.",
)


def _limits(rows: list[dict[str, Any]]) -> Iterator[tuple[str, float | None, float]]:
    for row in rows:
        yield f"{row['tabs']}, {row['what']}: p95 ms", row["p95"], 300
        yield f"{row['tabs']}, {row['what']}: lost", row["lost"], 0


def _measure(site: CoreSite, database: str, size: Size) -> Iterator[dict[str, Any]]:
    cookies = site.sessions("alice")["alice"]
    path = next(filter(None, map(shutil.which, CHROMIUM)), None)
    if path is None:
        raise RuntimeError("Chromium is missing; run: .ci/need chromium")
    with (
        Served(database, SITE, **own(site)) as served,
        worker_of(served) as worker,
        sync_playwright() as playwright,
    ):
        url = served.serve("daphne").url
        browser = playwright.chromium.launch(executable_path=path, args=list(QUIET))
        for hidden in (True, False):
            context = browser.new_context(base_url=url)
            context.add_cookies([{"name": "sessionid", "value": cookies["sessionid"], "url": url}])
            yield from _tabs(context, worker, size, hidden)
            context.close()
        browser.close()


def _tabs(
    context: BrowserContext, worker: Worker, size: Size, hidden: bool
) -> Iterator[dict[str, Any]]:
    pages = _open(context, size.tabs, hidden)
    pages[0].bring_to_front()
    named = {"tabs": "one in front" if hidden else "all in front"}
    if hidden:
        yield {**named, "what": "shown", **_shown(pages[0], worker, size)}
    found = _dismissals(pages, worker, size)
    yield {**named, "what": "received", **_row(found, 0)}
    if not hidden:
        yield {**named, "what": "drawn", **_row(found, 1)}


def _open(context: BrowserContext, count: int, hidden: bool) -> list[Page]:
    """Open the tabs. The first is in front, and may or may not lead."""
    pages = [context.new_page() for _ in range(count)]
    for page in reversed(pages):
        page.goto(PAGE)
        page.wait_for_selector("[data-toasts-region][data-connection=connected]", state="attached")
        page.evaluate(WATCH)
        page.evaluate(WATCH_GOING)
        if hidden and page is not pages[0]:
            page.evaluate(HIDDEN)
    return pages


def _job(worker: Worker, toasts: int, size: Size) -> list[tuple[int, int]]:
    user_id = worker.call("key_of", name="alice")
    published: list[tuple[int, int]] = worker.call(
        "one_by_one", user_id=user_id, toasts=toasts, pause=size.pause
    )
    return published


def _shown(page: Page, worker: Worker, size: Size) -> dict[str, Any]:
    published = _job(worker, size.toasts, size)
    page.wait_for_function(f"() => arrived['{published[-1][0]}']", timeout=10_000)
    arrived: dict[str, float] = page.evaluate("arrived")
    waits = [arrived[str(stamp)] - at / 1e6 for stamp, at in published if str(stamp) in arrived]
    return _quantiles(waits, len(published))


def _dismissals(pages: list[Page], worker: Worker, size: Size) -> list[list[float | None]]:
    """Return the milliseconds until each other tab received and drew each dismissal."""
    pages[0].evaluate("toasts.dismissAll()")
    found = []
    for turn in range(size.toasts):
        page = pages[0] if turn % 2 else pages[turn % len(pages)]
        others = [other for other in pages if other is not page]
        for other in pages:
            other.wait_for_function("toasts.list().length === 0", polling=20)
        _job(worker, 1, size)
        page.wait_for_function("toasts.list().length === 1", polling=20)
        newest = page.evaluate("toasts.list()[0].id")
        for other in others:
            other.wait_for_function(NEWEST, arg=newest, polling=20)
        key, pressed = page.evaluate(DISMISS)
        for other in others:
            other.wait_for_function("(id) => gone[id]", arg=key, polling=20)
        page.wait_for_timeout(300)  # until all tabs have drawn
        for other in others:
            received, *drawn = other.evaluate("(id) => gone[id]", key)
            found.append([received - pressed, drawn[0] - pressed if drawn else None])
    return found


def _row(found: list[list[float | None]], at: int) -> dict[str, Any]:
    waits = [pair[at] for pair in found]
    return _quantiles([wait for wait in waits if wait is not None], len(found))


def _quantiles(waits: list[float], expected: int) -> dict[str, Any]:
    named = {"p50": 0.5, "p95": 0.95, "p99": 0.99, "max": 1.0}
    quantiles = {name: report.quantile(waits, share) for name, share in named.items()}
    return {**quantiles, "lost": expected - len(waits)}
