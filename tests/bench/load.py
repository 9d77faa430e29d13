"""Runs load.c: compiles it if needed, sends commands, and reads its counters."""

from __future__ import annotations

import array
import json
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
BUILD = HERE / "build"
SOURCES = ("load.c", "load_control.h")
LASTS_AT_MOST = 900
"""Seconds after which a load generator ends, even if its parent process was killed."""

Stats = dict[str, Any]


def program() -> Path:
    """Return the path of the compiled load generator.

    Raises:
        RuntimeError: if there is no C compiler.
    """
    built = BUILD / "load"
    newest = max((HERE / source).stat().st_mtime for source in SOURCES)
    if not built.exists() or built.stat().st_mtime < newest:
        compiler = shutil.which(os.environ.get("CC", "cc"))
        if compiler is None:
            raise RuntimeError("A C compiler is missing: install gcc or clang, or name it in CC.")
        BUILD.mkdir(exist_ok=True)
        fresh = BUILD / f"load.{os.getpid()}"
        subprocess.run([compiler, "-O2", "-Wall", "-o", fresh, HERE / "load.c"], check=True)
        fresh.replace(built)
    return built


class Load:
    """Connections to one path of one server.

    Args:
        port: the server's port on 127.0.0.1.
        path: the path of the requests. # stands for the connection's number.
        cookies: a file with the value of a Cookie header per line, or an empty file.
        capacity: the greatest number of connections at a time.
    """

    def __init__(self, port: int, path: str, cookies: Path, capacity: int) -> None:
        words = [port, path, cookies, capacity, LASTS_AT_MOST]
        self.process = subprocess.Popen(
            [program(), *map(str, words)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def __enter__(self) -> Load:
        return self

    def __exit__(self, *error: object) -> None:
        if self.process.stdin is not None:
            self.process.stdin.close()  # this ends it
        self.process.wait(10)
        if self.process.stdout is not None:
            self.process.stdout.close()

    def command(self, *words: object) -> Stats:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(" ".join(map(str, words)) + "\n")
        self.process.stdin.flush()
        answer = self.process.stdout.readline()
        if not answer:
            raise RuntimeError("the load generator ended; its output is above")
        stats: Stats = json.loads(answer)
        return stats

    def stats(self) -> Stats:
        return self.command("stats")

    def until(self, done: Callable[[Stats], bool], seconds: float, step: float = 0.01) -> Stats:
        """Wait until the counters meet a condition, and return them.

        Raises:
            TimeoutError: if they do not meet it in time. The message has the counters.
        """
        deadline = time.monotonic() + seconds
        while not done(stats := self.stats()):
            if time.monotonic() > deadline:
                raise TimeoutError(f"not within {seconds:g} s: {stats}")
            time.sleep(step)
        return stats

    def open(self, number: int, ready: str, seconds: float = 120) -> Stats:
        """Open more streams, and wait until each has received the event `ready`."""
        before = self.stats()
        wanted = count(before, ready) + number
        self.command("open", number)
        stats = self.until(lambda now: count(now, ready) >= wanted, seconds)
        lost = stats["ended"] + stats["failed"] + stats["refused"]
        if lost > before["ended"] + before["failed"] + before["refused"]:
            raise RuntimeError(f"streams were lost while they opened: {stats}")
        return stats

    def samples(self) -> list[tuple[int, int]]:
        """Return the stamp and the arrival of each event since the last reset.

        Both are in nanoseconds of the wall clock.
        """
        with tempfile.NamedTemporaryFile() as file:
            self.command("dump", file.name)
            pairs = array.array("q", Path(file.name).read_bytes())
        return list(zip(pairs[::2], pairs[1::2], strict=True))


def count(stats: Stats, event: str) -> int:
    """Return how many events of this name have arrived."""
    return int(stats["events"].get(event, {"count": 0})["count"])
