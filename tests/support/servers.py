"""Real server processes with their own database, and other processes that use it."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import httpx
import psutil
from httpx_sse import EventSource, aconnect_sse

from tests.support import forks
from tests.support.forks import ForkServer
from tests.support.postgres import free_port
from tests.support.shared import fill

ROOT = forks.ROOT
STARTS_WITHIN = 30.0
COMMANDS = {
    "daphne": ["-m", "daphne", "-b", "127.0.0.1", "-p", "{port}", "tests.support.asgi:application"],
    "uvicorn": [
        "-m", "uvicorn", "--host", "127.0.0.1", "--port", "{port}", "--log-level", "warning",
        "--lifespan", "off", "tests.support.asgi:application",
    ],
    "hypercorn": ["-m", "hypercorn", "-b", "127.0.0.1:{port}", "tests.support.asgi:application"],
    "granian": [
        "-m", "granian", "--interface", "asginl", "--host", "127.0.0.1", "--port", "{port}",
        "tests.support.asgi:application",
    ],
    "gunicorn": [
        "-m", "gunicorn", "-k", "asgi", "-b", "127.0.0.1:{port}", "tests.support.asgi:application",
    ],
    "gevent": [
        "-m", "gunicorn", "-k", "gevent", "-w", "1", "-b", "127.0.0.1:{port}",
        "--log-level", "warning", "django.core.wsgi:get_wsgi_application()",
    ],
}  # fmt: skip


MIGRATE = "from django.core.management import call_command\ncall_command('migrate', verbosity=0)"


class Site:
    """A migrated database, and processes that use it."""

    is_copied = True
    """Whether the database is a copy of one that is migrated once per run."""

    def __init__(self, database_url: str, **environment: str) -> None:
        chosen = {
            "DJANGO_SETTINGS_MODULE": "tests.settings",
            "TEST_DATABASE_URL": database_url,
            "PYTHONPATH": str(ROOT),
        }
        self._use(**{**chosen, **environment})
        if self.is_copied:
            fill(database_url, self._kind(), self.build)
        else:
            self.build(database_url)

    def _use(self, **environment: str) -> None:
        """Set the environment of its processes, of which none runs yet."""
        self.environment = {**os.environ, **environment}
        self.servers: list[Server] = []
        self._forks: dict[str, ForkServer | None] = {}

    def _kind(self) -> str:
        """Return a name for the initial content of the database, which depends on the settings."""
        settings = self.environment["DJANGO_SETTINGS_MODULE"]
        prefix = self.environment.get("FORCE_SCRIPT_NAME", "").replace("/", "_")
        return f"{type(self).__name__}.{settings}{prefix}"

    def build(self, url: str) -> None:
        """Migrate the database at this URL."""
        self.run(MIGRATE, TEST_DATABASE_URL=url, DATABASE_URL=url)

    def spawn(self, code: str, *arguments: str, **environment: str) -> subprocess.Popen[str]:
        """Start another process of the same project: a plain script with django.setup()."""
        script = f"import django\ndjango.setup()\n{code}"
        return subprocess.Popen(
            [sys.executable, "-c", script, *arguments],
            env={**self.environment, **environment}, cwd=ROOT, text=True, stdout=subprocess.PIPE,
        )  # fmt: skip

    def run(self, code: str, *arguments: str, **environment: str) -> Any:
        """Run such a process to its end. Return its last line of output, parsed as JSON."""
        result = self._run_in_fork(code, *arguments, **environment)
        if result is None:
            process = self.spawn(code, *arguments, **environment)
            output, _ = process.communicate(timeout=120)
            result = process.returncode, output
        status, output = result
        assert status == 0, output
        return json.loads(output.splitlines()[-1]) if output.strip() else None

    def _run_in_fork(
        self, code: str, *arguments: str, **environment: str
    ) -> tuple[int, str] | None:
        """Run a script in a fork, from the second one of this environment on."""
        variables = {**self.environment, **environment}
        name = json.dumps(variables, sort_keys=True)
        if name not in self._forks:
            self._forks[name] = None
            return None
        server = self._forks[name] = self._forks[name] or ForkServer(variables)
        return server.run(code, *arguments)

    def users(self, *names: str) -> dict[str, int]:
        """Create users whose password is their name. Return their primary keys by name."""
        found: dict[str, int] = self.run(
            "import json, sys\nfrom django.contrib.auth.models import User\n"
            "print(json.dumps({name: User.objects.create_user(name, password=name).pk"
            " for name in sys.argv[1:]}))",
            *names,
        )
        return found

    def sessions(self, *names: str) -> dict[str, dict[str, str]]:
        """Return the cookies of a signed-in browser for each of these users."""
        keys: dict[str, str] = self.run(
            "import json, sys\nfrom django.contrib.auth.models import User\n"
            "from django.test import Client\nkeys = {}\n"
            "for name in sys.argv[1:]:\n"
            "    client = Client()\n"
            "    client.force_login(User.objects.get(username=name))\n"
            "    keys[name] = client.cookies['sessionid'].value\n"
            "print(json.dumps(keys))",
            *names,
        )
        return {name: {"sessionid": key} for name, key in keys.items()}

    def serve(self, kind: str = "uvicorn", port: int | None = None) -> Server:
        server = Server(self, kind, port or free_port())
        self.servers.append(server)
        server.start()
        return server

    def close(self) -> None:
        for server in self.servers:
            server.kill()
        for fork_server in filter(None, self._forks.values()):
            fork_server.close()


class Server:
    def __init__(self, site: Site, kind: str, port: int) -> None:
        self.site, self.kind, self.port = site, kind, port
        self.url = f"http://127.0.0.1:{port}"
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        arguments = [part.format(port=self.port) for part in COMMANDS[self.kind]]
        self.process = subprocess.Popen(
            [sys.executable, *arguments],
            env=self.site.environment, cwd=ROOT, start_new_session=True,
        )  # fmt: skip
        deadline = time.monotonic() + STARTS_WITHIN
        while True:
            try:
                httpx.get(f"{self.url}/toasts/poll/", timeout=2)
                return
            except httpx.TransportError:
                if time.monotonic() > deadline or self.process.poll() is not None:
                    raise
                time.sleep(0.05)

    @property
    def pid(self) -> int:
        assert self.process is not None
        return self.process.pid

    def threads(self) -> int:
        status = Path(f"/proc/{self.pid}/status").read_text()
        return int(status.split("Threads:")[1].split()[0])

    def memory(self) -> int:
        """Return the proportional set size (PSS), in kilobytes."""
        rollup = Path(f"/proc/{self.pid}/smaps_rollup").read_text()
        return int(rollup.split("Pss:")[1].split()[0])

    def sockets(self) -> int:
        """How many sockets are open in it and its workers."""
        parent = psutil.Process(self.pid)
        processes = [parent, *parent.children(recursive=True)]
        folders = [Path(f"/proc/{process.pid}/fd") for process in processes]
        return sum(_is_socket(link) for folder in folders for link in folder.iterdir())

    def kill(self, how: int = signal.SIGKILL) -> None:
        """Stop it and its workers: some servers serve from a child process."""
        if self.process is not None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.process.pid, how)
            self.process.wait(30)
        self.process = None


def _is_socket(link: Path) -> bool:
    try:
        return "socket:" in os.readlink(link)
    except OSError:  # it has been closed since
        return False


def lasts(condition: Callable[[], bool], seconds: float = 2.0, within: float = 40.0) -> bool:
    """Return whether a condition becomes true and stays true for some seconds."""
    deadline = time.monotonic() + within
    since = time.monotonic()
    while time.monotonic() < deadline:
        if not condition():
            since = time.monotonic()
        elif time.monotonic() - since >= seconds:
            return True
        time.sleep(0.05)
    return False


@contextlib.asynccontextmanager
async def stream(server: Server, cookies: dict[str, str]) -> AsyncIterator[Any]:
    """Open a stream with httpx-sse, read its snapshot, and yield its events."""
    async with (
        httpx.AsyncClient(base_url=server.url, cookies=cookies, timeout=30) as client,
        aconnect_sse(client, "GET", "/toasts/stream/") as source,
    ):
        yield events(source)


async def events(source: EventSource) -> AsyncIterator[tuple[str, Any]]:
    async for event in source.aiter_sse():
        yield event.event, json.loads(event.data)


async def until_event(stream: Any, type: str, seconds: float = 5.0) -> Any:
    async with asyncio.timeout(seconds):
        async for kind, data in stream:
            if kind == type:
                return data
    raise AssertionError(f"the stream ended without {type}")
