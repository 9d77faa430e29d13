"""A process with many threads that write, each with its own connection. Jobs as in worker.py."""

from __future__ import annotations

import asyncio
import gc
import random
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any

from tests.bench.worker import main, populate, ready

Write = Callable[[Any], object]


class Silent:
    """A broker that publishes nothing, so that create_toast only writes."""

    name = "silent"

    def publish(self, hints: Sequence[str]) -> None:
        """Publish nothing."""


class Writers:
    """Threads that keep their connections between the measurements."""

    def __init__(self, user_ids: list[int], threads: int) -> None:
        from django.contrib.auth.models import User

        self.users = list(User.objects.filter(pk__in=user_ids))
        self.written = 0
        self.write: Write = save
        self.until = 0.0
        self.lock = threading.Lock()
        self.gate = threading.Barrier(threads + 1)
        for _ in range(threads):
            threading.Thread(target=self._run, daemon=True).start()

    def _run(self) -> None:
        from django.db import connection

        connection.ensure_connection()
        while True:
            self.gate.wait()
            written = 0
            while time.monotonic() < self.until:
                self.write(random.choice(self.users))
                written += 1
            with self.lock:
                self.written += written
            self.gate.wait()

    def run(self, write: Write, seconds: float) -> dict[str, float]:
        self.write, self.written = write, 0
        self.until = time.monotonic() + seconds
        started, cpu = time.monotonic(), time.process_time()
        self.gate.wait()
        self.gate.wait()
        return {
            "written": self.written,
            "seconds": time.monotonic() - started,
            "cpu": time.process_time() - cpu,
        }


state: list[Writers] = []


def start_threads(user_ids: list[int], threads: int) -> bool:
    """Start the threads, which wait for a job."""
    state.append(Writers(user_ids, threads))
    return True


def serve_a_page(cookie: str) -> bool:
    """Open a stream in this process, which then behaves as a server's process."""
    has_snapshot = threading.Event()

    async def send(message: Any) -> None:
        if b"event: sync" in message.get("body", b""):
            has_snapshot.set()

    threading.Thread(target=lambda: asyncio.run(_page(cookie, send)), daemon=True).start()
    return has_snapshot.wait(10)


async def _page(cookie: str, send: Any) -> None:
    from tests.support.asgi import application

    messages = asyncio.Queue[Any]()
    messages.put_nowait({"type": "http.request", "body": b"", "more_body": False})
    headers = [(b"host", b"localhost"), (b"cookie", cookie.encode())]
    scope = {
        "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": "GET",
        "scheme": "http", "path": "/toasts/stream/", "query_string": b"", "root_path": "",
        "headers": headers, "client": ("127.0.0.1", 1), "server": ("127.0.0.1", 80),
    }  # fmt: skip
    await application(scope, messages.get, send)


def save(user: Any) -> object:
    from toasts.models.toast import Toast

    toast = Toast(user_id=user.pk, message="A message of usual length, some forty characters")
    toast.save(force_insert=True)
    return toast


def create(user: Any) -> object:
    from toasts import create_toast

    return create_toast("A message of usual length, some forty characters", user)


def write(how: str, seconds: float) -> dict[str, float]:
    """Write as fast as possible, on all threads."""
    return state[0].run({"save": save, "create": create}[how], seconds)


def many(how: str, user_ids: list[int]) -> float:
    """Return the seconds that it takes to create one toast for each user."""
    from django.contrib.auth.models import User

    from toasts import create_toasts
    from toasts.models.toast import Toast

    users = User.objects.filter(pk__range=(user_ids[0], user_ids[-1]))
    gc.collect()
    started = time.perf_counter()
    if how == "create_toasts":
        create_toasts("hello", users)
    else:
        Toast.objects.bulk_create([Toast(user_id=pk, message="hello") for pk in user_ids], 1000)
    seconds = time.perf_counter() - started
    Toast.objects.all()._raw_delete("default")
    return seconds


if __name__ == "__main__":
    jobs = (ready, populate, start_threads, serve_a_page, write, many)
    main({job.__name__: job for job in jobs})
