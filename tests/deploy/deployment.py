"""This repository's site as docs/deploy describes it: services behind nginx."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import signal
import socket
import ssl
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any

import httpx

from tests.deploy.files import Values, environment, programs, service
from tests.deploy.nginx import HOST, SITE, Nginx, children
from tests.support.postgres import free_port

STARTS_WITHIN = 30.0
SECRET_KEY = "of the tests"
INSTANCES = {
    "mysite-uvicorn@.service": ("1", "2"),
    "mysite-daphne@.service": ("8001", "8002"),
    "mysite-gunicorn.service": ("",),
}
UPSTREAMS = {
    "mysite-uvicorn@.service": "mysite-upstream-unix.conf",
    "mysite-daphne@.service": "mysite-upstream.conf",
    "mysite-gunicorn.service": "mysite-upstream-unix.conf",
}
ONE_SOCKET = {"/2.sock": "/1.sock"}
"""The change for gunicorn that docs/deploy/nginx/mysite-upstream-unix.conf asks for."""


class Process:
    """One instance of a service, without a service manager."""

    def __init__(self, values: Values, unit: str, instance: str, address: str, **more: str) -> None:
        self._address = address
        command = service(values.of(f"systemd/{unit}"), values.apply(instance))
        self._command, self._more = command, more
        self._environment = environment(Path(command.environment_file).read_text())
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        self.process = subprocess.Popen(
            self._command.arguments, cwd=self._command.folder, start_new_session=True,
            env={"PATH": os.defpath, **self._environment, **self._more},  # as systemd does
        )  # fmt: skip

    def await_ready(self) -> None:
        assert self.process is not None
        deadline = time.monotonic() + STARTS_WITHIN
        while not self.accepts():
            assert self.process.poll() is None, self._command
            assert time.monotonic() < deadline, self._address
            time.sleep(0.02)

    def accepts(self) -> bool:
        host, _, port = self._address.partition(":")
        with socket.socket(socket.AF_UNIX if host == "unix" else socket.AF_INET) as probe:
            return probe.connect_ex(port if host == "unix" else (host, int(port))) == 0

    def send_signal(self, number: int) -> None:
        assert self.process is not None
        self.process.send_signal(number)

    def workers(self) -> set[int]:
        """Return the ids of its child processes."""
        assert self.process is not None
        return children(self.process.pid)

    def stop(self, how: int = signal.SIGTERM) -> None:
        if self.process is not None:
            with contextlib.suppress(ProcessLookupError):
                self.process.send_signal(how)
            self.process.wait(15)
            if how == signal.SIGKILL:  # with its workers
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(self.process.pid, how)
        self.process = None


class Deployment:
    """All processes of a kind of service, behind nginx.

    Args:
        database_url: the database of the site.
        unit: the systemd unit of the service.
        site: the file of nginx for the site.
        site_path: where that file goes.
        application: replaces the site's application.
        changed: further replacements in the files, new text by old text.
        variables: added to the environment.
    """

    def __init__(
        self, database_url: str, unit: str, site: str = "mysite.conf",
        site_path: str = SITE, application: str = "core.asgi:application",
        changed: dict[str, str] | None = None,
        **variables: str,
    ) -> None:  # fmt: skip
        # Its own folder, with a short name: the path of a Unix socket has 107 bytes at most.
        self.folder = Path(tempfile.mkdtemp(prefix="toasts-deploy-"))
        self.values = Values({
            **programs(),
            "mysite.asgi:application": application,
            "/etc/mysite.env": str(self.folder / "mysite.env"),
            "/run/mysite": str(self.folder),
            "8001": str(free_port()),
            "8002": str(free_port()),
            "postgresql://mysite@127.0.0.1:5432/mysite": database_url,
            "change-me": SECRET_KEY,
            "ALLOWED_HOSTS=example.com": f"ALLOWED_HOSTS={HOST}",
            **(ONE_SOCKET if unit == "mysite-gunicorn.service" else {}),
            **(changed or {}),
        })  # fmt: skip
        (self.folder / "mysite.env").write_text(self.values.of("mysite.env"))
        self.nginx = Nginx(self.folder, self.values, UPSTREAMS[unit], site, site_path)
        addresses = re.findall(r"server (\S+) ", self.values.of(f"nginx/{UPSTREAMS[unit]}"))
        self.processes = [
            Process(self.values, unit, instance, address, **variables)
            for instance, address in zip(INSTANCES[unit], addresses, strict=False)
        ]
        plain = site == "mysite-http.conf"
        port = self.nginx.http if plain else self.nginx.https
        self.url = f"{'http' if plain else 'https'}://{HOST}:{port}"

    def start(self) -> Deployment:
        for process in self.processes:
            process.start()
        for process in self.processes:
            process.await_ready()
        self.nginx.start()
        return self

    def client(self, **options: Any) -> httpx.AsyncClient:
        """Return a client that connects to nginx and trusts its certificate."""
        return httpx.AsyncClient(base_url=self.url, verify=self.trust(), timeout=35, **options)

    def trust(self) -> ssl.SSLContext:
        return ssl.create_default_context(cafile=str(self.folder / "fullchain.pem"))

    def close(self) -> None:
        self.nginx.stop()
        for process in self.processes:
            process.stop(signal.SIGKILL)
        shutil.rmtree(self.folder)
