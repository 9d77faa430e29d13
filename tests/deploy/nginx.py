"""A real nginx that is configured by the files of docs/deploy."""

from __future__ import annotations

import getpass
import shutil
import signal
import socket
import subprocess
import time
from pathlib import Path

import psutil

from tests.deploy.files import Values
from tests.support.postgres import free_port

ADVICE = "No nginx on PATH. Run `make test`, or install it: `apt-get install nginx`."
STARTS_WITHIN = 10.0
HOST = "localhost"
SITE = "conf.d/mysite.conf"


class Nginx:
    """An nginx on 127.0.0.1, with its configuration, logs and certificate in `folder`.

    `site` and `upstream` are files of docs/deploy/nginx. `site_path` is the target of `site`.
    """

    def __init__(
        self, folder: Path, values: Values, upstream: str, site: str, site_path: str = SITE
    ) -> None:
        program = shutil.which("nginx", path="/usr/sbin:/usr/bin:/usr/local/bin:/opt/homebrew/bin")
        assert program, ADVICE
        self.folder, self.http, self.https = folder, free_port(), free_port()
        self.values = Values({**values.replaced, **self._places()})
        self._write("nginx.conf", "nginx/nginx.conf")
        self._write("mysite-proxy.conf", "nginx/mysite-proxy.conf")
        self._write("conf.d/mysite-upstream.conf", f"nginx/{upstream}")
        self._write(site_path, f"nginx/{site}")
        self.command = [program, "-p", str(folder), "-c", str(folder / "nginx.conf")]
        self.process: subprocess.Popen[bytes] | None = None

    def _places(self) -> dict[str, str]:
        return {
            "user www-data;": f"user {getpass.getuser()};",
            "pid /run/nginx.pid;": "pid nginx.pid;",
            "/var/log/nginx": str(self.folder),
            "listen 80;": f"listen 127.0.0.1:{self.http};",
            "listen 443 ": f"listen 127.0.0.1:{self.https} ",
            "https://$http_host": f"https://localhost:{self.https}",
            "example.com": HOST,
            "/etc/ssl/example.com": str(certificate(self.folder)),
        }

    def _write(self, name: str, source: str) -> None:
        path = self.folder / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(self.values.of(source))

    def start(self) -> Nginx:
        self.process = subprocess.Popen([*self.command, "-g", "daemon off;"])
        deadline = time.monotonic() + STARTS_WITHIN
        while not any(_listens(port) for port in (self.http, self.https)):
            assert self.process.poll() is None, self.log()
            assert time.monotonic() < deadline, self.log()
            time.sleep(0.01)
        return self

    def reload(self) -> None:
        assert self.process is not None
        self.process.send_signal(signal.SIGHUP)

    def workers(self) -> set[int]:
        assert self.process is not None
        return children(self.process.pid)

    def log(self) -> str:
        log = self.folder / "error.log"
        return log.read_text() if log.exists() else ""

    def stop(self) -> None:
        if self.process is not None:
            self.process.terminate()
            self.process.wait(10)
            self.process = None


def certificate(folder: Path) -> Path:
    """Create a key and a certificate for HOST, and return their folder."""
    if not (folder / "fullchain.pem").exists():
        subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1",
             "-nodes", "-keyout", folder / "privkey.pem", "-out", folder / "fullchain.pem",
             "-days", "2", "-subj", f"/CN={HOST}", "-addext", f"subjectAltName=DNS:{HOST}"],
            check=True, capture_output=True,
        )  # fmt: skip
    return folder


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def children(pid: int) -> set[int]:
    """Return the ids of the running children of this process."""
    return {child.pid for child in psutil.Process(pid).children()}
