"""The benchmarks: every scenario runs at a tiny size and measures something."""

from __future__ import annotations

import json
import math
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from tests.bench import load, report
from tests.bench.machine import Meter
from tests.support.servers import ROOT


def bench(*arguments: str) -> subprocess.CompletedProcess[str]:
    return python("tests.bench", *arguments)


def python(module: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", module, *arguments],
        cwd=ROOT, text=True, capture_output=True, timeout=280, check=False,
    )  # fmt: skip


def found(tmp_path: Path, scenario: str) -> dict[str, list[dict[str, Any]]]:
    """Return the rows of a quick run's tables, by the title of the table."""
    file = tmp_path / "found.json"
    run = bench(scenario, "--quick", "--json", str(file))
    assert run.returncode == 0, run.stdout + run.stderr
    tables = json.loads(file.read_text())["scenarios"][scenario]
    for table in tables:
        assert table["title"] in run.stdout
    return {table["title"]: table["rows"] for table in tables}


def first(tables: dict[str, list[dict[str, Any]]]) -> list[dict[str, Any]]:
    return next(iter(tables.values()))


@pytest.mark.servers
@pytest.mark.timeout(300)
def test_streams_are_compared_to_every_baseline(tmp_path: Path) -> None:
    tables = found(tmp_path, "streams")
    rows = {row["target"]: row for row in first(tables)}
    assert list(rows) == ["toasts", "bare ASGI app", "django-eventstream", "channels, in memory"]
    for row in rows.values():
        assert row["streams"] == 40
        assert 0 < row["us/event"] < 100_000
        assert 0 < row["p50 ms"] <= row["p99 ms"] < 10_000
    assert rows["toasts"]["db"] == 2
    ratios = next(rows for title, rows in tables.items() if "ratio to each baseline" in title)
    assert [row["baseline"] for row in ratios] == list(rows)[1:]


@pytest.mark.browser
@pytest.mark.timeout(300)
def test_the_latency_to_a_real_page_is_measured_for_every_toast(tmp_path: Path) -> None:
    rows = first(found(tmp_path, "latency"))
    assert [row["to"] for row in rows] == ["bytes", "DOM"]
    for row in rows:
        assert (row["toasts"], row["lost"]) == (25, 0)
        assert 0 < row["p50"] <= row["p99"] <= row["max"] < 10_000


@pytest.mark.browser
@pytest.mark.timeout(300)
def test_a_page_is_measured_while_it_shows_many_toasts(tmp_path: Path) -> None:
    [row] = first(found(tmp_path, "screen"))
    assert (row["elements"], row["shifts"]) == (20, 0)
    assert row["toasts"] > 0
    assert row["frames/s"] > 0
    assert row["main thread"] > 0


@pytest.mark.browser
@pytest.mark.timeout(300)
def test_tabs_receive_and_draw_dismissals(tmp_path: Path) -> None:
    rows = first(found(tmp_path, "tabs"))
    assert [(row["tabs"], row["what"]) for row in rows] == [
        ("one in front", "shown"),
        ("one in front", "received"),
        ("all in front", "received"),
        ("all in front", "drawn"),
    ]
    assert all(row["lost"] == 0 and 0 < row["p50"] <= row["p95"] for row in rows)


@pytest.mark.servers
@pytest.mark.timeout(300)
def test_writers_are_compared_to_the_bare_insert(tmp_path: Path) -> None:
    tables = found(tmp_path, "writers")
    singles, bulk, _ = tables.values()
    assert (singles[0]["to save()"], bulk[0]["ratio"]) == (1.0, 1.0)
    assert all(row["toasts/s"] > 0 for row in singles)


def test_pages_under_wsgi_are_measured_with_each_middleware(tmp_path: Path) -> None:
    pages, [limit] = found(tmp_path, "pages").values()
    bare, adapted, ours = [row["ms/page"] for row in pages]
    assert 0 < bare < ours < adapted
    assert limit["at most"] == 0.1


@pytest.mark.servers
@pytest.mark.timeout(300)
def test_the_server_is_measured_before_and_after_the_churn(tmp_path: Path) -> None:
    before, half, after = first(found(tmp_path, "churn"))
    assert half["connects"] + after["connects"] == 200
    ends = ("disconnected", "ended by server", "failed", "refused")
    assert sum(after[name] for name in ends) == 100
    assert after["files"] <= before["files"]
    assert after["tasks"] <= before["tasks"]


@pytest.mark.servers
@pytest.mark.timeout(300)
def test_after_a_storm_all_streams_are_open_again(tmp_path: Path) -> None:
    [row] = first(found(tmp_path, "storm"))
    assert (row["streams"], row["page errors"]) == (40, 0)
    assert row["pages"] > 0
    assert 0 < row["served s"] < 30


