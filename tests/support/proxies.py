"""Reverse proxies that this machine may have, with the few lines that they need."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.support.postgres import free_port

SYSTEM_PATH = os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/usr/local/sbin"])
STARTS_WITHIN = 20.0
CONFIGURATIONS = {
    "haproxy": """
global
    maxconn 100
defaults
    mode http
    option http-no-delay
    timeout connect 5s
    timeout client 60s
    timeout server 60s
    timeout tunnel 1h
frontend site
    bind 127.0.0.1:{port}
    default_backend servers
backend servers
    option abortonclose
    server one 127.0.0.1:{upstream}
""",
    "caddy": """
{{
    admin off
    auto_https off
    storage file_system {folder}
}}
http://127.0.0.1:{port} {{
    reverse_proxy 127.0.0.1:{upstream}
}}
""",
    "pgbouncer": """
[databases]
* = host=127.0.0.1 port={upstream} user=postgres
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {port}
unix_socket_dir =
auth_type = any
pool_mode = transaction
ignore_startup_parameters = extra_float_digits,options
user = nobody
""",
}
"""pgbouncer is a pooler of PostgreSQL's connections, in the mode that does not support LISTEN."""
COMMANDS = {
    "haproxy": ["-db", "-f"],
    "caddy": ["run", "--adapter", "caddyfile", "--config"],
    "pgbouncer": [],
}


def found(*names: str) -> list[str]:
    """Return those of the programs that this machine has."""
    return [name for name in names if shutil.which(name, path=SYSTEM_PATH)]


@contextmanager
def proxy(name: str, upstream: int, folder: Path) -> Iterator[int]:
    """Run a proxy in front of a port of 127.0.0.1, and yield its own port."""
    port, file = free_port(), folder / f"{name}.conf"
    file.write_text(CONFIGURATIONS[name].format(port=port, upstream=upstream, folder=folder))
    program = shutil.which(name, path=SYSTEM_PATH) or name
    for path in (folder, *folder.parents[:2]):  # pgbouncer gives up root, and reads it again
        path.chmod(0o755)
    with (folder / f"{name}.log").open("w") as log:
        process = subprocess.Popen([program, *COMMANDS[name], str(file)], stdout=log, stderr=log)
    try:
        _await_port(port, process, folder / f"{name}.log")
        yield port
    finally:
        process.terminate()
        process.wait(10)


def _await_port(port: int, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + STARTS_WITHIN
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        except OSError:
            if process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(log.read_text()) from None
            time.sleep(0.05)