@pytest.mark.servers
def test_the_constants_of_the_scaling_page_can_be_measured() -> None:
    run = python("tests.bench.constants", "--quick")
    assert run.returncode == 0, run.stderr
    measured = dict(line.split(maxsplit=1) for line in run.stdout.splitlines())
    assert list(measured) == ["hint", "state", "session", "notify"]
    assert all(re.fullmatch(r"\d+\.\d\d us", figure) for figure in measured.values())


def test_the_tables_of_the_scaling_page_can_be_computed() -> None:
    run = python("tests.bench.scale")
    assert run.returncode == 0, run.stderr
    assert "database cores: NOTIFY" in run.stdout
    assert run.stdout.count("10,000,000") == 8  # two columns, and three lines for each


def test_an_unknown_scenario_is_an_error_that_names_the_known_ones() -> None:
    run = bench("nonsense")
    assert run.returncode == 2
    assert "streams" in run.stderr


EVENTS = b'event: sync\ndata: {}\n\nevent: toast\ndata: {"message":"t=1700000000000000001"}\n\n'


def test_the_load_generator_counts_events_that_arrive_in_pieces(
    tmp_path: Path,
) -> None:
    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    body = b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in pieces(EVENTS, 7))
    cookies = tmp_path / "cookies"
    cookies.write_text("sessionid=one\n")
    with (
        socket.create_server(("127.0.0.1", 0)) as server,
        load.Load(server.getsockname()[1], "/stream/#", cookies, 1) as held,
    ):
        held.command("open", 1)
        client, _ = server.accept()
        with client:
            request = client.recv(4096)
            client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            for piece in pieces(head + body, 1):
                client.sendall(piece)
            stats = held.until(lambda now: load.count(now, "toast") == 1, 5)
            [(stamp, arrival)] = held.samples()
        ended = held.until(lambda now: now["ended"] == 1, 5)
    assert request.startswith(b"GET /stream/0 HTTP/1.1\r\n")
    assert b"\r\nCookie: sessionid=one\r\n" in request
    assert stamp == 1700000000000000001
    assert abs(arrival - time.time_ns()) < 10e9
    assert {name: event["count"] for name, event in stats["events"].items()} == {
        "sync": 1, "toast": 1,
    }  # fmt: skip
    assert (stats["open"], ended["open"]) == (1, 0)


def pieces(data: bytes, size: int) -> list[bytes]:
    return [data[at : at + size] for at in range(0, len(data), size)]


def test_the_load_generator_ends_with_its_parent(tmp_path: Path) -> None:
    cookies = tmp_path / "cookies"
    cookies.write_text("")
    held = load.Load(9, "/", cookies, 1)
    held.__exit__()
    assert held.process.returncode == 0


def test_without_a_compiler_the_error_names_what_to_install(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(load, "BUILD", tmp_path)
    monkeypatch.setenv("CC", "no-such-compiler")
    assert shutil.which("no-such-compiler") is None
    with pytest.raises(RuntimeError, match="install gcc or clang"):
        load.program()


def test_the_cpu_time_of_another_process_is_measured() -> None:
    code = "import time\nwhile time.process_time() < 0.3: pass\nprint(flush=True)\ntime.sleep(60)"
    busy = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE)
    try:
        assert busy.stdout is not None
        busy.stdout.readline()
        assert 0.3 <= Meter(busy.pid).cpu() < 0.5
    finally:
        busy.send_signal(signal.SIGKILL)
        busy.communicate()


def test_quantiles_are_nearest_ranks() -> None:
    assert report.quantiles(range(1, 101)) == {"p50": 50, "p90": 90, "p99": 99, "max": 100}
    assert report.quantiles([7.0]) == {"p50": 7.0, "p90": 7.0, "p99": 7.0, "max": 7.0}
    assert math.isnan(report.quantile([], 0.5))


def test_tables_are_aligned_and_mark_missing_values() -> None:
    rows: list[dict[str, object]] = [{"a": "long name", "b": 1.234}, {"a": "x", "c": None}]
    assert str(report.Table("Title", rows, ["note"])).splitlines() == [
        "Title",
        "a             b  c",
        "---------  ----  -",
        "long name  1.23  -",
        "x             -  -",
        "  note",
    ]


def test_a_ratio_is_taken_on_the_same_server_only() -> None:
    ours = {"uvicorn": {"cost": 3.0}}
    rows = [
        {"target": "bare", "server": "uvicorn", "cost": 2.0},
        {"target": "bare", "server": "daphne", "cost": 2.0},
    ]
    assert report.ratios(rows, ours, ["cost"]) == [
        {"baseline": "bare", "server": "uvicorn", "cost": "1.50x"}
    ]


def test_a_limit_is_met_or_exceeded() -> None:
    rows = report.compare([("threads", 0, 0), ("ms", 0.7, 0.6), ("unknown", None, 1)])
    assert [(row["limit"], row[""]) for row in rows] == [("threads", "met"), ("ms", "EXCEEDED")]
